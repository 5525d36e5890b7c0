//! `tenon exec`: one tool by hand, without a model.
//!
//! The tool works in a workspace as it would for an agent. What it changed is printed; a tool that exists to change
//! files (`edit`, `write`, `apply_patch`, `remove`) is your own order, so its result is then written to the tree,
//! hash-checked like any approved change. What a `run` changed is written with `--apply` only.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, print, run, undo};
use crate::diff;
use crate::domain::{Change, ChangeKind};
use crate::git::{Repository, SelectedFile};
use crate::text;
use crate::tool::{ToolContext, ToolOutput, Tools};
use crate::workspace::{self, Place, Throwaway, Workspace};

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The tool; `tenon exec list-tools` names them all
    tool: String,
    /// Its input as a JSON object; `-` reads it from standard input
    #[arg(default_value = "{}")]
    input: String,
    /// Write what a command changed to the tree as well
    #[arg(long)]
    apply: bool,
    /// Write nothing to the tree, show only
    #[arg(long, conflicts_with = "apply")]
    dry_run: bool,
    /// Allow what the tool asks permission for (network access)
    #[arg(long)]
    allow: bool,
}

#[derive(Serialize)]
struct Report {
    tool: String,
    ok: bool,
    output: String,
    changes: Vec<ChangeReport>,
    /// What is different but cannot be part of a change, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    applied: bool,
}

#[derive(Serialize)]
struct ChangeReport {
    path: String,
    kind: ChangeKind,
    added: usize,
    removed: usize,
    #[serde(skip)]
    size: String,
}

pub(crate) async fn exec(around: &Surroundings, common: &Common, arguments: Arguments) -> Done {
    let tools = Tools::with(super::api::desk(around));
    if arguments.tool == "list-tools" {
        return list_tools(&tools, common);
    }
    let Some(tool) = tools.find(&arguments.tool) else {
        let names: Vec<String> = tools.specs(None).into_iter().map(|spec| spec.name).collect();
        return Err(Failure::usage(format!("there is no tool `{}`", arguments.tool))
            .hint(format!("the tools are: {}", names.join(", "))));
    };
    let input = input(&arguments.input)?;
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    if let Some(what) = tool.permission(&input)
        && !arguments.allow
    {
        return Err(Failure::usage(format!("this needs a permission: {what}")).hint("--allow gives it"));
    }
    let (_state, workspace) = open(around, common, &repository).await?;
    let said = workspace.notes();
    let (output, mut pieces) = mpsc::channel(64);
    let interrupt = run::interrupted();
    let context =
        ToolContext { workspace: workspace.clone(), output, cancel: interrupt.clone(), permitted: arguments.allow };
    // A service the tool started may hold the channel for longer than the call takes.
    let draining = tokio::spawn(async move { while pieces.recv().await.is_some() {} });
    let done = call(tool.as_ref(), context, input).await;
    draining.abort();
    if interrupt.is_cancelled() {
        return Ok(Outcome::Interrupted);
    }
    let changes = workspace.changes().map_err(|error| Failure::failed(error.to_string()))?;
    let order = matches!(arguments.tool.as_str(), "edit" | "write" | "apply_patch" | "remove");
    let applied = done.ok && !changes.is_empty() && !arguments.dry_run && (order || arguments.apply);
    if applied {
        let files: Vec<SelectedFile> = changes.clone();
        repository.apply(&files).map_err(|error| undo::git_failure(&error))?;
    }
    let mut notes = workspace.notes();
    notes.retain(|note| !said.contains(note));
    report(&arguments.tool, done, (&changes, notes), applied, common.json)
}

/// Opens a workspace that is thrown away with the folder it is kept in.
pub(crate) async fn open(
    around: &Surroundings,
    common: &Common,
    repository: &Repository,
) -> Result<(Throwaway, Arc<dyn Workspace>), Failure> {
    let state =
        Throwaway::new(&folder(around)?).map_err(|error| Failure::failed(format!("the cache directory: {error}")))?;
    let mut place = Place::new(repository.root(), state.path().join("workspace"), &around.environment)
        .with_settings(&around.settings.workspace);
    place.isolation = around.isolation(common);
    let workspace = workspace::open(place).await.map_err(|error| Failure::failed(error.to_string()))?;
    // What does not hold is said before anything is run.
    for note in workspace.notes() {
        eprintln!("tenon: {}", text::sanitize(&note));
    }
    Ok((state, workspace.into()))
}

/// Owns the context, so that the output channel closes when the call ends.
async fn call(tool: &dyn crate::tool::Tool, context: ToolContext, input: Value) -> ToolOutput {
    tool.call(&context, input).await
}

pub(crate) fn folder(around: &Surroundings) -> Result<std::path::PathBuf, Failure> {
    let folder = around.settings.workspace.folder_in(&around.directories.cache).join("exec");
    std::fs::create_dir_all(&folder).map_err(|error| Failure::failed(format!("{}: {error}", folder.display())))?;
    Ok(folder)
}

fn input(text: &str) -> Result<Value, Failure> {
    let text = if text == "-" {
        std::io::read_to_string(std::io::stdin()).map_err(|error| Failure::usage(format!("standard input: {error}")))?
    } else {
        text.to_owned()
    };
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("the input is not JSON: {error}"))
            .hint("for example: tenon exec read '{\"path\": \"README.md\"}'")
    })
}

fn list_tools(tools: &Tools, common: &Common) -> Done {
    let specs = tools.specs(None);
    if common.json {
        return print::json(&specs);
    }
    let lines: Vec<String> = specs
        .iter()
        .map(|spec| format!("{:12} {}", spec.name, spec.description.lines().next().unwrap_or_default()))
        .collect();
    print::text(&lines.join("\n"))
}

fn report(tool: &str, done: ToolOutput, (changes, notes): (&[Change], Vec<String>), applied: bool, json: bool) -> Done {
    let reports: Vec<ChangeReport> = changes
        .iter()
        .map(|change| {
            let (file, _) = diff::plain_change(change);
            let size = file.size();
            ChangeReport {
                path: file.path.to_string(),
                kind: file.kind,
                added: file.added,
                removed: file.removed,
                size,
            }
        })
        .collect();
    let outcome = if done.ok { Outcome::Done } else { Outcome::Failed };
    if json {
        print::json(&Report {
            tool: tool.to_owned(),
            ok: done.ok,
            output: done.text,
            changes: reports,
            notes,
            applied,
        })?;
        return Ok(outcome);
    }
    print::text(&done.text)?;
    for change in &reports {
        let where_to = if applied { "written" } else { "in the workspace only, not written" };
        eprintln!("{} {} ({where_to})", text::sanitize_line(&change.path), change.size);
    }
    for note in &notes {
        eprintln!("tenon: {}", text::sanitize(note));
    }
    Ok(outcome)
}
