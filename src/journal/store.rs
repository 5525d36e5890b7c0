//! The sessions of a state directory.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{BlobStore, Journal, JournalError, Reading, SessionSummary, append, id, read, summary};
use crate::domain::{Record, SessionId};

/// Where sessions are kept.
#[derive(Clone, Debug)]
pub struct Store {
    sessions: PathBuf,
}

impl Store {
    /// Keeps sessions below `state`, which is made when the first session is.
    pub fn new(state: impl AsRef<Path>) -> Self {
        Self { sessions: state.as_ref().join("sessions") }
    }

    /// An id for a session that starts now.
    pub fn new_id(&self) -> SessionId {
        id::new(Timestamp::now())
    }

    /// The folder of a session.
    pub fn folder(&self, session: &SessionId) -> PathBuf {
        self.sessions.join(session.as_str())
    }

    /// The blobs of a session.
    pub fn blobs(&self, session: &SessionId) -> BlobStore {
        BlobStore::new(self.folder(session).join("blobs"))
    }

    /// The journal file of a session.
    pub fn path(&self, session: &SessionId) -> PathBuf {
        self.folder(session).join("journal.jsonl")
    }

    /// Starts a session.
    ///
    /// # Errors
    /// It exists already, or the state directory cannot be written.
    pub fn create(&self, session: SessionId) -> Result<Journal, JournalError> {
        check(&session)?;
        make_private(&self.sessions, true).map_err(JournalError::io(&self.sessions))?;
        let folder = self.folder(&session);
        match make_private(&folder, false) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(JournalError::Exists(session));
            }
            Err(source) => return Err(JournalError::Io { path: folder, source }),
        }
        let lock = append::lock(&session, &folder.join("lock"))?;
        Journal::new(session.clone(), self.path(&session), lock, (0, 0), Vec::new())
    }

    /// Goes on with a session: all its records, and the journal ready for the next one.
    ///
    /// # Errors
    /// It is missing, open elsewhere, damaged, or cannot be read or written.
    pub fn open(&self, session: &SessionId) -> Result<(Journal, Vec<Record>), JournalError> {
        check(session)?;
        let path = self.path(session);
        if !path.is_file() {
            return Err(JournalError::Missing(session.clone()));
        }
        let lock = append::lock(session, &self.folder(session).join("lock"))?;
        let bytes = std::fs::read(&path).map_err(JournalError::io(&path))?;
        let reading = read::records(&path, &bytes);
        if let Some(damage) = reading.damage {
            return Err(damage);
        }
        let notes = if reading.torn { vec![set_aside(&path, &bytes, reading.whole)?] } else { Vec::new() };
        let journal = Journal::new(session.clone(), path, lock, (reading.records.len(), reading.whole), notes)?;
        Ok((journal, reading.records))
    }

    /// Removes a session that nothing was written to.
    pub fn discard(&self, session: &SessionId) {
        let empty = std::fs::metadata(self.path(session)).is_ok_and(|journal| journal.len() == 0);
        if empty {
            // What stays is an empty session in the list, no harm.
            let _ = std::fs::remove_dir_all(self.folder(session));
        }
    }

    /// Reads a session without opening it for writing: works while another process has it open, and gives what is
    /// readable of a damaged one.
    ///
    /// # Errors
    /// It is missing or cannot be read.
    pub fn read(&self, session: &SessionId) -> Result<Reading, JournalError> {
        check(session)?;
        let path = self.path(session);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(read::records(&path, &bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(JournalError::Missing(session.clone())),
            Err(source) => Err(JournalError::Io { path, source }),
        }
    }

    /// All sessions, the newest first. A session that cannot be read is listed with what is wrong.
    pub fn list(&self) -> Vec<SessionSummary> {
        let mut found: Vec<SessionSummary> =
            self.ids().into_iter().map(|id| summary::of(&id, &self.folder(&id))).collect();
        found.sort_by(|a, b| b.id.cmp(&a.id));
        found
    }

    /// Finds a session by its id or by the beginning or end of it.
    ///
    /// # Errors
    /// None or several fit.
    pub fn find(&self, text: &str) -> Result<SessionId, JournalError> {
        if !id::is_valid(text) {
            return Err(JournalError::Id(text.to_owned()));
        }
        let mut fitting: Vec<SessionId> = self.ids();
        if let Some(exact) = fitting.iter().find(|id| id.as_str() == text) {
            return Ok(exact.clone());
        }
        fitting.retain(|id| id.as_str().starts_with(text) || id.as_str().ends_with(text));
        fitting.sort();
        match fitting.as_slice() {
            [] => Err(JournalError::Missing(SessionId::new(text))),
            [one] => Ok(one.clone()),
            several => Err(JournalError::Ambiguous {
                text: text.to_owned(),
                matches: several.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// The newest session of a repository that fits.
    pub fn latest(&self, repository: &Path, fits: impl Fn(&SessionSummary) -> bool) -> Option<SessionId> {
        self.newest(repository, fits).map(|summary| summary.id)
    }

    /// The same with what it was about.
    pub fn newest(&self, repository: &Path, fits: impl Fn(&SessionSummary) -> bool) -> Option<SessionSummary> {
        let mut ids = self.ids();
        ids.sort_by(|a, b| b.cmp(a));
        let summaries = ids.into_iter().map(|id| summary::of(&id, &self.folder(&id)));
        let here = |summary: &SessionSummary| {
            summary.damage.is_none() && Path::new(&summary.repository) == repository && fits(summary)
        };
        summaries.into_iter().find(here)
    }

    fn ids(&self) -> Vec<SessionId> {
        let Ok(entries) = std::fs::read_dir(&self.sessions) else { return Vec::new() };
        let named = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        named.filter(|name| id::is_valid(name)).map(SessionId::new).filter(|id| self.path(id).is_file()).collect()
    }
}

fn check(session: &SessionId) -> Result<(), JournalError> {
    if id::is_valid(session.as_str()) { Ok(()) } else { Err(JournalError::Id(session.to_string())) }
}

/// Moves what stands after the last whole record into `journal.jsonl.torn`, so that nothing is ever thrown away.
fn set_aside(path: &Path, bytes: &[u8], whole: usize) -> Result<String, JournalError> {
    let torn = path.with_extension("jsonl.torn");
    let keep = || -> std::io::Result<()> {
        let mut aside = OpenOptions::new().create(true).append(true).open(&torn)?;
        aside.write_all(&bytes[whole..])?;
        aside.write_all(b"\n")?;
        aside.sync_data()
    };
    keep().map_err(JournalError::io(&torn))?;
    let cut = || OpenOptions::new().write(true).open(path)?.set_len(whole as u64);
    cut().map_err(JournalError::io(path))?;
    let cut_off = bytes.len() - whole;
    Ok(format!("the last record was not written whole ({cut_off} bytes); it is kept in {}", torn.display()))
}

fn make_private(folder: &Path, recursive: bool) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(recursive);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
