//! What an operation of a session does, written down just before HEAD moves.
//!
//! The session's journal records it afterwards. When the program ends between the two, this is how the next start
//! finds out: the receipt is newer than what the journal knows, and HEAD tells whether the operation happened.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::transaction::HeadMove;
use super::{GitError, Repository, files, head};
use crate::domain::{ProposalId, RepoPath, SessionId};

/// Whose operation it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The session.
    pub session: SessionId,
    /// The proposal that is committed.
    pub proposal: Option<ProposalId>,
    /// The commit that is amended.
    #[serde(default)]
    pub amends: Option<String>,
    /// The last record of the session's journal when the operation began.
    pub after: u64,
}

/// What kind of operation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A selection became a commit.
    Commit,
    /// A commit was taken back.
    Undo,
    /// A commit was brought forward again.
    Redo,
}

/// An operation that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Whose.
    pub mark: Mark,
    /// What.
    pub deed: Deed,
    /// The commit that was made, taken back or brought forward.
    pub oid: String,
    /// The commit's message.
    pub message: String,
    /// The branch; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The files.
    pub paths: Vec<RepoPath>,
    /// The commit HEAD is at afterwards; `None` when there is none.
    pub head: Option<String>,
    reference: String,
    old: Option<String>,
}

impl Receipt {
    pub(super) fn new(
        mark: Mark,
        deed: Deed,
        (oid, message): (git2::Oid, &str),
        paths: Vec<RepoPath>,
        to: &HeadMove,
    ) -> Self {
        Self {
            mark,
            deed,
            oid: oid.to_string(),
            message: message.to_owned(),
            branch: to.reference.strip_prefix("refs/heads/").map(ToOwned::to_owned),
            paths,
            head: to.new.clone(),
            reference: to.reference.clone(),
            old: to.old.clone(),
        }
    }

    pub(super) fn save(&self, repository: &git2::Repository) -> Result<(), GitError> {
        let path = place(repository, &self.mark.session);
        files::save_json(&path, self).map_err(GitError::io(&path))
    }

    /// The reference went where the operation sends it, and has not gone back behind it since.
    fn happened(&self, repository: &git2::Repository) -> Result<bool, GitError> {
        let at = head::position(repository, &self.reference);
        if at == self.head {
            return Ok(true);
        }
        let id = |text: &Option<String>| text.as_deref().map(head::parse).transpose();
        let (Some(at), Some(new), old) = (id(&at)?, id(&self.head)?, id(&self.old)?) else { return Ok(false) };
        let holds = |tip: git2::Oid, commit: git2::Oid| {
            Ok::<_, GitError>(tip == commit || repository.graph_descendant_of(tip, commit)?)
        };
        let Some(old) = old else { return holds(at, new) };
        let back = repository.graph_descendant_of(old, new).unwrap_or(false);
        Ok(holds(at, new)? && !(back && holds(at, old)?))
    }
}

impl Repository {
    /// The last operation of a session here, when it happened. Ask after [`Repository::recover`].
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn receipt(&self, session: &SessionId) -> Result<Option<Receipt>, GitError> {
        let repository = self.libgit()?;
        let Ok(bytes) = std::fs::read(place(&repository, session)) else { return Ok(None) };
        let Ok(receipt) = serde_json::from_slice::<Receipt>(&bytes) else { return Ok(None) };
        Ok(receipt.happened(&repository)?.then_some(receipt))
    }
}

fn place(repository: &git2::Repository, session: &SessionId) -> PathBuf {
    repository.path().join("tenon").join("receipts").join(format!("{session}.json"))
}
