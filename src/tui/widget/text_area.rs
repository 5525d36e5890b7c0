//! Editable text: grapheme by grapheme, wrapped for display, with wide characters.

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

use crate::text;

/// Text with a cursor. The cursor is a byte offset that always lies between graphemes.
#[derive(Clone, Debug, Default)]
pub struct TextArea {
    text: String,
    cursor: usize,
    killed: String,
}

/// Where rows and cursor are when the text is wrapped to a width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The byte range of each row.
    pub rows: Vec<Range<usize>>,
    /// The row the cursor is on.
    pub row: usize,
    /// Its column in cells.
    pub column: usize,
}

impl TextArea {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cursor as a byte offset.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Replaces the text and puts the cursor at its end.
    pub fn set(&mut self, text: &str) {
        self.text = text.replace("\r\n", "\n").replace('\r', "\n");
        self.cursor = self.text.len();
    }

    /// Takes the text out.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Inserts at the cursor. Line ends become `\n`.
    pub fn insert(&mut self, piece: &str) {
        let piece = piece.replace("\r\n", "\n").replace('\r', "\n");
        self.text.insert_str(self.cursor, &piece);
        self.cursor += piece.len();
        self.settle();
    }

    /// Replaces a byte range and puts the cursor behind what was put there. A range that cuts a character is ignored.
    pub fn replace(&mut self, range: Range<usize>, piece: &str) {
        if self.text.get(range.clone()).is_some() {
            self.cursor = range.start + piece.len();
            self.text.replace_range(range, piece);
        }
    }

    /// Inserting between two characters may have joined them: moves on to the end of the grapheme.
    fn settle(&mut self) {
        let mut here = GraphemeCursor::new(self.cursor, self.text.len(), true);
        if here.is_boundary(&self.text, 0) != Ok(true) {
            self.cursor = here.next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len());
        }
    }

    fn before(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|head| head.grapheme_indices(true).next_back()).map_or(0, |(start, _)| start)
    }

    fn after(&self, at: usize) -> usize {
        self.text.get(at..).and_then(|tail| tail.graphemes(true).next()).map_or(at, |first| at + first.len())
    }

    fn word_before(&self) -> usize {
        let head = self.text.get(..self.cursor).unwrap_or_default();
        let end = head.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
        head.get(..end).unwrap_or_default().trim_end_matches(char::is_alphanumeric).len()
    }

    fn word_after(&self) -> usize {
        let tail = self.text.get(self.cursor..).unwrap_or_default();
        let rest = tail.trim_start_matches(|c: char| !c.is_alphanumeric());
        self.text.len() - rest.trim_start_matches(char::is_alphanumeric).len()
    }

    fn line_start(&self) -> usize {
        self.text.get(..self.cursor).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.text.get(self.cursor..).and_then(|tail| tail.find('\n')).map_or(self.text.len(), |at| self.cursor + at)
    }

    fn delete(&mut self, range: Range<usize>, keep: bool) {
        if let Some(piece) = self.text.get(range.clone()) {
            if keep && !piece.is_empty() {
                self.killed = piece.to_owned();
            }
            self.cursor = range.start;
            self.text.replace_range(range, "");
            self.settle();
        }
    }

    /// Whether the cursor is on the first line of the text.
    pub fn on_first_line(&self) -> bool {
        self.line_start() == 0
    }

    /// Whether the cursor is on the last line of the text.
    pub fn on_last_line(&self) -> bool {
        self.line_end() == self.text.len()
    }

    /// Takes a key that edits or moves. `false` when the key means nothing here.
    pub fn key(&mut self, key: &KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let by_word = control || alt;
        match key.code {
            KeyCode::Left if by_word => self.cursor = self.word_before(),
            KeyCode::Right if by_word => self.cursor = self.word_after(),
            KeyCode::Left => self.cursor = self.before(self.cursor),
            KeyCode::Right => self.cursor = self.after(self.cursor),
            KeyCode::Home => self.cursor = self.line_start(),
            KeyCode::End => self.cursor = self.line_end(),
            KeyCode::Up if !by_word => return self.vertical(true),
            KeyCode::Down if !by_word => return self.vertical(false),
            KeyCode::Backspace if by_word => self.delete(self.word_before()..self.cursor, true),
            KeyCode::Backspace => self.delete(self.before(self.cursor)..self.cursor, false),
            KeyCode::Delete => self.delete(self.cursor..self.after(self.cursor), false),
            KeyCode::Char(c) if control => return self.control(c),
            KeyCode::Char('b') if alt => self.cursor = self.word_before(),
            KeyCode::Char('f') if alt => self.cursor = self.word_after(),
            KeyCode::Char('d') if alt => self.delete(self.cursor..self.word_after(), true),
            KeyCode::Char(c) if !alt => self.insert(c.encode_utf8(&mut [0; 4])),
            _ => return false,
        }
        true
    }

    fn control(&mut self, c: char) -> bool {
        match c {
            'a' => self.cursor = self.line_start(),
            'e' => self.cursor = self.line_end(),
            'h' => self.delete(self.before(self.cursor)..self.cursor, false),
            'd' => self.delete(self.cursor..self.after(self.cursor), false),
            'w' => self.delete(self.word_before()..self.cursor, true),
            'u' => self.delete(self.line_start()..self.cursor, true),
            'k' => self.delete(self.cursor..self.line_end(), true),
            'y' => {
                let killed = self.killed.clone();
                self.insert(&killed);
            }
            _ => return false,
        }
        true
    }

    fn vertical(&mut self, up: bool) -> bool {
        if (up && self.on_first_line()) || (!up && self.on_last_line()) {
            return false;
        }
        let start = self.line_start();
        let column = text::width(self.text.get(start..self.cursor).unwrap_or_default());
        let target = if up {
            self.text.get(..start.saturating_sub(1)).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1)
        } else {
            self.line_end() + 1
        };
        let line = self.text.get(target..).and_then(|tail| tail.split('\n').next()).unwrap_or_default();
        let mut cells = 0;
        let mut offset = 0;
        for grapheme in line.graphemes(true) {
            if cells >= column {
                break;
            }
            cells += text::width(grapheme);
            offset += grapheme.len();
        }
        self.cursor = target + offset;
        true
    }

    /// Wraps the text to `cells` and finds the cursor in it.
    pub fn wrapped(&self, cells: usize) -> Wrapped {
        let cells = cells.max(2);
        let mut rows: Vec<Range<usize>> = Vec::new();
        let (mut row, mut column) = (0, 0);
        let mut line_start = 0;
        for line in self.text.split('\n') {
            let mut start = line_start;
            let mut filled = 0;
            for (at, grapheme) in line.grapheme_indices(true) {
                let width = shown_width(grapheme);
                if filled + width > cells {
                    rows.push(start..line_start + at);
                    start = line_start + at;
                    filled = 0;
                }
                if line_start + at == self.cursor {
                    (row, column) = (rows.len(), filled);
                }
                filled += width;
            }
            let end = line_start + line.len();
            rows.push(start..end);
            if self.cursor == end {
                (row, column) = (rows.len() - 1, filled);
                if filled >= cells {
                    rows.push(end..end);
                    (row, column) = (rows.len() - 1, 0);
                }
            }
            line_start = end + 1;
        }
        Wrapped { rows, row, column }
    }
}

