//! `http`: one request to a service.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::api::{ApiTool, answer};
use super::{Tool, ToolContext, ToolOutput, input};
use crate::api::action::{self, Http as Input};
use crate::domain::ToolSpec;
use crate::text;

pub(super) const NAME: &str = "http";

/// Sends a request.
pub(super) struct Http(pub ApiTool);

pub(super) fn auth_schema() -> Value {
    json!({"description": "The name of a profile of the user's settings, or a profile: {\"kind\": \"bearer\", \"token\": \
        \"{{token}}\"}, {\"kind\": \"basic\", \"user\", \"password_env\"}, {\"kind\": \"api_key\", \"name\", \"in\": \
        \"header|query|cookie\", \"key_env\"}, {\"kind\": \"client_credentials\" or \"password\", \"token_url\", \"client_id\", \
        \"client_secret_env\", \"username\", \"password_env\", \"scope\"}. Secrets are variables or names of environment variables."})
}

fn schema() -> Value {
    let map = |description: &str| json!({"type": "object", "additionalProperties": true, "description": description});
    json!({
        "type": "object",
        "properties": {
            "method": {"type": "string", "description": "Default: GET."},
            "url": {"type": "string", "description": "A path such as `/users?page=2` of the project's service, which is \
                started when it does not run, or a whole address. `{{name}}` is a saved variable, here and below."},
            "headers": map("Headers by name."),
            "query": map("Parameters by name."),
            "body": {"description": "An object or a list is sent as JSON, a string as it is."},
            "form": map("Fields of a form, in place of `body`."),
            "auth": auth_schema(),
            "expect": {"type": "object", "description": "What the answer has to be; the call fails when it is not.", "properties": {
                "status": {"description": "201, [200, 204] or \"2xx\"."},
                "headers": map("The value has to hold this text."),
                "body": map("JSON pointer → value, such as {\"/items/0/id\": 7}."),
                "present": {"type": "array", "items": {"type": "string"}, "description": "JSON pointers that have to be there."},
                "contains": {"type": "string"},
                "schema": {"description": "A JSON schema of the body."},
                "max_ms": {"type": "number"}
            }, "additionalProperties": false},
            "save": map("Variable → where in the answer: `/json/pointer`, `header:NAME`, `cookie:NAME`, `status`."),
            "export": {"type": "object", "description": "Send nothing: give recorded exchanges, or write them to a file.", "properties": {
                "as": {"type": "string", "enum": ["list", "whole", "curl", "http", "postman"]},
                "ids": {"type": "array", "items": {"type": "string"}, "description": "Such as `x3`."},
                "write": {"type": "string"}
            }, "additionalProperties": false},
            "replay": {"type": "string", "description": "Send an earlier exchange again: its name, such as `x3`, or `last`."}
        },
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for Http {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description:
                "Sends an HTTP request to the project's service and shows the answer. Assert with `expect`, keep \
                          values with `save`. Every exchange is recorded for the user, without its secrets."
                    .to_owned(),
            input_schema: schema(),
        }
    }

    fn permission(&self, value: &Value) -> Option<String> {
        if value.get("export").is_some() {
            return None;
        }
        let url = value.get("url").and_then(Value::as_str);
        let method = value.get("method").and_then(Value::as_str).unwrap_or("GET");
        let replayed = value.get("replay").and_then(Value::as_str).and_then(|id| self.0.desk.recorder.find(id));
        match replayed {
            Some(exchange) if exchange.own => None,
            Some(exchange) => action::outside(&self.0.desk, Some(&exchange.url), &exchange.method),
            None => action::outside(&self.0.desk, url, method),
        }
    }

    fn summary(&self, value: &Value) -> String {
        let (method, url) = (input::text_field(value, "method"), input::text_field(value, "url"));
        let method = if method.is_empty() { "GET".to_owned() } else { method };
        let replay = input::text_field(value, "replay");
        if value.get("export").is_some() {
            return "recorded exchanges".to_owned();
        }
        if replay.is_empty() {
            text::redact(&format!("{method} {url}")).into_owned()
        } else {
            format!("again: {replay}")
        }
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        match input::read::<Input>(&schema(), &value) {
            Ok(input) => answer(action::http(&self.0.context(context), input).await),
            Err(error) => ToolOutput::failed(error),
        }
    }
}
