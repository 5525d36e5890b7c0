//! A workspace in memory: enough of one for tools, with commands whose output and end are scripted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use async_trait::async_trait;
use tenon::domain::{Change, FileMode, FileState, Isolation, RepoPath};
use tenon::workspace::{Entry, Exit, Hit, Job, Query, Workspace, WorkspaceError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Files in memory below `/repo`.
pub struct MemoryWorkspace {
    root: PathBuf,
    base: BTreeMap<RepoPath, FileState>,
    files: Mutex<BTreeMap<RepoPath, FileState>>,
    /// Writing this path fails, as on a full disk.
    pub full: Option<RepoPath>,
    /// What a command prints, in pieces, and how it ends.
    pub script: (Vec<Vec<u8>>, Exit),
    /// The commands that were run.
    pub jobs: Mutex<Vec<Job>>,
}

impl MemoryWorkspace {
    pub fn new(files: &[(&str, &[u8])]) -> Self {
        let state = |bytes: &[u8]| FileState { bytes: bytes.to_vec(), mode: FileMode::Regular };
        let base: BTreeMap<RepoPath, FileState> =
            files.iter().map(|(path, bytes)| (RepoPath::parse(path).unwrap(), state(bytes))).collect();
        Self {
            root: PathBuf::from("/repo"),
            files: Mutex::new(base.clone()),
            base,
            full: None,
            script: (Vec::new(), Exit::Code(0)),
            jobs: Mutex::new(Vec::new()),
        }
    }

    pub fn set(&self, path: &str, bytes: &[u8], mode: FileMode) {
        let state = FileState { bytes: bytes.to_vec(), mode };
        self.files.lock().unwrap().insert(RepoPath::parse(path).unwrap(), state);
    }

    /// Every file with its bytes.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let files = self.files.lock().unwrap();
        files.iter().map(|(path, state)| (path.to_string(), state.bytes.clone())).collect()
    }

    pub fn text(&self, path: &str) -> Option<String> {
        self.files().get(path).map(|bytes| String::from_utf8(bytes.clone()).unwrap())
    }

    fn is_folder(&self, path: &RepoPath) -> bool {
        let inside = format!("{path}/");
        self.files.lock().unwrap().keys().any(|file| file.as_str().starts_with(&inside))
    }
}

#[async_trait]
impl Workspace for MemoryWorkspace {
    fn isolation(&self) -> Isolation {
        Isolation::Copy
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn read(&self, path: &RepoPath) -> Result<FileState, WorkspaceError> {
        if self.is_folder(path) {
            return Err(WorkspaceError::Kind { path: path.clone(), what: "a folder, not a file" });
        }
        self.files.lock().unwrap().get(path).cloned().ok_or_else(|| WorkspaceError::Missing(path.clone()))
    }

    fn write(&self, path: &RepoPath, bytes: &[u8], mode: Option<FileMode>) -> Result<(), WorkspaceError> {
        if self.full.as_ref() == Some(path) {
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(WorkspaceError::Io { what: format!("writing `{path}`"), source });
        }
        if self.is_folder(path) {
            return Err(WorkspaceError::Kind { path: path.clone(), what: "a folder, not a file" });
        }
        let mut files = self.files.lock().unwrap();
        let mode = mode.or_else(|| files.get(path).map(|state| state.mode)).unwrap_or_default();
        files.insert(path.clone(), FileState { bytes: bytes.to_vec(), mode });
        Ok(())
    }

    fn remove(&self, path: &RepoPath) -> Result<(), WorkspaceError> {
        if self.is_folder(path) {
            return Err(WorkspaceError::Kind { path: path.clone(), what: "a folder, not a file" });
        }
        let removed = self.files.lock().unwrap().remove(path);
        removed.map(|_| ()).ok_or_else(|| WorkspaceError::Missing(path.clone()))
    }

    fn list(&self, path: Option<&RepoPath>, depth: usize, limit: usize) -> Result<(Vec<Entry>, bool), WorkspaceError> {
        let prefix = path.map(|path| format!("{path}/")).unwrap_or_default();
        let mut found: BTreeMap<RepoPath, Entry> = BTreeMap::new();
        for (file, state) in self.files.lock().unwrap().iter() {
            let Some(rest) = file.as_str().strip_prefix(&prefix) else { continue };
            let names: Vec<&str> = rest.split('/').collect();
            for level in 1..=names.len().min(depth) {
                let path = RepoPath::parse(&format!("{prefix}{}", names[..level].join("/"))).unwrap();
                let folder = level < names.len();
                let size = if folder { 0 } else { state.bytes.len() as u64 };
                found.insert(path.clone(), Entry { path, folder, size });
            }
        }
        if let (Some(path), true) = (path, found.is_empty()) {
            return match self.read(path) {
                Ok(_) => Err(WorkspaceError::Kind { path: path.clone(), what: "a file, not a folder" }),
                Err(error) => Err(error),
            };
        }
        let more = found.len() > limit;
        Ok((found.into_values().take(limit).collect(), more))
    }

    fn search(&self, query: &Query) -> Result<(Vec<Hit>, bool), WorkspaceError> {
        let pattern = regex::Regex::new(&query.pattern).map_err(|error| WorkspaceError::Pattern(error.to_string()))?;
        let below = query.path.as_ref().map(|path| path.as_str().to_owned()).unwrap_or_default();
        let mut hits = Vec::new();
        for (path, state) in self.files.lock().unwrap().iter() {
            let text = String::from_utf8_lossy(&state.bytes);
            let lines = text
                .lines()
                .enumerate()
                .filter(|(_, line)| path.as_str().starts_with(&below) && pattern.is_match(line));
            hits.extend(lines.map(|(at, line)| Hit { path: path.clone(), line: at as u64 + 1, text: line.to_owned() }));
        }
        let more = hits.len() > query.limit;
        hits.truncate(query.limit);
        Ok((hits, more))
    }

    async fn run(
        &self,
        job: Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Result<Exit, WorkspaceError> {
        self.jobs.lock().unwrap().push(job);
        for piece in &self.script.0 {
            let _ = output.send(piece.clone()).await;
        }
        Ok(if cancel.is_cancelled() { Exit::Cancelled } else { self.script.1 })
    }

    fn changes(&self) -> Result<Vec<Change>, WorkspaceError> {
        let files = self.files.lock().unwrap();
        let mut paths: Vec<&RepoPath> = self.base.keys().chain(files.keys()).collect();
        paths.sort();
        paths.dedup();
        let changes = paths.into_iter().map(|path| Change {
            path: path.clone(),
            base: self.base.get(path).cloned(),
            result: files.get(path).cloned(),
        });
        Ok(changes.filter(|change| change.base != change.result).collect())
    }

    async fn fork(&self, files: Vec<(RepoPath, Option<FileState>)>) -> Result<Box<dyn Workspace>, WorkspaceError> {
        let mut seen = self.files.lock().unwrap().clone();
        for (path, state) in files {
            match state {
                Some(state) => seen.insert(path, state),
                None => seen.remove(&path),
            };
        }
        let fork = Self { files: Mutex::new(seen.clone()), base: seen, ..Self::new(&[]) };
        Ok(Box::new(fork))
    }

    async fn reset(&self, paths: Option<Vec<RepoPath>>) -> Result<(), WorkspaceError> {
        let mut files = self.files.lock().unwrap();
        let every = || files.keys().chain(self.base.keys()).cloned().collect();
        for path in paths.unwrap_or_else(every) {
            match self.base.get(&path) {
                Some(state) => files.insert(path, state.clone()),
                None => files.remove(&path),
            };
        }
        Ok(())
    }
}
