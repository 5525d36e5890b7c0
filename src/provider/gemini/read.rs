//! An answer as Gemini streams it.

use serde_json::{Map, Value};

use super::partial;
use crate::domain::{CallId, Thinking, Usage};
use crate::provider::calls::{CallIds, PartialCall, settle};
use crate::provider::errors;
use crate::provider::sse::SseEvent;
use crate::provider::wire::{Reader, Reading, StreamError};
use crate::provider::{Chunk, Reply, Request, Stop};

/// Reads the pieces of one answer.
#[derive(Debug)]
pub(in crate::provider) struct GeminiReader {
    ids: CallIds,
    text: String,
    thinking: Vec<Thinking>,
    calls: Vec<PartialCall>,
    /// The arguments of the last call while they come path by path.
    open: Option<Value>,
    /// Signatures given for calls, by the call's place.
    signed: Vec<(usize, Thinking)>,
    usage: Usage,
    model: Option<String>,
    stop_word: Option<String>,
    refusal: Option<String>,
    blocked: bool,
    garbled: bool,
    error: Option<StreamError>,
}

impl GeminiReader {
    pub(in crate::provider) fn new(request: &Request) -> Self {
        Self {
            ids: CallIds::of(request),
            text: String::new(),
            thinking: Vec::new(),
            calls: Vec::new(),
            open: None,
            signed: Vec::new(),
            usage: Usage { cached_in_input: true, ..Usage::default() },
            model: None,
            stop_word: None,
            refusal: None,
            blocked: false,
            garbled: false,
            error: None,
        }
    }

