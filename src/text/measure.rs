//! How many cells text takes, and where it breaks.

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// The cells a text takes when ratatui draws it: by grapheme, controls take none.
pub fn width(text: &str) -> usize {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.len();
    }
    text.graphemes(true).map(grapheme_width).sum()
}

/// The cells of one grapheme, as ratatui counts them: halfwidth sound marks take a cell of their own.
fn grapheme_width(grapheme: &str) -> usize {
    match grapheme.as_bytes() {
        [b' '..=b'~'] => 1,
        _ if grapheme.contains(char::is_control) => 0,
        _ => grapheme.width() + grapheme.matches(['\u{FF9E}', '\u{FF9F}']).count(),
    }
}

/// The text in at most so many cells; what is cut off the end is replaced by `…`. Graphemes stay whole.
pub fn truncate(text: &str, cells: usize) -> Cow<'_, str> {
    if text.len() <= cells && text.is_ascii() || width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let Some(room) = cells.checked_sub(1) else { return Cow::Borrowed("") };
    let mut used = 0;
    let mut end = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += grapheme_width(grapheme);
        if used > room {
            break;
        }
        end = at + grapheme.len();
    }
    Cow::Owned(format!("{}…", &text[..end]))
}

/// Wraps a text into rows of at most so many cells: the byte range of each row, without line ends.
///
/// Breaks after spaces where it can, between graphemes where a word is longer than a row. The spaces at a break
/// belong to no row; the indentation of a line stays. An empty line is an empty row, and there is always one row.
pub fn wrap(text: &str, cells: usize) -> Vec<Range<usize>> {
    let cells = cells.max(1);
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        wrap_line(line.strip_suffix('\r').unwrap_or(line), start, cells, &mut rows);
        start += line.len() + 1;
    }
    rows
}

fn wrap_line(line: &str, offset: usize, cells: usize, rows: &mut Vec<Range<usize>>) {
    if line.len() <= cells && line.is_ascii() {
        rows.push(offset..offset + line.len());
        return;
    }
    let mut row = Row::default();
    let mut in_text = false;
    for (at, grapheme) in line.grapheme_indices(true) {
        let space = grapheme.chars().all(char::is_whitespace) && grapheme != "\u{A0}";
        let wide = grapheme_width(grapheme);
        if space && in_text {
            row.gap(at, at + grapheme.len(), row.used + wide);
            row.used += wide;
            continue;
        }
        in_text |= !space;
        if row.used + wide > cells && at > row.start {
            rows.push(row.turn(at, offset));
        }
        row.used += wide;
        // Wide scripts have no spaces: a row may end after any of their characters.
        if wide > 1 {
            row.gap(at + grapheme.len(), at + grapheme.len(), row.used);
        }
    }
    let end = row.end_without_trailing_gap(line.len());
    rows.push(offset + row.start..offset + end);
}

/// The row that is being filled.
#[derive(Default)]
struct Row {
    start: usize,
    used: usize,
    /// The last place to break: where the text before ends, where the text after starts, cells up to there.
    gap: Option<(Range<usize>, usize)>,
}

impl Row {
    /// Notes a place to break; spaces in a row make one place.
    fn gap(&mut self, from: usize, to: usize, used: usize) {
        let from = match &self.gap {
            Some((gap, _)) if gap.end == from => gap.start,
            _ => from,
        };
        self.gap = Some((from..to, used));
    }

    /// Ends the row before the grapheme at `at` and starts the next.
    fn turn(&mut self, at: usize, offset: usize) -> Range<usize> {
        let (gap, used) = self.gap.take().filter(|(gap, _)| gap.start > self.start).unwrap_or((at..at, self.used));
        let done = offset + self.start..offset + gap.start;
        self.start = gap.end;
        self.used -= used;
        done
    }

    /// Spaces at the end of a line that would not fit its row belong to none.
    fn end_without_trailing_gap(&self, length: usize) -> usize {
        match &self.gap {
            Some((gap, _)) if gap.end == length => gap.start,
            _ => length,
        }
    }
}

/// Replaces tabs by spaces up to the next multiple of `stop` cells.
pub fn expand_tabs(text: &str, stop: usize) -> Cow<'_, str> {
    if !text.contains('\t') {
        return Cow::Borrowed(text);
    }
    let stop = stop.max(1);
    let mut out = String::with_capacity(text.len() + 16);
    let mut column = 0;
    for piece in text.split_inclusive(['\t', '\n']) {
        let body = piece.trim_end_matches(['\t', '\n']);
        out.push_str(body);
        column += width(body);
        if piece.ends_with('\t') {
            let spaces = stop - column % stop;
            out.extend(std::iter::repeat_n(' ', spaces));
            column += spaces;
        } else if piece.ends_with('\n') {
            out.push('\n');
            column = 0;
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_cells() {
        for (text, cells) in
            [("", 0), ("abc", 3), ("日本", 4), ("e\u{301}", 1), ("👩‍👩‍👧‍👦", 2), ("❤️", 2), ("🇩🇪", 2), ("a\tb\n", 2)]
        {
            assert_eq!(width(text), cells, "{text:?}");
        }
    }

    #[test]
    fn truncates_between_graphemes() {
        for (text, cells, expected) in [
            ("hello", 5, "hello"),
            ("hello", 4, "hel…"),
            ("hello", 1, "…"),
            ("hello", 0, ""),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 3, "👩‍👩‍👧‍👦…"),
        ] {
            assert_eq!(truncate(text, cells), expected, "{text} in {cells}");
        }
    }

    fn rows(text: &str, cells: usize) -> Vec<&str> {
        wrap(text, cells).into_iter().map(|row| &text[row]).collect()
    }

    #[test]
    fn wraps_at_words() {
        for (text, cells, expected) in [
            ("", 10, vec![""]),
            ("one two three", 8, vec!["one two", "three"]),
            ("one two three", 7, vec!["one two", "three"]),
            ("one  two", 5, vec!["one", "two"]),
            ("a\n\nb\n", 5, vec!["a", "", "b", ""]),
            ("dos\r\nline", 9, vec!["dos", "line"]),
            ("abcdefgh", 3, vec!["abc", "def", "gh"]),
            ("xy abcdefgh", 4, vec!["xy", "abcd", "efgh"]),
            ("    indented text", 10, vec!["    indent", "ed text"]),
            ("  go on and on", 7, vec!["  go on", "and on"]),
            ("日本語です", 4, vec!["日本", "語で", "す"]),
            ("日本語です", 5, vec!["日本", "語で", "す"]),
            ("日本語", 1, vec!["日", "本", "語"]),
            ("trailing   ", 8, vec!["trailing"]),
        ] {
            assert_eq!(rows(text, cells), expected, "{text:?} in {cells}");
        }
    }

    #[test]
    fn tabs_go_to_their_stops() {
        assert_eq!(expand_tabs("a\tb\n\tc", 4), "a   b\n    c");
        assert_eq!(expand_tabs("日\t|", 4), "日  |");
        assert_eq!(expand_tabs("\t\t|", 2), "    |");
        assert!(matches!(expand_tabs("none", 4), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_no_letter_is_lost(text in "[a-z 日本👍é\n]{0,60}", cells in 2usize..12) {
            let rows = wrap(&text, cells);
            let mut last = 0;
            let mut kept = String::new();
            for row in rows {
                prop_assert!(row.start >= last);
                prop_assert!(width(&text[row.clone()]) <= cells);
                kept.push_str(&text[row.clone()]);
                last = row.end;
            }
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&kept), letters(&text));
        }
    }
}
