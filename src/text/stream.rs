//! Program output that arrives in pieces.

use std::borrow::Cow;

use super::sanitize::{Breaks, Sanitizer, decode};

/// A sequence that is longer than this is shown instead of waited for.
const LONGEST_SEQUENCE: usize = 64;

/// The longest run of joiners and tags at the end of a piece that is worth waiting for.
const LONGEST_JOIN: usize = 40;

/// Makes the output of a program harmless, as it comes.
///
/// Like [`super::sanitize`], with two differences that keep the output of build tools readable: complete sequences
/// that only colour text or clear the rest of a line are left out, and a lone carriage return starts a new line, so
/// that nothing is overwritten. What a piece leaves unfinished (a character, a sequence) waits for the next one.
#[derive(Clone, Debug, Default)]
pub struct StreamSanitizer {
    pending: Vec<u8>,
    state: Sanitizer,
}

impl StreamSanitizer {
    /// Starts with nothing pending.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a piece and returns what can be shown so far.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let ready = self.pending.len() - unfinished(&self.pending);
        let piece: Vec<u8> = self.pending.drain(..ready).collect();
        self.show(&piece)
    }

    /// Returns what still waits; nothing more will come.
    pub fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.pending);
        self.show(&rest)
    }

    fn show(&mut self, bytes: &[u8]) -> String {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(decode(bytes)),
        };
        let plain = without_styling(&text);
        self.state.show(&plain, Breaks::Kept).into_owned()
    }
}

/// Makes the whole output of a program harmless; see [`StreamSanitizer`].
pub fn sanitize_output(text: &str) -> String {
    let mut stream = StreamSanitizer::new();
    let mut out = stream.push(text.as_bytes());
    out.push_str(&stream.finish());
    out
}

/// Leaves out what only colours, and makes lone carriage returns line breaks.
fn without_styling(text: &str) -> Cow<'_, str> {
    if !text.contains(['\x1b', '\r']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\x1b', '\r']) {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let taken = if tail.starts_with('\r') {
            let returns = tail.bytes().take_while(|byte| *byte == b'\r').count();
            if !tail[returns..].starts_with('\n') {
                out.push('\n');
            }
            returns
        } else if let Some(length) = styling(tail.as_bytes()) {
            length
        } else {
            out.push('\x1b');
            1
        };
        rest = &tail[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The length of a sequence at the start that only colours text, clears to the end of the line, or selects ASCII.
fn styling(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"\x1b(B") {
        return Some(3);
    }
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let length = parameters.iter().take(LONGEST_SEQUENCE).position(|byte| !is_parameter(*byte))?;
    let clears_to_end = parameters[length] == b'K' && (length == 0 || parameters[..length] == *b"0");
    (parameters[length] == b'm' || clears_to_end).then_some(length + 3)
}

fn is_parameter(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b';' | b':')
}

/// How many bytes at the end may still become something else with the next piece.
fn unfinished(bytes: &[u8]) -> usize {
    unfinished_sequence(bytes).max(unfinished_character(bytes)).max(unfinished_join(bytes))
}

fn unfinished_sequence(bytes: &[u8]) -> usize {
    let returns = bytes.iter().rev().take_while(|byte| **byte == b'\r').count();
    if returns > 0 {
        return returns.min(LONGEST_SEQUENCE);
    }
    let from = bytes.len().saturating_sub(LONGEST_SEQUENCE);
    let Some(at) = bytes[from..].iter().rposition(|byte| *byte == 0x1b) else { return 0 };
    let sequence = &bytes[from + at..];
    let open = match sequence {
        [_] | [_, b'('] => true,
        [_, b'[', parameters @ ..] => parameters.iter().all(|byte| is_parameter(*byte)),
        _ => false,
    };
    if open { sequence.len() } else { 0 }
}

fn unfinished_character(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    let Some(at) = bytes[from..].iter().rposition(|byte| *byte >= 0xC0) else { return 0 };
    let tail = &bytes[from + at..];
    match std::str::from_utf8(tail) {
        Err(error) if error.error_len().is_none() => tail.len(),
        _ => 0,
    }
}

