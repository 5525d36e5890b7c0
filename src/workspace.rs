//! The transaction a task works in: your tree below, its changes above.
//!
//! A [`Workspace`] is the only way tools and gates see files and run commands. What they do there is invisible
//! outside until a verdict. The overlay holds it in Linux namespaces, the copy in a copy of the files.
//!
//! | Where | What |
//! |---|---|
//! | `tree` | reading and writing files that cannot leave a root folder |
//! | `rules`, `tracked` | which files git ignores, and which it tracks all the same |
//! | `explore` | `list` and `search` |
//! | `compare`, `bases` | from paths that may differ to [`Change`]s; what each draft was made from |
//! | `process`, `whole` | running a command through the helper, its output, its limits; one whose output is read at its end |
//! | `served`, `processes` | commands that go on running, and the ports they listen on |
//! | `environment`, `env_files`, `secrets` | what commands see of the user's variables, of `.env` files and of places that hold credentials |
//! | `limits`, `disk` | what commands may use, and watching what they take on the disk |
//! | `lock`, `leftovers` | one process in one place, and what killed ones have left |
//! | `opening` | where a workspace is kept, and which isolation it gets |
//! | `holder` | the helper that holds the namespaces, and ways to ports in them |
//! | `copy`, `overlay` | the two workspaces |
//! | `sandbox` | what the helper process does: namespaces, mounts, and the only `unsafe` code of the house |

mod bases;
mod compare;
mod copy;
mod disk;
mod env_files;
mod environment;
mod explore;
mod files;
#[cfg(target_os = "linux")]
mod holder;
mod leftovers;
mod limits;
mod lock;
mod opening;
#[cfg(target_os = "linux")]
mod overlay;
mod process;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod reason;
mod rules;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(target_os = "linux")]
mod secrets;
mod served;
mod tracked;
mod tree;
mod whole;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::{Change, FileMode, FileState, Isolation, RepoPath};

pub use environment::Environment;
pub use files::WorkspaceFiles;
pub use leftovers::{Leftover, Throwaway, leftovers};
pub use limits::{Limit, Limits};
pub use opening::{Place, best_isolation, helper_main, limits_held_by, namespaces_possible, open};
pub use served::{Reach, Served};
pub use whole::run_whole;

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: RepoPath,
    /// It is a folder.
    pub folder: bool,
    /// Size in bytes; 0 for a folder.
    pub size: u64,
}

/// What to search for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// A regular expression (Rust `regex` syntax), smart case.
    pub pattern: String,
    /// A file or folder to stay in.
    pub path: Option<RepoPath>,
    /// A glob that paths have to match.
    pub glob: Option<String>,
    /// The most hits to return.
    pub limit: usize,
}

/// A line that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The file.
    pub path: RepoPath,
    /// 1-based line number.
    pub line: u64,
    /// The line, without its end, cut to 500 bytes, lossy UTF-8.
    pub text: String,
}

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// A command line for `sh -c`.
    pub command: String,
    /// Folder to run in, relative to the root; the root when `None`.
    pub folder: Option<RepoPath>,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
    /// It is killed with all its children after this time.
    pub limit: Duration,
    /// Outside network, only after a permission.
    pub network: bool,
    /// `.env` files with their real values, only after a permission.
    pub env_files: bool,
}

impl Job {
    /// A command in the root, with nothing that needs a permission.
    pub fn new(command: impl Into<String>, limit: Duration) -> Self {
        Self { command: command.into(), folder: None, environment: Vec::new(), limit, network: false, env_files: false }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// Killed by this signal.
    Signal(i32),
    /// Killed because the time limit was reached.
    TimedOut,
    /// Killed because the token was cancelled.
    Cancelled,
    /// Killed because it used more than it may.
    Exceeded(Limit),
}

/// What could not be done in a workspace.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The file or folder is not there.
    #[error("`{0}` does not exist")]
    Missing(RepoPath),
    /// A folder where a file is wanted, or the other way round.
    #[error("`{path}` is {what}")]
    Kind {
        /// Where.
        path: RepoPath,
        /// What it is: "a folder, not a file".
        what: &'static str,
    },
    /// The path leads out of the repository through a symlink.
    #[error("`{0}` leads out of the repository through a symlink")]
    Escapes(RepoPath),
    /// A file with settings of the user's that is shown masked.
    #[error(
        "`{0}` holds the user's own settings and is not tracked by git: it is shown masked and can only be changed by the user"
    )]
    Protected(RepoPath),
    /// The search pattern or glob is not valid.
    #[error("{0}")]
    Pattern(String),
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The isolation could not be set up or was lost.
    #[error("{0}")]
    Isolation(String),
}

/// A transaction over a repository's working folder.
///
/// Blocking file methods are cheap enough to be called from a blocking task; `run` is asynchronous.
#[async_trait]
pub trait Workspace: Send + Sync {
    /// How it is isolated.
    fn isolation(&self) -> Isolation;

    /// The root as commands inside see it (overlay: the repository's own path).
    fn root(&self) -> &Path;

    /// Reads a file. A `.env` file of the user's comes with its values masked.
    ///
    /// # Errors
    /// It is missing, a folder, leads outside, or cannot be read.
    fn read(&self, path: &RepoPath) -> Result<FileState, WorkspaceError>;

