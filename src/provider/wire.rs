//! What a wire has to know: how to write a request and how to read an answer.

use serde::Deserialize;
use serde_json::Value;

use super::quirks::Quirks;
use super::sse::SseEvent;
use super::{Chunk, ErrorKind, Reply, Request, anthropic, chat, gemini, ollama, responses};

/// A language that providers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's chat completions and everything that imitates them.
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Google's Gemini.
    Gemini,
    /// Ollama's own.
    Ollama,
}

/// A request as it goes out, without the part that differs by provider (address, key).
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// What comes after the base address.
    pub path: String,
    /// Headers beside the key's.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Value,
}

/// What a stream came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The answer as far as it came.
    pub reply: Reply,
    /// The error the stream told, if any.
    pub error: Option<StreamError>,
}

/// An error told inside a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// What kind.
    pub kind: ErrorKind,
    /// The provider's own words.
    pub message: String,
    /// Asking again may help.
    pub passing: bool,
}

impl StreamError {
    /// An event in the midst of an otherwise whole answer could not be read: what it held is lost.
    pub(super) fn garbled() -> Self {
        let message = "an event of the answer is no JSON; part of the answer is lost".to_owned();
        Self { kind: ErrorKind::Protocol, message, passing: true }
    }
}

/// Reads one answer.
pub(super) trait Reader: Send {
    /// Takes an event of the stream.
    fn event(&mut self, event: &SseEvent, chunks: &mut Vec<Chunk>);

    /// Takes a whole answer that came as one JSON document although a stream was asked for.
    fn document(&mut self, document: &Value, chunks: &mut Vec<Chunk>);

    /// Ends the answer.
    fn finish(&mut self, chunks: &mut Vec<Chunk>) -> Reading;
}

impl Wire {
    /// Every wire.
    pub const ALL: [Self; 5] = [Self::Anthropic, Self::Responses, Self::Chat, Self::Gemini, Self::Ollama];

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }

    /// The wire with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wire| wire.name() == name)
    }

    /// Writes a request for a model with this context window.
    pub(super) fn outgoing(self, request: &Request, quirks: &Quirks, context: u64) -> Outgoing {
        match self {
            Self::Anthropic => anthropic::outgoing(request),
            Self::Chat => chat::outgoing(request, quirks),
            Self::Responses => responses::outgoing(request),
            Self::Gemini => gemini::outgoing(request),
            Self::Ollama => ollama::outgoing(request, context),
        }
    }

    pub(super) fn reader(self, request: &Request, quirks: &Quirks) -> Box<dyn Reader> {
        match self {
            Self::Anthropic => Box::new(anthropic::MessagesReader::new(request)),
            Self::Chat => Box::new(chat::ChatReader::new(request, quirks)),
            Self::Responses => Box::new(responses::ResponsesReader::new(request)),
            Self::Gemini => Box::new(gemini::GeminiReader::new(request)),
            Self::Ollama => Box::new(ollama::OllamaReader::new(request, quirks)),
        }
    }

    /// The wire an event belongs to, where it shows that. Some gateways answer in another wire than they were asked.
    pub(super) fn of_event(event: &SseEvent) -> Option<Self> {
        let data: Value = serde_json::from_str(&event.data).ok()?;
        match data["type"].as_str() {
            Some("message_start") => Some(Self::Anthropic),
            Some(kind) if kind.starts_with("response.") => Some(Self::Responses),
            _ if data["choices"].is_array() => Some(Self::Chat),
            _ if data["candidates"].is_array() => Some(Self::Gemini),
            _ => None,
        }
    }
}
