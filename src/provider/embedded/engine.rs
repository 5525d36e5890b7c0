//! The engine's side: reads orders, lets a model write, tells how it goes. Runs in a process of its own.
//!
//! One thread owns the model; another listens, so that an answer stops within a token and the process ends as soon
//! as nobody listens any more.

pub mod guess;
mod session;

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use super::wire::{Order, Told};
use session::Session;

/// A model that is loaded.
pub trait Brain {
    /// Cuts a text into tokens. Control tokens are read as such only where `control` says so.
    fn tokens(&self, text: &str, control: bool) -> Vec<i32>;
    /// The bytes of a token.
    fn piece(&self, token: i32) -> Vec<u8>;
    /// Whether the token ends an answer.
    fn ends(&self, token: i32) -> bool;
    /// Whether the token steers instead of standing for text.
    fn is_control(&self, token: i32) -> bool;
    /// Tokens that fit into prompt and answer.
    fn context(&self) -> usize;
    /// What stands around turns, with `role` and `text` for what is put in; `None` where ChatML holds.
    fn template(&self, turns: &[(&str, &str)]) -> Option<String>;
    /// Whether what it knows can be cut anywhere; some models only know all or nothing.
    fn can_be_cut(&self) -> bool;
    /// Forgets everything behind the first tokens.
    ///
    /// # Errors
    /// The model's memory cannot be cut there.
    fn keep(&mut self, tokens: usize) -> Result<(), String>;
    /// Reads tokens behind the first `from`.
    ///
    /// # Errors
    /// The computation failed.
    fn read(&mut self, from: usize, tokens: &[i32]) -> Result<(), String>;
    /// How likely each token is behind one of those that were read last.
    fn logits(&self, behind: usize) -> &[f32];
    /// Uses so many threads from now on. False when it forgot what it knew over that.
    fn threads(&mut self, count: usize) -> bool;
    /// Writes what it knows of these tokens to a file.
    ///
    /// # Errors
    /// It could not be written.
    fn save(&self, path: &Path, tokens: &[i32]) -> Result<(), String>;
    /// Reads a file written by `save`, and gives its tokens.
    fn restore(&mut self, path: &Path) -> Option<Vec<i32>>;
}

/// What the owner of the model knows of its surroundings.
pub struct Around {
    /// Where the state of fixed prompts is kept; none is kept without it.
    pub states: Option<PathBuf>,
    /// Distinguishes states of different weights.
    pub fingerprint: String,
}

/// Listens to orders on another thread. `gone` is called when nobody can give any more.
pub fn listen(
    input: impl BufRead + Send + 'static,
    gone: impl FnOnce() + Send + 'static,
) -> (mpsc::Receiver<Order>, Arc<AtomicU64>) {
    let (sender, orders) = mpsc::sync_channel(16);
    // Answers are numbered upwards: all up to this one are to stop.
    let cancelled = Arc::new(AtomicU64::new(0));
    let stop = Arc::clone(&cancelled);
    std::thread::spawn(move || {
        for line in input.lines() {
            let Ok(line) = line else { break };
            match serde_json::from_str(&line) {
                Ok(Order::Cancel { id }) => {
                    stop.fetch_max(id, Ordering::Relaxed);
                }
                Ok(order) => {
                    if sender.send(order).is_err() {
                        break;
                    }
                }
                Err(_) => {}
            }
        }
        stop.store(u64::MAX, Ordering::Relaxed);
        gone();
    });
    (orders, cancelled)
}

/// Carries out orders until there are no more.
pub fn serve(
    brain: &mut dyn Brain,
    orders: &mpsc::Receiver<Order>,
    cancelled: &AtomicU64,
    around: &Around,
    out: &mut dyn Write,
) {
    let mut session = Session::new(brain, around);
    while let Ok(order) = orders.recv() {
        let told = match order {
            Order::Write { id, prompt, threads } => {
                let mut tell = |told: Told| say(out, &told);
                Some(session.write(id, &prompt, threads, cancelled, &mut tell))
            }
            Order::Warm { turns, threads } => {
                session.warm(&turns, threads, cancelled);
                None
            }
            Order::Cancel { .. } => None,
        };
        if told.is_some_and(|told| !say(out, &told)) {
            break;
        }
    }
}

/// Writes one line; false when nobody reads it.
pub fn say(out: &mut dyn Write, told: &Told) -> bool {
    let Ok(mut line) = serde_json::to_vec(told) else { return false };
    line.push(b'\n');
    out.write_all(&line).and_then(|()| out.flush()).is_ok()
}

#[cfg(test)]
mod tests;
