//! What the gates of one proof share: what the repository is, how many commands may run at once, and what earlier
//! proofs found on the same content.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::capture::Run;
use super::watched::Coverage;
use crate::domain::{ContentHash, Isolation};
use crate::stack::{self, StackReport};
use crate::workspace::{Workspace, WorkspaceFiles};

/// Commands at once where they cannot get in each other's way.
const JOBS: usize = 2;

/// What the gates of one proof share.
pub struct Shared {
    jobs: Semaphore,
    stack: OnceCell<Result<Arc<StackReport>, String>>,
    memory: Option<Memory>,
    runs: AtomicU64,
    traced: AtomicBool,
    coverage: Mutex<Coverage>,
    tests: Mutex<BTreeMap<String, (Run, Run)>>,
    flaky: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl Shared {
    /// Nothing known yet. In a copy commands share ports and processes, so they run one after the other.
    pub fn new(isolation: Isolation) -> Self {
        let jobs = if isolation == Isolation::Overlay { JOBS } else { 1 };
        Self {
            jobs: Semaphore::new(jobs),
            stack: OnceCell::new(),
            memory: None,
            runs: AtomicU64::new(0),
            traced: AtomicBool::new(false),
            coverage: Mutex::default(),
            tests: Mutex::default(),
            flaky: Mutex::default(),
        }
    }

    /// The same with a memory of earlier proofs.
    #[must_use]
    pub fn remembering(mut self, memory: Memory) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Results of earlier proofs, where they are kept.
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// A number no other run of this proof has.
    pub fn number(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }

    /// Adds which lines ran.
    pub(super) fn add_coverage(&self, more: &Coverage) {
        if let Ok(mut coverage) = self.coverage.lock() {
            coverage.join(more);
        }
    }

    /// Keeps how the tests of a folder went, on subject and base.
    pub(super) fn keep_runs(&self, folder: &str, subject: &Run, base: &Run) {
        if let Ok(mut runs) = self.tests.lock() {
            runs.insert(folder.to_owned(), (subject.clone(), base.clone()));
        }
    }

    /// How the tests of a folder went on the subject.
    pub(super) fn run_of(&self, folder: &str) -> Option<Run> {
        self.tests.lock().ok()?.get(folder).map(|(subject, _)| subject.clone())
    }

    /// How the tests of a folder went on the base.
    pub(super) fn base_run_of(&self, folder: &str) -> Option<Run> {
        self.tests.lock().ok()?.get(folder).map(|(_, base)| base.clone())
    }

    /// Keeps which tests of a folder passed when they were run again.
    pub(super) fn keep_flaky(&self, folder: &str, names: BTreeSet<String>) {
        if let Ok(mut flaky) = self.flaky.lock() {
            flaky.insert(folder.to_owned(), names);
        }
    }

    /// Which tests of a folder passed when they were run again.
    pub(super) fn flaky(&self, folder: &str) -> BTreeSet<String> {
        self.flaky.lock().ok().and_then(|flaky| flaky.get(folder).cloned()).unwrap_or_default()
    }

    /// Whether any test ran to its end.
    pub(super) fn tests_ran(&self) -> bool {
        self.tests.lock().is_ok_and(|runs| runs.values().any(|(subject, _)| subject.outcome.is_some()))
    }

    /// Another tool traced lines, so what ran is not known.
    pub(super) fn traced(&self) {
        self.traced.store(true, Ordering::Relaxed);
    }

    /// Whether another tool traced lines.
    pub(super) fn was_traced(&self) -> bool {
        self.traced.load(Ordering::Relaxed)
    }

    /// Which lines ran, as far as it was seen.
    pub(super) fn coverage(&self) -> Coverage {
        self.coverage.lock().map(|coverage| coverage.clone()).unwrap_or_default()
    }

    /// What the repository is with the proposal in it; looked at once.
    ///
    /// # Errors
    /// Looking at it broke off.
    pub async fn stack(&self, subject: &Arc<dyn Workspace>) -> Result<Arc<StackReport>, String> {
        let look = async || {
            let subject = Arc::clone(subject);
            let looked = tokio::task::spawn_blocking(move || stack::detect(&WorkspaceFiles(subject.as_ref()))).await;
            looked.map(Arc::new).map_err(|error| format!("the project could not be looked at: {error}"))
        };
        self.stack.get_or_init(look).await.clone()
    }

    /// Waits until one more command may run; it may as long as this is held.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.jobs.acquire().await.ok()
    }
}

