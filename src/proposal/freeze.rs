//! From a draft to the object the user decides on.

use super::{message, rename};
use crate::diff::{file_change, plain_change};
use crate::domain::{Change, ChangeKind, ContentHash, FileChange, Proposal, ProposalId};
use crate::journal::{BlobError, BlobStore};

/// Keeps the bytes of a draft and makes a proposal of it. A deletion and an addition of the same or similar content
/// become a rename. An empty title or message gets a default.
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
    for state in changes.iter().flat_map(|change| [&change.base, &change.result]).flatten() {
        blobs.put(&state.bytes)?;
    }
    let (renames, plain) = rename::detect(changes);
    let mut frozen: Vec<FileChange> = plain.iter().map(|change| plain_change(change).0).collect();
    for (from, to) in &renames {
        let (base, result) = (from.base.as_ref(), to.result.as_ref());
        frozen.push(file_change(&to.path, ChangeKind::Rename, Some(&from.path), base, result).0);
    }
    frozen.sort_by(|a, b| a.path.cmp(&b.path));
    let (title, message) = message::complete(title, message, &frozen);
    let hash = hash(&frozen);
    Ok(Proposal { id, title, message, hash, changes: frozen })
}

/// The hash over changes: paths, modes, base and result. What evidence and verdicts are pinned to.
pub fn hash(changes: &[FileChange]) -> ContentHash {
    let mut parts = vec!["changes".to_owned()];
    for change in changes {
        parts.push(change.path.to_string());
        parts.push(change.old_path.as_ref().map(ToString::to_string).unwrap_or_default());
        for (hash, mode) in [(&change.base, change.old_mode), (&change.result, change.mode)] {
            parts.push(hash.as_ref().map(|hash| format!("{mode:?} {hash}")).unwrap_or_default());
        }
    }
    ContentHash::of_parts(&parts.iter().map(String::as_bytes).collect::<Vec<_>>())
}