    fn piece(&mut self, data: &Value, chunks: &mut Vec<Chunk>) {
        if !data["error"].is_null() {
            self.error = Some(errors::in_stream(&data["error"]));
        }
        if let Some(model) = data["modelVersion"].as_str() {
            self.model = Some(model.to_owned());
        }
        let candidates = data["candidates"].as_array().into_iter().flatten();
        for candidate in candidates.filter(|candidate| candidate["index"].as_u64().unwrap_or(0) == 0) {
            for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
                self.part(part, chunks);
            }
            if let Some(word) = candidate["finishReason"].as_str() {
                self.stop_word = Some(word.to_owned());
                let words = candidate["finishMessage"].as_str().filter(|_| refuses(word));
                self.refusal = words.map(str::to_owned).or(self.refusal.take());
            }
        }
        if let Some(reason) = data["promptFeedback"]["blockReason"].as_str() {
            self.blocked = true;
            let words = data["promptFeedback"]["blockReasonMessage"].as_str();
            self.refusal = Some(words.map_or_else(|| format!("the prompt was blocked: {reason}"), str::to_owned));
        }
        self.usage(&data["usageMetadata"]);
    }

    fn usage(&mut self, usage: &Value) {
        for (field, key) in [
            (&mut self.usage.input_tokens, "promptTokenCount"),
            (&mut self.usage.output_tokens, "candidatesTokenCount"),
            (&mut self.usage.thinking_tokens, "thoughtsTokenCount"),
            (&mut self.usage.cache_read_tokens, "cachedContentTokenCount"),
        ] {
            *field = usage[key].as_u64().unwrap_or(*field);
        }
    }

    fn part(&mut self, part: &Value, chunks: &mut Vec<Chunk>) {
        let signature = part["thoughtSignature"].as_str().filter(|signature| !signature.is_empty());
        let text = part["text"].as_str().unwrap_or_default();
        if part["functionCall"].is_object() {
            self.call(&part["functionCall"], signature, chunks);
        } else if part["thought"] == true {
            self.think(text, signature, chunks);
        } else {
            if let Some(signature) = signature {
                self.sign_text(signature);
            }
            if !text.is_empty() {
                self.text.push_str(text);
                chunks.push(Chunk::Text(text.to_owned()));
            }
        }
    }

    fn think(&mut self, text: &str, signature: Option<&str>, chunks: &mut Vec<Chunk>) {
        if !text.is_empty() {
            chunks.push(Chunk::Thinking(text.to_owned()));
        }
        let (after_text, after_calls) = (self.text.len(), self.calls.len());
        let last = self.thinking.last_mut().filter(|last| {
            last.signature.is_none() && last.after_text == after_text && last.after_calls == after_calls
        });
        match last {
            Some(last) => {
                last.text.push_str(text);
                last.signature = signature.map(str::to_owned);
            }
            None => self.thinking.push(Thinking {
                text: text.to_owned(),
                signature: signature.map(str::to_owned),
                wire: Some("gemini".into()),
                after_text,
                after_calls,
                ..Thinking::default()
            }),
        }
    }

    /// A signature given for a text belongs to the text that follows its place.
    fn sign_text(&mut self, signature: &str) {
        self.thinking.push(Thinking {
            signature: Some(signature.to_owned()),
            wire: Some("gemini".into()),
            item: Some("text".into()),
            after_text: self.text.len(),
            after_calls: self.calls.len(),
            ..Thinking::default()
        });
    }

    fn call(&mut self, call: &Value, signature: Option<&str>, chunks: &mut Vec<Chunk>) {
        if let Some(name) = call["name"].as_str().filter(|name| !name.is_empty()) {
            self.close();
            chunks.push(Chunk::Call { name: name.to_owned() });
            let id = call["id"].as_str().map(str::to_owned);
            let place = Thinking {
                signature: signature.map(str::to_owned),
                wire: Some("gemini".into()),
                after_text: self.text.len(),
                after_calls: self.calls.len(),
                ..Thinking::default()
            };
            self.signed.extend(signature.map(|_| (self.calls.len(), place)));
            self.calls.push(PartialCall { id, name: name.to_owned(), ..PartialCall::default() });
            self.open = Some(Value::Object(Map::new()));
        }
        let Some(open) = &mut self.open else { return };
        if call["args"].is_object() {
            *open = call["args"].clone();
        }
        for piece in call["partialArgs"].as_array().into_iter().flatten() {
            partial::put(open, piece);
        }
        if call["willContinue"] != true {
            self.close();
        }
    }

    /// Nothing more comes for the last call.
    fn close(&mut self) {
        if let (Some(open), Some(call)) = (self.open.take(), self.calls.last_mut()) {
            call.raw = open.to_string();
            call.ended = true;
        }
    }

    fn settled(&mut self) -> Reply {
        let complete = self.stop_word.is_some();
        let stop = match self.stop_word.as_deref() {
            _ if self.blocked => Stop::Refused,
            Some("STOP") if !self.calls.is_empty() => Stop::Calls,
            Some("STOP") | None => Stop::End,
            Some("MAX_TOKENS") => Stop::Length,
            Some(word) if refuses(word) => Stop::Refused,
            Some(word) => Stop::Other(word.to_owned()),
        };
        if self.open.is_some() && stop == Stop::Calls {
            // The last piece of a call does not always say that it is the last.
            self.close();
        }
        let calls = settle(std::mem::take(&mut self.calls), &mut self.ids, !complete || stop == Stop::Length);
        let mut thinking = std::mem::take(&mut self.thinking);
        thinking.extend(std::mem::take(&mut self.signed).into_iter().map(|(index, thought)| {
            let id: Option<&CallId> = calls.get(index).map(|call| &call.call);
            Thinking { item: id.map(|id| id.as_str().to_owned()), ..thought }
        }));
        thinking.sort_by_key(|thought| (thought.after_text, thought.after_calls));
        Reply {
            text: std::mem::take(&mut self.text),
            thinking,
            calls,
            refusal: self.refusal.take(),
            stop,
            stop_word: self.stop_word.take(),
            usage: self.usage,
            // A blocked prompt is answered by that alone.
            complete: complete || self.blocked,
            model: self.model.take(),
        }
    }
}

impl Reader for GeminiReader {
    fn event(&mut self, event: &SseEvent, chunks: &mut Vec<Chunk>) {
        match serde_json::from_str::<Value>(&event.data) {
            Ok(data) => self.piece(&data, chunks),
            Err(_) => self.garbled |= event.data.trim() != "[DONE]",
        }
    }

    fn document(&mut self, document: &Value, chunks: &mut Vec<Chunk>) {
        match document {
            // Without `alt=sse` the pieces come as one list.
            Value::Array(pieces) => pieces.iter().for_each(|piece| self.piece(piece, chunks)),
            piece => self.piece(piece, chunks),
        }
    }

    fn finish(&mut self, _: &mut Vec<Chunk>) -> Reading {
        let garbled = self.garbled && self.stop_word.is_some();
        let error = self.error.take().or_else(|| garbled.then(StreamError::garbled));
        Reading { reply: self.settled(), error }
    }
}

fn refuses(word: &str) -> bool {
    matches!(word, "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE" | "IMAGE_SAFETY")
}
