//! What the conversation is made of: the unit of layout, folding and caching.

use crate::domain::{CallId, ContentHash, NoteLevel, PermissionId, TurnEnd};

use super::checks::Checks;
use super::segments::Fence;

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// It runs.
    Running,
    /// It did what was asked.
    Done {
        /// Milliseconds it took.
        ms: u64,
    },
    /// It failed.
    Failed {
        /// Milliseconds it took.
        ms: u64,
    },
}

/// How a step of the plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    Open,
    /// Being worked on.
    Doing,
    /// Done, as the agent says.
    Done,
    /// Done, as the engine saw when it ran what the step is accepted by.
    Checked,
    /// Said to be done, and seen not to be.
    Refuted,
}

/// A call of a tool as the conversation shows it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// What it is about, in one line: the path, the command.
    pub about: String,
    /// How it stands.
    pub state: CallState,
    /// Lines added and removed, for edits.
    pub counts: Option<(usize, usize)>,
    /// Output so far, or what the tool answered.
    pub output: String,
}

/// One piece of the conversation. Texts are as they came; layout makes them safe.
#[derive(Clone, Debug)]
pub enum Item {
    /// The user said something.
    User {
        /// The words.
        text: String,
    },
    /// A piece of an answer.
    Answer {
        /// Markdown.
        text: String,
        /// The code block it continues.
        inside: Option<Fence>,
        /// It begins a block of its own: an empty row goes before it.
        apart: bool,
        /// Which answer it belongs to.
        run: u32,
    },
    /// Thinking.
    Thinking {
        /// The words.
        text: String,
        /// It has ended.
        done: bool,
    },
    /// A tool was called.
    Tool(Call),
    /// The plan.
    Plan(Vec<(String, StepState)>),
    /// Something worth knowing.
    Note {
        /// How important.
        level: NoteLevel,
        /// The words.
        text: String,
    },
    /// What came of the session: markdown of the program's own.
    Report(String),
    /// Something that happened to the repository, marked `✓`.
    Fact(String),
    /// A proposal is there to be looked at. What it is worth the gates say.
    Proposed {
        /// The words.
        text: String,
        /// What the gates check.
        subject: ContentHash,
    },
    /// What the gates found on a proposal.
    Checks(Checks),
    /// A question for permission.
    Permission {
        /// The question.
        id: PermissionId,
        /// What is to be allowed.
        what: String,
        /// The answer, once there is one.
        allowed: Option<bool>,
    },
    /// A question of the agent.
    Question {
        /// The call that waits.
        call: CallId,
        /// The question.
        text: String,
        /// Answers to choose from.
        options: Vec<String>,
        /// It was answered.
        answered: bool,
    },
    /// A turn ended in another way than by being done.
    Ended {
        /// Why.
        reason: TurnEnd,
        /// In one line.
        detail: Option<String>,
    },
}

/// An item with what its layout depends on.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The item.
    pub item: Item,
    /// Counts changes, so that a cached layout knows whether it is still right.
    pub revision: u64,
    /// Shown in full, where it can be folded.
    pub open: bool,
}

impl Entry {
    /// An item that was not changed yet.
    pub fn new(item: Item) -> Self {
        Self { item, revision: 0, open: false }
    }
}
