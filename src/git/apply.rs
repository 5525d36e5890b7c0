//! Accepted bytes without a commit: into the working folder, or into the index.

use super::commit::taken_back;
use super::entry::{self, Merge};
use super::transaction::{IndexUpdate, Transaction};
use super::{GitError, Repository, filter, index, land};
use crate::domain::{Change, RepoPath};

impl Repository {
    /// Writes files to the working folder without a commit: all of them, or none.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn apply(&self, changes: &[Change]) -> Result<Vec<RepoPath>, GitError> {
        let _lock = self.exclusive()?;
        land::recover(self)?;
        self.refuse_stale(changes)?;
        let mut steps = self.steps();
        let mut transaction = Transaction::prepare(self, changes, &mut steps)?;
        match transaction.write(&mut steps) {
            Ok(()) => {
                transaction.finish();
                Ok(changes.iter().map(|change| change.path.clone()).collect())
            }
            Err(error) if steps.killed() => Err(error),
            Err(error) => Err(taken_back(&mut transaction, error)),
        }
    }

    /// Brings changes into the index only, as `git apply --cached` does.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn stage(&self, changes: &[Change]) -> Result<Vec<RepoPath>, GitError> {
        let _lock = self.exclusive()?;
        land::recover(self)?;
        let repository = self.libgit()?;
        let index = index::open(&repository)?;
        let mut updates = Vec::new();
        let mut conflicts = Vec::new();
        for change in changes {
            let clean = |state| filter::clean(&repository, &change.path, state);
            let shown = change.base.as_ref().map(clean).transpose()?;
            let result = change.result.as_ref().map(clean).transpose()?;
            let before = index::at(&index, &change.path);
            let merged = match before {
                Some(_) if shown.is_some() => entry::merge(&repository, shown, before, result)?,
                _ => Merge::Clean(result),
            };
            match merged {
                Merge::Clean(after) if !index::is_unmerged(&index, &change.path) => {
                    updates.push(IndexUpdate { path: change.path.clone(), before, after, as_in_tree: false });
                }
                _ => conflicts.push(change.path.clone()),
            }
        }
        if !conflicts.is_empty() {
            return Err(GitError::Conflict { paths: conflicts });
        }
        let folder = tempfile::tempdir_in(repository.path()).map_err(GitError::io(repository.path()))?;
        index::lock(&repository, self.root(), &folder.path().join("index"), &updates)?.commit()?;
        Ok(updates.into_iter().map(|update| update.path).collect())
    }
}
