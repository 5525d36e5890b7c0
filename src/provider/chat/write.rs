//! A request as chat completions want it.

use serde_json::{Map, Value, json};

use crate::domain::{Message, Thinking, ToolCall, ToolSpec};
use crate::provider::Request;
use crate::provider::quirks::{Quirks, ReasoningBack, reasons};
use crate::provider::wire::Outgoing;

/// Writes the request.
pub(in crate::provider) fn outgoing(request: &Request, quirks: &Quirks) -> Outgoing {
    let limit =
        if quirks.max_completion_tokens && reasons(&request.model) { "max_completion_tokens" } else { "max_tokens" };
    let mut body = json!({
        "model": request.model,
        "stream": true,
        limit: request.max_tokens,
        "messages": messages(request, quirks),
    });
    if let Some(temperature) = request.temperature {
        body["temperature"] = json!(temperature);
    }
    if quirks.stream_usage {
        body["stream_options"] = json!({"include_usage": true});
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    Outgoing { path: "/chat/completions".to_owned(), headers: vec![], body }
}

fn tool(tool: &ToolSpec) -> Value {
    json!({"type": "function", "function":
        {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}})
}

fn messages(request: &Request, quirks: &Quirks) -> Value {
    let mut written = Vec::new();
    if !request.system.trim().is_empty() {
        written.push(json!({"role": "system", "content": words(&request.system, quirks)}));
    }
    let last_user = request.messages.iter().rposition(|message| matches!(message, Message::User { .. }));
    for (index, message) in request.messages.iter().enumerate() {
        match message {
            Message::User { text } if Some(index) == last_user => {
                written.push(json!({"role": "user", "content": words(text, quirks)}));
            }
            Message::User { text } => written.push(json!({"role": "user", "content": text})),
            Message::Assistant { text, calls, .. } if text.is_empty() && calls.is_empty() => {}
            Message::Assistant { text, thinking, calls } => {
                written.push(answer(text, thinking, calls, quirks));
            }
            Message::Tools { results } => written.extend(results.iter().map(|result| {
                let id = call_id(result.call.as_str(), quirks);
                let content = if result.ok { result.output.clone() } else { format!("Error: {}", result.output) };
                json!({"role": "tool", "tool_call_id": id, "content": content})
            })),
        }
    }
    Value::Array(written)
}

/// A text; where the provider caches marked stretches, one that ends such a stretch.
fn words(text: &str, quirks: &Quirks) -> Value {
    if quirks.cache_control {
        json!([{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}])
    } else {
        json!(text)
    }
}

fn answer(text: &str, thinking: &[Thinking], calls: &[ToolCall], quirks: &Quirks) -> Value {
    let mut message = Map::new();
    message.insert("role".into(), json!("assistant"));
    let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { json!(text) };
    message.insert("content".into(), content);
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.iter().map(|call| written_call(call, quirks)).collect());
    }
    let own = || thinking.iter().filter(|thought| thought.wire.as_deref() == Some("chat"));
    match quirks.reasoning_back {
        Some(ReasoningBack::ReasoningContent) if !calls.is_empty() => {
            let reasoning: String = own().map(|thought| thought.text.as_str()).collect();
            message.insert("reasoning_content".into(), json!(reasoning));
        }
        Some(ReasoningBack::ReasoningDetails) => {
            let details: Vec<Value> = own()
                .filter_map(|thought| serde_json::from_str::<Vec<Value>>(thought.redacted.as_deref()?).ok())
                .flatten()
                .collect();
            if !details.is_empty() {
                message.insert("reasoning_details".into(), Value::Array(details));
            }
        }
        _ => {}
    }
    Value::Object(message)
}

fn written_call(call: &ToolCall, quirks: &Quirks) -> Value {
    // Arguments that were no JSON go back as an empty object: several servers refuse to read their own broken text.
    let arguments = if call.input.is_object() { call.input.to_string() } else { "{}".to_owned() };
    json!({"id": call_id(call.call.as_str(), quirks), "type": "function",
        "function": {"name": call.name, "arguments": arguments}})
}

fn call_id(id: &str, quirks: &Quirks) -> String {
    let fits = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !quirks.short_call_ids || fits {
        return id.to_owned();
    }
    // FNV-1a, so that a call and its result shrink to the same id.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in id.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{:09x}", hash & 0xf_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ToolResult;

    fn conversation() -> Request {
        let call = ToolCall { call: "call_0123".into(), name: "read".into(), input: json!({"a": 1}), invalid: None };
        let broken = ToolCall { call: "b".into(), name: "read".into(), input: Value::Null, invalid: Some("{".into()) };
        let thought = Thinking {
            text: "hm".into(),
            wire: Some("chat".into()),
            redacted: Some("[{\"type\":\"reasoning.text\",\"text\":\"hm\"}]".into()),
            ..Thinking::default()
        };
        Request {
            model: "m".into(),
            system: "Be brief.".into(),
            messages: vec![
                Message::User { text: "go".into() },
                Message::Assistant { text: String::new(), thinking: vec![thought], calls: vec![call, broken] },
                Message::Tools {
                    results: vec![
                        ToolResult { call: "call_0123".into(), ok: true, output: "x".into() },
                        ToolResult { call: "b".into(), ok: false, output: "cut off".into() },
                    ],
                },
            ],
            tools: vec![ToolSpec { name: "read".into(), description: "Reads.".into(), input_schema: json!({}) }],
            max_tokens: 9,
            temperature: None,
        }
    }

    #[test]
    fn the_plain_wire() {
        let outgoing = outgoing(&conversation(), &Quirks::default());
        assert_eq!(outgoing.path, "/chat/completions");
        assert_eq!(
            outgoing.body,
            json!({
                "model": "m", "stream": true, "max_tokens": 9,
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "go"},
                    {"role": "assistant", "content": null, "tool_calls": [
                        {"id": "call_0123", "type": "function",
                            "function": {"name": "read", "arguments": "{\"a\":1}"}},
                        {"id": "b", "type": "function", "function": {"name": "read", "arguments": "{}"}}]},
                    {"role": "tool", "tool_call_id": "call_0123", "content": "x"},
                    {"role": "tool", "tool_call_id": "b", "content": "Error: cut off"},
                ],
                "stream_options": {"include_usage": true},
                "tools": [{"type": "function",
                    "function": {"name": "read", "description": "Reads.", "parameters": {}}}],
            })
        );
    }

    #[test]
    fn quirks_change_what_they_name() {
        let quirks = Quirks {
            max_completion_tokens: true,
            stream_usage: false,
            short_call_ids: true,
            cache_control: true,
            reasoning_back: Some(ReasoningBack::ReasoningDetails),
            ..Quirks::default()
        };
        let reasoning = Request { model: "gpt-5.4".into(), ..conversation() };
        let body = outgoing(&reasoning, &quirks).body;
        assert_eq!((&body["max_completion_tokens"], &body["max_tokens"]), (&json!(9), &Value::Null));
        assert_eq!(body["stream_options"], Value::Null);
        let messages = body["messages"].as_array().unwrap();
        assert_eq!(messages[1]["content"][0]["cache_control"]["type"], "ephemeral");
        assert_eq!(messages[2]["reasoning_details"][0]["text"], "hm");
        let id = messages[2]["tool_calls"][1]["id"].as_str().unwrap();
        assert_eq!(id.len(), 9);
        assert_eq!(messages[4]["tool_call_id"], id);
        let back = Quirks { reasoning_back: Some(ReasoningBack::ReasoningContent), ..Quirks::default() };
        assert_eq!(outgoing(&conversation(), &back).body["messages"][2]["reasoning_content"], "hm");
    }
}
