//! What was decided so far.

use std::collections::BTreeMap;

use crate::domain::{HunkId, HunkVerdict, Proposal, Verdict};

/// The last verdict on each hunk and all comments: the fold of `decided` events of one proposal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    last: BTreeMap<HunkId, HunkVerdict>,
    comments: Vec<HunkVerdict>,
}

impl Verdicts {
    /// Every hunk accepted.
    pub fn accept_all(proposal: &Proposal) -> Self {
        let mut verdicts = Self::default();
        let accept = |(_, hunk): (_, &crate::domain::Hunk)| HunkVerdict {
            hunk: hunk.id.clone(),
            verdict: Verdict::Accept,
            comment: None,
            line: None,
            replacement: None,
        };
        verdicts.fold(&proposal.hunks().map(accept).collect::<Vec<_>>());
        verdicts
    }

    /// Takes further verdicts in. A later one on the same hunk replaces the earlier one; comments on different lines
    /// stand beside each other, and a comment on the same line replaces the one before it.
    pub fn fold(&mut self, verdicts: &[HunkVerdict]) {
        for verdict in verdicts {
            if verdict.comment.is_some() {
                self.comments.retain(|other| (&other.hunk, other.line) != (&verdict.hunk, verdict.line));
                self.comments.push(verdict.clone());
            }
            self.last.insert(verdict.hunk.clone(), verdict.clone());
        }
    }

    /// The decision on a hunk; open when there is none.
    pub fn on(&self, hunk: &HunkId) -> Verdict {
        self.last.get(hunk).map_or(Verdict::Open, |verdict| verdict.verdict)
    }

    /// The bytes that replace an edited hunk.
    pub fn replacement(&self, hunk: &HunkId) -> Option<&str> {
        let last = self.last.get(hunk)?;
        last.replacement.as_deref().filter(|_| last.verdict == Verdict::Edit)
    }

    /// Comments on a hunk with the line they are about, in the order they were made.
    pub fn comments<'a>(&'a self, hunk: &'a HunkId) -> impl Iterator<Item = (Option<usize>, &'a str)> {
        let mine = self.comments.iter().filter(move |verdict| verdict.hunk == *hunk);
        mine.filter_map(|verdict| Some((verdict.line, verdict.comment.as_deref()?)))
            .filter(|(_, text)| !text.is_empty())
    }

    /// How many hunks of a proposal are accepted (edited ones included), rejected and open.
    pub fn tally(&self, proposal: &Proposal) -> [usize; 3] {
        let mut tally = [0; 3];
        for (_, hunk) in proposal.hunks() {
            let place = match self.on(&hunk.id) {
                Verdict::Accept | Verdict::Edit => 0,
                Verdict::Reject => 1,
                Verdict::Open => 2,
            };
            tally[place] += 1;
        }
        tally
    }
}
