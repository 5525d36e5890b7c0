//! One model and what it has read so far.

use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::super::wire::{End, Prompt, Timings, Told, Turn};
use super::guess::{self, Guesser};
use super::{Around, Brain};
use crate::provider::shape::{Acceptor, Fit};

/// Tokens that are read at once: a stop waits for no more.
const BATCH: usize = 64;
/// Tokens that are looked at when the likeliest one is not taken for certain.
const CANDIDATES: usize = 40;
/// States of fixed prompts that are kept on disk.
const STATES: usize = 4;
/// A fixed prompt of fewer tokens is read again faster than it is worth keeping.
const WORTH_KEEPING: usize = 48;

pub(super) struct Session<'a> {
    brain: &'a mut dyn Brain,
    around: &'a Around,
    /// The tokens the model's memory holds.
    known: Vec<i32>,
    random: fastrand::Rng,
    /// The place of the last token in the batch that was read last.
    last: usize,
    /// The model's memory can be cut, so that wrong guesses can be taken back.
    guesses: bool,
}

/// Why nothing was written.
enum Stopped {
    Cancelled,
    Failed(String),
}

impl<'a> Session<'a> {
    pub(super) fn new(brain: &'a mut dyn Brain, around: &'a Around) -> Self {
        // Seeded alike each time, so that a run can be repeated.
        let guesses = brain.can_be_cut();
        Self { brain, around, known: Vec::new(), random: fastrand::Rng::with_seed(1), last: 0, guesses }
    }

    /// Reads what every prompt of this kind begins with.
    pub(super) fn warm(&mut self, turns: &[Turn], threads: usize, cancelled: &AtomicU64) {
        self.use_threads(threads);
        let fixed = self.tokens(turns, None);
        let begun = cancelled.load(Ordering::Relaxed);
        let stop = || cancelled.load(Ordering::Relaxed) > begun;
        // What goes wrong here goes wrong again when it matters, and is told then.
        let _ = self.fix(&fixed, &stop, &mut |_, _| true);
    }

    /// Writes an answer and says how it ended.
    pub(super) fn write(
        &mut self,
        id: u64,
        prompt: &Prompt,
        threads: usize,
        cancelled: &AtomicU64,
        tell: &mut dyn FnMut(Told) -> bool,
    ) -> Told {
        let stop = || cancelled.load(Ordering::Relaxed) >= id;
        let mut timings = Timings::default();
        self.use_threads(threads);
        let fixed = self.tokens(&prompt.turns[..prompt.fixed.min(prompt.turns.len())], None);
        let tokens = self.tokens(&prompt.turns, Some(&prompt.opening));
        timings.prompt_tokens = tokens.len();
        let room = self.brain.context().saturating_sub(prompt.most + 8);
        if tokens.len() > room {
            let message = format!("the prompt has {} tokens, {room} fit beside the answer", tokens.len());
            return Told::Failed { id: Some(id), message, too_long: true };
        }
        let begun = Instant::now();
        if tokens.starts_with(&fixed) && self.common(&tokens) < fixed.len() {
            self.restore(&fixed);
        }
        let known = self.common(&tokens);
        timings.known_tokens = known;
        let total = tokens.len() - known;
        let mut progress = |done: usize, _: usize| tell(Told::Reading { id, done: done.min(total), total });
        let read = if tokens.starts_with(&fixed) && known < fixed.len() {
            self.fix(&fixed, &stop, &mut progress).and_then(|()| {
                let so_far = fixed.len() - known;
                self.read(&tokens, &stop, &mut |done, all| progress(so_far + done, all))
            })
        } else {
            self.read(&tokens, &stop, &mut progress)
        };
        timings.reading_ms = millis(begun);
        let end = match read {
            Ok(()) => {
                let begun = Instant::now();
                let end = self.answer(id, prompt, &stop, tell, &mut timings);
                timings.writing_ms = millis(begun);
                end
            }
            Err(stopped) => Err(stopped),
        };
        match end {
            Ok(end) => Told::Done { id, end, timings },
            Err(Stopped::Cancelled) => Told::Done { id, end: End::Cancelled, timings },
            Err(Stopped::Failed(message)) => Told::Failed { id: Some(id), message, too_long: false },
        }
    }

    fn use_threads(&mut self, threads: usize) {
        if !self.brain.threads(threads.max(1)) {
            self.known.clear();
            let _ = self.brain.keep(0);
        }
    }

