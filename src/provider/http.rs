//! A provider that is asked over HTTP.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::Response;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::client::{Clients, root_cause};
use super::endpoint::Endpoint;
use super::key::KeySource;
use super::preset::{ModelFacts, Preset};
use super::retry::{Failure, Patience, asked_wait, wait_in_words};
use super::transcript::Transcript;
use super::wire::{Outgoing, Wire};
use super::{Chunk, ErrorKind, Provider, ProviderError, Reply, Request, errors, hints};

/// How often a request is sent again after an answer that broke off: each time costs its tokens.
const TRIES_IN_MIDSTREAM: u32 = 3;
/// How much of an error's body is read.
const ERROR_BODY: usize = 256 * 1_024;

/// A provider of the registry.
pub(super) struct HttpProvider {
    pub preset: Arc<Preset>,
    pub wire: Wire,
    pub endpoint: Endpoint,
    /// The address is not the provider's own, so that a key may not be needed.
    pub own_address: bool,
    pub key: Arc<KeySource>,
    pub patience: Patience,
    pub clients: Arc<Clients>,
}

#[async_trait]
impl Provider for HttpProvider {
    fn name(&self) -> &str {
        &self.preset.name
    }

    fn context_window(&self, model: &str) -> u64 {
        self.preset.facts(model).context
    }

    async fn ask(&self, mut request: Request, chunks: mpsc::Sender<Chunk>) -> Result<Reply, ProviderError> {
        self.check_key().await?;
        let facts = self.preset.facts(&request.model);
        if let Some(most) = facts.max_output {
            request.max_tokens = request.max_tokens.min(most);
        }
        let mut outgoing = self.wire.outgoing(&request, &self.preset.quirks, facts.context);
        let mut tried = 0;
        let mut fresh_key = false;
        loop {
            tried += 1;
            let mut told = false;
            let failure = match self.attempt(&outgoing, &request, &chunks, &mut told).await {
                Ok(reply) => return Ok(self.finished(reply, &facts)),
                Err(failure) => failure,
            };
            if self.is_compatible_only(&outgoing, &failure) {
                // A server in Ollama's place that knows only the compatible interface.
                outgoing = Wire::Chat.outgoing(&request, &self.preset.quirks, facts.context);
                outgoing.path = format!("/v1{}", outgoing.path);
                continue;
            }
            if failure.status == Some(401) && !std::mem::replace(&mut fresh_key, true) && self.key.forget() {
                self.check_key().await?;
                continue;
            }
            let Some(wait) = self.patience.wait(tried, &failure) else {
                return match failure.partial {
                    Some(reply) => Ok(self.finished(reply, &facts)),
                    None => Err(self.error(failure, tried, &request.model)),
                };
            };
            if told {
                tell(&chunks, Chunk::Restarted);
            }
            let limit = failure.tries.unwrap_or(self.patience.tries).min(self.patience.tries);
            let reason = self.hide(&failure.message);
            let seconds = wait.as_secs_f64().ceil();
            tell(&chunks, Chunk::Waiting(format!("try {} of {limit} in {seconds} s: {reason}", tried + 1)));
            sleep(wait).await;
        }
    }
}

impl HttpProvider {
    async fn attempt(
        &self,
        outgoing: &Outgoing,
        request: &Request,
        chunks: &mpsc::Sender<Chunk>,
        told: &mut bool,
    ) -> Result<Reply, Failure> {
        let response = self.send(outgoing).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let status = response.status().as_u16();
        let mut transcript = Transcript::new(self.wire, request, &self.preset.quirks);
        let broken = self.receive(response, &mut transcript, chunks, told).await.err();
        let (outcome, last) = transcript.finish();
        pass_on(last, chunks, told);
        let tries = Some(TRIES_IN_MIDSTREAM);
        let reading = match outcome {
            Ok(reading) => reading,
            Err(_) if broken.is_some() => return Err(broken.unwrap_or_default()),
            Err(words) => {
                let message = format!("the answer (HTTP {status}) is none of this wire: {}", quoted(&words));
                return Err(Failure { kind: Some(ErrorKind::Protocol), message, ..Failure::default() });
            }
        };
        if let Some(error) = reading.error {
            let (kind, passing) = (Some(error.kind), error.passing);
            return Err(Failure { kind, passing, message: error.message, tries, ..Failure::default() });
        }
        let reply = reading.reply;
        match broken {
            _ if reply.complete => Ok(reply),
            Some(failure) => Err(Failure { tries, ..failure }),
            None => Err(cut_short(reply)),
        }
    }

