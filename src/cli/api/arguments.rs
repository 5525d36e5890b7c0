//! What the command line of `tenon api` takes, as the inputs of the actions.

use serde_json::{Map, Value, json};

use crate::api::action::{self, ApiSpec, ApiTest, Http};
use crate::api::export;
use crate::cli::Failure;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What is to be done.
#[derive(clap::Subcommand, Debug)]
pub(super) enum Command {
    /// Start the service and keep it running, reachable on this machine, until Ctrl-C
    Serve {
        /// The command that starts it; `$PORT` is the port it should listen on
        #[arg(long)]
        command: Option<String>,
        /// The port it always listens on
        #[arg(long)]
        port: Option<u16>,
    },
    #[command(flatten)]
    Ask(Box<Ask>),
    /// List recorded exchanges, the newest last
    Log {
        /// As many as this
        #[arg(long, default_value_t = 20)]
        last: usize,
    },
    /// Print recorded exchanges for another program
    Export {
        /// Their names; all when left out
        ids: Vec<String>,
        /// For which program
        #[arg(long = "as", value_enum, default_value_t = Format::Curl)]
        format: Format,
    },
}

/// What asks the service, or for its contract.
#[derive(clap::Subcommand, Debug)]
pub(super) enum Ask {
    /// Send one request: a path of the project's service, or a whole address
    Http(HttpArguments),
    /// The contract: extract, lint, diff, doc, routes, draft
    Spec(SpecArguments),
    /// Check a service against its contract
    Test(TestArguments),
    /// Measure a service under load
    Load(LoadArguments),
}

/// As what exchanges are printed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Format {
    /// For people: request and answer with headers and bodies
    Whole,
    /// Command lines
    Curl,
    /// A .http file
    Http,
    /// A Postman collection
    Postman,
}

#[derive(clap::Args, Debug)]
pub(super) struct HttpArguments {
    /// The method
    method: String,
    /// The path or address
    url: Option<String>,
    /// A header, as `Name: value`
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// The body
    #[arg(short, long, value_name = "BODY")]
    data: Option<String>,
    /// A profile of the settings, or one as JSON
    #[arg(long)]
    auth: Option<String>,
    /// The status the answer has to have
    #[arg(long, value_name = "STATUS")]
    expect: Option<String>,
    /// Allow an address outside this machine
    #[arg(long)]
    pub(super) allow: bool,
}

#[derive(clap::Args, Debug)]
pub(super) struct SpecArguments {
    /// extract, lint, diff, doc, routes or draft
    op: String,
    /// A file, an address, a path of the service, `live` or `framework`
    #[arg(long)]
    source: Option<String>,
    /// diff: the older one
    #[arg(long)]
    against: Option<String>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub(super) write: Option<String>,
    /// Ask `redocly` as well
    #[arg(long)]
    second_opinion: bool,
    /// Allow an address outside this machine
    #[arg(long)]
    pub(super) allow: bool,
}

#[derive(clap::Args, Debug)]
pub(super) struct TestArguments {
    /// contract, negative, auth, paging, ratelimit, caching, errors, graphql, postman, all; several with commas
    #[arg(default_value = "contract")]
    mode: String,
    /// A service by its address; the project's own when left out
    #[arg(long)]
    url: Option<String>,
    /// The contract
    #[arg(long)]
    source: Option<String>,
    /// Only this operation: `GET /path`, `/path` or an operation id
    #[arg(long = "op", value_name = "OPERATION")]
    ops: Vec<String>,
    /// Cases for an operation and mode
    #[arg(long)]
    cases: Option<usize>,
    /// Seconds for all of it
    #[arg(long)]
    seconds: Option<u64>,
    /// Requests a second
    #[arg(long)]
    rps: Option<f64>,
    /// The same seed gives the same run
    #[arg(long)]
    seed: Option<u64>,
    /// Who asks: a profile of the settings, or one as JSON
    #[arg(long)]
    auth: Option<String>,
    /// Somebody else, who may not see what the first one owns
    #[arg(long)]
    other_auth: Option<String>,
    /// The environment variable with the key that signs tokens
    #[arg(long, value_name = "NAME")]
    signing_key_env: Option<String>,
    /// postman: a collection or a .http file
    #[arg(long)]
    file: Option<String>,
    /// postman: an environment by its name in http-client.env.json, or a file that Postman exported
    #[arg(long, value_name = "NAME|FILE")]
    env: Option<String>,
    /// Ask schemathesis or newman as well
    #[arg(long)]
    second_opinion: bool,
    /// Allow a service outside this machine
    #[arg(long)]
    pub(super) allow: bool,
}

