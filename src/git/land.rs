//! The last stage of an operation that moves HEAD, and what a later start makes of one that was cut off.

use super::steps::Steps;
use super::transaction::{Decided, HeadMove, IndexUpdate, Transaction};
use super::{GitError, Repository, head, index};
use crate::domain::RepoPath;

/// What became of an operation that a crash had left half done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// It was brought to its end. `oid` is the commit HEAD is at.
    Finished {
        /// The commit.
        oid: Option<String>,
        /// Its files.
        paths: Vec<RepoPath>,
    },
    /// It was taken back: the tree is as before.
    TakenBack {
        /// Its files.
        paths: Vec<RepoPath>,
        /// Files the user has changed since then; they are as the user left them.
        left: Vec<RepoPath>,
    },
}

/// Where the prepared index of an operation lies.
const NEW_INDEX: &str = "index.new";

/// Decides, moves HEAD and puts the new index in its place.
pub(super) fn land(
    repository: &git2::Repository,
    transaction: &mut Transaction,
    head: HeadMove,
    updates: Vec<IndexUpdate>,
    steps: &mut Steps,
) -> Result<(), GitError> {
    let new = transaction.place(NEW_INDEX);
    let root = repository.workdir().unwrap_or(repository.path());
    steps.step(&new)?;
    let locked = index::lock(repository, root, &new, &updates)?;
    let decided = Decided { head: head.clone(), index: updates };
    let moved = transaction
        .decide(decided, steps)
        .and_then(|()| steps.step(repository.path()))
        .and_then(|()| head::advance(repository, &head));
    if let Err(error) = moved {
        if !steps.killed() {
            locked.release();
        }
        return Err(error);
    }
    if steps.step(&new).is_err() {
        // HEAD has moved: from here on there is no way back, only forward, now or at the next start.
        if !steps.killed() {
            locked.release();
        }
        return Ok(());
    }
    if locked.commit().is_ok() {
        transaction.finish();
    }
    Ok(())
}

impl Repository {
    /// Whether an operation is going on, or was left half done by a crash.
    pub fn is_pending(&self) -> bool {
        self.git_folder().join("tenon").join("pending").is_dir()
    }

    /// Finishes or takes back what a crash left half done. Every writing operation does this first; calling it when a
    /// session is opened tells the user early.
    ///
    /// # Errors
    /// The tree cannot be read or written.
    pub fn recover(&self) -> Result<Option<Recovered>, GitError> {
        if !self.is_pending() {
            return Ok(None);
        }
        let _lock = self.exclusive()?;
        recover(self)
    }
}

/// The same for who holds the lock already.
pub(super) fn recover(repository: &Repository) -> Result<Option<Recovered>, GitError> {
    let Some(mut transaction) = Transaction::left_behind(repository)? else { return Ok(None) };
    let libgit = repository.libgit()?;
    let new = transaction.place(NEW_INDEX);
    let locked = index::Locked::left_behind(&libgit, &new);
    let paths = transaction.paths();
    let decided = transaction.decided().cloned();
    let at = decided.as_ref().map(|decided| head::position(&libgit, &decided.head.reference));
    match decided {
        Some(decided) if at.as_ref() == Some(&decided.head.old) || at.as_ref() == Some(&decided.head.new) => {
            if at.as_ref() == Some(&decided.head.old) {
                head::advance(&libgit, &decided.head)?;
            }
            let locked = match locked {
                Some(locked) => locked,
                None => index::lock(&libgit, repository.root(), &new, &still_due(&libgit, decided.index)?)?,
            };
            locked.commit()?;
            transaction.finish();
            Ok(Some(Recovered::Finished { oid: decided.head.new, paths }))
        }
        _ => {
            if let Some(locked) = locked {
                locked.release();
            }
            let left = transaction.take_back(false)?;
            Ok(Some(Recovered::TakenBack { paths, left }))
        }
    }
}

/// The updates whose entries nobody has touched since.
fn still_due(repository: &git2::Repository, updates: Vec<IndexUpdate>) -> Result<Vec<IndexUpdate>, GitError> {
    let index = index::open(repository)?;
    Ok(updates.into_iter().filter(|update| index::at(&index, &update.path) == update.before).collect())
}
