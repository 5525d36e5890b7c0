//! Bodies of answers as providers stream them, built from what a test wants to say.

use serde_json::{Value, json};

use super::server::Answer;

/// One call: id, name, arguments.
pub type Call<'a> = (&'a str, &'a str, Value);

/// An Anthropic message with this text.
pub fn anthropic_text(text: &str) -> Answer {
    anthropic(text, &[])
}

/// An Anthropic message with text (may be empty) and calls, as a stream of events.
pub fn anthropic(text: &str, calls: &[Call<'_>]) -> Answer {
    Answer::events(anthropic_body(text, calls))
}

/// The body of [`anthropic`].
pub fn anthropic_body(text: &str, calls: &[Call<'_>]) -> String {
    let mut events = vec![json!({"type": "message_start", "message": {
        "id": "msg_test", "type": "message", "role": "assistant", "model": "claude-test", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 11, "output_tokens": 1}}})];
    let mut index = 0;
    if !text.is_empty() {
        let block = json!({"type": "text", "text": ""});
        let deltas = halves(text).map(|piece| json!({"type": "text_delta", "text": piece}));
        anthropic_block(&mut events, index, &block, deltas);
        index += 1;
    }
    for (id, name, input) in calls {
        let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
        let raw = input.to_string();
        let deltas = halves(&raw).map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
        anthropic_block(&mut events, index, &block, deltas);
        index += 1;
    }
    let stop = if calls.is_empty() { "end_turn" } else { "tool_use" };
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
        "usage": {"output_tokens": 7}}));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

fn anthropic_block(events: &mut Vec<Value>, index: usize, block: &Value, deltas: impl Iterator<Item = Value>) {
    events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
    events.extend(deltas.map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})));
    events.push(json!({"type": "content_block_stop", "index": index}));
}

/// A chat completion with this text.
pub fn chat_text(text: &str) -> Answer {
    chat(text, &[])
}

/// A chat completion with text (may be empty) and calls, as a stream of events.
pub fn chat(text: &str, calls: &[Call<'_>]) -> Answer {
    Answer::events(chat_body(text, calls))
}

/// The body of [`chat`].
pub fn chat_body(text: &str, calls: &[Call<'_>]) -> String {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    deltas.extend(halves(text).filter(|piece| !piece.is_empty()).map(|piece| json!({"content": piece})));
    for (index, (id, name, input)) in calls.iter().enumerate() {
        deltas.push(json!({"tool_calls": [{"index": index, "id": id, "type": "function",
            "function": {"name": name, "arguments": ""}}]}));
        let raw = input.to_string();
        deltas.extend(
            halves(&raw).map(|piece| json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})),
        );
    }
    let stop = if calls.is_empty() { "stop" } else { "tool_calls" };
    let chunk = |delta: &Value, stop: Option<&str>| {
        json!({"id": "chatcmpl-test", "object": "chat.completion.chunk", "model": "chat-test",
            "choices": [{"index": 0, "delta": delta, "finish_reason": stop}]})
    };
    let mut events: Vec<Value> = deltas.iter().map(|delta| chunk(delta, None)).collect();
    events.push(chunk(&json!({}), Some(stop)));
    events.push(json!({"id": "chatcmpl-test", "object": "chat.completion.chunk", "model": "chat-test", "choices": [],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}));
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    body + "data: [DONE]\n\n"
}

/// Two pieces, cut at a character in the middle.
fn halves(text: &str) -> impl Iterator<Item = &str> {
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(text.len(), |(at, _)| at);
    let (first, second) = text.split_at(middle);
    [first, second].into_iter()
}
