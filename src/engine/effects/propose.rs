//! Freezing the draft.

use crate::domain::ProposalId;
use crate::proposal;

use super::super::input::Outcome;
use super::{Bench, blocking};

/// Freezes what is different from the user's tree.
pub async fn propose(bench: Bench, id: ProposalId, title: String, message: String) -> Outcome {
    let frozen = blocking(move || {
        let changes = bench.workspace.changes().map_err(|error| error.to_string())?;
        if changes.is_empty() {
            return Ok(None);
        }
        let frozen = proposal::freeze(id, &title, &message, changes, &bench.blobs);
        frozen.map(|proposal| Some(Box::new(proposal))).map_err(|error| error.to_string())
    });
    Outcome::Drafted(frozen.await)
}
