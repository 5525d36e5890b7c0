//! An answer as Messages streams it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::{Thinking, Usage};
use crate::provider::calls::{CallIds, PartialCall, settle};
use crate::provider::errors;
use crate::provider::sse::SseEvent;
use crate::provider::wire::{Reader, Reading, StreamError};
use crate::provider::{Chunk, Reply, Request, Stop};

/// A content block; text and numbers come in pieces.
#[derive(Debug)]
enum Block {
    Text(String),
    Thinking {
        text: String,
        signature: String,
    },
    Redacted(String),
    Call(PartialCall),
    /// Something the provider did or says about itself: tools it ran, their results, its own compaction.
    Provider,
}

/// Reads the events of one message.
#[derive(Debug)]
pub(in crate::provider) struct MessagesReader {
    ids: CallIds,
    blocks: BTreeMap<u64, Block>,
    usage: Usage,
    model: Option<String>,
    stop_word: Option<String>,
    refusal: Option<String>,
    ended: bool,
    garbled: bool,
    error: Option<StreamError>,
}

impl MessagesReader {
    pub(in crate::provider) fn new(request: &Request) -> Self {
        Self {
            ids: CallIds::of(request),
            blocks: BTreeMap::new(),
            usage: Usage::default(),
            model: None,
            stop_word: None,
            refusal: None,
            ended: false,
            garbled: false,
            error: None,
        }
    }

    fn message(&mut self, message: &Value) {
        self.model = message["model"].as_str().map(str::to_owned).or(self.model.take());
        self.usage(&message["usage"]);
        self.stop(message);
    }

    fn stop(&mut self, delta: &Value) {
        if let Some(word) = delta["stop_reason"].as_str() {
            self.stop_word = Some(word.to_owned());
        }
        if let Some(words) = delta["stop_details"]["explanation"].as_str() {
            self.refusal = Some(words.to_owned());
        }
    }

    fn usage(&mut self, usage: &Value) {
        for (key, field) in [
            ("input_tokens", &mut self.usage.input_tokens),
            ("output_tokens", &mut self.usage.output_tokens),
            ("cache_read_input_tokens", &mut self.usage.cache_read_tokens),
            ("cache_creation_input_tokens", &mut self.usage.cache_write_tokens),
        ] {
            *field = usage[key].as_u64().unwrap_or(*field);
        }
    }

    fn start(&mut self, index: u64, block: &Value, chunks: &mut Vec<Chunk>) {
        let text = |key: &str| block[key].as_str().unwrap_or_default().to_owned();
        let block = match block["type"].as_str().unwrap_or_default() {
            "text" => Block::Text(told(text("text"), Chunk::Text, chunks)),
            "thinking" => {
                Block::Thinking { text: told(text("thinking"), Chunk::Thinking, chunks), signature: text("signature") }
            }
            "redacted_thinking" => Block::Redacted(text("data")),
            "tool_use" => {
                chunks.push(Chunk::Call { name: text("name") });
                let given = block["input"].as_object().filter(|input| !input.is_empty());
                let raw = given.map(|_| block["input"].to_string()).unwrap_or_default();
                let id = block["id"].as_str().map(str::to_owned);
                Block::Call(PartialCall { id, name: text("name"), raw, ended: false })
            }
            _ => Block::Provider,
        };
        self.blocks.insert(index, block);
    }

    fn delta(&mut self, index: u64, delta: &Value, chunks: &mut Vec<Chunk>) {
        let piece = |key: &str| delta[key].as_str().unwrap_or_default().to_owned();
        match (self.blocks.get_mut(&index), delta["type"].as_str().unwrap_or_default()) {
            (Some(Block::Text(text)), "text_delta") => text.push_str(&told(piece("text"), Chunk::Text, chunks)),
            (Some(Block::Thinking { text, .. }), "thinking_delta") => {
                text.push_str(&told(piece("thinking"), Chunk::Thinking, chunks));
            }
            (Some(Block::Thinking { signature, .. }), "signature_delta") => signature.push_str(&piece("signature")),
            (Some(Block::Call(call)), "input_json_delta") => call.raw.push_str(&piece("partial_json")),
            // A gateway may forget to announce a block of text.
            (None, "text_delta") => {
                self.blocks.insert(index, Block::Text(told(piece("text"), Chunk::Text, chunks)));
            }
            _ => {}
        }
    }

