//! A frozen draft and what the user decides on it.

use serde::{Deserialize, Serialize};

use super::{ContentHash, HunkId, ProposalId, RepoPath};

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there.
    Add,
    /// Its content or mode is different.
    Edit,
    /// It is gone.
    Delete,
    /// It has another path; `old_path` names where it was.
    Rename,
}

/// The part of a file's mode that git keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMode {
    /// 100644
    #[default]
    Regular,
    /// 100755
    Executable,
    /// 120000: the content is the target.
    Symlink,
}

impl FileMode {
    /// The six digits git writes.
    pub const fn octal(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }
}

/// One change to one file, bound to the bytes before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Where the file is after the change (for a deletion: was).
    pub path: RepoPath,
    /// What happened.
    pub kind: ChangeKind,
    /// Where a renamed file was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_path: Option<RepoPath>,
    /// Hash of the bytes before; `None` for an addition.
    #[serde(default)]
    pub base: Option<ContentHash>,
    /// Hash of the bytes after; `None` for a deletion.
    #[serde(default)]
    pub result: Option<ContentHash>,
    /// Mode before.
    #[serde(default)]
    pub old_mode: FileMode,
    /// Mode after.
    #[serde(default)]
    pub mode: FileMode,
    /// The content is not text on one of the two sides, so it is decided as a whole.
    #[serde(default)]
    pub binary: bool,
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
    /// The parts that can be decided one by one. A change without text to compare (binary, mode only, empty file,
    /// pure rename) has exactly one, with both ranges `[0, 0]`.
    pub hunks: Vec<Hunk>,
}

impl FileChange {
    /// How much is different, in a few characters: lines, or what else there is where no line is.
    pub fn size(&self) -> String {
        if self.binary {
            return "binary".to_owned();
        }
        let lines = format!("+{} −{}", self.added, self.removed);
        let mode = (self.kind != ChangeKind::Add && self.old_mode != self.mode)
            .then(|| format!("mode {} → {}", self.old_mode.octal(), self.mode.octal()));
        match (mode, self.added + self.removed) {
            (Some(mode), 0) => mode,
            (Some(mode), _) => format!("{lines}, {mode}"),
            (None, 0) if self.kind == ChangeKind::Rename => "renamed".to_owned(),
            (None, _) => lines,
        }
    }
}

/// A run of changed lines with its context: the unit of a verdict. The lines themselves follow from the two blobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// Derived from path and changed content.
    pub id: HunkId,
    /// `[start, lines]` before, context included, as in a unified diff header.
    pub old: [usize; 2],
    /// `[start, lines]` after, likewise.
    pub new: [usize; 2],
    /// How many of its lines are changed: removed and added ones. 0 where there is no text to compare, and in journals
    /// that do not tell.
    #[serde(default)]
    pub changed: usize,
}

/// A frozen draft: what the user is shown and decides on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its name in the session.
    pub id: ProposalId,
    /// One line, for people.
    pub title: String,
    /// The commit message drafted for it.
    pub message: String,
    /// Hash over all changes (paths, modes, base and result hashes): what evidence and verdicts are pinned to.
    pub hash: ContentHash,
    /// The changes, ordered by path.
    pub changes: Vec<FileChange>,
}

impl Proposal {
    /// All hunks with the change they belong to, in order.
    pub fn hunks(&self) -> impl Iterator<Item = (&FileChange, &Hunk)> {
        self.changes.iter().flat_map(|change| change.hunks.iter().map(move |hunk| (change, hunk)))
    }
}

/// How a workspace keeps what happens inside away from the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Overlay in Linux namespaces: file system, processes and network are contained.
    Overlay,
    /// A copy of the files: the repository is safe from edits, but commands can reach everything else.
    Copy,
}
