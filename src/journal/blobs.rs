//! Bytes by their hash: the versions of files that proposals, verdicts and undo point at.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::domain::ContentHash;

/// Why bytes could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The bytes under this hash are gone or damaged.
    #[error("the stored bytes {hash} are missing or damaged in {folder}")]
    Lost {
        /// The hash.
        hash: ContentHash,
        /// Where they should be.
        folder: String,
    },
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// A folder of blobs, named by hash, written once and whole.
#[derive(Clone, Debug)]
pub struct BlobStore {
    folder: PathBuf,
}

impl BlobStore {
    /// Keeps blobs in `folder`, which is made when the first one is put.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Keeps bytes and returns their name. Bytes that are there already cost one look.
    ///
    /// # Errors
    /// The disk is full or read-only.
    pub fn put(&self, bytes: &[u8]) -> Result<ContentHash, BlobError> {
        let hash = ContentHash::of(bytes);
        let path = self.path(&hash);
        if path.exists() {
            return Ok(hash);
        }
        self.write(&path, bytes).map_err(|source| BlobError::Io { path: path.display().to_string(), source })?;
        Ok(hash)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(path)?;
        Ok(())
    }

    /// Finds bytes by their name and checks them against it.
    ///
    /// # Errors
    /// They are missing, damaged or unreadable.
    pub fn get(&self, hash: &ContentHash) -> Result<Vec<u8>, BlobError> {
        let path = self.path(hash);
        let lost = || BlobError::Lost { hash: hash.clone(), folder: self.folder.display().to_string() };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(lost()),
            Err(source) => return Err(BlobError::Io { path: path.display().to_string(), source }),
        };
        if ContentHash::of(&bytes) == *hash { Ok(bytes) } else { Err(lost()) }
    }

    fn path(&self, hash: &ContentHash) -> PathBuf {
        let (head, tail) = hash.as_str().split_at(2.min(hash.as_str().len()));
        self.folder.join(head).join(tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_and_notices_damage() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = BlobStore::new(folder.path());
        let hash = blobs.put(b"bytes\r\n").unwrap();
        assert_eq!(blobs.get(&hash).unwrap(), b"bytes\r\n");
        assert_eq!(blobs.put(b"bytes\r\n").unwrap(), hash);
        std::fs::write(blobs.path(&hash), b"other").unwrap();
        assert!(matches!(blobs.get(&hash), Err(BlobError::Lost { .. })));
        assert!(matches!(blobs.get(&ContentHash::of(b"never")), Err(BlobError::Lost { .. })));
    }
}
