//! What the header of the screen says about the repository.

use super::{GitError, Repository, index};
use crate::domain::RepoPath;

/// The state of the working folder at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct TreeState {
    /// The branch; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The commit HEAD is at; `None` when there is none yet.
    pub head: Option<String>,
    /// There is no commit yet.
    pub unborn: bool,
    /// HEAD is at a commit, not at a branch.
    pub detached: bool,
    /// A merge, rebase, cherry-pick, revert, bisect or mailbox that is half done.
    pub operation: Option<String>,
    /// Files with staged changes.
    pub staged: usize,
    /// Tracked files with changes that are not staged.
    pub unstaged: usize,
    /// Files git does not know; a folder of such files counts once.
    pub untracked: usize,
    /// Files with conflicts.
    pub conflicted: usize,
    /// Only a part of the files is checked out.
    pub sparse: bool,
}

impl Repository {
    /// Looks at HEAD, the index and the working folder.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn tree_state(&self) -> Result<TreeState, GitError> {
        let repository = self.libgit()?;
        let mut state = TreeState { operation: operation(repository.state()), ..TreeState::default() };
        state.detached = repository.head_detached()?;
        match repository.find_reference("HEAD")?.symbolic_target() {
            Ok(Some(name)) => {
                state.branch = Some(name.strip_prefix("refs/heads/").unwrap_or(name).to_owned());
            }
            _ => state.branch = None,
        }
        match repository.head() {
            Ok(head) => state.head = head.peel_to_commit().ok().map(|commit| commit.id().to_string()),
            Err(error) if error.code() == git2::ErrorCode::UnbornBranch => state.unborn = true,
            Err(error) => return Err(error.into()),
        }
        state.sparse = repository.config()?.get_bool("core.sparseCheckout").unwrap_or(false);
        count(&repository, &mut state)?;
        Ok(state)
    }
}

fn count(repository: &git2::Repository, state: &mut TreeState) -> Result<(), GitError> {
    let index = index::open(repository)?;
    // A path that is only announced has nothing in the index.
    let announced = |entry: &git2::StatusEntry<'_>| {
        let path = entry.path().ok().and_then(|path| RepoPath::parse(path).ok());
        path.is_some_and(|path| index::at(&index, &path).is_none())
    };
    let mut options = git2::StatusOptions::new();
    options.include_untracked(true).include_ignored(false).exclude_submodules(true);
    for entry in repository.statuses(Some(&mut options))?.iter() {
        let status = entry.status();
        let staged = git2::Status::INDEX_NEW
            | git2::Status::INDEX_MODIFIED
            | git2::Status::INDEX_DELETED
            | git2::Status::INDEX_TYPECHANGE;
        let is_staged = status.intersects(staged) && !(status.contains(git2::Status::INDEX_NEW) && announced(&entry));
        let unstaged = git2::Status::WT_MODIFIED | git2::Status::WT_DELETED | git2::Status::WT_TYPECHANGE;
        state.staged += usize::from(is_staged);
        state.unstaged += usize::from(status.intersects(unstaged));
        state.untracked += usize::from(status.contains(git2::Status::WT_NEW));
        state.conflicted += usize::from(status.contains(git2::Status::CONFLICTED));
    }
    Ok(())
}

/// The word `git` itself has for it.
pub(super) fn operation(state: git2::RepositoryState) -> Option<String> {
    use git2::RepositoryState as State;
    let word = match state {
        State::Clean => return None,
        State::Merge => "merge",
        State::Revert | State::RevertSequence => "revert",
        State::CherryPick | State::CherryPickSequence => "cherry-pick",
        State::Bisect => "bisect",
        State::Rebase | State::RebaseInteractive | State::RebaseMerge => "rebase",
        State::ApplyMailbox | State::ApplyMailboxOrRebase => "am",
    };
    Some(word.to_owned())
}