    fn is_compatible_only(&self, outgoing: &Outgoing, failure: &Failure) -> bool {
        let nowhere = matches!(failure.status, Some(404 | 405)) && !failure.message.contains("model");
        self.wire == Wire::Ollama && nowhere && outgoing.path.starts_with("/api/")
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Response, Failure> {
        let connect = self.patience.connect;
        let client = self.clients.client(&self.endpoint, connect);
        let client = client.map_err(|message| Failure { message, ..Failure::default() })?;
        let mut builder = client.post(self.endpoint.url(&outgoing.path)).header("content-type", "application/json");
        builder = builder.header("accept", "text/event-stream, application/json");
        for (name, value) in outgoing.headers.iter() {
            builder = builder.header(*name, value);
        }
        for (name, value) in &self.preset.headers {
            builder = builder.header(name, value);
        }
        if let Some(key) = self.key.known() {
            builder = key.sign(builder, self.wire);
        }
        let sent = builder.body(outgoing.body.to_string()).send();
        match timeout(self.idle(), sent).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.unreachable(&error)),
            Err(_) => Err(silent(self.idle())),
        }
    }

    /// Passes the body to the transcript as it comes.
    async fn receive(
        &self,
        mut response: Response,
        transcript: &mut Transcript<'_>,
        chunks: &mpsc::Sender<Chunk>,
        told: &mut bool,
    ) -> Result<(), Failure> {
        loop {
            match timeout(self.idle(), response.chunk()).await {
                Ok(Ok(Some(bytes))) => pass_on(transcript.push(&bytes), chunks, told),
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => {
                    let message = format!("the connection broke in the midst of the answer: {}", root_cause(&error));
                    let kind = Some(ErrorKind::Network);
                    return Err(Failure { kind, message, passing: true, ..Failure::default() });
                }
                Err(_) => return Err(silent(self.idle())),
            }
        }
    }

    /// An answer with a status that is no success.
    async fn refusal(&self, mut response: Response) -> Failure {
        let status = response.status().as_u16();
        let wait = asked_wait(response.headers(), Timestamp::now());
        let target = response.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while body.len() < ERROR_BODY
            && let Ok(Ok(Some(bytes))) = timeout(self.idle(), response.chunk()).await
        {
            body.extend_from_slice(&bytes);
        }
        let page = errors::is_html(&body);
        let message = match errors::error_message(&body).filter(|_| !page) {
            Some(message) => format!("{message} (HTTP {status})"),
            None if page => format!("HTTP {status} with a web page: {}", quoted(&errors::first_words(&body))),
            None if body.is_empty() => format!("HTTP {status} without a word"),
            None => format!("HTTP {status}: {}", quoted(&errors::first_words(&body))),
        };
        let message = match target.filter(|_| (300..400).contains(&status)) {
            Some(target) => format!("{message}; it points to {target}, set the provider's base_url to go there"),
            None => message,
        };
        let by_status = errors::kind_of(status, &message);
        let kind = if page && by_status == ErrorKind::Request { ErrorKind::Protocol } else { by_status };
        let passing = errors::is_passing(status) && kind != ErrorKind::ContextTooLong;
        let wait = wait.or_else(|| wait_in_words(&String::from_utf8_lossy(&body)).filter(|_| status == 429));
        // An account without money stays so for longer than anyone waits here.
        let tries = message.contains("insufficient_quota").then_some(2);
        Failure { kind: Some(kind), message, status: Some(status), passing, wait, tries, partial: None }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let place = self.endpoint.shown();
        let cause = root_cause(error);
        let message = match error {
            _ if error.is_timeout() => {
                format!("no connection to {place} within {} s", self.patience.connect.as_secs())
            }
            _ if error.is_connect() => format!("no connection to {place}: {cause}"),
            _ if error.is_builder() => format!("the request cannot be sent to {place}: {cause}"),
            _ => format!("the connection to {place} broke: {cause}"),
        };
        let passing = !error.is_builder();
        // A server on this machine that is not there will not come by waiting.
        let tries = (error.is_connect() && self.endpoint.is_loopback()).then_some(2);
        Failure { kind: Some(ErrorKind::Network), message, passing, tries, ..Failure::default() }
    }

    fn idle(&self) -> Duration {
        // A model on this machine may read a long prompt for minutes without a word.
        let longer = self.preset.idle_seconds.map(Duration::from_secs);
        longer.filter(|_| self.patience == Patience::default()).unwrap_or(self.patience.idle)
    }

    async fn check_key(&self) -> Result<(), ProviderError> {
        let needed = self.preset.needs_key() && !self.own_address;
        let (message, mut hints) = match self.key.fetch().await {
            Err(problem) => (problem, self.key.remedy().into_iter().collect()),
            Ok(()) if self.key.known().is_none() && needed => {
                (format!("no key: {} is not set", self.preset.key_env.join(" or ")), vec![])
            }
            Ok(()) => return Ok(()),
        };
        hints.extend(hints::auth(&self.preset));
        Err(ProviderError { provider: self.preset.name.clone(), kind: ErrorKind::Auth, message, hints })
    }

    fn error(&self, failure: Failure, tried: u32, model: &str) -> ProviderError {
        let kind = failure.kind.unwrap_or(ErrorKind::Network);
        let again = if tried > 1 { format!(" (after {tried} tries)") } else { String::new() };
        ProviderError {
            provider: self.preset.name.clone(),
            kind,
            message: self.hide(&failure.message) + &again,
            hints: hints::after(kind, failure.status, &self.preset, model),
        }
    }

    /// The reply with what it cost, and without the key, which a server may give back.
    fn finished(&self, mut reply: Reply, facts: &ModelFacts) -> Reply {
        reply.usage.cost_usd = reply.usage.cost_usd.or_else(|| facts.cost(&reply.usage));
        if let Some(key) = self.key.known() {
            key.hide_in_reply(&mut reply);
        }
        reply
    }

    fn hide(&self, text: &str) -> String {
        self.key.known().map_or_else(|| text.to_owned(), |key| key.hidden_in(text))
    }
}

