//! What `tenon review --from` can name: the tree, the index, a commit, a range, a branch, a patch file, a mailbox.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::{Failure, undo};
use super::mail;
use crate::diff::{self, PatchFile};
use crate::domain::{Change, FileMode, FileState, RepoPath};
use crate::git::{Repository, Source};

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
}

/// The changes a source names.
pub(crate) fn find(repository: &Repository, folder: &Path, from: &str) -> Result<Found, Failure> {
    let git = |source| repository.changes_from(&source).map_err(|error| undo::git_failure(&error));
    let plain = |held, changes| Found { held, changes, message: String::new() };
    let file = folder.join(from);
    match from {
        "worktree" => Ok(plain(Held::Tree, git(Source::Worktree)?)),
        "staged" => Ok(plain(Held::Index, git(Source::Staged)?)),
        "-" => patch(repository, "standard input", &from_stdin()?),
        _ if file.is_file() => {
            let bytes = std::fs::read(&file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
            patch(repository, &file.display().to_string(), &bytes)
        }
        range if range.contains("..") => {
            let end = range.rsplit("..").next().filter(|end| !end.is_empty()).unwrap_or("HEAD");
            let held = if repository.is_in_history(end) { Held::History } else { Held::Elsewhere };
            Ok(plain(held, git(Source::Range(range.to_owned()))?))
        }
        // What a branch has that this one has not, as a pull request shows it.
        branch if repository.is_other_branch(branch) => {
            let changes = git(Source::Range(format!("HEAD...{branch}")))?;
            let message = repository.message(branch).unwrap_or_default();
            Ok(Found { held: Held::Elsewhere, changes, message })
        }
        revision => {
            let changes = git(Source::Revision(revision.to_owned())).map_err(|failure| {
                failure.hint(format!(
                    "`{revision}` is no session (tenon sessions lists them), no patch file and no revision"
                ))
            })?;
            let held = if repository.is_in_history(revision) { Held::History } else { Held::Elsewhere };
            Ok(Found { held, changes, message: repository.message(revision).unwrap_or_default() })
        }
    }
}

fn from_stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes)
        .map_err(|error| Failure::failed(format!("standard input: {error}")))?;
    Ok(bytes)
}

/// The patches of a file, one on top of the other, as changes to the tree.
fn patch(repository: &Repository, name: &str, bytes: &[u8]) -> Result<Found, Failure> {
    let failed = |why: String| Failure::usage(format!("{name}: {why}"));
    let parts = diff::parse_patch(bytes).map_err(|error| failed(error.to_string()))?;
    let mut stack = Stack { root: repository.root(), files: BTreeMap::new() };
    for part in &parts {
        stack.apply(part).map_err(|why| {
            failed(why).hint("the patch was made for another state of these files; check out the commit it is based on")
        })?;
    }
    Ok(Found { held: Held::Elsewhere, changes: stack.changes(), message: mail::message(bytes) })
}

/// The tree with patches on top.
struct Stack<'a> {
    root: &'a Path,
    /// Files that were touched: as they are on disk, and as they are now.
    files: BTreeMap<RepoPath, [Option<FileState>; 2]>,
}

impl Stack<'_> {
    fn now(&mut self, path: &RepoPath) -> Result<&mut Option<FileState>, String> {
        if !self.files.contains_key(path) {
            let there = on_disk(self.root, path)?;
            self.files.insert(path.clone(), [there.clone(), there]);
        }
        self.files.get_mut(path).map(|[_, now]| now).ok_or_else(|| format!("{path} is lost"))
    }

    fn apply(&mut self, part: &PatchFile) -> Result<(), String> {
        let old = match &part.old_path {
            Some(path) => {
                Some(self.now(path)?.clone().ok_or_else(|| format!("the patch changes {path}, which is not there"))?)
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
        if let Some(from) = part.old_path.as_ref().filter(|from| Some(*from) != part.new_path.as_ref() && !part.copy) {
            *self.now(from)? = None;
        }
        if let Some(to) = &part.new_path {
            let place = self.now(to)?;
            if part.old_path.is_none() && place.is_some() {
                return Err(format!("the patch adds {to}, which is there already"));
            }
            *place = result;
        }
        Ok(())
    }

    fn changes(self) -> Vec<Change> {
        let changes = self.files.into_iter().map(|(path, [base, result])| Change { path, base, result });
        changes.filter(|change| change.base != change.result).collect()
    }
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
