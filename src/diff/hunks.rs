//! Hunks: changes with their context, as git cuts them.

use std::collections::HashMap;

use super::lines::{is_binary, split};
use super::script::{Edit, edits};
use crate::domain::{ContentHash, Hunk, HunkId, RepoPath};

/// Lines of context on each side of a change.
const CONTEXT: usize = 3;

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// In both versions.
    Context,
    /// Only in the old version.
    Removed,
    /// Only in the new version.
    Added,
}

/// One line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// Where it stands.
    pub side: Side,
    /// Its 1-based number in the old version.
    pub old: Option<usize>,
    /// Its 1-based number in the new version.
    pub new: Option<usize>,
    /// Its bytes with the line end; only the last line of a file may lack one.
    pub bytes: Vec<u8>,
}

/// A hunk with its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextHunk {
    /// Its id and ranges.
    pub hunk: Hunk,
    /// Its lines: context, removed and added, in the order of a unified diff.
    pub lines: Vec<DiffLine>,
}

/// What is different between two versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// One of the two is no text: there is a single hunk without lines, and the file is decided as a whole.
    pub binary: bool,
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
    /// The hunks in order; none when the two are the same.
    pub hunks: Vec<TextHunk>,
}

/// Compares two versions of a file. The same two versions always give the same hunks.
pub fn compare(path: &RepoPath, old: &[u8], new: &[u8]) -> Comparison {
    if old == new {
        return Comparison::default();
    }
    if is_binary(old) || is_binary(new) {
        return Comparison { binary: true, hunks: vec![whole(path, old, new)], ..Comparison::default() };
    }
    let (old, new) = (split(old), split(new));
    let outline = outline(path, &old, &new);
    Comparison {
        binary: false,
        added: outline.added,
        removed: outline.removed,
        hunks: outline.hunks.into_iter().map(|(hunk, edits)| build(hunk, &edits, &old, &new)).collect(),
    }
}

/// Where two versions differ, without the lines themselves.
pub(super) struct Outline {
    pub(super) added: usize,
    pub(super) removed: usize,
    pub(super) hunks: Vec<(Hunk, Vec<Edit>)>,
}

/// Finds the hunks between two versions and names them.
pub(super) fn outline(path: &RepoPath, old: &[&[u8]], new: &[&[u8]]) -> Outline {
    let edits = edits(old, new);
    let mut names = Names { path, seen: HashMap::new() };
    Outline {
        added: edits.iter().map(|edit| edit.new.len()).sum(),
        removed: edits.iter().map(|edit| edit.old.len()).sum(),
        hunks: group(&edits)
            .into_iter()
            .filter_map(|group| Some((describe(group, old, new, &mut names)?, group.to_vec())))
            .collect(),
    }
}

/// The one hunk of a change that has no lines to decide on.
pub(super) fn whole(path: &RepoPath, old: &[u8], new: &[u8]) -> TextHunk {
    let hash = ContentHash::of_parts(&[path.as_str().as_bytes(), b"whole", old, new]);
    TextHunk { hunk: Hunk { id: HunkId::new(hash.short()), old: [0, 0], new: [0, 0], changed: 0 }, lines: Vec::new() }
}

/// Edits whose context would touch make one hunk.
fn group(edits: &[Edit]) -> Vec<&[Edit]> {
    edits.chunk_by(|before, after| after.old.start - before.old.end <= 2 * CONTEXT).collect()
}

/// The ranges of a hunk with its context, and its name.
fn describe(edits: &[Edit], old: &[&[u8]], new: &[&[u8]], names: &mut Names<'_>) -> Option<Hunk> {
    let (first, last) = (edits.first()?, edits.last()?);
    let lead = first.old.start.min(CONTEXT);
    let old_range = first.old.start - lead..(last.old.end + CONTEXT).min(old.len());
    let new_range = first.new.start - lead..(last.new.end + CONTEXT).min(new.len());
    let changed = edits.iter().map(|edit| edit.old.len() + edit.new.len()).sum();
    Some(Hunk { id: names.name(edits, old, new), old: header(&old_range), new: header(&new_range), changed })
}

fn build(hunk: Hunk, edits: &[Edit], old: &[&[u8]], new: &[&[u8]]) -> TextHunk {
    let start = |[start, count]: [usize; 2]| if count == 0 { start } else { start - 1 };
    let mut lines = Lines { old, new, i: start(hunk.old), j: start(hunk.new), out: Vec::new() };
    for edit in edits {
        lines.context(edit.old.start);
        lines.removed(edit.old.end);
        lines.added(edit.new.end);
    }
    lines.context(start(hunk.old) + hunk.old[1]);
    TextHunk { lines: lines.out, hunk }
}