fn silent(idle: Duration) -> Failure {
    let message = format!("no byte for {} s", idle.as_secs_f64());
    Failure {
        kind: Some(ErrorKind::Network),
        message,
        passing: true,
        tries: Some(TRIES_IN_MIDSTREAM),
        ..Failure::default()
    }
}

/// An answer that ended without its end.
fn cut_short(reply: Reply) -> Failure {
    let empty = reply.text.is_empty() && reply.calls.is_empty() && reply.thinking.is_empty();
    let message = if empty { "the answer is empty" } else { "the answer ended before its end" };
    Failure {
        kind: Some(ErrorKind::Network),
        message: message.to_owned(),
        passing: true,
        // Whoever asked can ask again, and knows better than this place whether that is wanted.
        tries: Some(2),
        partial: Some(reply).filter(|_| !empty),
        ..Failure::default()
    }
}

fn quoted(words: &str) -> String {
    if words.is_empty() { "nothing".to_owned() } else { format!("\"{words}\"") }
}

fn pass_on(pieces: Vec<Chunk>, chunks: &mpsc::Sender<Chunk>, told: &mut bool) {
    *told |= !pieces.is_empty();
    for piece in pieces {
        tell(chunks, piece);
    }
}

/// A full or closed channel never stops the request: what is shown on the way is only shown.
fn tell(chunks: &mpsc::Sender<Chunk>, chunk: Chunk) {
    let _ = chunks.try_send(chunk);
}
