//! Two versions of a file, compared, whose lines are looked up when they are wanted: what a screen needs.
//!
//! A [`Comparison`](super::Comparison) copies every line of every hunk. A sheet holds the two texts, where their lines
//! start, and the runs of each hunk, so a diff of 100,000 lines costs little more than its text.

use std::ops::Range;

use super::hunks::{DiffLine, Side, TextHunk, outline};
use super::lines::{is_binary, split};
use super::script::Edit;
use crate::domain::{Hunk, RepoPath};

/// Two versions of a file, compared.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    old: Text,
    new: Text,
    hunks: Vec<SheetHunk>,
}

#[derive(Clone, Debug, Default)]
struct Text {
    bytes: Vec<u8>,
    /// Where each line starts, and the end.
    starts: Vec<usize>,
}

/// A hunk of a sheet.
#[derive(Clone, Debug)]
pub struct SheetHunk {
    /// Its name and ranges.
    pub hunk: Hunk,
    runs: Vec<Run>,
    lines: usize,
}

/// Lines of one side, one after the other.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The place of the first one in the hunk.
    first: usize,
    side: Side,
    /// Where both versions stand at the first one, from 0.
    old: usize,
    new: usize,
    /// Changed lines of the hunk before it.
    changed: usize,
}

/// A line of a hunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SheetLine<'a> {
    /// Where it stands.
    pub side: Side,
    /// Its 1-based number in the old version.
    pub old: Option<usize>,
    /// Its 1-based number in the new version.
    pub new: Option<usize>,
    /// Its bytes with the line end.
    pub bytes: &'a [u8],
}

/// A stretch of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// Unchanged lines.
    Same(Range<usize>),
    /// Lines that took the place of others.
    Changed {
        /// Those that went.
        removed: Range<usize>,
        /// Those that came.
        added: Range<usize>,
    },
}

impl Text {
    fn new(bytes: Vec<u8>) -> Self {
        let mut starts = vec![0];
        starts.extend(bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1));
        if starts.last() != Some(&bytes.len()) {
            starts.push(bytes.len());
        }
        Self { bytes, starts }
    }

    fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    fn line(&self, index: usize) -> Option<&[u8]> {
        self.bytes.get(*self.starts.get(index)?..*self.starts.get(index + 1)?)
    }
}

impl Sheet {
    /// Compares two versions. Without text to compare there is no hunk.
    pub fn new(path: &RepoPath, old: Vec<u8>, new: Vec<u8>) -> Self {
        let hunks = if old == new || is_binary(&old) || is_binary(&new) {
            Vec::new()
        } else {
            let outline = outline(path, &split(&old), &split(&new));
            outline.hunks.into_iter().map(|(hunk, edits)| SheetHunk::new(hunk, &edits)).collect()
        };
        Self { old: Text::new(old), new: Text::new(new), hunks }
    }

    /// Compares two short texts as one hunk with everything around its changes; no hunk when they are the same.
    pub fn whole(old: &[u8], new: &[u8]) -> Self {
        let (old_lines, new_lines) = (split(old), split(new));
        let edits = super::script::edits(&old_lines, &new_lines);
        let hunk = Hunk {
            id: crate::domain::HunkId::new(""),
            old: [usize::from(!old_lines.is_empty()), old_lines.len()],
            new: [usize::from(!new_lines.is_empty()), new_lines.len()],
            changed: edits.iter().map(|edit| edit.old.len() + edit.new.len()).sum(),
        };
        let hunks = if edits.is_empty() { Vec::new() } else { vec![SheetHunk::new(hunk, &edits)] };
        Self { old: Text::new(old.to_vec()), new: Text::new(new.to_vec()), hunks }
    }

    /// The hunks, in order.
    pub fn hunks(&self) -> &[SheetHunk] {
        &self.hunks
    }

    /// How many lines the old version has.
    pub fn old_len(&self) -> usize {
        self.old.len()
    }

