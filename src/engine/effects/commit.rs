//! Selecting, committing, taking back, and writing a review down.

use std::sync::Arc;

use crate::domain::CommitWay;
use crate::git::{GitError, Mark, MovedHow, Selection};
use crate::proposal;

use super::super::input::{CommitFailure, Outcome, Reverted, Written};
use super::super::session::Offer;
use super::super::work::Selected;
use super::{Bench, blocking, follow};

/// Finds out what the verdicts select, and what they leave in the draft.
pub async fn select(bench: Bench, offer: Offer) -> Outcome {
    let selected = blocking(move || {
        let Offer { proposal, verdicts, .. } = offer;
        let words = |error: proposal::ProposalError| error.to_string();
        let accepted = proposal::select(&proposal, &verdicts, &bench.blobs).map_err(words)?;
        let undecided = verdicts.with_open_accepted(&proposal);
        Ok(Arc::new(Selected {
            proposal: proposal.id.clone(),
            hash: accepted.hash,
            files: accepted.files,
            whole: proposal::states(&proposal, &bench.blobs).map_err(words)?,
            kept: proposal::select(&proposal, &undecided, &bench.blobs).map_err(words)?.files,
        }))
    });
    Outcome::Selected(selected.await)
}

/// Commits a selection.
pub async fn commit(bench: Bench, selected: Arc<Selected>, message: String, (way, mark): (CommitWay, Mark)) -> Outcome {
    let files = selected.files.clone();
    let taking = bench.clone();
    let amended = mark.amends.clone();
    let done = tokio::task::spawn_blocking(move || {
        let selection = Selection { files, message };
        let amends = mark.amends.clone();
        let repository = bench.repository.marked(mark);
        match (way, amends) {
            (CommitWay::New, _) => repository.commit(&selection),
            (CommitWay::Branch(name), _) => repository.commit_on_branch(&selection, &name, true),
            (CommitWay::Amend, Some(oid)) => repository.amend(&selection, &oid, true),
            (CommitWay::Amend, None) => Err(GitError::Revision("the commit to amend".to_owned())),
        }
    });
    Outcome::Committed(match done.await {
        Ok(Ok(done)) => Ok(Written {
            oid: done.oid,
            message: done.message,
            branch: done.branch,
            amends: amended,
            paths: done.paths,
            notes: done.notes,
        }),
        Ok(Err(GitError::Stale { paths })) => Err(CommitFailure::Stale(paths)),
        // The files are as they were shown, so showing them again would change nothing.
        Ok(Err(error @ GitError::Conflict { .. })) => Err(CommitFailure::Refused(format!(
            "{error}. Commit your own changes of it first (or stash them), then these can be committed"
        ))),
        Ok(Err(GitError::HookChanged { name, output, files })) => {
            Err(follow::hook(&taking, &selected, (name, output, files)))
        }
        Ok(Err(error)) => Err(CommitFailure::Refused(error.to_string())),
        Err(error) => Err(CommitFailure::Refused(format!("an internal error: {error}"))),
    })
}

/// Takes a commit back or brings it forward again.
pub async fn revert(bench: Bench, oid: String, amends: Option<String>, (redo, mark): (bool, Mark)) -> Outcome {
    let reverted = blocking(move || {
        let repository = bench.repository.marked(mark);
        let base = amends.as_deref();
        let moved = if redo { repository.redo_onto(&oid, base) } else { repository.undo_to(&oid, base) };
        let moved = moved.map_err(|error| error.to_string())?;
        let notes = match moved.how {
            MovedHow::Branch => Vec::new(),
            MovedHow::Commit => vec!["other commits lie on top, so a new commit does it".to_owned()],
        };
        Ok(Reverted { oid, head: moved.head, paths: moved.paths, notes })
    });
    Outcome::Reverted(reverted.await)
}

/// Writes rejections and comments down for the agent.
pub async fn review(bench: Bench, offer: Offer, text: Option<String>) -> Outcome {
    let written = blocking(move || {
        proposal::review_text(&offer.proposal, &offer.verdicts, &bench.blobs, text.as_deref())
            .map_err(|error| error.to_string())
    });
    Outcome::Reviewed(written.await)
}
