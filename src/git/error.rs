//! What git refuses, and what to do next.

use std::path::{Path, PathBuf};

use crate::domain::{FileState, RepoPath};

/// Why something about the repository could not be done. Unless a variant says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No repository here or above.
    #[error("{} is not in a git repository; `git init` makes one", .0.display())]
    NotARepository(PathBuf),
    /// A repository without a working folder.
    #[error("{} is a bare repository: it has no files to work on; `git worktree add FOLDER` gives it some", .0.display())]
    Bare(PathBuf),
    /// Git's ownership check refuses the folder.
    #[error(
        "{} belongs to another user, so git does not trust it; if you do: git config --global --add safe.directory {}",
        .0.display(), .0.display()
    )]
    Owner(PathBuf),
    /// The repository uses something libgit2 cannot do.
    #[error("this repository cannot be used: {what}; {next}")]
    Unsupported {
        /// What it uses.
        what: String,
        /// What helps.
        next: String,
    },
    /// A merge, rebase or the like is half done.
    #[error("a {0} is in progress; finish it (`git {0} --continue`) or stop it (`git {0} --abort`) first")]
    Operation(String),
    /// No name or address to commit as.
    #[error(
        "git does not know who commits: git config user.name \"Your Name\" and git config user.email \"you@example.com\""
    )]
    Identity,
    /// Files are not what the user was shown.
    #[error("changed since they were shown: {}; nothing was written", list(.paths))]
    Stale {
        /// The files.
        paths: Vec<RepoPath>,
    },
    /// The user's own changes and the accepted ones do not go together.
    #[error("your own changes and these overlap in {}; nothing was written", list(.paths))]
    Conflict {
        /// The files.
        paths: Vec<RepoPath>,
    },
    /// Something stands where a file is to be written.
    #[error("{path} cannot be written: {what} is in the way; nothing was written")]
    InTheWay {
        /// The file.
        path: RepoPath,
        /// What stands there.
        what: &'static str,
    },
    /// A hook refused.
    #[error("the {name} hook refused:\n{output}")]
    Hook {
        /// The hook.
        name: String,
        /// What it said, raw.
        output: String,
    },
    /// A hook made something else of the files that were to be committed: to be shown before it is committed.
    #[error(
        "the {name} hook changed what is to be committed ({}); nothing was committed, and what it made of it is yours to \
         look at first\n{output}",
        list(&.files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>())
    )]
    HookChanged {
        /// The hook.
        name: String,
        /// What it said, raw.
        output: String,
        /// Its version of the files, as they would be in the working folder.
        files: Vec<(RepoPath, Option<FileState>)>,
    },
    /// The commit could not be signed as configured.
    #[error("commit.gpgsign is set and signing failed: {0}")]
    Signing(String),
    /// Another git holds the index.
    #[error("another git command is running in this repository ({} exists); when none is, remove that file", .0.display())]
    IndexLocked(PathBuf),
    /// Another tenon writes to this repository at this moment.
    #[error("another tenon is committing in this repository at this moment; try again when it is done")]
    Busy,
    /// HEAD is another commit than when the operation began.
    #[error("HEAD moved while this was done; nothing was committed, try again")]
    HeadMoved,
    /// No such commit, branch or range.
    #[error("`{0}` names no commit here")]
    Revision(String),
    /// The commit is not part of what is checked out.
    #[error("commit {0} is not part of what is checked out, so it cannot be taken back here")]
    NotInHistory(String),
    /// Nothing would be committed.
    #[error("nothing to commit: the accepted changes are in HEAD already")]
    Nothing,
    /// A commit without words.
    #[error("the commit message is empty")]
    EmptyMessage,
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Anything else libgit2 says.
    #[error("git: {0}")]
    Git(String),
}

impl GitError {
    /// For `map_err`: an I/O error with its path.
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> Self {
        // Some failures of writing leave nothing but this behind.
        let silent = matches!(error.message().trim(), "" | "no error");
        let words = if silent { "it failed without a reason; is the disk full?" } else { error.message() };
        Self::Git(words.to_owned())
    }
}

fn list(paths: &[RepoPath]) -> String {
    const SHOWN: usize = 5;
    let mut text = paths.iter().take(SHOWN).map(RepoPath::as_str).collect::<Vec<_>>().join(", ");
    if paths.len() > SHOWN {
        text.push_str(&format!(" and {} more", paths.len() - SHOWN));
    }
    text
}
