//! The wires to language models.
//!
//! A [`Provider`] turns a [`Request`] into a stream of [`Chunk`]s and ends with a [`Reply`]. Dropping the future
//! cancels the request. Nothing here knows sessions, tools or screens.

mod anthropic;
mod calls;
mod chat;
mod client;
mod discover;
pub mod embedded;
mod endpoint;
mod errors;
mod fallback;
pub mod fetch;
mod gemini;
mod hints;
mod http;
mod key;
pub mod keyring;
pub mod offers;
mod ollama;
mod order;
pub mod pilot;
mod preset;
mod quirks;
mod recorded;
mod registry;
mod responses;
mod retry;
pub mod shape;
mod sse;
mod steered;
mod transcript;
mod wire;

use async_trait::async_trait;
use tokio::sync::mpsc;

pub use discover::LocalServer;
pub use errors::error_message;
pub use preset::Price;
pub use registry::{ProviderSummary, Registry, Resolved};
pub use retry::Patience;
pub use sse::{SseEvent, SseReader};
pub use transcript::read_body;
pub use wire::{Reading, StreamError, Wire};

use crate::domain::{Message, Thinking, ToolCall, ToolSpec, Usage};

/// What a model is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The model's name on its wire, without the provider.
    pub model: String,
    /// The system prompt; stable across a session, so that wires with prompt caching can cache it.
    pub system: String,
    /// The conversation; starts with a user message; every call is answered before the next assistant message.
    pub messages: Vec<Message>,
    /// The tools the model may call.
    pub tools: Vec<ToolSpec>,
    /// The most tokens it may write.
    pub max_tokens: u32,
    /// 0 takes the likeliest token each time; the provider's own choice when `None`.
    pub temperature: Option<f32>,
}

/// A piece of an answer while it comes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    /// Text.
    Text(String),
    /// Thinking.
    Thinking(String),
    /// The model began to call a tool.
    Call {
        /// The tool.
        name: String,
    },
    /// Something to wait for, in a few words ("retry 2 of 5 in 4 s: overloaded").
    Waiting(String),
    /// What came so far is void: the stream broke and the request starts again.
    Restarted,
}

/// Why a model stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// It was done.
    #[default]
    End,
    /// It wants the results of its calls.
    Calls,
    /// It reached the limit of tokens; the answer is cut off.
    Length,
    /// It, or the provider, refused to answer (refusal, safety, recitation, content filter).
    Refused,
    /// Another reason, in the wire's own word.
    Other(String),
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// The text.
    pub text: String,
    /// Thinking in order.
    pub thinking: Vec<Thinking>,
    /// Calls in order. A call whose arguments are not whole JSON has `invalid` set.
    pub calls: Vec<ToolCall>,
    /// What the model said instead of an answer, where the wire keeps that apart.
    pub refusal: Option<String>,
    /// Why it stopped.
    pub stop: Stop,
    /// The wire's own word for it.
    pub stop_word: Option<String>,
    /// What the request used. The cost is filled in where the price is known.
    pub usage: Usage,
    /// A terminal event was seen. A stream that just ends is no success.
    pub complete: bool,
    /// The model as the provider names it.
    pub model: Option<String>,
}

/// What went wrong, as far as it matters for what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The key is missing, wrong or not allowed to (401, 403).
    Auth,
    /// The request is not one the provider takes (400, 404, 413, 422).
    Request,
    /// The context window is too small for the request.
    ContextTooLong,
    /// Too many requests or too much load, still so after the retries (429, 529, 503).
    Busy,
    /// The provider failed, still so after the retries (5xx, error in mid-stream).
    Server,
    /// No connection, a broken one, or silence beyond the idle time-out.
    Network,
    /// The answer is not what this wire speaks (HTML, garbage).
    Protocol,
    /// No such provider or model is configured.
    Config,
}

/// An error in the provider's own words, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{provider}: {message}")]
pub struct ProviderError {
    /// Which provider.
    pub provider: String,
    /// What kind.
    pub kind: ErrorKind,
    /// The provider's own message, or ours where it gave none. Never holds a key.
    pub message: String,
    /// What to do next, one sentence each.
    pub hints: Vec<String>,
}

/// A way to a language model.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The provider's name, as in `provider/model`.
    fn name(&self) -> &str;

    /// Tokens that fit into a request together with its answer, for a model of this provider.
    fn context_window(&self, model: &str) -> u64;

    /// Gets a model ready for an agent with this system prompt, in the background: it was chosen and will be asked.
    fn warm(&self, _model: &str, _system: &str) {}

    /// Asks the model. Sends what comes in to `chunks` (a full or closed channel never stops the request) and returns
    /// the whole answer. Retries what is worth retrying by itself. Dropping the future cancels the request.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    async fn ask(&self, request: Request, chunks: mpsc::Sender<Chunk>) -> Result<Reply, ProviderError>;
}
