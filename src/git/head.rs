//! HEAD: where it is, who commits, and moving it.

use super::GitError;
use super::state::operation;
use super::transaction::HeadMove;

/// Where HEAD is.
pub(super) struct Head<'a> {
    /// The reference that moves: a branch, or `HEAD` itself when detached.
    pub(super) reference: String,
    /// `None` when there is no commit yet.
    pub(super) commit: Option<git2::Commit<'a>>,
}

impl Head<'_> {
    pub(super) fn branch(&self) -> Option<String> {
        self.reference.strip_prefix("refs/heads/").map(ToOwned::to_owned)
    }

    pub(super) fn id(&self) -> Option<git2::Oid> {
        self.commit.as_ref().map(git2::Commit::id)
    }
}

/// Reads HEAD.
pub(super) fn read(repository: &git2::Repository) -> Result<Head<'_>, GitError> {
    let head = repository.find_reference("HEAD")?;
    let reference = head.symbolic_target()?.map_or_else(|| "HEAD".to_owned(), ToOwned::to_owned);
    let commit = match repository.head() {
        Ok(head) => Some(head.peel_to_commit()?),
        Err(error) if error.code() == git2::ErrorCode::UnbornBranch => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Head { reference, commit })
}

/// Refuses while a merge or the like is half done; a bisect is no obstacle.
pub(super) fn refuse_unfinished(repository: &git2::Repository) -> Result<(), GitError> {
    match operation(repository.state()) {
        Some(word) if word != "bisect" => Err(GitError::Operation(word)),
        _ => Ok(()),
    }
}

/// Author and committer as git resolves them.
pub(super) fn identity(
    repository: &git2::Repository,
) -> Result<(git2::Signature<'static>, git2::Signature<'static>), GitError> {
    let missing = |error: git2::Error| match error.code() {
        git2::ErrorCode::NotFound => GitError::Identity,
        _ => GitError::Git(error.message().to_owned()),
    };
    let committer = repository.committer_from_env().map_err(missing)?;
    let author = repository.author_from_env().map_err(missing)?;
    Ok((author, committer))
}

/// Moves the reference, when it still is where it was.
pub(super) fn advance(repository: &git2::Repository, head: &HeadMove) -> Result<(), GitError> {
    let id = |text: &Option<String>| text.as_deref().map(parse).transpose();
    let moved = match (id(&head.old)?, id(&head.new)?) {
        (None, Some(new)) => repository.reference(&head.reference, new, false, &head.message).map(drop),
        (Some(old), Some(new)) => {
            repository.reference_matching(&head.reference, new, true, old, &head.message).map(drop)
        }
        (Some(old), None) => {
            let mut reference = repository.find_reference(&head.reference)?;
            if reference.target() != Some(old) {
                return Err(GitError::HeadMoved);
            }
            reference.delete()
        }
        (None, None) => Ok(()),
    };
    moved.map_err(|error| match error.code() {
        git2::ErrorCode::Modified | git2::ErrorCode::Exists | git2::ErrorCode::NotFound => GitError::HeadMoved,
        git2::ErrorCode::Locked => GitError::HeadMoved,
        _ => error.into(),
    })
}

/// Where a reference is now, as text.
pub(super) fn position(repository: &git2::Repository, reference: &str) -> Option<String> {
    repository.refname_to_id(reference).ok().map(|id| id.to_string())
}

pub(super) fn parse(oid: &str) -> Result<git2::Oid, GitError> {
    git2::Oid::from_str(oid).map_err(|_| GitError::Revision(oid.to_owned()))
}