/// `[start, lines]` as in a unified diff: without lines, the start is the line before.
fn header(range: &std::ops::Range<usize>) -> [usize; 2] {
    [if range.is_empty() { range.start } else { range.start + 1 }, range.len()]
}

/// Writes the lines of a hunk down.
struct Lines<'a> {
    old: &'a [&'a [u8]],
    new: &'a [&'a [u8]],
    i: usize,
    j: usize,
    out: Vec<DiffLine>,
}

impl Lines<'_> {
    fn context(&mut self, to: usize) {
        while self.i < to {
            let bytes = self.old[self.i].to_vec();
            self.i += 1;
            self.j += 1;
            self.out.push(DiffLine { side: Side::Context, old: Some(self.i), new: Some(self.j), bytes });
        }
    }

    fn removed(&mut self, to: usize) {
        while self.i < to {
            let bytes = self.old[self.i].to_vec();
            self.i += 1;
            self.out.push(DiffLine { side: Side::Removed, old: Some(self.i), new: None, bytes });
        }
    }

    fn added(&mut self, to: usize) {
        while self.j < to {
            let bytes = self.new[self.j].to_vec();
            self.j += 1;
            self.out.push(DiffLine { side: Side::Added, old: None, new: Some(self.j), bytes });
        }
    }
}

/// Names hunks by path and changed lines, so that an id outlives changes elsewhere in the file.
struct Names<'a> {
    path: &'a RepoPath,
    seen: HashMap<ContentHash, u32>,
}

impl Names<'_> {
    fn name(&mut self, edits: &[Edit], old: &[&[u8]], new: &[&[u8]]) -> HunkId {
        let mut parts: Vec<&[u8]> = vec![self.path.as_str().as_bytes()];
        for edit in edits {
            parts.extend(old[edit.old.clone()].iter().flat_map(|line| [b"-".as_slice(), line]));
            parts.extend(new[edit.new.clone()].iter().flat_map(|line| [b"+".as_slice(), line]));
        }
        let hash = ContentHash::of_parts(&parts);
        let ordinal = self.seen.entry(hash.clone()).or_insert(0);
        *ordinal += 1;
        if *ordinal == 1 {
            return HunkId::new(hash.short());
        }
        let again = ContentHash::of_parts(&[hash.as_str().as_bytes(), &ordinal.to_le_bytes()]);
        HunkId::new(again.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> RepoPath {
        RepoPath::parse("a.txt").unwrap()
    }

    fn numbered(lines: std::ops::Range<usize>) -> String {
        lines.map(|line| format!("line {line}\n")).collect()
    }

    #[test]
    fn hunks_carry_three_lines_of_context() {
        let old = numbered(1..21);
        let new = old.replace("line 10\n", "ten\n");
        let comparison = compare(&path(), old.as_bytes(), new.as_bytes());
        assert_eq!((comparison.added, comparison.removed), (1, 1));
        assert_eq!(comparison.hunks[0].hunk.old, [7, 7]);
        assert_eq!(comparison.hunks[0].lines[3].bytes, b"line 10\n");
        assert_eq!(comparison.hunks[0].lines[4].new, Some(10));
    }

    #[test]
    fn changes_six_lines_apart_are_one_hunk_and_seven_are_two() {
        let old = numbered(1..31);
        for (second, hunks) in [("line 17\n", 1), ("line 18\n", 2)] {
            let new = old.replace("line 10\n", "ten\n").replace(second, "other\n");
            assert_eq!(compare(&path(), old.as_bytes(), new.as_bytes()).hunks.len(), hunks, "{second}");
        }
    }

    #[test]
    fn ids_outlive_changes_elsewhere_and_tell_twins_apart() {
        let old = numbered(1..61);
        let one = old.replace("line 10\n", "line 10\nsame\n");
        let two = one.replace("line 50\n", "line 50\nsame\n");
        let id = |new: &str, at: usize| compare(&path(), old.as_bytes(), new.as_bytes()).hunks[at].hunk.id.clone();
        assert_eq!(id(&one, 0), id(&two, 0));
        assert_ne!(id(&two, 0), id(&two, 1));
        assert_eq!(id(&one, 0).as_str().len(), 12);
    }

    #[test]
    fn binary_is_one_hunk_without_lines() {
        let comparison = compare(&path(), b"a\0b", b"c");
        assert!(comparison.binary);
        assert_eq!((comparison.hunks.len(), comparison.hunks[0].hunk.old), (1, [0, 0]));
        assert!(compare(&path(), b"a\0b", b"a\0b").hunks.is_empty());
    }

    #[test]
    fn an_empty_side_counts_from_zero() {
        let comparison = compare(&path(), b"", b"a\n");
        assert_eq!((comparison.hunks[0].hunk.old, comparison.hunks[0].hunk.new), ([0, 0], [1, 1]));
    }
}
