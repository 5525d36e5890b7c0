//! What a front end asks of the engine, and what it sees in return.

use serde::{Deserialize, Serialize};

use super::{CallId, HunkVerdict, MessageId, PermissionId, ProposalId, Record};

/// What becomes of the accepted hunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitChoice {
    /// Commit only when every gate that ran on exactly this selection passed.
    #[default]
    Green,
    /// Commit although a gate failed or did not run; the commit says so in a trailer.
    Despite,
}

/// How accepted hunks become a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitWay {
    /// A new commit on the branch that is checked out.
    #[default]
    New,
    /// Into the last commit of the session, which has to be the one that is checked out.
    Amend,
    /// A new commit on a new branch of this name, which is checked out from then on.
    Branch(String),
}

/// What becomes of a review of a change that no agent made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// Put what is accepted into the index.
    Stage,
    /// Take what is rejected out of the working folder.
    Revert,
    /// Write the review down in markdown: into this file, relative to the repository, or one beside Tenon's own.
    Markdown(Option<String>),
}

/// A wish of the user. The engine answers with events, never with a return value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    /// Say something to the agent. While it works the message is queued.
    Say {
        /// The words.
        text: String,
    },
    /// Take a queued message back.
    Withdraw {
        /// The message.
        message: MessageId,
    },
    /// Answer a question the agent asked with the `ask` tool.
    Answer {
        /// The call that waits.
        call: CallId,
        /// The answer.
        text: String,
    },
    /// Answer a question for permission.
    Permit {
        /// The question.
        permission: PermissionId,
        /// Whether it may.
        allowed: bool,
        /// Do not ask again in this session for the same kind of request.
        always: bool,
    },
    /// Decide on hunks.
    Decide {
        /// The proposal.
        proposal: ProposalId,
        /// The verdicts; each replaces an earlier one on the same hunk.
        verdicts: Vec<HunkVerdict>,
    },
    /// Freeze the draft now, without waiting for the agent.
    Propose,
    /// Run the gates again.
    Prove {
        /// The proposal.
        proposal: ProposalId,
        /// Only these; all that concern the proposal when empty.
        #[serde(default)]
        gates: Vec<String>,
    },
    /// Commit the accepted hunks.
    Commit {
        /// The proposal.
        proposal: ProposalId,
        /// The message; the drafted one when absent.
        message: Option<String>,
        /// What to do about gates that are not green.
        choice: CommitChoice,
        /// As a new commit, into the last one, or on a new branch.
        #[serde(default)]
        way: CommitWay,
    },
    /// Send rejections and comments back to the agent as one review; starts a turn.
    Review {
        /// The proposal.
        proposal: ProposalId,
        /// What the user adds to it.
        text: Option<String>,
    },
    /// Take the last commit of this session back.
    Undo,
    /// Bring it forward again.
    Redo,
    /// Take one commit of this session back, whatever lies on top of it.
    TakeBack {
        /// The commit.
        commit: String,
    },
    /// Bring one commit that was taken back forward again.
    BringBack {
        /// The commit.
        commit: String,
    },
    /// Go back to before a message: the conversation, the draft, and the session's commits since.
    Rewind {
        /// The message.
        message: MessageId,
    },
    /// End a review of a change that no agent made.
    Finish {
        /// The proposal.
        proposal: ProposalId,
        /// What becomes of it.
        how: Finish,
    },
    /// Run a shell command of the user in the workspace.
    Shell {
        /// The command line.
        command: String,
    },
    /// Hand a task to another agent, which works on it in a session and a workspace of its own.
    Delegate {
        /// Its name.
        agent: String,
        /// The task, complete in itself.
        task: String,
    },
    /// Work as another agent from the next turn on.
    UseAgent {
        /// Its name.
        agent: String,
    },
    /// Use another model from the next request on.
    UseModel {
        /// `provider/model`.
        model: String,
    },
    /// Replace the conversation so far by a summary.
    Compact,
    /// Stop what is running: the request, the command, the gates.
    Interrupt,
    /// End the session in order.
    Close,
}

/// What passes by and is never journaled. Losing one is allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum Progress {
    /// More of the answer that is being written.
    Text {
        /// The piece.
        text: String,
    },
    /// More of the thinking.
    Thinking {
        /// The piece.
        text: String,
    },
    /// More output of a running tool.
    ToolOutput {
        /// The call.
        call: CallId,
        /// The piece, as it came: unsanitised.
        text: String,
    },
    /// More output of a running gate.
    GateOutput {
        /// The proposal.
        proposal: ProposalId,
        /// The gate.
        gate: String,
        /// The piece, as it came: unsanitised.
        text: String,
    },
    /// What is being waited for: "request 3", "retry 2 of 5 in 4 s: overloaded", "gate tests".
    Waiting {
        /// In a few words.
        what: String,
    },
    /// The answer in the making was dropped and starts again (a retry after a broken stream).
    Restarted,
}

/// What a front end receives, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// Something happened; already in the journal.
    Record(Record),
    /// Something passes by.
    Progress(Progress),
    /// The engine cannot go on, because its journal cannot be written; the last update of a session.
    Failed(String),
}
