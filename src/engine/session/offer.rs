//! Proposals with what was decided on them, and the commits they became.

use std::collections::BTreeMap;

use crate::domain::{HunkId, HunkVerdict, Proposal, ProposalId, RepoPath, Verdict};

/// A proposal and what the user decided on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Its latest form.
    pub proposal: Proposal,
    /// The verdicts on hunks it has.
    pub verdicts: BTreeMap<HunkId, HunkVerdict>,
    /// What became of it.
    pub state: OfferState,
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferState {
    /// It can be decided on.
    Open,
    /// Its accepted hunks are a commit.
    Committed,
    /// A later freeze found nothing left of it.
    Empty,
}

/// A commit of this session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The proposal it came from.
    pub proposal: ProposalId,
    /// The commit.
    pub oid: String,
    /// The files it wrote.
    pub paths: Vec<RepoPath>,
    /// It was taken back.
    pub undone: bool,
}

impl Offer {
    /// A proposal as it was just frozen. Verdicts of the form before it stay where the hunk is still there.
    pub(super) fn new(proposal: Proposal, before: Option<&Self>) -> Self {
        let verdicts = before.map(|before| before.verdicts.clone()).unwrap_or_default();
        let verdicts =
            verdicts.into_iter().filter(|(hunk, _)| proposal.hunks().any(|(_, known)| known.id == *hunk)).collect();
        let state = if proposal.changes.is_empty() { OfferState::Empty } else { OfferState::Open };
        Self { proposal, verdicts, state }
    }

    /// The verdict on a hunk.
    pub fn verdict(&self, hunk: &HunkId) -> Verdict {
        self.verdicts.get(hunk).map_or(Verdict::Open, |verdict| verdict.verdict)
    }

    /// At least one hunk goes into the commit.
    pub fn accepts_some(&self) -> bool {
        self.proposal.hunks().any(|(_, hunk)| matches!(self.verdict(&hunk.id), Verdict::Accept | Verdict::Edit))
    }
}
