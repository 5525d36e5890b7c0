//! What a commit of ours found and left, file by file, in the working folder and in the index.
//!
//! HEAD alone cannot tell: work of the user that was not committed stood in the same files. With these images a file
//! nobody touched since returns to exactly what it was. They lie in `<git folder>/tenon/images/`, their bytes are plain
//! objects; when git has pruned those, undo merges instead.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::{GitError, files};
use crate::domain::{FileState, RepoPath};

/// One path before and after: in HEAD, in the working folder, in the index.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Image {
    pub(super) path: RepoPath,
    pub(super) head: [Option<Entry>; 2],
    pub(super) tree: [Option<Entry>; 2],
    pub(super) index: [Option<Entry>; 2],
}

impl Image {
    /// The same seen backwards.
    pub(super) fn reversed(mut self) -> Self {
        self.head.reverse();
        self.tree.reverse();
        self.index.reverse();
        self
    }
}

/// Keeps the bytes of a working file as they are, without filters.
pub(super) fn keep(repository: &git2::Repository, state: Option<&FileState>) -> Result<Option<Entry>, GitError> {
    state.map(|state| Ok(Entry::new(repository.blob(&state.bytes)?, state.mode))).transpose()
}

/// Names the bytes of a working file without keeping them.
pub(super) fn name(state: Option<&FileState>) -> Result<Option<Entry>, GitError> {
    let name = |state: &FileState| git2::Oid::hash_object(git2::ObjectType::Blob, &state.bytes);
    state.map(|state| Ok(Entry::new(name(state)?, state.mode))).transpose()
}

/// The bytes again; the outer `None` when git has pruned them.
pub(super) fn bytes(repository: &git2::Repository, entry: Option<Entry>) -> Option<Option<FileState>> {
    let Some(entry) = entry else { return Some(None) };
    let blob = repository.find_blob(entry.id).ok()?;
    Some(Some(FileState { bytes: blob.content().to_vec(), mode: entry.file_mode() }))
}

/// Keeps the images of a commit.
pub(super) fn save(repository: &git2::Repository, commit: git2::Oid, images: &[Image]) -> Result<(), GitError> {
    let path = place(repository, commit);
    files::save_json(&path, &images).map_err(GitError::io(&path))
}

/// The images of a commit by path; none when it is not one of ours.
pub(super) fn load(repository: &git2::Repository, commit: git2::Oid) -> BTreeMap<RepoPath, Image> {
    let read = || serde_json::from_slice::<Vec<Image>>(&fs::read(place(repository, commit)).ok()?).ok();
    read().unwrap_or_default().into_iter().map(|image| (image.path.clone(), image)).collect()
}

fn place(repository: &git2::Repository, commit: git2::Oid) -> PathBuf {
    repository.path().join("tenon").join("images").join(format!("{commit}.json"))
}
