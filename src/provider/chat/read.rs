//! An answer as chat completions stream it.

use serde_json::Value;

use super::deltas::CallDeltas;
use super::reasoning::Details;
use crate::domain::{Thinking, Usage};
use crate::provider::calls::{CallIds, in_text, may_be_call, settle};
use crate::provider::errors;
use crate::provider::sse::SseEvent;
use crate::provider::wire::{Reader, Reading, StreamError};
use crate::provider::{Chunk, Reply, Request, Stop};

/// Reads the chunks of one completion.
#[derive(Debug)]
pub(in crate::provider) struct ChatReader {
    ids: CallIds,
    /// Set where the model may write its call as text: text is held back while it still looks like one.
    watched: Option<Request>,
    told: usize,
    text: String,
    reasoning: String,
    details: Details,
    refusal: String,
    calls: CallDeltas,
    usage: Usage,
    model: Option<String>,
    stop_word: Option<String>,
    done: bool,
    garbled: bool,
    error: Option<StreamError>,
}

impl ChatReader {
    pub(in crate::provider) fn new(request: &Request, quirks: &crate::provider::quirks::Quirks) -> Self {
        let watched = (quirks.calls_in_text && !request.tools.is_empty()).then(|| request.clone());
        Self {
            ids: CallIds::of(request),
            watched,
            told: 0,
            text: String::new(),
            reasoning: String::new(),
            details: Details::default(),
            refusal: String::new(),
            calls: CallDeltas::default(),
            usage: Usage { cached_in_input: true, ..Usage::default() },
            model: None,
            stop_word: None,
            done: false,
            garbled: false,
            error: None,
        }
    }

    fn completion(&mut self, data: &Value, chunks: &mut Vec<Chunk>) {
        if let Some(model) = data["model"].as_str().filter(|model| !model.is_empty()) {
            self.model = Some(model.to_owned());
        }
        if !data["error"].is_null() {
            self.error = Some(errors::in_stream(&data["error"]));
        }
        // Only the first choice was asked for.
        let choices = data["choices"].as_array().into_iter().flatten();
        for choice in choices.filter(|choice| choice["index"].as_u64().unwrap_or(0) == 0) {
            let delta = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
            self.delta(delta, chunks);
            if let Some(word) = choice["finish_reason"].as_str().filter(|word| !word.is_empty()) {
                self.stop_word = Some(word.to_owned());
            }
            self.usage(&choice["usage"]);
        }
        self.usage(&data["usage"]);
    }

    fn delta(&mut self, delta: &Value, chunks: &mut Vec<Chunk>) {
        let details = self.details.push(&delta["reasoning_details"]);
        let plain = ["reasoning_content", "reasoning"].iter().find_map(|key| delta[*key].as_str());
        self.think(plain.filter(|text| !text.is_empty()).unwrap_or(&details), chunks);
        match &delta["content"] {
            Value::String(text) => self.say(text, chunks),
            Value::Array(parts) => parts.iter().for_each(|part| self.part(part, chunks)),
            _ => {}
        }
        self.refusal.push_str(delta["refusal"].as_str().unwrap_or_default());
        for piece in delta["tool_calls"].as_array().into_iter().flatten() {
            chunks.extend(self.calls.push(piece).map(|name| Chunk::Call { name }));
        }
        if delta["function_call"].is_object() {
            chunks.extend(self.calls.push(&delta["function_call"]).map(|name| Chunk::Call { name }));
        }
    }

    /// A part of a content that comes as a list.
    fn part(&mut self, part: &Value, chunks: &mut Vec<Chunk>) {
        match part["type"].as_str().unwrap_or_default() {
            "thinking" => match &part["thinking"] {
                Value::String(text) => self.think(text, chunks),
                pieces => {
                    for piece in pieces.as_array().into_iter().flatten() {
                        self.think(piece["text"].as_str().unwrap_or_default(), chunks);
                    }
                }
            },
            "reasoning" => {
                let summaries = part["summary"].as_array().into_iter().flatten();
                let text: String = summaries.filter_map(|summary| summary["text"].as_str()).collect();
                self.think(&text, chunks);
            }
            "refusal" => self.refusal.push_str(part["refusal"].as_str().unwrap_or_default()),
            _ => self.say(part["text"].as_str().unwrap_or_default(), chunks),
        }
    }

    fn think(&mut self, text: &str, chunks: &mut Vec<Chunk>) {
        if !text.is_empty() {
            self.reasoning.push_str(text);
            chunks.push(Chunk::Thinking(text.to_owned()));
        }
    }

