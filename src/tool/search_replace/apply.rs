//! Making one block on the content of a file.
//!
//! Models write SEARCH parts with the indentation lost, with an empty line too many in front, or with `...` for what
//! they left out. A part that is there more than once means the first place: that is what the format says.

use std::borrow::Cow;

use crate::tool::document::{self, Line};
use crate::tool::edit::slips;
use crate::tool::matching::{self, Replacement, Search};
use crate::tool::nearest;

/// Why a block cannot be made. The text is for the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The SEARCH part is not in the file.
    #[error("the SEARCH part is not in the file.{hint}")]
    Nowhere {
        /// The nearest lines.
        hint: String,
    },
    /// The SEARCH part fits several places equally badly.
    #[error("the SEARCH part fits {0} places of the file; give more of the lines around it")]
    Several(usize),
    /// There is no file to search in.
    #[error("the file does not exist; for a new file the SEARCH part has to be empty")]
    Missing,
}

/// The content with a block made; `None` is a file that does not exist. An empty SEARCH part makes a new file or adds
/// to the end of one.
///
/// # Errors
/// The SEARCH part is not there.
pub fn apply(content: Option<&[u8]>, search: &str, replace: &str) -> Result<Vec<u8>, ApplyError> {
    apply_at(content, search, replace, Which::First)
}

/// Which one is meant of several places that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first.
    First,
    /// The one that is nearest to this 1-based line.
    Near(usize),
    /// There may be only one.
    Only,
}

/// The same for one of several places.
///
/// # Errors
/// The SEARCH part is not there, or more than once where it may not be.
pub fn apply_at(content: Option<&[u8]>, search: &str, replace: &str, which: Which) -> Result<Vec<u8>, ApplyError> {
    if search.trim().is_empty() {
        return Ok([content.unwrap_or_default(), replace.as_bytes()].concat());
    }
    let content = content.ok_or(ApplyError::Missing)?;
    let near = match which {
        Which::First => 0,
        Which::Near(line) => line.saturating_sub(1),
        // The rules of the `edit` tool take one place, never one of several.
        Which::Only => return elided(content, search, replace).map_or_else(|| tolerant(content, search, replace), Ok),
    };
    let file = File { bytes: content, lines: document::lines(content), near };
    let (search_lines, replace_lines) = (split(search), split(replace));
    let without_first_blank = match search_lines.split_first() {
        Some((first, rest)) if first.trim().is_empty() && rest.len() > 1 => Some(rest),
        _ => None,
    };
    let made = file
        .replace_lines(&search_lines, &replace_lines)
        .or_else(|| file.replace_lines(without_first_blank?, &replace_lines))
        .or_else(|| elided(content, search, replace));
    match made {
        Some(made) => Ok(made),
        None => tolerant(content, search, replace),
    }
}

/// What the `edit` tool would find: one place, never one of several.
fn tolerant(content: &[u8], search: &str, replace: &str) -> Result<Vec<u8>, ApplyError> {
    let as_given = (Cow::Borrowed(search), Cow::Borrowed(replace), None);
    let readings = std::iter::once(as_given).chain(slips::put_right(search, replace));
    let found = readings.map(|(search, replace, _)| matching::search(content, &search, &replace, false));
    match found.into_iter().find(|found| !matches!(found, Search::Nowhere)).unwrap_or(Search::Nowhere) {
        Search::At(_, replacements) => Ok(matching::make(content, &replacements)),
        Search::Several(places) => Err(ApplyError::Several(places.len())),
        Search::Nowhere | Search::Unclear(_) => {
            let near = nearest::region(content, search);
            let hint = near.map_or_else(String::new, |near| format!(" The nearest lines are:\n{near}"));
            Err(ApplyError::Nowhere { hint })
        }
    }
}

struct File<'a> {
    bytes: &'a [u8],
    lines: Vec<Line>,
    /// Of several places the nearest to this line is meant.
    near: usize,
}

