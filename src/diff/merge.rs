//! Three-way merge by lines.

use std::ops::Range;

use super::lines::{is_binary, split};
use super::script::{Edit, edits};

/// How a merge came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Both sides' changes, together.
    Clean(Vec<u8>),
    /// Both sides changed the same or neighbouring lines differently.
    Conflict {
        /// The text with conflict markers, base between the two sides.
        text: Vec<u8>,
        /// How many places are in conflict.
        conflicts: usize,
    },
}

/// Merges what both sides changed since base, by lines. As in git, changes that touch each other conflict unless
/// they are the same.
///
/// Binary files are never merged: unless one side left base alone, they conflict as a whole and the text is ours.
pub fn merge(base: &[u8], ours: &[u8], theirs: &[u8]) -> Merged {
    if ours == theirs || theirs == base {
        return Merged::Clean(ours.to_vec());
    }
    if ours == base {
        return Merged::Clean(theirs.to_vec());
    }
    if is_binary(base) || is_binary(ours) || is_binary(theirs) {
        return Merged::Conflict { text: ours.to_vec(), conflicts: 1 };
    }
    let lines = Lines { base: split(base), ours: split(ours), theirs: split(theirs) };
    let places = places(&edits(&lines.base, &lines.ours), &edits(&lines.base, &lines.theirs));
    let mut out = Writer { crlf: ours.windows(2).any(|pair| pair == b"\r\n"), out: Vec::new(), conflicts: 0 };
    let mut at = 0;
    for place in &places {
        out.lines(&lines.base[at..place.base.start]);
        out.place(place, &lines);
        at = place.base.end;
    }
    out.lines(&lines.base[at..]);
    match out.conflicts {
        0 => Merged::Clean(out.out),
        conflicts => Merged::Conflict { text: out.out, conflicts },
    }
}

struct Lines<'a> {
    base: Vec<&'a [u8]>,
    ours: Vec<&'a [u8]>,
    theirs: Vec<&'a [u8]>,
}

/// A place that at least one side changed, as ranges of all three versions.
struct Place {
    base: Range<usize>,
    ours: Range<usize>,
    theirs: Range<usize>,
}

/// A side's edits that are still to come, and how far its lines have drifted from base.
struct Side<'a> {
    edits: &'a [Edit],
    drift: isize,
}

impl Side<'_> {
    fn next(&self) -> Option<Range<usize>> {
        self.edits.first().map(|edit| edit.old.clone())
    }

    /// Takes the next edit when it overlaps or touches the place.
    fn joins(&mut self, base: &mut Range<usize>) -> bool {
        let Some((edit, rest)) = self.edits.split_first().filter(|(edit, _)| edit.old.start <= base.end) else {
            return false;
        };
        *base = base.start.min(edit.old.start)..base.end.max(edit.old.end);
        self.drift += edit.new.len() as isize - edit.old.len() as isize;
        self.edits = rest;
        true
    }
}

/// The places either side changed; edits that touch make one place.
fn places(ours: &[Edit], theirs: &[Edit]) -> Vec<Place> {
    let mut ours = Side { edits: ours, drift: 0 };
    let mut theirs = Side { edits: theirs, drift: 0 };
    let mut places = Vec::new();
    loop {
        let start = match (ours.next(), theirs.next()) {
            (Some(a), Some(b)) => a.start.min(b.start),
            (Some(one), None) | (None, Some(one)) => one.start,
            (None, None) => return places,
        };
        let mut base = start..start;
        let before = (ours.drift, theirs.drift);
        while ours.joins(&mut base) || theirs.joins(&mut base) {}
        let shifted =
            |from: isize, to: isize| base.start.saturating_add_signed(from)..base.end.saturating_add_signed(to);
        places.push(Place {
            ours: shifted(before.0, ours.drift),
            theirs: shifted(before.1, theirs.drift),
            base: base.clone(),
        });
    }
}

struct Writer {
    crlf: bool,
    out: Vec<u8>,
    conflicts: usize,
}

impl Writer {
    fn lines(&mut self, lines: &[&[u8]]) {
        for line in lines {
            self.out.extend_from_slice(line);
        }
    }

    fn place(&mut self, place: &Place, lines: &Lines<'_>) {
        let base = &lines.base[place.base.clone()];
        let ours = &lines.ours[place.ours.clone()];
        let theirs = &lines.theirs[place.theirs.clone()];
        if theirs == base || ours == theirs {
            self.lines(ours);
        } else if ours == base {
            self.lines(theirs);
        } else {
            self.conflict(base, ours, theirs);
        }
    }

    /// What both sides agree on at the edges of a conflict stands outside its markers.
    fn conflict(&mut self, base: &[&[u8]], ours: &[&[u8]], theirs: &[&[u8]]) {
        let same = |pair: &(&&[u8], &&[u8])| pair.0 == pair.1;
        let head = ours.iter().zip(theirs).take_while(same).count();
        let tail = ours[head..].iter().rev().zip(theirs[head..].iter().rev()).take_while(same).count();
        self.conflicts += 1;
        self.lines(&ours[..head]);
        self.marker("<<<<<<< ours");
        self.lines(&ours[head..ours.len() - tail]);
        self.marker("||||||| base");
        self.lines(base);
        self.marker("=======");
        self.lines(&theirs[head..theirs.len() - tail]);
        self.marker(">>>>>>> theirs");
        self.lines(&ours[ours.len() - tail..]);
    }

    fn marker(&mut self, text: &str) {
        let end: &[u8] = if self.crlf { b"\r\n" } else { b"\n" };
        if !self.out.is_empty() && !self.out.ends_with(b"\n") {
            self.out.extend_from_slice(end);
        }
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_what_does_not_touch() {
        let clean = |text: &str| Merged::Clean(text.as_bytes().to_vec());
        for (base, ours, theirs, expected) in [
            ("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"),
            ("a\n", "a\n", "b\n", "b\n"),
            ("a\n", "b\n", "a\n", "b\n"),
            ("a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\nd\n", "a\nX\nc\nd\n"),
            ("a\nb\nc", "0\na\nb\nc", "a\nb\nC", "0\na\nb\nC"),
            ("a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n"),
        ] {
            assert_eq!(merge(base.as_bytes(), ours.as_bytes(), theirs.as_bytes()), clean(expected), "{base:?}");
        }
    }

    #[test]
    fn shows_what_is_in_conflict() {
        let Merged::Conflict { text, conflicts } = merge(b"a\nb\nc", b"a\nours\nc", b"a\ntheirs\nc") else {
            panic!("a conflict")
        };
        let expected = "a\n<<<<<<< ours\nours\n||||||| base\nb\n=======\ntheirs\n>>>>>>> theirs\nc";
        assert_eq!((String::from_utf8(text).unwrap().as_str(), conflicts), (expected, 1));
        assert!(matches!(merge(b"\0a", b"\0b", b"\0c"), Merged::Conflict { conflicts: 1, .. }));
    }
}
