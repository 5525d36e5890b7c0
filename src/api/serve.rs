//! A service of the project in its workspace: started, asked until it answers, stopped with all it started.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use regex::Regex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ApiError;
use super::client::Client;
use super::message::Request;
use super::target::Target;
use crate::domain::{Isolation, RepoPath};
use crate::text;
use crate::workspace::{Exit, Job, Reach, Served, Workspace};

/// A service that is left alone ends after this time.
const MOST_LIFE: Duration = Duration::from_secs(8 * 3_600);
/// The port a service is told to listen on where nobody else can.
const USUAL_PORT: u16 = 8000;
/// A service that listens on one port for this long does not go on to another.
const SETTLED: Duration = Duration::from_secs(5);
/// Lines of the log that are kept.
const MOST_LINES: usize = 400;
/// Lines of its start that are kept for good: frameworks name their routes there.
const FIRST_LINES: usize = 1_000;
/// Lines that are told when it does not start.
const TOLD: usize = 40;

/// How a service is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The command line; `$PORT` is the port it should listen on.
    pub command: String,
    /// The folder to run it in, relative to the root; empty for the root.
    pub folder: String,
    /// The port it is told to listen on, and has to.
    pub port: Option<u16>,
    /// The path that tells whether it is ready; `/health` when left out.
    pub health: Option<String>,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
}

/// A running service.
pub struct Service {
    /// Where it is reached.
    pub target: Target,
    /// The port it listens on inside.
    pub port: u16,
    /// How it was started.
    pub start: Start,
    /// Milliseconds until it answered.
    pub ready_ms: u128,
    served: Served,
    log: Arc<Log>,
    /// How many want it to be quiet.
    hushed: Arc<AtomicUsize>,
}

/// Keeps the lines a service writes for every request from whoever watches, while it is held.
#[derive(Debug)]
pub struct Hush(Arc<AtomicUsize>);

