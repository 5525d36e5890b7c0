//! The provider in front of the engine: the pilot finds the steps, the engine writes what has to be written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::host::{Answer, Host, HostError, Progress};
use super::machine;
use super::weights::{self, NAME, WeightsError};
use super::wire::{End, rate};
use crate::domain::Usage;
use crate::provider::pilot::{self, Job, Limits, Next, Outcome, Written};
use crate::provider::{Chunk, ErrorKind, Provider, ProviderError, Reply, Request, Stop};

/// What the engine may think fits: the pilot makes its own prompts, which are much shorter than the conversation.
const WINDOW: u64 = 131_072;
/// How often a prompt that turned out too long is made shorter.
const SHORTENINGS: usize = 3;

/// Models on this machine, by the files of their weights.
#[derive(Clone)]
pub struct EmbeddedProvider {
    host: Arc<Host>,
    cache: PathBuf,
}

impl EmbeddedProvider {
    /// Models whose weights lie below this cache folder, or anywhere by path.
    pub fn new(host: Arc<Host>, cache: &Path) -> Self {
        Self { host, cache: cache.to_owned() }
    }

    /// Carries out the pilot's steps until one needs the rest of the program.
    async fn steer(
        &self,
        weights: &Path,
        request: &Request,
        limits: Limits,
        show: &mut Shown<'_>,
    ) -> Result<Reply, HostError> {
        let mut job = match pilot::next(request, limits) {
            Next::Reply(reply) => return Ok(*reply),
            Next::Write(job) => job,
        };
        loop {
            show.begin(&job);
            let answer =
                self.host.write(weights, job.prompt().clone(), &mut |progress| show.progress(progress)).await?;
            show.end(&answer);
            let cut = answer.end == End::Limit && job.shows_text();
            let written = Written { text: answer.text, end: answer.end };
            match job.finish(&written) {
                Outcome::Reply(mut reply) => {
                    if cut {
                        reply.stop = Stop::Length;
                    }
                    return Ok(*reply);
                }
                Outcome::Again(next, why) => {
                    show.say(why);
                    job = next;
                }
            }
        }
    }
}

#[async_trait]
impl Provider for EmbeddedProvider {
    fn name(&self) -> &str {
        NAME
    }

    fn context_window(&self, _model: &str) -> u64 {
        WINDOW
    }

    fn warm(&self, model: &str, system: &str) {
        let Ok(weights) = weights::path_of(model, &self.cache) else { return };
        let (host, turns) = (Arc::clone(&self.host), pilot::beginning(system));
        if tokio::runtime::Handle::try_current().is_ok() {
            tokio::spawn(async move {
                // What is wrong shows with the first request, to the one who asks.
                let _ = host.warm(&weights, turns).await;
            });
        }
    }

    async fn ask(&self, request: Request, chunks: mpsc::Sender<Chunk>) -> Result<Reply, ProviderError> {
        let weights =
            weights::path_of(&request.model, &self.cache).map_err(|error| no_weights(&request.model, &error))?;
        let mut limits = Limits::of(machine::cores(), machine::context());
        let mut show = Shown::new(&chunks);
        for shortened in 0.. {
            match self.steer(&weights, &request, limits, &mut show).await {
                Ok(reply) => return Ok(Reply { usage: show.usage, model: Some(request.model), ..reply }),
                Err(HostError::Failed { too_long: true, .. }) if shortened < SHORTENINGS => limits.prompt /= 2,
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(HostError::Ended(String::new())))
    }
}

/// What the user sees while the model works.
struct Shown<'a> {
    chunks: &'a mpsc::Sender<Chunk>,
    doing: String,
    words: bool,
    usage: Usage,
    pieces: usize,
    begun: Instant,
    last: Option<Instant>,
}

impl<'a> Shown<'a> {
    fn new(chunks: &'a mpsc::Sender<Chunk>) -> Self {
        let usage = Usage { cost_usd: Some(0.0), cached_in_input: true, ..Usage::default() };
        Self { chunks, doing: String::new(), words: false, usage, pieces: 0, begun: Instant::now(), last: None }
    }

