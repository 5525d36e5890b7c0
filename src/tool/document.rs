//! The lines of a file and the folds under which two texts count as equal.
//!
//! A [`Folded`] text remembers where each of its bytes comes from, so that what matches in the folded text is
//! replaced in the original, and nothing else of the original changes.

use std::borrow::Cow;

/// UTF-8's byte order mark.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Where a line lies: content from `start` to `end`, its line end from `end` to `next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub start: usize,
    pub end: usize,
    pub next: usize,
}

impl Line {
    /// The content, without the line end.
    pub(super) fn content(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.end]
    }

    /// The line end; empty for a last line that has none.
    pub(super) fn ending(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.end..self.next]
    }
}

/// Cuts at LF, CRLF and lone CR.
pub(super) fn lines(bytes: &[u8]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let rest = &bytes[start..];
        let Some(length) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            lines.push(Line { start, end: bytes.len(), next: bytes.len() });
            break;
        };
        let end = start + length;
        let next = if bytes[end..].starts_with(b"\r\n") { end + 2 } else { end + 1 };
        lines.push(Line { start, end, next });
        start = next;
    }
    lines
}

/// The line end a new line gets: that of the line it stands in for or follows, else the first of the file.
pub(super) fn ending_at<'a>(bytes: &'a [u8], lines: &[Line], index: usize) -> &'a [u8] {
    let of = |index: usize| lines.get(index).map(|line| line.ending(bytes)).filter(|ending| !ending.is_empty());
    of(index).or_else(|| of(index.wrapping_sub(1))).or_else(|| of(0)).unwrap_or(b"\n")
}

/// The index of the line an offset lies in.
pub(super) fn line_at(lines: &[Line], offset: usize) -> usize {
    lines.partition_point(|line| line.next <= offset).min(lines.len().saturating_sub(1))
}

/// What two texts may differ in and still match. Each fold includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fold {
    /// CRLF and lone CR count as LF.
    LineEnds,
    /// Blanks at the end of lines do not count.
    TrailingBlanks,
    /// Typographic quotes, dashes and spaces count as their ASCII cousins.
    Punctuation,
}

/// A text under a fold.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    /// The folded text. A byte of the original that is not UTF-8 is U+FFFD here.
    pub text: Cow<'a, str>,
    /// Of every byte of `text` the span of the original it stands for; `None` when they are the same.
    spans: Option<Vec<(usize, usize)>>,
}

impl Folded<'_> {
    /// The span of the original that a non-empty span of the folded text stands for; an empty one gives the place
    /// it lies at.
    pub(super) fn original(&self, start: usize, end: usize) -> (usize, usize) {
        match &self.spans {
            None => (start, end),
            Some(spans) if start == end => {
                let at = spans.get(start).map_or_else(|| spans.last().map_or(0, |last| last.1), |span| span.0);
                let at = if start > 0 { spans.get(start - 1).map_or(at, |span| span.1) } else { at };
                (at, at)
            }
            Some(spans) => (spans[start].0, spans[end - 1].1),
        }
    }
}

/// Folds a text.
pub(super) fn fold(bytes: &[u8], fold: Fold) -> Folded<'_> {
    if fold == Fold::LineEnds
        && !bytes.contains(&b'\r')
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Folded { text: Cow::Borrowed(text), spans: None };
    }
    let mut folder = Folder { text: String::with_capacity(bytes.len()), spans: Vec::new(), fold };
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        let mut characters = chunk.valid().char_indices().peekable();
        while let Some((offset, character)) = characters.next() {
            let start = at + offset;
            if character == '\r' {
                let pair = characters.next_if(|(_, next)| *next == '\n').is_some();
                folder.line_end(start, start + if pair { 2 } else { 1 });
            } else if character == '\n' {
                folder.line_end(start, start + 1);
            } else {
                folder.character(character, start, start + character.len_utf8());
            }
        }
        at += chunk.valid().len();
        for _ in chunk.invalid() {
            folder.character('\u{FFFD}', at, at + 1);
            at += 1;
        }
    }
    folder.drop_blanks();
    Folded { text: Cow::Owned(folder.text), spans: Some(folder.spans) }
}

struct Folder {
    text: String,
    spans: Vec<(usize, usize)>,
    fold: Fold,
}

impl Folder {
    fn character(&mut self, character: char, start: usize, end: usize) {
        let character = if self.fold >= Fold::Punctuation { plain(character) } else { character };
        self.text.push(character);
        self.spans.extend(std::iter::repeat_n((start, end), character.len_utf8()));
    }

    fn line_end(&mut self, start: usize, end: usize) {
        self.drop_blanks();
        self.text.push('\n');
        self.spans.push((start, end));
    }

    fn drop_blanks(&mut self) {
        if self.fold >= Fold::TrailingBlanks {
            let kept = self.text.trim_end_matches([' ', '\t']).len();
            self.text.truncate(kept);
            self.spans.truncate(kept);
        }
    }
}

/// The ASCII cousin of a typographic character.
pub(super) fn plain(character: char) -> char {
    match character {
        '\u{2018}'..='\u{201B}' => '\'',
        '\u{201C}'..='\u{201F}' | '\u{00AB}' | '\u{00BB}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{00A0}' | '\u{2002}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => ' ',
        other => other,
    }
}

/// A line without its outer blanks and with plain punctuation: how lines are compared when indentation drifted.
pub(super) fn bare(line: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(line).chars().map(plain).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_end_in_lf_crlf_or_cr() {
        let spans = |text: &str| lines(text.as_bytes()).iter().map(|l| (l.start, l.end, l.next)).collect::<Vec<_>>();
        assert_eq!(spans(""), []);
        assert_eq!(spans("a\r\nb\rc\nd"), [(0, 1, 3), (3, 4, 5), (5, 6, 7), (7, 8, 8)]);
        assert_eq!(spans("\n\r\n"), [(0, 0, 1), (1, 1, 3)]);
    }

    #[test]
    fn folds_say_where_they_come_from() {
        let folded = fold("a \r\n\u{201C}b\u{201D}\t".as_bytes(), Fold::Punctuation);
        assert_eq!(folded.text, "a\n\"b\"");
        assert_eq!(folded.original(0, 1), (0, 1));
        assert_eq!(folded.original(1, 2), (2, 4));
        assert_eq!(folded.original(2, 5), (4, 11));
        assert_eq!(folded.original(5, 5), (11, 11));
    }

    proptest! {
        #[test]
        fn every_fold_maps_back_into_the_original(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            for kind in [Fold::LineEnds, Fold::TrailingBlanks, Fold::Punctuation] {
                let folded = fold(&bytes, kind);
                let mut last = 0;
                for (index, _) in folded.text.char_indices() {
                    let (start, end) = folded.original(index, index + 1);
                    prop_assert!(last <= start && start < end && end <= bytes.len());
                    last = start;
                }
            }
        }

        #[test]
        fn lines_cover_every_byte(bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'a')], 0..30)) {
            let mut at = 0;
            for line in lines(&bytes) {
                prop_assert_eq!(line.start, at);
                at = line.next;
            }
            prop_assert_eq!(at, bytes.len());
        }
    }
}
