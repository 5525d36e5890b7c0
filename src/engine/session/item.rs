//! The pieces of a conversation.

use crate::domain::{PermissionId, Thinking, ToolCall, ToolResult};

/// The name a shell command of the user's own is recorded under, as if it were a tool.
pub const SHELL: &str = "shell";

/// A piece of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The record it began with.
    pub seq: u64,
    /// What it is.
    pub kind: ItemKind,
}

/// What a piece of the conversation is.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemKind {
    /// The user said something.
    User {
        /// The words.
        text: String,
    },
    /// The model answered.
    Answer(Answer),
    /// The user ran a shell command in the workspace.
    Shell(Call),
    /// Something happened that the agent should know.
    Told {
        /// The words.
        text: String,
    },
}

/// An answer of the model with its calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The text; may be empty.
    pub text: String,
    /// Thinking in order.
    pub thinking: Vec<Thinking>,
    /// It came to its end.
    pub complete: bool,
    /// Why the model stopped, in the wire's own word.
    pub stop: Option<String>,
    /// Tokens of context it was given, as the provider counts them.
    pub context: u64,
    /// Tokens it wrote.
    pub written: u64,
    /// Its calls in order.
    pub calls: Vec<Call>,
}

impl Answer {
    /// The line broke before the model said why it stopped.
    pub fn broken(&self) -> bool {
        !self.complete && self.stop.is_none()
    }
}

/// A call and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What was called.
    pub call: ToolCall,
    /// Its result.
    pub result: Option<ToolResult>,
    /// The permission it waits for or got.
    pub question: Option<Question>,
}

/// A question for permission and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Its name.
    pub permission: PermissionId,
    /// What is to be allowed.
    pub what: String,
    /// The answer; `None` while the engine rests in the question.
    pub allowed: Option<bool>,
}

impl Call {
    /// A call that was just made.
    pub fn new(call: ToolCall) -> Self {
        Self { call, result: None, question: None }
    }

    /// It waits for its result.
    pub fn open(&self) -> bool {
        self.result.is_none()
    }

    /// It waits for the user's permission.
    pub fn asks(&self) -> bool {
        self.open() && self.question.as_ref().is_some_and(|question| question.allowed.is_none())
    }
}

impl Item {
    /// The calls in it.
    pub fn calls(&self) -> &[Call] {
        match &self.kind {
            ItemKind::Answer(answer) => &answer.calls,
            ItemKind::Shell(call) => std::slice::from_ref(call),
            ItemKind::User { .. } | ItemKind::Told { .. } => &[],
        }
    }

    pub(super) fn calls_mut(&mut self) -> &mut [Call] {
        match &mut self.kind {
            ItemKind::Answer(answer) => &mut answer.calls,
            ItemKind::Shell(call) => std::slice::from_mut(call),
            ItemKind::User { .. } | ItemKind::Told { .. } => &mut [],
        }
    }
}
