//! The session engine: one task with one inbox. `decide` and `apply` are pure; the driver appends events to the
//! journal, folds them, publishes them, then starts the effects. Written before shown.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config::Settings;
use crate::domain::{Command, Isolation, SessionId, Update};
use crate::journal::BlobStore;

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
}

/// A running session as a front end sees it. Cloning is cheap; the session ends when told to close.
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
