//! `list`: what is in a folder.

use std::fmt::Write as _;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::ToolSpec;
use crate::text;
use crate::workspace::{Workspace, WorkspaceError};

use super::{Tool, ToolContext, ToolOutput, access, input};

pub(super) const NAME: &str = "list";

const MOST_ENTRIES: usize = 500;

/// Lists a folder.
pub(super) struct List;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    path: Option<String>,
    depth: Option<usize>,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "The folder; default: the repository root."},
            "depth": {"type": "integer", "minimum": 1, "maximum": 16, "description": "Levels to go down; default: 2."}
        },
        "required": [],
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for List {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Lists files and folders of the repository, sorted, without what the ignore files leave \
                          out. Folders end in `/`; files have their size in bytes."
                .to_owned(),
            input_schema: schema(),
        }
    }

    fn summary(&self, value: &Value) -> String {
        match input::text_field(value, "path") {
            path if path.is_empty() => ".".to_owned(),
            path => path,
        }
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        let input: Input = match input::read(&schema(), &value) {
            Ok(input) => input,
            Err(error) => return ToolOutput::failed(error),
        };
        access::looking(context, move |workspace| work(workspace, &input)).await
    }
}

fn work(workspace: &dyn Workspace, input: &Input) -> Result<String, String> {
    let folder = input::folder(workspace.root(), input.path.as_deref().unwrap_or_default())?;
    let listed = workspace.list(folder.as_ref(), input.depth.unwrap_or(2), MOST_ENTRIES);
    let (entries, more) = listed.map_err(|error| match (&error, &folder) {
        (WorkspaceError::Missing(_), Some(path)) => access::missing(workspace, path),
        (WorkspaceError::Kind { path, .. }, _) => format!("{error}. Use `read` with the path `{path}`."),
        _ => access::explain(&error),
    })?;
    let mut answer = String::new();
    for entry in &entries {
        let path = text::sanitize_line(entry.path.as_str());
        let _ = match entry.folder {
            true => writeln!(answer, "{path}/"),
            false => writeln!(answer, "{path}\t{}", entry.size),
        };
    }
    if entries.is_empty() {
        answer.push_str("[nothing here that the ignore files do not leave out]\n");
    }
    if more {
        let _ = writeln!(answer, "[cut at {MOST_ENTRIES} entries; list a folder further down, or with depth 1]");
    }
    Ok(answer)
}
