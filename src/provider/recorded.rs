//! A recorded session in the place of a model: its answers are given again, in order.

use std::path::PathBuf;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Chunk, ErrorKind, Provider, ProviderError, Reply, Request, Stop};
use crate::domain::{Event, Message, Record, ToolCall, Usage};

/// The name in front of the slash.
const NAME: &str = "recorded";
/// What is said after the last recorded answer.
const OVER: &str = "The recording ends here.";
/// How much text comes at once.
const PIECE: usize = 24;

/// Answers with what a journal says was answered.
///
/// Which answer is next follows from how many the conversation holds already, so that a session can be left and
/// taken up again.
#[derive(Debug)]
pub(super) struct RecordedProvider {
    path: PathBuf,
}

impl RecordedProvider {
    pub(super) fn new(path: &str) -> Self {
        Self { path: PathBuf::from(path) }
    }

    async fn replies(&self) -> Result<Vec<Reply>, ProviderError> {
        let text = tokio::fs::read_to_string(&self.path).await.map_err(|error| self.error(error.to_string()))?;
        let mut events = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let record: Record = serde_json::from_str(line)
                .map_err(|error| self.error(format!("line {number} is no record of a journal: {error}")))?;
            events.push(record.event);
        }
        let replies = replies(events);
        if replies.is_empty() { Err(self.error("it holds no answer".to_owned())) } else { Ok(replies) }
    }

    fn error(&self, message: String) -> ProviderError {
        ProviderError {
            provider: NAME.to_owned(),
            kind: ErrorKind::Config,
            message: format!("{}: {message}", self.path.display()),
            hints: vec!["Name the journal of a session: `recorded/PATH`.".to_owned()],
        }
    }
}

#[async_trait]
impl Provider for RecordedProvider {
    fn name(&self) -> &str {
        NAME
    }

    fn context_window(&self, _model: &str) -> u64 {
        200_000
    }

    async fn ask(&self, request: Request, chunks: mpsc::Sender<Chunk>) -> Result<Reply, ProviderError> {
        let given = request.messages.iter().filter(|message| matches!(message, Message::Assistant { .. })).count();
        let over = || Reply { text: OVER.to_owned(), complete: true, ..Reply::default() };
        let mut reply = self.replies().await?.into_iter().nth(given).unwrap_or_else(over);
        reply.usage.cost_usd = Some(0.0);
        for thought in &reply.thinking {
            let _ = chunks.try_send(Chunk::Thinking(thought.text.clone()));
        }
        let letters: Vec<char> = reply.text.chars().collect();
        for piece in letters.chunks(PIECE) {
            let _ = chunks.try_send(Chunk::Text(piece.iter().collect()));
            // Lets the screen draw in between, as it would with a real stream.
            tokio::task::yield_now().await;
        }
        for call in &reply.calls {
            let _ = chunks.try_send(Chunk::Call { name: call.name.clone() });
        }
        Ok(reply)
    }
}

/// The whole answers of a session. Broken ones were asked for again, and the next one stands in their place.
fn replies(events: Vec<Event>) -> Vec<Reply> {
    let mut replies: Vec<Reply> = Vec::new();
    for event in events {
        match event {
            Event::AssistantSaid { text, complete, thinking, stop, usage } => replies.push(Reply {
                text,
                // Signatures were given for another conversation.
                thinking: thinking
                    .into_iter()
                    .map(|t| crate::domain::Thinking { signature: None, redacted: None, ..t })
                    .collect(),
                stop_word: stop,
                usage: Usage { cost_usd: None, ..usage },
                complete,
                ..Reply::default()
            }),
            Event::ToolCalled { call, name, input, invalid } => {
                if let Some(reply) = replies.last_mut() {
                    reply.stop = Stop::Calls;
                    reply.calls.push(ToolCall { call, name, input, invalid });
                }
            }
            _ => {}
        }
    }
    replies.retain(|reply| reply.complete);
    replies
}
