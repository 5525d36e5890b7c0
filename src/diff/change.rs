//! Two states of a file to the change a proposal carries.

use super::hunks::{Comparison, TextHunk, compare, whole};
use crate::domain::{Change, ChangeKind, ContentHash, FileChange, FileMode, FileState, RepoPath};

/// Describes a change, with its hunks. The comparison is there when the hunks have lines; otherwise the change has
/// one hunk without lines and is decided as a whole (binary, mode only, empty file, pure rename, symlink for file).
pub fn file_change(
    path: &RepoPath,
    kind: ChangeKind,
    old_path: Option<&RepoPath>,
    base: Option<&FileState>,
    result: Option<&FileState>,
) -> (FileChange, Option<Comparison>) {
    let bytes = |state: Option<&FileState>| state.map_or_else(Vec::new, |state| state.bytes.clone());
    let (old, new) = (bytes(base), bytes(result));
    let comparison = Some(compare(path, &old, &new))
        .filter(|found| !found.binary && !found.hunks.is_empty() && !changes_type(base, result));
    let hunks = match &comparison {
        Some(comparison) => comparison.hunks.iter().map(|hunk| hunk.hunk.clone()).collect(),
        None => vec![pseudo_hunk(path, old_path, base, result).hunk],
    };
    let mode = |state: Option<&FileState>, other: Option<&FileState>| {
        state.or(other).map_or(FileMode::Regular, |state| state.mode)
    };
    let change = FileChange {
        path: path.clone(),
        kind,
        old_path: old_path.cloned(),
        base: base.map(|state| ContentHash::of(&state.bytes)),
        result: result.map(|state| ContentHash::of(&state.bytes)),
        old_mode: mode(base, result),
        mode: mode(result, base),
        binary: super::is_binary(&old) || super::is_binary(&new),
        added: comparison.as_ref().map_or(0, |comparison| comparison.added),
        removed: comparison.as_ref().map_or(0, |comparison| comparison.removed),
        hunks,
    };
    (change, comparison)
}

/// Describes a change of a workspace: an addition, a deletion or an edit, never a rename.
pub fn plain_change(change: &Change) -> (FileChange, Option<Comparison>) {
    let kind = match (&change.base, &change.result) {
        (None, _) => ChangeKind::Add,
        (_, None) => ChangeKind::Delete,
        _ => ChangeKind::Edit,
    };
    file_change(&change.path, kind, None, change.base.as_ref(), change.result.as_ref())
}

/// A link's target and a file's text are not two versions of the same thing.
fn changes_type(base: Option<&FileState>, result: Option<&FileState>) -> bool {
    let link = |state: &FileState| state.mode == FileMode::Symlink;
    matches!((base, result), (Some(base), Some(result)) if link(base) != link(result))
}

fn pseudo_hunk(
    path: &RepoPath,
    old_path: Option<&RepoPath>,
    base: Option<&FileState>,
    result: Option<&FileState>,
) -> TextHunk {
    let side = |state: Option<&FileState>| match state {
        None => b"absent".to_vec(),
        Some(state) => [format!("{:?}\n", state.mode).as_bytes(), &state.bytes].concat(),
    };
    let mut old = side(base);
    if let Some(old_path) = old_path {
        old.extend_from_slice(b"\nfrom ");
        old.extend_from_slice(old_path.as_str().as_bytes());
    }
    whole(path, &old, &side(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str, mode: FileMode) -> FileState {
        FileState { bytes: text.as_bytes().to_vec(), mode }
    }

    #[test]
    fn every_change_has_something_to_decide_on() {
        let regular = |text| state(text, FileMode::Regular);
        for (base, result, lines) in [
            (Some(regular("a\n")), Some(regular("b\n")), true),
            (None, Some(regular("a\n")), true),
            (Some(regular("a\n")), None, true),
            (None, Some(regular("")), false),
            (Some(regular("")), None, false),
            (Some(regular("a\n")), Some(state("a\n", FileMode::Executable)), false),
            (Some(regular("a\0")), Some(regular("b")), false),
            (Some(regular("a")), Some(state("a/b", FileMode::Symlink)), false),
            (Some(state("a", FileMode::Symlink)), Some(state("b", FileMode::Symlink)), true),
        ] {
            let change = Change { path: RepoPath::parse("f").unwrap(), base, result };
            let (described, comparison) = plain_change(&change);
            assert!(!described.hunks.is_empty(), "{change:?}");
            assert_eq!(comparison.is_some(), lines, "{change:?}");
            assert_eq!(described.hunks[0].new == [0, 0] && described.hunks[0].old == [0, 0], !lines, "{change:?}");
        }
    }

    #[test]
    fn a_pure_rename_has_one_hunk() {
        let (old, new) = (RepoPath::parse("old").unwrap(), RepoPath::parse("new").unwrap());
        let same = state("text\n", FileMode::Regular);
        let (change, comparison) = file_change(&new, ChangeKind::Rename, Some(&old), Some(&same), Some(&same));
        assert_eq!((change.hunks.len(), comparison), (1, None));
        assert_eq!(change.base, change.result);
    }
}
