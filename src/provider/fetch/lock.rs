//! One process at a time fetches a file.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::part::with_ending;
use super::{FetchError, Progress, Stage, Tell};

/// Held while a file is fetched; the system gives it back when the process ends, however it ends.
pub(super) struct Lock {
    _file: File,
}

/// Waits until no other process fetches the file, telling how far that one is.
pub(super) async fn take(target: &Path, tell: &Tell, total: Option<u64>) -> Result<Lock, FetchError> {
    let path = with_ending(target, "lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| FetchError::io(&path, &error))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(FetchError::io(&path, &error)),
        }
        if !std::mem::replace(&mut told, true) {
            tell.note("another process is fetching this file; waiting for it".to_owned());
        }
        let done = std::fs::metadata(with_ending(target, "part")).map_or(0, |metadata| metadata.len());
        tell.send(Progress::at(Stage::Waiting, done, total));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
