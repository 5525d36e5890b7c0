//! `write`: a whole file.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::ToolSpec;
use crate::workspace::Workspace;

use super::{Tool, ToolContext, ToolOutput, access, input, show};

pub(super) const NAME: &str = "write";

/// Writes a whole file.
pub(super) struct Write;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
    content: String,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "The file, relative to the repository root."},
            "content": {"type": "string", "description": "All of its content."}
        },
        "required": ["path", "content"],
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for Write {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Writes a whole file: a new one, or one that changes throughout. Folders are made. For \
                          changes to parts of a file use `edit`."
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
        access::blocking(context, move |workspace| work(workspace, &input)).await
    }
}

fn work(workspace: &dyn Workspace, input: &Input) -> Result<String, String> {
    let path = access::path(workspace, &input.path)?;
    let before = access::read_to_change(workspace, &path)?;
    access::refuse_blanked(before.as_ref().map(|before| before.bytes.as_slice()), &[&input.content])?;
    let content = input.content.as_bytes();
    if before.as_ref().is_some_and(|before| before.bytes == content) {
        return Ok(format!("`{path}` already holds exactly this; nothing changed."));
    }
    workspace.write(&path, content, None).map_err(|error| access::explain(&error))?;
    let what = if before.is_some() { "Replaced" } else { "Created" };
    let old = before.map(|before| before.bytes).unwrap_or_default();
    Ok(format!("{what} `{path}`: {}.", show::counts(&path, &old, content)))
}
