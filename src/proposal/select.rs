//! What of a proposal was accepted, as bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::Verdicts;
use crate::diff::{compare, select_edited};
use crate::domain::{
    Change, ChangeKind, ContentHash, FileChange, FileMode, FileState, HunkId, Proposal, RepoPath, Verdict,
};
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
    /// The files it changes, with the bytes that were shown and the bytes that were accepted. A rename is a deletion
    /// and an addition.
    pub files: Vec<Change>,
    /// What evidence on exactly this is pinned to; the proposal's own hash when everything is accepted as it is.
    pub hash: ContentHash,
}

/// Takes the accepted hunks of a proposal. A mode change and a rename come along with the first accepted hunk of their
/// file.
///
/// # Errors
/// The stored bytes are gone.
pub fn select(proposal: &Proposal, verdicts: &Verdicts, blobs: &BlobStore) -> Result<Selection, ProposalError> {
    let mut files = Vec::new();
    for change in &proposal.changes {
        let (base, result) = both(change, blobs)?;
        if let Some(accepted) = accepted(change, verdicts, base.as_ref(), result.as_ref()) {
            files.extend(as_files(change, base, accepted));
        }
    }
    let hash = if files == states(proposal, blobs)? { proposal.hash.clone() } else { hash(&files) };
    Ok(Selection { files, hash })
}

/// The bytes of a proposal, before and after: everything accepted.
///
/// # Errors
/// The stored bytes are gone.
pub fn states(proposal: &Proposal, blobs: &BlobStore) -> Result<Vec<Change>, ProposalError> {
    let mut files = Vec::new();
    for change in &proposal.changes {
        let (base, result) = both(change, blobs)?;
        files.extend(as_files(change, base, result));
    }
    Ok(files)
}

/// The two versions of a file.
pub(super) fn both(
    change: &FileChange,
    blobs: &BlobStore,
) -> Result<(Option<FileState>, Option<FileState>), BlobError> {
    let state = |hash: &Option<ContentHash>, mode: FileMode| -> Result<Option<FileState>, BlobError> {
        hash.as_ref().map(|hash| Ok(FileState { bytes: blobs.get(hash)?, mode })).transpose()
    };
    Ok((state(&change.base, change.old_mode)?, state(&change.result, change.mode)?))
}

/// What a file becomes; the outer `None` when nothing of it was accepted.
fn accepted(
    change: &FileChange,
    verdicts: &Verdicts,
    base: Option<&FileState>,
    result: Option<&FileState>,
) -> Option<Option<FileState>> {
    let is = |id: &HunkId, verdict: Verdict| verdicts.on(id) == verdict;
    let taken: BTreeSet<HunkId> =
        change.hunks.iter().map(|hunk| &hunk.id).filter(|id| is(id, Verdict::Accept)).cloned().collect();
    let edited: BTreeMap<HunkId, Vec<u8>> = change
        .hunks
        .iter()
        .filter_map(|hunk| Some((hunk.id.clone(), verdicts.replacement(&hunk.id)?.as_bytes().to_vec())))
        .collect();
    if taken.is_empty() && edited.is_empty() {
        return None;
    }
    if taken.len() == change.hunks.len() {
        return Some(result.cloned());
    }
    let mode = result.or(base).map_or(FileMode::Regular, |state| state.mode);
    if let [only] = change.hunks.as_slice()
        && only.old == [0, 0]
        && only.new == [0, 0]
    {
        let bytes = edited.get(&only.id)?.clone();
        return Some(Some(FileState { bytes, mode }));
    }
    let bytes = |state: Option<&FileState>| state.map_or_else(Vec::new, |state| state.bytes.clone());
    let (old, new) = (bytes(base), bytes(result));
    let selected = select_edited(&old, &new, &compare(&change.path, &old, &new), &taken, &edited);
    Some(Some(FileState { bytes: selected, mode }))
}

fn as_files(change: &FileChange, base: Option<FileState>, result: Option<FileState>) -> Vec<Change> {
    let file = |path: &RepoPath, base, result| Change { path: path.clone(), base, result };
    let mut files = match &change.old_path {
        Some(old) if change.kind == ChangeKind::Rename => {
            vec![file(old, base, None), file(&change.path, None, result)]
        }
        _ => vec![file(&change.path, base, result)],
    };
    files.retain(|file| file.base != file.result);
    files
}

fn hash(files: &[Change]) -> ContentHash {
    let mut parts = vec!["selection".to_owned()];
    for file in files {
        parts.push(file.path.to_string());
        for state in [&file.base, &file.result] {
            let told = |state: &FileState| format!("{:?} {}", state.mode, ContentHash::of(&state.bytes));
            parts.push(state.as_ref().map(told).unwrap_or_default());
        }
    }
    ContentHash::of_parts(&parts.iter().map(String::as_bytes).collect::<Vec<_>>())
}