impl Drop for Hush {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The first and the last lines a service wrote.
#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Lines>,
    /// Lines that showed a query to a database.
    queries: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lines {
    first: Vec<String>,
    last: VecDeque<String>,
    open: Vec<u8>,
}

/// What frameworks write before or around a query: `SELECT` in capitals anywhere, in small letters where a line or a
/// message begins.
static QUERY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\bSELECT\s|(?:^|: |\] |sql: ['"])select\s"#).ok());

impl Log {
    fn push(&self, piece: &[u8]) {
        let mut guard = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Lines { first, last, open } = &mut *guard;
        for byte in piece {
            if *byte == b'\n' || open.len() > 4_096 {
                let line = text::sanitize_output(&String::from_utf8_lossy(open));
                let line = text::redact(line.trim_end()).into_owned();
                if QUERY.as_ref().is_some_and(|query| query.is_match(&line)) {
                    self.queries.fetch_add(1, Ordering::Relaxed);
                }
                if first.len() < FIRST_LINES {
                    first.push(line.clone());
                }
                last.push_back(line);
                open.clear();
            }
            if *byte != b'\n' {
                open.push(*byte);
            }
        }
        let excess = last.len().saturating_sub(MOST_LINES);
        last.drain(..excess);
    }

    fn last(&self, count: usize) -> Vec<String> {
        let guard = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let open = String::from_utf8_lossy(&guard.open).trim_end().to_owned();
        let mut lines: Vec<String> = guard.last.iter().cloned().collect();
        lines.extend((!open.is_empty()).then_some(open));
        lines.split_off(lines.len().saturating_sub(count))
    }
}

impl Service {
    /// Starts a service and waits until it answers an HTTP request. What it writes goes to `output` as well.
    ///
    /// # Errors
    /// It ended, did not listen or did not answer in time; with its last lines.
    pub async fn start(
        workspace: &dyn Workspace,
        start: Start,
        patience: Duration,
        output: Option<mpsc::Sender<Vec<u8>>>,
        cancel: CancellationToken,
    ) -> Result<Self, ApiError> {
        let begun = Instant::now();
        let port = match (start.port, workspace.isolation()) {
            (Some(port), _) => port,
            // In a network of its own a port is free, and always the same one is easier to tell and to repeat.
            (None, Isolation::Overlay) => USUAL_PORT,
            (None, Isolation::Copy) => free_port()?,
        };
        let log = Arc::new(Log::default());
        let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(64);
        let (kept, hushed) = (Arc::clone(&log), Arc::new(AtomicUsize::new(0)));
        let quiet = Arc::clone(&hushed);
        tokio::spawn(async move {
            while let Some(piece) = pieces.recv().await {
                kept.push(&piece);
                let piece = if quiet.load(Ordering::Relaxed) == 0 { piece } else { without_requests(&piece) };
                if let Some(output) = output.as_ref().filter(|_| !piece.is_empty()) {
                    // A log pane that is behind must not slow the service down.
                    let _ = output.try_send(piece);
                }
            }
        });
        let mut job = Job::new(start.command.clone(), MOST_LIFE);
        job.folder = RepoPath::parse(&start.folder).ok();
        job.environment = environment(&start, port);
        let served = workspace.serve(job, sender, cancel.clone()).await;
        let served =
            served.map_err(|error| ApiError::Service(format!("`{}` was not started: {error}", start.command)))?;
        let listening = tokio::select! {
            port = served.listens(start.port, patience) => port,
            () = elsewhere(&served, start.port) => None,
            () = cancel.cancelled() => None,
        };
        let Some(port) = listening else { return Err(not_listening(&served, &start, &log, patience, &cancel).await) };
        let reach = workspace.reach(port).await.map_err(|error| ApiError::Service(error.to_string()))?;
        let target = match reach {
            Reach::Unix(socket) => Target::local(port, Some(socket)),
            Reach::Tcp(port) => Target::local(port, None),
        };
        let mut service = Self { target, port, start, ready_ms: 0, served, log, hushed };
        service.answers(patience.saturating_sub(begun.elapsed()), &cancel).await?;
        service.ready_ms = begun.elapsed().as_millis();
        Ok(service)
    }

    /// The lines it writes for every request go to its log only, until what this gives is dropped.
    pub fn hush(&self) -> Hush {
        self.hushed.fetch_add(1, Ordering::Relaxed);
        Hush(Arc::clone(&self.hushed))
    }

    /// The last lines it wrote, clean and without secrets.
    pub fn log(&self, count: usize) -> Vec<String> {
        self.log.last(count)
    }

    /// The lines it wrote first.
    pub fn beginning(&self) -> Vec<String> {
        self.log.lines.lock().unwrap_or_else(PoisonError::into_inner).first.clone()
    }

    /// The queries to a database that its log showed so far; 0 for a service that does not write them.
    pub fn queries(&self) -> usize {
        self.log.queries.load(Ordering::Relaxed)
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        self.served.exit().is_none()
    }

    /// How it ended, in words.
    pub fn ended(&self) -> Option<String> {
        self.served.exit().map(|exit| exit.map_or_else(|error| error.to_string(), how))
    }

    /// Ends it with all it started.
    pub async fn stop(self) {
        let _ = self.served.stop().await;
    }

    /// Waits for an answer: one that says 404 answers too, one that says it is not ready yet does not.
    async fn answers(&self, patience: Duration, cancel: &CancellationToken) -> Result<(), ApiError> {
        let client = Client::new(&self.target, Duration::from_secs(10))?;
        let begun = Instant::now();
        let deadline = begun + patience.max(Duration::from_secs(1));
        let health = self.start.health.as_deref().unwrap_or("/health");
        let mut last = "answers no HTTP request".to_owned();
        while Instant::now() < deadline && self.runs() && !cancel.is_cancelled() {
            last = match client.send(&Request::new("GET", health)).await {
                Ok(response) if matches!(response.status, 502..=504) => {
                    format!(
                        "is not ready: GET {health} answers {} {}",
                        response.status,
                        text::head(&response.text(), 200)
                    )
                }
                Ok(_) => return Ok(()),
                Err(error) => format!("answers no HTTP request: {error}"),
            };
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if cancel.is_cancelled() {
            return Err(ApiError::Service("interrupted".to_owned()));
        }
        let what = match self.ended() {
            Some(how) => format!("`{}` listened on port {} and then {how}", self.start.command, self.port),
            None => format!(
                "`{}` listens on port {}, but after {} s it {last}",
                self.start.command,
                self.port,
                begun.elapsed().as_secs()
            ),
        };
        Err(ApiError::Service(with_lines(&what, &self.log)))
    }
}

/// The lines that do not just say that a request came.
fn without_requests(piece: &[u8]) -> Vec<u8> {
    const METHODS: [&str; 6] = ["GET /", "POST /", "PUT /", "PATCH /", "DELETE /", "HEAD /"];
    let told = |line: &&[u8]| {
        let line = String::from_utf8_lossy(line);
        !line.contains(" HTTP/1.") && !METHODS.iter().any(|method| line.contains(method))
    };
    piece.split_inclusive(|byte| *byte == b'\n').filter(told).flatten().copied().collect()
}

/// Returns when a service has listened for a while, but not on the port it has to; never when it may choose.
async fn elsewhere(served: &Served, wanted: Option<u16>) {
    let Some(wanted) = wanted else { return std::future::pending().await };
    let mut since = None;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let ports = served.ports();
        if ports.is_empty() || ports.contains(&wanted) {
            since = None;
        } else if since.get_or_insert_with(Instant::now).elapsed() > SETTLED {
            return;
        }
    }
}

async fn not_listening(
    served: &Served,
    start: &Start,
    log: &Log,
    patience: Duration,
    cancel: &CancellationToken,
) -> ApiError {
    // The last lines are on their way when the end is known already.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let what = match served.exit() {
        _ if cancel.is_cancelled() => return ApiError::Service("interrupted".to_owned()),
        Some(exit) => {
            let how = exit.map_or_else(|error| error.to_string(), how);
            format!("`{}` {how} before it listened", start.command)
        }
        None => match (start.port, served.ports().first()) {
            (Some(wanted), Some(port)) => {
                format!("`{}` listens on port {port}, not on {wanted}; give {port} as its port", start.command)
            }
            _ => format!("`{}` listens on no port after {} s", start.command, patience.as_secs()),
        },
    };
    ApiError::Service(with_lines(&what, log))
}

fn with_lines(what: &str, log: &Log) -> String {
    let lines = log.last(TOLD);
    if lines.is_empty() {
        format!("{what}; it wrote nothing")
    } else {
        format!("{what}; its last lines:\n{}", lines.join("\n"))
    }
}

fn how(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("ended with exit code {code}"),
        Exit::Signal(signal) => format!("was killed by signal {signal}"),
        Exit::TimedOut => "ran too long and was ended".to_owned(),
        Exit::Cancelled => "was stopped".to_owned(),
        other => format!("was ended: {other:?}"),
    }
}

