//! Commands whose output is looked at when they have ended.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Exit, Job, Workspace, WorkspaceError};

/// Runs a command and returns how it ended, with what it wrote: its first `most` bytes or a piece more, as lossy UTF-8.
pub async fn run_whole(
    workspace: &dyn Workspace,
    job: Job,
    cancel: CancellationToken,
    most: usize,
) -> (Result<Exit, WorkspaceError>, String) {
    let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(32);
    let reading = async {
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            if all.len() < most {
                all.extend_from_slice(&piece);
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    };
    tokio::join!(workspace.run(job, sender, cancel), reading)
}
