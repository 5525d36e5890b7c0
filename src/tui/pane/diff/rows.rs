//! A compared file as a list of rows. One row of the list is one row of the screen; long lines scroll sideways.
//!
//! Rows are not stored one by one but in spans, so a diff of 100,000 lines has a handful of them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diff::{Group, Sheet};

use super::pieces::Piece;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Something about the file: index into its notices.
    Notice(usize),
    /// The line above a piece.
    Rule(usize),
    /// A line of a hunk, in one column.
    Line(usize, usize),
    /// Lines of a hunk side by side.
    Pair(usize, Option<usize>, Option<usize>),
    /// An unchanged line outside the hunks: its numbers before and after, 1-based.
    Extra(usize, usize),
    /// A line of a comment: index of the comment, and of its line.
    Remark(usize, usize),
    /// A line of a piece as the user edited it.
    Edited(usize, usize),
    /// What is folded away.
    Folded(usize),
}

/// How rows are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Old and new side by side.
    pub split: bool,
    /// Unchanged lines around hunks beyond git's three.
    pub context: usize,
}

/// Where comments stand: after a line of a hunk, under the line above a piece, or before everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// By hunk and line: comments with how many lines they have.
    pub lines: BTreeMap<(usize, usize), Vec<(usize, usize)>>,
    /// By piece.
    pub pieces: BTreeMap<usize, Vec<(usize, usize)>>,
    /// Those whose line is gone.
    pub top: Vec<(usize, usize)>,
}

#[derive(Clone, Debug)]
enum Kind {
    Notice(usize),
    Rule,
    Lines { hunk: usize, first: usize },
    Pairs { hunk: usize, removed: Range<usize>, added: Range<usize> },
    Same { hunk: usize, first: usize },
    Extra { old: usize, new: usize },
    Remark { remark: usize },
    Edited { first: usize },
    Folded,
}

#[derive(Clone, Debug)]
struct Span {
    at: usize,
    piece: usize,
    kind: Kind,
}

/// The rows of a file.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    spans: Vec<Span>,
    total: usize,
    rules: Vec<usize>,
}

impl Rows {
    /// The rows of a file.
    pub fn build(sheet: &Sheet, notices: usize, pieces: &[Piece], places: &Places, shape: Shape) -> Self {
        let mut builder = Builder { rows: Self::default(), sheet, places, shape, piece: 0, shown: 0 };
        builder.push(notices, Kind::Notice(0));
        for (remark, lines) in &places.top {
            builder.push(*lines, Kind::Remark { remark: *remark });
        }
        for (index, piece) in pieces.iter().enumerate() {
            builder.piece = index;
            let ends = pieces.get(index + 1).is_none_or(|next| next.hunk != piece.hunk);
            builder.piece(piece, ends);
        }
        builder.rows
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.total
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    fn span(&self, row: usize) -> Option<&Span> {
        let next = self.spans.partition_point(|span| span.at <= row);
        self.spans.get(next.checked_sub(1)?).filter(|_| row < self.total)
    }

    /// A row.
    pub fn get(&self, row: usize) -> Option<Row> {
        let span = self.span(row)?;
        let ahead = row - span.at;
        Some(match &span.kind {
            Kind::Notice(first) => Row::Notice(first + ahead),
            Kind::Rule => Row::Rule(span.piece),
            Kind::Lines { hunk, first } => Row::Line(*hunk, first + ahead),
            Kind::Same { hunk, first } => Row::Pair(*hunk, Some(first + ahead), Some(first + ahead)),
            Kind::Pairs { hunk, removed, added } => {
                let side = |range: &Range<usize>| (ahead < range.len()).then(|| range.start + ahead);
                Row::Pair(*hunk, side(removed), side(added))
            }
            Kind::Extra { old, new } => Row::Extra(old + ahead, new + ahead),
            Kind::Remark { remark } => Row::Remark(*remark, ahead),
            Kind::Edited { first } => Row::Edited(span.piece, first + ahead),
            Kind::Folded => Row::Folded(span.piece),
        })
    }

    /// The piece a row belongs to.
    pub fn piece(&self, row: usize) -> usize {
        self.span(row).map_or(0, |span| span.piece)
    }

    /// The row above a piece.
    pub fn rule(&self, piece: usize) -> Option<usize> {
        self.rules.get(piece).copied()
    }

    /// How many pieces have a row above them.
    pub fn rules(&self) -> &[usize] {
        &self.rules
    }

    /// The first row that shows a line of a hunk.
    pub fn of_line(&self, hunk: usize, line: usize) -> Option<usize> {
        self.spans.iter().enumerate().find_map(|(index, span)| {
            let count = self.spans.get(index + 1).map_or(self.total, |next| next.at) - span.at;
            let within =
                |of: usize, range: Range<usize>| (of == hunk && range.contains(&line)).then(|| line - range.start);
            match &span.kind {
                Kind::Lines { hunk, first } | Kind::Same { hunk, first } => {
                    within(*hunk, *first..first + count).map(|ahead| span.at + ahead)
                }
                Kind::Pairs { hunk, removed, added } => {
                    within(*hunk, removed.clone()).or_else(|| within(*hunk, added.clone())).map(|ahead| span.at + ahead)
                }
                _ => None,
            }
        })
    }
}

struct Builder<'a> {
    rows: Rows,
    sheet: &'a Sheet,
    places: &'a Places,
    shape: Shape,
    piece: usize,
    /// New lines that are on screen or passed.
    shown: usize,
}

