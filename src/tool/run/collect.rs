//! The output of a command for the model: head and tail in bounded memory, clean and without secrets.

use std::collections::VecDeque;
use std::fmt::Write as _;

use crate::text;

const HEAD: usize = 10_000;
const TAIL: usize = 20_000;

/// Keeps the beginning and the end of what it is given.
#[derive(Debug, Default)]
pub(super) struct Collected {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    cut_bytes: usize,
    cut_lines: usize,
}

impl Collected {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..room]);
        self.tail.extend(&piece[room..]);
        let excess = self.tail.len().saturating_sub(TAIL);
        self.cut_lines += self.tail.drain(..excess).filter(|byte| *byte == b'\n').count();
        self.cut_bytes += excess;
    }

    /// The text for the model; ends with a line end unless it is empty.
    pub(super) fn text(self) -> String {
        let tail: Vec<u8> = self.tail.into();
        if self.cut_bytes == 0 {
            return clean(&[self.head, tail].concat());
        }
        // The cut goes through lines: what is left of them goes too, lest half a secret escapes the redaction.
        let head_end = self.head.iter().rposition(|byte| *byte == b'\n').map_or(self.head.len(), |at| at + 1);
        let tail_start = tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let bytes = self.cut_bytes + (self.head.len() - head_end) + tail_start;
        let lines = self.cut_lines + usize::from(tail_start > 0);
        let mut text = clean(&self.head[..head_end]);
        let _ = writeln!(text, "[… {bytes} bytes in {lines} lines cut …]");
        text.push_str(&clean(&tail[tail_start..]));
        text
    }
}

fn clean(bytes: &[u8]) -> String {
    let overwritten = settle_lines(bytes);
    let sanitized = text::sanitize_output(&String::from_utf8_lossy(&overwritten));
    let mut text = text::redact(&sanitized).into_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Lines as they stand at last: a progress bar goes back to the start of its line with a CR and writes over it.
fn settle_lines(bytes: &[u8]) -> Vec<u8> {
    let mut settled = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (content, end) = match line.strip_suffix(b"\n") {
            Some(content) => (content, &b"\n"[..]),
            None => (line, &b""[..]),
        };
        let last = content.rsplit(|byte| *byte == b'\r').find(|part| !part.is_empty()).unwrap_or_default();
        settled.extend_from_slice(last);
        settled.extend_from_slice(end);
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(pieces: &[&[u8]]) -> String {
        let mut collected = Collected::default();
        for piece in pieces {
            collected.push(piece);
        }
        collected.text()
    }

    #[test]
    fn short_output_is_whole_and_clean() {
        for (pieces, expected) in [
            (&[&b"a\n"[..], b"b"][..], "a\nb\n"),
            (&[b"10%\r50%\r100%\r\ndone\r\n"], "100%\ndone\n"),
            (&[b"\x1b[31mred\x1b[0m\n"], "red\n"),
            (&[b""], ""),
        ] {
            assert_eq!(collected(pieces), expected);
        }
    }

    #[test]
    fn long_output_keeps_head_and_tail_and_says_what_is_missing() {
        let lines: Vec<String> = (1..=100_000).map(|number| format!("line {number}\n")).collect();
        let all = lines.concat();
        let pieces: Vec<&[u8]> = all.as_bytes().chunks(777).collect();
        let text = collected(&pieces);
        assert!(text.len() < 31_000, "{}", text.len());
        assert!(text.starts_with("line 1\nline 2\n") && text.ends_with("line 99999\nline 100000\n"));
        let mark = text.lines().find(|line| line.starts_with("[…")).unwrap();
        let kept: usize = text.lines().filter(|line| line.starts_with("line ")).map(|line| line.len() + 1).sum();
        assert_eq!(
            mark,
            format!("[… {} bytes in {} lines cut …]", all.len() - kept, 100_000 - text.lines().count() + 1)
        );
    }

    #[test]
    fn memory_stays_bounded() {
        let mut collected = Collected::default();
        for _ in 0..1_000 {
            collected.push(&[b'x'; 10_000]);
        }
        assert!(collected.head.len() + collected.tail.len() <= HEAD + TAIL);
        assert!(collected.tail.capacity() < 4 * TAIL);
    }
}
