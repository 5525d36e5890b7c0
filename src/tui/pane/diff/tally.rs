//! How many hunks are decided how; kept, since a frame must not count 10,000 hunks.

use crate::domain::Verdict;

use super::DiffPane;

/// Marks of single hunks in the list; more hunks are counted.
pub const MARKS: usize = 10;

/// How many hunks were decided how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted, edited ones included.
    pub accepted: usize,
    /// Rejected.
    pub rejected: usize,
    /// Not decided.
    pub open: usize,
}

/// The hunks of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The verdicts, when there are few.
    pub few: Vec<Verdict>,
    /// How they stand.
    pub counts: Counts,
    /// Comments on its lines.
    pub remarks: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    files: Vec<Marks>,
    counts: Counts,
}

/// Whether it goes into the commit.
pub fn is_accepted(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Accept | Verdict::Edit)
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Accept | Verdict::Edit => self.accepted += 1,
            Verdict::Reject => self.rejected += 1,
            Verdict::Open => self.open += 1,
        }
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.accepted + self.rejected + self.open
    }
}

impl DiffPane {
    /// How the hunks of the proposal stand.
    pub fn counts(&self) -> Counts {
        self.tally.counts
    }

    /// How the hunks of a file stand.
    pub fn marks(&self, file: usize) -> Option<&Marks> {
        self.tally.files.get(file).filter(|_| !self.since.on)
    }

    /// How many comments and rejections would go back to the agent.
    pub fn remarks(&self) -> usize {
        let unsent = self.verdicts.remarks().iter().filter(|remark| !remark.sent).count();
        self.counts().rejected + unsent
    }

    /// Counts again, after a verdict.
    pub(super) fn count(&mut self) {
        let mut tally = Tally::default();
        for change in self.proposal.iter().flat_map(|proposal| &proposal.changes) {
            let mut marks = Marks::default();
            for hunk in &change.hunks {
                for part in self.verdicts.parts(hunk) {
                    marks.counts.add(part.verdict);
                    tally.counts.add(part.verdict);
                    if marks.few.len() <= MARKS {
                        marks.few.push(part.verdict);
                    }
                }
            }
            let own = |remark: &&crate::proposal::Remark| match &remark.about {
                Some(about) => about.path == change.path,
                None => change.hunks.iter().any(|hunk| hunk.id == remark.hunk.whole()),
            };
            marks.remarks = self.verdicts.remarks().iter().filter(own).count();
            if marks.few.len() > MARKS {
                marks.few.clear();
            }
            tally.files.push(marks);
        }
        self.tally = tally;
    }
}
