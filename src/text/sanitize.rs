//! Untrusted text to text a terminal can be sent.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

/// The most combining marks kept on one base; real scripts use a handful, a cell with thousands stalls a terminal.
const MARKS_KEPT: usize = 16;

/// The flags that are spelt with invisible tag characters after a black flag: England, Scotland, Wales.
const TAG_FLAGS: [&str; 3] = [
    "\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
    "\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
    "\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}",
];

/// Makes text harmless and keeps its lines: `\n` and `\t` stay, `\r\n` becomes `\n`.
///
/// Every other control, escape sequence, bidi or zero-width character becomes a visible mark; nothing visible is
/// ever dropped or moved.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    Sanitizer::default().show(text, Breaks::Kept)
}

/// Makes text harmless and puts it on one line: a tab becomes a space, a line break `↵`.
pub fn sanitize_line(text: &str) -> Cow<'_, str> {
    Sanitizer::default().show(text, Breaks::Shown)
}

/// Makes bytes harmless: what is no UTF-8 is shown as `<FF>`, the rest as [`sanitize`] shows it.
pub fn sanitize_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => sanitize(text).into_owned(),
        Err(_) => sanitize(&decode(bytes)).into_owned(),
    }
}

/// JSON that says the same with every control, bidi and zero-width character written as an escape, so that a terminal
/// it is printed to shows it and does not obey it.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    let hidden = |c: char| c == '\u{7F}' || invisible(c);
    if json.is_ascii() && !json.as_bytes().contains(&0x7F) {
        return Cow::Borrowed(json);
    }
    let Some(first) = json.find(hidden) else { return Cow::Borrowed(json) };
    let mut out = String::with_capacity(json.len() + 64);
    out.push_str(&json[..first]);
    for c in json[first..].chars() {
        if hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Decodes UTF-8 and shows every byte that is none as `<FF>`, so that two different files never look the same.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "<{byte:02X}>");
        }
    }
    out
}

/// What happens to line breaks and tabs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaks {
    /// They stay.
    Kept,
    /// They are shown.
    Shown,
}

/// The state that reaches from one character to the next, and from one piece of a stream to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sanitizer {
    /// The character before, when it was kept as it is.
    before: Option<char>,
    /// How many combining marks stand in a row.
    marks: usize,
}

/// What a character turns into.
enum Shown {
    Same,
    Dropped,
    Text(&'static str),
    Caret(char),
    Code(char),
    OnCircle(char),
}

impl Sanitizer {
    /// Shows a text; borrowed when there was nothing to change.
    pub(super) fn show<'a>(&mut self, text: &'a str, breaks: Breaks) -> Cow<'a, str> {
        let start = text.bytes().position(|byte| suspicious(byte, breaks)).unwrap_or(text.len());
        if start > 0 {
            self.before = text[..start].chars().next_back();
            self.marks = 0;
        }
        let mut out = String::new();
        let mut clean = 0;
        let mut at = start;
        let mut flag_end = 0;
        while let Some(c) = text[at..].chars().next() {
            let after = at + c.len_utf8();
            if at >= flag_end {
                if c == '\u{1F3F4}' {
                    flag_end = after + tag_flag(&text[after..]);
                }
                let shown = self.look(c, &text[after..], breaks);
                if !matches!(shown, Shown::Same) {
                    out.push_str(&text[clean..at]);
                    shown.write(&mut out);
                    clean = after;
                }
                self.remember(c, &shown);
            }
            at = after;
        }
        if clean == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[clean..]);
        Cow::Owned(out)
    }

    fn look(&self, c: char, rest: &str, breaks: Breaks) -> Shown {
        match c {
            ' '..='~' => Shown::Same,
            '\n' | '\t' if breaks == Breaks::Kept => Shown::Same,
            '\n' => Shown::Text("↵"),
            '\t' => Shown::Text(" "),
            '\r' if rest.starts_with('\n') => Shown::Dropped,
            '\0'..='\u{1F}' | '\u{7F}' => Shown::Caret(c),
            '\u{200D}' if self.joins_emoji(rest) => Shown::Same,
            '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' if self.selects(c) => Shown::Same,
            _ if invisible(c) => Shown::Code(c),
            _ if is_mark(c) => self.mark(c),
            _ => Shown::Same,
        }
    }

    fn mark(&self, c: char) -> Shown {
        match self.before {
            _ if self.marks >= MARKS_KEPT => Shown::Code(c),
            // A mark without a base would sit on whatever stands to its left on the screen.
            None | Some('\n' | '\t') => Shown::OnCircle(c),
            _ => Shown::Same,
        }
    }

    fn joins_emoji(&self, rest: &str) -> bool {
        let before = self.before.is_some_and(|c| pictographic(c) || c == '\u{FE0F}');
        before && rest.chars().next().is_some_and(pictographic)
    }

    /// Whether a variation selector changes how the character before it looks. Runs of them carry hidden bytes.
    fn selects(&self, c: char) -> bool {
        match (self.before, c) {
            (Some('0'..='9' | '#' | '*'), '\u{FE0E}' | '\u{FE0F}') => true,
            (Some(before), '\u{FE0E}' | '\u{FE0F}') => pictographic(before),
            (Some(before), '\u{E0100}'..='\u{E01EF}') => ideographic(before),
            (Some(before), _) => ideographic(before) || matches!(before, '\u{2200}'..='\u{22FF}'),
            (None, _) => false,
        }
    }

    fn remember(&mut self, c: char, shown: &Shown) {
        self.before = match shown {
            Shown::Same | Shown::OnCircle(_) => Some(c),
            Shown::Dropped => self.before,
            Shown::Text(_) | Shown::Caret(_) | Shown::Code(_) => None,
        };
        self.marks = if is_mark(c) { self.marks + 1 } else { 0 };
    }
}

