//! Selecting, committing, taking back, and writing a review down.

use std::sync::Arc;

use crate::domain::{HunkVerdict, Verdict};
use crate::git::{Committed, GitError, Mark, MovedHow, Selection};
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
        let mut undecided = verdicts.clone();
        let open = proposal.hunks().filter(|(_, hunk)| verdicts.on(&hunk.id) == Verdict::Open);
        let keep = |hunk: &crate::domain::Hunk| HunkVerdict {
            hunk: hunk.id.clone(),
            verdict: Verdict::Accept,
            comment: None,
            line: None,
            replacement: None,
        };
        undecided.fold(&open.map(|(_, hunk)| keep(hunk)).collect::<Vec<_>>());
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
pub async fn commit(bench: Bench, selected: Arc<Selected>, message: String, mark: Mark) -> Outcome {
    let files = selected.files.clone();
    let taking = bench.clone();
    let done = tokio::task::spawn_blocking(move || bench.repository.marked(mark).commit(&Selection { files, message }));
    Outcome::Committed(match done.await {
        Ok(Ok(Committed { oid, branch, message, paths, notes })) => Ok(Written { oid, message, branch, paths, notes }),
        Ok(Err(GitError::Stale { paths } | GitError::Conflict { paths })) => Err(CommitFailure::Stale(paths)),
        Ok(Err(GitError::HookChanged { name, output, files })) => {
            Err(follow::hook(&taking, &selected, (name, output, files)))
        }
        Ok(Err(error)) => Err(CommitFailure::Refused(error.to_string())),
        Err(error) => Err(CommitFailure::Refused(format!("an internal error: {error}"))),
    })
}

/// Takes a commit back or brings it forward again.
pub async fn revert(bench: Bench, oid: String, redo: bool, mark: Mark) -> Outcome {
    let reverted = blocking(move || {
        let repository = bench.repository.marked(mark);
        let moved = if redo { repository.redo(&oid) } else { repository.undo(&oid) };
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