    /// Writes a file, making its folders. `mode` `None` keeps the mode it has.
    ///
    /// # Errors
    /// A folder is in the way, the path leads outside, the file is protected, the disk is full.
    fn write(&self, path: &RepoPath, bytes: &[u8], mode: Option<FileMode>) -> Result<(), WorkspaceError>;

    /// Removes a file, and folders that become empty through it.
    ///
    /// # Errors
    /// It is missing or a folder.
    fn remove(&self, path: &RepoPath) -> Result<(), WorkspaceError>;

    /// Lists a folder down to `depth` levels (1: its entries), as the ignore files allow, sorted, at most `limit`.
    /// The flag is set when there was more.
    ///
    /// # Errors
    /// It is missing or a file.
    fn list(&self, path: Option<&RepoPath>, depth: usize, limit: usize) -> Result<(Vec<Entry>, bool), WorkspaceError>;

    /// Searches text files as the ignore files allow, in the order of paths. The flag is set when there was more.
    ///
    /// # Errors
    /// The pattern or the glob is not valid.
    fn search(&self, query: &Query) -> Result<(Vec<Hit>, bool), WorkspaceError>;

    /// Runs a command and all it starts, sends output as it comes (both streams, in order, raw bytes), and returns
    /// when it has ended and nothing of it is left running. A slow reader slows the command down, never memory.
    ///
    /// # Errors
    /// The isolation could not be entered; a command that fails is no error.
    async fn run(
        &self,
        job: Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Result<Exit, WorkspaceError>;

    /// Starts a command that goes on running: a server. What it writes comes through `output` as with [`Workspace::run`];
    /// a channel nobody reads any more (the receiver is dropped) is no hindrance, one that is full slows the server down.
    /// It ends when the [`Served`] is dropped or stopped, when `cancel` is cancelled, after `job.limit`, when the
    /// workspace is reset (its files are changed underneath) and when the workspace or this program ends, however it
    /// ends. In the overlay, and in a copy where namespaces are possible, commands of `run` reach it on the loopback
    /// under the port it listens on, and two workspaces may use the same port.
    ///
    /// # Errors
    /// The isolation could not be entered. A server that ends at once is no error: see [`Served::exit`].
    async fn serve(
        &self,
        job: Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Result<Served, WorkspaceError> {
        let _ = (job, output, cancel);
        Err(WorkspaceError::Isolation("this workspace runs no servers".to_owned()))
    }

    /// How this program reaches a TCP port that commands of this workspace listen on, on 127.0.0.1 or on ::1. It holds
    /// as long as the workspace is not reset, whether somebody listens or not: a connection to a port nobody listens on
    /// is closed at once. Asking again for the same port costs nothing.
    ///
    /// # Errors
    /// The isolation could not be entered.
    async fn reach(&self, port: u16) -> Result<Reach, WorkspaceError> {
        Ok(Reach::Tcp(port))
    }

    /// What is different from base, sorted by path; ignored files and `.git` left out. Cost follows the size of the
    /// change (overlay) or of the tree (copy).
    ///
    /// What the user changed since in a file of the draft is merged into it first; where both changed the same lines
    /// they are marked in the file and a note says so.
    ///
    /// # Errors
    /// Something cannot be read.
    fn changes(&self) -> Result<Vec<Change>, WorkspaceError>;

    /// What the user should know: why the isolation is not the best one, and what the last [`Workspace::changes`]
    /// left out (a fifo, a name that is not UTF-8, a file too large to show). One line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Names everything commands of a fork would find besides these files: the files below with what commands left
    /// beside them, the tools, the environment. The same name is the same outcome. `None` where that cannot be said
    /// surely: then nothing that was found earlier may be taken for granted.
    fn fingerprint(&self, without: &[RepoPath]) -> Option<String> {
        let _ = without;
        None
    }

    /// A throw-away workspace that sees what this one sees, ignored files included, with these files set or removed.
    /// Gates run in it: the draft stays as it is.
    ///
    /// # Errors
    /// The isolation could not be set up, the disk is full.
    async fn fork(&self, files: Vec<(RepoPath, Option<FileState>)>) -> Result<Box<dyn Workspace>, WorkspaceError>;

    /// Forgets the draft of these paths: they are what the user's tree holds, as it is now. `None` forgets everything.
    /// Called after a commit, an undo, and when the tree changed underneath.
    ///
    /// # Errors
    /// The isolation could not be set up again.
    async fn reset(&self, paths: Option<Vec<RepoPath>>) -> Result<(), WorkspaceError>;
}

/// An error of the operating system with what was tried.
fn io_error(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> WorkspaceError {
    let what = what.into();
    move |source| WorkspaceError::Io { what, source }
}

/// Writes a file in one step: it is there as a whole, or as it was.
fn write_whole(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, file))
}

/// Makes the folder a workspace is kept in. Nobody else may enter: commands can make programs in there that run with
/// this user's rights.
fn make_state_folder(state: &Path) -> Result<(), WorkspaceError> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(state)
        .and_then(|()| std::fs::set_permissions(state, PermissionsExt::from_mode(0o700)))
        .map_err(io_error(format!("cannot create {}", state.display())))
}

/// Removes a folder with what is in it; folders that commands or the kernel locked are unlocked first.
fn remove_tree(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let entries = match std::fs::symlink_metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) => {
            if metadata.permissions().mode() & 0o700 != 0o700 {
                std::fs::set_permissions(folder, PermissionsExt::from_mode(0o700))?;
            }
            std::fs::read_dir(folder)?
        }
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    std::fs::remove_dir(folder)
}
