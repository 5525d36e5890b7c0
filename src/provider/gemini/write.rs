//! A request as Gemini wants it.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::domain::{CallId, Message, Thinking, ToolCall, ToolSpec};
use crate::provider::Request;
use crate::provider::order::{Piece, ordered};
use crate::provider::wire::Outgoing;

/// What the provider takes for a signature of a call that it did not write itself.
const FOREIGN: &str = "skip_thought_signature_validator";

/// Writes the request.
pub(in crate::provider) fn outgoing(request: &Request) -> Outgoing {
    let mut config = json!({"maxOutputTokens": request.max_tokens});
    if thinks(&request.model) {
        config["thinkingConfig"] = json!({"includeThoughts": true});
    }
    let mut body = json!({"contents": contents(request), "generationConfig": config});
    if !request.system.trim().is_empty() {
        body["systemInstruction"] = json!({"parts": [{"text": request.system}]});
    }
    if !request.tools.is_empty() {
        let declarations: Vec<Value> = request.tools.iter().map(declaration).collect();
        body["tools"] = json!([{"functionDeclarations": declarations}]);
    }
    let model = request.model.strip_prefix("models/").unwrap_or(&request.model);
    let path = format!("/models/{model}:streamGenerateContent?alt=sse");
    Outgoing { path, headers: vec![], body }
}

fn thinks(model: &str) -> bool {
    model.contains("gemini-2.5") || is_third(model)
}

/// From the third generation on a call without its signature is refused.
fn is_third(model: &str) -> bool {
    model.split_once("gemini-").is_some_and(|(_, rest)| rest.starts_with(|c: char| ('3'..='9').contains(&c)))
}

fn declaration(tool: &ToolSpec) -> Value {
    json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.input_schema})
}

fn contents(request: &Request) -> Value {
    let mut names: HashMap<&CallId, &str> = HashMap::new();
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in &request.messages {
        let (role, parts) = match message {
            Message::User { text } if text.trim().is_empty() => ("user", vec![]),
            Message::User { text } => ("user", vec![json!({"text": text})]),
            Message::Assistant { text, thinking, calls } => {
                names.extend(calls.iter().map(|call| (&call.call, call.name.as_str())));
                ("model", answer(text, thinking, calls, is_third(&request.model)))
            }
            Message::Tools { results } => {
                let part = |result: &crate::domain::ToolResult| {
                    let name = names.get(&result.call).copied().unwrap_or("unknown");
                    let key = if result.ok { "output" } else { "error" };
                    let response = json!({"name": name, "response": {key: result.output}});
                    json!({"functionResponse": with_id(response, &result.call)})
                };
                ("user", results.iter().map(part).collect())
            }
        };
        match turns.last_mut() {
            _ if parts.is_empty() => {}
            Some((last, before)) if *last == role => before.extend(parts),
            _ => turns.push((role, parts)),
        }
    }
    turns.into_iter().map(|(role, parts)| json!({"role": role, "parts": parts})).collect()
}

/// Names the call where the provider named it; ids made up here mean nothing to it.
fn with_id(mut value: Value, call: &CallId) -> Value {
    let made_up = call.as_str().len() == 21 && call.as_str().starts_with("call_");
    if !made_up {
        value["id"] = json!(call);
    }
    value
}

