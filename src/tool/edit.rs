//! `edit`: parts of a file, each named by what is there now.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{RepoPath, ToolSpec};
use crate::workspace::Workspace;

use super::{Tool, ToolContext, ToolOutput, access, input, show};

pub(super) mod replace;
pub(super) mod slips;

use replace::{Edit, EditError, edit_bytes};

pub(super) const NAME: &str = "edit";

/// Edits a file.
pub(super) struct EditTool;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
    edits: Vec<InputEdit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputEdit {
    old: String,
    new: String,
    #[serde(default)]
    all: bool,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "The file, relative to the repository root."},
            "edits": {"type": "array", "minItems": 1, "description": "Made in order, each on the result of the one \
                before; all or none.", "items": {
                "type": "object",
                "properties": {
                    "old": {"type": "string", "description": "The text that is there now, with enough of the lines \
                        around it to be the only place. Empty only for a file that does not exist yet."},
                    "new": {"type": "string", "description": "The text to put there, taken literally."},
                    "all": {"type": "boolean", "description": "Every place where `old` is; default: false."}
                },
                "required": ["old", "new"],
                "additionalProperties": false
            }}
        },
        "required": ["path", "edits"],
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for EditTool {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Changes parts of a file. Each edit names the text that is there now and the text to put in \
                          its place. Read the file first and copy `old` from it, without line numbers. When `old` \
                          fits nowhere or in several places, nothing is changed and the answer shows where to look."
                .to_owned(),
            input_schema: schema(),
        }
    }

    fn summary(&self, value: &Value) -> String {
        input::text_field(value, "path")
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        let input: Input = match input::read(&schema(), &value) {
            Ok(input) => input,
            Err(error) => return ToolOutput::failed(error),
        };
        access::blocking(context, move |workspace| work(workspace, input)).await
    }
}

fn work(workspace: &dyn Workspace, input: Input) -> Result<String, String> {
    let path = access::path(workspace, &input.path)?;
    let before = access::read_to_change(workspace, &path)?.map(|state| state.bytes);
    if before.as_deref().is_some_and(show::is_binary) {
        return Err(format!("`{path}` is a binary file; it cannot be edited as text."));
    }
    let mut edits = Vec::new();
    for edit in input.edits {
        access::refuse_blanked(before.as_deref(), &[&edit.old, &edit.new])?;
        edits.push(Edit { old: edit.old, new: edit.new, all: edit.all });
    }
    let edited = edit_bytes(before.as_deref(), &edits).map_err(|error| refused(workspace, &path, &error))?;
    workspace.write(&path, &edited.bytes, None).map_err(|error| access::explain(&error))?;
    let what = if before.is_some() { "Edited" } else { "Created" };
    let mut answer = format!("{what} {}", show::change(&path, before.as_deref().unwrap_or_default(), &edited.bytes));
    for note in edited.notes {
        answer.push_str(&format!("[{note}]\n"));
    }
    Ok(answer)
}

fn refused(workspace: &dyn Workspace, path: &RepoPath, error: &EditError) -> String {
    match error {
        EditError::Missing => access::missing(workspace, path),
        other => format!("`{path}` was not changed. {other}"),
    }
}