impl File<'_> {
    fn content(&self, at: usize) -> &[u8] {
        self.lines[at].content(self.bytes)
    }

    /// Whole lines, as written or all with the same indentation more.
    fn replace_lines(&self, search: &[&str], replace: &[&str]) -> Option<Vec<u8>> {
        let last = self.lines.len().checked_sub(search.len())?;
        let same =
            |at: &usize| search.iter().enumerate().all(|(index, line)| self.content(at + index) == line.as_bytes());
        if let Some(at) = (0..=last).filter(same).min_by_key(|at| at.abs_diff(self.near)) {
            return Some(self.put(at, search.len(), replace, ""));
        }
        let least = search.iter().chain(replace).filter(|line| !line.trim().is_empty()).map(|line| indent(line)).min();
        let outdented = |lines: &[&str]| -> Vec<String> {
            lines
                .iter()
                .map(|line| if line.trim().is_empty() { *line } else { &line[least.unwrap_or(0)..] }.to_owned())
                .collect()
        };
        let (search, replace) = (outdented(search), outdented(replace));
        let fitting = (0..=last).filter_map(|at| Some((at, self.common_indent(at, &search)?)));
        let (at, more) = fitting.min_by_key(|(at, _)| at.abs_diff(self.near))?;
        let replace: Vec<&str> = replace.iter().map(String::as_str).collect();
        Some(self.put(at, search.len(), &replace, &more))
    }

    /// What the file has in front of each of these lines, when it is the same for all and nothing else differs.
    fn common_indent(&self, at: usize, search: &[String]) -> Option<String> {
        let mut common: Option<&str> = None;
        for (index, wanted) in search.iter().enumerate() {
            let line = std::str::from_utf8(self.content(at + index)).ok()?;
            if line.trim_start() != wanted.trim_start() {
                return None;
            }
            if line.trim().is_empty() {
                continue;
            }
            let more = line.get(..line.len().checked_sub(wanted.len())?)?;
            if common.is_some_and(|common| common != more) {
                return None;
            }
            common = Some(more);
        }
        common.map(str::to_owned)
    }

    fn put(&self, at: usize, count: usize, replace: &[&str], more: &str) -> Vec<u8> {
        let ending = document::ending_at(self.bytes, &self.lines, at);
        let (start, end) = (self.lines[at].start, self.lines[at + count - 1].next);
        let mut bytes = Vec::new();
        for line in replace {
            bytes.extend_from_slice(if line.trim().is_empty() { b"" } else { more.as_bytes() });
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(ending);
        }
        let unterminated = self.lines[at + count - 1].ending(self.bytes).is_empty();
        if unterminated && bytes.ends_with(ending) {
            bytes.truncate(bytes.len() - ending.len());
        }
        matching::make(self.bytes, &[Replacement { start, end, bytes }])
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn split(text: &str) -> Vec<&str> {
    document::lines(text.as_bytes()).into_iter().map(|line| &text[line.start..line.end]).collect()
}

/// Parts between lines of `...`, which stand for the same text on both sides.
fn elided(content: &[u8], search: &str, replace: &str) -> Option<Vec<u8>> {
    let (search, replace) = (pieces(search), pieces(replace));
    if search.len() < 2 || search.len() != replace.len() {
        return None;
    }
    let mut made = String::from_utf8(content.to_vec()).ok()?;
    for ((old, old_dots), (new, new_dots)) in search.iter().zip(&replace) {
        if old_dots != new_dots {
            return None;
        }
        if old.is_empty() {
            if !new.is_empty() && !made.is_empty() && !made.ends_with('\n') {
                made.push('\n');
            }
            made.push_str(new);
        } else if made.matches(old.as_str()).count() == 1 {
            made = made.replacen(old.as_str(), new, 1);
        } else {
            return None;
        }
    }
    Some(made.into_bytes())
}

/// The text cut at lines that hold only `...`; each piece with the dots after it.
fn pieces(text: &str) -> Vec<(String, Option<&str>)> {
    let mut pieces = vec![(String::new(), None)];
    for line in text.split_inclusive('\n') {
        let Some(last) = pieces.last_mut() else { continue };
        if line.trim() == "..." {
            last.1 = Some(line.trim_end());
            pieces.push((String::new(), None));
        } else {
            last.0.push_str(line);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_changes_the_lines_it_names() {
        for (content, search, replace, expected) in [
            ("a\nb\n", "b\n", "c\n", "a\nc\n"),
            ("a\r\nb\r\n", "b\n", "c\nd\n", "a\r\nc\r\nd\r\n"),
            ("a\nb", "b\n", "c\n", "a\nc"),
            ("    a\n    b\n", "a\nb\n", "a\nc\n", "    a\n    c\n"),
            ("\ta\n\tb\n", "\n  a\n  b\n", "  c\n", "\tc\n"),
            ("a\nx\ny\nb\n", "a\n...\nb\n", "A\n...\nB\n", "A\nx\ny\nB\n"),
            ("a\n", "", "b\n", "a\nb\n"),
            ("x\na\na\n", "a\n", "b\n", "x\nb\na\n"),
            ("say(\u{201C}x\u{201D})\n", "say(\"x\")\n", "say(\"y\")\n", "say(\u{201C}y\u{201D})\n"),
            ("a $1\n", "a $1\n", "b $& $1\n", "b $& $1\n"),
            ("a\nb\n", "a\n", "", "b\n"),
        ] {
            let made = apply(Some(content.as_bytes()), search, replace).map(|made| String::from_utf8(made).unwrap());
            assert_eq!(made, Ok(expected.to_owned()), "{content:?} {search:?}");
        }
        assert_eq!(apply(None, "", "x\n"), Ok(b"x\n".to_vec()));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        assert_eq!(apply(None, "x\n", "y\n"), Err(ApplyError::Missing));
        let error = apply(Some(b"def a():\n    pass\n"), "def a():\n    return\n", "x\n").unwrap_err();
        assert!(error.to_string().contains("    1\tdef a():"), "{error}");
        assert!(apply(Some(b"a\n"), "a\n...\nb\n", "c\n").is_err());
    }
}
