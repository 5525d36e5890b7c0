//! From a set of accepted hunks, or lines of hunks, to bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::hunks::{Comparison, DiffLine, Side, TextHunk};
use super::lines::split;
use crate::domain::HunkId;

/// What becomes of some lines of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// They become what the new version has.
    New,
    /// They stay what the old version has.
    Old,
    /// This takes their place: for a whole hunk that of all its new lines, context included; for a part of one that of
    /// its new lines from the first changed one to the last.
    Text(Vec<u8>),
}

/// A part of a hunk and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// First and last changed line, counted from 1 over removed and added lines together; `None` is the whole hunk.
    pub lines: Option<[usize; 2]>,
    /// What becomes of them.
    pub take: Take,
}

/// The old version with just the accepted hunks. All of them give the new version, none the old one, byte for byte.
pub fn select(old: &[u8], new: &[u8], comparison: &Comparison, accepted: &BTreeSet<HunkId>) -> Vec<u8> {
    let whole = |id: &HunkId| (id.clone(), vec![Share { lines: None, take: Take::New }]);
    select_shares(old, new, comparison, &accepted.iter().map(whole).collect())
}

/// The old version with what is taken of each hunk. Hunks and lines that are not named stay what they were.
///
/// A removed and an added line of one run of changes stand side by side, so that an added line taken without its
/// neighbours stands where the one it replaces stood.
pub fn select_shares(
    old: &[u8],
    new: &[u8],
    comparison: &Comparison,
    shares: &BTreeMap<HunkId, Vec<Share>>,
) -> Vec<u8> {
    if let [only] = comparison.hunks.as_slice()
        && only.lines.is_empty()
    {
        return match shares.get(&only.hunk.id).and_then(|shares| shares.last()).map(|share| &share.take) {
            Some(Take::New) => new.to_vec(),
            Some(Take::Text(text)) => text.clone(),
            Some(Take::Old) | None => old.to_vec(),
        };
    }
    let lines = split(old);
    let mut out = Out { bytes: Vec::with_capacity(old.len().max(new.len())), crlf: false };
    let mut at = 0;
    for hunk in &comparison.hunks {
        let [start, count] = hunk.hunk.old;
        let start = if count == 0 { start } else { start - 1 };
        lines.get(at..start).unwrap_or_default().iter().for_each(|line| out.line(line));
        out.crlf = hunk.lines.first().is_some_and(|line| line.bytes.ends_with(b"\r\n"));
        Hunk { hunk, shares: shares.get(&hunk.hunk.id).map(Vec::as_slice).unwrap_or_default() }.write(&mut out);
        at = start + count;
    }
    lines.get(at..).unwrap_or_default().iter().for_each(|line| out.line(line));
    out.bytes
}

/// Bytes in the making. Between two lines there is always an end of line, also where only the last line of a version
/// lacked one, an editor dropped it, or a person forgot it.
struct Out {
    bytes: Vec<u8>,
    crlf: bool,
}

impl Out {
    fn line(&mut self, line: &[u8]) {
        if !line.is_empty() {
            self.end();
            self.bytes.extend_from_slice(line);
        }
    }

    /// Ends the line that has no end.
    fn end(&mut self) {
        if self.bytes.last().is_some_and(|last| *last != b'\n') {
            self.bytes.extend_from_slice(if self.crlf { b"\r\n" } else { b"\n" });
        }
    }
}

struct Hunk<'a> {
    hunk: &'a TextHunk,
    shares: &'a [Share],
}

impl Hunk<'_> {
    fn write(&self, out: &mut Out) {
        let changed = self.changed();
        let mut new = vec![false; self.hunk.lines.len()];
        let mut texts: Vec<(Range<usize>, &[u8])> = Vec::new();
        for share in self.shares {
            let range = self.range(share, &changed);
            match &share.take {
                Take::Text(text) => texts.push((range, text)),
                take => range.for_each(|at| new[at] = *take == Take::New),
            }
        }
        texts.sort_by_key(|(range, _)| range.start);
        let mut at = 0;
        for (range, text) in texts {
            if range.start >= at {
                self.walk(at..range.start, &new, out);
                out.line(text);
                let ended = self.hunk.lines.get(range.end.saturating_sub(1)).is_some_and(|l| l.bytes.ends_with(b"\n"));
                if ended && !text.is_empty() {
                    out.end();
                }
                at = range.end;
            }
        }
        self.walk(at..self.hunk.lines.len(), &new, out);
    }

    /// The places of changed lines.
    fn changed(&self) -> Vec<usize> {
        let places = self.hunk.lines.iter().enumerate();
        places.filter(|(_, line)| line.side != Side::Context).map(|(at, _)| at).collect()
    }

    /// The places a share covers.
    fn range(&self, share: &Share, changed: &[usize]) -> Range<usize> {
        let Some([from, to]) = share.lines else { return 0..self.hunk.lines.len() };
        let place = |number: usize| changed.get(number.saturating_sub(1).min(changed.len().saturating_sub(1))).copied();
        match (place(from), place(to)) {
            (Some(first), Some(last)) if from <= changed.len() => first..last + 1,
            _ => 0..0,
        }
    }

    /// Writes lines of which the marked ones are taken from the new version.
    fn walk(&self, range: Range<usize>, new: &[bool], out: &mut Out) {
        let lines = self.hunk.lines.get(range.clone()).unwrap_or_default();
        let taken = |at: usize| new.get(range.start + at).copied().unwrap_or_default();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            if line.side == Side::Context {
                out.line(&line.bytes);
                at += 1;
                continue;
            }
            let removed = at..at + run(lines, at, Side::Removed);
            let added = removed.end..removed.end + run(lines, removed.end, Side::Added);
            for step in 0..removed.len().max(added.len()) {
                let (old, new) = (removed.start + step, added.start + step);
                if removed.contains(&old) && !taken(old) {
                    out.line(&lines[old].bytes);
                }
                if added.contains(&new) && taken(new) {
                    out.line(&lines[new].bytes);
                }
            }
            at = added.end;
        }
    }
}

