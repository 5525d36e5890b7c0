//! Finding and opening a repository, and the words of its operations.

use std::path::{Path, PathBuf};

use super::GitError;
use crate::domain::{Change, RepoPath};

/// A repository with a working folder.
#[derive(Clone, Debug)]
pub struct Repository {
    root: PathBuf,
    git_folder: PathBuf,
}

/// What is to be committed: for each file what the user was shown and what of it was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The files.
    pub files: Vec<Change>,
    /// The message.
    pub message: String,
}

/// A commit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The commit.
    pub oid: String,
    /// The branch it is on; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The files it changes.
    pub paths: Vec<RepoPath>,
    /// What the user should know about it.
    pub notes: Vec<String>,
}

/// How a commit was taken back or brought forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovedHow {
    /// The branch moved: back to the parent, or forward to the same commit.
    Branch,
    /// Other commits lie on top, or it was published: a new commit does it.
    Commit,
}

/// A commit that was taken back or brought forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The commit HEAD is at now; `None` when the first commit was taken back.
    pub head: Option<String>,
    /// The branch; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The files that changed.
    pub paths: Vec<RepoPath>,
    /// How.
    pub how: MovedHow,
}

/// What became of an operation that a crash had left half done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// It was brought to its end. `oid` is the commit, when it was to make one.
    Finished {
        /// The commit HEAD is at.
        oid: Option<String>,
        /// Its files.
        paths: Vec<RepoPath>,
    },
    /// It was taken back: the tree is as before.
    TakenBack {
        /// Its files.
        paths: Vec<RepoPath>,
    },
}

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
    /// Finds the repository of a folder.
    ///
    /// # Errors
    /// There is none, it has no working folder, or git does not trust it.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, GitError> {
        let folder = folder.as_ref();
        let flags = git2::RepositoryOpenFlags::empty();
        let none: [&std::ffi::OsStr; 0] = [];
        let repository = git2::Repository::open_ext(folder, flags, none).map_err(|error| refused(folder, &error))?;
        let Some(root) = repository.workdir() else { return Err(GitError::Bare(repository.path().to_owned())) };
        let root = root.canonicalize().map_err(GitError::io(root))?;
        Ok(Self { root, git_folder: repository.path().to_owned() })
    }

    /// The working folder, absolute and canonical.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Git's own folder of this working folder.
    pub fn git_folder(&self) -> &Path {
        &self.git_folder
    }

    pub(super) fn libgit(&self) -> Result<git2::Repository, GitError> {
        git2::Repository::open(&self.root).map_err(|error| refused(&self.root, &error))
    }

    /// What is different, sorted by path: a rename is a deletion and an addition.
    ///
    /// # Errors
    /// The revision is unknown, or a file cannot be read.
    pub fn changes_from(&self, _source: &Source) -> Result<Vec<Change>, GitError> {
        Err(unbuilt())
    }

    /// Commits HEAD plus the selection and writes it to the working folder.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn commit(&self, _selection: &Selection) -> Result<Committed, GitError> {
        Err(unbuilt())
    }

    /// Commits HEAD plus the selection whose bytes are in the working folder already (a review of the user's own
    /// changes): the working folder is left alone.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn commit_from_tree(&self, _selection: &Selection) -> Result<Committed, GitError> {
        Err(unbuilt())
    }

    /// Writes files to the working folder without a commit.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn apply(&self, _files: &[Change]) -> Result<Vec<RepoPath>, GitError> {
        Err(unbuilt())
    }

    /// Brings changes into the index only.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn stage(&self, _files: &[Change]) -> Result<Vec<RepoPath>, GitError> {
        Err(unbuilt())
    }

    /// Takes a commit back.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn undo(&self, _oid: &str) -> Result<Moved, GitError> {
        Err(unbuilt())
    }

    /// Brings a commit forward again that was taken back.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn redo(&self, _oid: &str) -> Result<Moved, GitError> {
        Err(unbuilt())
    }

    /// Finishes or takes back what a crash left half done. Every writing operation does this first; calling it when a
    /// session is opened tells the user early.
    ///
    /// # Errors
    /// The tree cannot be read or written.
    pub fn recover(&self) -> Result<Option<Recovered>, GitError> {
        Ok(None)
    }
}

fn unbuilt() -> GitError {
    GitError::Git("not built yet".to_owned())
}

fn refused(folder: &Path, error: &git2::Error) -> GitError {
    match error.code() {
        git2::ErrorCode::NotFound => GitError::NotARepository(folder.to_owned()),
        git2::ErrorCode::Owner => GitError::Owner(folder.to_owned()),
        _ if error.message().contains("extension") || error.message().contains("object format") => {
            GitError::Unsupported { what: error.message().to_owned(), next: "plain `git` still works here".to_owned() }
        }
        _ => GitError::Git(format!("{}: {}", folder.display(), error.message())),
    }
}
