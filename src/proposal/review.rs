//! What the agent hears about a proposal.

use super::{ProposalError, Verdicts};
use crate::domain::{Proposal, Verdict};
use crate::journal::BlobStore;

/// Rejections and comments as one structured message in markdown; `words` is what the user adds.
///
/// # Errors
/// The stored bytes are gone.
pub fn review_text(
    proposal: &Proposal,
    verdicts: &Verdicts,
    _blobs: &BlobStore,
    words: Option<&str>,
) -> Result<String, ProposalError> {
    let mut text = format!("Review of proposal {}: {}\n", proposal.id, proposal.title);
    for (change, hunk) in proposal.hunks() {
        if verdicts.on(&hunk.id) == Verdict::Reject {
            text.push_str(&format!("- rejected: {}\n", change.path));
        }
        for (_, comment) in verdicts.comments(&hunk.id) {
            text.push_str(&format!("- comment on {}: {comment}\n", change.path));
        }
    }
    if let Some(words) = words {
        text.push_str(&format!("\n{words}\n"));
    }
    Ok(text)
}
