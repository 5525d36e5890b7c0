//! Files that changed under a proposal.

use std::collections::BTreeMap;

use crate::diff::{Merged, merge};
use crate::domain::{Change, ContentHash, FileMode, FileState, Proposal, RepoPath};

/// The paths of a proposal whose files are not what it is based on. `current` holds what is there now; a path that is
/// not in it is not there.
pub fn stale(proposal: &Proposal, current: &BTreeMap<RepoPath, FileState>) -> Vec<RepoPath> {
    let mut paths = Vec::new();
    for change in &proposal.changes {
        let path = change.old_path.as_ref().unwrap_or(&change.path);
        let now = current.get(path).map(|state| (ContentHash::of(&state.bytes), state.mode));
        if now != change.base.clone().map(|base| (base, change.old_mode)) {
            paths.push(path.clone());
        }
        if change.old_path.is_some() && current.contains_key(&change.path) {
            paths.push(change.path.clone());
        }
    }
    paths
}

/// A change brought onto what the file is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebased {
    /// It goes on top; to be shown and decided again.
    Clean(Change),
    /// The file holds the result already.
    Settled,
    /// Both changed the same lines, or one removed what the other changed.
    Conflict {
        /// The path.
        path: RepoPath,
        /// The merged text with conflict markers, where there is text to merge.
        text: Option<Vec<u8>>,
    },
}

/// Brings a change onto what the file is now. Nothing is guessed: what overlaps is a conflict.
pub fn rebase(change: &Change, current: Option<FileState>) -> Rebased {
    if current == change.result {
        return Rebased::Settled;
    }
    if current == change.base {
        return Rebased::Clean(change.clone());
    }
    let conflict = |text| Rebased::Conflict { path: change.path.clone(), text };
    let (Some(base), Some(now), Some(result)) = (&change.base, &current, &change.result) else {
        return conflict(None);
    };
    if [base, now, result].iter().any(|state| state.mode == FileMode::Symlink) {
        return conflict(None);
    }
    let mode = if now.mode == base.mode { result.mode } else { now.mode };
    match merge(&base.bytes, &now.bytes, &result.bytes) {
        Merged::Clean(bytes) => {
            let merged = Some(FileState { bytes, mode });
            if merged == current {
                return Rebased::Settled;
            }
            Rebased::Clean(Change { path: change.path.clone(), base: current, result: merged })
        }
        Merged::Conflict { text, .. } => conflict(Some(text)),
    }
}