/// Results of earlier proofs on disk, by what they depend on. Losing it costs time only.
#[derive(Clone, Debug)]
pub struct Memory {
    folder: PathBuf,
    /// Names the tree the proposal is on, with the dependencies that are installed for it.
    base: String,
    /// Names the tree with the proposal in it.
    subject: String,
    /// Keeps, and believes nothing.
    afresh: bool,
}

/// The most results that are kept.
const KEPT: usize = 400;
/// How long a result is believed: the clock, and what a project reads outside its tree, are in no name.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

impl Memory {
    /// Keeps results in this folder. `base` has to change whenever anything in the tree below the proposal does.
    pub fn new(folder: &Path, base: impl Into<String>, subject: &ContentHash) -> Self {
        Self { folder: folder.to_owned(), base: base.into(), subject: subject.as_str().to_owned(), afresh: false }
    }

    /// The same for somebody who wants to see it happen: earlier results are replaced, not read.
    #[must_use]
    pub fn afresh(self) -> Self {
        Self { afresh: true, ..self }
    }

    /// Something that only helps to choose what to do first, whatever the tree is.
    pub fn hint<T: DeserializeOwned>(&self, what: &str) -> Option<T> {
        serde_json::from_slice(&std::fs::read(self.path(&["hint", what])).ok()?).ok()
    }

    /// Keeps such a thing.
    pub fn keep_hint<T: Serialize>(&self, what: &str, hint: &T) {
        self.write(&["hint", what], hint);
    }

    /// The result that depends on the base only and on this, when it is known.
    pub fn of_base<T: DeserializeOwned>(&self, what: &str) -> Option<T> {
        self.read(&[&self.base, what])
    }

    /// Keeps a result that depends on the base only.
    pub fn keep_of_base<T: Serialize>(&self, what: &str, result: &T) {
        self.write(&[&self.base, what], result);
    }

    /// The result that depends on base, proposal and this, when it is known.
    pub fn of_subject<T: DeserializeOwned>(&self, what: &str) -> Option<T> {
        self.read(&[&self.base, &self.subject, what])
    }

    /// Keeps a result that depends on base and proposal.
    pub fn keep_of_subject<T: Serialize>(&self, what: &str, result: &T) {
        self.write(&[&self.base, &self.subject, what], result);
    }

    fn path(&self, parts: &[&str]) -> PathBuf {
        let key = ContentHash::of(parts.join("\0").as_bytes());
        self.folder.join(format!("{}.json", key.as_str()))
    }

    fn read<T: DeserializeOwned>(&self, parts: &[&str]) -> Option<T> {
        let path = self.path(parts);
        let age = std::fs::metadata(&path).ok()?.modified().ok()?.elapsed().ok()?;
        if self.afresh || age > BELIEVED {
            return None;
        }
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    fn write<T: Serialize>(&self, parts: &[&str], result: &T) {
        let Ok(bytes) = serde_json::to_vec(result) else { return };
        if std::fs::create_dir_all(&self.folder).is_err() {
            return;
        }
        self.make_room();
        // Written aside and moved, so that nobody reads a half.
        let Ok(mut file) = tempfile::NamedTempFile::new_in(&self.folder) else { return };
        if std::io::Write::write_all(&mut file, &bytes).is_ok() {
            let _ = file.persist(self.path(parts));
        }
    }

    fn make_room(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        if files.len() < KEPT {
            return;
        }
        files.sort();
        for (_, path) in files.iter().take(KEPT / 4) {
            let _ = std::fs::remove_file(path);
        }
    }
}
