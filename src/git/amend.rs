//! A selection goes into the commit that is checked out.

use super::commit::{Committed, How, Selection};
use super::head::{self, Head};
use super::undo::is_published;
use super::{GitError, Repository};

impl Repository {
    /// Commits the selection into the commit `oid`, which has to be checked out and not published: the new commit takes
    /// its place, with its author. Without `write` the files are in the working folder already.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn amend(&self, selection: &Selection, oid: &str, write: bool) -> Result<Committed, GitError> {
        self.commit_selection(selection, How { write, amends: Some(oid) })
    }
}

/// The commit, when it may be amended.
pub(super) fn amendable<'r>(
    repository: &'r git2::Repository,
    head: &Head<'_>,
    oid: &str,
) -> Result<git2::Commit<'r>, GitError> {
    let id = head::parse(oid)?;
    let refused = |what: String| {
        Err(GitError::Unsupported { what, next: "make a new commit, or a fixup of it, instead".to_owned() })
    };
    if head.id() != Some(id) {
        return refused(format!("{} is not the commit that is checked out, so it cannot be amended", short(oid)));
    }
    let commit = repository.find_commit(id)?;
    if commit.parent_count() > 1 {
        return refused(format!("{} is a merge, which is not amended here", short(oid)));
    }
    if is_published(repository, id)? {
        return refused(format!("{} was published, so it is not amended", short(oid)));
    }
    Ok(commit)
}

/// The beginning of a commit's name, as people write it.
pub(super) fn short(oid: &str) -> &str {
    oid.get(..8).unwrap_or(oid)
}
