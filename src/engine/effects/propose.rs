//! Freezing the draft.

use crate::domain::ProposalId;
use crate::proposal;

use super::super::input::{Drafted, Outcome};
use super::{Bench, blocking, generated};

/// Messages that are looked at for how the repository writes them.
const SUBJECTS: usize = 50;

/// Freezes what is different from the user's tree.
pub async fn propose(bench: Bench, id: ProposalId, title: String, message: String) -> Outcome {
    let frozen = blocking(move || {
        let changes = bench.workspace.changes().map_err(|error| error.to_string())?;
        let mut notes = bench.workspace.notes();
        let (changes, left_out) = generated::leave_out(changes);
        notes.extend(left_out);
        if changes.is_empty() {
            return Ok(Drafted { proposal: None, notes });
        }
        let frozen = proposal::freeze(id, &title, &message, changes, &bench.blobs);
        let mut proposal = frozen.map_err(|error| error.to_string())?;
        // A history that cannot be read says nothing about habits.
        let subjects = bench.repository.subjects(SUBJECTS).unwrap_or_default();
        if let Some(style) = proposal::Style::of(&subjects) {
            proposal.message = style.apply(&proposal.message, &proposal.changes);
        }
        Ok(Drafted { proposal: Some(Box::new(proposal)), notes })
    });
    Outcome::Drafted(frozen.await)
}
