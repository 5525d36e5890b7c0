//! The helper process: what it is asked, what it answers.
//!
//! It talks over its standard input, a socket whose other end the program holds. One request comes in as a line of
//! JSON, reports go out likewise. When the socket is closed, by wish or because the program died, the helper ends and
//! all it started ends with it.

mod descendants;
mod devices;
mod hold;
mod init;
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

/// What the helper is started for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Probe,
    Hold(Hold),
    Run(Run),
}

/// Hold namespaces with an overlay of the repository until the socket is closed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hold {
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
    /// Gets an overlay whose changes are thrown away.
    pub home: Option<PathBuf>,
    /// Further files and folders that are not to be seen inside.
    pub hidden: Vec<PathBuf>,
}

/// Run one command.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Run {
    /// The process that holds the namespaces to run in; without one it gets its own, as far as they go.
    pub holder: Option<u32>,
    /// For `sh -c`.
    pub command: String,
    /// Where it runs.
    pub folder: PathBuf,
    /// In the network of the machine.
    pub network: bool,
    /// Without a holder: make namespaces for it, because they are possible here.
    pub namespaces: bool,
    /// Without a holder: folders to protect from writing.
    pub read_only: Vec<PathBuf>,
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
