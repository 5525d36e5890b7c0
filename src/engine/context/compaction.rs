//! Making room: which part of a conversation a summary replaces, how it is asked for, and what is done without one.

use crate::domain::Message;
use crate::provider::Request;

use super::super::rules::{ModelRules, Rules};
use super::super::session::{Item, ItemKind, Session};
use super::estimate::{fixed, item_tokens, message_tokens};

const DROPPED: &str = "[output dropped to fit the context window; call the tool again if you need it]";

/// The record up to which the conversation is replaced. The end of it stays: a fifth of the window, at the least what
/// the conversation waits on. `None` when that would not gain anything.
pub fn cut(session: &Session, model: &ModelRules) -> Option<u64> {
    let mut kept = 0;
    let mut first = session.items.len();
    let mut drives = false;
    for (place, item) in session.items.iter().enumerate().rev() {
        kept += item_tokens(item);
        if drives && kept > model.window / 5 {
            break;
        }
        first = place;
        drives |= matches!(item.kind, ItemKind::User { .. } | ItemKind::Answer(_));
    }
    // A summary in the place of next to nothing would only be asked for again and again.
    let gained: u64 = session.items[..first].iter().map(item_tokens).sum();
    if first == 0 || gained < model.window / 20 {
        return None;
    }
    session.items.get(first).map(|item| item.seq.saturating_sub(1))
}

/// Asks the model itself for a summary. System prompt and tools stay, so that the wire's cache holds.
pub fn summary_request(session: &Session, rules: &Rules, model: &ModelRules) -> Request {
    let mut request = super::request(session, rules, model);
    let wish = "Write down for yourself what of this conversation you need to go on, because it is about to be \
                replaced by what you write: what the user wants (with every constraint they named), what was decided \
                and why, which files were read and changed and what matters in them, what was run with what result, \
                what is still to do, and what you were about to do next. Name files, functions, commands and values \
                exactly. Do not call any tool; answer with the text only.";
    match request.messages.last_mut() {
        Some(Message::User { text }) => {
            text.push_str("\n\n");
            text.push_str(wish);
        }
        _ => request.messages.push(Message::User { text: wish.to_owned() }),
    }
    request
}

/// Adds the user's last request word for word when it would go with what is replaced.
pub fn with_last_request(session: &Session, upto: u64, summary: String) -> String {
    let stays = session.items.iter().any(|item| item.seq > upto && matches!(item.kind, ItemKind::User { .. }));
    match &session.request {
        Some(request) if !stays => format!("{summary}\n\nThe user's last request, word for word:\n\n{request}"),
        _ => summary,
    }
}

/// A summary without a model: what was said and called, without the outputs.
pub fn plain_summary(session: &Session, upto: u64) -> String {
    let mut lines =
        vec!["(The earlier conversation was shortened mechanically; outputs of tools are left out.)".to_owned()];
    if let Some(summary) = &session.summary {
        lines.push(head(&summary.text, 4_000));
    }
    lines.extend(session.items.iter().filter(|item| item.seq <= upto).flat_map(plain));
    // The newest lines matter most when there are too many.
    let mut room = 16_000_usize;
    let kept = lines.iter().rev().take_while(|line| {
        room = room.saturating_sub(line.len() + 1);
        room > 0
    });
    let mut kept: Vec<&str> = kept.map(String::as_str).collect();
    kept.reverse();
    kept.join("\n")
}

fn plain(item: &Item) -> Vec<String> {
    let mut lines = Vec::new();
    match &item.kind {
        ItemKind::User { text } => lines.push(format!("User: {}", head(text, 1_000))),
        ItemKind::Told { text } => lines.push(format!("Note: {}", head(text, 300))),
        ItemKind::Answer(answer) if !answer.text.trim().is_empty() => {
            lines.push(format!("You: {}", head(answer.text.trim(), 600)));
        }
        _ => {}
    }
    for call in item.calls() {
        let result = match &call.result {
            Some(result) if result.ok => "ok",
            Some(_) => "failed",
            None => "open",
        };
        lines.push(format!("Call {} {}: {result}", call.call.name, head(&call.call.input.to_string(), 160)));
    }
    lines
}

fn head(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut head: String = text.chars().take(most).collect();
    head.push('…');
    head
}

/// The last resort: outputs of tools are dropped, the oldest first, until the request fits. Words stay.
pub fn fit(messages: &mut [Message], rules: &Rules, most: u64) {
    let mut size = fixed(rules) + messages.iter().map(message_tokens).sum::<u64>();
    for message in messages.iter_mut() {
        let Message::Tools { results } = message else { continue };
        for result in results.iter_mut() {
            if size <= most {
                return;
            }
            if result.output.len() > DROPPED.len() {
                size = size.saturating_sub((result.output.len() - DROPPED.len()) as u64 / 4);
                DROPPED.clone_into(&mut result.output);
            }
        }
    }
}
