//! The conversation.
//!
//! Rows are laid out from the anchor outwards and only as far as the screen reaches, so a frame costs what is visible
//! and never what was said before. Laid-out items are kept by (revision, folding, width, theme).

mod checks;
mod fold;
mod item;
mod layout;
mod markdown;
mod rewind;
mod scroll;
mod segments;
mod tool_line;

use std::collections::HashMap;

use ratatui::text::Line;

use crate::domain::{CallId, MessageId, PermissionId};
use crate::tui::paint::Painter;
use crate::tui::theme::Theme;

use item::{Entry, Item};
use segments::Segmenter;

pub use layout::{count, duration};
pub use markdown::Look;
pub use tool_line::about;

/// What waits for the user's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// A permission.
    Permission {
        /// The question.
        id: PermissionId,
        /// What is to be allowed.
        what: String,
    },
    /// A question of the agent.
    Question {
        /// The call that waits.
        call: CallId,
        /// The question.
        text: String,
        /// Answers to choose from.
        options: Vec<String>,
    },
}

/// The state of the conversation's pane.
#[derive(Debug, Default)]
pub struct ChatPane {
    entries: Vec<Entry>,
    layouts: Vec<Option<Layout>>,
    calls: HashMap<CallId, usize>,
    queued: Vec<(MessageId, String)>,
    /// Messages that were said, with the entry each is.
    marks: Vec<(MessageId, usize)>,
    waiting: Vec<usize>,
    stream: Stream,
    runs: u32,
    /// Item and row at the top of the screen; `None` follows the end.
    top: Option<(usize, usize)>,
    /// What was at the top of the last frame while the end was followed.
    resting: Option<(usize, usize)>,
    /// Rows to scroll with the next frame; up is negative.
    pending_scroll: isize,
    /// The last frame came of going a page.
    paged: bool,
    visible: Vec<(usize, usize)>,
    height: usize,
    all_open: bool,
    card: Vec<String>,
}

#[derive(Debug)]
struct Layout {
    revision: u64,
    open: bool,
    width: usize,
    theme: String,
    rows: Vec<Line<'static>>,
}

/// An answer that is being written.
#[derive(Debug, Default)]
struct Stream {
    text: String,
    segmenter: Segmenter,
    /// The item that still grows.
    tail: Option<usize>,
    thinking: Option<usize>,
    /// There is text that no item shows yet.
    dirty: bool,
}

impl ChatPane {
    /// An empty conversation that shows `card` until something is said.
    pub fn new(card: Vec<String>) -> Self {
        Self { card, ..Self::default() }
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.queued.is_empty()
    }

    /// How many pieces the conversation has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// What waits for an answer, the oldest first.
    pub fn pending(&self) -> Option<Pending> {
        self.waiting.iter().find_map(|index| match &self.entries.get(*index)?.item {
            Item::Permission { id, what, allowed: None } => {
                Some(Pending::Permission { id: id.clone(), what: what.clone() })
            }
            Item::Question { call, text, options, answered: false } => {
                Some(Pending::Question { call: call.clone(), text: text.clone(), options: options.clone() })
            }
            _ => None,
        })
    }

    /// The message that was queued last.
    pub fn last_queued(&self) -> Option<&(MessageId, String)> {
        self.queued.last()
    }

    fn push(&mut self, item: Item) -> usize {
        self.close_tail();
        self.push_entry(item)
    }

    fn push_entry(&mut self, item: Item) -> usize {
        let mut entry = Entry::new(item);
        entry.open = self.all_open;
        self.entries.push(entry);
        self.layouts.push(None);
        self.entries.len() - 1
    }

    fn change(&mut self, index: usize, change: impl FnOnce(&mut Item)) {
        if let Some(entry) = self.entries.get_mut(index) {
            change(&mut entry.item);
            entry.revision += 1;
        }
    }

    /// Folds everything that can be folded, or unfolds it.
    pub fn toggle_fold(&mut self) {
        self.all_open = !self.all_open;
        for entry in &mut self.entries {
            entry.open = self.all_open;
        }
    }

    /// The rows on screen, from the top. [`ChatPane::prepare`] comes first.
    pub fn rows(&self) -> impl Iterator<Item = &Line<'static>> {
        self.visible.iter().filter_map(|(item, row)| self.layouts.get(*item)?.as_ref()?.rows.get(*row))
    }

    /// Rows that come after the conversation: messages that wait.
    pub fn queued_rows(&self, look: Look<'_>) -> Vec<Line<'static>> {
        self.queued.iter().flat_map(|(_, text)| layout::queued(text, look)).collect()
    }

    /// The rows of the card of an empty conversation.
    pub fn card_rows(&self, look: Look<'_>) -> Vec<Line<'static>> {
        layout::card(&self.card, look)
    }

    /// The last answer as it came.
    pub fn last_answer(&self) -> Option<String> {
        let last = self.entries.iter().rev().find_map(|entry| match &entry.item {
            Item::Answer { run, .. } => Some(*run),
            _ => None,
        })?;
        Some(self.answer(last))
    }

    fn answer(&self, wanted: u32) -> String {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.item {
                Item::Answer { text, run, .. } if *run == wanted => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The conversation as a markdown file.
    pub fn export(&self) -> String {
        use std::fmt::Write as _;
        let mut out = String::from("# Tenon session\n");
        let mut run = None;
        for entry in &self.entries {
            let _ = match &entry.item {
                Item::User { text } => write!(out, "\n## You\n\n{text}\n"),
                Item::Answer { text, run: this, .. } => {
                    let head = if run == Some(*this) { "" } else { "\n## Agent\n\n" };
                    run = Some(*this);
                    write!(out, "{head}{text}")
                }
                Item::Tool(call) => write!(out, "\n- `{}` {}\n", call.name, call.about),
                Item::Report(text) => write!(out, "\n{text}\n"),
                Item::Note { text, .. } | Item::Fact(text) | Item::Proposed { text, .. } => write!(out, "\n- {text}\n"),
                Item::Checks(checks) => write!(out, "\n- {}\n", checks.words()),
                Item::Permission { what, allowed: Some(true), .. } => write!(out, "\n- allowed: {what}\n"),
                Item::Permission { what, .. } => write!(out, "\n- asked: {what}\n"),
                Item::Question { text, .. } => write!(out, "\n- asked: {text}\n"),
                Item::Plan(steps) => steps.iter().try_for_each(|(title, _)| write!(out, "\n- plan: {title}\n")),
                Item::Thinking { .. } | Item::Ended { .. } => Ok(()),
            };
        }
        out
    }
}

/// What a frame of the conversation is made with.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// Cells a row may take.
    pub width: usize,
    /// Rows there are.
    pub height: usize,
    /// More is being written just now.
    pub growing: bool,
    /// Styles.
    pub theme: &'a Theme,
    /// Colours for code.
    pub painter: &'a Painter,
}
