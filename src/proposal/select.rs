//! What of a proposal was accepted, as bytes.

use std::collections::BTreeMap;

use super::{Part, Verdicts};
use crate::diff::{Share, Take, compare, select_shares};
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
    let shares: BTreeMap<HunkId, Vec<Share>> =
        change.hunks.iter().map(|hunk| (hunk.id.clone(), shares(verdicts.parts(hunk)))).collect();
    let takes = || shares.values().flatten().map(|share| &share.take);
    if takes().all(|take| *take == Take::Old) {
        return None;
    }
    if takes().all(|take| *take == Take::New) {
        return Some(result.cloned());
    }
    let mode = result.or(base).map_or(FileMode::Regular, |state| state.mode);
    if let [only] = change.hunks.as_slice()
        && only.old == [0, 0]
        && only.new == [0, 0]
    {
        let bytes = verdicts.replacement(&only.id)?.as_bytes().to_vec();
        return Some(Some(FileState { bytes, mode }));
    }
    let bytes = |state: Option<&FileState>| state.map_or_else(Vec::new, |state| state.bytes.clone());
    let (old, new) = (bytes(base), bytes(result));
    let selected = select_shares(&old, &new, &compare(&change.path, &old, &new), &shares);
    Some(Some(FileState { bytes: selected, mode }))
}

fn shares(parts: Vec<Part>) -> Vec<Share> {
    let share = |part: Part| Share {
        lines: part.lines,
        take: match (part.verdict, part.replacement) {
            (Verdict::Accept, _) => Take::New,
            (Verdict::Edit, Some(text)) => Take::Text(text.into_bytes()),
            _ => Take::Old,
        },
    };
    parts.into_iter().map(share).collect()
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
