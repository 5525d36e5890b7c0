//! A request as Responses want it.

use serde_json::{Value, json};

use crate::domain::{Message, Thinking, ToolCall, ToolSpec};
use crate::provider::Request;
use crate::provider::order::{Piece, ordered};
use crate::provider::quirks::reasons;
use crate::provider::wire::Outgoing;

/// Writes the request. Nothing is stored at the provider, so encrypted reasoning travels with the conversation.
pub(in crate::provider) fn outgoing(request: &Request) -> Outgoing {
    let mut body = json!({
        "model": request.model,
        "stream": true,
        "store": false,
        "max_output_tokens": request.max_tokens.max(16),
        "input": input(&request.messages),
    });
    if !request.system.trim().is_empty() {
        body["instructions"] = json!(request.system);
    }
    // Other models refuse to be asked for their reasoning.
    if reasons(&request.model) {
        body["include"] = json!(["reasoning.encrypted_content"]);
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    Outgoing { path: "/responses".to_owned(), headers: vec![], body }
}

fn tool(tool: &ToolSpec) -> Value {
    json!({"type": "function", "name": tool.name, "description": tool.description,
        "parameters": tool.input_schema, "strict": false})
}

fn input(messages: &[Message]) -> Value {
    let mut items = Vec::new();
    for message in messages {
        match message {
            Message::User { text } => {
                items.push(json!({"role": "user", "content": [{"type": "input_text", "text": text}]}));
            }
            Message::Assistant { text, thinking, calls } => items.extend(answer(text, thinking, calls)),
            Message::Tools { results } => items.extend(results.iter().map(|result| {
                let output = if result.ok { result.output.clone() } else { format!("Error: {}", result.output) };
                json!({"type": "function_call_output", "call_id": result.call, "output": output})
            })),
        }
    }
    Value::Array(items)
}

fn answer(text: &str, thinking: &[Thinking], calls: &[ToolCall]) -> Vec<Value> {
    let item = |piece| match piece {
        Piece::Text(text) => Some(json!({"role": "assistant", "content": [{"type": "output_text", "text": text}]})),
        Piece::Call(call) => {
            let arguments = if call.input.is_object() { call.input.to_string() } else { "{}".to_owned() };
            Some(json!({"type": "function_call", "call_id": call.call, "name": call.name, "arguments": arguments}))
        }
        // The whole item as it came, where it can be read without the provider's memory.
        Piece::Thought(thought) => thought.redacted.as_deref().and_then(|item| serde_json::from_str(item).ok()),
    };
    ordered("responses", text, thinking, calls).into_iter().filter_map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ToolResult;

    #[test]
    fn reasoning_goes_back_before_what_followed_it() {
        let item = json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "opaque"});
        let thought = Thinking {
            redacted: Some(item.to_string()),
            wire: Some("responses".into()),
            after_text: 5,
            ..Thinking::default()
        };
        let call = ToolCall { call: "c".into(), name: "read".into(), input: json!({"a": 1}), invalid: None };
        let request = Request {
            model: "gpt-5.4".into(),
            system: "Be brief.".into(),
            messages: vec![
                Message::User { text: "go".into() },
                Message::Assistant { text: "First".into(), thinking: vec![thought], calls: vec![call] },
                Message::Tools { results: vec![ToolResult { call: "c".into(), ok: true, output: "x".into() }] },
            ],
            tools: vec![ToolSpec { name: "read".into(), description: "R".into(), input_schema: json!({}) }],
            max_tokens: 9,
            temperature: None,
        };
        assert_eq!(
            outgoing(&request).body,
            json!({
                "model": "gpt-5.4", "stream": true, "store": false, "max_output_tokens": 16,
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "go"}]},
                    {"role": "assistant", "content": [{"type": "output_text", "text": "First"}]},
                    item,
                    {"type": "function_call", "call_id": "c", "name": "read", "arguments": "{\"a\":1}"},
                    {"type": "function_call_output", "call_id": "c", "output": "x"},
                ],
                "instructions": "Be brief.",
                "include": ["reasoning.encrypted_content"],
                "tools": [{"type": "function", "name": "read", "description": "R", "parameters": {}, "strict": false}],
            })
        );
    }
}
