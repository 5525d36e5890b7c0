//! Files beneath a root that nothing leads out of.
//!
//! Every access is resolved beneath an open folder (`openat2` with `RESOLVE_BENEATH` on Linux), so a symlink that
//! points outside is an error even when a running command swaps it in at the last moment.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};

use super::{WorkspaceError, io_error};
use crate::domain::{FileMode, FileState, RepoPath};

/// The largest file that is read into memory.
pub(super) const LARGEST: u64 = 256 << 20;

/// What lies at a path, symlinks not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Symlink,
    /// A fifo, socket or device.
    Other,
}

/// An entry of a folder.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub name: OsString,
    pub kind: Kind,
}

/// A root folder held open.
pub(super) struct Tree {
    dir: Dir,
}

impl Tree {
    /// Opens a folder as a root.
    pub fn open(path: &Path) -> io::Result<Self> {
        Dir::open_ambient_dir(path, ambient_authority()).map(|dir| Self { dir })
    }

    /// The entries of a folder in git's order: a folder sorts as if its name ended in `/`. The root is the empty path.
    pub fn entries(&self, folder: &Path) -> io::Result<Vec<Found>> {
        let reader = if folder.as_os_str().is_empty() { self.dir.entries() } else { self.dir.read_dir(folder) }?;
        let mut found = Vec::new();
        for entry in reader {
            let entry = entry?;
            found.push(Found { name: entry.file_name(), kind: kind_of(entry.file_type()?) });
        }
        found.sort_by_cached_key(|entry| {
            let mut key = entry.name.as_encoded_bytes().to_vec();
            if entry.kind == Kind::Folder {
                key.push(b'/');
            }
            key
        });
        Ok(found)
    }

