//! A workspace as the stack room looks at files.

use crate::domain::RepoPath;
use crate::stack::Files;
use crate::workspace::{Workspace, WorkspaceError};

const DEPTH: usize = 6;
const COUNT: usize = 20_000;
const SIZE: usize = 1024 * 1024;

/// The files of a workspace. Blocking.
pub struct WorkspaceFiles<'a>(pub &'a dyn Workspace);

impl Files for WorkspaceFiles<'_> {
    fn read(&self, path: &str) -> Option<String> {
        let state = self.0.read(&RepoPath::parse(path).ok()?).ok()?;
        (state.bytes.len() <= SIZE).then(|| String::from_utf8_lossy(&state.bytes).into_owned())
    }

    fn exists(&self, path: &str) -> bool {
        let Ok(path) = RepoPath::parse(path) else { return false };
        // A linked dependency folder leads outside, and is there all the same.
        !matches!(self.0.read(&path), Err(WorkspaceError::Missing(_) | WorkspaceError::Io { .. }))
    }

    fn list(&self) -> Vec<String> {
        let entries = self.0.list(None, DEPTH, COUNT).map(|(entries, _)| entries).unwrap_or_default();
        let files = entries.into_iter().filter(|entry| !entry.folder);
        let mut paths: Vec<String> = files.map(|entry| entry.path.as_str().to_owned()).collect();
        paths.sort();
        paths
    }
}
