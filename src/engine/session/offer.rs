//! Proposals with what was decided on them, and the commits they became.

use crate::domain::{HunkId, Proposal, ProposalId, RepoPath, Verdict};
use crate::proposal::Verdicts;

/// A proposal and what the user decided on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Its latest form.
    pub proposal: Proposal,
    /// What was decided on hunks, also on those of the forms before: a hunk that comes back keeps its verdict.
    pub verdicts: Verdicts,
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
    /// The record it was made in; 0 as long as it is not made.
    pub seq: u64,
    /// The first line of its message.
    pub subject: String,
    /// The files it wrote.
    pub paths: Vec<RepoPath>,
    /// It was taken back.
    pub undone: bool,
    /// The record that took it back.
    pub undone_since: u64,
    /// The commit it took the place of.
    pub amends: Option<String>,
}

impl Receipt {
    /// A commit that is about to be made.
    pub(super) fn of(proposal: ProposalId, paths: Vec<RepoPath>) -> Self {
        Self {
            proposal,
            oid: String::new(),
            seq: 0,
            subject: String::new(),
            paths,
            undone: false,
            undone_since: 0,
            amends: None,
        }
    }
}

impl Offer {
    /// A proposal as it was just frozen, after the form before it.
    pub(super) fn new(proposal: Proposal, verdicts: Verdicts) -> Self {
        let state = if proposal.changes.is_empty() { OfferState::Empty } else { OfferState::Open };
        Self { proposal, verdicts, state }
    }

    /// The verdict on a hunk.
    pub fn verdict(&self, hunk: &HunkId) -> Verdict {
        self.verdicts.on(hunk)
    }

    /// At least one hunk goes into the commit.
    pub fn accepts_some(&self) -> bool {
        self.verdicts.tally(&self.proposal)[0] > 0
    }
}
