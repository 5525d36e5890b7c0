//! A small model of a server: the pilot finds the steps, the server's model only writes what has to be written.
//!
//! A model of a few billion parameters reads the tools and the long prompt of an agent for minutes and then calls
//! nothing, or something that is not there. Asked for one edit at a time it does as well as the embedded one; only the
//! grammar is missing, so an answer that does not fit is asked for again, otherwise.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::embedded::machine;
use super::embedded::wire::{End, Prompt, Role};
use super::pilot::{self, Job, Limits, Next, Outcome, Written};
use super::shape::{FENCE, Shape};
use super::{Chunk, ErrorKind, Provider, ProviderError, Reply, Request, Stop};
use crate::domain::{Message, Usage};

/// The largest model that is steered where nobody says otherwise, in billions of parameters.
const LARGEST: f64 = 4.0;
/// Tokens of prompt and answer that the smallest windows of servers hold.
const WINDOW: usize = 4_096;
/// What the engine may think fits: the pilot makes its own prompts, which are much shorter than the conversation.
const CONVERSATION: u64 = 131_072;
/// How often a prompt that turned out too long is made shorter.
const SHORTENINGS: usize = 2;
/// How often is told how far an answer is.
const EVERY: Duration = Duration::from_secs(1);
/// The mark of a block.
const SEARCH: &str = "<<<<<<< SEARCH\n";

/// A provider whose models only write what they are asked for.
pub(super) struct SteeredProvider {
    inner: Arc<dyn Provider>,
}

impl SteeredProvider {
    pub(super) fn around(inner: Arc<dyn Provider>) -> Self {
        Self { inner }
    }
}

/// Whether a model is small by its name (`qwen2.5-coder:1.5b`, `Llama-3.2-3B-Instruct`).
pub(super) fn is_small(model: &str) -> bool {
    let name = model.to_lowercase();
    let name = name.rsplit('/').next().unwrap_or(&name);
    let billions = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').filter_map(|part| {
        let (number, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
        let number: f64 = number.parse().ok()?;
        match unit {
            "b" => Some(number),
            "m" => Some(number / 1_000.0),
            _ => None,
        }
    });
    // Of `30b-a3b` the first counts: that much it knows.
    billions.reduce(f64::max).is_some_and(|size| size <= LARGEST)
}

#[async_trait]
impl Provider for SteeredProvider {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn context_window(&self, _model: &str) -> u64 {
        CONVERSATION
    }

