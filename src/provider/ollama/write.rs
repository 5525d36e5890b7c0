//! A request as Ollama wants it.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::domain::{CallId, Message, ToolSpec};
use crate::provider::Request;
use crate::provider::wire::Outgoing;

/// Writes the request for a model that gets this many tokens of context.
pub(in crate::provider) fn outgoing(request: &Request, context: u64) -> Outgoing {
    let mut body = json!({
        "model": request.model,
        "stream": true,
        "messages": messages(request),
        "options": {"num_ctx": context, "num_predict": request.max_tokens},
    });
    if let Some(temperature) = request.temperature {
        body["options"]["temperature"] = json!(temperature);
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    Outgoing { path: "/api/chat".to_owned(), headers: vec![], body }
}

fn tool(tool: &ToolSpec) -> Value {
    json!({"type": "function", "function":
        {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}})
}

fn messages(request: &Request) -> Value {
    let mut names: HashMap<&CallId, &str> = HashMap::new();
    let mut written = Vec::new();
    if !request.system.trim().is_empty() {
        written.push(json!({"role": "system", "content": request.system}));
    }
    for message in &request.messages {
        match message {
            Message::User { text } => written.push(json!({"role": "user", "content": text})),
            Message::Assistant { text, calls, .. } => {
                names.extend(calls.iter().map(|call| (&call.call, call.name.as_str())));
                let mut message = json!({"role": "assistant", "content": text});
                if !calls.is_empty() {
                    let input = |input: &Value| if input.is_object() { input.clone() } else { json!({}) };
                    let call = |call: &crate::domain::ToolCall| json!({"function": {"name": call.name, "arguments": input(&call.input)}});
                    message["tool_calls"] = calls.iter().map(call).collect();
                }
                written.push(message);
            }
            Message::Tools { results } => written.extend(results.iter().map(|result| {
                let name = names.get(&result.call).copied().unwrap_or("unknown");
                let content = if result.ok { result.output.clone() } else { format!("Error: {}", result.output) };
                json!({"role": "tool", "tool_name": name, "content": content})
            })),
        }
    }
    Value::Array(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ToolCall, ToolResult};

    #[test]
    fn results_name_their_tool_and_the_context_is_asked_for() {
        let call = ToolCall { call: "c".into(), name: "read".into(), input: json!({"a": 1}), invalid: None };
        let request = Request {
            model: "qwen".into(),
            system: "Be brief.".into(),
            messages: vec![
                Message::User { text: "go".into() },
                Message::Assistant { text: String::new(), thinking: vec![], calls: vec![call] },
                Message::Tools { results: vec![ToolResult { call: "c".into(), ok: true, output: "x".into() }] },
            ],
            tools: vec![],
            max_tokens: 9,
            temperature: None,
        };
        assert_eq!(
            outgoing(&request, 16_384).body,
            json!({
                "model": "qwen", "stream": true,
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "go"},
                    {"role": "assistant", "content": "",
                        "tool_calls": [{"function": {"name": "read", "arguments": {"a": 1}}}]},
                    {"role": "tool", "tool_name": "read", "content": "x"},
                ],
                "options": {"num_ctx": 16_384, "num_predict": 9},
            })
        );
    }
}
