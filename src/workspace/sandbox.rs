//! The helper process: what it is asked, what it answers.
//!
//! It talks over its standard input, a socket whose other end the program holds. One request comes in as a line of
//! JSON, reports go out likewise. When the socket is closed, by wish or because the program died, the helper ends and
//! all it started ends with it.

mod descendants;
mod devices;
mod forward;
pub(super) mod group;
mod hold;
mod init;
pub(super) mod limits;
mod mounts;
mod namespaces;
mod run;
mod system;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::limits::{Limit, Limits};

/// What the helper is started for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Probe,
    Hold(Hold),
    Run(Run),
    Forward(Forward),
}

impl Request {
    /// The word that shows in the list of processes what a helper is for.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Hold(_) => "hold",
            Self::Run(_) => "run",
            Self::Forward(_) => "forward",
        }
    }
}

/// Hold namespaces until the socket is closed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hold {
    /// What is seen of the file system in them; without one it is the machine's.
    pub view: Option<View>,
    /// Files and folders of the machine that are not to be seen inside.
    pub hidden: Vec<PathBuf>,
}

/// An overlay of the repository, and a machine around it that cannot be written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct View {
    /// Where the overlay is mounted: the repository's own path.
    pub repository: PathBuf,
    /// What lies below, nearest first.
    pub lowers: Vec<PathBuf>,
    /// Takes the changes.
    pub upper: PathBuf,
    /// The kernel's own.
    pub work: PathBuf,
    /// The workspace's state, not to be seen inside.
    pub state: PathBuf,
    /// Takes temporary files: one folder below it for each place of them.
    pub scratch: PathBuf,
    /// The most bytes of memory that files in it may take.
    pub in_memory: u64,
    /// Gets an overlay whose changes are thrown away.
    pub home: Option<PathBuf>,
}

/// Connect a socket to a port of a holder's network until the control socket is closed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Forward {
    /// The process that holds the network.
    pub holder: u32,
    /// The port on its loopback.
    pub port: u16,
    /// Where to listen.
    pub socket: PathBuf,
}

/// Run one command.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Run {
    /// The process that holds the namespaces to run in; without one it runs in those of the machine.
    pub holder: Option<u32>,
    /// For `sh -c`.
    pub command: String,
    /// Where it runs.
    pub folder: PathBuf,
    /// In the network of the machine.
    pub network: bool,
    /// Folders to protect from writing; with a holder only.
    pub read_only: Vec<PathBuf>,
    /// Files that look different to it; with a holder only.
    pub covers: Vec<Cover>,
    /// What it may use.
    pub limits: Limits,
}

/// A file that is covered by another one, which cannot be written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cover {
    /// The file.
    pub path: PathBuf,
    /// What is seen in its place.
    pub by: By,
}

/// What covers a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum By {
    Text(String),
    File(PathBuf),
}

/// What the helper says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// What is not possible here, with the reason; `None` is possible.
    Probed {
        namespaces: Option<String>,
        overlay: Option<String>,
    },
    Ready,
    Exit(i32),
    Signal(i32),
    Exceeded(Limit),
    Failed(String),
}

/// Sends a message as one line.
pub(super) fn send(stream: &mut UnixStream, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// The last message there is until the other side closes.
pub(super) fn receive_last(stream: &mut UnixStream) -> Option<Report> {
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.lines().last().and_then(|line| serde_json::from_str(line).ok())
}

/// The next message; waits for it.
pub(super) fn receive(stream: &mut UnixStream) -> io::Result<Report> {
    Ok(serde_json::from_str(&receive_line(stream)?)?)
}

/// The first line; no byte more is taken from the stream.
fn receive_line(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return String::from_utf8(line).map_err(io::Error::other);
        }
        line.push(byte[0]);
    }
}

/// Answers the request on standard input.
pub(super) fn main(_arguments: &[OsString]) -> i32 {
    match conversation() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("tenon sandbox: {error}; this is started by tenon itself, not by people");
            2
        }
    }
}

fn conversation() -> io::Result<()> {
    system::close_inherited_on_exec();
    // What ends the program's terminal or its process group (Ctrl-C, a hang-up) is the program's to answer. It fails
    // only where this is already the first of a group.
    let _ = rustix::process::setsid();
    let _ = rustix::thread::set_name(c"tenon-sandbox");
    // A copy that commands do not inherit.
    let socket: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    let mut stream = UnixStream::from(socket);
    stream.peer_addr()?;
    let request: Request = serde_json::from_str(&receive_line(&mut stream)?)?;
    let failed = match request {
        Request::Probe => hold::probe(&mut stream),
        Request::Hold(request) => hold::hold(&request, &mut stream),
        Request::Run(request) => run::run(request, &mut stream),
        Request::Forward(request) => forward::forward(&request, &mut stream),
    };
    if let Err(why) = failed {
        send(&mut stream, &Report::Failed(why.to_string()))?;
    }
    Ok(())
}

/// What failed, in the words of a person.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
struct Failure {
    what: String,
    source: io::Error,
}

/// Names what was tried.
fn failed<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Failure {
    let what = what.into();
    move |error| Failure { what, source: error.into() }
}