    fn settled(&mut self) -> Reply {
        let mut reply = Reply {
            usage: self.usage,
            complete: self.ended,
            model: self.model.take(),
            refusal: self.refusal.take(),
            stop: self.stop_word.as_deref().map_or(Stop::End, stop),
            stop_word: self.stop_word.take(),
            ..Reply::default()
        };
        let mut calls = Vec::new();
        for block in std::mem::take(&mut self.blocks).into_values() {
            let place = Thinking { after_text: reply.text.len(), after_calls: calls.len(), ..Thinking::default() };
            match block {
                Block::Text(text) => reply.text.push_str(&text),
                Block::Thinking { text, signature } => {
                    let signature = Some(signature).filter(|signature| !signature.is_empty());
                    reply.thinking.push(Thinking { text, signature, wire: Some("anthropic".into()), ..place });
                }
                Block::Redacted(data) => {
                    reply.thinking.push(Thinking { redacted: Some(data), wire: Some("anthropic".into()), ..place });
                }
                Block::Call(call) => calls.push(call),
                Block::Provider => {}
            }
        }
        let cut = !reply.complete || reply.stop == Stop::Length;
        reply.calls = settle(calls, &mut self.ids, cut);
        reply
    }
}

impl Reader for MessagesReader {
    fn event(&mut self, event: &SseEvent, chunks: &mut Vec<Chunk>) {
        let Ok(data) = serde_json::from_str::<Value>(&event.data) else {
            self.garbled |= event.data.trim() != "[DONE]";
            return;
        };
        let index = data["index"].as_u64().unwrap_or(0);
        match data["type"].as_str().unwrap_or_default() {
            "message_start" => self.message(&data["message"]),
            "content_block_start" => self.start(index, &data["content_block"], chunks),
            "content_block_delta" => self.delta(index, &data["delta"], chunks),
            "content_block_stop" => {
                if let Some(Block::Call(call)) = self.blocks.get_mut(&index) {
                    call.ended = true;
                }
            }
            "message_delta" => {
                self.stop(&data["delta"]);
                self.usage(&data["usage"]);
            }
            "message_stop" => self.ended = true,
            "error" => self.error = Some(errors::in_stream(&data["error"])),
            _ if data["error"].is_object() => self.error = Some(errors::in_stream(&data["error"])),
            _ => {}
        }
    }

    fn document(&mut self, document: &Value, chunks: &mut Vec<Chunk>) {
        if !document["error"].is_null() || !document["content"].is_array() {
            self.error = Some(errors::in_stream(&document["error"])).filter(|_| !document["error"].is_null());
            return;
        }
        self.message(document);
        for (index, block) in (0..).zip(document["content"].as_array().into_iter().flatten()) {
            self.start(index, block, chunks);
            if let Some(Block::Call(call)) = self.blocks.get_mut(&index) {
                call.ended = true;
            }
        }
        self.ended = self.stop_word.is_some();
    }

    fn finish(&mut self, _: &mut Vec<Chunk>) -> Reading {
        let garbled = self.garbled && self.ended;
        let error = self.error.take().or_else(|| garbled.then(StreamError::garbled));
        Reading { reply: self.settled(), error }
    }
}

fn told(piece: String, chunk: fn(String) -> Chunk, chunks: &mut Vec<Chunk>) -> String {
    if !piece.is_empty() {
        chunks.push(chunk(piece.clone()));
    }
    piece
}

fn stop(word: &str) -> Stop {
    match word {
        "end_turn" | "stop_sequence" => Stop::End,
        "tool_use" => Stop::Calls,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "refusal" => Stop::Refused,
        other => Stop::Other(other.to_owned()),
    }
}