fn run(lines: &[DiffLine], from: usize, side: Side) -> usize {
    lines.get(from..).map_or(0, |rest| rest.iter().take_while(|line| line.side == side).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::compare;
    use crate::domain::RepoPath;

    fn both(old: &str, new: &str) -> Comparison {
        compare(&RepoPath::parse("a").unwrap(), old.as_bytes(), new.as_bytes())
    }

    fn selected(old: &str, new: &str, shares: &[(Option<[usize; 2]>, Take)]) -> String {
        let comparison = both(old, new);
        let shares = shares.iter().map(|(lines, take)| Share { lines: *lines, take: take.clone() }).collect();
        let id = comparison.hunks[0].hunk.id.clone();
        let made = select_shares(old.as_bytes(), new.as_bytes(), &comparison, &BTreeMap::from([(id, shares)]));
        String::from_utf8(made).unwrap()
    }

    fn text(text: &str) -> Take {
        Take::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn an_edited_hunk_takes_the_place_of_its_new_lines() {
        let (old, new) = ("a\nb\nc\n", "a\nB\nc\n");
        assert_eq!(selected(old, new, &[(None, text("a\nmine\nc\n"))]), "a\nmine\nc\n");
        assert_eq!(selected(old, new, &[(None, text(""))]), "");
    }

    #[test]
    fn an_edit_without_its_last_newline_does_not_glue_lines() {
        let old: String = (0..20).map(|line| format!("{line}\r\n")).collect();
        let new = old.replace("5\r\n", "five\r\n");
        assert!(selected(&old, &new, &[(None, text("mine"))]).contains("mine\r\n9\r\n"));
    }

    #[test]
    fn lines_are_taken_one_by_one() {
        let (old, new) = ("a\nb\nc\n", "A\nB\nc\nd\n");
        for (shares, expected) in [
            // -a -b +A +B, then +d
            (vec![([1, 1], Take::New), ([3, 3], Take::New)], "A\nb\nc\n"),
            (vec![([3, 3], Take::New)], "a\nA\nb\nc\n"),
            (vec![([5, 5], Take::New)], "a\nb\nc\nd\n"),
            (vec![([1, 4], Take::New), ([5, 5], Take::Old)], "A\nB\nc\n"),
            (vec![([1, 5], Take::New), ([2, 2], Take::Old), ([4, 4], Take::Old)], "A\nb\nc\nd\n"),
            (vec![([1, 4], text("mine\n")), ([5, 9], Take::New)], "mine\nc\nd\n"),
            (vec![([7, 9], Take::New)], "a\nb\nc\n"),
        ] {
            let shares: Vec<_> = shares.into_iter().map(|(lines, take)| (Some(lines), take)).collect();
            assert_eq!(selected(old, new, &shares), expected, "{shares:?}");
        }
    }

    #[test]
    fn a_line_after_one_without_an_end_is_not_glued_to_it() {
        // -"a" +"a\n" +"b"
        assert_eq!(selected("a", "a\nb", &[(Some([3, 3]), Take::New)]), "a\nb");
        assert_eq!(selected("a", "a\nb", &[(Some([1, 2]), Take::New)]), "a\n");
    }

    #[test]
    fn binary_is_decided_as_a_whole() {
        let (old, new) = (b"a\0".as_slice(), b"b\0".as_slice());
        let comparison = compare(&RepoPath::parse("a").unwrap(), old, new);
        let all = BTreeSet::from([comparison.hunks[0].hunk.id.clone()]);
        assert_eq!(select(old, new, &comparison, &all), new);
        assert_eq!(select(old, new, &comparison, &BTreeSet::new()), old);
    }
}
