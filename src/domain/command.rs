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
    },
    /// Commit the accepted hunks.
    Commit {
        /// The proposal.
        proposal: ProposalId,
        /// The message; the drafted one when absent.
        message: Option<String>,
        /// What to do about gates that are not green.
        choice: CommitChoice,
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
