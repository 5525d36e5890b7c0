//! From a set of accepted hunks to bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::hunks::{Comparison, Side, TextHunk};
use super::lines::split;
use crate::domain::HunkId;

/// The comparison has no such hunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no hunk `{0}` in this file")]
pub struct UnknownHunk(pub HunkId);

/// The old version with just the accepted hunks. All of them give the new version, none the old one, byte for byte.
pub fn select(old: &[u8], new: &[u8], comparison: &Comparison, accepted: &BTreeSet<HunkId>) -> Vec<u8> {
    select_edited(old, new, comparison, accepted, &BTreeMap::new())
}

/// Like [`select`]; an edited hunk is replaced by the user's own text, which stands for all its new lines, context
/// included. A hunk in both is edited.
pub fn select_edited(
    old: &[u8],
    new: &[u8],
    comparison: &Comparison,
    accepted: &BTreeSet<HunkId>,
    edited: &BTreeMap<HunkId, Vec<u8>>,
) -> Vec<u8> {
    if let [only] = comparison.hunks.as_slice()
        && only.lines.is_empty()
    {
        let id = &only.hunk.id;
        let kept = if accepted.contains(id) { new } else { old };
        return edited.get(id).map_or_else(|| kept.to_vec(), Clone::clone);
    }
    let lines = split(old);
    let mut out = Vec::with_capacity(old.len().max(new.len()));
    let mut at = 0;
    for hunk in &comparison.hunks {
        let [start, count] = hunk.hunk.old;
        let start = if count == 0 { start } else { start - 1 };
        copy(&lines, at..start, &mut out);
        match edited.get(&hunk.hunk.id) {
            Some(replacement) => write_edited(hunk, replacement, &mut out),
            None => write(hunk, accepted.contains(&hunk.hunk.id), &mut out),
        }
        at = start + count;
    }
    copy(&lines, at..lines.len(), &mut out);
    out
}

/// The new version with one hunk replaced by the user's own text, which stands for all its new lines, context
/// included.
///
/// # Errors
/// When the comparison has no such hunk.
pub fn replace_hunk(
    old: &[u8],
    new: &[u8],
    comparison: &Comparison,
    hunk: &HunkId,
    replacement: &[u8],
) -> Result<Vec<u8>, UnknownHunk> {
    let all: BTreeSet<HunkId> = comparison.hunks.iter().map(|hunk| hunk.hunk.id.clone()).collect();
    if !all.contains(hunk) {
        return Err(UnknownHunk(hunk.clone()));
    }
    let edited = BTreeMap::from([(hunk.clone(), replacement.to_vec())]);
    Ok(select_edited(old, new, comparison, &all, &edited))
}

fn copy(lines: &[&[u8]], range: std::ops::Range<usize>, out: &mut Vec<u8>) {
    for line in lines.get(range).unwrap_or_default() {
        out.extend_from_slice(line);
    }
}

fn write(hunk: &TextHunk, accepted: bool, out: &mut Vec<u8>) {
    let dropped = if accepted { Side::Removed } else { Side::Added };
    for line in hunk.lines.iter().filter(|line| line.side != dropped) {
        out.extend_from_slice(&line.bytes);
    }
}

/// An editor adds a final newline, or a person forgets one: between lines there is always one, at the end of the
/// file the text is taken as it is.
fn write_edited(hunk: &TextHunk, replacement: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(replacement);
    let reaches_end = hunk.lines.last().is_some_and(|line| !line.bytes.ends_with(b"\n"));
    if !replacement.is_empty() && !replacement.ends_with(b"\n") && !reaches_end {
        let crlf = hunk.lines.first().is_some_and(|line| line.bytes.ends_with(b"\r\n"));
        out.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::compare;
    use crate::domain::RepoPath;

    fn both(old: &str, new: &str) -> Comparison {
        compare(&RepoPath::parse("a").unwrap(), old.as_bytes(), new.as_bytes())
    }

    #[test]
    fn an_edited_hunk_takes_the_place_of_its_new_lines() {
        let (old, new) = ("a\nb\nc\n", "a\nB\nc\n");
        let comparison = both(old, new);
        let id = comparison.hunks[0].hunk.id.clone();
        let edit = |text: &str| replace_hunk(old.as_bytes(), new.as_bytes(), &comparison, &id, text.as_bytes());
        assert_eq!(edit("a\nmine\nc\n"), Ok(b"a\nmine\nc\n".to_vec()));
        assert_eq!(edit(""), Ok(Vec::new()));
        assert!(replace_hunk(b"", b"", &comparison, &"nope".into(), b"").is_err());
    }

    #[test]
    fn an_edit_without_its_last_newline_does_not_glue_lines() {
        let old: String = (0..20).map(|line| format!("{line}\r\n")).collect();
        let new = old.replace("5\r\n", "five\r\n");
        let comparison = both(&old, &new);
        let id = comparison.hunks[0].hunk.id.clone();
        let made = replace_hunk(old.as_bytes(), new.as_bytes(), &comparison, &id, b"mine").unwrap();
        assert!(String::from_utf8(made).unwrap().contains("mine\r\n9\r\n"));
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
