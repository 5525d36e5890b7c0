//! Finding the place an edit means, and making the change there.
//!
//! A place is searched under one fold after the other, the strictest first. The first fold under which there is a
//! place decides: one place is taken, several are never chosen from. The part of the old text that the new text
//! repeats at its beginning and end is left as the file has it, byte for byte.

use super::document::{self, Fold, Line, bare, fold};
use super::indent;

/// How a place was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Byte for byte, line ends aside.
    Exact,
    /// With blanks at line ends ignored.
    TrailingBlanks,
    /// With typographic punctuation taken as plain.
    Punctuation,
    /// With different indentation, which the new text was given as well.
    Indentation,
    /// The same, and with runs of blanks within lines taken as one.
    Blanks,
}

impl Found {
    /// What is told of it; nothing of an exact match.
    pub(super) fn note(self) -> Option<&'static str> {
        match self {
            Self::Exact => None,
            Self::TrailingBlanks => Some("matched with blanks at line ends ignored"),
            Self::Punctuation => Some("matched with typographic quotes, dashes and spaces taken as plain ones"),
            Self::Indentation => Some("matched with different indentation, which `new` was given as well"),
            Self::Blanks => Some("matched with runs of blanks taken as one; `new` was given the file's indentation"),
        }
    }
}

/// A replacement of a span of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    pub start: usize,
    pub end: usize,
    pub bytes: Vec<u8>,
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// There is no such place.
    Nowhere,
    /// These are the replacements; more than one only when all were asked for.
    At(Found, Vec<Replacement>),
    /// There are several places; offsets of their beginnings.
    Several(Vec<usize>),
    /// The place is clear, but which indentation the new text should have is not; where it begins.
    Unclear(usize),
}

/// Searches `old`, which must not be empty, and says what to replace it by.
pub(super) fn search(file: &[u8], old: &str, new: &str, all: bool) -> Search {
    let levels = [
        (Fold::LineEnds, Found::Exact),
        (Fold::TrailingBlanks, Found::TrailingBlanks),
        (Fold::Punctuation, Found::Punctuation),
    ];
    for (kind, found) in levels {
        match search_folded(file, old, new, all, kind, found) {
            Search::Nowhere => {}
            decided => return decided,
        }
    }
    let whole: fn(&[u8]) -> String = bare;
    match search_lines(file, old, new, all, whole, Found::Indentation) {
        Search::Nowhere => search_lines(file, old, new, all, collapsed, Found::Blanks),
        decided => decided,
    }
}

/// A line with every run of blanks as one.
fn collapsed(line: &[u8]) -> String {
    bare(line).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn search_folded(file: &[u8], old: &str, new: &str, all: bool, kind: Fold, found: Found) -> Search {
    let (hay, needle, wanted) = (fold(file, kind), fold(old.as_bytes(), kind), fold(new.as_bytes(), kind));
    let needle_text: &str = &needle.text;
    if needle_text.trim().is_empty() && kind > Fold::LineEnds {
        return Search::Nowhere;
    }
    let mut places: Vec<usize> = if all {
        hay.text.match_indices(needle_text).map(|(at, _)| at).collect()
    } else {
        overlapping(&hay.text, needle_text)
    };
    // Blanks that were left out at the end of `old` have to be blanks at the end of a line.
    if needle_text.ends_with([' ', '\t']) != old.ends_with([' ', '\t']) {
        places.retain(|at| matches!(hay.text.as_bytes().get(at + needle_text.len()), None | Some(b'\n')));
    }
    if places.is_empty() {
        return Search::Nowhere;
    }
    if places.len() > 1 && !all {
        return Search::Several(places.iter().map(|at| hay.original(*at, at + 1).0).collect());
    }
    let (prefix, suffix) = shared(needle_text, &wanted.text);
    let lines = document::lines(file);
    let (from, to) = wanted.original(prefix, wanted.text.len() - suffix);
    let middle = &new[from..to];
    let replace = |at: usize| {
        let (start, end) = hay.original(at + prefix, at + needle_text.len() - suffix);
        let ending = document::ending_at(file, &lines, document::line_at(&lines, start));
        Replacement { start, end, bytes: with_ending(middle, ending) }
    };
    Search::At(found, places.into_iter().map(replace).collect())
}

/// Every place, overlapping ones too: two that overlap are two places.
fn overlapping(hay: &str, needle: &str) -> Vec<usize> {
    const ENOUGH: usize = 50;
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = hay.get(from..).and_then(|rest| rest.find(needle)).map(|at| at + from) {
        places.push(at);
        if places.len() >= ENOUGH {
            break;
        }
        from = at + hay[at..].chars().next().map_or(1, char::len_utf8);
    }
    places
}

/// How many bytes two texts share at their beginning and, apart from those, at their end; never part of a character.
fn shared(old: &str, new: &str) -> (usize, usize) {
    let mut prefix = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    while !old.is_char_boundary(prefix) || !new.is_char_boundary(prefix) {
        prefix -= 1;
    }
    let (old_rest, new_rest) = (&old[prefix..], &new[prefix..]);
    let mut suffix = old_rest.bytes().rev().zip(new_rest.bytes().rev()).take_while(|(a, b)| a == b).count();
    while !old_rest.is_char_boundary(old_rest.len() - suffix) || !new_rest.is_char_boundary(new_rest.len() - suffix) {
        suffix -= 1;
    }
    (prefix, suffix)
}

/// The text with every line end as given.
pub(super) fn with_ending(text: &str, ending: &[u8]) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut result = Vec::with_capacity(bytes.len());
    for line in document::lines(bytes) {
        result.extend_from_slice(line.content(bytes));
        if !line.ending(bytes).is_empty() {
            result.extend_from_slice(ending);
        }
    }
    result
}

