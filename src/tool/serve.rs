//! `serve`: the project's service in the workspace.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::api::{ApiTool, answer};
use super::{Tool, ToolContext, ToolOutput, input};
use crate::api::action::{self, Serve as Input};
use crate::domain::ToolSpec;

pub(super) const NAME: &str = "serve";

/// Starts, stops and looks at the service.
pub(super) struct Serve(pub ApiTool);

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "op": {"type": "string", "enum": ["start", "stop", "status", "logs"], "description": "Default: start."},
            "command": {"type": "string", "description": "The command line that starts it; found in the project's files \
                when left out. `$PORT` is the port it should listen on."},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "The port it always listens on, \
                when it does not read `PORT`."}
        },
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for Serve {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description:
                "Starts the project's service in the workspace, on a port of its own network, and waits until it \
                          answers. It goes on running for `http` and `api_test`; start it again after you changed its \
                          code. Its log is shown to the user; `op`: \"logs\" shows you its last lines."
                    .to_owned(),
            input_schema: schema(),
        }
    }

    fn summary(&self, value: &Value) -> String {
        let command = input::text_field(value, "command");
        if command.is_empty() { input::text_field(value, "op") } else { command }
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        match input::read::<Input>(&schema(), &value) {
            Ok(input) => answer(action::serve(&self.0.context(context), input).await),
            Err(error) => ToolOutput::failed(error),
        }
    }
}
