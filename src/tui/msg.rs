//! What the application is told, and what it wants done. Both are data.

use std::sync::Arc;

use crossterm::event::Event as TerminalEvent;

use crate::domain::{Command, ContentHash, HunkId, Proposal, ProposalId, SessionId, Update};
use crate::engine::EngineError;
use crate::git::TreeState;
use crate::journal::BlobStore;
use crate::proposal::Study;
use crate::provider::fetch::{FetchError, Progress, Pulled};
use crate::provider::offers::Offer;

use super::keymap::Place;
use super::pane::diff::{FileView, Job, Paints};
use super::popup::Popup;

/// Something the application is told.
#[derive(Debug)]
pub enum Msg {
    /// A key, a paste, the mouse or a new size.
    Terminal(TerminalEvent),
    /// Something happened in the session.
    Update(Update),
    /// The session is open.
    Opened {
        /// Its name.
        session: SessionId,
        /// The bytes that proposals point at.
        blobs: Arc<BlobStore>,
    },
    /// The session could not be opened.
    NotOpened(EngineError),
    /// The session's task has ended.
    Closed,
    /// The files of the repository, for completion.
    Files(Vec<String>),
    /// Messages sent in earlier sessions, the oldest first.
    History(Vec<String>),
    /// A file of the proposal was read and compared.
    Loaded(Box<FileView>),
    /// Its colours are there.
    Painted(Box<Paints>),
    /// The repository was looked at.
    Tree(TreeState),
    /// What connects the hunks of the proposal with this hash.
    Studied(ContentHash, Box<Study>),
    /// The user's editor was closed: the text, or why there is none.
    Edited(Purpose, Result<String, String>),
    /// Models were looked for, servers on this machine included.
    Models(Vec<Offer>),
    /// How far the weights are.
    Fetching(Progress),
    /// The weights are there, or are not.
    Fetched(Result<Pulled, FetchError>),
    /// What came of the session, or why that cannot be said.
    Reported(Result<String, String>),
    /// A file was written for the user: where, or why not.
    Exported(Result<String, String>),
}

/// What a text was edited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The message in the composer.
    Message,
    /// The message in the commit dialog.
    CommitMessage,
    /// The text that replaces a hunk.
    Hunk {
        /// The proposal.
        proposal: ProposalId,
        /// The hunk.
        hunk: HunkId,
    },
}

/// Something the application wants done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Tell the engine.
    Command(Command),
    /// Leave.
    Quit,
    /// Read and compare a file of the proposal.
    Load(Job),
    /// Find out what connects the hunks of a proposal.
    Study {
        /// The proposal.
        proposal: Box<Proposal>,
        /// Where its bytes are.
        blobs: Arc<BlobStore>,
    },
    /// List the files of the repository.
    ListFiles,
    /// Look at HEAD, the index and the working folder.
    LookAtTree,
    /// Open the user's editor.
    Edit {
        /// What for.
        purpose: Purpose,
        /// What stands in it first.
        text: String,
        /// How the temporary file's name ends, so that the editor knows the language.
        suffix: String,
    },
    /// Put a text on the clipboard.
    Copy(String),
    /// Write the transcript to a file.
    Export {
        /// The file, relative to the repository; a name made from the session when `None`.
        path: Option<String>,
        /// What to write.
        text: String,
    },
    /// Read the session's journal and say what came of it.
    Report(SessionId),
    /// Keep a message for the next sessions.
    Remember(String),
    /// Look for models, also on this machine.
    LookForModels,
    /// Keep the choice of a model for the next time.
    KeepModel(String),
    /// Fetch the weights of a model.
    Fetch(String),
    /// Stop that.
    StopFetching,
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Draw everything again.
    Redraw,
    /// Stop the program until the shell goes on with it.
    Suspend,
    /// Show a line above the footer.
    Status(String),
    /// Open a popup.
    Open(Popup),
    /// Bring a task to the screen; the session the program was started on when `None`.
    ShowTask(Option<SessionId>),
    /// Stop what a task is doing.
    StopTask(SessionId),
    /// Go to a pane.
    Focus(Place),
    /// Go to a file and line of the proposal.
    Jump {
        /// The path, or the end of one.
        path: String,
        /// The line of the result.
        line: usize,
    },
}
