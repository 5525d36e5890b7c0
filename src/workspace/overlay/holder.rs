//! The helper process that holds the namespaces, seen from outside.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::workspace::sandbox::{Hold, Report, Request, receive, send};
use crate::workspace::tree::Tree;
use crate::workspace::{Environment, WorkspaceError, io_error};

/// How long setting up may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running holder; dropping it ends it, and with it the mounts.
pub(super) struct Holder {
    /// The files as commands see them.
    pub view: Tree,
    process: Process,
}

struct Process {
    id: u32,
    child: Mutex<Child>,
    /// The holder ends when this is closed, also when this program is killed.
    control: UnixStream,
}

impl Holder {
    /// Starts a holder and waits until its mounts stand.
    pub fn start(helper: &Path, environment: &Environment, request: Hold) -> Result<Self, WorkspaceError> {
        let root = request.repository.clone();
        let (process, report) = ask(helper, environment, &Request::Hold(request))?;
        match report {
            Report::Ready => {}
            Report::Failed(why) => return Err(WorkspaceError::Isolation(why)),
            other => return Err(WorkspaceError::Isolation(format!("the sandbox's helper said {other:?}"))),
        }
        let root = root.strip_prefix("/").unwrap_or(&root);
        let path = PathBuf::from(format!("/proc/{}/root", process.id)).join(root);
        let view = Tree::open(&path).map_err(io_error("cannot look into the sandbox"))?;
        Ok(Self { view, process })
    }

    /// The number of the process that holds the namespaces. It stays ours until it is waited for.
    pub fn id(&self) -> u32 {
        self.process.id
    }

    /// Whether it has ended, which only somebody else can have done.
    pub fn has_ended(&self) -> bool {
        let mut child = self.process.child.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(child.try_wait(), Ok(None))
    }
}

impl Process {
    fn converse(&mut self, request: &Request) -> std::io::Result<Report> {
        self.control.set_read_timeout(Some(PATIENCE))?;
        send(&mut self.control, request)?;
        receive(&mut self.control)
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
pub(in crate::workspace) fn probe(helper: &Path) -> (Option<String>, Option<String>) {
    match ask(helper, &Environment::default(), &Request::Probe) {
        Ok((_, Report::Probed { namespaces, overlay })) => (namespaces, overlay),
        Ok((_, other)) => {
            let why = format!("the sandbox's helper said {other:?}");
            (Some(why.clone()), Some(why))
        }
        Err(error) => (Some(error.to_string()), Some(error.to_string())),
    }
}

fn ask(helper: &Path, environment: &Environment, request: &Request) -> Result<(Process, Report), WorkspaceError> {
    let (control, theirs) = UnixStream::pair().map_err(io_error("cannot make a socket pair"))?;
    let word = match request {
        Request::Probe => "probe",
        Request::Hold(_) => "hold",
        Request::Run(_) => "run",
    };
    let child = Command::new(helper)
        .args(["sandbox", word])
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
