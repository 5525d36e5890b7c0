//! What changed since the last review: the last form the user decided or commented on, against the form on screen.

use crate::domain::{ChangeKind, FileChange, Proposal};
use crate::proposal::Verdicts;
use crate::text;
use crate::tui::msg::Effect;

use super::DiffPane;
use super::moving::Wanted;

/// The form that was reviewed last.
#[derive(Debug, Default)]
pub(super) struct Since {
    reviewed: Option<Proposal>,
    /// Whether the difference is on screen.
    pub(super) on: bool,
    /// The difference, file by file.
    pub(super) changes: Vec<FileChange>,
}

impl Since {
    /// A form goes off the screen; it counts as reviewed when anything was decided or said on it.
    pub(super) fn seen(&mut self, shown: Proposal, verdicts: &Verdicts) {
        let decided = !verdicts.said(&shown).is_empty();
        let said = verdicts.remarks().iter().any(|remark| {
            let whole = remark.hunk.whole();
            shown.hunks().any(|(_, hunk)| hunk.id == whole)
        });
        if decided || said || self.reviewed.is_none() {
            self.reviewed = Some(shown);
        }
    }
}

impl DiffPane {
    /// Whether a file is not what it was at the last review.
    pub fn is_new_since(&self, change: &FileChange) -> bool {
        let Some(reviewed) = &self.since.reviewed else { return false };
        let before = reviewed.changes.iter().find(|other| other.path == change.path);
        before.is_none_or(|before| before.result != change.result || before.mode != change.mode)
    }

    /// Whether there was a review before this form.
    pub fn was_reviewed(&self) -> bool {
        self.since.reviewed.is_some()
    }

    /// Shows what changed since the last review, or the proposal again.
    pub(super) fn toggle_since(&mut self) -> Vec<Effect> {
        if self.since.on {
            return self.show_since(false);
        }
        let (Some(reviewed), Some(proposal)) = (&self.since.reviewed, &self.proposal) else {
            return vec![Effect::Status("nothing was proposed before this, so nothing changed since".to_owned())];
        };
        let changes = differences(reviewed, proposal);
        if changes.is_empty() {
            return vec![Effect::Status("nothing changed since your last review".to_owned())];
        }
        self.since.changes = changes;
        self.show_since(true)
    }

    fn show_since(&mut self, on: bool) -> Vec<Effect> {
        let path = self.change().map(|change| change.path.clone());
        self.since.on = on;
        self.selection = None;
        let file = path.and_then(|path| self.changes().iter().position(|change| change.path == path));
        self.file = file.unwrap_or(0);
        self.wanted = Wanted::Piece(0);
        (self.cursor, self.top, self.left) = (0, 0, 0);
        let mut effects = self.need_view();
        let words = if on { "what changed since your last review; i shows the proposal again" } else { "the proposal" };
        effects.push(Effect::Status(words.to_owned()));
        effects
    }

    /// What to say to a verdict while the difference is on screen.
    pub(super) fn no_verdict_here(&self) -> Option<Vec<Effect>> {
        let path = self.change().map(|change| text::sanitize_line(change.path.as_str()).into_owned());
        self.since.on.then(|| {
            let path = path.unwrap_or_default();
            vec![Effect::Status(format!("this is what changed since your review; i goes back to decide on {path}"))]
        })
    }
}

fn differences(reviewed: &Proposal, proposal: &Proposal) -> Vec<FileChange> {
    let mut changes = Vec::new();
    for now in &proposal.changes {
        let before = reviewed.changes.iter().find(|other| other.path == now.path);
        let (base, old_mode) = match before {
            Some(before) => (before.result.clone(), before.mode),
            None => (now.base.clone(), now.old_mode),
        };
        if base != now.result || old_mode != now.mode {
            changes.push(difference(now, base, old_mode, now.result.clone()));
        }
    }
    for before in &reviewed.changes {
        if !proposal.changes.iter().any(|now| now.path == before.path) && before.base != before.result {
            changes.push(difference(before, before.result.clone(), before.mode, before.base.clone()));
        }
    }
    changes
}

fn difference(
    change: &FileChange,
    base: Option<crate::domain::ContentHash>,
    old_mode: crate::domain::FileMode,
    result: Option<crate::domain::ContentHash>,
) -> FileChange {
    let kind = match (&base, &result) {
        (None, _) => ChangeKind::Add,
        (_, None) => ChangeKind::Delete,
        _ => ChangeKind::Edit,
    };
    FileChange {
        kind,
        old_path: None,
        base,
        result,
        old_mode,
        hunks: Vec::new(),
        added: 0,
        removed: 0,
        ..change.clone()
    }
}
