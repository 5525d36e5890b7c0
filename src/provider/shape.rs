//! What an answer may look like: one automaton that a model's tokens are checked against while it writes, and that
//! reads what was written.
//!
//! It works on bytes, so it does not matter how a model cuts its words into tokens, and it needs no model to be
//! tested. Whatever it lets through can be read; there is no second parser that could see things differently.

mod blocks;
mod lines;
mod utf8;

use serde::{Deserialize, Serialize};

pub use blocks::Block;
use blocks::Blocks;
use lines::Prose;

/// The line that closes a file.
pub const FENCE: &str = "```";
/// The most letters of a path.
const LONGEST_PATH: usize = 120;

/// What an answer must look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case")]
pub enum Shape {
    /// Any text.
    Text,
    /// Lines up to a closing fence.
    File {
        /// The most lines.
        most_lines: usize,
    },
    /// Blocks that each replace lines of a file by others, behind the opening mark of the first one. What a block searches for are lines of the file, and as
    /// many of them as make the place the only one.
    Blocks {
        /// The lines of the file, without their ends.
        lines: Vec<String>,
    },
    /// One of these.
    OneOf {
        /// What there is to choose from.
        options: Vec<String>,
    },
    /// The path of a new file.
    Path,
}

/// Whether bytes fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// They do.
    Fits,
    /// They do not; others do.
    Refused,
    /// They would, but for a limit that is there to stop a model that runs on. The answer is no good.
    TooLong,
}

/// Follows an answer while it is written.
#[derive(Clone, Debug)]
pub struct Acceptor {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Prose(Prose),
    Blocks(Blocks),
    OneOf { options: Vec<String>, written: Vec<u8> },
    Path { written: Vec<u8>, over: bool },
}

/// An answer that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// A text, or the one that was chosen, or a path.
    Text(String),
    /// The lines of a file.
    Lines(Vec<String>),
    /// The lines of the file after all blocks, and the blocks.
    Changed {
        /// The lines.
        lines: Vec<String>,
        /// What was replaced, in order.
        blocks: Vec<Block>,
    },
}

impl Shape {
    /// The shape of blocks for this file; `None` where its own lines could be taken for marks, or where it has none
    /// to hold on to.
    pub fn blocks(lines: &[String]) -> Option<Self> {
        let sound = lines.iter().all(|line| !blocks::is_mark(line) && !line.contains(['\n', '\r', '\0']));
        let holds = lines.iter().any(|line| !line.trim().is_empty());
        (sound && holds).then(|| Self::Blocks { lines: lines.to_vec() })
    }

    /// Reads a finished answer that nothing watched over; `None` when it does not fit.
    pub fn read(&self, text: &str) -> Option<Written> {
        let mut acceptor = Acceptor::new(self);
        // Letter by letter, since what comes behind the end of a file is no part of it.
        for letter in text.chars() {
            if acceptor.is_over() {
                break;
            }
            let mut bytes = [0; 4];
            if acceptor.take(letter.encode_utf8(&mut bytes).as_bytes()) != Fit::Fits {
                return None;
            }
        }
        acceptor.finish()
    }
}

impl Acceptor {
    /// At the beginning of an answer of this shape.
    pub fn new(shape: &Shape) -> Self {
        let state = match shape {
            Shape::Text => State::Prose(Prose::text()),
            Shape::File { most_lines } => State::Prose(Prose::file(*most_lines)),
            Shape::Blocks { lines } => State::Blocks(Blocks::new(lines)),
            Shape::OneOf { options } => State::OneOf { options: options.clone(), written: Vec::new() },
            Shape::Path => State::Path { written: Vec::new(), over: false },
        };
        Self { state }
    }

    /// Takes the bytes of a token if all of them fit, none otherwise.
    pub fn take(&mut self, bytes: &[u8]) -> Fit {
        if bytes.is_empty() || self.is_over() {
            return Fit::Refused;
        }
        // Most refusals come with the first byte: found out before anything is copied.
        let mut trial = self.state.clone();
        for byte in bytes {
            let fit = trial.step(*byte);
            if fit != Fit::Fits {
                return fit;
            }
        }
        self.state = trial;
        Fit::Fits
    }

    /// Whether the answer may end here.
    pub fn may_end(&self) -> bool {
        match &self.state {
            State::Prose(prose) => prose.may_end(),
            State::Blocks(blocks) => blocks.may_end(),
            State::OneOf { options, written } => options.iter().any(|option| option.as_bytes() == written),
            State::Path { written, .. } => is_whole_path(written),
        }
    }

    /// Whether nothing may follow.
    pub fn is_over(&self) -> bool {
        match &self.state {
            State::Prose(prose) => prose.is_over(),
            State::Blocks(blocks) => blocks.is_over(),
            State::OneOf { options, written } => {
                self.may_end()
                    && !options
                        .iter()
                        .any(|option| option.len() > written.len() && option.as_bytes().starts_with(written))
            }
            State::Path { over, .. } => *over,
        }
    }

    /// The answer; `None` when it may not end here.
    pub fn finish(self) -> Option<Written> {
        if !self.may_end() {
            return None;
        }
        match self.state {
            State::Prose(prose) => prose.finish(),
            State::Blocks(blocks) => Some(blocks.finish()),
            State::OneOf { written, .. } | State::Path { written, .. } => {
                String::from_utf8(written).ok().map(Written::Text)
            }
        }
    }
}

impl State {
    fn step(&mut self, byte: u8) -> Fit {
        match self {
            Self::Prose(prose) => prose.step(byte),
            Self::Blocks(blocks) => blocks.step(byte),
            Self::OneOf { options, written } => {
                written.push(byte);
                if options.iter().any(|option| option.as_bytes().starts_with(written)) {
                    Fit::Fits
                } else {
                    Fit::Refused
                }
            }
            Self::Path { written, over } => step_path(written, over, byte),
        }
    }
}

fn step_path(written: &mut Vec<u8>, over: &mut bool, byte: u8) -> Fit {
    if *over {
        return Fit::Refused;
    }
    if byte == b'\n' {
        *over = is_whole_path(written);
        return if *over { Fit::Fits } else { Fit::Refused };
    }
    let allowed = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let last = written.last().copied();
    let begins = matches!(last, None | Some(b'/'));
    let refused = !allowed || (begins && matches!(byte, b'/' | b'.' | b'-')) || (byte == b'.' && last == Some(b'.'));
    if refused {
        return Fit::Refused;
    }
    written.push(byte);
    if written.len() > LONGEST_PATH { Fit::TooLong } else { Fit::Fits }
}

/// A file name with an ending, in whatever folder.
fn is_whole_path(written: &[u8]) -> bool {
    let name = written.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let ending = name.iter().rposition(|byte| *byte == b'.').map(|dot| &name[dot + 1..]);
    ending.is_some_and(|ending| !ending.is_empty())
}

#[cfg(test)]
mod tests;
