//! `tenon api`: the project's HTTP interface by hand. The service runs in a workspace of its own, as for an agent.

mod forward;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, exec, print, run, undo};
use crate::api::action::{self, ApiSpec, ApiTest, BaseFiles, Context, Http, Serve};
use crate::api::desk::Desk;
use crate::api::exchange::Exchange;
use crate::api::export;
use crate::domain::ContentHash;
use crate::git::{Repository, SelectedFile, Source};
use crate::text;
use crate::workspace::Workspace;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Start the service and keep it running, reachable on this machine, until Ctrl-C
    Serve {
        /// The command that starts it; `$PORT` is the port it should listen on
        #[arg(long)]
        command: Option<String>,
        /// The port it always listens on
        #[arg(long)]
        port: Option<u16>,
    },
    /// Send one request: a path of the project's service, or a whole address
    Http(HttpArguments),
    /// The contract: extract, lint, diff, doc, routes
    Spec(SpecArguments),
    /// Check a service against its contract
    Test(TestArguments),
    /// Measure a service under load
    Load(LoadArguments),
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

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
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
struct HttpArguments {
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
    allow: bool,
}

#[derive(clap::Args, Debug)]
struct SpecArguments {
    /// extract, lint, diff, doc or routes
    op: String,
    /// A file, an address, a path of the service, `live` or `framework`
    #[arg(long)]
    source: Option<String>,
    /// diff: the older one
    #[arg(long)]
    against: Option<String>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    write: Option<String>,
    /// Ask `redocly` as well
    #[arg(long)]
    second_opinion: bool,
    /// Allow an address outside this machine
    #[arg(long)]
    allow: bool,
}

#[derive(clap::Args, Debug)]
struct TestArguments {
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
    /// Ask schemathesis or newman as well
    #[arg(long)]
    second_opinion: bool,
    /// Allow a service outside this machine
    #[arg(long)]
    allow: bool,
}

#[derive(clap::Args, Debug)]
struct LoadArguments {
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
    against: Option<String>,
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
    allow: bool,
}

/// What the tools for services share when nobody's session is open: records belong to the repository.
pub(crate) fn desk(around: &Surroundings) -> Arc<Desk> {
    let name = ContentHash::of(around.folder.display().to_string().as_bytes());
    let short = name.short();
    let records = around.directories.state.join("exchanges").join(format!("{short}.jsonl"));
    Arc::new(Desk::new(around.environment.clone(), around.settings.api.clone(), Some(records)))
}

pub(crate) async fn api(around: &Surroundings, common: &Common, arguments: Arguments) -> Done {
    match arguments.command {
        Command::Log { last } => return log(&desk(around), common, last),
        Command::Export { ids, format } => return exported(&desk(around), &ids, format),
        _ => {}
    }
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    let (_state, workspace) = exec::open(around, common, &repository).await?;
    let interrupt = run::interrupted();
    let (output, mut pieces) = mpsc::channel::<Vec<u8>>(256);
    let mut context = Context {
        desk: desk(around),
        workspace: Arc::clone(&workspace),
        output,
        cancel: interrupt.clone(),
        permitted: false,
        base: None,
    };
    let quiet = common.json;
    let showing = tokio::spawn(async move {
        let mut clean = text::StreamSanitizer::new();
        while let Some(piece) = pieces.recv().await {
            if !quiet {
                eprint!("{}", clean.push(&piece));
            }
        }
    });
    let outcome = match arguments.command {
        Command::Serve { command, port } => return served(&context, Serve { op: None, command, port }, common).await,
        Command::Http(arguments) => {
            context.permitted = arguments.allow;
            action::http(&context, request(arguments)?).await
        }
        Command::Spec(arguments) => {
            context.permitted = arguments.allow;
            let outcome = action::api_spec(&context, spec(&arguments)?).await;
            if outcome.ok && arguments.write.is_some() {
                apply(&repository, workspace.as_ref())?;
            }
            outcome
        }
        Command::Test(arguments) => {
            context.permitted = arguments.allow;
            action::api_test(&context, test(arguments)?).await
        }
        Command::Load(mut arguments) => {
            context.permitted = arguments.allow;
            if let Some(against) = arguments.against.as_mut().filter(|against| !against.contains("://")) {
                context.base = Some(before(&repository, against)?);
                *against = "base".to_owned();
            }
            action::api_test(&context, load(arguments)?).await
        }
        Command::Log { .. } | Command::Export { .. } => return Ok(Outcome::Done),
    };
    context.desk.stop().await;
    drop(context);
    // What a service that was ended still writes is of no interest.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), showing).await;
    if interrupt.is_cancelled() {
        return Ok(Outcome::Interrupted);
    }
    if common.json {
        print::json(&outcome.value)?
    } else {
        print::text(&outcome.text)?
    };
    Ok(if outcome.ok { Outcome::Done } else { Outcome::Failed })
}

