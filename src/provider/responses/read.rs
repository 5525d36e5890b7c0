//! An answer as Responses stream it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::{Thinking, Usage};
use crate::provider::calls::{CallIds, PartialCall, settle};
use crate::provider::errors;
use crate::provider::sse::SseEvent;
use crate::provider::wire::{Reader, Reading, StreamError};
use crate::provider::{Chunk, Reply, Request, Stop};

/// An item of the output.
#[derive(Debug)]
enum Item {
    Message(String),
    Reasoning {
        text: String,
        /// The item as a whole, for the way back.
        whole: Option<Value>,
    },
    Call(PartialCall),
    /// Something the provider ran itself, or a tool of its own that nobody here offers.
    Provider,
}

/// Reads the events of one response.
#[derive(Debug)]
pub(in crate::provider) struct ResponsesReader {
    ids: CallIds,
    items: BTreeMap<u64, Item>,
    refusal: String,
    usage: Usage,
    model: Option<String>,
    status: Option<String>,
    reason: Option<String>,
    ended: bool,
    garbled: bool,
    error: Option<StreamError>,
}

impl ResponsesReader {
    pub(in crate::provider) fn new(request: &Request) -> Self {
        Self {
            ids: CallIds::of(request),
            items: BTreeMap::new(),
            refusal: String::new(),
            usage: Usage { cached_in_input: true, ..Usage::default() },
            model: None,
            status: None,
            reason: None,
            ended: false,
            garbled: false,
            error: None,
        }
    }

    /// The response as a whole, as the first and the last events carry it.
    fn response(&mut self, response: &Value) {
        if let Some(model) = response["model"].as_str() {
            self.model = Some(model.to_owned());
        }
        let usage = &response["usage"];
        let details = &usage["input_tokens_details"];
        for (field, count) in [
            (&mut self.usage.input_tokens, &usage["input_tokens"]),
            (&mut self.usage.output_tokens, &usage["output_tokens"]),
            (&mut self.usage.cache_read_tokens, &details["cached_tokens"]),
            (&mut self.usage.cache_write_tokens, &details["cache_write_tokens"]),
        ] {
            *field = count.as_u64().unwrap_or(*field);
        }
        self.usage.cost_usd = usage["cost"].as_f64().or(self.usage.cost_usd);
    }

    /// The end of the response, in any of its three forms.
    fn end(&mut self, response: &Value, status: &str, chunks: &mut Vec<Chunk>) {
        self.response(response);
        self.status = Some(response["status"].as_str().unwrap_or(status).to_owned());
        self.reason = response["incomplete_details"]["reason"].as_str().map(str::to_owned);
        if !response["error"].is_null() {
            self.error = Some(errors::in_stream(&response["error"]));
        } else if status == "failed" {
            self.error = Some(errors::in_stream(&Value::from("the provider failed without a word")));
        }
        self.ended = status != "failed";
        // A server that streams nothing but the end has everything in the whole.
        if self.items.is_empty() {
            for (index, item) in (0..).zip(response["output"].as_array().into_iter().flatten()) {
                self.done(index, item, chunks);
                self.words(index, item, chunks);
            }
        }
    }

    fn added(&mut self, index: u64, item: &Value, chunks: &mut Vec<Chunk>) {
        let item = match item["type"].as_str().unwrap_or_default() {
            "message" => Item::Message(String::new()),
            "reasoning" => Item::Reasoning { text: String::new(), whole: None },
            "function_call" => {
                let name = item["name"].as_str().unwrap_or_default().to_owned();
                chunks.push(Chunk::Call { name: name.clone() });
                let id = item["call_id"].as_str().or(item["id"].as_str()).map(str::to_owned);
                let raw = item["arguments"].as_str().unwrap_or_default().to_owned();
                Item::Call(PartialCall { id, name, raw, ended: false })
            }
            _ => Item::Provider,
        };
        self.items.insert(index, item);
    }

    fn done(&mut self, index: u64, item: &Value, chunks: &mut Vec<Chunk>) {
        if !self.items.contains_key(&index) {
            self.added(index, item, chunks);
        }
        match self.items.get_mut(&index) {
            Some(Item::Reasoning { text, whole }) => {
                if text.is_empty() {
                    let parts = ["summary", "content"].iter().flat_map(|key| item[*key].as_array()).flatten();
                    let words: String = parts.filter_map(|part| part["text"].as_str()).collect();
                    text.push_str(&told(&words, Chunk::Thinking, chunks));
                }
                // Without the encrypted part the provider would look for it in a memory it was told not to keep.
                *whole = item["encrypted_content"].is_string().then(|| item.clone());
            }
            Some(Item::Call(call)) => {
                if let Some(arguments) = item["arguments"].as_str() {
                    arguments.clone_into(&mut call.raw);
                }
                call.ended = item["status"] != "incomplete";
            }
            _ => {}
        }
    }

    /// The words of a message that was not streamed.
    fn words(&mut self, index: u64, item: &Value, chunks: &mut Vec<Chunk>) {
        let Some(Item::Message(text)) = self.items.get_mut(&index) else { return };
        for part in item["content"].as_array().into_iter().flatten() {
            text.push_str(&told(part["text"].as_str().unwrap_or_default(), Chunk::Text, chunks));
            self.refusal.push_str(part["refusal"].as_str().unwrap_or_default());
        }
    }

