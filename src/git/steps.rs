//! Failing on purpose: how tests prove that an operation stopped anywhere leaves before or after, nothing between.

use std::path::Path;

use super::GitError;

/// Makes an operation fail at one of its writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How many writes succeed before.
    pub after: u32,
    /// Nothing is cleaned up, as if the process had been killed.
    pub kill: bool,
}

/// Counts the writes of one operation.
#[derive(Debug, Default)]
pub(super) struct Steps {
    fault: Option<Fault>,
    done: u32,
    killed: bool,
}

impl Steps {
    pub(super) fn new(fault: Option<Fault>) -> Self {
        Self { fault, done: 0, killed: false }
    }

    /// Called before each write.
    pub(super) fn step(&mut self, path: &Path) -> Result<(), GitError> {
        if let Some(fault) = self.fault
            && self.done >= fault.after
        {
            self.killed = fault.kill;
            let source = std::io::Error::other("this write fails on purpose");
            return Err(GitError::Io { path: path.to_owned(), source });
        }
        self.done += 1;
        Ok(())
    }

    /// The operation is to stop as it stands.
    pub(super) fn killed(&self) -> bool {
        self.killed
    }
}