/// What the files that differ from a commit held there; `base` is HEAD.
fn before(repository: &Repository, commit: &str) -> Result<BaseFiles, Failure> {
    let changes = |source| repository.changes_from(&source).map_err(|error| undo::git_failure(&error));
    let mut files: BTreeMap<_, _> =
        changes(Source::Worktree)?.into_iter().map(|change| (change.path, change.base)).collect();
    if commit != "base" {
        let range = Source::Range(format!("{commit}..HEAD"));
        files.extend(changes(range)?.into_iter().map(|change| (change.path, change.base)));
    }
    Ok(files.into_iter().collect())
}

/// Writes what an order of the user's own changed to the tree.
fn apply(repository: &Repository, workspace: &dyn Workspace) -> Result<(), Failure> {
    let changes: Vec<SelectedFile> = workspace.changes().map_err(|error| Failure::failed(error.to_string()))?;
    repository.apply(&changes).map(drop).map_err(|error| undo::git_failure(&error))
}

async fn served(context: &Context, input: Serve, common: &Common) -> Done {
    let outcome = action::serve(context, input).await;
    let Some(target) = context.desk.running().filter(|_| outcome.ok) else {
        if common.json {
            print::json(&outcome.value)?
        } else {
            print::text(&outcome.text)?
        };
        return Ok(if context.cancel.is_cancelled() { Outcome::Interrupted } else { Outcome::Failed });
    };
    let (address, forwarding) = forward::forward(&target).await?;
    if common.json {
        print::json(&json!({"url": address, "inside": outcome.value}))?;
    } else {
        print::text(&format!(
            "{address} leads to the service (port {} inside its workspace); Ctrl-C ends it",
            outcome.value["port"]
        ))?;
    }
    let gone = async {
        while context.desk.service().await.is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let ended = tokio::select! {
        () = context.cancel.cancelled() => Ok(Outcome::Interrupted),
        () = gone => Err(Failure::failed("the service ended")),
    };
    forwarding.abort();
    context.desk.stop().await;
    ended
}

fn request(arguments: HttpArguments) -> Result<Http, Failure> {
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

fn spec(arguments: &SpecArguments) -> Result<ApiSpec, Failure> {
    let op = serde_json::from_value(json!(arguments.op));
    Ok(ApiSpec {
        op: op.map_err(|_| {
            Failure::usage(format!("there is no `{}`", arguments.op)).hint("extract, lint, diff, doc or routes")
        })?,
        source: arguments.source.clone(),
        against: arguments.against.clone(),
        write: arguments.write.clone(),
        second_opinion: arguments.second_opinion,
    })
}

fn test(arguments: TestArguments) -> Result<ApiTest, Failure> {
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
        second_opinion: arguments.second_opinion,
        ..ApiTest::default()
    };
    (input.budget.cases, input.budget.secs, input.budget.rps) = (arguments.cases, arguments.seconds, arguments.rps);
    Ok(input)
}

fn load(arguments: LoadArguments) -> Result<ApiTest, Failure> {
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

fn log(desk: &Desk, common: &Common, last: usize) -> Done {
    let all = desk.recorder.all();
    let shown = &all[all.len().saturating_sub(last)..];
    if common.json {
        return print::json(&shown);
    }
    if shown.is_empty() {
        return print::text("no exchange is recorded for this folder");
    }
    print::text(&export::Format::List.written(shown))
}

fn exported(desk: &Desk, ids: &[String], format: Format) -> Done {
    let chosen: Vec<Exchange> = if ids.is_empty() {
        desk.recorder.all()
    } else {
        let found: Result<_, _> = ids.iter().map(|id| desk.recorder.named(id)).collect();
        found.map_err(|error| Failure::usage(error.to_string()).hint("`tenon api log` lists them"))?
    };
    let format = match format {
        Format::Whole => export::Format::Whole,
        Format::Curl => export::Format::Curl,
        Format::Http => export::Format::Http,
        Format::Postman => export::Format::Postman,
    };
    print::text(&format.written(&chosen))
}
