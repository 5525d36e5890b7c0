//! Verdicts and how many there are of each.

use crate::domain::{Command, Hunk, HunkId, HunkVerdict, ProposalId, Verdict};
use crate::tui::msg::Effect;

use super::DiffPane;
use super::partial::{self, Choice};

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

pub(super) fn command(proposal: &ProposalId, verdicts: Vec<HunkVerdict>) -> Effect {
    Effect::Command(Command::Decide { proposal: proposal.clone(), verdicts })
}

impl DiffPane {
    /// How the hunks of the proposal stand.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, hunk) in self.proposal.iter().flat_map(|proposal| proposal.hunks()) {
            match self.verdict_word(&hunk.id) {
                Verdict::Accept | Verdict::Edit => counts.accepted += 1,
                Verdict::Reject => counts.rejected += 1,
                Verdict::Open => counts.open += 1,
            }
        }
        counts
    }

    /// How many comments and rejections would go back to the agent.
    pub fn remarks(&self) -> usize {
        self.verdicts.values().filter(|verdict| verdict.verdict == Verdict::Reject || verdict.comment.is_some()).count()
    }

    /// The decision on a hunk.
    pub fn verdict_word(&self, hunk: &HunkId) -> Verdict {
        self.verdicts.get(hunk).map_or(Verdict::Open, |verdict| verdict.verdict)
    }

    /// Records verdicts at once and tells the engine.
    pub(super) fn decide(&mut self, verdicts: Vec<HunkVerdict>) -> Vec<Effect> {
        let Some(proposal) = self.proposal.as_ref().map(|proposal| proposal.id.clone()) else { return Vec::new() };
        if self.committed {
            return vec![Effect::Status("this proposal is committed; u takes the commit back".to_owned())];
        }
        for verdict in &verdicts {
            self.verdicts.insert(verdict.hunk.clone(), verdict.clone());
        }
        self.selection = None;
        vec![command(&proposal, verdicts)]
    }

    fn with_verdict(&self, hunk: &Hunk, verdict: Verdict) -> HunkVerdict {
        let known = self.verdicts.get(&hunk.id);
        HunkVerdict {
            hunk: hunk.id.clone(),
            verdict,
            comment: known.and_then(|known| known.comment.clone()),
            line: known.and_then(|known| known.line),
            replacement: None,
        }
    }

    /// Decides on the hunk under the cursor, or on the selected lines of a hunk, and goes on to the next open one.
    pub(super) fn decide_here(&mut self, choice: Choice) -> Vec<Effect> {
        if self.selected_lines().is_some() {
            return self.decide_lines(choice);
        }
        let Some(hunk) = self.hunk().cloned() else { return Vec::new() };
        let verdict = if choice == Choice::Accept { Verdict::Accept } else { Verdict::Reject };
        let mut effects = self.decide(vec![self.with_verdict(&hunk, verdict)]);
        if !self.committed {
            effects.extend(self.go_to_next_open());
        }
        effects
    }

    fn decide_lines(&mut self, choice: Choice) -> Vec<Effect> {
        let Some((index, lines)) = self.selected_lines() else { return Vec::new() };
        let made = self
            .view()
            .and_then(|view| view.hunks.get(index))
            .map(|hunk| (partial::is_whole(hunk, &lines), partial::replacement(hunk, &lines, choice)));
        let Some((whole, replacement)) = made else { return Vec::new() };
        let Some(hunk) = self.change().and_then(|change| change.hunks.get(index)).cloned() else { return Vec::new() };
        let verdict = match (whole, choice, replacement) {
            (true, Choice::Accept, _) => self.with_verdict(&hunk, Verdict::Accept),
            (true, Choice::Reject, _) => self.with_verdict(&hunk, Verdict::Reject),
            (false, _, Some(text)) => {
                HunkVerdict { replacement: Some(text), ..self.with_verdict(&hunk, Verdict::Edit) }
            }
            (false, _, None) => {
                return vec![Effect::Status("these lines are no UTF-8: decide on the hunk as a whole".to_owned())];
            }
        };
        self.decide(vec![verdict])
    }

    /// Decides on every hunk of the file.
    pub(super) fn decide_file(&mut self, verdict: Verdict) -> Vec<Effect> {
        let Some(change) = self.change() else { return Vec::new() };
        let verdicts: Vec<HunkVerdict> = change.hunks.iter().map(|hunk| self.with_verdict(hunk, verdict)).collect();
        let mut effects = self.decide(verdicts);
        if !self.committed {
            effects.extend(self.go_to_next_open());
        }
        effects
    }

    /// Takes the verdict on the hunk back.
    pub(super) fn open_again(&mut self) -> Vec<Effect> {
        let Some(hunk) = self.hunk().cloned() else { return Vec::new() };
        let verdict = self.with_verdict(&hunk, Verdict::Open);
        self.decide(vec![verdict])
    }

    /// A comment on the line under the cursor. One that asks goes to the agent at once.
    pub fn comment(&mut self, text: &str) -> Vec<Effect> {
        let Some(hunk) = self.hunk().cloned() else { return Vec::new() };
        let comment = text.trim();
        let verdict = HunkVerdict {
            comment: (!comment.is_empty()).then(|| comment.to_owned()),
            line: self.line_under_cursor(),
            replacement: self.verdicts.get(&hunk.id).and_then(|known| known.replacement.clone()),
            ..self.with_verdict(&hunk, self.verdict_word(&hunk.id))
        };
        let mut effects = self.decide(vec![verdict]);
        if comment.ends_with('?')
            && let Some(proposal) = &self.proposal
        {
            effects.push(Effect::Command(Command::Review { proposal: proposal.id.clone(), text: None }));
            effects.push(Effect::Status("the question went to the agent".to_owned()));
        }
        effects
    }

    /// The user's own text replaces the hunk.
    pub fn replaced(&mut self, hunk: &HunkId, text: String) -> Vec<Effect> {
        let Some(hunk) =
            self.proposal.as_ref().and_then(|p| p.hunks().find(|(_, h)| h.id == *hunk)).map(|(_, h)| h.clone())
        else {
            return vec![Effect::Status("the hunk is gone: the proposal was replaced meanwhile".to_owned())];
        };
        let verdict = HunkVerdict { replacement: Some(text), ..self.with_verdict(&hunk, Verdict::Edit) };
        self.decide(vec![verdict])
    }
}
