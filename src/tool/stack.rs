//! `stack`: what the repository is, from its files.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolContext, ToolOutput, input};
use crate::domain::ToolSpec;
use crate::stack;
use crate::workspace::WorkspaceFiles;

pub(super) const NAME: &str = "stack";

/// Says what the repository is.
pub struct Stack;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {}

fn schema() -> Value {
    json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false})
}

#[async_trait]
impl Tool for Stack {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Says what the repository is, each answer with the file and line it rests on: services, frameworks, \
                          package managers, test commands, linters, databases, migration tools, how a service is started and \
                          on which port. Nothing is executed."
                .to_owned(),
            input_schema: schema(),
        }
    }

    fn summary(&self, _: &Value) -> String {
        String::new()
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        if let Err(text) = input::read::<Input>(&schema(), &value) {
            return ToolOutput::failed(text);
        }
        let workspace = Arc::clone(&context.workspace);
        let looking =
            tokio::task::spawn_blocking(move || stack::detect(&WorkspaceFiles(workspace.as_ref())).to_string());
        match looking.await {
            Ok(text) => ToolOutput::done(text),
            Err(error) => ToolOutput::failed(format!("The repository could not be looked at: {error}")),
        }
    }
}
