//! A pilot for models that are too small to find their own way.
//!
//! A small model fails at calling tools and at choosing files, but it can change a file it is shown. So the pilot does
//! the rest: from the conversation so far it finds the next step, and asks the model only for the one thing it can do.
//! It is a function of the messages, so a session can be left, resumed and replayed like any other; the calls it makes
//! are ordinary calls, visible like any other.

mod advice;
mod answer;
mod attempts;
mod change;
mod doubts;
mod excerpt;
mod files;
mod imports;
mod job;
mod languages;
mod plan;
mod prompts;
mod quotes;
mod rank;
mod report;
mod route;
mod story;
mod words;

use serde_json::Value;

use super::embedded::wire::{End, Prompt, Turn};
use super::{Reply, Request, Stop};
use crate::domain::ToolCall;
use crate::provider::calls::CallIds;

pub use job::Job;

/// How much a model can take in and put out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tokens of files and task in a prompt.
    pub prompt: usize,
    /// Tokens of an answer.
    pub answer: usize,
}

impl Limits {
    /// What lets a model begin to answer within seconds on a machine with so many cores, in a context of this size.
    pub fn of(cores: usize, context: usize) -> Self {
        let answer = (context / 3).clamp(400, 2_000);
        let room = context.saturating_sub(answer + 500);
        Self { prompt: (700 * cores).clamp(1_400, 6_000).min(room), answer }
    }
}

/// What comes next.
#[derive(Clone, Debug)]
pub enum Next {
    /// This answer, for which no model is needed.
    Reply(Box<Reply>),
    /// The model has to write something first.
    Write(Box<Job>),
}

/// What became of what the model wrote.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The answer.
    Reply(Box<Reply>),
    /// It was no good; the model is asked once more, otherwise. In a few words, why.
    Again(Box<Job>, String),
}

/// What a model wrote for a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The text behind the opening.
    pub text: String,
    /// How it ended.
    pub end: End,
}

/// Finds the next step of a conversation.
pub fn next(request: &Request, limits: Limits) -> Next {
    route::next(request, limits)
}

/// What prompts begin with for an agent with this system prompt; worth reading before a task is there.
pub fn beginning(system: &str) -> Vec<Turn> {
    prompts::fixed(prompts::Manner::Whole, system)
}

/// An answer with calls; the ids are new ones.
fn calls(request: &Request, text: String, calls: Vec<(&str, Value)>) -> Box<Reply> {
    let mut ids = CallIds::of(request);
    let calls: Vec<ToolCall> = calls
        .into_iter()
        .map(|(name, input)| ToolCall { call: ids.fresh(), name: name.to_owned(), input, invalid: None })
        .collect();
    let stop = if calls.is_empty() { Stop::End } else { Stop::Calls };
    Box::new(Reply { text, calls, stop, complete: true, ..Reply::default() })
}

/// An answer in words.
fn says(text: String) -> Box<Reply> {
    Box::new(Reply { text, complete: true, ..Reply::default() })
}

impl Job {
    /// What the model is asked.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// What is being done, in a few words for the screen.
    pub fn doing(&self) -> &str {
        &self.doing
    }

    /// Whether what the model writes is for the user's eyes while it comes.
    pub fn shows_text(&self) -> bool {
        self.is_words()
    }
}

#[cfg(test)]
mod tests;
