//! Files of the working folder, one at a time. Symlinks are never followed, neither as files nor on the way.

use std::ffi::OsStr;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use serde::Serialize;

use super::GitError;
use crate::domain::{FileMode, FileState, RepoPath};

/// What a file holds; `None` when there is no file (nothing, or a folder).
pub(super) fn read(root: &Path, path: &RepoPath) -> Result<Option<FileState>, GitError> {
    no_symlink_above(root, path)?;
    let at = path.under(root);
    let metadata = match fs::symlink_metadata(&at) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(source) => return Err(GitError::Io { path: at, source }),
    };
    if metadata.is_dir() {
        return Ok(None);
    }
    if metadata.is_symlink() {
        let target = fs::read_link(&at).map_err(GitError::io(&at))?;
        return Ok(Some(FileState { bytes: target.into_os_string().into_vec(), mode: FileMode::Symlink }));
    }
    if !metadata.is_file() {
        return Err(GitError::InTheWay { path: path.clone(), what: "a special file" });
    }
    let bytes = fs::read(&at).map_err(GitError::io(&at))?;
    Ok(Some(FileState { bytes, mode: mode_of(&metadata) }))
}

fn mode_of(metadata: &Metadata) -> FileMode {
    if metadata.mode() & 0o100 == 0 { FileMode::Regular } else { FileMode::Executable }
}

fn no_symlink_above(root: &Path, path: &RepoPath) -> Result<(), GitError> {
    let mut at = root.to_owned();
    let Some(parent) = path.parent() else { return Ok(()) };
    for name in parent.split('/') {
        at.push(name);
        match fs::symlink_metadata(&at) {
            Ok(metadata) if metadata.is_symlink() => {
                return Err(GitError::InTheWay { path: path.clone(), what: "a symlink to another folder" });
            }
            Ok(metadata) if metadata.is_dir() => {}
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// Makes a new file that holds `state`. With `like`, permissions and owner follow the file it is to replace.
pub(super) fn create(at: &Path, state: &FileState, like: Option<&Metadata>) -> io::Result<()> {
    if state.mode == FileMode::Symlink {
        return std::os::unix::fs::symlink(OsStr::from_bytes(&state.bytes), at);
    }
    let wanted = if state.mode == FileMode::Executable { 0o777 } else { 0o666 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(wanted).open(at)?;
    file.write_all(&state.bytes)?;
    if let Some(like) = like.filter(|like| like.is_file()) {
        let mut bits = like.mode() & 0o7777;
        if mode_of(like) != state.mode {
            // As git does it: whoever may read may execute.
            bits = if state.mode == FileMode::Executable { bits | (bits & 0o444) >> 2 } else { bits & !0o111 };
        }
        let now = file.metadata()?;
        if (now.uid(), now.gid()) != (like.uid(), like.gid()) {
            // Only possible with the right to do so; without it the file is simply ours.
            let _ = std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()));
        }
        file.set_permissions(fs::Permissions::from_mode(bits))?;
    }
    file.sync_data()
}

/// Moves a file to another place, over what is there, also across file systems.
pub(super) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let beside = to.with_file_name(format!(".tenon-{}-{name}", std::process::id()));
            copy(from, &beside)?;
            fs::rename(&beside, to)?;
            fs::remove_file(from)
        }
        done => done,
    }
}

/// Writes a value as JSON: all of it or nothing, and on the disk when this returns.
pub(super) fn save_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut file, value)?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    Ok(())
}

/// A second name for a file, or a copy where the file system has no such thing.
pub(super) fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to).or_else(|_| copy(from, to))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(from)?.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)
    } else {
        fs::copy(from, to).map(|_| ())
    }
}

/// Removes folders above a path that are empty, up to the root.
pub(super) fn prune(root: &Path, path: &RepoPath) {
    let mut folder = path.parent();
    while let Some(name) = folder {
        if fs::remove_dir(root.join(name)).is_err() {
            return;
        }
        folder = name.rsplit_once('/').map(|(above, _)| above);
    }
}
