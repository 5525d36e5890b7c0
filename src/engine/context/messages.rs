//! From the pieces of a conversation to messages: it starts with the user, ends with the user or with results, and
//! every call is answered right after it was made.

use crate::domain::{Message, ToolResult};

use super::super::session::{Answer, Call, Item, ItemKind, Session};

/// What stands for a result that is not there. Wires refuse a call without one.
const NO_RESULT: &str = "Interrupted before it ended.";

/// All messages.
pub fn of(session: &Session) -> Vec<Message> {
    let mut messages = Vec::new();
    if let Some(summary) = &session.summary {
        say(&mut messages, format!("Summary of the conversation so far:\n\n{}", summary.text));
    }
    for item in &session.items {
        push(&mut messages, session, item);
    }
    while matches!(messages.last(), Some(Message::Assistant { .. })) {
        messages.pop();
    }
    if !matches!(messages.first(), Some(Message::User { .. })) {
        messages.insert(0, Message::User { text: "(the conversation goes on)".to_owned() });
    }
    messages
}

fn push(messages: &mut Vec<Message>, session: &Session, item: &Item) {
    match &item.kind {
        ItemKind::User { text } => say(messages, text.clone()),
        ItemKind::Told { text } => say(messages, format!("[note] {text}")),
        ItemKind::Shell(call) => say(messages, shell(call)),
        ItemKind::Answer(answer) => answered(messages, answer, item.seq > session.model_since),
    }
}

/// Words of the user follow each other in one message: some wires insist on taking turns.
fn say(messages: &mut Vec<Message>, text: String) {
    match messages.last_mut() {
        Some(Message::User { text: before }) => {
            before.push_str("\n\n");
            before.push_str(&text);
        }
        _ => messages.push(Message::User { text }),
    }
}

fn shell(call: &Call) -> String {
    let command = call.call.input.get("command").and_then(serde_json::Value::as_str).unwrap_or_default();
    let output = call.result.as_ref().map_or("(still running)", |result| result.output.as_str());
    format!("[note] The user ran `{command}` in the workspace:\n{output}")
}

fn answered(messages: &mut Vec<Message>, answer: &Answer, same_model: bool) {
    if answer.calls.is_empty() && answer.text.trim().is_empty() {
        return;
    }
    messages.push(Message::Assistant {
        text: answer.text.clone(),
        thinking: if same_model && answer.complete { answer.thinking.clone() } else { Vec::new() },
        calls: answer.calls.iter().map(sendable).collect(),
    });
    if !answer.calls.is_empty() {
        messages.push(Message::Tools { results: answer.calls.iter().map(result).collect() });
    }
}

/// Wires take only objects as arguments; what was garbled is quoted in the result anyway.
fn sendable(call: &Call) -> crate::domain::ToolCall {
    let mut call = call.call.clone();
    if !call.input.is_object() {
        call.input = serde_json::json!({});
    }
    call.invalid = None;
    call
}

fn result(call: &Call) -> ToolResult {
    call.result.clone().unwrap_or_else(|| ToolResult {
        call: call.call.call.clone(),
        ok: false,
        output: NO_RESULT.to_owned(),
    })
}
