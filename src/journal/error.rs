//! What can go wrong with a journal, and what to do next.

use std::path::{Path, PathBuf};

use crate::domain::SessionId;

/// Why a session could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No session of this name.
    #[error("there is no session `{0}`; `tenon sessions` lists them")]
    Missing(SessionId),
    /// More than one session begins with what was asked for.
    #[error("`{text}` fits more than one session: {}", .matches.join(", "))]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// The sessions it fits.
        matches: Vec<String>,
    },
    /// Not a name a session can have.
    #[error("`{0}` is no session id; ids look like 20260131-0915-k3f9")]
    Id(String),
    /// The session exists already.
    #[error("session {0} exists already")]
    Exists(SessionId),
    /// Another process has it open.
    #[error("session {session} is open in another tenon{}", .pid.map(|pid| format!(", pid {pid}")).unwrap_or_default())]
    Locked {
        /// The session.
        session: SessionId,
        /// The other process, when it said so.
        pid: Option<u32>,
    },
    /// A line that is no record, with further lines after it.
    #[error("{}:{line}: the journal is damaged here ({why}); the {readable} records before it are readable", .path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// What is wrong with it.
        why: String,
        /// How many records stand before it.
        readable: usize,
    },
    /// The operating system refused; the journal is as it was.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An event that has no JSON form.
    #[error("a record could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl JournalError {
    /// For `map_err`: an I/O error with its path.
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