    fn delta(&mut self, kind: &str, index: u64, data: &Value, chunks: &mut Vec<Chunk>) {
        let delta = data["delta"].as_str().unwrap_or_default();
        match kind {
            "response.output_text.delta" => {
                let item = self.items.entry(index).or_insert_with(|| Item::Message(String::new()));
                if let Item::Message(text) = item {
                    text.push_str(&told(delta, Chunk::Text, chunks));
                }
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                let begun = || Item::Reasoning { text: String::new(), whole: None };
                if let Item::Reasoning { text, .. } = self.items.entry(index).or_insert_with(begun) {
                    text.push_str(&told(delta, Chunk::Thinking, chunks));
                }
            }
            "response.function_call_arguments.delta" => {
                if let Some(Item::Call(call)) = self.items.get_mut(&index) {
                    call.raw.push_str(delta);
                }
            }
            "response.function_call_arguments.done" => {
                if let (Some(Item::Call(call)), Some(whole)) = (self.items.get_mut(&index), data["arguments"].as_str())
                {
                    whole.clone_into(&mut call.raw);
                }
            }
            "response.refusal.delta" => self.refusal.push_str(delta),
            _ => {}
        }
    }

    fn settled(&mut self) -> Reply {
        let mut reply = Reply {
            usage: self.usage,
            complete: self.ended,
            model: self.model.take(),
            refusal: Some(std::mem::take(&mut self.refusal)).filter(|words| !words.is_empty()),
            stop_word: self.status.take(),
            ..Reply::default()
        };
        let mut calls = Vec::new();
        for item in std::mem::take(&mut self.items).into_values() {
            match item {
                Item::Message(text) => reply.text.push_str(&text),
                Item::Reasoning { text, whole } if !text.is_empty() || whole.is_some() => {
                    reply.thinking.push(Thinking {
                        text,
                        item: whole.as_ref().and_then(|item| item["id"].as_str()).map(str::to_owned),
                        redacted: whole.map(|item| item.to_string()),
                        wire: Some("responses".into()),
                        after_text: reply.text.len(),
                        after_calls: calls.len(),
                        ..Thinking::default()
                    });
                }
                Item::Call(call) => calls.push(call),
                Item::Reasoning { .. } | Item::Provider => {}
            }
        }
        reply.stop = match (reply.stop_word.as_deref(), self.reason.take()) {
            (Some("incomplete"), Some(reason)) if reason == "max_output_tokens" => Stop::Length,
            (Some("incomplete"), Some(reason)) if reason == "content_filter" => Stop::Refused,
            (Some("incomplete"), reason) => Stop::Other(reason.unwrap_or_else(|| "incomplete".to_owned())),
            _ if !calls.is_empty() => Stop::Calls,
            _ if reply.refusal.is_some() => Stop::Refused,
            _ => Stop::End,
        };
        let cut = !reply.complete || reply.stop_word.as_deref() == Some("incomplete");
        reply.calls = settle(calls, &mut self.ids, cut);
        reply
    }
}

impl Reader for ResponsesReader {
    fn event(&mut self, event: &SseEvent, chunks: &mut Vec<Chunk>) {
        let Ok(data) = serde_json::from_str::<Value>(&event.data) else {
            self.garbled |= event.data.trim() != "[DONE]";
            return;
        };
        let index = data["output_index"].as_u64().unwrap_or(0);
        let kind = data["type"].as_str().or(event.event.as_deref()).unwrap_or_default();
        match kind {
            "response.created" | "response.in_progress" | "response.queued" => self.response(&data["response"]),
            "response.completed" | "response.done" => self.end(&data["response"], "completed", chunks),
            "response.incomplete" => self.end(&data["response"], "incomplete", chunks),
            "response.failed" => self.end(&data["response"], "failed", chunks),
            "response.output_item.added" => self.added(index, &data["item"], chunks),
            "response.output_item.done" => self.done(index, &data["item"], chunks),
            "error" => {
                let error = if data["error"].is_object() { &data["error"] } else { &data };
                self.error = Some(errors::in_stream(error));
            }
            _ if data["error"].is_object() => self.error = Some(errors::in_stream(&data["error"])),
            _ => self.delta(kind, index, &data, chunks),
        }
    }

    fn document(&mut self, document: &Value, chunks: &mut Vec<Chunk>) {
        let status = document["status"].as_str();
        if status.is_some() || !document["error"].is_null() {
            self.end(document, status.unwrap_or("failed"), chunks);
        }
    }

    fn finish(&mut self, _: &mut Vec<Chunk>) -> Reading {
        let garbled = self.garbled && self.ended;
        let error = self.error.take().or_else(|| garbled.then(StreamError::garbled));
        Reading { reply: self.settled(), error }
    }
}

fn told(piece: &str, chunk: fn(String) -> Chunk, chunks: &mut Vec<Chunk>) -> String {
    if !piece.is_empty() {
        chunks.push(chunk(piece.to_owned()));
    }
    piece.to_owned()
}
