//! Which lines were removed and added.

use std::ops::Range;

use super::lines::number;
use super::myers;
use super::slide::slide;

/// A run of changed lines: these lines of the old version became those of the new. Zero-based.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// The edits between two versions, in order, never touching each other.
pub(super) fn edits(old: &[&[u8]], new: &[&[u8]]) -> Vec<Edit> {
    let numbered = number(old, new);
    let mut changed = myers::changed(&numbered);
    slide(&mut changed, &numbered, old, new);
    changed.edits()
}

/// Marks every line that is not common to both versions.
pub(super) struct Changed {
    pub(super) old: Vec<bool>,
    pub(super) new: Vec<bool>,
}

impl Changed {
    fn edits(&self) -> Vec<Edit> {
        let mut edits = Vec::new();
        let (mut i, mut j) = (0, 0);
        while i < self.old.len() || j < self.new.len() {
            let (old, new) = (run(&self.old, i), run(&self.new, j));
            if old.is_empty() && new.is_empty() {
                i += 1;
                j += 1;
                continue;
            }
            (i, j) = (old.end, new.end);
            edits.push(Edit { old, new });
        }
        edits
    }
}

/// The run of marks that starts here.
fn run(marks: &[bool], from: usize) -> Range<usize> {
    let length = marks.get(from..).map_or(0, |rest| rest.iter().take_while(|mark| **mark).count());
    from..from + length
}