#[derive(clap::Args, Debug)]
pub(super) struct LoadArguments {
    /// A service by its address; the project's own when left out
    #[arg(long)]
    url: Option<String>,
    /// The path to ask; several take turns
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// Users who each wait for their answer
    #[arg(long)]
    concurrency: Option<usize>,
    /// Requests a second, whether answers come or not
    #[arg(long)]
    rate: Option<f64>,
    /// Raise the rate until the service becomes slow
    #[arg(long)]
    ramp: bool,
    /// What to compare with: `base` (HEAD), another commit, or the address of another build
    #[arg(long, value_name = "BASE|COMMIT|URL")]
    pub(super) against: Option<String>,
    /// Pairs of rounds of a comparison
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// A profile of the settings, or one as JSON
    #[arg(long)]
    auth: Option<String>,
    /// Allow a service outside this machine
    #[arg(long)]
    pub(super) allow: bool,
}

impl From<Format> for export::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Whole => Self::Whole,
            Format::Curl => Self::Curl,
            Format::Http => Self::Http,
            Format::Postman => Self::Postman,
        }
    }
}

/// The input of one request.
pub(super) fn request(arguments: HttpArguments) -> Result<Http, Failure> {
    // `tenon api http /path` is a GET.
    let (method, url) = match arguments.url {
        Some(url) => (arguments.method, url),
        None => ("GET".to_owned(), arguments.method),
    };
    let mut headers = Map::new();
    for header in &arguments.headers {
        let (name, value) =
            header.split_once(':').ok_or_else(|| Failure::usage(format!("`{header}` is no header: `Name: value`")))?;
        headers.insert(name.trim().to_owned(), json!(value.trim()));
    }
    let expect = arguments.expect.map(|status| {
        let status = status.parse::<u16>().map_or_else(|_| json!(status), |status| json!(status));
        serde_json::from_value(json!({"status": status})).unwrap_or_default()
    });
    Ok(Http {
        method: Some(method),
        url: Some(url),
        headers,
        body: arguments.data.map(Value::String),
        auth: auth(arguments.auth)?,
        expect,
        ..Http::default()
    })
}

/// The name of a profile, or a profile as JSON.
fn auth(text: Option<String>) -> Result<Option<Value>, Failure> {
    let Some(text) = text else { return Ok(None) };
    if !text.trim_start().starts_with('{') {
        return Ok(Some(json!(text)));
    }
    serde_json::from_str(&text).map(Some).map_err(|error| Failure::usage(format!("--auth is no JSON: {error}")))
}

/// The input of what is done with the contract.
pub(super) fn spec(arguments: &SpecArguments) -> Result<ApiSpec, Failure> {
    let op = serde_json::from_value(json!(arguments.op));
    Ok(ApiSpec {
        op: op.map_err(|_| {
            Failure::usage(format!("there is no `{}`", arguments.op)).hint("extract, lint, diff, doc, routes or draft")
        })?,
        source: arguments.source.clone(),
        against: arguments.against.clone(),
        write: arguments.write.clone(),
        second_opinion: arguments.second_opinion,
    })
}

/// The input of a check.
pub(super) fn test(arguments: TestArguments) -> Result<ApiTest, Failure> {
    let mut input = ApiTest {
        mode: Some(json!(arguments.mode)),
        url: arguments.url,
        source: arguments.source,
        ops: arguments.ops,
        seed: arguments.seed,
        auth: auth(arguments.auth)?,
        other_auth: auth(arguments.other_auth)?,
        signing_key_env: arguments.signing_key_env,
        file: arguments.file,
        environment: arguments.env,
        second_opinion: arguments.second_opinion,
        ..ApiTest::default()
    };
    (input.budget.cases, input.budget.secs, input.budget.rps) = (arguments.cases, arguments.seconds, arguments.rps);
    Ok(input)
}

/// The input of a measurement.
pub(super) fn load(arguments: LoadArguments) -> Result<ApiTest, Failure> {
    let mut input =
        ApiTest { mode: Some(json!("load")), url: arguments.url, auth: auth(arguments.auth)?, ..ApiTest::default() };
    input.budget.secs = arguments.seconds;
    input.load = Some(action::Load {
        concurrency: arguments.concurrency,
        rate: arguments.rate,
        ramp: arguments.ramp,
        against: arguments.against,
        rounds: arguments.rounds,
        paths: arguments.paths,
    });
    Ok(input)
}
