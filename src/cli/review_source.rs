//! What `tenon review --from` can name: the tree, the index, a commit, a range, a patch file.

use std::path::Path;

use super::{Failure, undo};
use crate::diff::{self, PatchFile};
use crate::domain::{Change, FileMode, FileState, RepoPath};
use crate::git::{Repository, Source};

/// Where the bytes of a change are already; decides what accepting it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// In the working folder.
    Tree,
    /// In the index.
    Index,
    /// Nowhere: they have to be written to the working folder.
    Elsewhere,
}

/// The changes a source names.
pub(crate) fn changes(repository: &Repository, folder: &Path, from: &str) -> Result<(Held, Vec<Change>), Failure> {
    let git = |source| repository.changes_from(&source).map_err(|error| undo::git_failure(&error));
    let file = folder.join(from);
    match from {
        "worktree" => Ok((Held::Tree, git(Source::Worktree)?)),
        "staged" => Ok((Held::Index, git(Source::Staged)?)),
        _ if file.is_file() => Ok((Held::Elsewhere, patch(repository, &file)?)),
        range if range.contains("..") => Ok((Held::Elsewhere, git(Source::Range(range.to_owned()))?)),
        revision => {
            let known = git(Source::Revision(revision.to_owned())).map_err(|failure| {
                failure.hint(format!(
                    "`{revision}` is no session (tenon sessions lists them), no patch file and no revision"
                ))
            })?;
            Ok((Held::Elsewhere, known))
        }
    }
}

fn patch(repository: &Repository, file: &Path) -> Result<Vec<Change>, Failure> {
    let failed = |why: String| Failure::usage(format!("{}: {why}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let parts = diff::parse_patch(&bytes).map_err(|error| failed(error.to_string()))?;
    let mut changes = Vec::new();
    for part in &parts {
        changes.extend(applied(repository.root(), part).map_err(failed)?);
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

/// One file of a patch as changes to the tree: a rename is a deletion and an addition.
fn applied(root: &Path, part: &PatchFile) -> Result<Vec<Change>, String> {
    let old = match &part.old_path {
        Some(path) => {
            Some(on_disk(root, path)?.ok_or_else(|| format!("the patch changes {path}, which is not there"))?)
        }
        None => None,
    };
    let before = old.as_ref().map(|state| state.bytes.as_slice()).unwrap_or_default();
    let result = match &part.new_path {
        Some(path) => {
            let bytes = diff::apply(before, part).map_err(|error| format!("{path}: {error}"))?;
            let mode = part.new_mode.or(old.as_ref().map(|state| state.mode)).unwrap_or_default();
            Some(FileState { bytes, mode })
        }
        None => None,
    };
    let mut changes = Vec::new();
    match (&part.old_path, &part.new_path) {
        (Some(from), Some(to)) if from != to => {
            if !part.copy {
                changes.push(Change { path: from.clone(), base: old, result: None });
            }
            changes.push(Change { path: to.clone(), base: on_disk(root, to)?, result });
        }
        (_, Some(path)) => changes.push(Change { path: path.clone(), base: old, result }),
        (Some(path), None) => changes.push(Change { path: path.clone(), base: old, result: None }),
        (None, None) => {}
    }
    Ok(changes)
}

/// What the tree holds; a symlink is its target, never followed.
fn on_disk(root: &Path, path: &RepoPath) -> Result<Option<FileState>, String> {
    let full = path.under(root);
    let about = match full.symlink_metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{path}: {error}")),
    };
    if about.is_symlink() {
        let target = std::fs::read_link(&full).map_err(|error| format!("{path}: {error}"))?;
        let bytes = target.into_os_string().into_encoded_bytes();
        return Ok(Some(FileState { bytes, mode: FileMode::Symlink }));
    }
    let bytes = std::fs::read(&full).map_err(|error| format!("{path}: {error}"))?;
    Ok(Some(FileState { bytes, mode: mode(&about) }))
}

#[cfg(unix)]
fn mode(about: &std::fs::Metadata) -> FileMode {
    use std::os::unix::fs::PermissionsExt as _;
    if about.permissions().mode() & 0o100 == 0 { FileMode::Regular } else { FileMode::Executable }
}

#[cfg(not(unix))]
fn mode(_about: &std::fs::Metadata) -> FileMode {
    FileMode::Regular
}
