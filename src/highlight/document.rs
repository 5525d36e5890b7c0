//! A text that is highlighted piece by piece.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use syntect::parsing::{ParseState, ScopeStack, SyntaxReference};

use super::tokens::{Token, meaning};
use super::{LONGEST_LINE, Line, MOST_BYTES, MOST_LINES, languages};

/// The state of the parser is kept every so many lines: keeping one costs next to nothing.
const STRIDE: usize = 64;

/// A text that is highlighted as it comes into view.
///
/// A grammar can only be followed from the start. The states it passes through are kept, so that a view that starts
/// in the middle costs at most 64 lines more than it shows once the text before it has been seen.
///
/// It stays on the thread that opened it: the parser's states hold what the regular expression engine captured, which
/// cannot be sent. What it returns can.
#[derive(Debug)]
pub struct Document {
    text: Arc<str>,
    /// Where each line starts; empty when the text stays plain.
    starts: Vec<usize>,
    states: RefCell<Vec<State>>,
}

#[derive(Clone, Debug)]
struct State {
    parser: ParseState,
    scopes: ScopeStack,
}

impl Document {
    pub(super) fn new(syntax: Option<&'static SyntaxReference>, text: Arc<str>) -> Self {
        let states = match syntax {
            Some(syntax) if text.len() <= MOST_BYTES => {
                vec![State { parser: ParseState::new(syntax), scopes: ScopeStack::new() }]
            }
            _ => Vec::new(),
        };
        let mut starts = Vec::new();
        if !states.is_empty() {
            let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
            starts.extend(std::iter::once(0).chain(ends).filter(|start| *start < text.len()).take(MOST_LINES + 1));
        }
        if starts.len() > MOST_LINES {
            starts.clear();
        }
        Self { text, starts, states: RefCell::new(states) }
    }

    /// How many lines can be highlighted: 0 when the text stays plain.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether the text stays plain.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The ranges of these lines, counted from 0. Lines beyond the end are left out.
    pub fn lines(&self, range: Range<usize>) -> Vec<Line> {
        let range = range.start.min(self.len())..range.end.min(self.len());
        if range.is_empty() {
            return Vec::new();
        }
        let mut states = self.states.borrow_mut();
        let known = (range.start / STRIDE).min(states.len().saturating_sub(1));
        let Some(mut state) = states.get(known).cloned() else { return Vec::new() };
        let mut lines = Vec::with_capacity(range.len());
        for index in known * STRIDE..range.end {
            if index == states.len() * STRIDE {
                states.push(state.clone());
            }
            let line = state.line(self.line(index), index >= range.start);
            if index >= range.start {
                lines.push(line);
            }
        }
        lines
    }

    /// A line without its end.
    fn line(&self, index: usize) -> &str {
        let end = self.starts.get(index + 1).copied().unwrap_or(self.text.len());
        self.text[self.starts[index]..end].trim_end_matches(['\n', '\r'])
    }
}

impl State {
    /// Parses a line; without `wanted` only the state moves on.
    fn line(&mut self, line: &str, wanted: bool) -> Line {
        if line.len() > LONGEST_LINE {
            return Line::new();
        }
        let Ok(changes) = self.parser.parse_line(&format!("{line}\n"), languages::syntaxes()) else {
            return Line::new();
        };
        let mut ranges = Line::new();
        let mut from = 0;
        for (at, change) in changes {
            if wanted && at > from {
                push(&mut ranges, from..at.min(line.len()), meaning(&self.scopes));
                from = at;
            }
            if self.scopes.apply(&change).is_err() {
                break;
            }
        }
        if wanted {
            push(&mut ranges, from..line.len(), meaning(&self.scopes));
        }
        ranges
    }
}

/// Adds a range; neighbours that mean the same become one.
fn push(ranges: &mut Line, range: Range<usize>, token: Option<Token>) {
    let Some(token) = token.filter(|_| range.start < range.end) else { return };
    match ranges.last_mut() {
        Some((before, same)) if *same == token && before.end == range.start => before.end = range.end,
        _ => ranges.push((range, token)),
    }
}
