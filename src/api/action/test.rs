//! `api_test`: checks of the running service.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::load::{Load, load};
use super::{Context, Outcome, graphql, postman};
use crate::api::ApiError;
use crate::api::client::Client;
use crate::api::second;
use crate::api::sign_up::sign_up;
use crate::api::spec::{Spec, extract};
use crate::api::test::{Mode, Options, Report, Surroundings, below, test};

/// The input of `api_test`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiTest {
    /// What is checked: one or several of `contract`, `negative`, `auth`, `paging`, `ratelimit`, `caching`, `errors`,
    /// `graphql`, `postman`, `load`; `all` is the first seven without the rate limit.
    pub mode: Option<Value>,
    /// The service; the project's own when left out.
    pub url: Option<String>,
    /// The contract, as for `api_spec`.
    pub source: Option<String>,
    /// The operations, as `GET /path`, `/path` or an operation id; all when empty.
    pub ops: Vec<String>,
    /// The most that is done.
    pub budget: Budget,
    /// Decides every value.
    pub seed: Option<u64>,
    /// Who asks: the name of a profile, or a profile.
    pub auth: Option<Value>,
    /// Somebody else.
    pub other_auth: Option<Value>,
    /// The environment variable that holds the key tokens are signed with.
    pub signing_key_env: Option<String>,
    /// postman: the collection or `.http` file.
    pub file: Option<String>,
    /// postman: an environment by its name in http-client.env.json, or a file that Postman exported.
    pub environment: Option<String>,
    /// load: how.
    pub load: Option<Load>,
    /// Ask `schemathesis` or `newman` as well, where they are installed.
    pub second_opinion: bool,
}

/// Limits.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Cases for an operation and mode.
    pub cases: Option<usize>,
    /// Seconds.
    pub secs: Option<u64>,
    /// Requests a second.
    pub rps: Option<f64>,
}

/// The most seconds of a run.
const MOST_SECONDS: u64 = 900;

enum Asked {
    Modes(Vec<Mode>),
    Graphql,
    Postman,
    Load,
}

/// Does it.
pub async fn api_test(context: &Context, input: ApiTest) -> Outcome {
    let done = match asked(input.mode.as_ref()) {
        Ok(Asked::Modes(modes)) => checked(context, &input, &modes).await,
        Ok(Asked::Graphql) => graphql::probe(context, &input).await,
        Ok(Asked::Postman) => postman::run(context, &input).await,
        Ok(Asked::Load) => load(context, &input).await,
        Err(error) => Err(ApiError::Input(error)),
    };
    done.unwrap_or_else(|error| Outcome::failed(&error))
}

