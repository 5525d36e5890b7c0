//! Some lines of a hunk: what stands in its place when only they are accepted.

use std::collections::BTreeSet;

use crate::diff::{Side, TextHunk};

use super::rows::{Group, groups};

/// What becomes of selected lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// They are taken and the others left.
    Accept,
    /// They are left and the others taken.
    Reject,
}

/// Whether the selection holds every changed line of the hunk.
pub fn is_whole(hunk: &TextHunk, selected: &BTreeSet<usize>) -> bool {
    hunk.lines.iter().enumerate().all(|(index, line)| line.side == Side::Context || selected.contains(&index))
}

/// The text that replaces the hunk's new lines. `None` when it is no UTF-8 and so cannot be said in words.
pub fn replacement(hunk: &TextHunk, selected: &BTreeSet<usize>, choice: Choice) -> Option<String> {
    let accepted = |line: usize| selected.contains(&line) == (choice == Choice::Accept);
    let mut bytes = Vec::new();
    let mut keep = |line: usize| bytes.extend(hunk.lines.get(line).into_iter().flat_map(|line| line.bytes.iter()));
    for group in groups(hunk) {
        match group {
            Group::Same(line) => keep(line),
            // Side by side, so that a line taken alone stands where the one it replaces stood.
            Group::Changed { removed, added } => {
                for at in 0..removed.len().max(added.len()) {
                    let (old, new) = (removed.start + at, added.start + at);
                    if removed.contains(&old) && !accepted(old) {
                        keep(old);
                    }
                    if added.contains(&new) && accepted(new) {
                        keep(new);
                    }
                }
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// The hunk's new lines as they are.
pub fn new_text(hunk: &TextHunk) -> Option<String> {
    let bytes: Vec<u8> = hunk
        .lines
        .iter()
        .filter(|line| line.side != Side::Removed)
        .flat_map(|line| line.bytes.iter().copied())
        .collect();
    String::from_utf8(bytes).ok()
}
