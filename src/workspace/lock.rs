//! One process at a time in one place.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::{WorkspaceError, io_error};

const NAME: &str = "lock";

/// Held as long as this process works in a workspace's state folder; given up however the process ends.
pub(super) struct Lock(File);

impl Lock {
    /// Takes the lock of a state folder.
    pub fn take(state: &Path) -> Result<Self, WorkspaceError> {
        let file = File::create(state.join(NAME)).map_err(io_error(format!("cannot write to {}", state.display())))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            WorkspaceError::Isolation(format!("another process works in {}; end it first", state.display()))
        })?;
        Ok(Self(file))
    }

    /// Whether somebody works in a state folder.
    pub fn is_held(state: &Path) -> bool {
        let Ok(file) = File::open(state.join(NAME)) else { return false };
        flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Not by closing: a process that is being started right now may still have a copy of the file.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}