    fn answer(
        &mut self,
        id: u64,
        prompt: &Prompt,
        stop: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(Told) -> bool,
        timings: &mut Timings,
    ) -> Result<End, Stopped> {
        let mut acceptor = Acceptor::new(&prompt.shape);
        let mut pending = Vec::new();
        let mut guesser = Guesser::default();
        // Tokens that were read along behind the known ones, and how many tokens of the last batch were right.
        let mut guessed: Vec<i32> = Vec::new();
        let mut right = 0;
        let mut behind = self.last;
        loop {
            if stop() {
                return Err(Stopped::Cancelled);
            }
            let Some((token, corrected)) = self.choose(&mut acceptor, behind, prompt.temperature) else {
                return Ok(End::RanOn);
            };
            timings.corrected_tokens += usize::from(corrected);
            if self.brain.ends(token) {
                return Ok(End::Finished);
            }
            timings.written_tokens += 1;
            pending.extend(self.brain.piece(token));
            let text = whole_letters(&mut pending);
            if !text.is_empty() && !tell(Told::Text { id, text }) {
                return Err(Stopped::Cancelled);
            }
            if acceptor.is_over() {
                return Ok(End::Finished);
            }
            if timings.written_tokens >= prompt.most || self.known.len() + guess::MOST + 2 >= self.brain.context() {
                return Ok(End::Limit);
            }
            if guessed.get(right) == Some(&token) {
                self.known.push(token);
                right += 1;
                behind += 1;
                timings.guessed_tokens += 1;
                continue;
            }
            if right < guessed.len() {
                self.brain.keep(self.known.len()).map_err(Stopped::Failed)?;
            }
            guesser.held(right, guessed.len());
            let at = self.known.len();
            self.known.push(token);
            guessed = if self.guesses { guesser.guess(&self.known) } else { Vec::new() };
            let batch: Vec<i32> = std::iter::once(token).chain(guessed.iter().copied()).collect();
            self.brain.read(at, &batch).map_err(Stopped::Failed)?;
            (right, behind) = (0, 0);
        }
    }

    /// The next token, and whether it is another than the model would have taken. `None` when the model runs on.
    fn choose(&mut self, acceptor: &mut Acceptor, behind: usize, temperature: f32) -> Option<(i32, bool)> {
        let logits = self.brain.logits(behind);
        let mut heap: Option<BinaryHeap<Scored>> = None;
        let first = likeliest(logits)?;
        if temperature > 0.0 {
            return self.draw(acceptor, behind, temperature);
        }
        let mut candidate = first;
        loop {
            match self.fit(acceptor, candidate) {
                Fit::Fits => return Some((candidate, candidate != first)),
                Fit::TooLong => return None,
                Fit::Refused => {}
            }
            let heap = heap.get_or_insert_with(|| {
                let mut heap = scored(self.brain.logits(behind));
                heap.pop();
                heap
            });
            candidate = heap.pop()?.token;
        }
    }

    /// Draws one of the likeliest tokens that fit.
    fn draw(&mut self, acceptor: &mut Acceptor, behind: usize, temperature: f32) -> Option<(i32, bool)> {
        let mut heap = scored(self.brain.logits(behind));
        let first = heap.peek()?.token;
        let mut fitting: Vec<Scored> = Vec::new();
        let mut looked_at = 0;
        while let Some(next) = heap.pop() {
            looked_at += 1;
            match self.fit(&mut acceptor.clone(), next.token) {
                Fit::Fits => fitting.push(next),
                Fit::TooLong if fitting.is_empty() => return None,
                _ => {}
            }
            if looked_at >= CANDIDATES && !fitting.is_empty() {
                break;
            }
        }
        let best = fitting.first()?.score;
        let weights: Vec<f32> = fitting.iter().map(|s| ((s.score - best) / temperature).exp()).collect();
        let mut rest = self.random.f32() * weights.iter().sum::<f32>();
        let at = weights.iter().position(|weight| {
            rest -= weight;
            rest <= 0.0
        });
        let token = fitting[at.unwrap_or(0)].token;
        self.fit(acceptor, token);
        Some((token, token != first && !fitting.iter().any(|s| s.token == first)))
    }

    fn fit(&self, acceptor: &mut Acceptor, token: i32) -> Fit {
        if self.brain.ends(token) {
            return if acceptor.may_end() { Fit::Fits } else { Fit::Refused };
        }
        if self.brain.is_control(token) {
            return Fit::Refused;
        }
        acceptor.take(&self.brain.piece(token))
    }

    /// The tokens of a prompt. What stands in turns is text; only what stands around them are control tokens.
    fn tokens(&self, turns: &[Turn], opening: Option<&str>) -> Vec<i32> {
        if let Some(tokens) = self.templated(turns, opening) {
            return tokens;
        }
        let mut tokens = Vec::new();
        for turn in turns {
            tokens.extend(self.brain.tokens("<|im_start|>", true));
            tokens.extend(self.brain.tokens(&format!("{}\n{}", turn.role.name(), turn.text), false));
            tokens.extend(self.brain.tokens("<|im_end|>", true));
            tokens.extend(self.brain.tokens("\n", false));
        }
        if let Some(opening) = opening {
            tokens.extend(self.brain.tokens("<|im_start|>", true));
            tokens.extend(self.brain.tokens(&format!("assistant\n{opening}"), false));
        }
        tokens
    }

