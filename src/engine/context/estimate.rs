//! How many tokens a conversation takes: what the provider counted last, and a guess for what came after.

use crate::domain::{Message, ToolCall};

use super::super::rules::Rules;
use super::super::session::{Call, Item, ItemKind, Session};

/// Four bytes a token is near enough for prose and code; the framing of a message costs a few more.
pub fn tokens(text: &str) -> u64 {
    text.len() as u64 / 4 + 4
}

/// Tokens of the next request.
pub fn estimate(session: &Session, rules: &Rules) -> u64 {
    let counted = session.items.iter().enumerate().rev().find_map(|(place, item)| match &item.kind {
        ItemKind::Answer(answer) if answer.context > 0 && is_current(session, item) => {
            Some((place, answer.context + answer.written, answer))
        }
        _ => None,
    });
    let summary = session.summary.as_ref().map_or(0, |summary| tokens(&summary.text));
    let guess = fixed(rules) + summary + session.items.iter().map(item_tokens).sum::<u64>();
    match counted {
        Some((place, counted, answer)) => {
            let results: u64 = answer.calls.iter().map(result_tokens).sum();
            let after: u64 = session.items[place + 1..].iter().map(item_tokens).sum();
            // Some servers leave out what they had cached, so a count far below the guess is not believed.
            (counted + results + after).max(guess * 3 / 4)
        }
        None => guess,
    }
}

/// Tokens of the next request once everything up to a record is replaced by a summary.
pub fn estimate_after(session: &Session, rules: &Rules, upto: u64, summary: &str) -> u64 {
    let kept: u64 = session.items.iter().filter(|item| item.seq > upto).map(item_tokens).sum();
    fixed(rules) + tokens(summary) + kept
}

fn is_current(session: &Session, item: &Item) -> bool {
    item.seq > session.model_since && session.summary.as_ref().is_none_or(|summary| item.seq > summary.made)
}

/// What every request carries: the system prompt and the tools.
pub fn fixed(rules: &Rules) -> u64 {
    let tools: u64 = rules
        .specs
        .iter()
        .map(|spec| tokens(&spec.name) + tokens(&spec.description) + tokens(&spec.input_schema.to_string()))
        .sum();
    tokens(&rules.system) + tools
}

/// Tokens of a piece of the conversation.
pub fn item_tokens(item: &Item) -> u64 {
    match &item.kind {
        ItemKind::User { text } | ItemKind::Told { text } => tokens(text),
        ItemKind::Shell(call) => call_tokens(&call.call) + result_tokens(call),
        ItemKind::Answer(answer) => {
            let thinking: u64 = answer.thinking.iter().map(|thinking| tokens(&thinking.text)).sum();
            let calls: u64 = answer.calls.iter().map(|call| call_tokens(&call.call) + result_tokens(call)).sum();
            tokens(&answer.text) + thinking + calls
        }
    }
}

/// Tokens of messages as they are sent.
pub fn message_tokens(message: &Message) -> u64 {
    match message {
        Message::User { text } => tokens(text),
        Message::Assistant { text, thinking, calls } => {
            tokens(text)
                + thinking.iter().map(|thinking| tokens(&thinking.text)).sum::<u64>()
                + calls.iter().map(call_tokens).sum::<u64>()
        }
        Message::Tools { results } => results.iter().map(|result| tokens(&result.output)).sum(),
    }
}

fn call_tokens(call: &ToolCall) -> u64 {
    tokens(&call.name) + tokens(&call.input.to_string())
}

fn result_tokens(call: &Call) -> u64 {
    call.result.as_ref().map_or(0, |result| tokens(&result.output))
}
