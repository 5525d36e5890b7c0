//! What happened, durably. The journal, the screen, headless output and resume all read this one list.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Budget, CallId, ContentHash, Evidence, FileChange, HunkVerdict, Isolation, MessageId, PermissionId, Proposal,
    ProposalId, RepoPath, ReviewItem, SessionId, Thinking, Usage,
};

/// The version of the record format, written into every record as `v`.
pub const RECORD_VERSION: u32 = 1;

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`RECORD_VERSION`] at the time of writing.
    pub v: u32,
    /// Counts from 1 without gaps within a session.
    pub seq: u64,
    /// When it was written, always told to the millisecond.
    #[serde(serialize_with = "milliseconds")]
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

fn milliseconds<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

/// How important a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteLevel {
    /// Good to know.
    Info,
    /// Something was not as asked.
    Warning,
    /// Something failed.
    Error,
}

/// Why a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    /// The agent came to rest by itself.
    Done,
    /// The user stopped it.
    Interrupted,
    /// The provider or the engine could not go on.
    Failed,
    /// A limit of the budget was reached.
    Budget,
}

/// Something that happened. Past tense, durable, never taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A session began. Always the first event of a journal.
    SessionOpened {
        /// The session.
        session: SessionId,
        /// The session that handed the task over, for one that was delegated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<SessionId>,
        /// Absolute path of the repository's working folder.
        repository: String,
        /// The branch at the time; `None` when HEAD is detached.
        #[serde(default)]
        branch: Option<String>,
        /// The commit HEAD was at; `None` when there is no commit yet.
        #[serde(default)]
        head: Option<String>,
        /// How the workspace is isolated.
        isolation: Isolation,
        /// Version of the program.
        version: String,
        /// What the project is written in, in a word or two: "python/fastapi".
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stack: Option<String>,
    },
    /// The session is a review of a change that no agent made.
    ReviewOpened {
        /// What is reviewed, as the user named it: `worktree`, `main..topic`, a patch file.
        source: String,
    },
    /// An agent and a model were chosen; the last one holds.
    AgentChosen {
        /// Name of the agent.
        agent: String,
        /// The model as `provider/model`.
        model: String,
        /// The tools the agent may call; `None` is all.
        #[serde(default)]
        tools: Option<Vec<String>>,
        /// Tokens that fit into a request of the model together with its answer, when it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context_window: Option<u64>,
    },
    /// The user said something. With `queued` it waits; the same id without `queued` is its delivery.
    UserSaid {
        /// The message.
        message: MessageId,
        /// The words.
        text: String,
        /// It was said while the agent worked and waits for the next step.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        queued: bool,
    },
    /// A queued message was taken back before it was delivered.
    Withdrawn {
        /// The message.
        message: MessageId,
    },
    /// The agent began to work.
    TurnStarted {
        /// Counts from 1.
        turn: u32,
        /// The limits that hold for it.
        budget: Budget,
    },
    /// The model answered. Its calls follow as [`Event::ToolCalled`].
    AssistantSaid {
        /// The text; may be empty.
        text: String,
        /// Whether the answer came to its end. `false` when it was interrupted, cut off by a limit or by the line.
        complete: bool,
        /// Thinking in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        thinking: Vec<Thinking>,
        /// Why the model stopped, in the wire's own word.
        #[serde(default)]
        stop: Option<String>,
        /// What the request used.
        #[serde(default)]
        usage: Usage,
    },
    /// The model called a tool.
    ToolCalled {
        /// Names the call.
        call: CallId,
        /// The tool.
        name: String,
        /// The arguments; `null` when they were not valid JSON.
        input: Value,
        /// The raw arguments when they were not valid JSON; such a call is answered with an error, never executed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invalid: Option<String>,
    },
    /// A tool answered.
    ToolReturned {
        /// The call.
        call: CallId,
        /// Whether it did what was asked.
        ok: bool,
        /// What the model reads.
        output: String,
        /// Milliseconds it took.
        #[serde(default)]
        ms: u64,
    },
    /// A call needs the user's permission; the engine rests until it is given or refused.
    PermissionAsked {
        /// Names the question.
        permission: PermissionId,
        /// The call that waits.
        call: CallId,
        /// What is to be allowed, in one line: "run `npm install` with network access".
        what: String,
    },
    /// The user answered.
    PermissionGiven {
        /// The question.
        permission: PermissionId,
        /// Whether it may.
        allowed: bool,
        /// It holds for the rest of the session, for the same kind of request.
        #[serde(default)]
        always: bool,
    },
    /// A draft was frozen. A proposal with a known id replaces the one before it.
    Proposed {
        /// The proposal.
        proposal: Proposal,
    },
    /// The engine ran what a step of the plan is accepted by, because the agent says that the step is done.
    StepChecked {
        /// The call of `plan` that said so.
        call: CallId,
        /// The step; counts from 1.
        step: usize,
        /// What the step is called.
        title: String,
        /// What was run.
        check: String,
        /// It is as it was to be.
        ok: bool,
        /// How it ended, in one line.
        reason: String,
        /// Milliseconds it took.
        #[serde(default)]
        ms: u64,
    },
    /// A gate ended.
    GateReported(Box<Evidence>),
    /// The self-review of a proposal, as far as the gates and the agent's answers go; a later one replaces it.
    SelfReviewed {
        /// The proposal.
        proposal: ProposalId,
        /// Exactly what was reviewed.
        subject: ContentHash,
        /// Topic by topic.
        items: Vec<ReviewItem>,
    },
    /// Failures of the gates went back to the agent, before the proposal was the user's to look at.
    SentBack {
        /// The proposal.
        proposal: ProposalId,
        /// Counts from 1 within the turn.
        round: u32,
        /// What the agent reads.
        text: String,
    },
    /// The user decided on hunks; later verdicts on the same hunk replace earlier ones.
    Decided {
        /// The proposal.
        proposal: ProposalId,
        /// The verdicts.
        verdicts: Vec<HunkVerdict>,
    },
    /// Accepted bytes were written to the tree.
    Applied {
        /// The proposal.
        proposal: ProposalId,
        /// The files written or removed.
        paths: Vec<RepoPath>,
    },
    /// Accepted bytes became a commit.
    Committed {
        /// The proposal.
        proposal: ProposalId,
        /// The commit.
        oid: String,
        /// Its message.
        #[serde(default)]
        message: String,
        /// The branch it is on; `None` when HEAD is detached.
        #[serde(default)]
        branch: Option<String>,
        /// The commit it took the place of, when that was amended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amends: Option<String>,
    },
    /// Rejections and comments on a proposal went back to the agent.
    Reviewed {
        /// The proposal.
        proposal: ProposalId,
    },
    /// A hook made something else of what was to be committed, so nothing was; its version is proposed next.
    HookChanged {
        /// The proposal that was to be committed.
        proposal: ProposalId,
        /// The hook.
        hook: String,
        /// The files it changed.
        paths: Vec<RepoPath>,
    },
    /// Rejected hunks of a change that no agent made were taken out of the working folder.
    Reverted {
        /// The proposal.
        proposal: ProposalId,
        /// The files as they were and as they are now.
        changes: Vec<FileChange>,
        /// It was taken back: the files are as they were.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        undone: bool,
    },
    /// The session went back to before a message: what came after it no longer counts.
    Rewound {
        /// The message.
        message: MessageId,
        /// The record of the message; it and all later ones are left behind.
        to: u64,
    },
    /// A commit of this session was taken back, or brought forward again.
    Undone {
        /// The commit that was taken back or brought again.
        oid: String,
        /// The commit HEAD is at now.
        #[serde(default)]
        head: Option<String>,
        /// It was brought forward again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        redo: bool,
    },
    /// A task was handed to another agent.
    Delegated {
        /// The session that works on it.
        session: SessionId,
        /// The agent.
        agent: String,
        /// The task.
        task: String,
        /// The call that handed it over; `None` when the user did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CallId>,
    },
    /// The conversation so far was replaced by a summary, to fit the context window.
    Compacted {
        /// What stands in its place.
        summary: String,
        /// Events up to this one are covered by the summary.
        upto: u64,
        /// Estimated tokens before.
        before: u64,
        /// Estimated tokens after.
        after: u64,
        /// What the request for the summary used.
        #[serde(default)]
        usage: Usage,
    },
    /// The agent came to rest.
    TurnEnded {
        /// Why.
        reason: TurnEnd,
        /// What the turn used.
        usage: Usage,
        /// In one line what failed or which limit was reached.
        #[serde(default)]
        detail: Option<String>,
    },
    /// Something worth knowing that is no step of the work.
    Noted {
        /// How important.
        level: NoteLevel,
        /// The words.
        text: String,
    },
    /// An event of a later version; kept out of the way.
    #[serde(other)]
    Unknown,
}