impl Shown {
    fn write(&self, out: &mut String) {
        match *self {
            Self::Same | Self::Dropped => {}
            Self::Text(text) => out.push_str(text),
            Self::Caret(c) => {
                out.push('^');
                out.push(char::from(c as u8 ^ 0x40));
            }
            Self::Code(c) => {
                let _ = write!(out, "<U+{:04X}>", u32::from(c));
            }
            Self::OnCircle(c) => {
                out.push('\u{25CC}');
                out.push(c);
            }
        }
    }
}

fn suspicious(byte: u8, breaks: Breaks) -> bool {
    match byte {
        b' '..=b'~' => false,
        b'\n' | b'\t' => breaks == Breaks::Shown,
        _ => true,
    }
}

/// The length of the tags that complete a black flag to one of the [`TAG_FLAGS`].
fn tag_flag(rest: &str) -> usize {
    TAG_FLAGS.iter().find(|tags| rest.starts_with(**tags)).map_or(0, |tags| tags.len())
}

/// Characters that show nothing, or that change where or in which order others are shown.
pub(super) fn invisible(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9F}' | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

fn is_mark(c: char) -> bool {
    c >= '\u{300}' && !invisible(c) && c.width() == Some(0)
}

fn pictographic(c: char) -> bool {
    matches!(c,
        '\u{1F000}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}' | '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{23FF}'
        | '\u{24C2}' | '\u{25A0}'..='\u{25FF}' | '\u{2934}' | '\u{2935}' | '\u{2B00}'..='\u{2BFF}'
        | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}'
        | '\u{A9}' | '\u{AE}')
}

fn ideographic(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_a_terminal_would_obey() {
        for (text, shown) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("", ""),
            ("\x1b[31mred\x1b[0m", "^[[31mred^[[0m"),
            ("\x1b]0;title\x07after", "^[]0;title^Gafter"),
            ("\x1bP1;2|secret\x1b\\after", "^[P1;2|secret^[\\after"),
            ("safe\rEVIL", "safe^MEVIL"),
            ("dos\r\nline", "dos\nline"),
            ("\r\r\n", "^M\n"),
            ("ab\x08\x08cd\x7f", "ab^H^Hcd^?"),
            ("\u{9b}31m", "<U+009B>31m"),
            ("user\u{202E}txt.exe", "user<U+202E>txt.exe"),
            ("a\u{200B}b\u{FEFF}", "a<U+200B>b<U+FEFF>"),
            ("\0nul", "^@nul"),
            ("a\u{2028}b", "a<U+2028>b"),
        ] {
            assert_eq!(sanitize(text), shown, "{text:?}");
        }
    }

    #[test]
    fn leaves_scripts_and_emoji_alone() {
        for text in [
            "Grüße, 日本語,한국어, العربية, हिन्दी",
            "👩‍👩‍👧‍👦 👍🏽 ❤️ 1️⃣ 🏴‍☠️ 🏳️‍🌈 🇩🇪",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} match",
            "e\u{301} n\u{303}",
        ] {
            assert!(matches!(sanitize(text), Cow::Borrowed(same) if same == text), "{text}: {}", sanitize(text));
        }
    }

    #[test]
    fn hidden_bytes_in_selectors_and_tags_are_shown() {
        assert_eq!(sanitize("a\u{FE0F}"), "a<U+FE0F>");
        assert_eq!(sanitize("❤\u{FE0F}\u{FE0E}"), "❤\u{FE0F}<U+FE0E>");
        assert_eq!(sanitize("x\u{E0041}"), "x<U+E0041>");
        assert_eq!(sanitize("🏴\u{E0041}\u{E007F}"), "🏴<U+E0041><U+E007F>");
        assert_eq!(sanitize("a\u{200D}b"), "a<U+200D>b");
    }

    #[test]
    fn a_mark_without_a_base_gets_one() {
        assert_eq!(sanitize("\u{301}a\n\u{301}"), "\u{25CC}\u{301}a\n\u{25CC}\u{301}");
        let pile = format!("e{}", "\u{301}".repeat(100));
        let shown = sanitize(&pile);
        assert_eq!(shown.chars().filter(|c| *c == '\u{301}').count(), MARKS_KEPT);
        assert!(shown.ends_with("<U+0301>"));
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(sanitize_line("a\tb\r\nc\nd"), "a b↵c↵d");
        assert!(matches!(sanitize_line("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn bytes_that_are_no_text_are_told_apart() {
        assert_eq!(sanitize_bytes(b"caf\xe9 \xff\xfe"), "caf<E9> <FF><FE>");
        assert_eq!(sanitize_bytes("ü\x1b".as_bytes()), "ü^[");
        assert_eq!(sanitize_bytes(b"\xc2\x9b31m"), "<U+009B>31m");
    }
}
