//! From a draft to the object the user decides on.

use crate::domain::{
    Change, ChangeKind, ContentHash, FileChange, FileMode, FileState, Hunk, HunkId, Proposal, ProposalId,
};
use crate::journal::{BlobError, BlobStore};

/// Keeps the bytes of a draft and makes a proposal of it. An empty title or message gets a default.
///
/// # Errors
/// The bytes could not be kept.
pub fn freeze(
    id: ProposalId,
    title: &str,
    message: &str,
    changes: Vec<Change>,
    blobs: &BlobStore,
) -> Result<Proposal, BlobError> {
    let mut frozen = Vec::new();
    for change in &changes {
        for state in [&change.base, &change.result].into_iter().flatten() {
            blobs.put(&state.bytes)?;
        }
        frozen.push(whole(change));
    }
    frozen.sort_by(|a, b| a.path.cmp(&b.path));
    let hash = hash(&frozen);
    Ok(Proposal { id, title: title.to_owned(), message: message.to_owned(), hash, changes: frozen })
}

fn whole(change: &Change) -> FileChange {
    let name = |state: &Option<FileState>| state.as_ref().map(|state| ContentHash::of(&state.bytes));
    let mode = |state: &Option<FileState>| state.as_ref().map_or(FileMode::Regular, |state| state.mode);
    let kind = match (&change.base, &change.result) {
        (None, _) => ChangeKind::Add,
        (Some(_), None) => ChangeKind::Delete,
        (Some(_), Some(_)) => ChangeKind::Edit,
    };
    let (base, result) = (name(&change.base), name(&change.result));
    let text = |hash: &Option<ContentHash>| hash.as_ref().map(ToString::to_string).unwrap_or_default();
    let id =
        ContentHash::of_parts(&[change.path.as_str().as_bytes(), text(&base).as_bytes(), text(&result).as_bytes()]);
    FileChange {
        path: change.path.clone(),
        kind,
        old_path: None,
        base,
        result,
        old_mode: mode(&change.base),
        mode: mode(&change.result),
        binary: false,
        added: 0,
        removed: 0,
        hunks: vec![Hunk { id: HunkId::new(id.short()), old: [0, 0], new: [0, 0] }],
    }
}

/// The hash over changes: paths, modes, base and result.
pub fn hash(changes: &[FileChange]) -> ContentHash {
    let mut parts: Vec<String> = Vec::new();
    for change in changes {
        parts.push(change.path.to_string());
        parts.push(change.old_path.as_ref().map(ToString::to_string).unwrap_or_default());
        for (hash, mode) in [(&change.base, change.old_mode), (&change.result, change.mode)] {
            parts.push(hash.as_ref().map(|hash| format!("{mode:?} {hash}")).unwrap_or_default());
        }
    }
    let parts: Vec<&[u8]> =
        std::iter::once("changes".as_bytes()).chain(parts.iter().map(|part| part.as_bytes())).collect();
    ContentHash::of_parts(&parts)
}
