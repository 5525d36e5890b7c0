//! `remove`: a file goes away.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::ToolSpec;
use crate::workspace::{Workspace, WorkspaceError};

use super::{Tool, ToolContext, ToolOutput, access, input};

pub(super) const NAME: &str = "remove";

/// Removes a file.
pub(super) struct Remove;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {"path": {"type": "string", "description": "The file, relative to the repository root."}},
        "required": ["path"],
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for Remove {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Removes one file of the repository.".to_owned(),
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
        access::blocking(context, move |workspace| work(workspace, &input)).await
    }
}

fn work(workspace: &dyn Workspace, input: &Input) -> Result<String, String> {
    let path = access::path(workspace, &input.path)?;
    workspace.remove(&path).map_err(|error| match error {
        WorkspaceError::Missing(_) => access::missing(workspace, &path),
        WorkspaceError::Kind { .. } => format!("{error}. Only files are removed: remove each file in it."),
        other => access::explain(&other),
    })?;
    Ok(format!("Removed `{path}`."))
}
