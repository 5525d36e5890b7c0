//! A service of the project in its workspace: started, asked until it answers, stopped with all it started.

mod log;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ApiError;
use super::client::Client;
use super::message::Request;
use super::target::Target;
use crate::domain::{Isolation, RepoPath};
use crate::text;
use crate::workspace::{Exit, Job, Reach, Served, Workspace};
use log::Log;

pub use log::Hush;
pub use watch::watch_queries;

/// How long a service may take to answer for the first time.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// A service that is left alone ends after this time.
const MOST_LIFE: Duration = Duration::from_secs(8 * 3_600);
/// The port a service is told to listen on where nobody else can.
const USUAL_PORT: u16 = 8000;
/// A service that listens on one port for this long does not go on to another.
const SETTLED: Duration = Duration::from_secs(5);
/// A build that takes longer is stuck.
const MOST_BUILD: Duration = Duration::from_secs(600);
/// The longest pause between two questions whether it is ready.
const MOST_PAUSE: Duration = Duration::from_secs(1);

/// How a service is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// What has to be run before, each time: a command line that builds what `command` starts.
    pub build: Option<String>,
    /// What is run after it, each time: what makes tables and rows, for example.
    pub prepare: Option<String>,
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

impl Start {
    /// The whole of it as a person would write it.
    pub fn line(&self) -> String {
        let before: String = self.before().map(|(command, _)| format!("{command} && ")).collect();
        format!("{before}{}", self.command)
    }

    /// What is run to its end before, with what it does to the service.
    fn before(&self) -> impl Iterator<Item = (&String, &'static str)> {
        let build = self.build.iter().map(|command| (command, "builds"));
        build.chain(self.prepare.iter().map(|command| (command, "prepares")))
    }
}

/// A database of a service, gone when it is dropped.
#[async_trait]
pub trait Database: Send + Sync {
    /// Its name for people, with the version.
    fn title(&self) -> String;

    /// How many questions it was asked so far.
    fn asked(&self) -> usize;

    /// Puts rows into tables that hold none.
    ///
    /// # Errors
    /// It cannot be looked at.
    async fn fill(&self) -> Result<(), String>;
}

/// Gives services the database they want.
#[async_trait]
pub trait Databases: Send + Sync {
    /// Starts one in the workspace, and tells the service where it is. `None` when it wants none, or has one.
    ///
    /// # Errors
    /// Why there is none, in words.
    async fn provide(
        &self,
        workspace: &Arc<dyn Workspace>,
        start: &mut Start,
        cancel: &CancellationToken,
    ) -> Result<Option<Box<dyn Database>>, String>;
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
    database: Option<Box<dyn Database>>,
    /// How many want it to be quiet.
    hushed: Arc<AtomicUsize>,
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
        let port = match (start.port, workspace.isolation()) {
            (Some(port), _) => port,
            // In a network of its own a port is free, and always the same one is easier to tell and to repeat.
            (None, Isolation::Overlay) => USUAL_PORT,
            (None, Isolation::Copy) => free_port()?,
        };
        let (sender, log, hushed) = listen(output);
        let job = |command: &str, limit| Job {
            folder: RepoPath::parse(&start.folder).ok(),
            environment: environment(&start, port),
            ..Job::new(command, limit)
        };
        for (command, does) in start.before() {
            to_its_end(workspace, (command, does), job(command, MOST_BUILD), (sender.clone(), &log), &cancel).await?;
        }
        let begun = Instant::now();
        let job = job(&start.command, MOST_LIFE);
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
        let mut service = Self { target, port, start, ready_ms: 0, served, log, database: None, hushed };
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
        self.log.first()
    }

    /// Starts a service with the database it wants, where one can be had; see [`Service::start`].
    ///
    /// # Errors
    /// As [`Service::start`]; with why there is no database.
    pub async fn start_with(
        databases: Option<&dyn Databases>,
        workspace: &Arc<dyn Workspace>,
        mut start: Start,
        output: Option<mpsc::Sender<Vec<u8>>>,
        cancel: CancellationToken,
    ) -> Result<Self, ApiError> {
        let provided = match databases {
            Some(databases) => databases.provide(workspace, &mut start, &cancel).await,
            None => Ok(None),
        };
        let service = Self::start(workspace.as_ref(), start, PATIENCE, output, cancel).await;
        let mut service = service.map_err(|error| match &provided {
            Err(why) => ApiError::Service(format!("{error}\n(it wants a database, and none was provided: {why})")),
            Ok(_) => error,
        })?;
        service.database = provided.unwrap_or_default();
        Ok(service)
    }

    /// Puts rows into the tables of its database, where it was given one that holds none.
    ///
    /// # Errors
    /// The database cannot be looked at.
    pub async fn with_rows(self) -> Result<Self, ApiError> {
        if let Some(database) = &self.database {
            database.fill().await.map_err(ApiError::Service)?;
        }
        Ok(self)
    }

    /// The database it was given, for people.
    pub fn database(&self) -> Option<String> {
        self.database.as_ref().map(|database| database.title())
    }

    /// The queries to a database so far, as its database or its log tells of them; 0 where neither does.
    pub fn queries(&self) -> usize {
        match self.database.as_ref().map_or(0, |database| database.asked()) {
            0 => self.log.queries(),
            asked => asked,
        }
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
        let mut pause = Duration::from_millis(50);
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
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MOST_PAUSE);
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
        Err(ApiError::Service(self.log.behind(&what)))
    }
}

/// A channel whose pieces are kept, and handed on to whoever watches.
fn listen(output: Option<mpsc::Sender<Vec<u8>>>) -> (mpsc::Sender<Vec<u8>>, Arc<Log>, Arc<AtomicUsize>) {
    let (log, hushed) = (Arc::new(Log::default()), Arc::new(AtomicUsize::new(0)));
    let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(64);
    let (kept, quiet) = (Arc::clone(&log), Arc::clone(&hushed));
    tokio::spawn(async move {
        while let Some(piece) = pieces.recv().await {
            kept.push(&piece);
            let piece = if quiet.load(Ordering::Relaxed) == 0 { piece } else { log::without_requests(&piece) };
            if let Some(output) = output.as_ref().filter(|_| !piece.is_empty()) {
                // A log pane that is behind must not slow the service down.
                let _ = output.try_send(piece);
            }
        }
    });
    (sender, log, hushed)
}

/// Runs what has to have ended before the service is started.
async fn to_its_end(
    workspace: &dyn Workspace,
    (command, does): (&str, &str),
    job: Job,
    (output, log): (mpsc::Sender<Vec<u8>>, &Log),
    cancel: &CancellationToken,
) -> Result<(), ApiError> {
    let done = workspace.run(job, output, cancel.clone()).await;
    let exit = done.map_err(|error| ApiError::Service(format!("`{command}` was not run: {error}")))?;
    match exit {
        Exit::Code(0) => Ok(()),
        _ if cancel.is_cancelled() => Err(ApiError::Service("interrupted".to_owned())),
        exit => {
            settle().await;
            Err(ApiError::Service(log.behind(&format!("`{command}`, which {does} the service, {}", how(exit)))))
        }
    }
}

/// The last lines are on their way when the end is known already.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
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
    settle().await;
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
    ApiError::Service(log.behind(&what))
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
