//! `tenon api`: the project's HTTP interface by hand. The service runs in a workspace of its own, as for an agent.

mod arguments;
mod forward;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, exec, print, run, undo};
use crate::api::action::{self, BaseFiles, Context, Serve};
use crate::api::desk::Desk;
use crate::api::exchange::Exchange;
use crate::api::export;
use crate::domain::ContentHash;
use crate::gate::ScratchDatabases;
use crate::git::{Repository, SelectedFile, Source};
use crate::text;
use crate::workspace::Workspace;

use arguments::{Ask, Command, Format};

pub(crate) use arguments::Arguments;

/// What the tools for services share when nobody's session is open: records belong to the repository.
pub(crate) fn desk(around: &Surroundings) -> Arc<Desk> {
    let name = ContentHash::of(around.folder.display().to_string().as_bytes());
    let short = name.short();
    let records = around.directories.state.join("exchanges").join(format!("{short}.jsonl"));
    let desk = Desk::new(around.environment.clone(), around.settings.api.clone(), Some(records));
    Arc::new(desk.with_databases(Arc::new(ScratchDatabases)))
}

pub(crate) async fn api(around: &Surroundings, common: &Common, arguments: Arguments) -> Done {
    match arguments.command {
        Command::Log { last } => log(&desk(around), common, last),
        Command::Export { ids, format } => exported(&desk(around), &ids, format),
        Command::Serve { command, port } => work(around, common, Work::Serve(Serve { op: None, command, port })).await,
        Command::Ask(ask) => work(around, common, Work::Ask(ask)).await,
    }
}

/// What needs a workspace.
enum Work {
    Serve(Serve),
    Ask(Box<Ask>),
}

async fn work(around: &Surroundings, common: &Common, work: Work) -> Done {
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    let (_state, workspace) = exec::open(around, common, &repository).await?;
    let interrupt = run::interrupted();
    let (output, pieces) = mpsc::channel::<Vec<u8>>(256);
    let context =
        Context { desk: desk(around), workspace, output, cancel: interrupt.clone(), permitted: false, base: None };
    let showing = tokio::spawn(show(pieces, common.json));
    let outcome = match work {
        Work::Serve(input) => return served(&context, input, common).await,
        Work::Ask(ask) => done(context, &repository, *ask).await?,
    };
    // What a service that was ended still writes is of no interest.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), showing).await;
    if interrupt.is_cancelled() {
        return Ok(Outcome::Interrupted);
    }
    ended(&outcome, common)
}

/// Tells what came of it, and how the program ends.
fn ended(outcome: &action::Outcome, common: &Common) -> Done {
    if outcome.refused && !common.json {
        return Err(Failure::usage(outcome.text.clone()));
    }
    let told = if common.json { print::json(&outcome.value) } else { print::text(&outcome.text) };
    told?;
    Ok(match outcome {
        action::Outcome { ok: true, .. } => Outcome::Done,
        action::Outcome { refused: true, .. } => Outcome::Usage,
        _ => Outcome::Failed,
    })
}

/// Shows what happens meanwhile.
async fn show(mut pieces: mpsc::Receiver<Vec<u8>>, quiet: bool) {
    let mut clean = text::StreamSanitizer::new();
    while let Some(piece) = pieces.recv().await {
        if !quiet {
            eprint!("{}", clean.push(&piece));
        }
    }
}

/// Does it, and ends the service that was started for it.
async fn done(mut context: Context, repository: &Repository, ask: Ask) -> Result<action::Outcome, Failure> {
    let outcome = match ask {
        Ask::Http(arguments) => {
            context.permitted = arguments.allow;
            action::http(&context, arguments::request(arguments)?).await
        }
        Ask::Spec(arguments) => {
            context.permitted = arguments.allow;
            let outcome = action::api_spec(&context, arguments::spec(&arguments)?).await;
            if outcome.ok && arguments.write.is_some() {
                apply(repository, context.workspace.as_ref())?;
            }
            outcome
        }
        Ask::Test(arguments) => {
            context.permitted = arguments.allow;
            action::api_test(&context, arguments::test(arguments)?).await
        }
        Ask::Load(mut arguments) => {
            context.permitted = arguments.allow;
            if let Some(against) = arguments.against.as_mut().filter(|against| !against.contains("://")) {
                context.base = Some(before(repository, against)?);
                *against = "base".to_owned();
            }
            action::api_test(&context, arguments::load(arguments)?).await
        }
    };
    context.desk.stop().await;
    Ok(outcome)
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
        let end = ended(&outcome, common);
        return if context.cancel.is_cancelled() { Ok(Outcome::Interrupted) } else { end };
    };
    let (address, forwarding) = forward::forward(&target).await?;
    if common.json {
        print::json(&json!({"url": address, "inside": outcome.value}))?;
    } else {
        print::text(&format!(
            "{address} leads to the service (port {} inside its workspace{}); Ctrl-C ends it",
            outcome.value["port"],
            outcome.value["database"].as_str().map(|title| format!(", with a scratch {title}")).unwrap_or_default()
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
    print::text(&export::Format::from(format).written(&chosen))
}
