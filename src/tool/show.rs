//! How file content is shown to a model: numbered lines, changed regions, counts.

use std::borrow::Cow;
use std::fmt::Write as _;

use similar::{Algorithm, DiffOp, DiffTag};

use crate::domain::RepoPath;
use crate::text;

use super::document;

/// Unchanged lines shown around a change.
const CONTEXT: usize = 2;
/// Lines of a change shown at most.
const MOST_CHANGED: usize = 120;
/// Bytes of a line shown at most where a change is shown.
const MOST_LINE_BYTES: usize = 500;

/// Git's own rule: a NUL byte near the start.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(8_000).any(|byte| *byte == 0)
}

/// Lines without their ends, which are LF, CRLF or a lone CR.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    document::lines(text.as_bytes()).into_iter().map(|line| &text[line.start..line.end])
}

/// The lines with secrets blanked out, and whether there were any. The number of lines stays.
pub(super) fn without_secrets(text: &str) -> (Vec<Cow<'_, str>>, bool) {
    let mut inside_key = false;
    let mut any = false;
    let shown = lines(text).map(|line| {
        let begins = line.contains("-----BEGIN ") && line.contains("PRIVATE KEY");
        let ends = line.contains("-----END ");
        let blank = inside_key || begins;
        inside_key = blank && !ends;
        let shown = if blank && !begins && !ends { Cow::Borrowed("[redacted …]") } else { text::redact(line) };
        any |= shown != line;
        shown
    });
    (shown.collect(), any)
}

/// Adds a line after its number and a tab, cut to a length.
pub(super) fn number_line(into: &mut String, number: usize, line: &str, most_bytes: usize) {
    let _ = write!(into, "{number:>5}\t");
    cut_line(into, line, most_bytes);
}

fn cut_line(into: &mut String, line: &str, most_bytes: usize) {
    let end = line.floor_char_boundary(most_bytes);
    into.push_str(&line[..end]);
    if end < line.len() {
        let _ = write!(into, " [… {} more bytes in this line]", line.len() - end);
    }
    into.push('\n');
}

/// "+3 -1".
pub(super) fn counts(before: &[u8], after: &[u8]) -> String {
    let (added, removed) = count(&difference(&owned_lines(before), &owned_lines(after)));
    format!("+{added} -{removed}")
}

/// "`path`: +3 -1" and the changed lines with their numbers.
pub(super) fn change(path: &RepoPath, before: &[u8], after: &[u8]) -> String {
    let (old, new) = (owned_lines(before), owned_lines(after));
    let operations = difference(&old, &new);
    let (added, removed) = count(&operations);
    let mut shown = format!("`{path}`: +{added} -{removed}\n");
    let mut left = MOST_CHANGED;
    for (index, group) in similar::group_diff_ops(operations, CONTEXT).iter().enumerate() {
        if index > 0 {
            shown.push_str("       ⋮\n");
        }
        for operation in group {
            show_operation(&mut shown, &mut left, operation, &old, &new);
        }
        if left == 0 {
            shown.push_str("[the rest of the change is left out]\n");
            break;
        }
    }
    shown
}

fn show_operation(into: &mut String, left: &mut usize, operation: &DiffOp, old: &[&[u8]], new: &[&[u8]]) {
    let (tag, from, to) = operation.as_tag_tuple();
    let mut show = |sign: char, index: usize, line: &[u8]| {
        if *left > 0 {
            *left -= 1;
            let _ = write!(into, "{sign}{:>5}\t", index + 1);
            let line = String::from_utf8_lossy(line);
            cut_line(into, &text::redact(line.trim_end_matches(['\r', '\n'])), MOST_LINE_BYTES);
        }
    };
    if tag == DiffTag::Equal {
        to.for_each(|index| show(' ', index, new[index]));
        return;
    }
    from.for_each(|index| show('-', index, old[index]));
    to.for_each(|index| show('+', index, new[index]));
}

/// Lines with their ends: two that differ in the end only are different.
fn owned_lines(bytes: &[u8]) -> Vec<&[u8]> {
    document::lines(bytes).into_iter().map(|line| &bytes[line.start..line.next]).collect()
}

fn difference(old: &[&[u8]], new: &[&[u8]]) -> Vec<DiffOp> {
    similar::capture_diff_slices(Algorithm::Myers, old, new)
}

fn count(operations: &[DiffOp]) -> (usize, usize) {
    let changed = operations.iter().map(DiffOp::as_tag_tuple).filter(|(tag, ..)| *tag != DiffTag::Equal);
    changed.fold((0, 0), |(added, removed), (_, from, to)| (added + to.len(), removed + from.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_numbers_of_its_side() {
        let path = RepoPath::parse("f").unwrap();
        let before = b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
        let after = b"a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nk\n";
        let expected = "`f`: +2 -1\n     1\ta\n-    2\tb\n+    2\tB\n     3\tc\n     4\td\n       ⋮\n     9\ti\n    10\tj\n+   11\tk\n";
        assert_eq!(change(&path, before, after), expected);
        assert_eq!(counts(b"a\r\n", b"a\n"), "+1 -1");
        assert_eq!(counts(b"", b"a\nb"), "+2 -0");
    }

    #[test]
    fn a_private_key_is_blanked_line_by_line() {
        let text = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----\nb\n";
        let (lines, any) = without_secrets(text);
        assert!(any && lines.len() == 6 && !lines.concat().contains("MIIE"), "{lines:?}");
        assert_eq!(without_secrets("x = 1\ny").1, false);
    }
}
