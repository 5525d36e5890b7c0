//! Cuts markdown into pieces that can be laid out one by one, so that a growing answer only lays out its last piece.

use std::ops::Range;

/// Pieces of an open code block longer than this are cut, so that a very long one costs no more per line than a short
/// one while it grows.
const CODE_LINES: usize = 64;
/// A list longer than this is cut before its next item.
const LIST_LINES: usize = 40;
/// Anything longer than this is cut at the next line.
const ANY_LINES: usize = 200;

/// A fence that a piece begins inside of: the piece is code although it does not say so itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    marker: char,
    length: usize,
    /// The word after the opening fence.
    pub language: String,
}

/// A piece of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its bytes in the source.
    pub range: Range<usize>,
    /// The fence it continues, when it does.
    pub inside: Option<Fence>,
    /// It begins a block of its own: an empty row goes before it.
    pub apart: bool,
}

/// Cuts a growing text. What was cut off stays as it is; only the rest is looked at again.
#[derive(Clone, Debug, Default)]
pub struct Segmenter {
    start: usize,
    inside: Option<Fence>,
    attached: bool,
}

fn fence_of(line: &str) -> Option<Fence> {
    let trimmed = line.trim_start_matches(' ');
    let marker = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = trimmed.chars().take_while(|c| *c == marker).count();
    let rest = trimmed.get(length..)?.trim();
    (length >= 3 && line.len() - trimmed.len() < 4 && !(marker == '`' && rest.contains('`'))).then(|| Fence {
        marker,
        length,
        language: rest.split_whitespace().next().unwrap_or_default().to_owned(),
    })
}

impl Fence {
    /// The line that opens it again.
    pub fn opening(&self) -> String {
        format!("{}{}", self.marker.to_string().repeat(self.length), self.language)
    }

    fn closed_by(&self, line: &str) -> bool {
        let trimmed = line.trim();
        trimmed.chars().count() >= self.length && trimmed.chars().all(|c| c == self.marker)
    }
}

impl Segmenter {
    /// The pieces of `source` that can no longer change, in order. The rest begins at [`Segmenter::rest`].
    pub fn finished(&mut self, source: &str) -> Vec<Segment> {
        let mut found = Vec::new();
        let mut at = self.start;
        let mut fence = self.inside.clone();
        let mut blank_before = false;
        let mut lines = 0;
        let rest = source.get(self.start..).unwrap_or_default();
        for line in rest.split_inclusive('\n') {
            let whole = line.ends_with('\n');
            let content = line.trim_end_matches(['\n', '\r']);
            let apart = blank_before && starts_block(content);
            let long = lines > ANY_LINES || lines > LIST_LINES && starts_item(content);
            if fence.is_none() && whole && (apart || long) {
                found.push(self.cut(at, None, apart));
                lines = 0;
            }
            if !whole {
                break;
            }
            match &fence {
                Some(open) if open.closed_by(content) => fence = None,
                Some(_) => {}
                None => fence = fence_of(content),
            }
            at += line.len();
            lines += 1;
            if fence.is_some() && lines > CODE_LINES {
                found.push(self.cut(at, fence.clone(), false));
                lines = 0;
            }
            blank_before = content.trim().is_empty() && fence.is_none();
        }
        found
    }

    fn cut(&mut self, end: usize, inside: Option<Fence>, apart: bool) -> Segment {
        let mut segment = self.rest_upto(end);
        segment.inside = std::mem::replace(&mut self.inside, inside);
        self.start = end;
        self.attached = !apart;
        segment
    }

    fn rest_upto(&self, end: usize) -> Segment {
        Segment { range: self.start..end, inside: self.inside.clone(), apart: !self.attached }
    }

    /// Takes everything up to `end` as finished.
    pub fn settle(&mut self, end: usize) {
        self.start = end;
    }

    /// What can still change.
    pub fn rest(&self, source: &str) -> Segment {
        self.rest_upto(source.len())
    }
}

/// A line after a blank one that certainly begins something new: not indented, and no further item of a list.
fn starts_block(line: &str) -> bool {
    line.chars().next().is_some_and(|c| c != ' ' && c != '\t') && !starts_item(line)
}

fn starts_item(line: &str) -> bool {
    let first = line.chars().next();
    matches!(first, Some('-' | '*' | '+')) && line.chars().nth(1).is_none_or(|c| c == ' ')
        || first.is_some_and(|c| c.is_ascii_digit())
            && line.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['.', ')'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(source: &str) -> Vec<&str> {
        let mut segmenter = Segmenter::default();
        let mut found: Vec<&str> = segmenter.finished(source).into_iter().map(|s| &source[s.range]).collect();
        found.push(&source[segmenter.rest(source).range]);
        found
    }

    #[test]
    fn cuts_between_blocks_and_never_inside_fences_or_lists() {
        for (source, expected) in [
            ("one\n\ntwo\n", vec!["one\n\n", "two\n"]),
            ("one\n\ntwo", vec!["one\n\ntwo"]),
            ("```\na\n\nb\n```\n\nend\n", vec!["```\na\n\nb\n```\n\n", "end\n"]),
            ("- a\n\n- b\n\n  more\n\nend\n", vec!["- a\n\n- b\n\n  more\n\n", "end\n"]),
            ("1. a\n\n2. b\n\nend\n", vec!["1. a\n\n2. b\n\n", "end\n"]),
        ] {
            assert_eq!(pieces(source), expected, "{source:?}");
        }
    }

    #[test]
    fn a_long_fence_is_cut_and_remembers_its_language() {
        let source = format!("```rust\n{}", "let a = 1;\n".repeat(150));
        let mut segmenter = Segmenter::default();
        let found = segmenter.finished(&source);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].inside, None);
        assert_eq!(found[1].inside.as_ref().map(|fence| fence.language.as_str()), Some("rust"));
        assert!(segmenter.rest(&source).inside.is_some());
    }

    #[test]
    fn growing_by_any_pieces_gives_the_same_cuts() {
        let source = "# a\n\ntext `x`\n\n```py\nx = 1\n\ny = 2\n```\n\n- l\n\n- m\n\nend\n\nlast\n";
        let whole = pieces(source);
        for step in 1..7 {
            let mut segmenter = Segmenter::default();
            let mut found = Vec::new();
            let mut at = 0;
            while at < source.len() {
                at = (at + step).min(source.len());
                let part = &source[..at];
                found.extend(segmenter.finished(part).into_iter().map(|s| &source[s.range]));
            }
            found.push(&source[segmenter.rest(source).range]);
            assert_eq!(found, whole, "{step}");
        }
    }
}
