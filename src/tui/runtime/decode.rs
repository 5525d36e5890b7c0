//! Bytes of a terminal to events: text, keys in the old encodings and in kitty's, the wheel and clicks, pastes.
//!
//! Pieces may end anywhere. What is no key is left out, so answers of a terminal never look like typing.

mod keys;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

const PASTE_END: &[u8] = b"\x1b[201~";
/// A sequence that is longer than this is none.
const LONGEST: usize = 128;

/// What a stretch of bytes is.
enum Found {
    /// An event of so many bytes.
    Event(Event, usize),
    /// So many bytes that mean nothing.
    Nothing(usize),
    /// The beginning of a paste.
    Paste(usize),
    /// More bytes are needed to say.
    Incomplete,
}

/// Decodes what comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: Vec<u8>,
    paste: Option<Vec<u8>>,
}

impl Decoder {
    /// Takes a piece and returns the events in it.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut at = 0;
        loop {
            if self.paste.is_some() {
                let taken = self.paste_from(at, &mut events);
                at += taken;
                if self.paste.is_some() {
                    break;
                }
            }
            match decode(self.buffer.get(at..).unwrap_or_default()) {
                Found::Event(event, length) => {
                    events.push(event);
                    at += length;
                }
                Found::Nothing(length) => at += length,
                Found::Paste(length) => {
                    at += length;
                    self.paste = Some(Vec::new());
                }
                Found::Incomplete => break,
            }
        }
        self.buffer.drain(..at);
        events
    }

    /// Whether something waits for more bytes that may never come: a lone Esc looks like the beginning of a key.
    pub(super) fn waits(&self) -> bool {
        !self.buffer.is_empty() && self.paste.is_none()
    }

    /// No more bytes came: what waits is taken for what it looks like.
    pub(super) fn give_up(&mut self) -> Vec<Event> {
        let buffer = std::mem::take(&mut self.buffer);
        match buffer.as_slice() {
            [0x1b] => vec![key(KeyCode::Esc, KeyModifiers::NONE)],
            [0x1b, letter @ (b'[' | b'O')] => vec![key(KeyCode::Char(char::from(*letter)), KeyModifiers::ALT)],
            _ => Vec::new(),
        }
    }

    /// Moves pasted bytes over; returns how many were looked at and ends the paste when its end is among them.
    fn paste_from(&mut self, at: usize, events: &mut Vec<Event>) -> usize {
        let Some(paste) = &mut self.paste else { return 0 };
        let rest = self.buffer.get(at..).unwrap_or_default();
        match rest.windows(PASTE_END.len()).position(|window| window == PASTE_END) {
            Some(end) => {
                paste.extend_from_slice(rest.get(..end).unwrap_or_default());
                // Terminals send the ends of pasted lines as the Enter key would.
                let text = String::from_utf8_lossy(paste).replace("\r\n", "\n").replace('\r', "\n");
                events.push(Event::Paste(text));
                self.paste = None;
                end + PASTE_END.len()
            }
            None => {
                // The end may be cut: its possible beginning stays for the next piece.
                let keep = (1..PASTE_END.len()).rev().find(|n| rest.ends_with(&PASTE_END[..*n])).unwrap_or(0);
                let taken = rest.len() - keep;
                paste.extend_from_slice(rest.get(..taken).unwrap_or_default());
                taken
            }
        }
    }
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn decode(bytes: &[u8]) -> Found {
    match bytes {
        [] => Found::Incomplete,
        [0x1b] => Found::Incomplete,
        [0x1b, b'[', rest @ ..] => sequence(rest),
        [0x1b, b'O', rest @ ..] => match rest {
            [] => Found::Incomplete,
            [letter, ..] => match keys::by_letter(*letter) {
                Some(code) => Found::Event(key(code, KeyModifiers::NONE), 3),
                None => Found::Nothing(3),
            },
        },
        [0x1b, 0x1b, ..] => Found::Event(key(KeyCode::Esc, KeyModifiers::NONE), 1),
        [0x1b, rest @ ..] => match letter(rest) {
            Found::Event(Event::Key(mut event), length) => {
                event.modifiers |= KeyModifiers::ALT;
                Found::Event(Event::Key(event), length + 1)
            }
            Found::Nothing(length) => Found::Nothing(length + 1),
            other => other,
        },
        _ => letter(bytes),
    }
}