    /// How many lines the new version has.
    pub fn new_len(&self) -> usize {
        self.new.len()
    }

    /// A line of the old version by its 1-based number, with its end.
    pub fn old_line(&self, number: usize) -> Option<&[u8]> {
        self.old.line(number.checked_sub(1)?)
    }

    /// A line of the new version by its 1-based number, with its end.
    pub fn new_line(&self, number: usize) -> Option<&[u8]> {
        self.new.line(number.checked_sub(1)?)
    }

    /// The bytes of the old version.
    pub fn old_bytes(&self) -> &[u8] {
        &self.old.bytes
    }

    /// The bytes of the new version.
    pub fn new_bytes(&self) -> &[u8] {
        &self.new.bytes
    }

    /// A line of a hunk by its place in it, from 0.
    pub fn line(&self, hunk: usize, at: usize) -> Option<SheetLine<'_>> {
        let hunk = self.hunks.get(hunk).filter(|hunk| at < hunk.lines)?;
        let run = hunk.run(at)?;
        let ahead = at - run.first;
        let (old, new) = (run.old + ahead, run.new + ahead);
        Some(match run.side {
            Side::Context => {
                SheetLine { side: run.side, old: Some(old + 1), new: Some(new + 1), bytes: self.new.line(new)? }
            }
            Side::Removed => SheetLine { side: run.side, old: Some(old + 1), new: None, bytes: self.old.line(old)? },
            Side::Added => SheetLine { side: run.side, old: None, new: Some(new + 1), bytes: self.new.line(new)? },
        })
    }

    /// A hunk with a copy of its lines.
    pub fn text_hunk(&self, index: usize) -> Option<TextHunk> {
        let hunk = self.hunks.get(index)?;
        let lines = (0..hunk.lines).filter_map(|at| self.line(index, at));
        let copy = |line: SheetLine<'_>| DiffLine {
            side: line.side,
            old: line.old,
            new: line.new,
            bytes: line.bytes.to_vec(),
        };
        Some(TextHunk { hunk: hunk.hunk.clone(), lines: lines.map(copy).collect() })
    }
}

impl SheetHunk {
    fn new(hunk: Hunk, edits: &[Edit]) -> Self {
        let start = |[start, count]: [usize; 2]| if count == 0 { start } else { start - 1 };
        let (mut old, mut new) = (start(hunk.old), start(hunk.new));
        let old_end = old + hunk.old[1];
        let (mut first, mut changed) = (0, 0);
        let mut runs = Vec::with_capacity(edits.len() * 3);
        let mut push = |side: Side, count: usize, old: &mut usize, new: &mut usize| {
            if count == 0 {
                return;
            }
            runs.push(Run { first, side, old: *old, new: *new, changed });
            first += count;
            if side != Side::Added {
                *old += count;
            }
            if side != Side::Removed {
                *new += count;
            }
            if side != Side::Context {
                changed += count;
            }
        };
        for edit in edits {
            push(Side::Context, edit.old.start - old, &mut old, &mut new);
            push(Side::Removed, edit.old.len(), &mut old, &mut new);
            push(Side::Added, edit.new.len(), &mut old, &mut new);
        }
        push(Side::Context, old_end - old, &mut old, &mut new);
        Self { hunk, runs, lines: first }
    }

    /// How many lines it has, context included.
    pub fn len(&self) -> usize {
        self.lines
    }

