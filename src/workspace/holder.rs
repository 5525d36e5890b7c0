//! The helper process that holds the namespaces, seen from outside.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::sandbox::{Forward, Hold, Report, Request, receive, send};
use super::tree::Tree;
use super::{Environment, Reach, WorkspaceError, io_error};

/// How long setting up may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest path a socket can have, with room for the name of a port.
const LONGEST_SOCKET: usize = 90;

/// A running holder; dropping it ends it, and with it the mounts and the ways in.
pub(super) struct Holder {
    process: Process,
    forwarders: Mutex<BTreeMap<u16, Forwarder>>,
}

struct Process {
    id: u32,
    child: Mutex<Child>,
    /// The helper ends when this is closed, also when this program is killed.
    control: UnixStream,
}

/// A process that connects a socket of this program to a port inside.
struct Forwarder {
    process: Process,
    socket: PathBuf,
    /// Where the socket lies when the state folder's own path is too long for one.
    _folder: Option<tempfile::TempDir>,
}

impl Holder {
    /// Starts a holder and waits until its namespaces and mounts stand.
    pub fn start(helper: &Path, environment: &Environment, request: Hold) -> Result<Self, WorkspaceError> {
        let process = ready(helper, environment, &Request::Hold(request))?;
        Ok(Self { process, forwarders: Mutex::default() })
    }

    /// The files as commands see them.
    pub fn view(&self, root: &Path) -> Result<Tree, WorkspaceError> {
        let root = root.strip_prefix("/").unwrap_or(root);
        let path = PathBuf::from(format!("/proc/{}/root", self.process.id)).join(root);
        Tree::open(&path).map_err(io_error("cannot look into the sandbox"))
    }

    /// The number of the process that holds the namespaces. It stays ours until it is waited for.
    pub fn id(&self) -> u32 {
        self.process.id
    }

    /// Whether it has ended, which only somebody else can have done.
    pub fn has_ended(&self) -> bool {
        self.process.has_ended()
    }

    /// A socket that leads to a port in these namespaces. `folder` takes the socket.
    pub fn reach(
        &self,
        helper: &Path,
        environment: &Environment,
        folder: &Path,
        port: u16,
    ) -> Result<Reach, WorkspaceError> {
        let mut forwarders = self.forwarders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = forwarders.get(&port).filter(|known| !known.process.has_ended()) {
            return Ok(Reach::Unix(known.socket.clone()));
        }
        let forwarder = Forwarder::start(helper, environment, self.id(), folder, port)?;
        let socket = forwarder.socket.clone();
        forwarders.insert(port, forwarder);
        Ok(Reach::Unix(socket))
    }
}

impl Forwarder {
    fn start(
        helper: &Path,
        environment: &Environment,
        holder: u32,
        folder: &Path,
        port: u16,
    ) -> Result<Self, WorkspaceError> {
        let failed = || io_error("cannot make a place for the socket");
        let (folder, own) = if folder.as_os_str().len() <= LONGEST_SOCKET {
            super::make_state_folder(folder)?;
            (folder.to_owned(), None)
        } else {
            let own = tempfile::Builder::new().prefix(super::leftovers::SOCKETS).tempdir().map_err(failed())?;
            (own.path().to_owned(), Some(own))
        };
        let socket = folder.join(port.to_string());
        // One that an earlier process left: nobody listens on it any more.
        let _ = std::fs::remove_file(&socket);
        let request = Request::Forward(Forward { holder, port, socket: socket.clone() });
        let process = ready(helper, environment, &request)?;
        Ok(Self { process, socket, _folder: own })
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl Process {
    fn converse(&mut self, request: &Request) -> std::io::Result<Report> {
        self.control.set_read_timeout(Some(PATIENCE))?;
        send(&mut self.control, request)?;
        receive(&mut self.control)
    }

    fn has_ended(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// What is possible on this machine: reasons against namespaces, and against an overlay in them.
pub(super) fn probe(helper: &Path) -> (Option<String>, Option<String>) {
    match ask(helper, &Environment::default(), &Request::Probe) {
        Ok((_, Report::Probed { namespaces, overlay })) => (namespaces, overlay),
        Ok((_, other)) => {
            let why = format!("the sandbox's helper said {other:?}");
            (Some(why.clone()), Some(why))
        }
        Err(error) => (Some(error.to_string()), Some(error.to_string())),
    }
}

/// Starts a helper that goes on running, and waits until it says that it is ready.
fn ready(helper: &Path, environment: &Environment, request: &Request) -> Result<Process, WorkspaceError> {
    match ask(helper, environment, request)? {
        (process, Report::Ready) => Ok(process),
        (_, Report::Failed(why)) => Err(WorkspaceError::Isolation(why)),
        (_, other) => Err(WorkspaceError::Isolation(format!("the sandbox's helper said {other:?}"))),
    }
}

fn ask(helper: &Path, environment: &Environment, request: &Request) -> Result<(Process, Report), WorkspaceError> {
    let (control, theirs) = UnixStream::pair().map_err(io_error("cannot make a socket pair"))?;
    let child = Command::new(helper)
        .args(["sandbox", request.word()])
        .env_clear()
        .envs(environment.iter())
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(io_error(format!("cannot start the sandbox's helper {}", helper.display())))?;
    // Owned from here on, so that an error below ends the process.
    let mut process = Process { id: child.id(), child: Mutex::new(child), control };
    let report = process.converse(request).map_err(io_error("the sandbox's helper does not answer"))?;
    Ok((process, report))
}
