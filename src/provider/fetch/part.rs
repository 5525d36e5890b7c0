//! A file while it grows: `NAME.part`, hashed while it is written, renamed only when it is what it must be.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{FetchError, Progress, Stage, Tell};

/// Space that stays free beside the file.
const MARGIN: u64 = 64 * 1_024 * 1_024;

/// Where the first bytes of a part came from, so that the rest can be had from the same file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub url: String,
    pub etag: Option<String>,
}

/// A file that is not whole yet.
pub(super) struct Part {
    target: PathBuf,
    path: PathBuf,
    file: File,
    hash: Sha256,
    length: u64,
    pub origin: Option<Origin>,
}

impl Part {
    /// Opens what an earlier attempt left, reading it once for its hash, or begins.
    pub(super) fn open(target: &Path, progress: &Tell) -> Result<Self, FetchError> {
        let path = with_ending(target, "part");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| FetchError::io(&path, &error))?;
        let origin = std::fs::read(with_ending(target, "part.json")).ok();
        let origin = origin.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut part = Self { target: target.to_owned(), path, file, hash: Sha256::new(), length: 0, origin };
        part.read_again(progress)?;
        Ok(part)
    }

    fn read_again(&mut self, progress: &Tell) -> Result<(), FetchError> {
        let total = self.file.metadata().map_err(|error| FetchError::io(&self.path, &error))?.len();
        self.hash = Sha256::new();
        self.length = 0;
        self.file.seek(SeekFrom::Start(0)).map_err(|error| FetchError::io(&self.path, &error))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = self.file.read(&mut buffer).map_err(|error| FetchError::io(&self.path, &error))?;
            if read == 0 {
                return Ok(());
            }
            self.hash.update(&buffer[..read]);
            self.length += read as u64;
            progress.send(Progress::at(Stage::Checking, self.length, Some(total)));
        }
    }

    /// Where it grows.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(bytes).map_err(|error| self.not_written(&error))?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn not_written(&self, error: &std::io::Error) -> FetchError {
        if error.kind() == ErrorKind::StorageFull || error.kind() == ErrorKind::QuotaExceeded {
            let kept =
                format!("What came so far is kept in {}; the next pull goes on from there.", self.path.display());
            return FetchError::disk(format!("the disk is full after {} bytes: {}", self.length, self.path.display()))
                .hint("Make room, or set XDG_CACHE_HOME to a larger disk.")
                .hint(kept);
        }
        FetchError::io(&self.path, error)
    }

    /// Cuts back to a length, because the source can only go on from there.
    pub(super) fn cut(&mut self, length: u64, progress: &Tell) -> Result<(), FetchError> {
        if length < self.length {
            self.file.set_len(length).map_err(|error| FetchError::io(&self.path, &error))?;
            self.read_again(progress)?;
        }
        Ok(())
    }

    /// Remembers where the bytes come from.
    pub(super) fn comes_from(&mut self, origin: Origin) {
        if let Ok(text) = serde_json::to_vec(&origin) {
            // Without it the next attempt begins anew, which is no harm.
            let _ = std::fs::write(with_ending(&self.target, "part.json"), text);
        }
        self.origin = Some(origin);
    }

    /// The hash of what is there, in lower-case hexadecimal digits.
    pub(super) fn sha256(&self) -> String {
        hexadecimal(&self.hash.clone().finalize())
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) -> Result<(), FetchError> {
        self.origin = None;
        let _ = std::fs::remove_file(with_ending(&self.target, "part.json"));
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map_err(|error| FetchError::io(&self.path, &error))?;
        self.hash = Sha256::new();
        self.length = 0;
        Ok(())
    }

    /// Makes it the file, after its bytes are on the disk.
    pub(super) fn install(self) -> Result<PathBuf, FetchError> {
        let failed = |error: std::io::Error| FetchError::io(&self.target, &error);
        self.file.sync_all().map_err(failed)?;
        std::fs::rename(&self.path, &self.target).map_err(failed)?;
        let _ = std::fs::remove_file(with_ending(&self.target, "part.json"));
        if let Some(folder) = self.target.parent().and_then(|folder| File::open(folder).ok()) {
            // Not every file system can; the name is written sooner or later.
            let _ = folder.sync_all();
        }
        Ok(self.target)
    }

    /// Throws it away when nothing was written to it.
    pub(super) fn leave(self) {
        if self.length == 0 {
            let _ = std::fs::remove_file(&self.path);
            let _ = std::fs::remove_file(with_ending(&self.target, "part.json"));
        }
    }
}

/// `name.gguf` with another ending behind it.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// The hash of a whole file.
pub(super) fn hash_of(path: &Path, progress: &Tell) -> Result<String, FetchError> {
    let failed = |error: std::io::Error| FetchError::io(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let total = file.metadata().map_err(failed)?.len();
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            return Ok(hexadecimal(&hash.finalize()));
        }
        hash.update(&buffer[..read]);
        done += read as u64;
        progress.send(Progress::at(Stage::Checking, done, Some(total)));
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Insists on room for so many more bytes.
pub(super) fn insist_on_room(folder: &Path, more: u64) -> Result<(), FetchError> {
    match free_space(folder) {
        Some(free) if free < more.saturating_add(MARGIN) => Err(FetchError::disk(format!(
            "{} more are needed in {}, and {} are free",
            super::size_in_words(more.saturating_add(MARGIN)),
            folder.display(),
            super::size_in_words(free)
        ))
        .hint("Make room, or set XDG_CACHE_HOME to a larger disk.")),
        _ => Ok(()),
    }
}

/// Bytes that are free for this user on the disk of a folder, or of the nearest one above that exists.
#[cfg(unix)]
pub fn free_space(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|above| above.exists())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Bytes that are free for this user on the disk of a folder.
#[cfg(not(unix))]
pub fn free_space(_folder: &Path) -> Option<u64> {
    None
}
