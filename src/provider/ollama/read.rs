//! An answer as Ollama streams it: one JSON object a line.

use serde_json::{Value, json};

use crate::provider::chat::ChatReader;
use crate::provider::quirks::Quirks;
use crate::provider::sse::SseEvent;
use crate::provider::wire::{Reader, Reading};
use crate::provider::{Chunk, Request};

/// Reads the lines of one answer by telling them as the chunks of a chat completion, which they are but for names.
#[derive(Debug)]
pub(in crate::provider) struct OllamaReader {
    inner: ChatReader,
}

impl OllamaReader {
    pub(in crate::provider) fn new(request: &Request, quirks: &Quirks) -> Self {
        Self { inner: ChatReader::new(request, quirks) }
    }
}

impl Reader for OllamaReader {
    fn event(&mut self, event: &SseEvent, chunks: &mut Vec<Chunk>) {
        let line = serde_json::from_str::<Value>(&event.data);
        let data = line.map_or_else(|_| event.data.clone(), |line| as_chunk(&line).to_string());
        self.inner.event(&SseEvent { event: None, data }, chunks);
    }

    fn document(&mut self, document: &Value, chunks: &mut Vec<Chunk>) {
        self.inner.document(&as_chunk(document), chunks);
    }

    fn finish(&mut self, chunks: &mut Vec<Chunk>) -> Reading {
        self.inner.finish(chunks)
    }
}

fn as_chunk(line: &Value) -> Value {
    if !line["message"].is_object() && line["done"].is_null() && line["error"].is_null() {
        // A line about something else, such as the progress of a download.
        return json!({});
    }
    let message = &line["message"];
    let calls: Vec<Value> = message["tool_calls"].as_array().into_iter().flatten().map(as_call).collect();
    // Only a last line without a reason comes from a server too old to give one.
    let stop = match (&line["done_reason"], line["done"] == true) {
        (Value::String(word), true) => json!(word),
        (_, true) => json!("stop"),
        _ => Value::Null,
    };
    json!({
        "model": line["model"],
        "error": line["error"],
        "choices": [{
            "delta": {"content": message["content"], "reasoning": message["thinking"], "tool_calls": calls},
            "finish_reason": stop,
        }],
        "usage": {"prompt_tokens": line["prompt_eval_count"], "completion_tokens": line["eval_count"]},
    })
}

/// Each call comes whole; its place, where it has one, stands with the function.
fn as_call(call: &Value) -> Value {
    let function = &call["function"];
    json!({"id": call["id"], "function": {"name": function["name"], "arguments": function["arguments"]}})
}