fn answer(text: &str, thinking: &[Thinking], calls: &[ToolCall], third: bool) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut for_text: Option<&str> = None;
    let mut first = true;
    for piece in ordered("gemini", text, thinking, calls) {
        match piece {
            Piece::Thought(thought) if thought.item.as_deref() == Some("text") => {
                for_text = thought.signature.as_deref();
            }
            // Summaries of thoughts are for people; signatures of calls are found at their call.
            Piece::Thought(_) => {}
            Piece::Text(text) => parts.push(signed(json!({"text": text}), for_text.take())),
            Piece::Call(call) => {
                let input = if call.input.is_object() { call.input.clone() } else { json!({}) };
                let part = json!({"functionCall": with_id(json!({"name": call.name, "args": input}), &call.call)});
                let own = thinking.iter().find(|thought| {
                    thought.wire.as_deref() == Some("gemini") && thought.item.as_deref() == Some(call.call.as_str())
                });
                let signature = own.and_then(|thought| thought.signature.as_deref());
                parts.push(signed(part, signature.or(Some(FOREIGN).filter(|_| third && first))));
                first = false;
            }
        }
    }
    // A signature that came after the last word still belongs to the answer.
    parts.extend(for_text.map(|signature| signed(json!({"text": ""}), Some(signature))));
    parts
}

fn signed(mut part: Value, signature: Option<&str>) -> Value {
    if let Some(signature) = signature {
        part["thoughtSignature"] = json!(signature);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ToolResult;

    fn call(id: &str) -> ToolCall {
        ToolCall { call: id.into(), name: "read".into(), input: json!({"a": 1}), invalid: None }
    }

    fn request(model: &str, thinking: Vec<Thinking>) -> Request {
        let result = |id: &str, ok| ToolResult { call: id.into(), ok, output: "x".into() };
        Request {
            model: model.into(),
            system: "Be brief.".into(),
            messages: vec![
                Message::User { text: "go".into() },
                Message::Assistant { text: "Well.".into(), thinking, calls: vec![call("c1"), call("c2")] },
                Message::Tools { results: vec![result("c1", true), result("c2", false)] },
            ],
            tools: vec![ToolSpec { name: "read".into(), description: "R".into(), input_schema: json!({}) }],
            max_tokens: 9,
            temperature: None,
        }
    }

    #[test]
    fn signatures_go_back_with_their_parts() {
        let thought = |item: Option<&str>, signature: &str, after_text| Thinking {
            item: item.map(str::to_owned),
            signature: Some(signature.into()),
            wire: Some("gemini".into()),
            after_text,
            ..Thinking::default()
        };
        let thinking = vec![thought(Some("text"), "t", 0), thought(Some("c1"), "s", 5)];
        let outgoing = outgoing(&request("gemini-3.1-pro-preview", thinking));
        assert_eq!(outgoing.path, "/models/gemini-3.1-pro-preview:streamGenerateContent?alt=sse");
        assert_eq!(
            outgoing.body,
            json!({
                "contents": [
                    {"role": "user", "parts": [{"text": "go"}]},
                    {"role": "model", "parts": [
                        {"text": "Well.", "thoughtSignature": "t"},
                        {"functionCall": {"name": "read", "args": {"a": 1}, "id": "c1"}, "thoughtSignature": "s"},
                        {"functionCall": {"name": "read", "args": {"a": 1}, "id": "c2"}}]},
                    {"role": "user", "parts": [
                        {"functionResponse": {"name": "read", "response": {"output": "x"}, "id": "c1"}},
                        {"functionResponse": {"name": "read", "response": {"error": "x"}, "id": "c2"}}]},
                ],
                "generationConfig": {"maxOutputTokens": 9, "thinkingConfig": {"includeThoughts": true}},
                "systemInstruction": {"parts": [{"text": "Be brief."}]},
                "tools": [{"functionDeclarations": [
                    {"name": "read", "description": "R", "parametersJsonSchema": {}}]}],
            })
        );
    }

    #[test]
    fn calls_of_other_models_are_marked_as_such() {
        let parts = |model: &str| outgoing(&request(model, vec![])).body["contents"][1]["parts"].clone();
        assert_eq!(parts("gemini-3.7-flash")[1]["thoughtSignature"], FOREIGN);
        assert_eq!(parts("gemini-3.7-flash")[2]["thoughtSignature"], Value::Null);
        assert_eq!(parts("gemini-2.5-flash")[1]["thoughtSignature"], Value::Null);
    }
}