fn search_lines(file: &[u8], old: &str, new: &str, all: bool, folded: fn(&[u8]) -> String, found: Found) -> Search {
    let lines = document::lines(file);
    let (old_lines, closed) = split(old);
    if old_lines.iter().all(|line| line.trim().is_empty()) {
        return Search::Nowhere;
    }
    let wanted: Vec<String> = old_lines.iter().map(|line| folded(line.as_bytes())).collect();
    let having: Vec<String> = lines.iter().map(|line| folded(line.content(file))).collect();
    let mut places: Vec<usize> = (0..having.len()).filter(|at| having[*at..].starts_with(&wanted)).collect();
    if places.is_empty() {
        return Search::Nowhere;
    }
    if places.len() > 1 && !all {
        return Search::Several(places.into_iter().map(|at| lines[at].start).collect());
    }
    places.dedup_by(|later, earlier| *later < *earlier + wanted.len());
    let mut replacements = Vec::new();
    for at in places {
        let window = &lines[at..at + wanted.len()];
        match replace_window(file, &lines, at, window, &old_lines, closed, new) {
            Some(replacement) => replacements.push(replacement),
            None => return Search::Unclear(lines[at].start),
        }
    }
    Search::At(found, replacements)
}

fn replace_window(
    file: &[u8],
    lines: &[Line],
    at: usize,
    window: &[Line],
    old: &[&str],
    closed: bool,
    new: &str,
) -> Option<Replacement> {
    let (new_lines, _) = split(new);
    let contents: Vec<&[u8]> = window.iter().map(|line| line.content(file)).collect();
    let indented = indent::apply(&contents, old, &new_lines)?;
    let prefix = old.iter().zip(&new_lines).take_while(|(a, b)| a == b).count();
    let left = old.len().min(new_lines.len()) - prefix;
    let suffix = old.iter().rev().zip(new_lines.iter().rev()).take(left).take_while(|(a, b)| a == b).count();
    let ending = document::ending_at(file, lines, at);
    let (first, last) = (window.first()?, window.last()?);
    let end = if closed { last.next } else { last.end };
    let mut bytes = Vec::new();
    let count = indented.len();
    for (index, line) in indented.iter().enumerate() {
        let kept = if index < prefix {
            window.get(index)
        } else if count - index <= suffix {
            window.get(window.len() - (count - index))
        } else {
            None
        };
        bytes.extend_from_slice(kept.map_or(line.as_bytes(), |kept| kept.content(file)));
        if index + 1 < count || closed && !last.ending(file).is_empty() {
            let own = kept.map(|kept| kept.ending(file)).filter(|own| !own.is_empty());
            bytes.extend_from_slice(own.unwrap_or(ending));
        }
    }
    Some(Replacement { start: first.start, end, bytes })
}

/// Lines without their ends, and whether the last one has an end.
fn split(text: &str) -> (Vec<&str>, bool) {
    let lines = document::lines(text.as_bytes());
    let closed = lines.last().is_some_and(|line| line.next > line.end);
    (lines.iter().map(|line| &text[line.start..line.end]).collect(), closed)
}

/// The file with the replacements made; they are in order and do not overlap.
pub(super) fn make(file: &[u8], replacements: &[Replacement]) -> Vec<u8> {
    let mut result = Vec::with_capacity(file.len());
    let mut at = 0;
    for replacement in replacements {
        result.extend_from_slice(&file[at..replacement.start]);
        result.extend_from_slice(&replacement.bytes);
        at = replacement.end;
    }
    result.extend_from_slice(&file[at..]);
    result
}
