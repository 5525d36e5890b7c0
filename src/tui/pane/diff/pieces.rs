//! The pieces of a file that are decided on: hunks, or parts of hunks.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::diff::{Sheet, SheetLine};
use crate::domain::{Hunk, HunkId};
use crate::proposal::{Part, Verdicts};

/// A hunk or a part of one.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Index of the hunk in the file.
    pub hunk: usize,
    /// What is decided on it.
    pub part: Part,
    /// Its lines in the hunk, context included.
    pub range: Range<usize>,
    /// What the user made of it.
    pub edited: Option<Edited>,
    /// Only the line above it is shown.
    pub folded: bool,
}

/// A piece as the user edited it.
#[derive(Clone, Debug)]
pub struct Edited {
    /// The lines of the hunk whose place it takes.
    pub replaced: Range<usize>,
    sheet: Sheet,
    /// What the first line of both versions is numbered.
    start: [usize; 2],
}

impl Edited {
    fn new(sheet: &Sheet, hunk: usize, replaced: Range<usize>, text: &str) -> Self {
        let mut old = Vec::new();
        let mut start = [0, 0];
        for at in replaced.clone() {
            let Some(line) = sheet.line(hunk, at) else { continue };
            if let Some(number) = line.old {
                old.extend_from_slice(line.bytes);
                if start[0] == 0 {
                    start[0] = number;
                }
            }
            if let Some(number) = line.new.filter(|_| start[1] == 0) {
                start[1] = number;
            }
        }
        Self { replaced, sheet: Sheet::whole(&old, text.as_bytes()), start: start.map(|number| number.max(1)) }
    }

    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.sheet.hunks().first().map_or(self.sheet.new_len(), |hunk| hunk.len())
    }

    /// Whether nothing is left of the lines.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A line with its numbers in the file.
    pub fn line(&self, at: usize) -> Option<SheetLine<'_>> {
        let line = match self.sheet.hunks().first() {
            Some(_) => self.sheet.line(0, at)?,
            None => SheetLine {
                side: crate::diff::Side::Context,
                old: Some(at + 1),
                new: Some(at + 1),
                bytes: self.sheet.new_line(at + 1)?,
            },
        };
        let [old, new] = self.start;
        Some(SheetLine { old: line.old.map(|n| n + old - 1), new: line.new.map(|n| n + new - 1), ..line })
    }
}

/// Cuts the hunks of a file into what is decided on.
pub fn cut(sheet: &Sheet, hunks: &[Hunk], verdicts: &Verdicts) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (index, hunk) in hunks.iter().enumerate() {
        let parts = verdicts.parts(hunk);
        let Some(lines) = sheet.hunks().get(index) else {
            let whole = |part| Piece { hunk: index, part, range: 0..0, edited: None, folded: false };
            pieces.extend(parts.into_iter().map(whole));
            continue;
        };
        let starts: Vec<usize> = parts.iter().map(|part| start(lines, part)).collect();
        for (at, part) in parts.into_iter().enumerate() {
            let range = starts[at]..starts.get(at + 1).copied().unwrap_or(lines.len());
            let replaced = match part.lines {
                None => range.clone(),
                Some([from, to]) => {
                    let first = lines.changed_line(from).unwrap_or(range.start);
                    first..lines.changed_line(to).map_or(range.end, |last| last + 1)
                }
            };
            let edited = part.replacement.as_deref().map(|text| Edited::new(sheet, index, replaced, text));
            pieces.push(Piece { hunk: index, part, range, edited, folded: false });
        }
    }
    pieces
}

fn start(hunk: &crate::diff::SheetHunk, part: &Part) -> usize {
    match part.lines {
        None | Some([1, _]) => 0,
        Some([from, _]) => hunk.changed_line(from).unwrap_or(0),
    }
}

/// Runs of numbers as first and last of each.
pub fn runs(numbers: &BTreeSet<usize>) -> Vec<[usize; 2]> {
    let mut runs: Vec<[usize; 2]> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some([_, last]) if *last + 1 == *number => *last = *number,
            _ => runs.push([*number, *number]),
        }
    }
    runs
}

/// The name of a hunk's lines: the hunk itself when they are all there are.
pub fn name(hunk: &Hunk, lines: [usize; 2]) -> HunkId {
    if lines == [1, hunk.changed] { hunk.id.clone() } else { hunk.id.part(lines) }
}
