//! `api_test` with `mode: load`: one service, the knee, or two services side by side.

mod against;

use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::test::ApiTest;
use super::{Context, Outcome};
use crate::api::ApiError;
use crate::api::client::Client;
use crate::api::load::{MOST_TIME, Measured, Plan, Shape, measure, ramp};
use crate::api::message::Request;
use crate::api::spec::Operation;
use crate::api::test::below;

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
    /// What to compare with: `base`, or the address of another build.
    pub against: Option<String>,
    /// Pairs of rounds of a comparison.
    pub rounds: Option<usize>,
    /// The paths to ask; the first operations that only look when empty.
    pub paths: Vec<String>,
}

/// Seconds of a measurement, when nobody says.
const USUAL_SECONDS: u64 = 5;

/// Does it.
pub(super) async fn load(context: &Context, input: &ApiTest) -> Result<Outcome, ApiError> {
    let how = input.load.clone().unwrap_or_default();
    if let Some(other) = &how.against {
        return against::against(context, input, &how, other).await;
    }
    let target = context.target(input.url.as_deref()).await?;
    let client = context.desk.client(&target)?;
    let requests = requests(context, input, &how, &client).await?;
    let seconds = Duration::from_secs(input.budget.secs.unwrap_or(USUAL_SECONDS)).min(MOST_TIME);
    let _quiet = context.hushed().await;
    if how.ramp {
        return Ok(knee(context, &client, &requests, how.rate, seconds).await);
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

async fn knee(
    context: &Context,
    client: &Client,
    requests: &[Request],
    first: Option<f64>,
    seconds: Duration,
) -> Outcome {
    let step = (seconds / 5).max(Duration::from_secs(1));
    let knee = ramp(client, requests, first.unwrap_or(25.0), step, &context.cancel).await;
    let mut text = String::new();
    for step in &knee.steps {
        let Measured { rate, p50, p95, p99, errors, .. } = &step.measured;
        let _ = writeln!(
            text,
            "{:6.0}/s: {rate:.0}/s answered, p50 {p50:.1}, p95 {p95:.1}, p99 {p99:.1} ms, {errors} errors",
            step.asked
        );
    }
    let why = knee.why.as_deref().unwrap_or("the end of the ramp");
    let _ = writeln!(text, "knee: {:.0}/s are answered in time; beyond: {why}", knee.rate);
    Outcome::new(knee.rate > 0.0, text, json!(knee))
}

/// What is asked: paths as given, else operations that only look and need nothing.
async fn requests(context: &Context, input: &ApiTest, how: &Load, client: &Client) -> Result<Vec<Request>, ApiError> {
    let options = super::test::options(context, input, client).await?;
    let mut requests: Vec<Request> = how.paths.iter().map(|path| Request::new("GET", path.as_str())).collect();
    if requests.is_empty() {
        let spec = super::test::contract(context, input, client).await?;
        let below = below(client, &spec).await;
        let prefix = below.target().prefix().strip_prefix(client.target().prefix()).unwrap_or_default().to_owned();
        let chosen = |operation: &&Operation| {
            let named =
                input.ops.is_empty() || input.ops.contains(&operation.name()) || input.ops.contains(&operation.path);
            let simple = operation.method == "GET" && !operation.path.contains('{');
            named && simple && !operation.parameters.iter().any(|parameter| parameter.required)
        };
        requests = spec
            .operations()
            .iter()
            .filter(chosen)
            .take(5)
            .map(|o| Request::new("GET", format!("{prefix}{}", o.path)))
            .collect();
    }
    if requests.is_empty() {
        return Err(ApiError::Input("no operation can be asked without a value; give `load.paths`".to_owned()));
    }
    if let Some(credentials) = &options.credentials {
        requests.iter_mut().for_each(|request| credentials.apply(request));
    }
    let paths: Vec<&str> = requests.iter().map(|request| request.url.as_str()).collect();
    context.say(&format!("load on {}", paths.join(", ")));
    Ok(requests)
}