/// A joiner or a flag's tags at the end: whether they stay depends on what follows.
fn unfinished_join(bytes: &[u8]) -> usize {
    let whole = bytes.len() - unfinished_character(bytes);
    let from = whole.saturating_sub(LONGEST_JOIN);
    let Some(tail) = (from..=(from + 3).min(whole)).find_map(|start| std::str::from_utf8(&bytes[start..whole]).ok())
    else {
        return 0;
    };
    let mut start = tail.len();
    for (at, c) in tail.char_indices().rev() {
        match c {
            '\u{200D}' | '\u{E0020}'..='\u{E007E}' => start = at,
            '\u{1F3F4}' => {
                start = at;
                break;
            }
            _ => break,
        }
    }
    if start == tail.len() { 0 } else { bytes.len() - whole + tail.len() - start }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::sanitize;
    use proptest::prelude::*;

    #[test]
    fn colours_go_and_everything_else_is_shown() {
        for (text, shown) in [
            ("\x1b[1m\x1b[32m   Compiling\x1b[0m a\n", "   Compiling a\n"),
            ("\x1b[38;5;208mx\x1b[48:2::1:2:3my\x1b[K\x1b(B", "xy"),
            ("10%\r50%\r100%\r\n", "10%\n50%\n100%\n"),
            ("\r\r\nx", "\nx"),
            ("\x1b[2Jgone?", "^[[2Jgone?"),
            ("\x1b[1Aup", "^[[1Aup"),
            ("\x1b]8;;http://evil\x1b\\link", "^[]8;;http://evil^[\\link"),
            ("\x1b[?25l", "^[[?25l"),
            ("\x1b[8mhidden\x1b[m", "hidden"),
            ("end\x1b[", "end^[["),
            ("end\r", "end\n"),
        ] {
            assert_eq!(sanitize_output(text), shown, "{text:?}");
        }
    }

    #[test]
    fn a_long_parameter_list_is_shown_instead_of_waited_for() {
        let mut stream = StreamSanitizer::new();
        let shown = stream.push(format!("\x1b[{}", "1;".repeat(500)).as_bytes());
        assert!(shown.starts_with("^[[1;1;"), "{shown}");
    }

    fn nasty() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            "a",
            "Z9",
            "\n",
            "\r",
            "\x1b",
            "[",
            "31",
            ";",
            "m",
            "K",
            "(B",
            "\x07",
            "]0;t",
            "ü",
            "漢",
            "👩",
            "\u{200D}",
            "🏴",
            "\u{E0067}\u{E0062}",
            "\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            "\u{FE0F}",
            "\u{301}",
            "\u{202E}",
            "\u{9b}",
            "\x08",
            "\t",
        ]);
        let bytes = prop_oneof![
            8 => piece.prop_map(|text| text.as_bytes().to_vec()),
            1 => any::<u8>().prop_map(|byte| vec![byte]),
        ];
        prop::collection::vec(bytes, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn where_a_stream_is_cut_does_not_matter(bytes in nasty(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let mut whole = StreamSanitizer::new();
            let expected = whole.push(&bytes) + &whole.finish();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.sort_unstable();
            at.push(bytes.len());
            let mut stream = StreamSanitizer::new();
            let mut out = String::new();
            let mut from = 0;
            for to in at {
                out += &stream.push(&bytes[from..to]);
                from = to;
            }
            out += &stream.finish();
            prop_assert_eq!(out, expected);
        }

        #[test]
        fn nothing_the_terminal_obeys_comes_out(bytes in nasty()) {
            let mut stream = StreamSanitizer::new();
            let out = stream.push(&bytes) + &stream.finish();
            prop_assert!(!out.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{out:?}");
            prop_assert_eq!(sanitize(&out).replace('\u{25CC}', ""), out.replace('\u{25CC}', ""), "stable");
        }
    }
}
