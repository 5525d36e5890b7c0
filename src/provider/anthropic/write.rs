//! A request as Messages wants it.

use serde_json::{Value, json};

use crate::domain::{Message, Thinking, ToolCall};
use crate::provider::Request;
use crate::provider::order::{Piece, ordered};
use crate::provider::wire::Outgoing;

/// The version of the protocol this wire speaks.
const VERSION: &str = "2023-06-01";

/// Writes the request. The last tool, the system prompt and the two last messages of the user end stretches that the
/// provider may keep in its cache.
pub(in crate::provider) fn outgoing(request: &Request) -> Outgoing {
    let mut body = json!({
        "model": request.model,
        "max_tokens": request.max_tokens,
        "stream": true,
        "messages": messages(&request.messages),
    });
    if !request.system.trim().is_empty() {
        body["system"] = json!([{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}]);
    }
    if !request.tools.is_empty() {
        let mut tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}))
            .collect();
        mark(tools.last_mut());
        body["tools"] = Value::Array(tools);
    }
    Outgoing { path: "/messages".to_owned(), headers: vec![("anthropic-version", VERSION.to_owned())], body }
}

fn messages(messages: &[Message]) -> Value {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        let (role, blocks) = match message {
            Message::User { text } => ("user", text_block(text).into_iter().collect()),
            Message::Assistant { text, thinking, calls } => ("assistant", answer(text, thinking, calls)),
            Message::Tools { results } => {
                let block = |result: &crate::domain::ToolResult| {
                    json!({"type": "tool_result", "tool_use_id": call_id(result.call.as_str()),
                        "content": result.output, "is_error": !result.ok})
                };
                ("user", results.iter().map(block).collect())
            }
        };
        match turns.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, before)) if *last == role => before.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    for (_, blocks) in turns.iter_mut().filter(|(role, _)| *role == "user").rev().take(2) {
        mark(blocks.last_mut());
    }
    turns.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect()
}

/// The blocks of an answer in the order in which they came. Thinking without the provider's signature is not taken
/// back.
fn answer(text: &str, thinking: &[Thinking], calls: &[ToolCall]) -> Vec<Value> {
    let block = |piece| match piece {
        Piece::Text(text) => text_block(text),
        Piece::Call(call) => Some(call_block(call)),
        Piece::Thought(Thinking { redacted: Some(data), .. }) => {
            Some(json!({"type": "redacted_thinking", "data": data}))
        }
        Piece::Thought(Thinking { text, signature: Some(signature), .. }) => {
            Some(json!({"type": "thinking", "thinking": text, "signature": signature}))
        }
        Piece::Thought(_) => None,
    };
    ordered("anthropic", text, thinking, calls).into_iter().filter_map(block).collect()
}

/// Blocks without words are refused by the provider.
fn text_block(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}))
}

fn call_block(call: &ToolCall) -> Value {
    let input = if call.input.is_object() { call.input.clone() } else { json!({}) };
    json!({"type": "tool_use", "id": call_id(call.call.as_str()), "name": call.name, "input": input})
}

/// Ids of other providers may hold characters that this one refuses.
fn call_id(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect()
}

fn mark(block: Option<&mut Value>) {
    if let Some(block) = block {
        block["cache_control"] = json!({"type": "ephemeral"});
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ToolResult, ToolSpec};

    fn call(id: &str) -> ToolCall {
        ToolCall { call: id.into(), name: "read".into(), input: json!({"path": "a"}), invalid: None }
    }

    #[test]
    fn blocks_keep_their_order_and_thinking_goes_back_unchanged() {
        let signed = |text: &str, after_text, after_calls| Thinking {
            text: text.into(),
            signature: Some(format!("sig-{text}")),
            after_text,
            after_calls,
            ..Thinking::default()
        };
        let redacted = Thinking { redacted: Some("opaque".into()), ..Thinking::default() };
        let foreign = Thinking { wire: Some("chat".into()), signature: Some("no".into()), ..Thinking::default() };
        let blocks = answer(
            "First.Second.",
            &[signed("a", 0, 0), redacted, foreign, signed("b", 6, 0), signed("c", 13, 1)],
            &[call("c1"), call("c2")],
        );
        let kinds: Vec<&str> = blocks.iter().map(|block| block["type"].as_str().unwrap()).collect();
        assert_eq!(
            kinds,
            ["thinking", "redacted_thinking", "text", "thinking", "text", "tool_use", "thinking", "tool_use"]
        );
        assert_eq!(blocks[0], json!({"type": "thinking", "thinking": "a", "signature": "sig-a"}));
        assert_eq!(blocks[1], json!({"type": "redacted_thinking", "data": "opaque"}));
        assert_eq!(blocks[2]["text"], "First.");
    }

    #[test]
    fn results_and_words_of_the_user_share_a_turn() {
        let result = ToolResult { call: "functions.read:0".into(), ok: false, output: "no such file".into() };
        let outgoing = outgoing(&Request {
            model: "claude".into(),
            system: "Be brief.".into(),
            messages: vec![
                Message::User { text: "go".into() },
                Message::Assistant { text: " ".into(), thinking: vec![], calls: vec![call("functions.read:0")] },
                Message::Tools { results: vec![result] },
                Message::User { text: "and?".into() },
                Message::Assistant { text: String::new(), thinking: vec![], calls: vec![] },
            ],
            tools: vec![ToolSpec {
                name: "read".into(),
                description: "Reads.".into(),
                input_schema: json!({"type": "object"}),
            }],
            max_tokens: 100,
            temperature: None,
        });
        let cached = json!({"type": "ephemeral"});
        assert_eq!(
            outgoing.body,
            json!({
                "model": "claude", "max_tokens": 100, "stream": true,
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "go", "cache_control": cached}]},
                    {"role": "assistant", "content": [
                        {"type": "tool_use", "id": "functions_read_0", "name": "read", "input": {"path": "a"}}]},
                    {"role": "user", "content": [
                        {"type": "tool_result", "tool_use_id": "functions_read_0", "content": "no such file",
                            "is_error": true},
                        {"type": "text", "text": "and?", "cache_control": cached}]},
                ],
                "system": [{"type": "text", "text": "Be brief.", "cache_control": cached}],
                "tools": [{"name": "read", "description": "Reads.", "input_schema": {"type": "object"},
                    "cache_control": cached}],
            })
        );
        assert_eq!(outgoing.headers, [("anthropic-version", "2023-06-01".to_owned())]);
    }
}
