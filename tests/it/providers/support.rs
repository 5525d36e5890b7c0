//! A registry that talks to the test server, and what an ask brought.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tenon::config::Settings;
use tenon::domain::{Message, ToolSpec};
use tenon::provider::{Chunk, Patience, ProviderError, Registry, Reply, Request};
use tokio::sync::mpsc;

/// Waits short enough for a test.
pub fn impatient() -> Patience {
    Patience {
        tries: 4,
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_secs(2),
        connect: Duration::from_secs(5),
        idle: Duration::from_millis(400),
    }
}

pub fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Both wires at this address, with a key each.
pub fn registry(url: &str) -> Registry {
    let environment = environment(&[
        ("ANTHROPIC_BASE_URL", url),
        ("ANTHROPIC_API_KEY", "sk-ant-secret-1234"),
        ("OPENAI_BASE_URL", url),
        ("OPENAI_API_KEY", "sk-secret-5678"),
        ("OLLAMA_HOST", url),
    ]);
    Registry::new(&Settings::default(), &environment).with_patience(impatient())
}

pub fn request() -> Request {
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let tool = ToolSpec { name: "read".into(), description: "Reads a file.".into(), input_schema: schema };
    Request {
        model: String::new(),
        system: "Be brief.".into(),
        messages: vec![Message::User { text: "hello".into() }],
        tools: vec![tool],
        max_tokens: 1_000,
        temperature: None,
    }
}

/// Asks a model by name and returns the answer with all that was told on the way.
pub async fn ask(registry: &Registry, model: &str) -> (Result<Reply, ProviderError>, Vec<Chunk>) {
    ask_with(registry, model, request()).await
}

/// The same with a request of one's own; its model is the one named.
pub async fn ask_with(
    registry: &Registry,
    model: &str,
    request: Request,
) -> (Result<Reply, ProviderError>, Vec<Chunk>) {
    let resolved = registry.resolve(model).unwrap();
    let (sender, mut receiver) = mpsc::channel(10_000);
    let request = Request { model: resolved.model.clone(), ..request };
    let reply = resolved.provider.ask(request, sender).await;
    let mut chunks = Vec::new();
    while let Some(chunk) = receiver.recv().await {
        chunks.push(chunk);
    }
    (reply, chunks)
}

/// The text that was told, after the last restart.
pub fn text(chunks: &[Chunk]) -> String {
    let from = chunks.iter().rposition(|chunk| *chunk == Chunk::Restarted).map_or(0, |at| at + 1);
    chunks[from..].iter().filter_map(|c| if let Chunk::Text(text) = c { Some(text.as_str()) } else { None }).collect()
}

pub fn waits(chunks: &[Chunk]) -> Vec<&str> {
    chunks.iter().filter_map(|c| if let Chunk::Waiting(words) = c { Some(words.as_str()) } else { None }).collect()
}
