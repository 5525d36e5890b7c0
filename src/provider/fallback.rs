//! Other models in the place of one that cannot answer now.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::registry::Resolved;
use super::{Chunk, ErrorKind, Provider, ProviderError, Reply, Request};

/// Asks the chosen model, and the next of a list where that one is overloaded, down or out of reach.
///
/// What is wrong with the request or the key stays an error: another model would only hide it.
pub(super) struct FallbackProvider {
    first: Arc<dyn Provider>,
    others: Vec<Resolved>,
}

impl FallbackProvider {
    /// The provider of a model with others behind it, or the provider alone where there are none.
    pub(super) fn around(chosen: &Resolved, others: Vec<Resolved>) -> Arc<dyn Provider> {
        let others: Vec<Resolved> =
            others.into_iter().filter(|other| other.key_present && other.name() != chosen.name()).collect();
        let first = Arc::clone(&chosen.provider);
        if others.is_empty() { first } else { Arc::new(Self { first, others }) }
    }
}

#[async_trait]
impl Provider for FallbackProvider {
    fn name(&self) -> &str {
        self.first.name()
    }

    fn context_window(&self, model: &str) -> u64 {
        // A conversation that fits the largest window would not fit the model that steps in.
        let others = self.others.iter().map(|other| other.context_window);
        others.fold(self.first.context_window(model), u64::min)
    }

    fn warm(&self, model: &str, system: &str) {
        self.first.warm(model, system);
    }

    async fn ask(&self, request: Request, chunks: mpsc::Sender<Chunk>) -> Result<Reply, ProviderError> {
        let mut problem = match self.first.ask(request.clone(), chunks.clone()).await {
            Err(error) if steps_in(error.kind) => error,
            answer => return answer,
        };
        for other in &self.others {
            let _ = chunks.try_send(Chunk::Restarted);
            let _ = chunks.try_send(Chunk::Waiting(format!("{problem}; going on with {}", other.name())));
            let request = Request { model: other.model.clone(), ..request.clone() };
            match other.provider.ask(request, chunks.clone()).await {
                // Says who answered, although another was asked.
                Ok(reply) => return Ok(Reply { model: Some(other.name()), ..reply }),
                Err(error) if steps_in(error.kind) => problem = error,
                Err(error) => return Err(error),
            }
        }
        Err(problem)
    }
}

fn steps_in(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Busy | ErrorKind::Server | ErrorKind::Network)
}
