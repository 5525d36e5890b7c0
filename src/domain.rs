//! The words of the product as plain data. Everything here is serde and nothing here does I/O.
//!
//! One list of [`Event`]s serves the engine, the journal, the screen and the headless output.

mod command;
mod event;
mod evidence;
mod file;
mod hash;
mod ids;
mod message;
mod path;
mod proposal;
mod self_review;
mod usage;
mod verdict;

pub use command::{Command, CommitChoice, CommitWay, Finish, Progress, Update};
pub use event::{Event, NoteLevel, RECORD_VERSION, Record, TurnEnd};
pub use evidence::{Evidence, Finding, GateStatus, Severity, TestCase, TestCount, TestStatus, mark_old};
pub use file::{Change, FileState};
pub use hash::ContentHash;
pub use ids::{CallId, HunkId, MessageId, PermissionId, ProposalId, SessionId};
pub use message::{Message, Thinking, ToolCall, ToolResult, ToolSpec};
pub use path::{PathError, RepoPath, beside, folder_of, from_folder, from_root};
pub use proposal::{ChangeKind, FileChange, FileMode, Hunk, Isolation, Proposal};
pub use self_review::{
    REVIEW, ReviewAnswer, ReviewItem, Standing, TOUCHED, Topic, is_about_security, review_in_words, reviewed,
};
pub use usage::{Budget, Usage};
pub use verdict::{HunkVerdict, LineAbout, Verdict};
