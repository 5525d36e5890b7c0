//! Going to the background, as a program that leaves Ctrl-z to the terminal would.

use std::io;
use std::time::Duration;

use rustix::process::{Signal, kill_current_process_group};
use tokio::signal::unix::{SignalKind, signal};

/// How long the stop is waited for. Where no shell could bring the program back the kernel stops nothing.
const PATIENCE: Duration = Duration::from_millis(200);

/// Stops the program and what it has started, until the shell goes on with it.
pub(super) async fn suspend() -> io::Result<()> {
    let mut resumed = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
    kill_current_process_group(Signal::TSTP)?;
    let _ = tokio::time::timeout(PATIENCE, resumed.recv()).await;
    Ok(())
}