    /// The same by the model's own template, where that is not ChatML.
    fn templated(&self, turns: &[Turn], opening: Option<&str>) -> Option<Vec<i32>> {
        const MARK: char = '\u{E000}';
        let places: Vec<String> = (0..turns.len()).map(|index| format!("{MARK}{index}{MARK}")).collect();
        let pairs: Vec<(&str, &str)> =
            turns.iter().map(|turn| turn.role.name()).zip(places.iter().map(String::as_str)).collect();
        let frame = self.brain.template(&pairs)?;
        let mut tokens = Vec::new();
        for (index, part) in frame.split(MARK).enumerate() {
            match part.parse::<usize>().ok().filter(|_| index % 2 == 1).and_then(|place| turns.get(place)) {
                Some(turn) => tokens.extend(self.brain.tokens(&turn.text, false)),
                None => tokens.extend(self.brain.tokens(part, true)),
            }
        }
        tokens.extend(self.brain.tokens(opening.unwrap_or_default(), false));
        Some(tokens)
    }

    /// Tokens at the beginning that are known, short of the last one: its successor is asked for.
    fn common(&self, tokens: &[i32]) -> usize {
        let same = self.known.iter().zip(tokens).take_while(|(known, token)| known == token).count();
        same.min(tokens.len().saturating_sub(1))
    }

    fn read(
        &mut self,
        tokens: &[i32],
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<(), Stopped> {
        let from = self.common(tokens);
        if self.brain.keep(from).is_err() {
            // Some models' memory cannot be cut in the middle.
            self.brain.keep(0).map_err(Stopped::Failed)?;
            self.known.clear();
        }
        self.known.truncate(from);
        let begun = self.known.len();
        while self.known.len() < tokens.len() {
            let at = self.known.len();
            if stop() || !progress(at - begun, tokens.len() - begun) {
                return Err(Stopped::Cancelled);
            }
            let batch = &tokens[at..tokens.len().min(at + BATCH)];
            self.brain.read(at, batch).map_err(Stopped::Failed)?;
            self.last = batch.len() - 1;
            self.known.extend(batch);
        }
        Ok(())
    }

    /// Reads a fixed beginning, from disk where it was kept, and keeps it there otherwise.
    fn fix(
        &mut self,
        fixed: &[i32],
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<(), Stopped> {
        if self.known.starts_with(fixed) || self.restore(fixed) {
            return Ok(());
        }
        self.read(fixed, stop, progress)?;
        if fixed.len() >= WORTH_KEEPING
            && let Some(path) = self.state_file(fixed)
        {
            let _ = self.store(&path, fixed);
        }
        Ok(())
    }

    fn store(&self, path: &Path, fixed: &[i32]) -> Result<(), String> {
        let folder = path.parent().ok_or("no folder")?;
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let unfinished = folder.join(format!("unfinished-{}", std::process::id()));
        self.brain.save(&unfinished, fixed)?;
        std::fs::rename(&unfinished, path).map_err(|error| error.to_string())?;
        forget_old(folder);
        Ok(())
    }

    fn restore(&mut self, fixed: &[i32]) -> bool {
        let Some(path) = self.state_file(fixed).filter(|path| path.is_file()) else { return false };
        if self.brain.keep(0).is_err() {
            return false;
        }
        self.known.clear();
        match self.brain.restore(&path) {
            Some(tokens) if tokens == fixed => {
                self.known = tokens;
                true
            }
            _ => {
                let _ = std::fs::remove_file(&path);
                let _ = self.brain.keep(0);
                false
            }
        }
    }

    fn state_file(&self, fixed: &[i32]) -> Option<PathBuf> {
        use sha2::{Digest as _, Sha256};
        let mut hash = Sha256::new();
        hash.update(self.around.fingerprint.as_bytes());
        hash.update(env!("CARGO_PKG_VERSION").as_bytes());
        fixed.iter().for_each(|token| hash.update(token.to_le_bytes()));
        let name: String = hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Some(self.around.states.as_ref()?.join(format!("{name}.state")))
    }
}

/// Keeps the states that were written last.
fn forget_old(folder: &Path) {
    let Ok(entries) = folder.read_dir() else { return };
    let mut states: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "state"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    states.sort();
    for (_, path) in states.iter().rev().skip(STATES) {
        let _ = std::fs::remove_file(path);
    }
}

/// A token by how likely it is.
struct Scored {
    score: f32,
    token: i32,
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scored {}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then(other.token.cmp(&self.token))
    }
}

fn scored(logits: &[f32]) -> BinaryHeap<Scored> {
    let all: Vec<Scored> = (0..).zip(logits).map(|(token, score)| Scored { score: *score, token }).collect();
    BinaryHeap::from(all)
}

fn likeliest(logits: &[f32]) -> Option<i32> {
    (0..).zip(logits).max_by(|(a, x), (b, y)| x.total_cmp(y).then(i32::cmp(b, a))).map(|(token, _)| token)
}

/// Takes the letters that are whole off the bytes; those of a letter that is half-way stay.
fn whole_letters(bytes: &mut Vec<u8>) -> String {
    let end = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => bytes.len(),
    };
    String::from_utf8_lossy(&bytes.drain(..end).collect::<Vec<u8>>()).into_owned()
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
