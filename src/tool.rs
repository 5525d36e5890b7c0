//! What an agent can call: one file a tool.
//!
//! A [`Tool`] works on the workspace and returns text for the model. The tools `plan`, `ask`, `propose` and
//! `delegate` are steps of the protocol: they have a schema here, and the engine carries them out.

mod access;
mod api;
mod apply_patch;
mod catalogue;
mod deploy;
mod document;
mod edit;
mod http;
mod indent;
mod input;
mod list;
mod matching;
mod migrate;
mod nearest;
pub mod patch;
pub mod protocol;
mod read;
mod remove;
mod run;
mod search;
pub mod search_replace;
mod serve;
mod show;
mod stack;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::ToolSpec;
use crate::workspace::Workspace;

pub use catalogue::Tools;
pub use edit::replace::{Edit, EditError, Edited, edit_bytes};

/// What a tool has at hand.
#[derive(Clone)]
pub struct ToolContext {
    /// Where it works.
    pub workspace: Arc<dyn Workspace>,
    /// Output while it runs, for the log pane; raw bytes.
    pub output: mpsc::Sender<Vec<u8>>,
    /// Cancelled when the user interrupts.
    pub cancel: CancellationToken,
    /// The user allowed what [`Tool::permission`] asked for.
    pub permitted: bool,
}

/// What a tool gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolOutput {
    /// Whether it did what was asked.
    pub ok: bool,
    /// What the model reads: complete, cut in the middle where it is long, with what to do next where it failed.
    pub text: String,
}

/// Something an agent can call.
#[async_trait]
pub trait Tool: Send + Sync {
    /// Name, description and schema.
    fn spec(&self) -> ToolSpec;

    /// What the user has to allow before this input may run, in one line; `None` when nothing, which is the rule:
    /// the workspace holds everything else in.
    fn permission(&self, _input: &Value) -> Option<String> {
        None
    }

    /// One line that says what this input does, for the chat: "src/a.py", "pytest -q".
    fn summary(&self, input: &Value) -> String;

    /// Does it. Never panics on any input: an input that does not fit the schema is a failed output that names the
    /// valid fields.
    async fn call(&self, context: &ToolContext, input: Value) -> ToolOutput;
}

impl ToolOutput {
    /// It did what was asked.
    pub fn done(text: impl Into<String>) -> Self {
        Self { ok: true, text: text.into() }
    }

    /// It did not; the text says why and what to do next.
    pub fn failed(text: impl Into<String>) -> Self {
        Self { ok: false, text: text.into() }
    }
}
