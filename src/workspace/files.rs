//! A workspace as the stack room looks at files.

use super::{Workspace, WorkspaceError};
use crate::domain::RepoPath;
use crate::stack::{COUNT_LIMIT, DEPTH_LIMIT, Files, NEAR_DEPTH, SIZE_LIMIT};

/// The files of a workspace. Blocking.
pub struct WorkspaceFiles<'a>(pub &'a dyn Workspace);

impl Files for WorkspaceFiles<'_> {
    fn read(&self, path: &str) -> Option<String> {
        let state = self.0.read(&RepoPath::parse(path).ok()?).ok()?;
        (state.bytes.len() as u64 <= SIZE_LIMIT).then(|| String::from_utf8_lossy(&state.bytes).into_owned())
    }

    fn exists(&self, path: &str) -> bool {
        let Ok(path) = RepoPath::parse(path) else { return false };
        // A linked dependency folder leads outside, and is there all the same.
        !matches!(self.0.read(&path), Err(WorkspaceError::Missing(_) | WorkspaceError::Io { .. }))
    }

    fn list(&self) -> Vec<String> {
        let files = |depth| {
            let entries = self.0.list(None, depth, COUNT_LIMIT).map(|(entries, _)| entries).unwrap_or_default();
            // What gates plant to watch by says nothing of the project.
            let own = |path: &str| !path.starts_with(".tenon-");
            entries
                .into_iter()
                .filter(move |entry| !entry.folder && own(entry.path.as_str()))
                .map(|entry| entry.path.as_str().to_owned())
        };
        let mut paths: Vec<String> = files(DEPTH_LIMIT).collect();
        if paths.len() * 2 >= COUNT_LIMIT {
            // Folders count as well: what is near the root must not be missed for what is deep.
            paths.extend(files(NEAR_DEPTH));
        }
        paths.sort();
        paths.dedup();
        paths
    }
}
