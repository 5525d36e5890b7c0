//! Blocks that replace lines of a file: what they search for can only be lines that are there.

use std::sync::Arc;

use super::lines::Lines;
use super::{Fit, Written};

const SEARCH: &str = "<<<<<<< SEARCH\n";
const DIVIDER: &str = "=======\n";
const REPLACE: &str = ">>>>>>> REPLACE";
/// The beginnings of lines that would be taken for marks.
const MARKS: [&str; 4] = ["<<<<<<<", "=======", ">>>>>>>", "```"];
/// The most lines a block searches for, and puts in their place.
const MOST_LINES: usize = 80;
/// The most blocks.
const MOST_BLOCKS: usize = 8;
/// The deepest indentation.
const DEEPEST: usize = 48;

/// Whether a line of a file could be taken for a mark.
pub(super) fn is_mark(line: &str) -> bool {
    MARKS.iter().any(|mark| line.trim_start().starts_with(mark))
}

/// What was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first line that was replaced, counted from zero in the file as it was before this block.
    pub at: usize,
    /// How many lines were.
    pub count: usize,
    /// What is there instead.
    pub lines: Vec<String>,
}

/// Blocks as they are written.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    /// The file after the blocks so far.
    file: Arc<Vec<String>>,
    done: Arc<Vec<Block>>,
    phase: Phase,
}

#[derive(Clone, Debug)]
enum Phase {
    /// The opening mark, so many bytes of it.
    Open(usize),
    /// The lines that are searched for.
    Search(Search),
    /// The lines that take their place.
    Replace { at: usize, count: usize, lines: Lines },
    /// Behind a block, on its last line.
    Closed,
}

#[derive(Clone, Debug)]
struct Search {
    /// Lines at which what was written so far is in the file.
    starts: Vec<usize>,
    /// Whole lines written.
    depth: usize,
    /// Bytes of the line that is being written.
    at: usize,
    /// Bytes of the divider, while the line may still become it.
    divider: Option<usize>,
    /// The place, when there was only one at the beginning of this line.
    place: Option<usize>,
}

impl Blocks {
    /// Behind the first opening mark, which the model is given.
    pub(super) fn new(lines: &[String]) -> Self {
        Self { file: Arc::new(lines.to_vec()), done: Arc::default(), phase: Phase::Search(Search::new(lines)) }
    }

    pub(super) fn step(&mut self, byte: u8) -> Fit {
        let over = self.is_over();
        match &mut self.phase {
            Phase::Open(at) => {
                if SEARCH.as_bytes().get(*at) != Some(&byte) {
                    return Fit::Refused;
                }
                *at += 1;
                if *at == SEARCH.len() {
                    self.phase = Phase::Search(Search::new(&self.file));
                }
                Fit::Fits
            }
            Phase::Search(search) => match search.step(&self.file, byte) {
                Ok(Some((at, count))) => {
                    self.phase = Phase::Replace { at, count, lines: Lines::default() };
                    Fit::Fits
                }
                Ok(None) => Fit::Fits,
                Err(fit) => fit,
            },
            Phase::Replace { at, count, lines } => {
                let fit = step_replacement(lines, byte);
                if lines.current() == REPLACE.as_bytes() {
                    let block = Block { at: *at, count: *count, lines: std::mem::take(lines).into_done() };
                    self.close(block);
                }
                fit
            }
            Phase::Closed if byte == b'\n' && !over => {
                self.phase = Phase::Open(0);
                Fit::Fits
            }
            Phase::Closed => Fit::Refused,
        }
    }

    fn close(&mut self, block: Block) {
        let mut file = Vec::clone(&self.file);
        file.splice(block.at..block.at + block.count, block.lines.iter().cloned());
        self.file = Arc::new(file);
        Arc::make_mut(&mut self.done).push(block);
        self.phase = Phase::Closed;
    }

    pub(super) fn may_end(&self) -> bool {
        matches!(self.phase, Phase::Closed) || matches!(self.phase, Phase::Open(0)) && !self.done.is_empty()
    }

    pub(super) fn is_over(&self) -> bool {
        // Nothing is left to search for once everything is deleted.
        let nothing = || self.file.iter().all(|line| line.trim().is_empty());
        matches!(self.phase, Phase::Closed) && (self.done.len() >= MOST_BLOCKS || nothing())
    }

    pub(super) fn finish(self) -> Written {
        let (file, done) = (Arc::unwrap_or_clone(self.file), Arc::unwrap_or_clone(self.done));
        Written::Changed { lines: file, blocks: done }
    }
}

impl Search {
    fn new(file: &[String]) -> Self {
        let starts = (0..file.len()).filter(|at| !file[*at].trim().is_empty()).collect();
        Self { starts, depth: 0, at: 0, divider: None, place: None }
    }

    /// Takes a byte. The place and the number of lines once the divider is whole.
    fn step(&mut self, file: &[String], byte: u8) -> Result<Option<(usize, usize)>, Fit> {
        let divider = self.divider.filter(|at| DIVIDER.as_bytes().get(*at) == Some(&byte)).map(|at| at + 1);
        if divider == Some(DIVIDER.len()) {
            return Ok(self.place.map(|place| (place, self.depth)));
        }
        let fits = |start: &usize| {
            let Some(line) = file.get(start + self.depth) else { return false };
            if byte == b'\n' { line.len() == self.at } else { line.as_bytes().get(self.at) == Some(&byte) }
        };
        let starts: Vec<usize> = self.starts.iter().copied().filter(fits).collect();
        if starts.is_empty() && divider.is_none() {
            return Err(Fit::Refused);
        }
        self.divider = divider;
        self.starts = starts;
        self.at += 1;
        if byte == b'\n' {
            self.end_line();
            if self.depth > MOST_LINES {
                return Err(Fit::TooLong);
            }
        }
        Ok(None)
    }

    fn end_line(&mut self) {
        self.depth += 1;
        self.at = 0;
        self.place = if let [only] = self.starts[..] { Some(only) } else { None };
        self.divider = self.place.map(|_| 0);
    }
}

/// A byte of the lines that are put in: neither a mark nor without end.
fn step_replacement(lines: &mut Lines, byte: u8) -> Fit {
    if byte == b'\n' {
        // A line that only begins like the closing mark is none, and must not be taken for one later.
        if lines.current().starts_with(b">>>>>>>") {
            return Fit::Refused;
        }
        let fit = lines.end();
        return if lines.count() > MOST_LINES { Fit::TooLong } else { fit };
    }
    let fit = lines.step(byte);
    let line = lines.current();
    if line.starts_with(b">>>>>>>") && !REPLACE.as_bytes().starts_with(line) {
        return Fit::Refused;
    }
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let rest = &line[blanks..];
    let closing = line.starts_with(b">>>>>>>");
    let marked = !closing && MARKS.iter().any(|mark| rest.starts_with(mark.as_bytes()));
    if marked || blanks > DEEPEST { Fit::Refused } else { fit }
}