    async fn ask(&self, request: Request, chunks: mpsc::Sender<Chunk>) -> Result<Reply, ProviderError> {
        let mut limits = Limits::of(machine::cores(), WINDOW);
        let mut usage = Usage::default();
        let mut shortened = 0;
        loop {
            match self.steer(&request, limits, &chunks, &mut usage).await {
                Ok(reply) => return Ok(Reply { usage, model: Some(request.model), ..reply }),
                Err(error) if error.kind == ErrorKind::ContextTooLong && shortened < SHORTENINGS => {
                    shortened += 1;
                    limits.prompt /= 2;
                    limits.answer /= 2;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl SteeredProvider {
    /// Carries out the pilot's steps until one needs the rest of the program.
    async fn steer(
        &self,
        request: &Request,
        limits: Limits,
        chunks: &mpsc::Sender<Chunk>,
        usage: &mut Usage,
    ) -> Result<Reply, ProviderError> {
        let mut job = match pilot::next(request, limits) {
            Next::Reply(reply) => return Ok(*reply),
            Next::Write(job) => job,
        };
        loop {
            let reply = self.write(&request.model, &job, chunks).await?;
            usage.cached_in_input = reply.usage.cached_in_input;
            usage.add(&reply.usage);
            let cut = reply.stop == Stop::Length || !reply.complete;
            let end = if cut { End::Limit } else { End::Finished };
            let written = Written { text: behind_opening(job.prompt(), &reply.text, cut), end };
            match job.finish(&written) {
                Outcome::Reply(mut reply) => {
                    if cut && job.shows_text() {
                        reply.stop = Stop::Length;
                    }
                    return Ok(*reply);
                }
                Outcome::Again(next, why) => {
                    let _ = chunks.try_send(Chunk::Waiting(why));
                    job = next;
                }
            }
        }
    }

    /// One answer of the model; words are shown as they come, of everything else only that it comes.
    async fn write(&self, model: &str, job: &Job, chunks: &mpsc::Sender<Chunk>) -> Result<Reply, ProviderError> {
        let (tell, mut pieces) = mpsc::channel(256);
        let doing = job.doing();
        let _ = chunks.try_send(Chunk::Waiting(doing.to_owned()));
        let shown = async {
            let mut count = 0_usize;
            let mut told = Instant::now();
            while let Some(piece) = pieces.recv().await {
                let piece = match piece {
                    Chunk::Text(_) if !job.shows_text() => {
                        count += 1;
                        if told.elapsed() < EVERY {
                            continue;
                        }
                        told = Instant::now();
                        Chunk::Waiting(format!("{count} tokens · {doing}"))
                    }
                    piece => piece,
                };
                let _ = chunks.try_send(piece);
            }
        };
        let (answer, ()) = tokio::join!(self.inner.ask(asked(model, job.prompt()), tell), shown);
        answer
    }
}

/// A prompt of the pilot as a request without tools.
fn asked(model: &str, prompt: &Prompt) -> Request {
    let system = prompt.turns.iter().filter(|turn| turn.role == Role::System).map(|turn| turn.text.as_str());
    let messages = prompt.turns.iter().filter_map(|turn| match turn.role {
        Role::System => None,
        Role::User => Some(Message::User { text: turn.text.clone() }),
        Role::Assistant => Some(Message::Assistant { text: turn.text.clone(), thinking: vec![], calls: vec![] }),
    });
    Request {
        model: model.to_owned(),
        system: system.collect::<Vec<_>>().join("\n"),
        messages: messages.collect(),
        tools: vec![],
        max_tokens: u32::try_from(prompt.most).unwrap_or(u32::MAX),
        temperature: Some(prompt.temperature),
    }
}

/// What the model wrote behind the opening it could not be given, since chat begins each answer anew.
fn behind_opening(prompt: &Prompt, text: &str, cut: bool) -> String {
    let text = without_thoughts(text).replace("\r\n", "\n");
    match &prompt.shape {
        Shape::Text | Shape::OneOf { .. } => text.trim().to_owned(),
        Shape::Path => {
            let word = text.split(['`', '\n', ' ']).find(|word| word.contains('.') && word.len() > 2);
            word.unwrap_or_default().trim_matches(['"', '\'', ',', '.']).to_owned()
        }
        Shape::Blocks { .. } => {
            let from = text.find(SEARCH).map_or(0, |at| at + SEARCH.len());
            let rest = &text[from..];
            let mark = ">>>>>>> REPLACE";
            let end = rest.rfind(mark).map_or(rest.len(), |at| at + mark.len());
            rest[..end].to_owned()
        }
        Shape::File { .. } => {
            let begun = prompt.opening.split_once('\n').map_or("", |(_, begun)| begun);
            let mut file = without_beginning(inside_fence(&text), begun);
            if !cut && !file.lines().any(|line| line == FENCE) {
                file = format!("{}\n{FENCE}", file.trim_end_matches('\n'));
            }
            file
        }
    }
}

/// What stands behind the first fence's line; everything where there is none.
fn inside_fence(text: &str) -> &str {
    let fence = if text.starts_with(FENCE) { Some(0) } else { text.find("\n```").map(|at| at + 1) };
    fence.and_then(|at| text[at..].find('\n').map(|end| &text[at + end + 1..])).unwrap_or(text)
}

/// The lines without those that the answer was to begin with, as far as it wrote them.
fn without_beginning(file: &str, begun: &str) -> String {
    if let Some(rest) = file.strip_prefix(begun) {
        return rest.to_owned();
    }
    // The beginning of a new test: what comes before it is an import that is there.
    if !begun.is_empty() && !begun.ends_with('\n') {
        let at = file.match_indices(begun).find(|(at, _)| *at == 0 || file[..*at].ends_with('\n'));
        return at.map_or(file, |(at, _)| &file[at + begun.len()..]).to_owned();
    }
    let mut rest = file;
    for line in begun.lines() {
        rest = rest.trim_start_matches('\n');
        rest = rest.strip_prefix(line).and_then(|rest| rest.strip_prefix('\n')).unwrap_or(rest);
    }
    rest.to_owned()
}

/// The text without what a reasoning model thinks aloud.
fn without_thoughts(text: &str) -> &str {
    let text = text.trim_start();
    if !text.starts_with("<think>") {
        return text;
    }
    text.split_once("</think>").map_or("", |(_, rest)| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_small_by_their_names() {
        for (name, small) in [
            ("qwen2.5-coder:1.5b", true),
            ("/weights/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", true),
            ("Llama-3.2-3B-Instruct", true),
            ("SmolLM2-135M-Instruct.Q4_1", true),
            ("qwen3-coder:30b-a3b", false),
            ("qwen3-coder-30b-a3b-instruct", false),
            ("gpt-oss-20b", false),
            ("llama3.1:8b", false),
            ("deepseek-chat", false),
            ("o4-mini", false),
        ] {
            assert_eq!(is_small(name), small, "{name}");
        }
    }

    fn prompt(opening: &str, shape: Shape) -> Prompt {
        Prompt { turns: vec![], fixed: 0, opening: opening.to_owned(), shape, most: 100, temperature: 0.0 }
    }

    #[test]
    fn what_stands_around_an_answer_is_taken_off() {
        let file = Shape::File { most_lines: 20 };
        for (opening, text, expected) in [
            ("```python\n", "Here it is:\n```python\nx = 1\n```\nDone.", "x = 1\n```\nDone."),
            ("```python\n", "```python\nx = 1\n", "x = 1\n```"),
            ("```python\n", "<think>\nhm\n</think>\n\n```\nx = 1\n```", "x = 1\n```"),
            ("```go\npackage a\n\n", "```go\npackage a\n\nvar x = 1\n```", "var x = 1\n```"),
            ("```go\n// A.\npackage a\n\n", "```go\n// A.\n\npackage a\nvar x = 1\n```", "var x = 1\n```"),
            ("```go\npackage a\n\n", "```go\nvar x = 1\n```", "var x = 1\n```"),
            ("```python\ndef test_", "```python\nimport a\n\ndef test_b():\n    pass\n```", "b():\n    pass\n```"),
            ("```python\n", "x = 1", "x = 1\n```"),
        ] {
            assert_eq!(behind_opening(&prompt(opening, file.clone()), text, false), expected, "{text}");
        }
        let blocks = Shape::blocks(&["a".to_owned()]).unwrap();
        let said = "Sure:\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```";
        let text = behind_opening(&prompt(SEARCH, blocks.clone()), said, false);
        assert_eq!(text, "a\n=======\nb\n>>>>>>> REPLACE");
        assert!(blocks.read(&text).is_some());
        assert_eq!(behind_opening(&prompt("", Shape::Path), "It is `src/a.py`.", false), "src/a.py");
    }
}