/// A control character or a character of UTF-8.
fn letter(bytes: &[u8]) -> Found {
    let Some(first) = bytes.first().copied() else { return Found::Incomplete };
    let control = |letter: u8| key(KeyCode::Char(char::from(letter)), KeyModifiers::CONTROL);
    let event = match first {
        b'\r' => key(KeyCode::Enter, KeyModifiers::NONE),
        b'\t' => key(KeyCode::Tab, KeyModifiers::NONE),
        0x7f => key(KeyCode::Backspace, KeyModifiers::NONE),
        0 => control(b' '),
        0x01..=0x1a => control(first - 1 + b'a'),
        0x1c..=0x1f => control(first - 0x1c + b'4'),
        _ => return character(bytes, first),
    };
    Found::Event(event, 1)
}

fn character(bytes: &[u8], first: u8) -> Found {
    let length = match first {
        0x20..=0x7e => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Found::Nothing(1),
    };
    let Some(piece) = bytes.get(..length) else {
        let whole = bytes.iter().skip(1).all(|byte| (0x80..=0xbf).contains(byte));
        return if whole { Found::Incomplete } else { Found::Nothing(1) };
    };
    match std::str::from_utf8(piece).ok().and_then(|text| text.chars().next()) {
        Some(c) if c.is_control() => Found::Nothing(length),
        Some(c) => Found::Event(key(KeyCode::Char(c), KeyModifiers::NONE), length),
        None => Found::Nothing(1),
    }
}

/// What follows `ESC [`.
fn sequence(rest: &[u8]) -> Found {
    if let [b'[', tail @ ..] = rest {
        // The function keys of the Linux console.
        return match tail.first() {
            None => Found::Incomplete,
            Some(letter @ b'A'..=b'E') => Found::Event(key(KeyCode::F(letter - b'A' + 1), KeyModifiers::NONE), 4),
            Some(_) => Found::Nothing(4),
        };
    }
    let Some(end) = rest.iter().take(LONGEST).position(|byte| !(0x20..=0x3f).contains(byte)) else {
        return if rest.len() >= LONGEST { Found::Nothing(2) } else { Found::Incomplete };
    };
    let (parameters, last) = (rest.get(..end).unwrap_or_default(), rest.get(end).copied().unwrap_or_default());
    let length = end + 3;
    if !(0x40..=0x7e).contains(&last) {
        return Found::Nothing(end + 2);
    }
    if last == b'M' && parameters.is_empty() {
        // The mouse in its oldest encoding, three more bytes; not asked for, so not understood.
        return if rest.len() < end + 4 { Found::Incomplete } else { Found::Nothing(length + 3) };
    }
    if last == b'~' && parameters == b"200" {
        return Found::Paste(length);
    }
    let event = match parameters.strip_prefix(b"<") {
        Some(numbers) => mouse(&keys::numbers(numbers), last),
        None => keys::of_sequence(parameters, last).map(Event::Key),
    };
    event.map_or(Found::Nothing(length), |event| Found::Event(event, length))
}

fn mouse(numbers: &[u32], last: u8) -> Option<Event> {
    let [buttons, column, row] = numbers else { return None };
    let cell = |number: u32| u16::try_from(number.saturating_sub(1)).unwrap_or(u16::MAX);
    let kind = match (buttons & 0b0110_0011, last) {
        (64, b'M') => MouseEventKind::ScrollUp,
        (65, b'M') => MouseEventKind::ScrollDown,
        (0, b'M') => MouseEventKind::Down(MouseButton::Left),
        (0, b'm') => MouseEventKind::Up(MouseButton::Left),
        _ => return None,
    };
    Some(Event::Mouse(MouseEvent { kind, column: cell(*column), row: cell(*row), modifiers: KeyModifiers::NONE }))
}

#[cfg(test)]
mod tests;
