//! Finding and opening a repository.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::GitError;
use super::receipt::Mark;
use super::steps::{Fault, Steps};

/// A repository with a working folder.
#[derive(Clone, Debug)]
pub struct Repository {
    root: PathBuf,
    git_folder: PathBuf,
    fault: Option<Fault>,
    pub(super) mark: Option<Mark>,
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
        Ok(Self { root, git_folder: repository.path().to_owned(), fault: None, mark: None })
    }

    /// The working folder, absolute and canonical.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Git's own folder of this working folder.
    pub fn git_folder(&self) -> &Path {
        &self.git_folder
    }

    /// The branch HEAD names, from one small file; `None` when it is detached.
    pub fn branch(&self) -> Option<String> {
        let head = std::fs::read_to_string(self.git_folder.join("HEAD")).ok()?;
        Some(head.trim_end().strip_prefix("ref: refs/heads/")?.to_owned())
    }

    pub(super) fn libgit(&self) -> Result<git2::Repository, GitError> {
        let repository = git2::Repository::open(&self.root).map_err(|error| refused(&self.root, &error))?;
        super::index::prepare(&repository)?;
        Ok(repository)
    }

    /// The same repository, failing on purpose at one of its writes: for tests of what a crash leaves.
    #[doc(hidden)]
    pub fn with_fault(&self, fault: Option<Fault>) -> Self {
        Self { fault, ..self.clone() }
    }

    /// The same repository, writing down for a session what it does there.
    pub fn marked(&self, mark: Mark) -> Self {
        Self { mark: Some(mark), ..self.clone() }
    }

    pub(super) fn steps(&self) -> Steps {
        Steps::new(self.fault)
    }

    /// Makes this the only tenon that writes here, in all processes, as long as the guard lives.
    pub(super) fn exclusive(&self) -> Result<Exclusive, GitError> {
        let folder = self.git_folder.join("tenon");
        std::fs::create_dir_all(&folder).map_err(GitError::io(&folder))?;
        let path = folder.join("lock");
        let file = File::create(&path).map_err(GitError::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Exclusive(file)),
            Err(TryLockError::WouldBlock) => Err(GitError::Busy),
            Err(TryLockError::Error(source)) => Err(GitError::Io { path, source }),
        }
    }
}

/// The right to write, given up when dropped.
#[derive(Debug)]
pub(super) struct Exclusive(File);

impl Drop for Exclusive {
    fn drop(&mut self) {
        // Said aloud: a process that another thread is just starting holds a copy of the file for a moment, and closing
        // ours alone would leave the lock with it.
        let _ = self.0.unlock();
    }
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