    fn say(&mut self, text: &str, chunks: &mut Vec<Chunk>) {
        self.text.push_str(text);
        if self.watched.is_none() || !may_be_call(&self.text) {
            self.tell(chunks);
        }
    }

    /// Tells the text that was not told yet.
    fn tell(&mut self, chunks: &mut Vec<Chunk>) {
        if self.told < self.text.len() {
            chunks.push(Chunk::Text(self.text[self.told..].to_owned()));
            self.told = self.text.len();
        }
    }

    fn usage(&mut self, usage: &Value) {
        let count = |names: &[&str]| {
            names.iter().find_map(|name| usage.pointer(&format!("/{}", name.replace('.', "/")))?.as_u64())
        };
        for (field, names) in [
            (&mut self.usage.input_tokens, &["prompt_tokens", "input_tokens"][..]),
            (&mut self.usage.output_tokens, &["completion_tokens", "output_tokens"]),
            (
                &mut self.usage.cache_read_tokens,
                &["prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"],
            ),
            (
                &mut self.usage.cache_write_tokens,
                &["prompt_tokens_details.cache_write_tokens", "cache_creation_input_tokens"],
            ),
        ] {
            *field = count(names).unwrap_or(*field);
        }
        self.usage.cost_usd = usage["cost"].as_f64().or(self.usage.cost_usd);
    }

    fn settled(&mut self, chunks: &mut Vec<Chunk>) -> Reply {
        let mut calls = self.calls.take();
        if calls.is_empty()
            && let Some(written) = self.watched.as_ref().and_then(|request| in_text(&self.text, request))
        {
            chunks.extend(written.iter().map(|call| Chunk::Call { name: call.name.clone() }));
            calls = written;
            self.text.clear();
        }
        self.tell(chunks);
        let details = self.details.take();
        let thought = !self.reasoning.is_empty() || details.is_some();
        let thinking = thought.then(|| Thinking {
            text: std::mem::take(&mut self.reasoning),
            redacted: details,
            wire: Some("chat".into()),
            ..Thinking::default()
        });
        let refusal = Some(std::mem::take(&mut self.refusal)).filter(|words| !words.is_empty());
        // A reason to stop ends the answer, although some servers then leave out the `[DONE]`.
        let complete = self.done || self.stop_word.is_some();
        let stop = self.stop_word.as_deref().map_or(Stop::End, stop);
        let cut = !complete || stop == Stop::Length;
        let calls = settle(calls, &mut self.ids, cut);
        let stop = match stop {
            // Servers disagree on the word when calls were made, and not all have one for a refusal.
            Stop::End if !calls.is_empty() => Stop::Calls,
            Stop::End if refusal.is_some() && self.text.is_empty() => Stop::Refused,
            other => other,
        };
        Reply {
            text: std::mem::take(&mut self.text),
            thinking: thinking.into_iter().collect(),
            calls,
            refusal,
            stop,
            stop_word: self.stop_word.take(),
            usage: self.usage,
            complete,
            model: self.model.take(),
        }
    }
}

impl Reader for ChatReader {
    fn event(&mut self, event: &SseEvent, chunks: &mut Vec<Chunk>) {
        if event.data.trim() == "[DONE]" {
            self.done = true;
            return;
        }
        match serde_json::from_str::<Value>(&event.data) {
            Ok(data) if event.event.as_deref() == Some("error") && data["error"].is_null() => {
                self.error = Some(errors::in_stream(&data));
            }
            Ok(data) => self.completion(&data, chunks),
            Err(_) => self.garbled |= !event.data.trim().is_empty(),
        }
    }

    fn document(&mut self, document: &Value, chunks: &mut Vec<Chunk>) {
        self.completion(document, chunks);
    }

    fn finish(&mut self, chunks: &mut Vec<Chunk>) -> Reading {
        let reply = self.settled(chunks);
        let garbled = self.garbled && reply.complete;
        let error = self.error.take().or_else(|| garbled.then(StreamError::garbled));
        Reading { reply, error }
    }
}

fn stop(word: &str) -> Stop {
    match word {
        "stop" | "eos" | "end_turn" | "stop_sequence" => Stop::End,
        "tool_calls" | "function_call" | "tool_use" => Stop::Calls,
        "length" | "max_tokens" | "model_length" => Stop::Length,
        "content_filter" | "refusal" | "safety" | "SAFETY" | "RECITATION" => Stop::Refused,
        other => Stop::Other(other.to_owned()),
    }
}
