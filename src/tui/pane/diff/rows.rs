//! A compared file as a list of rows. One row of the list is one row of the screen; long lines scroll sideways.

use crate::diff::{Side, TextHunk};

use super::load::FileView;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Something about the file: index into its notices.
    Notice(usize),
    /// The line above a hunk.
    Rule(usize),
    /// A line of a hunk, in one column.
    Line(usize, usize),
    /// Lines of a hunk side by side.
    Pair(usize, Option<usize>, Option<usize>),
    /// An unchanged line outside the hunks: its numbers before and after, 1-based.
    Extra(usize, usize),
}

/// How rows are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Old and new side by side.
    pub split: bool,
    /// Unchanged lines around hunks beyond git's three.
    pub context: usize,
}

/// The rows of a file. `hunks` is how many hunks the change has: one without lines when there is no text to compare.
pub fn build(view: &FileView, hunks: usize, shape: Shape) -> Vec<Row> {
    let mut rows: Vec<Row> = (0..view.notices.len()).map(Row::Notice).collect();
    let mut shown = 0;
    for (index, hunk) in view.hunks.iter().enumerate() {
        rows.push(Row::Rule(index));
        let [old_start, _] = hunk.hunk.old;
        let [new_start, new_lines] = hunk.hunk.new;
        let before = shape.context.min(new_start.saturating_sub(1).saturating_sub(shown));
        rows.extend((1..=before).rev().map(|back| Row::Extra(old_start - back.min(old_start), new_start - back)));
        push_hunk(&mut rows, index, hunk, shape.split);
        shown = new_start.saturating_sub(1) + new_lines;
        let next = view.hunks.get(index + 1).map_or(view.lines.len(), |next| next.hunk.new[0].saturating_sub(1));
        let after = shape.context.min(next.saturating_sub(shown));
        let old_end = hunk.hunk.old[0].saturating_sub(1) + hunk.hunk.old[1];
        rows.extend((1..=after).map(|ahead| Row::Extra(old_end + ahead, shown + ahead)));
        shown += after;
    }
    if view.hunks.is_empty() {
        rows.extend((0..hunks).map(Row::Rule));
    }
    rows
}

fn push_hunk(rows: &mut Vec<Row>, index: usize, hunk: &TextHunk, split: bool) {
    if !split {
        rows.extend((0..hunk.lines.len()).map(|line| Row::Line(index, line)));
        return;
    }
    for group in groups(hunk) {
        match group {
            Group::Same(line) => rows.push(Row::Pair(index, Some(line), Some(line))),
            Group::Changed { removed, added } => {
                let longest = removed.len().max(added.len());
                rows.extend((0..longest).map(|at| {
                    let side = |range: &std::ops::Range<usize>| (at < range.len()).then(|| range.start + at);
                    Row::Pair(index, side(&removed), side(&added))
                }));
            }
        }
    }
}

/// A stretch of a hunk.
pub enum Group {
    /// An unchanged line.
    Same(usize),
    /// Lines that took the place of others.
    Changed {
        /// Those that went.
        removed: std::ops::Range<usize>,
        /// Those that came.
        added: std::ops::Range<usize>,
    },
}

/// The stretches of a hunk, in order.
pub fn groups(hunk: &TextHunk) -> Vec<Group> {
    let mut found = Vec::new();
    let side = |at: usize| hunk.lines.get(at).map(|line| line.side);
    let mut at = 0;
    while let Some(here) = side(at) {
        if here == Side::Context {
            found.push(Group::Same(at));
            at += 1;
            continue;
        }
        let middle = (at..).find(|index| side(*index) != Some(Side::Removed)).unwrap_or(at);
        let end = (middle..).find(|index| side(*index) != Some(Side::Added)).unwrap_or(middle);
        found.push(Group::Changed { removed: at..middle, added: middle..end });
        at = end;
    }
    found
}

/// Changed lines around a line that are looked at for its partner: beyond that nobody compares line by line.
const NEAR: usize = 300;

/// The line a changed line took the place of, or gave its place to: the partner for marks within the line.
pub fn partner(hunk: &TextHunk, line: usize) -> Option<usize> {
    let side = |at: usize| hunk.lines.get(at).map(|line| line.side);
    let (start, end) = match side(line)? {
        Side::Context => return None,
        Side::Removed | Side::Added => {
            let start =
                (0..line).rev().take(NEAR).take_while(|at| side(*at) != Some(Side::Context)).last().unwrap_or(line);
            let end = (line..line + NEAR).find(|at| side(*at).is_none_or(|s| s == Side::Context)).unwrap_or(line);
            if line - start >= NEAR || (end == line && side(line).is_some()) {
                return None;
            }
            (start, end)
        }
    };
    // A block may hold several runs of removed and added lines; the run around the line decides.
    let mut at = start;
    while at < end {
        let middle = (at..).find(|index| side(*index) != Some(Side::Removed)).unwrap_or(at);
        let stop = (middle..).find(|index| side(*index) != Some(Side::Added)).unwrap_or(middle);
        if (at..stop).contains(&line) {
            let (removed, added) = (middle - at, stop - middle);
            let offset = if line < middle { line - at } else { line - middle };
            let paired = offset < removed.min(added);
            return paired.then(|| if line < middle { middle + offset } else { at + offset });
        }
        at = stop.max(at + 1);
    }
    None
}
