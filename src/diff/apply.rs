//! Applying a read patch to bytes, with the strictness of `git apply`: context has to match exactly, only the place
//! may have moved.

use super::hunks::Side;
use super::lines::split;
use super::patch::{PatchFile, PatchHunk};

/// Why a patch does not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The file does not hold the lines the hunk changes.
    #[error("the hunk at line {line} of the patch does not apply: its lines are not in the file")]
    Mismatch {
        /// 1-based line of the patch.
        line: usize,
    },
    /// The change is not one of lines.
    #[error("the patch holds a binary change, which has no lines to apply")]
    Binary,
}

/// The file's bytes after the patch; `old` is empty for an added file.
///
/// # Errors
/// When a hunk's lines are not in the file, or the change is binary.
pub fn apply(old: &[u8], file: &PatchFile) -> Result<Vec<u8>, ApplyError> {
    if file.binary.is_some() {
        return Err(ApplyError::Binary);
    }
    let lines = split(old);
    let mut out = Vec::with_capacity(old.len());
    let mut done = 0;
    let mut drift = 0;
    for hunk in &file.hunks {
        let before: Vec<&[u8]> = side(hunk, Side::Added).collect();
        let expected = hunk.old[0].saturating_sub(usize::from(hunk.old[1] > 0)).saturating_add_signed(drift);
        let at = find(&lines, &before, expected, done, hunk).ok_or(ApplyError::Mismatch { line: hunk.line })?;
        lines[done..at].iter().for_each(|line| out.extend_from_slice(line));
        side(hunk, Side::Removed).for_each(|line| out.extend_from_slice(line));
        drift += at as isize - expected as isize;
        done = at + before.len();
    }
    lines[done..].iter().for_each(|line| out.extend_from_slice(line));
    Ok(out)
}

/// The lines of a hunk without those of one side.
fn side(hunk: &PatchHunk, without: Side) -> impl Iterator<Item = &[u8]> {
    hunk.lines.iter().filter(move |(side, _)| *side != without).map(|(_, bytes)| bytes.as_slice())
}

/// The place nearest to the expected one where the lines stand.
///
/// A hunk that starts at line 1, or has no context at its end, stays at that end of the file.
fn find(lines: &[&[u8]], wanted: &[&[u8]], expected: usize, from: usize, hunk: &PatchHunk) -> Option<usize> {
    let last = lines.len().checked_sub(wanted.len()).filter(|last| *last >= from)?;
    let fits = |at: usize| at >= from && at <= last && lines[at..at + wanted.len()] == *wanted;
    let at_start = hunk.old[0] <= 1;
    let at_end = hunk.lines.last().is_none_or(|(side, _)| *side != Side::Context);
    if at_start && fits(0) && (!at_end || last == 0) {
        return Some(0);
    }
    if at_start || at_end {
        return Some(last).filter(|last| at_end && !at_start && fits(*last));
    }
    let nearest = expected.clamp(from, last);
    let reach = (nearest - from).max(last - nearest);
    (0..=reach).find_map(|distance| {
        let down = nearest.checked_sub(distance).filter(|at| fits(*at));
        down.or_else(|| Some(nearest + distance).filter(|at| fits(*at)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse_patch;

    fn applied(old: &str, patch: &str) -> Result<String, ApplyError> {
        let file = parse_patch(format!("--- a/x\n+++ b/x\n{patch}").as_bytes()).unwrap().remove(0);
        apply(old.as_bytes(), &file).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn applies_where_the_lines_are() {
        let moved = "@@ -2,3 +2,3 @@\n b\n-c\n+C\n d\n";
        for (old, expected) in [
            ("a\nb\nc\nd\ne\n", "a\nb\nC\nd\ne\n"),
            ("0\n0\na\nb\nc\nd\ne\n", "0\n0\na\nb\nC\nd\ne\n"),
            ("b\nc\nd\ne\n", "b\nC\nd\ne\n"),
        ] {
            assert_eq!(applied(old, moved), Ok(expected.to_owned()), "{old:?}");
        }
        assert_eq!(applied("a\nb\nX\nd\n", moved), Err(ApplyError::Mismatch { line: 3 }));
        assert_eq!(applied("", "@@ -0,0 +1 @@\n+a\n"), Ok("a\n".to_owned()));
        assert_eq!(applied("a\n", "@@ -1 +0,0 @@\n-a\n"), Ok(String::new()));
    }
}
