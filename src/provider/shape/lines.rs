//! Text and whole files: lines of limited length that do not run in circles.

use super::utf8::Utf8;
use super::{FENCE, Fit, Written};

/// The most bytes of a line.
pub(super) const LONGEST_LINE: usize = 400;
/// The most lines of a text.
const LONGEST_TEXT: usize = 400;
/// The longest run of lines that is looked at for circles.
const LONGEST_CIRCLE: usize = 6;
/// How often lines may come again and again.
const ROUNDS: usize = 5;

/// Lines as they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    done: Vec<String>,
    line: Vec<u8>,
    utf8: Utf8,
}

impl Lines {
    /// Takes a byte of a line.
    pub(super) fn step(&mut self, byte: u8) -> Fit {
        let control = byte < 0x20 && byte != b'\t' || byte == 0x7F;
        if control || !self.utf8.step(byte) {
            return Fit::Refused;
        }
        self.line.push(byte);
        if self.line.len() > LONGEST_LINE { Fit::TooLong } else { Fit::Fits }
    }

    /// Ends the line.
    pub(super) fn end(&mut self) -> Fit {
        if !self.utf8.is_whole() {
            return Fit::Refused;
        }
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        self.done.push(line);
        if goes_in_circles(&self.done) { Fit::TooLong } else { Fit::Fits }
    }

    /// The line that is being written.
    pub(super) fn current(&self) -> &[u8] {
        &self.line
    }

    pub(super) fn count(&self) -> usize {
        self.done.len()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.utf8.is_whole()
    }

    pub(super) fn into_done(self) -> Vec<String> {
        self.done
    }
}

/// Whether the last lines are the same few again and again.
fn goes_in_circles(lines: &[String]) -> bool {
    (1..=LONGEST_CIRCLE).any(|period| {
        let Some(from) = lines.len().checked_sub(period * ROUNDS) else { return false };
        let tail = &lines[from..];
        let blank = tail.iter().all(|line| line.trim().is_empty());
        // Two closing braces are no circle; only lines that say something are.
        let says = tail[..period].iter().any(|line| line.trim().len() > 4) || blank;
        says && tail.iter().zip(&tail[period..]).all(|(line, next)| line == next)
    })
}

/// A text, or a file up to its closing fence.
#[derive(Clone, Debug)]
pub(super) struct Prose {
    lines: Lines,
    most: usize,
    fenced: bool,
    over: bool,
}

impl Prose {
    pub(super) fn text() -> Self {
        Self { lines: Lines::default(), most: LONGEST_TEXT, fenced: false, over: false }
    }

    pub(super) fn file(most: usize) -> Self {
        Self { lines: Lines::default(), most, fenced: true, over: false }
    }

    pub(super) fn step(&mut self, byte: u8) -> Fit {
        if self.over {
            return Fit::Refused;
        }
        if byte != b'\n' {
            let fit = self.lines.step(byte);
            // The fence closes as soon as it stands there; what a model writes behind it is talk.
            self.over = self.fenced && self.lines.current() == FENCE.as_bytes();
            return fit;
        }
        let fit = self.lines.end();
        if self.lines.count() > self.most { Fit::TooLong } else { fit }
    }

    pub(super) fn may_end(&self) -> bool {
        self.lines.is_whole()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn finish(self) -> Option<Written> {
        let last = String::from_utf8(self.lines.current().to_vec()).ok()?;
        let mut lines = self.lines.into_done();
        if !self.over && !last.is_empty() {
            lines.push(last);
        }
        Some(if self.fenced { Written::Lines(lines) } else { Written::Text(lines.join("\n")) })
    }
}
