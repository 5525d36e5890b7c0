//! Commands that go on running: servers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::process::{self, Started};
use super::{Exit, Job, WorkspaceError};

/// How this program reaches a TCP port that commands of a workspace listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A connection to this socket arrives at the port on the loopback of the task's own network.
    Unix(PathBuf),
    /// The port on the loopback of this machine: nothing keeps it apart.
    Tcp(u16),
}

/// A server that runs in a workspace. It ends, with all it started, when this is dropped, and when the workspace is
/// reset or closed.
pub struct Served {
    state: Arc<State>,
}

struct State {
    /// The helper all processes of the server descend from.
    root: Option<u32>,
    /// It uses the network of the machine.
    network: bool,
    stop: CancellationToken,
    exit: watch::Receiver<Option<Result<Exit, String>>>,
}

impl Served {
    /// The TCP ports it listens on at this moment, sorted; of its own processes only.
    pub fn ports(&self) -> Vec<u16> {
        self.state.ports()
    }

    /// How it ended; `None` while it runs. A server that was stopped ended as [`Exit::Cancelled`].
    pub fn exit(&self) -> Option<Result<Exit, WorkspaceError>> {
        let ended = self.state.exit.borrow().clone();
        ended.map(|ended| ended.map_err(WorkspaceError::Isolation))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The isolation could not be entered.
    pub async fn ended(&self) -> Result<Exit, WorkspaceError> {
        self.state.ended().await
    }

    /// Waits until it listens on `wanted`, or on any port, and returns that port; `None` when it ended before, or when
    /// `patience` is over.
    pub async fn listens(&self, wanted: Option<u16>, patience: Duration) -> Option<u16> {
        const LOOK: Duration = Duration::from_millis(40);
        let look = async {
            loop {
                let ports = self.ports();
                match wanted {
                    Some(port) if ports.contains(&port) => return Some(port),
                    None if !ports.is_empty() => return ports.first().copied(),
                    _ if self.exit().is_some() => return None,
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
        };
        tokio::time::timeout(patience, look).await.ok().flatten()
    }

    /// Ends it with all it started, and returns when nothing of it is left.
    ///
    /// # Errors
    /// The isolation was lost.
    pub async fn stop(self) -> Result<Exit, WorkspaceError> {
        self.state.stop.cancel();
        self.state.ended().await
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.state.stop.cancel();
    }
}

impl State {
    #[cfg(target_os = "linux")]
    fn ports(&self) -> Vec<u16> {
        self.root.map(super::processes::listening).unwrap_or_default()
    }

    /// Elsewhere nothing tells; who knows the port may try it.
    #[cfg(not(target_os = "linux"))]
    fn ports(&self) -> Vec<u16> {
        Vec::new()
    }

    async fn ended(&self) -> Result<Exit, WorkspaceError> {
        let mut exit = self.exit.clone();
        let lost = || WorkspaceError::Isolation("the server is gone with the program that watched it".to_owned());
        let ended = exit.wait_for(Option::is_some).await.map_err(|_| lost())?.clone();
        ended.ok_or_else(lost)?.map_err(WorkspaceError::Isolation)
    }
}

/// The servers of a workspace; they end with it.
#[derive(Default)]
pub(super) struct Servers(Mutex<Vec<Arc<State>>>);

impl Servers {
    /// Follows a started command in the background. `guard` is kept until it has ended.
    pub fn keep(
        &self,
        started: Started,
        job: &Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: &CancellationToken,
        guard: impl Send + 'static,
    ) -> Served {
        let (ended, exit) = watch::channel(None);
        let stop = cancel.child_token();
        let state = Arc::new(State { root: started.id(), network: job.network, stop: stop.clone(), exit });
        let limit = job.limit;
        tokio::spawn(async move {
            let result = process::follow(started, limit, output, stop).await;
            drop(guard);
            let _ = ended.send(Some(result.map_err(|error| error.to_string())));
        });
        let mut all = self.lock();
        all.retain(|state| state.exit.borrow().is_none());
        all.push(Arc::clone(&state));
        Served { state }
    }

    /// Whether a server that uses the network of the machine listens on a port.
    pub fn outside(&self, port: u16) -> bool {
        self.lock().iter().any(|state| state.network && state.exit.borrow().is_none() && state.ports().contains(&port))
    }

    /// Whether one of them runs.
    pub fn any(&self) -> bool {
        self.lock().iter().any(|state| state.exit.borrow().is_none())
    }

    /// Asks all of them to end.
    pub fn stop(&self) {
        self.lock().iter().for_each(|state| state.stop.cancel());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<State>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Ends all servers and waits for the commands that run, so that the files can be changed underneath.
pub(super) async fn alone<'a>(
    running: &'a tokio::sync::RwLock<()>,
    servers: &Servers,
) -> tokio::sync::RwLockWriteGuard<'a, ()> {
    let mut lock = std::pin::pin!(running.write());
    loop {
        // Again and again, because one may have been about to start.
        servers.stop();
        tokio::select! {
            biased;
            alone = &mut lock => return alone,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
}