    /// What lies at a path; `None` when nothing does.
    pub fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        Ok(self.metadata(path)?.map(|metadata| kind_of(metadata.file_type())))
    }

    /// Where a path leads when all symlinks are followed; itself when it leads nowhere or outside.
    pub fn real(&self, path: &Path) -> PathBuf {
        self.dir.canonicalize(path).unwrap_or_else(|_| path.to_owned())
    }

    /// Metadata without following a symlink at the end; `None` when nothing is there.
    pub fn metadata(&self, path: &Path) -> io::Result<Option<Metadata>> {
        match self.dir.symlink_metadata(path) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The file or symlink at a path as git would store it; `None` when nothing or something else is there.
    pub fn state(&self, path: &Path) -> io::Result<Option<FileState>> {
        let Some(metadata) = self.metadata(path)? else { return Ok(None) };
        match kind_of(metadata.file_type()) {
            Kind::Symlink => {
                let target = self.dir.read_link_contents(path)?;
                let bytes = target.into_os_string().into_encoded_bytes();
                Ok(Some(FileState { bytes, mode: FileMode::Symlink }))
            }
            Kind::File => self.slurp(path).map(Some),
            Kind::Folder | Kind::Other => Ok(None),
        }
    }

    /// Whether a folder on the way to a path is a symlink: what is seen there belongs to another path.
    pub fn is_behind_symlink(&self, path: &Path) -> bool {
        let above = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        above.into_iter().any(|folder| matches!(self.kind(folder), Ok(Some(Kind::Symlink))))
    }

    /// The bytes of a small file that may be missing: ignore files, git's own small files.
    pub fn optional(&self, path: &Path) -> Option<Vec<u8>> {
        self.slurp(path).ok().map(|state| state.bytes)
    }

    /// An open file for searching; not a fifo, whose opening would never end.
    pub fn open_file(&self, path: &Path) -> io::Result<std::fs::File> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let file = self.dir.open_with(path, &options)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(file.into_std())
    }

    /// Reads a file; symlinks that stay inside are followed.
    pub fn read(&self, path: &RepoPath) -> Result<FileState, WorkspaceError> {
        let metadata = self.dir.metadata(path).map_err(|error| failure(path, "read", error))?;
        match kind_of(metadata.file_type()) {
            Kind::Folder => Err(WorkspaceError::Kind { path: path.clone(), what: "a folder, not a file" }),
            Kind::Other => {
                Err(WorkspaceError::Kind { path: path.clone(), what: "a fifo, socket or device, not a file" })
            }
            Kind::File | Kind::Symlink if metadata.len() > LARGEST => {
                Err(WorkspaceError::Kind { path: path.clone(), what: "larger than 256 MiB, too large to read" })
            }
            Kind::File | Kind::Symlink => self.slurp(path.as_ref()).map_err(|error| failure(path, "read", error)),
        }
    }

    /// Writes a file in one step: a reader sees the old bytes or the new ones.
    pub fn write(&self, path: &RepoPath, bytes: &[u8], mode: Option<FileMode>) -> Result<(), WorkspaceError> {
        let fail = |error| failure(path, "write", error);
        let mut target = PathBuf::from(path.as_str());
        let mut existing = self.metadata(&target).map_err(fail)?;
        if mode.is_none() && existing.as_ref().is_some_and(Metadata::is_symlink) {
            target = self.dir.canonicalize(&target).map_err(fail)?;
            existing = self.metadata(&target).map_err(fail)?;
        }
        match existing.as_ref().map(|metadata| kind_of(metadata.file_type())) {
            Some(Kind::Folder) => {
                return Err(WorkspaceError::Kind { path: path.clone(), what: "a folder, not a file" });
            }
            Some(Kind::Other) => {
                return Err(WorkspaceError::Kind { path: path.clone(), what: "a fifo, socket or device, not a file" });
            }
            Some(Kind::Symlink) => existing = None,
            Some(Kind::File) | None => {}
        }
        let folder = self.folder_for(path, &target)?;
        let Some(name) = target.file_name() else { return Err(WorkspaceError::Missing(path.clone())) };
        let temporary = format!(".tenon-{:016x}", fastrand::u64(..));
        let written = write_temporary(&folder, &temporary, bytes, mode, existing.as_ref())
            .and_then(|()| folder.rename(&temporary, &folder, name));
        if written.is_err() {
            let _ = folder.remove_file(&temporary);
        }
        written.map_err(fail)
    }

    /// Removes a file or symlink, and the folders that become empty through it.
    pub fn remove(&self, path: &RepoPath) -> Result<(), WorkspaceError> {
        match self.kind(path.as_ref()).map_err(|error| failure(path, "remove", error))? {
            None => return Err(WorkspaceError::Missing(path.clone())),
            Some(Kind::Folder) => {
                return Err(WorkspaceError::Kind { path: path.clone(), what: "a folder, not a file" });
            }
            Some(_) => self.dir.remove_file(path).map_err(|error| failure(path, "remove", error))?,
        }
        let mut folder = Path::new(path.as_str()).parent();
        while let Some(empty) = folder.filter(|folder| !folder.as_os_str().is_empty()) {
            if self.dir.remove_dir(empty).is_err() {
                break;
            }
            folder = empty.parent();
        }
        Ok(())
    }

    /// Makes a path what `state` says; whatever stands in the way of it is removed.
    pub fn set(&self, path: &RepoPath, state: Option<&FileState>) -> Result<(), WorkspaceError> {
        let fail = |error| failure(path, "write", error);
        let Some(state) = state else {
            return match self.remove(path) {
                Err(WorkspaceError::Missing(_) | WorkspaceError::Kind { .. }) => Ok(()),
                other => other,
            };
        };
        for ancestor in Path::new(path.as_str()).ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            if self.kind(ancestor).map_err(fail)?.is_some_and(|kind| kind != Kind::Folder) {
                self.dir.remove_file(ancestor).map_err(fail)?;
            }
        }
        if self.kind(path.as_ref()).map_err(fail)? == Some(Kind::Folder) {
            self.dir.remove_dir_all(path).map_err(fail)?;
        }
        self.write(path, &state.bytes, Some(state.mode))
    }

    fn folder_for(&self, path: &RepoPath, target: &Path) -> Result<Dir, WorkspaceError> {
        let fail = |error| failure(path, "write", error);
        match target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            None => self.dir.try_clone().map_err(fail),
            Some(folder) => {
                if folder.ancestors().any(|above| self.dir.is_file(above)) {
                    return Err(WorkspaceError::Kind { path: path.clone(), what: "below a file, not below a folder" });
                }
                self.dir.create_dir_all(folder).map_err(fail)?;
                self.dir.open_dir(folder).map_err(fail)
            }
        }
    }

    fn slurp(&self, path: &Path) -> io::Result<FileState> {
        let mut file = self.open_file(path)?;
        let metadata = file.metadata()?;
        if metadata.len() > LARGEST {
            return Err(io::Error::new(ErrorKind::FileTooLarge, "larger than 256 MiB"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        let executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0;
        Ok(FileState { bytes, mode: if executable { FileMode::Executable } else { FileMode::Regular } })
    }
}

fn write_temporary(
    folder: &Dir,
    name: &str,
    bytes: &[u8],
    mode: Option<FileMode>,
    existing: Option<&Metadata>,
) -> io::Result<()> {
    if mode == Some(FileMode::Symlink) {
        use std::os::unix::ffi::OsStrExt;
        return folder.symlink_contents(std::ffi::OsStr::from_bytes(bytes), name);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = folder.open_with(name, &options)?;
    file.write_all(bytes)?;
    let created = file.metadata()?.permissions().mode() & 0o7777;
    let before = existing.map_or(created, |metadata| metadata.permissions().mode() & 0o7777);
    let wanted = match mode {
        // As `chmod +x` does under the usual umask: who may read may execute.
        Some(FileMode::Executable) => before | (before & 0o444) >> 2,
        Some(FileMode::Regular) => before & !0o111,
        Some(FileMode::Symlink) | None => before,
    };
    if wanted != created {
        file.set_permissions(Permissions::from_mode(wanted))?;
    }
    if let Some(later) = existing.and_then(|before| later(before, &file)) {
        file.into_std().set_modified(later)?;
    }
    Ok(())
}

/// A time for a file that takes the place of one written in the same second. Python and `make` know files by the second
/// they were written in, and would take what they made of the old bytes for what comes of the new ones.
fn later(before: &Metadata, file: &cap_std::fs::File) -> Option<std::time::SystemTime> {
    let second = |metadata: &Metadata| {
        let time = metadata.modified().ok()?.into_std();
        Some(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs())
    };
    let (old, new) = (second(before)?, second(&file.metadata().ok()?)?);
    (old >= new).then(|| std::time::UNIX_EPOCH + std::time::Duration::from_secs(old + 1))
}

fn kind_of(file_type: cap_std::fs::FileType) -> Kind {
    if file_type.is_file() {
        Kind::File
    } else if file_type.is_dir() {
        Kind::Folder
    } else if file_type.is_symlink() {
        Kind::Symlink
    } else {
        Kind::Other
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The error of an access as the workspace tells it.
fn failure(path: &RepoPath, what: &str, error: io::Error) -> WorkspaceError {
    // cap-std reports a way out as a permission error of its own, without a number of the operating system.
    let escapes = error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none();
    match error.kind() {
        _ if escapes => WorkspaceError::Escapes(path.clone()),
        ErrorKind::NotFound => WorkspaceError::Missing(path.clone()),
        ErrorKind::NotADirectory if what == "write" => {
            WorkspaceError::Kind { path: path.clone(), what: "below a file, not below a folder" }
        }
        ErrorKind::NotADirectory => WorkspaceError::Missing(path.clone()),
        _ => io_error(format!("cannot {what} `{path}`"))(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_again_is_of_a_later_second() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::open(folder.path()).unwrap();
        let path = RepoPath::parse("a.py").unwrap();
        let second = || {
            let modified = std::fs::metadata(folder.path().join("a.py")).unwrap().modified().unwrap();
            modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
        };
        let seconds: Vec<u64> = ["x = 1", "x = 2", "x = 3"]
            .iter()
            .map(|text| {
                tree.write(&path, text.as_bytes(), None).unwrap();
                second()
            })
            .collect();
        assert!(seconds[0] < seconds[1] && seconds[1] < seconds[2], "{seconds:?}");
    }
}
