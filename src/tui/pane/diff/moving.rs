//! The cursor: lines, hunks, files, and the next one without a verdict.

use crate::domain::{HunkId, Verdict};
use crate::tui::msg::Effect;

use super::DiffPane;
use super::rows::Row;

/// Where to put the cursor in a file that is being loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Wanted {
    #[default]
    Stay,
    Piece(usize),
    Part(HunkId),
    LastPiece,
    Line(usize),
    /// A line of a hunk by its place in it.
    HunkLine(usize, usize),
}

impl DiffPane {
    pub(super) fn page(&self) -> isize {
        isize::try_from(self.height.saturating_sub(2).max(1)).unwrap_or(1)
    }

    pub(super) fn step(&mut self, by: isize) {
        self.go(self.cursor.saturating_add_signed(by));
    }

    pub(super) fn go(&mut self, row: usize) {
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
        self.step_file(by, Wanted::Piece(0))
    }

    pub(super) fn next_hunk(&mut self) -> Vec<Effect> {
        let rules = self.rows.rules();
        match rules.get(rules.partition_point(|row| *row <= self.cursor)).copied() {
            Some(row) => {
                self.go(row);
                self.show_hunk();
                Vec::new()
            }
            None => self.step_file(1, Wanted::Piece(0)),
        }
    }

    pub(super) fn previous_hunk(&mut self) -> Vec<Effect> {
        let rules = self.rows.rules();
        match rules.partition_point(|row| *row < self.cursor).checked_sub(1).and_then(|at| rules.get(at)).copied() {
            Some(row) => {
                self.go(row);
                Vec::new()
            }
            None => self.step_file(-1, Wanted::LastPiece),
        }
    }

    /// Scrolls so that as much of the hunk under the cursor is seen as fits.
    pub(super) fn show_hunk(&mut self) {
        let rules = self.rows.rules();
        let next = rules.get(rules.partition_point(|row| *row <= self.cursor)).copied().unwrap_or(self.rows.len());
        if next > self.top + self.height {
            self.top = next.saturating_sub(self.height).min(self.cursor.saturating_sub(1));
        }
    }

    pub(super) fn step_file(&mut self, by: isize, wanted: Wanted) -> Vec<Effect> {
        let files = self.changes().len();
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
        let here = (self.file, self.hunk_index());
        let open = self.open_parts();
        let next = open.iter().find(|(place, _)| *place > here).or_else(|| open.first()).cloned();
        match next {
            None => {
                let counts = self.counts();
                let next = if counts.accepted > 0 { "Enter commits" } else { "s sends the review back" };
                vec![Effect::Status(format!(
                    "all decided: {} accepted, {} rejected; {next}",
                    counts.accepted, counts.rejected
                ))]
            }
            Some((place, id)) => self.go_to_part(place.0, id),
        }
    }

    /// Goes to the hunk without a verdict before this one.
    pub(super) fn go_to_previous_open(&mut self) -> Vec<Effect> {
        let here = (self.file, self.hunk_index());
        let open = self.open_parts();
        match open.iter().rev().find(|(place, _)| *place < here).or_else(|| open.last()).cloned() {
            None => vec![Effect::Status("every hunk is decided".to_owned())],
            Some((place, id)) => self.go_to_part(place.0, id),
        }
    }

    fn go_to_part(&mut self, file: usize, id: HunkId) -> Vec<Effect> {
        if file != self.file {
            return self.show_file(file, Wanted::Part(id));
        }
        self.wanted = Wanted::Part(id);
        self.settle();
        self.show_hunk();
        Vec::new()
    }

    /// Parts without a verdict: file, place in the file, and name.
    fn open_parts(&self) -> Vec<((usize, usize), HunkId)> {
        let mut open = Vec::new();
        let changes = self.proposal.iter().flat_map(|proposal| proposal.changes.iter().enumerate());
        for (file, change) in changes.filter(|_| !self.since.on) {
            // A file that is decided as a whole is most of a long review: it is passed over without a closer look.
            if self.marks(file).is_some_and(|marks| marks.counts.open == 0) {
                continue;
            }
            let parts = change.hunks.iter().flat_map(|hunk| self.verdicts.parts(hunk));
            let undecided = parts.enumerate().filter(|(_, part)| part.verdict == Verdict::Open);
            open.extend(undecided.map(|(index, part)| ((file, index), part.id)));
        }
        open
    }

    /// Goes to a line of a file named by its path or the end of it.
    pub fn jump(&mut self, path: &str, line: usize) -> Option<Vec<Effect>> {
        let fits =
            |name: &str| name == path || path.ends_with(&format!("/{name}")) || name.ends_with(&format!("/{path}"));
        self.since.on = false;
        let proposal = self.proposal.as_ref()?;
        let file = proposal.changes.iter().position(|change| fits(change.path.as_str()))?;
        Some(self.show_file(file, Wanted::Line(line)))
    }

    pub(super) fn cursor_line(&self) -> Option<(usize, usize)> {
        self.line_of(self.cursor)
    }

    /// Hunk and line of a row.
    pub(super) fn line_of(&self, row: usize) -> Option<(usize, usize)> {
        match self.rows.get(row)? {
            Row::Line(hunk, line) => Some((hunk, line)),
            Row::Pair(hunk, left, right) => Some((hunk, right.or(left)?)),
            _ => None,
        }
    }

    /// Puts the cursor where it was wanted.
    pub(super) fn settle(&mut self) {
        let part = |id: &HunkId| self.pieces.iter().position(|piece| piece.part.id == *id);
        let found = match std::mem::take(&mut self.wanted) {
            Wanted::Stay => Some(self.cursor),
            Wanted::Piece(piece) => self.rows.rule(piece),
            Wanted::Part(id) => part(&id).and_then(|piece| self.rows.rule(piece)).or(self.rows.rule(0)),
            Wanted::LastPiece => self.rows.rules().last().copied(),
            Wanted::Line(line) => self.row_of_line(line),
            Wanted::HunkLine(hunk, line) => self.rows.of_line(hunk, line).or(Some(self.cursor)),
        };
        self.cursor = found.unwrap_or(0).min(self.rows.len().saturating_sub(1));
        self.scroll_to_cursor();
    }

    fn row_of_line(&self, line: usize) -> Option<usize> {
        let view = self.view()?;
        let number = |row: Row| match row {
            Row::Line(hunk, at) | Row::Pair(hunk, _, Some(at)) => view.sheet.line(hunk, at)?.new,
            Row::Extra(_, new) => Some(new),
            _ => None,
        };
        (0..self.rows.len()).find(|row| self.rows.get(*row).and_then(number).is_some_and(|number| number >= line))
    }

    /// Tells how many rows the body has; keeps the cursor among them.
    pub fn set_height(&mut self, height: usize) {
        if self.height != height {
            self.height = height;
            self.scroll_to_cursor();
        }
    }

    pub(super) fn scroll_to_cursor(&mut self) {
        let height = self.height.max(1);
        // A hunk's line stays above the cursor while it moves up, so that its verdict is seen.
        if self.cursor < self.top + 1 {
            self.top = self.cursor.saturating_sub(1);
        } else if self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
        self.top = self.top.min(self.rows.len().saturating_sub(1));
    }
}
