//! What the engine is told: wishes of the user, and how the work it started came out.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{Command, Evidence, Proposal, RepoPath, SessionId};
use crate::provider::{Chunk, ProviderError, Reply};
use crate::tool::protocol::Delegate;

use super::work::{JobId, Selected};

/// Something that reaches the engine, with the time it did.
#[derive(Clone, Debug)]
pub struct Input {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What reaches the engine.
#[derive(Clone, Debug)]
pub enum What {
    /// A wish of the user.
    Command(Command),
    /// A piece of an answer.
    Chunk(JobId, Chunk),
    /// A gate ended.
    Reported(JobId, Evidence),
    /// A step of the plan was looked at.
    Checked(JobId, Checked),
    /// A session for a delegated task was opened.
    Delegated {
        /// The piece of work.
        job: JobId,
        /// The session.
        session: SessionId,
        /// Agent and task.
        order: Delegate,
    },
    /// A piece of work ended; nothing more comes of it.
    Ended(JobId, Outcome),
    /// The session was read from its journal and goes on.
    Resumed,
    /// Nothing new; look what there is to do. Follows every step that changed something.
    Next,
}

/// A step of the plan that was looked at; see [`crate::domain::Event::StepChecked`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The step; counts from 1.
    pub step: usize,
    /// What it is called.
    pub title: String,
    /// What was run.
    pub check: String,
    /// It is as it was to be.
    pub ok: bool,
    /// How it ended, in one line.
    pub reason: String,
    /// Milliseconds it took.
    pub ms: u64,
}

/// How a piece of work came out.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The model answered.
    Replied(Box<Result<Reply, ProviderError>>),
    /// A tool answered.
    Returned(Returned),
    /// The call did not run: the user has to allow this first.
    NeedsPermission(String),
    /// The draft was frozen.
    Drafted(Result<Drafted, String>),
    /// Every gate reported, or why they could not run.
    Proved(Result<(), String>),
    /// What the verdicts select.
    Selected(Result<Arc<Selected>, String>),
    /// The selection was committed, or not.
    Committed(Result<Written, CommitFailure>),
    /// A commit was taken back or brought forward again.
    Reverted(Result<Reverted, String>),
    /// The draft follows the user's tree again; files where both changed the same lines are named.
    Rebased(Result<Vec<RepoPath>, String>),
    /// The agent and the model that hold from now on.
    Chosen(Result<Chosen, String>),
    /// The review as the agent reads it.
    Reviewed(Result<String, String>),
    /// It was stopped before it came to an end.
    Stopped,
}

/// What a tool gave back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// Whether it did what was asked.
    pub ok: bool,
    /// What the model reads.
    pub output: String,
    /// Milliseconds it took.
    pub ms: u64,
}

/// A frozen draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drafted {
    /// What is different from base; `None` when nothing is.
    pub proposal: Option<Box<Proposal>>,
    /// What could not be taken in, and what else the workspace has to say.
    pub notes: Vec<String>,
}

/// A commit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name.
    pub oid: String,
    /// Its message, as hooks left it.
    pub message: String,
    /// The branch it is on.
    pub branch: Option<String>,
    /// The commit it took the place of.
    pub amends: Option<String>,
    /// The files it wrote.
    pub paths: Vec<RepoPath>,
    /// What else the user should hear.
    pub notes: Vec<String>,
}

/// Why a commit was not made. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitFailure {
    /// A hook made something else of the files; the draft holds its version now.
    Changed(String),
    /// These files are not what the proposal was made from.
    Stale(Vec<RepoPath>),
    /// Anything else, in words for the user.
    Refused(String),
}

/// A commit that was taken back or brought forward again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverted {
    /// The commit.
    pub oid: String,
    /// Where HEAD is now.
    pub head: Option<String>,
    /// The files that were written.
    pub paths: Vec<RepoPath>,
    /// What else the user should hear.
    pub notes: Vec<String>,
}

/// An agent and a model, found and ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Name of the agent.
    pub agent: String,
    /// The model as `provider/model`; empty when there is none.
    pub model: String,
    /// The tools it may call; `None` is all.
    pub tools: Option<Vec<String>>,
    /// The model's context window in tokens, when there is a model.
    pub context_window: Option<u64>,
    /// What was not as asked.
    pub notes: Vec<String>,
}
