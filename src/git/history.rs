//! What the history says: how its messages are written, and what names stand for.

use super::{GitError, Repository};

impl Repository {
    /// The first lines of the last messages, newest first, merges left out.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn subjects(&self, most: usize) -> Result<Vec<String>, GitError> {
        let repository = self.libgit()?;
        let mut walk = repository.revwalk()?;
        if walk.push_head().is_err() {
            return Ok(Vec::new());
        }
        let mut subjects = Vec::new();
        for id in walk.take(most * 4) {
            let Ok(commit) = id.and_then(|id| repository.find_commit(id)) else { break };
            if commit.parent_count() <= 1
                && let Ok(Some(subject)) = commit.summary()
            {
                subjects.push(subject.to_owned());
                if subjects.len() == most {
                    break;
                }
            }
        }
        Ok(subjects)
    }

    /// The whole message of a commit.
    ///
    /// # Errors
    /// There is no such commit.
    pub fn message(&self, revision: &str) -> Result<String, GitError> {
        let repository = self.libgit()?;
        let unknown = |_| GitError::Revision(revision.to_owned());
        let commit =
            repository.revparse_single(revision).and_then(|object| object.peel_to_commit()).map_err(unknown)?;
        Ok(commit.message().unwrap_or_default().to_owned())
    }

    /// Whether a name is a branch, local or of a remote, other than the one that is checked out.
    pub fn is_other_branch(&self, name: &str) -> bool {
        let Ok(repository) = self.libgit() else { return false };
        let here = repository.find_branch(name, git2::BranchType::Local);
        let there = || repository.find_branch(name, git2::BranchType::Remote).is_ok();
        here.map_or_else(|_| there(), |branch| !branch.is_head())
    }

    /// Whether a revision is part of what is checked out.
    pub fn is_in_history(&self, revision: &str) -> bool {
        let look = || -> Result<bool, GitError> {
            let repository = self.libgit()?;
            let id = repository.revparse_single(revision)?.peel_to_commit()?.id();
            let Some(head) = super::head::read(&repository)?.id() else { return Ok(false) };
            Ok(head == id || repository.graph_descendant_of(head, id)?)
        };
        look().unwrap_or(false)
    }
}
