//! The terminal user interface: folds the engine's updates, turns keys into commands, draws what is visible.
//!
//! [`run`] puts the terminal up and draws before anything slow. One loop (`runtime`) feeds messages to
//! [`App::handle`](app::App::handle), which is pure: a message in, effects out. Panes own their state and their keys;
//! views are functions of state into a buffer.
//!
//! Deliberately absent: questions to the engine (everything is folded from updates), scrolling by re-laying out the
//! past (only visible rows are laid out), probing of the terminal (silent terminals cost seconds).

pub mod app;
pub mod commits;
pub mod composer;
pub mod keymap;
pub mod layout;
pub mod msg;
pub mod paint;
pub mod pane;
pub mod popup;
mod runtime;
pub mod session;
pub mod slash;
mod start;
pub mod theme;
pub mod view;
pub mod widget;

use crate::domain::SessionId;
use crate::engine::{Handle, Opening, Updates};

pub use keymap::keys_markdown;
pub use start::{Choice, StartInfo};
pub use theme::{TerminalHints, Theme};

/// How the user interface was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TuiExit {
    /// The session, once it was open: what `tenon --session` takes.
    pub session: Option<SessionId>,
    /// What to tell the user on the ordinary screen, line by line, already safe for a terminal.
    pub farewell: Vec<String>,
    /// A signal or a closed terminal ended it, not the user.
    pub hung_up: bool,
}

/// Why the user interface could not run.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Standard input or output is no terminal.
    #[error("standard input and output are not a terminal; use `tenon run \"task\"` to work without one")]
    NoTerminal,
    /// The terminal refused.
    #[error("the terminal could not be used: {0}")]
    Terminal(#[from] std::io::Error),
    /// The session could not be opened.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
}

/// Runs the user interface until the user leaves it. The session is opened in the background, after the first frame.
///
/// # Errors
/// There is no terminal, or the session could not be opened and the user left because of it.
pub async fn run(opening: Opening, start: StartInfo) -> Result<TuiExit, TuiError> {
    runtime::run(runtime::Source::Open(Box::new(opening)), start).await
}

/// Runs the user interface on a session that is open already, or on something that speaks like one.
///
/// # Errors
/// There is no terminal.
pub async fn run_opened(handle: Handle, updates: Updates, start: StartInfo) -> Result<TuiExit, TuiError> {
    runtime::run(runtime::Source::Ready(handle, updates), start).await
}
