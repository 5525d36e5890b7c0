//! The session engine: one task with one inbox. `decide` and `apply` are pure; the driver appends events to the
//! journal, folds them, publishes them, then starts the effects. Written before shown.

mod choice;
mod context;
pub mod decide;
mod drafting;
mod driver;
mod effects;
pub mod input;
mod models;
mod open;
mod permissions;
mod prompt;
mod recover;
pub mod rules;
pub mod session;
pub mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config::Settings;
use crate::domain::{Command, Isolation, SessionId, Update};
use crate::journal::BlobStore;

use crate::provider::Registry;

pub use models::{Found, Models};
pub use open::open_with;

/// What a session is opened with. Plain data; opening is the slow part and happens after the first frame.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Any folder in the repository.
    pub folder: PathBuf,
    /// A session to go on with, or a new one.
    pub session: Option<SessionId>,
    /// The agent's name; the configured one when `None`.
    pub agent: Option<String>,
    /// The model as `provider/model`; the agent's or the configured one when `None`.
    pub model: Option<String>,
    /// `Some` insists on an isolation.
    pub isolation: Option<Isolation>,
    /// Resolved settings.
    pub settings: Arc<Settings>,
    /// Tenon's state folder: journals and blobs.
    pub state: PathBuf,
    /// Tenon's cache folder: workspaces.
    pub cache: PathBuf,
    /// The user's own agent folders, the nearest first (`~/.config/tenon/agents`, `~/.claude/agents`). Those of the
    /// repository and the built-in ones are found by the engine.
    pub agents: Vec<PathBuf>,
    /// The folder of the user's configuration, where instructions for every agent may lie.
    pub config: Option<PathBuf>,
    /// The environment: keys and base URLs of providers.
    pub environment: BTreeMap<String, String>,
    /// The program that serves as the sandbox's helper; the running one when `None`.
    pub helper: Option<PathBuf>,
    /// The session that hands this one its task.
    pub parent: Option<SessionId>,
    /// Where the sessions of tasks go that are handed to other agents; without it none are.
    pub children: Option<mpsc::Sender<Child>>,
}

/// The session of a task that was handed to another agent. Whoever takes it has to read its updates.
#[derive(Debug)]
pub struct Child {
    /// The session.
    pub session: SessionId,
    /// The agent.
    pub agent: String,
    /// The task.
    pub task: String,
    /// The way to it.
    pub handle: Handle,
    /// What comes out of it.
    pub updates: Updates,
}

/// A running session as a front end sees it. Cloning is cheap; the session ends when told to close, or when every
/// handle is gone.
#[derive(Clone, Debug)]
pub struct Handle {
    /// The session.
    pub session: SessionId,
    /// The bytes that proposals point at.
    pub blobs: Arc<BlobStore>,
    /// Where commands go.
    pub commands: mpsc::Sender<Command>,
}

/// What comes out of a session: first everything that is already in its journal, then what happens.
pub type Updates = mpsc::Receiver<Update>;

/// Why a session could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EngineError {
    /// What went wrong, in one sentence.
    pub message: String,
    /// What to do next, one sentence each.
    pub hints: Vec<String>,
}

/// Opens a session, a new one or one to go on with, and starts its task.
///
/// # Errors
/// The folder is in no repository, there is no such session, or the state folder, the workspace or the asked-for
/// isolation cannot be had. A missing model is no error: saying something then tells what to set.
pub async fn open(opening: Opening) -> Result<(Handle, Updates), EngineError> {
    let models = Arc::new(Registry::new(&opening.settings, &opening.environment));
    open_with(opening, models).await
}
