//! `tenon run`: a task without a screen.

use std::io::{IsTerminal as _, Read as _};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::surroundings::Surroundings;
use super::{Accept, Common, Done, Failure};
use crate::engine::{self, EngineError, Opening};
use crate::headless::{AcceptRule, Attendant, Output, Style, Task, work};

/// Tasks for other agents that may wait to be taken up.
const BORN: usize = 8;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The task; read from standard input when left out or `-`
    pub(crate) task: Option<String>,
    /// Which proposals are committed without a review
    #[arg(long, value_enum, default_value_t)]
    pub(crate) accept: Accept,
    /// Commands may reach the network when the agent asks for it
    #[arg(long)]
    pub(crate) allow_network: bool,
}

pub(crate) async fn run(around: &Surroundings, common: &Common, arguments: Arguments) -> Done {
    let text = task_text(arguments.task)?;
    let style = if common.json { Style::Json } else { Style::Text };
    let task = Task { text, accept: rule(arguments.accept), network: arguments.allow_network, since: now() };
    let (children, born) = mpsc::channel(BORN);
    let opening = Opening { children: Some(children), ..around.opening(common) };
    let (handle, mut updates) = engine::open(opening).await.map_err(engine_failure)?;
    let interrupt = interrupted();
    let attendant = Attendant::new(born, task.network);
    Ok(work(&handle, &mut updates, task, &mut Output::new(style), interrupt, attendant).await)
}

/// The commit rule that a flag names.
pub(crate) fn rule(accept: Accept) -> AcceptRule {
    match accept {
        Accept::None => AcceptRule::None,
        Accept::Green => AcceptRule::Green,
        Accept::All => AcceptRule::All,
    }
}

/// Now, in the milliseconds that records are written with.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Cancelled on Ctrl-C, SIGTERM and SIGHUP.
pub(crate) fn interrupted() -> CancellationToken {
    let token = CancellationToken::new();
    let told = token.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        told.cancel();
        // A second signal ends the program at once; the journal is whole after every line.
        wait_for_signal().await;
        std::process::exit(i32::from(crate::headless::Outcome::Interrupted.code()));
    });
    token
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    let _ = tokio::signal::ctrl_c().await;
}

fn task_text(argument: Option<String>) -> Result<String, Failure> {
    let text = match argument {
        Some(text) if text != "-" => text,
        given => {
            if given.is_none() && std::io::stdin().is_terminal() {
                return Err(Failure::usage("no task was given").hint("tenon run \"what is to be done\", or pipe it in"));
            }
            let mut bytes = Vec::new();
            std::io::stdin()
                .read_to_end(&mut bytes)
                .map_err(|error| Failure::usage(format!("standard input: {error}")))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage("the task is empty").hint("tenon run \"what is to be done\""));
    }
    Ok(text.to_owned())
}

/// An engine that did not open, as a person reads it.
pub(crate) fn engine_failure(error: EngineError) -> Failure {
    let mut failure = Failure::usage(error.to_string());
    failure.hints = error.hints;
    failure
}