/// What services read to know where to listen, and what makes them write their lines at once.
fn environment(start: &Start, port: u16) -> Vec<(String, String)> {
    let port = port.to_string();
    let known = [
        ("PORT", port.as_str()),
        ("HOST", "127.0.0.1"),
        ("SERVER_PORT", &port),
        ("PYTHONUNBUFFERED", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("NO_COLOR", "1"),
    ];
    let mut variables: Vec<(String, String)> =
        known.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    variables.extend(start.environment.iter().cloned());
    variables
}

/// A port nobody listens on at this moment.
fn free_port() -> Result<u16, ApiError> {
    let socket = std::net::TcpListener::bind(("127.0.0.1", 0));
    let port = socket.and_then(|socket| socket.local_addr()).map(|address| address.port());
    port.map_err(|error| ApiError::Service(format!("no free port: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hushed_service_still_tells_what_broke() {
        let piece =
            b"INFO: 127.0.0.1:1 - \"GET /items HTTP/1.1\" 500\nTraceback (most recent call last):\n::1 POST /a 3ms\n";
        assert_eq!(without_requests(piece), b"Traceback (most recent call last):\n");
    }

    #[test]
    fn the_log_keeps_the_last_lines_clean() {
        let log = Log::default();
        for number in 0..1_000 {
            log.push(format!("line {number}\n").as_bytes());
        }
        log.push(b"\x1b[31mkey sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789\x1b[0m\nop");
        log.push(b"en");
        let last = log.last(3);
        assert_eq!((last[0].as_str(), last[2].as_str()), ("line 999", "open"));
        assert!(last[1].starts_with("key [redacted"), "{}", last[1]);
        assert_eq!(log.last(10_000).len(), MOST_LINES + 1);
    }
}