    fn begin(&mut self, job: &Job) {
        job.doing().clone_into(&mut self.doing);
        self.words = job.shows_text();
        self.pieces = 0;
        self.last = None;
    }

    fn say(&mut self, what: String) {
        let _ = self.chunks.try_send(Chunk::Waiting(what));
    }

    /// Often enough to be alive, not so often that it is work.
    fn due(&mut self) -> bool {
        let now = Instant::now();
        let due = self.last.is_none_or(|last| now.duration_since(last).as_millis() >= 1_000);
        if due {
            self.last = Some(now);
        }
        due
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Queued => self.say("the model is busy with another task".to_owned()),
            Progress::Loading(part) if part < 1.0 && !self.due() => {}
            Progress::Loading(part) => self.say(format!("loading the model, {:.0} %", part * 100.0)),
            Progress::Reading(_, 0) => {}
            Progress::Reading(done, _) if done > 0 && !self.due() => {}
            Progress::Reading(done, total) => self.say(format!("reading {done}/{total} tokens · {}", self.doing)),
            Progress::Text(text) => {
                if self.pieces == 0 {
                    self.begun = Instant::now();
                }
                self.pieces += 1;
                if self.words {
                    let _ = self.chunks.try_send(Chunk::Text(text));
                } else if self.due() {
                    let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                    let rate = rate(self.pieces - 1, ms);
                    self.say(format!("{} tokens, {rate:.0}/s · {}", self.pieces, self.doing));
                }
            }
        }
    }

    fn end(&mut self, answer: &Answer) {
        let timings = &answer.timings;
        self.usage.input_tokens += timings.prompt_tokens as u64;
        self.usage.cache_read_tokens += timings.known_tokens as u64;
        self.usage.output_tokens += timings.written_tokens as u64;
        self.say(format!(
            "read {} tokens ({} known) in {:.1} s, wrote {} at {:.0}/s · {}",
            timings.prompt_tokens,
            timings.known_tokens,
            timings.reading_ms as f64 / 1000.0,
            timings.written_tokens,
            timings.tokens_per_second(),
            self.doing
        ));
    }
}

/// The error for weights that cannot be loaded.
pub(in crate::provider) fn no_weights(model: &str, error: &WeightsError) -> ProviderError {
    let hints = match error {
        WeightsError::NotInstalled { .. } | WeightsError::Incomplete { .. } => {
            vec![format!("`tenon models pull {model}` fetches them.")]
        }
        WeightsError::NoFile(_) | WeightsError::NoGguf(_) => {
            vec!["Name a GGUF file by its path: `embedded//path/to/model.gguf`.".to_owned()]
        }
        WeightsError::Unknown(_) => {
            let names: Vec<&str> = weights::KNOWN.iter().map(|model| model.name).collect();
            vec![format!(
                "There are {}; any GGUF file works by its path: `embedded//path/to/model.gguf`.",
                names.join(", ")
            )]
        }
    };
    ProviderError { provider: NAME.to_owned(), kind: ErrorKind::Config, message: error.to_string(), hints }
}

fn failed(error: HostError) -> ProviderError {
    let (kind, hint) = match &error {
        HostError::Failed { too_long: true, .. } => {
            (ErrorKind::ContextTooLong, "Name the file and the function, so that less has to be read.")
        }
        HostError::Memory { .. } => (ErrorKind::Config, "Close other programs, or choose a smaller model."),
        HostError::Ended(_) => (ErrorKind::Server, "Say it again: the model is loaded anew."),
        HostError::Start(_) | HostError::Failed { .. } => (ErrorKind::Server, "`tenon doctor` says what is missing."),
    };
    ProviderError { provider: NAME.to_owned(), kind, message: error.to_string(), hints: vec![hint.to_owned()] }
}
