//! What to review besides proposals: the user's own changes, and commits.

use std::collections::BTreeSet;
use std::path::Path;

use super::entry::{self, Entry};
use super::{GitError, Repository, files, filter, index};
use crate::domain::{Change, FileState, RepoPath};

/// What to review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// HEAD against the working folder, untracked files included.
    Worktree,
    /// HEAD against the index.
    Staged,
    /// A commit against its first parent.
    Revision(String),
    /// `A..B`: A against B; `A...B`: where they parted against B.
    Range(String),
}

impl Repository {
    /// What is different, sorted by path: a rename is a deletion and an addition. Submodules and paths that are not
    /// UTF-8 are left out.
    ///
    /// # Errors
    /// The revision is unknown, or a file cannot be read.
    pub fn changes_from(&self, source: &Source) -> Result<Vec<Change>, GitError> {
        let repository = self.libgit()?;
        match source {
            Source::Worktree => worktree(&repository, self.root()),
            Source::Staged => {
                let tree = head_tree(&repository)?;
                let index = index::open(&repository)?;
                let diff = repository.diff_tree_to_index(tree.as_ref(), Some(&index), Some(&mut entry::comparing()))?;
                let mut changes = from_objects(&repository, &diff)?;
                // What is only announced (`git add -N`) is not staged yet.
                changes.retain(|change| change.base.is_some() || index::at(&index, &change.path).is_some());
                Ok(changes)
            }
            Source::Revision(name) => {
                let commit = commit(&repository, name)?;
                let parent = commit.parents().next().map(|parent| parent.tree()).transpose()?;
                let (tree, how) = (commit.tree()?, &mut entry::comparing());
                let diff = repository.diff_tree_to_tree(parent.as_ref(), Some(&tree), Some(how))?;
                from_objects(&repository, &diff)
            }
            Source::Range(text) => {
                let (from, to) = range(&repository, text)?;
                let (from, to, how) = (from.tree()?, to.tree()?, &mut entry::comparing());
                let diff = repository.diff_tree_to_tree(Some(&from), Some(&to), Some(how))?;
                from_objects(&repository, &diff)
            }
        }
    }
}

fn head_tree(repository: &git2::Repository) -> Result<Option<git2::Tree<'_>>, GitError> {
    Ok(super::head::read(repository)?.commit.map(|commit| commit.tree()).transpose()?)
}

fn commit<'r>(repository: &'r git2::Repository, name: &str) -> Result<git2::Commit<'r>, GitError> {
    let found = repository.revparse_single(name).and_then(|object| object.peel_to_commit());
    found.map_err(|_| GitError::Revision(name.to_owned()))
}

fn range<'r>(repository: &'r git2::Repository, text: &str) -> Result<(git2::Commit<'r>, git2::Commit<'r>), GitError> {
    let or_head = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
    if let Some((from, to)) = text.split_once("...") {
        let (from, to) = (commit(repository, &or_head(from))?, commit(repository, &or_head(to))?);
        let parted = repository.merge_base(from.id(), to.id()).map_err(|_| GitError::Revision(text.to_owned()))?;
        return Ok((repository.find_commit(parted)?, to));
    }
    let (from, to) = text.split_once("..").ok_or_else(|| GitError::Revision(text.to_owned()))?;
    Ok((commit(repository, &or_head(from))?, commit(repository, &or_head(to))?))
}

/// Both sides as git stores them.
fn from_objects(repository: &git2::Repository, diff: &git2::Diff<'_>) -> Result<Vec<Change>, GitError> {
    let mut changes = Vec::new();
    // A path with stages of an unfinished merge has nothing in the index that could be shown.
    for delta in diff.deltas().filter(|delta| delta.status() != git2::Delta::Conflicted) {
        let (old, new) = (delta.old_file(), delta.new_file());
        let Some(path) = path_of(&new).or_else(|| path_of(&old)) else { continue };
        let base = stored(repository, &old)?;
        let result = stored(repository, &new)?;
        if base != result {
            changes.push(Change { path, base, result });
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

fn stored(repository: &git2::Repository, file: &git2::DiffFile<'_>) -> Result<Option<FileState>, GitError> {
    if !file.exists()
        || !matches!(
            file.mode(),
            git2::FileMode::Blob
                | git2::FileMode::BlobExecutable
                | git2::FileMode::Link
                | git2::FileMode::BlobGroupWritable
        )
    {
        return Ok(None);
    }
    let entry = Entry { id: file.id(), mode: file.mode().into() };
    Ok(Some(FileState { bytes: repository.find_blob(entry.id)?.content().to_vec(), mode: entry.file_mode() }))
}

fn path_of(file: &git2::DiffFile<'_>) -> Option<RepoPath> {
    std::str::from_utf8(file.path_bytes()?).ok().and_then(|text| RepoPath::parse(text).ok())
}

/// HEAD, as it would be checked out, against the files as they are.
fn worktree(repository: &git2::Repository, root: &Path) -> Result<Vec<Change>, GitError> {
    let tree = head_tree(repository)?;
    let index = index::open(repository)?;
    let mut options = git2::DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).ignore_submodules(true);
    let mut paths = BTreeSet::new();
    for diff in [
        repository.diff_tree_to_index(tree.as_ref(), Some(&index), Some(&mut options))?,
        repository.diff_index_to_workdir(Some(&index), Some(&mut options))?,
    ] {
        paths.extend(
            diff.deltas().filter_map(|delta| path_of(&delta.new_file()).or_else(|| path_of(&delta.old_file()))),
        );
    }
    let mut bases = Vec::new();
    let mut wanted = Vec::new();
    for path in paths {
        match entry::in_tree(tree.as_ref(), &path) {
            Ok(found) => {
                bases.extend(found.map(|entry| (path.clone(), entry)));
                wanted.push((path, found));
            }
            Err(GitError::InTheWay { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let mut states = filter::smudge(repository, &bases)?;
    let mut changes = Vec::new();
    for (path, before) in wanted {
        let mut result = files::read(root, &path)?;
        if result.is_none() && index::is_skipped(&index, &path) {
            continue;
        }
        let mut base = states.remove(&path);
        settle(repository, &path, before, &mut base, &mut result)?;
        if base != result {
            changes.push(Change { path, base, result });
        }
    }
    Ok(changes)
}

/// A file that git would store as it is in HEAD is no change, whatever its line ends; and where the file system keeps no
/// executable bit, a different one means nothing.
fn settle(
    repository: &git2::Repository,
    path: &RepoPath,
    before: Option<Entry>,
    base: &mut Option<FileState>,
    result: &mut Option<FileState>,
) -> Result<(), GitError> {
    let (Some(before), Some(base), Some(result)) = (before, base, result) else { return Ok(()) };
    if !repository.config()?.get_bool("core.fileMode").unwrap_or(true) && !before.is_symlink() {
        result.mode = base.mode;
    }
    if base.bytes != result.bytes && filter::clean(repository, path, result)? == before {
        base.bytes.clone_from(&result.bytes);
    }
    Ok(())
}
