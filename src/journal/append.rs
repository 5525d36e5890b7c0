//! The one writer of a session.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::JournalError;
use crate::domain::{Event, RECORD_VERSION, Record, SessionId};

/// An open session that is written to. Only one exists for a session, in all processes.
#[derive(Debug)]
pub struct Journal {
    session: SessionId,
    path: PathBuf,
    file: File,
    length: u64,
    next: u64,
    notes: Vec<String>,
    /// Held open: the lock ends with it.
    lock: File,
}

impl Journal {
    /// Takes a locked session whose file holds `records` whole records in `length` bytes.
    pub(super) fn new(
        session: SessionId,
        path: PathBuf,
        lock: File,
        (records, length): (usize, usize),
        notes: Vec<String>,
    ) -> Result<Self, JournalError> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        private(&mut options);
        let file = options.open(&path).map_err(JournalError::io(&path))?;
        Ok(Self { session, path, file, length: length as u64, next: records as u64 + 1, notes, lock })
    }

    /// The session.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was noticed on opening: a torn last line that was cut off.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Writes an event as the next record: the whole line, or nothing.
    ///
    /// # Errors
    /// The disk is full or gone. The file is as it was and the event did not happen.
    pub fn append(&mut self, event: Event) -> Result<Record, JournalError> {
        let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap_or_default();
        let record = Record { v: RECORD_VERSION, seq: self.next, at: now, event };
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        if let Err(source) = self.write(&line) {
            // Best effort: what stays is a torn last line, which opening cuts off and appending overwrites.
            let _ = self.file.set_len(self.length);
            return Err(JournalError::Io { path: self.path.clone(), source });
        }
        self.length += line.len() as u64;
        self.next += 1;
        Ok(record)
    }

    fn write(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(line)
    }

    /// Waits until everything written is on the disk.
    ///
    /// # Errors
    /// The disk refused.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(JournalError::io(&self.path))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Said aloud: a process that another thread is just starting holds a copy of the file for a moment, and closing
        // ours alone would leave the lock with it.
        let _ = self.lock.unlock();
    }
}

/// Locks a session for this process.
pub(super) fn lock(session: &SessionId, path: &Path) -> Result<File, JournalError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    private(&mut options);
    let mut file = options.open(path).map_err(JournalError::io(path))?;
    // A listing holds the lock for a moment to see whether it is free, so the first refusals do not count.
    for attempt in 0..5 {
        match file.try_lock() {
            Ok(()) => {
                let pid = std::process::id().to_string();
                file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(JournalError::io(path))?;
                return Ok(file);
            }
            Err(TryLockError::WouldBlock) if attempt < 4 => std::thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(source)) => return Err(JournalError::Io { path: path.to_owned(), source }),
        }
    }
    Err(JournalError::Locked { session: session.clone(), pid: holder(path) })
}

/// Whether some process has the session open.
pub(super) fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let locked = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    let _ = file.unlock();
    locked
}

fn holder(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Conversations hold source code: only the user reads them.
fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}
