//! What keys do in the diff pane.

use std::collections::BTreeSet;

use crate::diff::Side;
use crate::domain::{Command, Verdict};
use crate::text;
use crate::tui::keymap::{Action, Place};
use crate::tui::msg::{Effect, Purpose};
use crate::tui::popup::Popup;

use super::partial::{self, Choice};
use super::{DiffPane, Row, Selection, Wanted};

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
            Action::NextFile => return self.step_file(1, Wanted::Hunk(0)),
            Action::PreviousFile => return self.step_file(-1, Wanted::Hunk(0)),
            Action::ScrollRight => self.left += SIDEWAYS,
            Action::ScrollLeft => self.left = self.left.saturating_sub(SIDEWAYS),
            Action::Accept => return self.decide_here(Choice::Accept),
            Action::Reject => return self.decide_here(Choice::Reject),
            Action::AcceptFile => return self.decide_file(Verdict::Accept),
            Action::RejectFile => return self.decide_file(Verdict::Reject),
            Action::OpenAgain => return self.open_again(),
            Action::EditHunk => return self.edit(),
            Action::Comment => return self.ask_for_comment(),
            Action::SelectLine => self.select_line(),
            Action::SelectRange => self.select_range(),
            Action::ToggleSplit => self.reshape(|pane| pane.split = !pane.split),
            Action::ToggleIntraline => self.plain_lines = !self.plain_lines,
            Action::ExpandContext => self.reshape(|pane| {
                let at = CONTEXT.iter().position(|step| *step == pane.context).unwrap_or(0);
                pane.context = CONTEXT.get(at + 1).copied().unwrap_or(0);
            }),
            Action::SearchNext => return self.find_next(),
            Action::Search => return vec![Effect::Open(Popup::search(&self.search))],
            Action::Copy => return self.copy(),
            Action::Commit => return vec![Effect::Open(self.commit_dialog())],
            Action::UndoCommit => return vec![Effect::Command(Command::Undo)],
            Action::RedoCommit => return vec![Effect::Command(Command::Redo)],
            Action::SendReview => return self.send_review(),
            Action::ProveAgain => return self.prove(),
            Action::Back => return self.back(),
            _ => {}
        }
        Vec::new()
    }

    fn page(&self) -> isize {
        isize::try_from(self.height.saturating_sub(2).max(1)).unwrap_or(1)
    }

    fn step(&mut self, by: isize) {
        self.go(self.cursor.saturating_add_signed(by));
    }

    fn go(&mut self, row: usize) {
        self.cursor = row.min(self.rows.len().saturating_sub(1));
        self.scroll_to_cursor();
    }

    /// Scrolls with the wheel, the cursor staying on screen.
    pub fn wheel(&mut self, by: isize) {
        self.step(by);
    }

    /// Puts the cursor on a row of the screen.
    pub fn click(&mut self, row: usize) {
        self.go(self.top + row);
    }

    /// Chooses a file of the list.
    pub fn choose_file(&mut self, file: usize) -> Vec<Effect> {
        let by = isize::try_from(file).unwrap_or(0) - isize::try_from(self.file).unwrap_or(0);
        self.step_file(by, Wanted::Hunk(0))
    }

    fn next_hunk(&mut self) -> Vec<Effect> {
        let next = self.rows.iter().skip(self.cursor + 1).position(|row| matches!(row, Row::Rule(_)));
        match next {
            Some(offset) => {
                self.go(self.cursor + 1 + offset);
                self.show_hunk();
                Vec::new()
            }
            None => self.step_file(1, Wanted::Hunk(0)),
        }
    }

    fn previous_hunk(&mut self) -> Vec<Effect> {
        let before = self.rows.get(..self.cursor).unwrap_or_default();
        match before.iter().rposition(|row| matches!(row, Row::Rule(_))) {
            Some(row) => {
                self.go(row);
                Vec::new()
            }
            None => self.step_file(-1, Wanted::LastHunk),
        }
    }

    /// Scrolls so that as much of the hunk under the cursor is seen as fits.
    fn show_hunk(&mut self) {
        let rest = self.rows.get(self.cursor + 1..).unwrap_or_default();
        let length = rest.iter().position(|row| matches!(row, Row::Rule(_))).unwrap_or(rest.len()) + 1;
        if self.cursor + length > self.top + self.height {
            let top = (self.cursor + length).saturating_sub(self.height);
            self.top = top.min(self.cursor.saturating_sub(1));
        }
    }

    pub(super) fn step_file(&mut self, by: isize, wanted: Wanted) -> Vec<Effect> {
        let files = self.proposal.as_ref().map_or(0, |proposal| proposal.changes.len());
        let target = self.file.saturating_add_signed(by).min(files.saturating_sub(1));
        if target == self.file {
            return Vec::new();
        }
        self.show_file(target, wanted)
    }

    fn show_file(&mut self, file: usize, wanted: Wanted) -> Vec<Effect> {
        self.file = file;
        self.selection = None;
        self.wanted = wanted;
        (self.cursor, self.top, self.left) = (0, 0, 0);
        self.need_view()
    }

    /// Goes to the next hunk without a verdict, in this file or another.
    pub(super) fn go_to_next_open(&mut self) -> Vec<Effect> {
        let Some(proposal) = &self.proposal else { return Vec::new() };
        let here = (self.file, self.hunk_index());
        let open: Vec<(usize, usize)> = proposal
            .changes
            .iter()
            .enumerate()
            .flat_map(|(file, change)| change.hunks.iter().enumerate().map(move |(index, hunk)| (file, index, hunk)))
            .filter(|(_, _, hunk)| self.verdict_word(&hunk.id) == Verdict::Open)
            .map(|(file, index, _)| (file, index))
            .collect();
        let next = open.iter().find(|place| **place > here).or_else(|| open.first()).copied();
        match next {
            None => {
                let counts = self.counts();
                let next = if counts.accepted > 0 { "Enter commits" } else { "s sends the review back" };
                vec![Effect::Status(format!(
                    "all decided: {} accepted, {} rejected; {next}",
                    counts.accepted, counts.rejected
                ))]
            }
            Some((file, hunk)) if file == self.file => {
                self.wanted = Wanted::Hunk(hunk);
                self.settle();
                self.show_hunk();
                Vec::new()
            }
            Some((file, hunk)) => self.show_file(file, Wanted::Hunk(hunk)),
        }
    }

    /// Goes to a line of a file named by its path or the end of it.
    pub fn jump(&mut self, path: &str, line: usize) -> Option<Vec<Effect>> {
        let fits =
            |name: &str| name == path || path.ends_with(&format!("/{name}")) || name.ends_with(&format!("/{path}"));
        let proposal = self.proposal.as_ref()?;
        let file = proposal.changes.iter().position(|change| fits(change.path.as_str()))?;
        Some(self.show_file(file, Wanted::Line(line)))
    }

    fn reshape(&mut self, change: impl FnOnce(&mut Self)) {
        let hunk = self.hunk_index();
        change(self);
        self.wanted = Wanted::Hunk(hunk);
        self.rebuild();
    }

    fn cursor_line(&self) -> Option<(usize, usize)> {
        match self.rows.get(self.cursor)? {
            Row::Line(hunk, line) => Some((*hunk, *line)),
            Row::Pair(hunk, left, right) => Some((*hunk, right.or(*left)?)),
            _ => None,
        }
    }

    /// The line of the result under the cursor.
    pub(super) fn line_under_cursor(&self) -> Option<usize> {
        let (hunk, line) = self.cursor_line()?;
        self.view()?.hunks.get(hunk)?.lines.get(line)?.new
    }

    /// The selected lines: those picked one by one, and those of a range that is being drawn.
    pub(super) fn selected_lines(&self) -> Option<(usize, BTreeSet<usize>)> {
        let selection = self.selection.as_ref()?;
        let mut lines = selection.lines.clone();
        if let (Some(anchor), Some((hunk, line))) = (selection.anchor, self.cursor_line())
            && hunk == selection.hunk
        {
            lines.extend(anchor.min(line)..=anchor.max(line));
        }
        (!lines.is_empty()).then_some((selection.hunk, lines))
    }

    fn select_line(&mut self) {
        let Some((hunk, line)) = self.cursor_line() else { return };
        let both = match self.rows.get(self.cursor) {
            Some(Row::Pair(_, Some(left), Some(right))) => vec![*left, *right],
            _ => vec![line],
        };
        let mut selection = self.selection.take().filter(|selection| selection.hunk == hunk).unwrap_or(Selection {
            hunk,
            lines: BTreeSet::new(),
            anchor: None,
        });
        for line in both {
            if !selection.lines.remove(&line) {
                selection.lines.insert(line);
            }
        }
        self.selection = (!selection.lines.is_empty()).then_some(selection);
        self.step(1);
    }

    fn select_range(&mut self) {
        let Some((hunk, line)) = self.cursor_line() else { return };
        match self.selected_lines() {
            Some((_, lines)) if self.selection.as_ref().is_some_and(|selection| selection.anchor.is_some()) => {
                self.selection = self.selection.take().map(|selection| Selection { lines, anchor: None, ..selection });
            }
            _ => self.selection = Some(Selection { hunk, lines: BTreeSet::new(), anchor: Some(line) }),
        }
    }

    fn edit(&mut self) -> Vec<Effect> {
        let Some(change) = self.change() else { return Vec::new() };
        let index = self.hunk_index();
        let suffix = format!("-{}", change.path.file_name());
        let known = self.hunk().and_then(|hunk| self.verdict(&hunk.id)).and_then(|verdict| verdict.replacement.clone());
        let text = self.view().and_then(|view| view.hunks.get(index)).and_then(partial::new_text);
        match (self.proposal.as_ref(), self.hunk(), known.or(text)) {
            (Some(proposal), Some(hunk), Some(text)) => vec![Effect::Edit {
                purpose: Purpose::Hunk { proposal: proposal.id.clone(), hunk: hunk.id.clone() },
                text,
                suffix,
            }],
            _ => vec![Effect::Status("this hunk has no text to edit: accept or reject it as a whole".to_owned())],
        }
    }

    fn ask_for_comment(&self) -> Vec<Effect> {
        let Some(hunk) = self.hunk() else { return Vec::new() };
        let known = self.verdict(&hunk.id).and_then(|verdict| verdict.comment.clone()).unwrap_or_default();
        let place = match (self.change(), self.line_under_cursor()) {
            (Some(change), Some(line)) => format!("{}:{line}", text::sanitize_line(change.path.as_str())),
            (Some(change), None) => text::sanitize_line(change.path.as_str()).into_owned(),
            _ => String::new(),
        };
        vec![Effect::Open(Popup::comment(&place, &known))]
    }

    fn send_review(&mut self) -> Vec<Effect> {
        if self.remarks() == 0 {
            return vec![Effect::Status(
                "nothing to send back: reject hunks with r or comment with c first".to_owned(),
            )];
        }
        vec![Effect::Open(Popup::review(self.remarks()))]
    }

    fn prove(&self) -> Vec<Effect> {
        let command = self.proposal.as_ref().map(|proposal| Command::Prove { proposal: proposal.id.clone() });
        command.map(Effect::Command).into_iter().collect()
    }

    fn commit_dialog(&self) -> Popup {
        let message = self.proposal.as_ref().map(|proposal| proposal.message.clone()).unwrap_or_default();
        Popup::commit(&message)
    }

    fn back(&mut self) -> Vec<Effect> {
        if self.selection.take().is_some() {
            return Vec::new();
        }
        if !std::mem::take(&mut self.search).is_empty() {
            return Vec::new();
        }
        vec![Effect::Focus(Place::Chat)]
    }

    /// The text of a row, as it came.
    pub fn row_text(&self, row: Row) -> String {
        let Some(view) = self.view() else { return String::new() };
        let line = |hunk: usize, line: usize| {
            let bytes = view.hunks.get(hunk).and_then(|hunk| hunk.lines.get(line)).map(|line| line.bytes.as_slice());
            String::from_utf8_lossy(bytes.unwrap_or_default()).trim_end_matches(['\n', '\r']).to_owned()
        };
        match row {
            Row::Line(hunk, at) => line(hunk, at),
            Row::Pair(hunk, left, right) => right.or(left).map(|at| line(hunk, at)).unwrap_or_default(),
            Row::Extra(_, new) => view.lines.get(new.saturating_sub(1)).cloned().unwrap_or_default(),
            Row::Notice(_) | Row::Rule(_) => String::new(),
        }
    }

    /// Sets what is searched for and goes to the first place.
    pub fn search_for(&mut self, wanted: String) -> Vec<Effect> {
        self.search = wanted;
        self.find_next()
    }

    fn find_next(&mut self) -> Vec<Effect> {
        if self.search.is_empty() {
            return Vec::new();
        }
        let wanted = self.search.to_lowercase();
        let count = self.rows.len();
        let found = (1..=count)
            .map(|step| (self.cursor + step) % count.max(1))
            .find(|row| self.rows.get(*row).is_some_and(|row| self.row_text(*row).to_lowercase().contains(&wanted)));
        match found {
            Some(row) => {
                self.go(row);
                Vec::new()
            }
            None => vec![Effect::Status(format!("`{}` is not in this file", text::sanitize_line(&self.search)))],
        }
    }

    /// Copies the selected lines, or the hunk's new text, byte for byte.
    fn copy(&self) -> Vec<Effect> {
        let Some(view) = self.view() else { return Vec::new() };
        let text = match self.selected_lines() {
            Some((hunk, lines)) => lines.iter().map(|line| self.row_text(Row::Line(hunk, *line)) + "\n").collect(),
            None => view
                .hunks
                .get(self.hunk_index())
                .map(|hunk| {
                    let lines = hunk.lines.iter().filter(|line| line.side != Side::Removed);
                    lines.map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
                })
                .unwrap_or_default(),
        };
        vec![Effect::Copy(text)]
    }
}
