//! A commit on a branch of its own.

use super::commit::{Committed, How, Selection};
use super::head;
use super::{GitError, Repository};

impl Repository {
    /// Makes a branch where HEAD is, checks it out (no file changes by that) and commits the selection on it. Without
    /// `write` the files are in the working folder already. When the commit fails, HEAD is on the branch it was on and
    /// the new one is gone.
    ///
    /// # Errors
    /// The name is no branch name or is taken; else as for a commit.
    pub fn commit_on_branch(&self, selection: &Selection, name: &str, write: bool) -> Result<Committed, GitError> {
        let repository = self.libgit()?;
        let reference = format!("refs/heads/{name}");
        let refused = |what: String| Err(GitError::Git(format!("{what}; nothing was committed")));
        if !git2::Branch::name_is_valid(name)? {
            return refused(format!("`{name}` is no name for a branch"));
        }
        if repository.find_reference(&reference).is_ok() {
            return refused(format!("there is a branch `{name}` already"));
        }
        let before = head::read(&repository)?;
        let detached = repository.head_detached()?;
        if let Some(commit) = &before.commit {
            repository.reference(&reference, commit.id(), false, "tenon: branch for a commit")?;
        }
        repository.set_head(&reference)?;
        let done = self.commit_selection(selection, How { write, amends: None });
        if done.is_err() {
            match (&before.commit, detached) {
                (Some(commit), true) => repository.set_head_detached(commit.id())?,
                _ => repository.set_head(&before.reference)?,
            }
            if let Ok(mut branch) = repository.find_reference(&reference) {
                branch.delete()?;
            }
        }
        done
    }
}
