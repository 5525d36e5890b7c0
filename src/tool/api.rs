//! `api_spec` and `api_test`, and what the tools for a service share.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::http::auth_schema;
use super::{Tool, ToolContext, ToolOutput, input};
use crate::api::action::{self, ApiSpec as SpecInput, ApiTest as TestInput, Context, Outcome};
use crate::api::desk::Desk;
use crate::domain::ToolSpec;

pub(super) const SPEC: &str = "api_spec";
pub(super) const TEST: &str = "api_test";

/// What the tools for a service share.
#[derive(Clone)]
pub(super) struct ApiTool {
    pub desk: Arc<Desk>,
}

impl ApiTool {
    pub(super) fn context(&self, context: &ToolContext) -> Context {
        Context {
            desk: Arc::clone(&self.desk),
            workspace: Arc::clone(&context.workspace),
            output: context.output.clone(),
            cancel: context.cancel.clone(),
            permitted: context.permitted,
            base: None,
        }
    }
}

pub(super) fn answer(outcome: Outcome) -> ToolOutput {
    ToolOutput { ok: outcome.ok, text: outcome.text }
}

/// Works on the contract.
pub(super) struct ApiSpec(pub ApiTool);

fn spec_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "op": {"type": "string", "enum": ["extract", "lint", "diff", "doc", "routes", "draft"], "description": "extract: find it \
                and list its operations; lint: what is wrong with it; diff: what changed since `against`, and whom it breaks; \
                doc: Markdown with recorded exchanges as examples; routes: the program's routes held against it; draft: a first one made of the routes and of what they \
                answer."},
            "source": {"type": "string", "description": "A file (also .graphql), an address, a path of the service such as \
                /openapi.json, `live` or `framework`. Found when left out."},
            "against": {"type": "string", "description": "diff: the older one."},
            "write": {"type": "string", "description": "extract, doc, draft: the file to write."},
            "second_opinion": {"type": "boolean", "description": "lint: ask `redocly` as well."}
        },
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for ApiSpec {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: SPEC.to_owned(),
            description:
                "The OpenAPI 3.0/3.1 contract (or GraphQL schema) of the project's service: extract, lint, diff, \
                          document, compare with the routes of the program."
                    .to_owned(),
            input_schema: spec_schema(),
        }
    }

    fn permission(&self, value: &Value) -> Option<String> {
        let url = |name: &str| action::outside(&self.0.desk, value.get(name).and_then(Value::as_str), "GET");
        url("source").or_else(|| url("against"))
    }

    fn summary(&self, value: &Value) -> String {
        let (op, source) = (input::text_field(value, "op"), input::text_field(value, "source"));
        format!("{op} {source}").trim().to_owned()
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        match input::read::<SpecInput>(&spec_schema(), &value) {
            Ok(input) => answer(action::api_spec(&self.0.context(context), input).await),
            Err(error) => ToolOutput::failed(error),
        }
    }
}

/// Checks the service.
pub(super) struct ApiTest(pub ApiTool);

fn test_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "mode": {"description": "One name or a list: contract, negative, auth, paging, ratelimit, caching, errors; alone: \
                graphql, postman, load, all."},
            "url": {"type": "string", "description": "A service by its address; the project's own when left out."},
            "source": {"type": "string", "description": "The contract, as for `api_spec`."},
            "ops": {"type": "array", "items": {"type": "string"}, "description": "`GET /path`, `/path` or operation ids."},
            "budget": {"type": "object", "properties": {
                "cases": {"type": "integer", "minimum": 1, "maximum": 5000, "description": "For an operation and mode."},
                "secs": {"type": "integer", "minimum": 1, "maximum": 900},
                "rps": {"type": "number"}
            }, "additionalProperties": false},
            "seed": {"type": "integer", "minimum": 0, "description": "The same seed gives the same run."},
            "auth": auth_schema(),
            "other_auth": {"description": "auth: another user, who may not see what the first one owns."},
            "signing_key_env": {"type": "string", "description": "auth: the environment variable with the key of the tokens."},
            "file": {"type": "string", "description": "postman: a collection (v2.1) or a .http file."},
            "environment": {"type": "string", "description": "postman: the name of an environment in http-client.env.json, or a \
                file that Postman exported."},
            "load": {"type": "object", "properties": {
                "concurrency": {"type": "integer", "minimum": 1, "maximum": 256},
                "rate": {"type": "number", "description": "Requests a second, whether answers come or not."},
                "ramp": {"type": "boolean", "description": "Raise the rate until the service becomes slow."},
                "against": {"type": "string", "description": "What to compare with, in turns: `base` (the code \
                    before the draft; both are served for it), or the address of another build."},
                "rounds": {"type": "integer", "minimum": 6, "maximum": 100},
                "paths": {"type": "array", "items": {"type": "string"}}
            }, "additionalProperties": false},
            "second_opinion": {"type": "boolean", "description": "Ask schemathesis or newman as well, where installed."}
        },
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for ApiTest {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: TEST.to_owned(),
            description: "Tests the running service against its contract: valid and invalid requests, values at the edge, \
                          authentication, paging, rate limit, caching, errors, GraphQL, collections, load. Findings come with \
                          the smallest request that shows them. The service is started when it does not run."
                .to_owned(),
            input_schema: test_schema(),
        }
    }

    fn permission(&self, value: &Value) -> Option<String> {
        let url = |at: &str| value.pointer(at).and_then(Value::as_str);
        let changing = action::outside(&self.0.desk, url("/url"), "many requests");
        changing.or_else(|| action::outside(&self.0.desk, url("/load/against"), "many requests"))
    }

    fn summary(&self, value: &Value) -> String {
        let mode = value.get("mode").map(crate::api::expect::plain).unwrap_or_else(|| "contract".to_owned());
        let mode = crate::text::sanitize_line(&mode).into_owned();
        format!("{mode} {}", input::text_field(value, "url")).trim().to_owned()
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        match input::read::<TestInput>(&test_schema(), &value) {
            Ok(input) => answer(action::api_test(&self.0.context(context), input).await),
            Err(error) => ToolOutput::failed(error),
        }
    }
}
