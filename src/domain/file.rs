//! Files as they pass between workspace, proposal and git.

use super::{FileMode, RepoPath};

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// The bytes; of a symlink, its target.
    pub bytes: Vec<u8>,
    /// The mode git keeps.
    pub mode: FileMode,
}

/// A file that is different from base. `None` on a side means it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it is.
    pub path: RepoPath,
    /// In the user's tree.
    pub base: Option<FileState>,
    /// In the workspace.
    pub result: Option<FileState>,
}
