//! What of a proposal was accepted, as bytes.

use super::Verdicts;
use crate::domain::{Change, ContentHash, FileMode, FileState, Proposal, Verdict};
use crate::journal::{BlobError, BlobStore};

/// Why bytes of a proposal could not be found or made.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// The stored bytes are gone.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// The accepted part of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The files it changes, with the bytes that were shown and the bytes that were accepted.
    pub files: Vec<Change>,
    /// What evidence on exactly this is pinned to; the proposal's own hash when everything is accepted.
    pub hash: ContentHash,
}

/// Takes the accepted hunks of a proposal.
///
/// # Errors
/// The stored bytes are gone.
pub fn select(proposal: &Proposal, verdicts: &Verdicts, blobs: &BlobStore) -> Result<Selection, ProposalError> {
    let all = states(proposal, blobs)?;
    let mut files = Vec::new();
    for (change, file) in proposal.changes.iter().zip(all) {
        if change.hunks.iter().all(|hunk| verdicts.on(&hunk.id) == Verdict::Accept) {
            files.push(file);
        }
    }
    Ok(Selection { files, hash: proposal.hash.clone() })
}

/// The bytes of a proposal, before and after.
///
/// # Errors
/// The stored bytes are gone.
pub fn states(proposal: &Proposal, blobs: &BlobStore) -> Result<Vec<Change>, ProposalError> {
    let state = |hash: &Option<ContentHash>, mode: FileMode| -> Result<Option<FileState>, BlobError> {
        hash.as_ref().map(|hash| Ok(FileState { bytes: blobs.get(hash)?, mode })).transpose()
    };
    let mut files = Vec::new();
    for change in &proposal.changes {
        let base = state(&change.base, change.old_mode)?;
        let result = state(&change.result, change.mode)?;
        files.push(Change { path: change.path.clone(), base, result });
    }
    Ok(files)
}
