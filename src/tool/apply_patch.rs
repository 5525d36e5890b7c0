//! `apply_patch`: changes to several files in one text, all or nothing.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{FileState, RepoPath, ToolSpec};
use crate::workspace::{Workspace, WorkspaceError};

use super::patch::{Planned, plan};
use super::{Tool, ToolContext, ToolOutput, access, input, show};

pub(super) const NAME: &str = "apply_patch";

/// Applies a patch.
pub(super) struct ApplyPatch;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    patch: String,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {"patch": {"type": "string", "description": "From `*** Begin Patch` to `*** End Patch`."}},
        "required": ["patch"],
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for ApplyPatch {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Changes several files at once, all or nothing. The patch begins with the line `*** Begin \
                          Patch`, ends with `*** End Patch`, and has for each file one of: `*** Add File: PATH` with \
                          every line after `+`; `*** Delete File: PATH`; `*** Update File: PATH` (then, to rename, \
                          `*** Move to: PATH`) with chunks. A chunk begins with `@@`, or `@@ LINE` to name a line \
                          above it such as the head of a function, and has some three lines of context on each side: \
                          ` ` before a line that stays, `-` before one that goes, `+` before one that comes. Chunks \
                          are in the order of the file; `*** End of File` after one ties it to the end."
                .to_owned(),
            input_schema: schema(),
        }
    }

    fn summary(&self, value: &Value) -> String {
        let patch = value.get("patch").and_then(Value::as_str).unwrap_or_default();
        let marks = ["*** Add File: ", "*** Delete File: ", "*** Update File: ", "+++ b/"];
        let path = |line: &str| marks.iter().find_map(|mark| line.trim().strip_prefix(mark).map(str::to_owned));
        let paths: Vec<String> = patch.lines().filter_map(path).collect();
        match paths.as_slice() {
            [] => "a patch".to_owned(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        }
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        let input: Input = match input::read(&schema(), &value) {
            Ok(input) => input,
            Err(error) => return ToolOutput::failed(error),
        };
        access::blocking(context, move |workspace| work(workspace, &input.patch)).await
    }
}

fn work(workspace: &dyn Workspace, patch: &str) -> Result<String, String> {
    let resolve = |text: &str| access::path(workspace, text);
    let read = |path: &RepoPath| {
        let state = access::read_to_change(workspace, path)?;
        match state {
            Some(state) if show::is_binary(&state.bytes) => Err(format!("`{path}` is a binary file.")),
            Some(state) => access::refuse_blanked(Some(&state.bytes), &[patch]).map(|()| Some(state.bytes)),
            None => Ok(None),
        }
    };
    let planned = plan(patch, resolve, read).map_err(|error| format!("Nothing was changed. In {error}"))?;
    write_all(workspace, &planned)?;
    let mut answer = String::new();
    for planned in &planned {
        answer.push_str(&told(planned));
    }
    Ok(answer)
}

fn told(planned: &Planned) -> String {
    let before = planned.before.as_deref().unwrap_or_default();
    let mut told = match (&planned.after, &planned.from) {
        (None, _) => format!("Removed `{}`\n", planned.path),
        (Some(after), Some(from)) => format!("Moved `{from}` to {}", show::change(&planned.path, before, after)),
        (Some(after), None) if planned.before.is_none() => {
            format!("Created `{}`: {}\n", planned.path, show::counts(&planned.path, before, after))
        }
        (Some(after), None) => format!("Edited {}", show::change(&planned.path, before, after)),
    };
    for note in &planned.notes {
        told.push_str(&format!("[{note}]\n"));
    }
    told
}

/// Writes everything, or takes back what was written when something cannot be.
fn write_all(workspace: &dyn Workspace, planned: &[Planned]) -> Result<(), String> {
    let mut done: Vec<(&RepoPath, Option<FileState>)> = Vec::new();
    for one in planned {
        for path in [Some(&one.path), one.from.as_ref()].into_iter().flatten() {
            let before = workspace.read(path).ok();
            done.push((path, before));
        }
        if let Err(error) = write_one(workspace, one) {
            let left: Vec<String> =
                done.into_iter().rev().filter_map(|(path, before)| restore(workspace, path, before)).collect();
            let state = if left.is_empty() {
                "Nothing was changed.".to_owned()
            } else {
                format!("These could not be put back: {}.", left.join(", "))
            };
            return Err(format!("{} {state}", access::explain(&error)));
        }
    }
    Ok(())
}

fn write_one(workspace: &dyn Workspace, planned: &Planned) -> Result<(), WorkspaceError> {
    let Some(after) = &planned.after else { return workspace.remove(&planned.path) };
    let Some(from) = &planned.from else { return workspace.write(&planned.path, after, None) };
    let mode = workspace.read(from)?.mode;
    workspace.write(&planned.path, after, Some(mode))?;
    workspace.remove(from)
}

/// Puts a file back; gives its path when that failed.
fn restore(workspace: &dyn Workspace, path: &RepoPath, before: Option<FileState>) -> Option<String> {
    let restored = match before {
        Some(state) => workspace.write(path, &state.bytes, Some(state.mode)),
        None => match workspace.remove(path) {
            Err(WorkspaceError::Missing(_)) => Ok(()),
            other => other,
        },
    };
    restored.err().map(|error| error.to_string())
}