fn asked(mode: Option<&Value>) -> Result<Asked, String> {
    let names: Vec<String> = match mode {
        None => vec!["contract".to_owned()],
        Some(Value::String(name)) => {
            name.split([',', '+', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(other) => return Err(format!("`mode` is {other}, but has to be a name or a list of names")),
    };
    match names.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["graphql"] => return Ok(Asked::Graphql),
        ["postman"] => return Ok(Asked::Postman),
        ["load"] => return Ok(Asked::Load),
        ["all"] => {
            return Ok(Asked::Modes(vec![
                Mode::Contract,
                Mode::Negative,
                Mode::Auth,
                Mode::Paging,
                Mode::Caching,
                Mode::Errors,
            ]));
        }
        _ => {}
    }
    let read = |name: &String| {
        serde_json::from_value::<Mode>(json!(name)).map_err(|_| {
            format!("there is no mode `{name}` beside others: contract, negative, auth, paging, ratelimit, caching, errors; alone also graphql, postman, load and all")
        })
    };
    names.iter().map(read).collect::<Result<Vec<Mode>, String>>().map(Asked::Modes)
}

async fn checked(context: &Context, input: &ApiTest, modes: &[Mode]) -> Result<Outcome, ApiError> {
    let target = context.target(input.url.as_deref()).await?;
    let client = context.desk.client(&target)?;
    let spec = contract(context, input, &client).await?;
    let client = below(&client, &spec).await;
    let mut options = options(context, input, &client).await?;
    // A service that runs here on data of its own may be signed up to; one of somebody else may not.
    let entered = if target.is_own() && input.auth.is_none() { sign_up(&client, &spec).await } else { None };
    if let Some(entered) = &entered {
        context.say(&format!("{}: asking as that user", entered.how));
        options.credentials = Some(entered.credentials.clone());
        options.others = options.others.or(entered.others.clone());
    }
    let shared = context.clone();
    let tell = move |line: &str| shared.say(line);
    let service = context.desk.service().await.filter(|_| target.is_own());
    let queries = || service.as_ref().map_or(0, |service| service.queries());
    let here = Surroundings {
        client: &client,
        spec: &spec,
        recorder: &context.desk.recorder,
        queries: Some(&queries),
        tell: &tell,
        cancel: &context.cancel,
    };
    context.say(&format!("{} operations of {}", spec.operations().len(), spec.place));
    let quiet = context.hushed().await;
    let mut report = test(here, modes, &options).await;
    drop(quiet);
    broken(&spec, &mut report);
    if spec.drafted {
        report.drafted();
    }
    if let Some(entered) = &entered {
        report.notes.push(format!("asked as a new user: {}", entered.how));
    }
    let mut text = report.lines();
    let mut value = serde_json::to_value(&report).unwrap_or_default();
    value["source"] = json!(spec.place);
    if input.second_opinion {
        let opinion = second::schemathesis(context, &spec, &client, options.seed).await;
        text.push_str(&format!("{}\n", opinion.text));
        value["second_opinion"] = json!(opinion);
    }
    if let Some(service) = service.filter(|service| !service.runs()) {
        text.push_str(&format!("the service {}\n", service.ended().unwrap_or_default()));
    }
    Ok(Outcome::new(report.ok(), text, value))
}

/// What of a document cannot be followed is not checked, and has to be said.
fn broken(spec: &Spec, report: &mut Report) {
    for broken in spec.broken_references() {
        let place = spec.locate(&broken.pointer);
        report.skipped.push(format!("{place}: the reference `{}` {}", broken.reference, broken.why));
    }
}

/// The contract of the service that is tested: where it is given, else the one the service itself publishes.
pub(super) async fn contract(context: &Context, input: &ApiTest, client: &Client) -> Result<Spec, ApiError> {
    if input.source.is_some() || context.desk.settings.spec.is_some() {
        return context.spec(input.source.as_deref()).await;
    }
    let quiet = context.hushed().await;
    let live = extract::live(client, None).await;
    drop(quiet);
    match live {
        Ok(spec) => Ok(spec),
        // A service of somebody else has nothing to do with the files here.
        Err(error) if input.url.is_some() => Err(error),
        Err(error) => match context.spec_at_rest().await {
            Some(spec) => spec,
            None => context.draft().await.map_err(|_| error),
        },
    }
}

/// Budget, seed and who asks.
pub(super) async fn options(context: &Context, input: &ApiTest, client: &Client) -> Result<Options, ApiError> {
    let mut options = Options {
        operations: input.ops.clone(),
        cases: input.budget.cases.unwrap_or(100).clamp(1, 5_000),
        time: Duration::from_secs(input.budget.secs.unwrap_or(120).clamp(1, MOST_SECONDS)),
        rate: input.budget.rps,
        seed: input.seed.unwrap_or(1),
        ..Options::default()
    };
    if let Some(auth) = &input.auth {
        let (profile, credentials) = context.desk.credentials(auth, client).await?;
        (options.profile, options.credentials) = (Some(profile), Some(credentials));
    }
    if let Some(auth) = &input.other_auth {
        options.others = Some(context.desk.credentials(auth, client).await?.1);
    }
    if let Some(name) = &input.signing_key_env {
        let key = context.desk.secret(name);
        options.signing_key =
            Some(key.ok_or_else(|| ApiError::Auth(format!("the environment variable {name} is not set")))?);
    }
    Ok(options)
}
