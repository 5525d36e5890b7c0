//! How file content is shown to a model: numbered lines, changed regions, counts.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::diff::{self, DiffLine, Side};
use crate::domain::RepoPath;
use crate::text;

use super::document;

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
    let shown = text::head(line, most_bytes);
    into.push_str(shown);
    if shown.len() < line.len() {
        let _ = write!(into, " [… {} more bytes in this line]", line.len() - shown.len());
    }
    into.push('\n');
}

/// "+3 -1".
pub(super) fn counts(path: &RepoPath, before: &[u8], after: &[u8]) -> String {
    let compared = diff::compare(path, before, after);
    format!("+{} -{}", compared.added, compared.removed)
}

/// "`path`: +3 -1" and the changed lines with their numbers.
pub(super) fn change(path: &RepoPath, before: &[u8], after: &[u8]) -> String {
    let compared = diff::compare(path, before, after);
    let mut shown = format!("`{path}`: +{} -{}\n", compared.added, compared.removed);
    let mut left = MOST_CHANGED;
    for (index, hunk) in compared.hunks.iter().enumerate() {
        if index > 0 {
            shown.push_str("       ⋮\n");
        }
        for line in &hunk.lines {
            if left == 0 {
                shown.push_str("[the rest of the change is left out]\n");
                return shown;
            }
            left -= 1;
            show_line(&mut shown, line);
        }
    }
    shown
}

fn show_line(into: &mut String, line: &DiffLine) {
    let (sign, number) = match line.side {
        Side::Context => (' ', line.new),
        Side::Removed => ('-', line.old),
        Side::Added => ('+', line.new),
    };
    let _ = write!(into, "{sign}{:>5}\t", number.unwrap_or_default());
    let text = String::from_utf8_lossy(&line.bytes);
    cut_line(into, &text::redact(text.trim_end_matches(['\r', '\n'])), MOST_LINE_BYTES);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_numbers_of_its_side() {
        let path = RepoPath::parse("f").unwrap();
        let before = b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
        let after = b"a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nk\n";
        let expected = "`f`: +2 -1\n     1\ta\n-    2\tb\n+    2\tB\n     3\tc\n     4\td\n     5\te\n       ⋮\n     8\th\n     9\ti\n    10\tj\n+   11\tk\n";
        assert_eq!(change(&path, before, after), expected);
        assert_eq!(counts(&path, b"a\r\n", b"a\n"), "+1 -1");
        assert_eq!(counts(&path, b"", b"a\nb"), "+2 -0");
    }

    #[test]
    fn a_private_key_is_blanked_line_by_line() {
        let text = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----\nb\n";
        let (lines, any) = without_secrets(text);
        assert!(any && lines.len() == 6 && !lines.concat().contains("MIIE"), "{lines:?}");
        assert!(!without_secrets("x = 1\ny").1);
    }
}
