//! Searching the lines of the file.

use crate::text;
use crate::tui::msg::Effect;

use super::DiffPane;
use super::rows::Row;

impl DiffPane {
    /// The bytes of a row, as they came; for two lines side by side both.
    fn row_bytes(&self, row: Row) -> [&[u8]; 2] {
        let Some(view) = self.view() else { return [&[], &[]] };
        let line = |hunk: usize, at: usize| view.sheet.line(hunk, at).map_or(&[][..], |line| line.bytes);
        match row {
            Row::Line(hunk, at) => [line(hunk, at), &[]],
            Row::Pair(hunk, left, right) => {
                [right.map_or(&[], |at| line(hunk, at)), left.map_or(&[], |at| line(hunk, at))]
            }
            Row::Extra(_, new) => [view.sheet.new_line(new).unwrap_or_default(), &[]],
            Row::Edited(piece, at) => {
                let edited = self.pieces.get(piece).and_then(|piece| piece.edited.as_ref());
                [edited.and_then(|edited| edited.line(at)).map_or(&[], |line| line.bytes), &[]]
            }
            Row::Remark(remark, at) => {
                let line = self.remarks.get(remark).and_then(|shown| shown.lines.get(at));
                [line.map_or(&[], |line| line.as_bytes()), &[]]
            }
            Row::Notice(_) | Row::Rule(_) | Row::Folded(_) => [&[], &[]],
        }
    }

    /// The text of a row, as it came.
    pub fn row_text(&self, row: Row) -> String {
        String::from_utf8_lossy(self.row_bytes(row)[0]).trim_end_matches(['\n', '\r']).to_owned()
    }

    /// Sets what is searched for and goes to the first place.
    pub fn search_for(&mut self, wanted: String) -> Vec<Effect> {
        self.search = wanted;
        self.find(true)
    }

    /// Goes to the next place the search finds, or the one before.
    pub(super) fn find(&mut self, forward: bool) -> Vec<Effect> {
        let count = self.rows.len();
        if self.search.is_empty() || count == 0 {
            return Vec::new();
        }
        let needle = Needle::new(&self.search);
        let step = |step: usize| (if forward { self.cursor + step } else { self.cursor + count - step }) % count;
        let holds = |row: &usize| {
            self.rows.get(*row).is_some_and(|row| self.row_bytes(row).iter().any(|bytes| needle.is_in(bytes)))
        };
        let found = (1..=count).map(step).find(holds);
        match found {
            Some(row) => {
                let wrapped = if forward { row <= self.cursor } else { row >= self.cursor };
                self.go(row);
                let words = if forward { "searched on from the top of this file" } else { "searched on from its end" };
                if wrapped { vec![Effect::Status(words.to_owned())] } else { Vec::new() }
            }
            None => vec![Effect::Status(format!("`{}` is not in this file", text::sanitize_line(&self.search)))],
        }
    }
}

/// What is searched for: with a capital in it exactly that, else in any case.
pub struct Needle {
    bytes: Vec<u8>,
    exact: bool,
}

impl Needle {
    /// Something to search for.
    pub fn new(wanted: &str) -> Self {
        let exact = wanted.chars().any(char::is_uppercase) || !wanted.is_ascii();
        Self { bytes: wanted.as_bytes().to_vec(), exact }
    }

    /// Where it is first, in bytes.
    pub fn find(&self, text: &[u8]) -> Option<usize> {
        let same =
            |window: &[u8]| if self.exact { window == self.bytes } else { window.eq_ignore_ascii_case(&self.bytes) };
        if self.bytes.is_empty() { None } else { text.windows(self.bytes.len()).position(same) }
    }

    fn is_in(&self, text: &[u8]) -> bool {
        self.find(text).is_some()
    }

    /// Every place it is at, in bytes.
    pub fn all(&self, text: &[u8]) -> Vec<std::ops::Range<usize>> {
        let mut places = Vec::new();
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| self.find(rest)) {
            places.push(from + at..from + at + self.bytes.len());
            from += at + self.bytes.len();
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_counts_when_it_is_written() {
        for (wanted, text, expected) in [
            ("order", "Order order", vec![0..5, 6..11]),
            ("Order", "Order orders Order", vec![0..5, 13..18]),
            ("größe", "größe größe", vec![0..7, 8..15]),
            ("aa", "aaaaa", vec![0..2, 2..4]),
            ("", "x", vec![]),
        ] {
            assert_eq!(Needle::new(wanted).all(text.as_bytes()), expected, "{wanted}");
        }
    }
}
