//! `api_test` with `mode: load`: one service, the knee, or two services side by side.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::test::ApiTest;
use super::{Context, Outcome};
use crate::api::ApiError;
use crate::api::load::{MOST_TIME, Plan, Rounds, Shape, Verdict, compare, measure, ramp};
use crate::api::message::Request;

/// How load is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Load {
    /// Users who each wait for their answer.
    pub concurrency: Option<usize>,
    /// Requests a second, in place of users.
    pub rate: Option<f64>,
    /// Raise the rate until the service becomes slow.
    pub ramp: bool,
    /// The address of another build to compare with.
    pub against: Option<String>,
    /// Pairs of rounds of a comparison.
    pub rounds: Option<usize>,
    /// The paths to ask; the first operations that only look when empty.
    pub paths: Vec<String>,
}

/// The input, under the name it has in `api_test`.
pub type LoadMode = Load;

/// Does it.
pub(super) async fn load(context: &Context, input: &ApiTest) -> Result<Outcome, ApiError> {
    let how = input.load.clone().unwrap_or_default();
    let target = context.target(input.url.as_deref()).await?;
    let client = context.desk.client(&target)?;
    let requests = requests(context, input, &how, &client).await?;
    let seconds = Duration::from_secs(input.budget.secs.unwrap_or(5)).min(MOST_TIME);
    let paths: Vec<&str> = requests.iter().map(|request| request.url.as_str()).collect();
    context.say(&format!("load on {}", paths.join(", ")));
    if let Some(against) = &how.against {
        let other = context.desk.client(&context.target(Some(against)).await?)?;
        let mut rounds = Rounds { concurrency: how.concurrency.unwrap_or(2), ..Rounds::default() };
        rounds.count = how.rounds.unwrap_or(rounds.count).clamp(6, 100);
        let found = compare(&other, &client, &requests, rounds, &context.cancel).await;
        let ok = matches!(found.verdict, Verdict::NoMeasurableChange | Verdict::Faster);
        return Ok(Outcome::new(ok, format!("{found}\n"), json!(found)));
    }
    if how.ramp {
        let step = (seconds / 5).max(Duration::from_secs(1));
        let knee = ramp(&client, &requests, how.rate.unwrap_or(25.0), step, &context.cancel).await;
        let mut text = String::new();
        for step in &knee.steps {
            let _ = writeln!(text, "{:7.0}/s asked: {}", step.asked, step.measured);
        }
        let why = knee.why.as_deref().unwrap_or("the end of the ramp");
        let _ = writeln!(text, "knee: {:.0}/s are answered in time; beyond: {why}", knee.rate);
        return Ok(Outcome::new(knee.rate > 0.0, text, json!(knee)));
    }
    let shape = match how.rate.or(input.budget.rps) {
        Some(rate) => Shape::Open { rate },
        None => Shape::Closed { concurrency: how.concurrency.unwrap_or(8) },
    };
    let measured = measure(&client, &Plan { requests, shape, time: seconds }, &context.cancel).await;
    let mut text = format!("{measured}\n");
    for (status, count) in &measured.statuses {
        let _ = writeln!(text, "  {status}: {count}");
    }
    if !measured.ok() {
        text.push_str("✗ too many requests failed for the figures to say anything\n");
    }
    Ok(Outcome::new(measured.ok(), text, json!(measured)))
}

/// What is asked: paths as given, else operations that only look and need nothing.
async fn requests(
    context: &Context,
    input: &ApiTest,
    how: &Load,
    client: &crate::api::client::Client,
) -> Result<Vec<Request>, ApiError> {
    let options = super::test::options(context, input, client).await?;
    let mut requests: Vec<Request> = how.paths.iter().map(|path| Request::new("GET", path.as_str())).collect();
    if requests.is_empty() {
        let spec = super::test::contract(context, input, client).await?;
        let chosen = |operation: &&crate::api::spec::Operation| {
            let named =
                input.ops.is_empty() || input.ops.contains(&operation.name()) || input.ops.contains(&operation.path);
            let simple = operation.method == "GET" && !operation.path.contains('{');
            named && simple && !operation.parameters.iter().any(|parameter| parameter.required)
        };
        requests =
            spec.operations().iter().filter(chosen).take(5).map(|o| Request::new("GET", o.path.as_str())).collect();
    }
    if requests.is_empty() {
        return Err(ApiError::Input("no operation can be asked without a value; give `load.paths`".to_owned()));
    }
    if let Some(credentials) = &options.credentials {
        requests.iter_mut().for_each(|request| credentials.apply(request));
    }
    Ok(requests)
}
