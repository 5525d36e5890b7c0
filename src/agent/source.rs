//! From bytes to front matter and body.

use super::Note;

/// A file taken apart.
pub(super) struct Parts {
    /// The lines between the fences, without them; `None` when there is no front matter.
    pub front: Option<Front>,
    /// Everything below, blank lines at both ends trimmed.
    pub body: String,
    /// What was odd.
    pub notes: Vec<Note>,
}

/// Front matter with the line it starts at.
pub(super) struct Front {
    /// 1-based line number of the first line of `text`.
    pub line: usize,
    /// The lines, joined by `\n`.
    pub text: String,
}

/// Takes a file apart. A `---` further down in the body never ends anything.
pub(super) fn take_apart(bytes: &[u8]) -> Parts {
    let mut notes = Vec::new();
    let text = decode(bytes, &mut notes);
    let lines: Vec<&str> = text.split('\n').collect();
    let Some(open) = lines.iter().position(|line| !line.trim().is_empty()) else {
        return Parts { front: None, body: String::new(), notes };
    };
    if !is_fence(lines[open]) {
        return Parts { front: None, body: trim_blank_lines(&lines[open..]), notes };
    }
    let inner = &lines[open + 1..];
    let (length, rest) = match inner.iter().position(|line| is_fence(line)) {
        Some(close) => (close, close + 1),
        None => {
            // Without a closing fence the fields end where prose begins: at the first blank line or heading.
            let end = inner.iter().position(|line| line.trim().is_empty() || line.starts_with("# "));
            let end = end.unwrap_or(inner.len());
            if !inner[..end].iter().any(|line| super::scanner::known_key(line).is_some()) {
                return Parts { front: None, body: trim_blank_lines(&lines[open..]), notes };
            }
            notes.push(Note::warning(
                open + 1,
                "the front matter has no closing `---`; read up to the first blank line",
            ));
            (end, end)
        }
    };
    let front = Front { line: open + 2, text: inner[..length].join("\n") };
    Parts { front: Some(front), body: trim_blank_lines(&inner[rest.min(inner.len())..]), notes }
}

fn is_fence(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.chars().all(|c| c == ' ' || c == '\t'))
}

/// UTF-8 with or without a byte order mark, UTF-16 with one; line ends become `\n`.
fn decode(bytes: &[u8], notes: &mut Vec<Note>) -> String {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes, notes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes, notes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, notes),
        _ => utf8(bytes, notes),
    };
    // Some editors leave a second mark behind.
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n")
}

fn utf8(bytes: &[u8], notes: &mut Vec<Note>) -> String {
    let text = String::from_utf8_lossy(bytes);
    if let std::borrow::Cow::Owned(_) = text {
        notes.push(Note::warning(None, "the file is not valid UTF-8; the bytes that are not were replaced"));
    }
    text.into_owned()
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, notes: &mut Vec<Note>) -> String {
    notes.push(Note::info(None, "the file is UTF-16; UTF-8 is what other programs expect"));
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

fn trim_blank_lines(lines: &[&str]) -> String {
    let blank = |line: &&str| line.trim().is_empty();
    let start = lines.iter().position(|line| !blank(line)).unwrap_or(lines.len());
    let end = lines.iter().rposition(|line| !blank(line)).map_or(start, |last| last + 1);
    lines[start..end].join("\n").trim_end().to_owned()
}
