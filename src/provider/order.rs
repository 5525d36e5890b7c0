//! The pieces of an answer in the order in which they came.

use crate::domain::{Thinking, ToolCall};

/// A piece of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Piece<'a> {
    /// Words; never only white space.
    Text(&'a str),
    /// Thinking of this wire.
    Thought(&'a Thinking),
    /// A call.
    Call(&'a ToolCall),
}

/// Puts an answer back into order for the wire it goes to. Thinking that came over another wire stays away: its
/// signatures mean nothing here.
pub(super) fn ordered<'a>(
    wire: &str,
    text: &'a str,
    thinking: &'a [Thinking],
    calls: &'a [ToolCall],
) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let (mut written, mut called) = (0, 0);
    for thought in thinking.iter().filter(|thought| thought.wire.as_deref().is_none_or(|from| from == wire)) {
        pieces.extend(text.get(written..thought.after_text).and_then(words));
        pieces.extend(calls.get(called..thought.after_calls).unwrap_or_default().iter().map(Piece::Call));
        written = written.max(thought.after_text);
        called = called.max(thought.after_calls);
        pieces.push(Piece::Thought(thought));
    }
    pieces.extend(text.get(written..).and_then(words));
    pieces.extend(calls.get(called..).unwrap_or_default().iter().map(Piece::Call));
    pieces
}

/// Providers refuse blocks without words.
fn words(text: &str) -> Option<Piece<'_>> {
    (!text.trim().is_empty()).then_some(Piece::Text(text))
}
