//! What the journal of a review tells: the last proposal, the verdicts, and what was done and can be taken back.

use crate::domain::{ContentHash, Event, FileChange, Proposal, Record};
use crate::proposal::Verdicts;

/// Something that can be taken back.
#[derive(Clone, Debug)]
pub(super) enum Done {
    Commit { oid: String, amends: Option<String> },
    Revert(Vec<FileChange>),
}

/// What a journal tells of an earlier review.
#[derive(Default)]
pub(super) struct Past {
    pub(super) proposal: Option<Proposal>,
    pub(super) verdicts: Verdicts,
    pub(super) done: Vec<Done>,
    pub(super) undone: Vec<Done>,
    /// The accepted hunks are committed: what is proposed next starts without verdicts, as on screen.
    pub(super) committed: bool,
    /// What the source held where the last proposal is what a hook made of it.
    hooked: Option<ContentHash>,
    /// The next proposal is one of a hook.
    by_hook: bool,
}

impl Done {
    /// What was brought forward on top of other commits has a new name.
    pub(super) fn at(self, head: Option<&str>) -> Self {
        match (self, head) {
            (Self::Commit { amends, .. }, Some(head)) => Self::Commit { oid: head.to_owned(), amends },
            (done, _) => done,
        }
    }
}

impl Past {
    pub(super) fn of(records: &[Record]) -> Self {
        let mut past = Self::default();
        records.iter().for_each(|record| past.apply(&record.event));
        past
    }

    /// Whether there is a step to take back, or to bring forward again.
    pub(super) fn has_step(&self, redo: bool) -> bool {
        if redo { !self.undone.is_empty() } else { !self.done.is_empty() }
    }

    /// The last proposal, where a hook made it of what the source still holds.
    pub(super) fn of_hook(&self, source: &ContentHash) -> Option<&Proposal> {
        self.proposal.as_ref().filter(|_| self.hooked.as_ref() == Some(source))
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::HookChanged { .. } => {
                self.hooked = self.hooked.take().or_else(|| Some(self.proposal.as_ref()?.hash.clone()));
                self.by_hook = true;
            }
            Event::Proposed { proposal } => {
                if !std::mem::take(&mut self.by_hook) {
                    self.hooked = None;
                }
                if std::mem::take(&mut self.committed) {
                    self.verdicts = Verdicts::default();
                }
                self.proposal = Some(proposal.clone());
            }
            Event::Decided { verdicts, .. } => self.verdicts.fold(verdicts),
            Event::Committed { oid, amends, .. } => {
                self.done.push(Done::Commit { oid: oid.clone(), amends: amends.clone() });
                self.undone.clear();
                self.committed = true;
            }
            Event::Reverted { changes, undone: false, .. } => {
                self.done.push(Done::Revert(changes.clone()));
                self.undone.clear();
            }
            Event::Reverted { undone: true, .. } => self.undone.extend(self.done.pop()),
            Event::Undone { oid, redo: false, .. } => {
                self.undone.extend(find(&self.done, Some(oid)).map(|at| self.done.remove(at)));
                self.committed = false;
            }
            Event::Undone { oid, redo: true, head } => {
                let again = find(&self.undone, Some(oid)).map(|at| self.undone.remove(at));
                let again = again.map(|done| done.at(head.as_deref()));
                self.done.extend(again);
                self.committed = true;
            }
            _ => {}
        }
    }
}

/// Where the last step is, or the commit that is named by the beginning of its id.
pub(super) fn find(steps: &[Done], named: Option<&str>) -> Option<usize> {
    let fits = |step: &Done| match (step, named) {
        (_, None) => true,
        (Done::Commit { oid, .. }, Some(named)) => named.len() >= 4 && oid.starts_with(named),
        (Done::Revert(_), Some(_)) => false,
    };
    steps.iter().rposition(fits)
}