impl Builder<'_> {
    fn push(&mut self, count: usize, kind: Kind) {
        if count > 0 {
            self.rows.spans.push(Span { at: self.rows.total, piece: self.piece, kind });
            self.rows.total += count;
        }
    }

    fn piece(&mut self, piece: &Piece, ends: bool) {
        self.rows.rules.push(self.rows.total);
        self.push(1, Kind::Rule);
        for (remark, lines) in self.places.pieces.get(&self.piece).into_iter().flatten() {
            self.push(*lines, Kind::Remark { remark: *remark });
        }
        let Some(hunk) = self.sheet.hunks().get(piece.hunk).map(|hunk| &hunk.hunk) else { return };
        if piece.folded {
            self.push(1, Kind::Folded);
            self.shown = hunk.new[0].saturating_sub(1) + hunk.new[1];
            return;
        }
        let [old_start, new_start] = [hunk.old[0], hunk.new[0]];
        if piece.range.start == 0 {
            let before = self.shape.context.min(new_start.saturating_sub(1).saturating_sub(self.shown));
            let before = before.min(old_start.saturating_sub(1));
            self.push(before, Kind::Extra { old: old_start - before, new: new_start - before });
        }
        match &piece.edited {
            Some(edited) => {
                let (first, last) = (edited.replaced.start, edited.replaced.end);
                self.lines(piece.hunk, piece.range.start..first);
                self.push(edited.len(), Kind::Edited { first: 0 });
                self.lines(piece.hunk, last..piece.range.end);
            }
            None => self.lines(piece.hunk, piece.range.clone()),
        }
        if ends {
            self.after(piece.hunk);
        }
    }

    fn after(&mut self, index: usize) {
        let hunks = self.sheet.hunks();
        let Some(hunk) = hunks.get(index).map(|hunk| &hunk.hunk) else { return };
        self.shown = hunk.new[0].saturating_sub(1) + hunk.new[1];
        if hunk.new[1] == 0 {
            self.shown = hunk.new[0];
        }
        let next = hunks.get(index + 1).map_or(self.sheet.new_len(), |next| next.hunk.new[0].saturating_sub(1));
        let after = self.shape.context.min(next.saturating_sub(self.shown));
        let old_end = if hunk.old[1] == 0 { hunk.old[0] } else { hunk.old[0] - 1 + hunk.old[1] };
        self.push(after, Kind::Extra { old: old_end + 1, new: self.shown + 1 });
        self.shown += after;
    }

    /// Lines of a hunk, with the comments on them.
    fn lines(&mut self, hunk: usize, range: Range<usize>) {
        let mut from = range.start;
        let marks: Vec<usize> =
            self.places.lines.range((hunk, range.start)..(hunk, range.end)).map(|(k, _)| k.1).collect();
        for at in marks {
            // Side by side, the rows of a run of changes stay together: comments follow it.
            let end = if self.shape.split { self.group_end(hunk, at).min(range.end) } else { at + 1 };
            if end > from {
                self.stretch(hunk, from..end);
                from = end;
            }
            for (remark, lines) in self.places.lines.get(&(hunk, at)).into_iter().flatten() {
                self.push(*lines, Kind::Remark { remark: *remark });
            }
        }
        if range.end > from {
            self.stretch(hunk, from..range.end);
        }
    }

    fn group_end(&self, hunk: usize, at: usize) -> usize {
        let groups = self.sheet.hunks().get(hunk).map(|hunk| hunk.groups()).unwrap_or_default();
        let end = groups.into_iter().find_map(|group| match group {
            Group::Changed { removed, added } if (removed.start..added.end).contains(&at) => Some(added.end),
            _ => None,
        });
        end.unwrap_or(at + 1)
    }

    fn stretch(&mut self, hunk: usize, range: Range<usize>) {
        if !self.shape.split {
            self.push(range.len(), Kind::Lines { hunk, first: range.start });
            return;
        }
        let cut =
            |part: &Range<usize>| part.start.clamp(range.start, range.end)..part.end.clamp(range.start, range.end);
        let groups = self.sheet.hunks().get(hunk).map(|hunk| hunk.groups()).unwrap_or_default();
        for group in groups {
            match group {
                Group::Same(lines) => {
                    let lines = cut(&lines);
                    self.push(lines.len(), Kind::Same { hunk, first: lines.start });
                }
                Group::Changed { removed, added } => {
                    let (removed, added) = (cut(&removed), cut(&added));
                    self.push(removed.len().max(added.len()), Kind::Pairs { hunk, removed, added });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RepoPath;
    use crate::proposal::Verdicts;

    fn rows(split: bool, context: usize) -> Vec<Row> {
        let old: String = (1..=20).map(|line| format!("{line}\n")).collect();
        let new = old.replace("5\n", "five\n").replace("\n18\n", "\n18\nmore\n");
        let path = RepoPath::parse("a").unwrap();
        let sheet = Sheet::new(&path, old.into_bytes(), new.into_bytes());
        let hunks: Vec<_> = sheet.hunks().iter().map(|hunk| hunk.hunk.clone()).collect();
        let pieces = super::super::pieces::cut(&sheet, &hunks, &Verdicts::default());
        let built = Rows::build(&sheet, 1, &pieces, &Places::default(), Shape { split, context });
        (0..built.len()).filter_map(|row| built.get(row)).collect()
    }

    #[test]
    fn rows_are_counted_and_found() {
        let unified = rows(false, 0);
        assert_eq!(unified[..3], [Row::Notice(0), Row::Rule(0), Row::Line(0, 0)]);
        assert_eq!(unified.iter().filter(|row| matches!(row, Row::Line(..))).count(), 8 + 11);
        let split = rows(true, 0);
        assert!(split.contains(&Row::Pair(0, Some(3), Some(4))), "{split:?}");
        let wide = rows(false, 2);
        assert_eq!(wide.iter().filter(|row| matches!(row, Row::Extra(..))).count(), 1 + 2 + 1);
    }
}
