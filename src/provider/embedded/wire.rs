//! What the program and its engine say to each other: one JSON line each.

use serde::{Deserialize, Serialize};

use crate::provider::shape::Shape;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The instructions.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// Its name in chat templates.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// A part of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who says it.
    pub role: Role,
    /// What is said. Never read as control tokens, whatever it holds.
    pub text: String,
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// What was said, ending with the user.
    pub turns: Vec<Turn>,
    /// How many turns at the beginning are the same in every prompt of this kind; worth keeping on disk.
    pub fixed: usize,
    /// How the answer begins; the model goes on from here.
    pub opening: String,
    /// What the rest of the answer must look like.
    pub shape: Shape,
    /// The most tokens of the answer.
    pub most: usize,
    /// 0 takes the likeliest token each time.
    pub temperature: f32,
}

/// What the engine is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Write an answer.
    Write {
        /// The number by which its events are known.
        id: u64,
        /// What.
        prompt: Prompt,
        /// How many threads.
        threads: usize,
    },
    /// Read the fixed part of a prompt, so that an answer begins sooner.
    Warm {
        /// Only the fixed part counts.
        turns: Vec<Turn>,
        /// How many threads.
        threads: usize,
    },
    /// Stop writing this answer.
    Cancel {
        /// Its number.
        id: u64,
    },
}

/// What the engine tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Told {
    /// The weights are being loaded.
    Loading {
        /// How much of them, from 0 to 1.
        part: f32,
    },
    /// They are.
    Loaded {
        /// The model as its file names it.
        model: String,
        /// Tokens that fit into prompt and answer together.
        context: usize,
        /// How long it took.
        ms: u64,
    },
    /// The prompt is being read.
    Reading {
        /// Which answer's.
        id: u64,
        /// Tokens read, without those that were known already.
        done: usize,
        /// Tokens to read.
        total: usize,
    },
    /// A piece of the answer.
    Text {
        /// Which answer's.
        id: u64,
        /// The piece.
        text: String,
    },
    /// The answer is over.
    Done {
        /// Which.
        id: u64,
        /// How.
        end: End,
        /// What it took.
        timings: Timings,
    },
    /// The answer cannot be written, or, without a number, nothing can.
    Failed {
        /// Which.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// Why.
        message: String,
        /// The prompt is too long for the context window.
        #[serde(default)]
        too_long: bool,
    },
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The model was done, or nothing could follow.
    Finished,
    /// The limit of tokens was reached.
    Limit,
    /// The model ran on: against a limit of the shape, or in circles.
    RanOn,
    /// It was told to stop.
    Cancelled,
}

/// What an answer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Those of them that were known from before.
    pub known_tokens: usize,
    /// Tokens written.
    pub written_tokens: usize,
    /// Tokens written that were not the model's first choice, because that did not fit.
    pub corrected_tokens: usize,
    /// Tokens written that had been guessed from the text before them.
    pub guessed_tokens: usize,
    /// Milliseconds of reading.
    pub reading_ms: u64,
    /// Milliseconds of writing.
    pub writing_ms: u64,
}

impl Timings {
    /// Tokens written in a second.
    pub fn tokens_per_second(&self) -> f64 {
        rate(self.written_tokens, self.writing_ms)
    }
}

/// Tokens in a second.
pub fn rate(tokens: usize, ms: u64) -> f64 {
    if ms == 0 { 0.0 } else { tokens as f64 * 1000.0 / ms as f64 }
}