/// The cells a grapheme takes once it was made safe for the terminal.
fn shown_width(grapheme: &str) -> usize {
    match grapheme.as_bytes() {
        [b' '..=b'~'] => 1,
        _ => text::width(&text::sanitize_line(grapheme)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(area: &mut TextArea, keys: &str) {
        for key in keys.split(' ').filter(|key| !key.is_empty()) {
            let (code, modifiers) = match key {
                "left" => (KeyCode::Left, KeyModifiers::NONE),
                "right" => (KeyCode::Right, KeyModifiers::NONE),
                "up" => (KeyCode::Up, KeyModifiers::NONE),
                "down" => (KeyCode::Down, KeyModifiers::NONE),
                "home" => (KeyCode::Home, KeyModifiers::NONE),
                "bs" => (KeyCode::Backspace, KeyModifiers::NONE),
                "del" => (KeyCode::Delete, KeyModifiers::NONE),
                other if other.starts_with("c-") => {
                    (KeyCode::Char(other.chars().nth(2).unwrap()), KeyModifiers::CONTROL)
                }
                other => (KeyCode::Char(other.chars().next().unwrap()), KeyModifiers::NONE),
            };
            area.key(&KeyEvent::new(code, modifiers));
        }
    }

    #[test]
    fn edits_by_grapheme_and_word() {
        for (before, keys, after, cursor) in [
            ("", "a b c", "abc", 3),
            ("a👩‍👩‍👧b", "left bs", "ab", 1),
            ("e\u{301}x", "left bs", "x", 0),
            ("one two", "c-w", "one ", 4),
            ("one two", "c-w c-y c-y", "one twotwo", 10),
            ("one\ntwo", "c-u", "one\n", 4),
            ("one\ntwo", "up c-k", "one\ntwo", 3),
            ("日本\nab", "up", "日本\nab", 3),
            ("日本\nabc", "up bs", "日\nabc", 3),
            ("ab", "home del", "b", 0),
        ] {
            let mut area = TextArea::default();
            area.set(before);
            press(&mut area, keys);
            assert_eq!((area.text(), area.cursor()), (after, cursor), "{before:?} {keys}");
        }
    }

    #[test]
    fn wraps_without_cutting_wide_characters() {
        let mut area = TextArea::default();
        area.set("日本語\nab");
        let wrapped = area.wrapped(5);
        assert_eq!(wrapped, Wrapped { rows: vec![0..6, 6..9, 10..12], row: 2, column: 2 });
        area.set("abcd");
        assert_eq!(area.wrapped(4), Wrapped { rows: vec![0..4, 4..4], row: 1, column: 0 });
    }

    #[test]
    fn line_ends_of_a_paste_become_one_kind() {
        let mut area = TextArea::default();
        area.insert("a\r\nb\rc");
        assert_eq!(area.text(), "a\nb\nc");
    }
}
