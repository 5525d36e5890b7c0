//! Lines that are selected, to be decided on or copied.

use std::collections::BTreeSet;

use crate::diff::Side;
use crate::tui::msg::Effect;

use super::DiffPane;
use super::rows::Row;

/// Selected lines of one hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    hunk: usize,
    lines: BTreeSet<usize>,
    /// Where a range was begun; it reaches to the cursor.
    anchor: Option<usize>,
}

impl DiffPane {
    /// Whether a line of a hunk is selected.
    pub fn is_selected(&self, hunk: usize, line: usize) -> bool {
        let Some(selection) = self.selection.as_ref().filter(|selection| selection.hunk == hunk) else { return false };
        let drawn = || self.drawn().is_some_and(|range| range.contains(&line));
        selection.lines.contains(&line) || drawn()
    }

    /// The lines of a range that is being drawn: from where it was begun to the cursor, within the hunk.
    fn drawn(&self) -> Option<std::ops::RangeInclusive<usize>> {
        let selection = self.selection.as_ref()?;
        let anchor = selection.anchor?;
        let above = (0..=self.cursor).rev().find_map(|row| self.line_of(row));
        let cursor = match above {
            Some((hunk, line)) if hunk == selection.hunk => line,
            Some((hunk, _)) if hunk > selection.hunk => {
                self.view()?.sheet.hunks().get(selection.hunk)?.len().saturating_sub(1)
            }
            _ => 0,
        };
        Some(anchor.min(cursor)..=anchor.max(cursor))
    }

    /// The selected lines: those picked one by one, and those of a range that is being drawn.
    pub(super) fn selected_lines(&self) -> Option<(usize, BTreeSet<usize>)> {
        let selection = self.selection.as_ref()?;
        let mut lines = selection.lines.clone();
        lines.extend(self.drawn().into_iter().flatten());
        (!lines.is_empty()).then_some((selection.hunk, lines))
    }

    pub(super) fn select_line(&mut self) {
        let Some((hunk, line)) = self.cursor_line() else { return };
        let both = match self.rows.get(self.cursor) {
            Some(Row::Pair(_, Some(left), Some(right))) if left != right => vec![left, right],
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

    pub(super) fn select_range(&mut self) {
        let Some((hunk, line)) = self.cursor_line() else { return };
        match self.selected_lines() {
            Some((_, lines)) if self.selection.as_ref().is_some_and(|selection| selection.anchor.is_some()) => {
                self.selection = self.selection.take().map(|selection| Selection { lines, anchor: None, ..selection });
            }
            _ => self.selection = Some(Selection { hunk, lines: BTreeSet::new(), anchor: Some(line) }),
        }
    }

    /// Copies the selected lines, or the new text of the piece, byte for byte.
    pub(super) fn copy(&self) -> Vec<Effect> {
        let (Some(view), Some(piece)) = (self.view(), self.piece()) else { return Vec::new() };
        let line = |hunk: usize, at: usize| view.sheet.line(hunk, at);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let copied: String = match (self.selected_lines(), &piece.part.replacement) {
            (Some((hunk, lines)), _) => {
                lines.iter().filter_map(|at| line(hunk, *at)).map(|line| text(line.bytes)).collect()
            }
            (None, Some(replacement)) => replacement.clone(),
            (None, None) => {
                let lines = piece.range.clone().filter_map(|at| line(piece.hunk, at));
                lines.filter(|line| line.side != Side::Removed).map(|line| text(line.bytes)).collect()
            }
        };
        vec![Effect::Copy(copied)]
    }
}
