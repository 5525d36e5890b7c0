//! What keys do in the diff pane.

use crate::domain::{Command, Finish, Verdict};
use crate::tui::keymap::{Action, Place};
use crate::tui::msg::Effect;
use crate::tui::popup::Popup;

use super::DiffPane;
use super::moving::Wanted;

/// Steps of the context around hunks beyond git's three lines.
const CONTEXT: [usize; 4] = [0, 10, 40, usize::MAX / 2];
/// Cells a sideways step scrolls.
const SIDEWAYS: usize = 8;

impl DiffPane {
    /// Does what a key asks for.
    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        if self.proposal.is_none() && !matches!(action, Action::UndoCommit | Action::RedoCommit | Action::Back) {
            return match action {
                Action::Accept | Action::Reject | Action::Commit | Action::Comment | Action::SendReview => {
                    vec![Effect::Status(
                        "there is no proposal yet; /diff in the chat proposes what is there".to_owned(),
                    )]
                }
                _ => Vec::new(),
            };
        }
        match action {
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::PageDown => self.step(self.page()),
            Action::PageUp => self.step(-self.page()),
            Action::Top => self.go(0),
            Action::Bottom => self.go(usize::MAX),
            Action::NextHunk => return self.next_hunk(),
            Action::PreviousHunk => return self.previous_hunk(),
            Action::NextOpen => return self.go_to_next_open(),
            Action::PreviousOpen => return self.go_to_previous_open(),
            Action::NextRemark => return self.next_remark(),
            // As in a pager: while something is searched for, n goes on with it.
            Action::NextFile if !self.search.is_empty() => return self.find(true),
            Action::NextFile => return self.step_file(1, Wanted::Piece(0)),
            Action::PreviousFile => return self.step_file(-1, Wanted::Piece(0)),
            Action::ScrollRight => self.left += SIDEWAYS,
            Action::ScrollLeft => self.left = self.left.saturating_sub(SIDEWAYS),
            Action::SelectLine => self.select_line(),
            Action::SelectRange => self.select_range(),
            Action::SearchPrevious => return self.find(false),
            Action::Search => return vec![Effect::Open(Popup::search(&self.search))],
            Action::Copy => return self.copy(),
            Action::Back => return self.back(),
            _ => return self.act_on_proposal(action),
        }
        Vec::new()
    }

    fn act_on_proposal(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Accept => self.decide_here(Verdict::Accept),
            Action::Reject => self.decide_here(Verdict::Reject),
            Action::AcceptFile => self.decide_file(Verdict::Accept),
            Action::RejectFile => self.decide_file(Verdict::Reject),
            Action::AcceptAll => self.decide_open(Verdict::Accept),
            Action::RejectAll => self.decide_open(Verdict::Reject),
            Action::OpenAgain => self.open_again(),
            Action::SplitHunk => self.split_hunk(),
            Action::EditHunk => self.edit(),
            Action::Comment => self.ask_for_comment(),
            Action::ToggleSplit => self.reshape(|pane| pane.split = !pane.split),
            Action::ToggleIntraline => {
                self.plain_lines = !self.plain_lines;
                Vec::new()
            }
            Action::ExpandContext => self.reshape(|pane| {
                let at = CONTEXT.iter().position(|step| *step == pane.context).unwrap_or(0);
                pane.context = CONTEXT.get(at + 1).copied().unwrap_or(0);
            }),
            Action::Fold => self.fold(),
            Action::FoldDecided => self.fold_all_decided(),
            Action::Since => self.toggle_since(),
            Action::Commit => self.commit_dialog(),
            Action::UndoCommit => vec![Effect::Command(Command::Undo)],
            Action::RedoCommit => vec![Effect::Command(Command::Redo)],
            Action::SendReview => self.send_review(),
            Action::ProveAgain => self.with_proposal(|proposal| Command::Prove { proposal, gates: Vec::new() }),
            Action::StageAccepted => self.finish(Finish::Stage),
            Action::RevertRejected => self.finish(Finish::Revert),
            Action::WriteReview => self.finish(Finish::Markdown(None)),
            _ => Vec::new(),
        }
    }

    fn reshape(&mut self, change: impl FnOnce(&mut Self)) -> Vec<Effect> {
        let piece = self.hunk_index();
        let line = self.cursor_line();
        change(self);
        self.wanted = line.map_or(Wanted::Piece(piece), |(hunk, line)| Wanted::HunkLine(hunk, line));
        self.rebuild();
        Vec::new()
    }

    /// Folds the piece under the cursor away, or shows it.
    fn fold(&mut self) -> Vec<Effect> {
        let Some(id) = self.piece().map(|piece| piece.part.id.clone()) else { return Vec::new() };
        if !self.folds.remove(&id) {
            self.folds.insert(id.clone());
        }
        self.wanted = Wanted::Part(id);
        self.rebuild();
        Vec::new()
    }

    fn fold_all_decided(&mut self) -> Vec<Effect> {
        self.fold_decided = !self.fold_decided;
        self.folds.clear();
        let id = self.piece().map(|piece| piece.part.id.clone());
        self.wanted = id.map_or(Wanted::Stay, Wanted::Part);
        self.rebuild();
        let words = if self.fold_decided { "decided hunks are folded" } else { "decided hunks are shown" };
        vec![Effect::Status(words.to_owned())]
    }

    fn with_proposal(&self, command: impl FnOnce(crate::domain::ProposalId) -> Command) -> Vec<Effect> {
        let id = self.proposal.as_ref().map(|proposal| proposal.id.clone());
        id.map(command).map(Effect::Command).into_iter().collect()
    }

    fn finish(&self, how: Finish) -> Vec<Effect> {
        self.with_proposal(|proposal| Command::Finish { proposal, how })
    }

    fn commit_dialog(&self) -> Vec<Effect> {
        let message = self.proposal.as_ref().map(|proposal| proposal.message.clone()).unwrap_or_default();
        vec![Effect::Open(Popup::commit(&message))]
    }

    fn back(&mut self) -> Vec<Effect> {
        if self.selection.take().is_some() {
            return Vec::new();
        }
        if !std::mem::take(&mut self.search).is_empty() {
            return Vec::new();
        }
        if self.since.on {
            return self.toggle_since();
        }
        vec![Effect::Focus(Place::Chat)]
    }
}
