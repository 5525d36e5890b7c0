//! What a tree or an index holds at a path, and how three of them are merged.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::GitError;
use crate::domain::{FileMode, RepoPath};

/// A blob with its mode, as git keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(String, u32)", into = "(String, u32)")]
pub(super) struct Entry {
    pub(super) id: git2::Oid,
    pub(super) mode: u32,
}

const SYMLINK: u32 = 0o120_000;
const EXECUTABLE: u32 = 0o100_755;
const REGULAR: u32 = 0o100_644;

impl Entry {
    pub(super) fn new(id: git2::Oid, mode: FileMode) -> Self {
        let mode = match mode {
            FileMode::Regular => REGULAR,
            FileMode::Executable => EXECUTABLE,
            FileMode::Symlink => SYMLINK,
        };
        Self { id, mode }
    }

    pub(super) fn file_mode(self) -> FileMode {
        match self.mode {
            SYMLINK => FileMode::Symlink,
            EXECUTABLE => FileMode::Executable,
            _ => FileMode::Regular,
        }
    }

    pub(super) fn is_symlink(self) -> bool {
        self.mode == SYMLINK
    }
}

impl From<Entry> for (String, u32) {
    fn from(entry: Entry) -> Self {
        (entry.id.to_string(), entry.mode)
    }
}

impl TryFrom<(String, u32)> for Entry {
    type Error = String;

    fn try_from((id, mode): (String, u32)) -> Result<Self, String> {
        let id = git2::Oid::from_str(&id).map_err(|error| error.message().to_owned())?;
        Ok(Self { id, mode })
    }
}

/// How two versions are compared: a link in the place of a file is one difference, not a deletion and an addition.
pub(super) fn comparing() -> git2::DiffOptions {
    let mut options = git2::DiffOptions::new();
    options.include_typechange(true);
    options
}

/// What a tree holds at a path; a folder is nothing.
pub(super) fn in_tree(tree: Option<&git2::Tree<'_>>, path: &RepoPath) -> Result<Option<Entry>, GitError> {
    let Some(tree) = tree else { return Ok(None) };
    match tree.get_path(Path::new(path.as_str())) {
        Ok(found) => match found.kind() {
            Some(git2::ObjectType::Blob) => {
                Ok(Some(Entry { id: found.id(), mode: u32::try_from(found.filemode()).unwrap_or(REGULAR) }))
            }
            Some(git2::ObjectType::Commit) => Err(GitError::InTheWay { path: path.clone(), what: "a submodule" }),
            _ => Ok(None),
        },
        Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The result of merging three entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    Clean(Option<Entry>),
    Conflict,
}

/// Three-way merge of what stands at one path: mode and content each on their own.
pub(super) fn merge(
    repository: &git2::Repository,
    base: Option<Entry>,
    ours: Option<Entry>,
    theirs: Option<Entry>,
) -> Result<Merge, GitError> {
    if ours == theirs || theirs == base {
        return Ok(Merge::Clean(ours));
    }
    if ours == base {
        return Ok(Merge::Clean(theirs));
    }
    let (Some(base), Some(ours), Some(theirs)) = (base, ours, theirs) else { return Ok(Merge::Conflict) };
    let pick = |base: u32, ours: u32, theirs: u32| if ours == base { theirs } else { ours };
    let mode = pick(base.mode, ours.mode, theirs.mode);
    let id = if ours.id == base.id || ours.id == theirs.id {
        theirs.id
    } else if theirs.id == base.id {
        ours.id
    } else if [base, ours, theirs].iter().any(|entry| entry.is_symlink()) {
        return Ok(Merge::Conflict);
    } else {
        let [base, ours, theirs] = [base, ours, theirs].map(|entry| repository.find_blob(entry.id));
        match merge_text(base?.content(), ours?.content(), theirs?.content())? {
            Some(bytes) => repository.blob(&bytes)?,
            None => return Ok(Merge::Conflict),
        }
    };
    Ok(Merge::Clean(Some(Entry { id, mode })))
}

/// Three-way merge of text as git does it; `None` when it conflicts or is no text.
pub(super) fn merge_text(base: &[u8], ours: &[u8], theirs: &[u8]) -> Result<Option<Vec<u8>>, GitError> {
    if [base, ours, theirs].iter().any(|bytes| bytes.iter().take(8_000).any(|b| *b == 0)) {
        return Ok(None);
    }
    let input = |bytes| {
        let mut input = git2::MergeFileInput::new();
        input.content(bytes);
        input
    };
    let merged = git2::merge_file(&input(base), &input(ours), &input(theirs), None)?;
    Ok(merged.is_automergeable().then(|| merged.content().to_vec()))
}