    /// Whether it has no lines; never so.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    fn run(&self, at: usize) -> Option<&Run> {
        let next = self.runs.partition_point(|run| run.first <= at);
        self.runs.get(next.checked_sub(1)?)
    }

    fn run_end(&self, index: usize) -> usize {
        self.runs.get(index + 1).map_or(self.lines, |next| next.first)
    }

    /// The place of a changed line, counted from 1, among all lines.
    pub fn changed_line(&self, number: usize) -> Option<usize> {
        let wanted = number.checked_sub(1).filter(|wanted| *wanted < self.hunk.changed)?;
        // Of the runs with the same count before them the last one is the changed one.
        let next = self.runs.partition_point(|run| run.changed <= wanted);
        let run = self.runs.get(..next)?.iter().rev().find(|run| run.side != Side::Context)?;
        Some(run.first + (wanted - run.changed))
    }

    /// Which changed line this is, counted from 1; for a context line `None`.
    pub fn number(&self, at: usize) -> Option<usize> {
        let run = self.run(at).filter(|run| run.side != Side::Context && at < self.lines)?;
        Some(run.changed + (at - run.first) + 1)
    }

    /// The stretches, in order.
    pub fn groups(&self) -> Vec<Group> {
        let mut found: Vec<Group> = Vec::new();
        for (index, run) in self.runs.iter().enumerate() {
            let range = run.first..self.run_end(index);
            match (run.side, found.last_mut()) {
                (Side::Context, _) => found.push(Group::Same(range)),
                (Side::Removed, _) => {
                    found.push(Group::Changed { removed: range.clone(), added: range.end..range.end });
                }
                (Side::Added, Some(Group::Changed { added, .. })) if added.start == added.end => *added = range,
                (Side::Added, _) => {
                    found.push(Group::Changed { removed: range.start..range.start, added: range });
                }
            }
        }
        found
    }

    /// The line a changed line took the place of, or gave its place to: the partner for marks within the line.
    pub fn partner(&self, at: usize) -> Option<usize> {
        let next = self.runs.partition_point(|run| run.first <= at);
        let index = next.checked_sub(1)?;
        let run = self.runs.get(index)?;
        let offset = at - run.first;
        let (other, side) = match run.side {
            Side::Context => return None,
            Side::Removed => (index + 1, Side::Added),
            Side::Added => (index.checked_sub(1)?, Side::Removed),
        };
        let partner = self.runs.get(other).filter(|run| run.side == side)?;
        let there = partner.first + offset;
        (there < self.run_end(other)).then_some(there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::compare;

    fn path() -> RepoPath {
        RepoPath::parse("a").unwrap()
    }

    #[test]
    fn a_sheet_holds_the_lines_of_a_comparison() {
        let old: String = (1..60).map(|line| format!("line {line}\n")).collect();
        let new = old.replace("line 5\n", "five\nand more\n").replace("line 30\n", "").replace("line 59\n", "end");
        for (old, new) in [(old.as_str(), new.as_str()), ("", "a\nb"), ("a\n", ""), ("a", "a\n"), ("", "")] {
            let sheet = Sheet::new(&path(), old.as_bytes().to_vec(), new.as_bytes().to_vec());
            let hunks: Vec<TextHunk> = (0..sheet.hunks().len()).filter_map(|hunk| sheet.text_hunk(hunk)).collect();
            assert_eq!(hunks, compare(&path(), old.as_bytes(), new.as_bytes()).hunks, "{old:?} {new:?}");
        }
    }

    #[test]
    fn changed_lines_are_counted_and_paired() {
        let sheet = Sheet::new(&path(), b"a\nb\nc\nd\n".to_vec(), b"A\nB\nx\nc\nd\ne\n".to_vec());
        let hunk = &sheet.hunks()[0];
        assert_eq!((hunk.len(), hunk.hunk.changed), (8, 6));
        let places: Vec<Option<usize>> = (0..=7).map(|number| hunk.changed_line(number)).collect();
        assert_eq!(places, [None, Some(0), Some(1), Some(2), Some(3), Some(4), Some(7), None]);
        for number in 1..=6 {
            assert_eq!(hunk.number(hunk.changed_line(number).unwrap()), Some(number));
        }
        assert_eq!((hunk.number(5), hunk.number(8)), (None, None));
        let partners: Vec<Option<usize>> = (0..8).map(|at| hunk.partner(at)).collect();
        assert_eq!(partners, [Some(2), Some(3), Some(0), Some(1), None, None, None, None]);
    }
}
