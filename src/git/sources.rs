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

/// What a source has to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The files, sorted by path: a rename is a deletion and an addition.
    pub changes: Vec<Change>,
    /// What is different too but cannot be shown, with the reason: one line each.
    pub left_out: Vec<String>,
}

impl Repository {
    /// The changes of a source, without those that cannot be shown.
    ///
    /// # Errors
    /// The revision is unknown, or a file cannot be read.
    pub fn changes_from(&self, source: &Source) -> Result<Vec<Change>, GitError> {
        self.difference(source).map(|difference| difference.changes)
    }

    /// What is different. Submodules, paths that are not UTF-8 and unmerged ones are left out, and said so.
    ///
    /// # Errors
    /// The revision is unknown, or a file cannot be read.
    pub fn difference(&self, source: &Source) -> Result<Difference, GitError> {
        let repository = self.libgit()?;
        match source {
            Source::Worktree => worktree(&repository, self.root()),
            Source::Staged => {
                let tree = head_tree(&repository)?;
                let index = index::open(&repository)?;
                let diff = repository.diff_tree_to_index(tree.as_ref(), Some(&index), Some(&mut entry::comparing()))?;
                let mut found = from_objects(&repository, &diff)?;
                // What is only announced (`git add -N`) is not staged yet.
                found.changes.retain(|change| change.base.is_some() || index::at(&index, &change.path).is_some());
                Ok(found)
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

fn is_submodule(delta: &git2::DiffDelta<'_>) -> bool {
    [delta.old_file(), delta.new_file()].iter().any(|file| file.mode() == git2::FileMode::Commit)
}

/// Why a difference cannot be shown; `None` when it can.
fn obstacle(delta: &git2::DiffDelta<'_>) -> Option<String> {
    let (old, new) = (delta.old_file(), delta.new_file());
    let bytes = new.path_bytes().or(old.path_bytes()).unwrap_or_default();
    let why = if is_submodule(delta) {
        "a submodule"
    } else if delta.status() == git2::Delta::Conflicted {
        "its merge is not finished"
    } else if path_of(delta).is_none() {
        "its name is not UTF-8"
    } else {
        return None;
    };
    Some(format!("{}: {why}", String::from_utf8_lossy(bytes)))
}

/// Both sides as git stores them.
fn from_objects(repository: &git2::Repository, diff: &git2::Diff<'_>) -> Result<Difference, GitError> {
    let mut found = Difference::default();
    for delta in diff.deltas() {
        found.left_out.extend(obstacle(&delta));
        // A path with stages of an unfinished merge has nothing in the index that could be shown.
        let Some(path) = path_of(&delta).filter(|_| delta.status() != git2::Delta::Conflicted) else { continue };
        let base = stored(repository, &delta.old_file())?;
        let result = stored(repository, &delta.new_file())?;
        if base != result {
            found.changes.push(Change { path, base, result });
        }
    }
    found.changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
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

fn path_of(delta: &git2::DiffDelta<'_>) -> Option<RepoPath> {
    let path = |file: git2::DiffFile<'_>| {
        std::str::from_utf8(file.path_bytes()?).ok().and_then(|text| RepoPath::parse(text).ok())
    };
    path(delta.new_file()).or_else(|| path(delta.old_file()))
}

/// HEAD, as it would be checked out, against the files as they are.
fn worktree(repository: &git2::Repository, root: &Path) -> Result<Difference, GitError> {
    let tree = head_tree(repository)?;
    let index = index::open(repository)?;
    let mut options = git2::DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).ignore_submodules(true);
    let mut paths = BTreeSet::new();
    let mut left_out = BTreeSet::new();
    for diff in [
        repository.diff_tree_to_index(tree.as_ref(), Some(&index), Some(&mut entry::comparing()))?,
        repository.diff_index_to_workdir(Some(&index), Some(&mut options))?,
    ] {
        for delta in diff.deltas() {
            left_out.extend(obstacle(&delta));
            paths.extend(path_of(&delta).filter(|_| !is_submodule(&delta)));
        }
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
    Ok(Difference { changes, left_out: left_out.into_iter().collect() })
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
