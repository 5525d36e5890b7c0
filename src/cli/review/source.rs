//! What `tenon review --from` can name: the tree, the index, a commit, a range, a branch, a patch file, a mailbox.

use std::path::Path;

use super::super::{Failure, undo};
use super::patches;
use crate::domain::{Change, FileMode, FileState, RepoPath};
use crate::git::{Difference, Repository, Source};

/// Where the bytes of a change are already; decides what accepting and rejecting it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// In the working folder.
    Tree,
    /// In the index.
    Index,
    /// In HEAD.
    History,
    /// Nowhere: they have to be written to the working folder.
    Elsewhere,
}

/// A change to review.
#[derive(Debug)]
pub(crate) struct Found {
    /// Where its bytes are.
    pub(crate) held: Held,
    /// The files.
    pub(crate) changes: Vec<Change>,
    /// The message it came with.
    pub(crate) message: String,
    /// What is not as one would expect: what is left out, what was merged. One line each.
    pub(crate) notes: Vec<String>,
}

impl Found {
    fn new(held: Held, difference: Difference, message: String) -> Self {
        let notes = difference.left_out.into_iter().map(|what| format!("left out: {what}")).collect();
        Self { held, changes: difference.changes, message, notes }
    }
}

/// The changes a source names.
pub(crate) fn find(repository: &Repository, folder: &Path, from: &str) -> Result<Found, Failure> {
    let git = |source| repository.difference(&source).map_err(|error| undo::git_failure(&error));
    let plain = |held, difference| Found::new(held, difference, String::new());
    let file = folder.join(from);
    match from {
        "worktree" => Ok(plain(Held::Tree, git(Source::Worktree)?)),
        "staged" => Ok(plain(Held::Index, git(Source::Staged)?)),
        "-" => patches::read(repository, "standard input", &from_stdin()?),
        _ if file.is_file() => {
            let bytes = std::fs::read(&file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
            patches::read(repository, &file.display().to_string(), &bytes)
        }
        range if range.contains("..") => {
            let end = range.rsplit("..").next().filter(|end| !end.is_empty()).unwrap_or("HEAD");
            let held = if repository.is_in_history(end) { Held::History } else { Held::Elsewhere };
            Ok(plain(held, git(Source::Range(range.to_owned()))?))
        }
        // What a branch has that this one has not, as a pull request shows it.
        branch if repository.is_other_branch(branch) => {
            let difference = git(Source::Range(format!("HEAD...{branch}")))?;
            Ok(Found::new(Held::Elsewhere, difference, repository.message(branch).unwrap_or_default()))
        }
        revision => {
            let difference = git(Source::Revision(revision.to_owned())).map_err(|failure| {
                failure.hint(format!(
                    "`{revision}` is no session (tenon sessions lists them), no patch file and no revision"
                ))
            })?;
            let held = if repository.is_in_history(revision) { Held::History } else { Held::Elsewhere };
            Ok(Found::new(held, difference, repository.message(revision).unwrap_or_default()))
        }
    }
}

fn from_stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes)
        .map_err(|error| Failure::failed(format!("standard input: {error}")))?;
    Ok(bytes)
}

/// What the tree holds; a symlink is its target, never followed.
pub(crate) fn on_disk(root: &Path, path: &RepoPath) -> Result<Option<FileState>, String> {
    let full = path.under(root);
    let about = match full.symlink_metadata() {
        Ok(about) => about,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(format!("{path}: {error}")),
    };
    if about.is_symlink() {
        let target = std::fs::read_link(&full).map_err(|error| format!("{path}: {error}"))?;
        let bytes = target.into_os_string().into_encoded_bytes();
        return Ok(Some(FileState { bytes, mode: FileMode::Symlink }));
    }
    if !about.is_file() {
        return Err(format!("{path} is no regular file"));
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
