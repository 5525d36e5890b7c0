//! Asking the model.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::provider::{Chunk, ErrorKind, ProviderError, Request};

use super::super::input::{Outcome, What};
use super::super::work::JobId;
use super::Bench;

/// Asks, and passes on what streams in. Cancelling drops the request at once.
pub async fn ask(bench: &Bench, id: JobId, request: Request, cancel: &CancellationToken) -> Outcome {
    let Some(found) = &bench.found else {
        let error = ProviderError {
            provider: "tenon".to_owned(),
            kind: ErrorKind::Config,
            message: "no model is configured".to_owned(),
            hints: Vec::new(),
        };
        return Outcome::Replied(Box::new(Err(error)));
    };
    let (sender, receiver) = mpsc::channel(256);
    let asking = async { tokio::join!(found.provider.ask(request, sender), pass_on(bench, id, receiver)).0 };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Outcome::Stopped,
        reply = asking => Outcome::Replied(Box::new(reply)),
    }
}

/// Pieces that came in together are passed on together.
async fn pass_on(bench: &Bench, id: JobId, mut receiver: mpsc::Receiver<Chunk>) {
    while let Some(first) = receiver.recv().await {
        let mut chunk = first;
        while let Ok(next) = receiver.try_recv() {
            chunk = match (chunk, next) {
                (Chunk::Text(a), Chunk::Text(b)) => Chunk::Text(a + &b),
                (Chunk::Thinking(a), Chunk::Thinking(b)) => Chunk::Thinking(a + &b),
                (done, next) => {
                    bench.tell(What::Chunk(id, done)).await;
                    next
                }
            };
        }
        bench.tell(What::Chunk(id, chunk)).await;
    }
}
