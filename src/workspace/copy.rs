//! A workspace that is a copy of the files: where namespaces or overlays are not to be had.

mod manifest;
mod populate;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::manifest::Manifest;
use super::compare::Sides;
use super::rules::{Outer, Rules};
use super::tracked::{GitFolders, Tracked};
use super::tree::Tree;
use super::{Entry, Environment, Exit, Hit, Job, Place, Query, Workspace, WorkspaceError, explore, io_error, process};
use crate::domain::{Change, FileMode, FileState, Isolation, RepoPath};

/// The copy, what it was copied from, and how to run commands in it.
pub(super) struct Copy {
    repository: PathBuf,
    root: PathBuf,
    state: PathBuf,
    environment: Environment,
    helper: Option<PathBuf>,
    /// Commands get namespaces of their own although the files have none.
    namespaces: bool,
    view: Tree,
    base: Tree,
    manifest: Mutex<Manifest>,
    notes: Mutex<Vec<String>>,
    reason: Option<String>,
    forks: std::sync::atomic::AtomicU32,
    /// Set for a fork: its folder goes when it goes.
    throw_away: bool,
}

impl Copy {
    /// Makes the copy, or finds the one an earlier process made.
    pub async fn open(place: Place, reason: Option<String>) -> Result<Self, WorkspaceError> {
        let opened = tokio::task::spawn_blocking(move || Self::open_blocking(place, reason)).await;
        opened.map_err(|error| WorkspaceError::Isolation(error.to_string()))?
    }

    fn open_blocking(place: Place, reason: Option<String>) -> Result<Self, WorkspaceError> {
        super::make_state_folder(&place.state)?;
        let root = place.state.join("copy");
        let forks = place.state.join("forks");
        if forks.exists() {
            std::fs::remove_dir_all(&forks).map_err(io_error("cannot remove what an earlier run left behind"))?;
        }
        let manifest = match Manifest::load(&place.state) {
            Some(manifest) if root.is_dir() => manifest,
            _ => {
                let outer = outer(&place.repository, &place.environment);
                populate::populate(&place.repository, &root, &outer)?.save(&place.state)?
            }
        };
        Self::over(place, root, manifest, reason)
    }

    fn over(place: Place, root: PathBuf, manifest: Manifest, reason: Option<String>) -> Result<Self, WorkspaceError> {
        let open = |path: &Path| Tree::open(path).map_err(io_error(format!("cannot open {}", path.display())));
        Ok(Self {
            view: open(&root)?,
            base: open(&place.repository)?,
            repository: place.repository,
            root,
            state: place.state,
            namespaces: namespaces_possible(place.helper.as_deref()),
            environment: place.environment,
            helper: place.helper,
            manifest: Mutex::new(manifest),
            notes: Mutex::default(),
            reason,
            forks: std::sync::atomic::AtomicU32::new(0),
            throw_away: false,
        })
    }

    /// The manifest of a copy of this copy: what is unchanged here is unchanged there.
    fn manifest_for(&self, view: &Tree) -> Manifest {
        let rules = Rules::new(&self.view, &self.outer());
        let tracked = Tracked::read(GitFolders::of(&self.repository).as_ref());
        let manifest = lock(&self.manifest);
        let differing = manifest.differing(&self.view, &rules, &tracked);
        manifest.carried_over(view, &differing)
    }

    /// Where a path is read: a linked folder is the repository's own.
    fn side(&self, path: Option<&RepoPath>) -> &Tree {
        let linked = path.is_some_and(|path| lock(&self.manifest).is_linked(path.as_ref()));
        if linked { &self.base } else { &self.view }
    }

    fn searching(&self) -> Rules<'_> {
        Rules::for_searching(&self.view, &self.outer()).with_links(lock(&self.manifest).links())
    }

    fn outer(&self) -> Outer {
        outer(&self.repository, &self.environment)
    }
}

fn outer(repository: &Path, environment: &Environment) -> Outer {
    Outer::read(GitFolders::of(repository).as_ref().map(|folders| folders.common.as_path()), environment)
}

#[cfg(target_os = "linux")]
fn namespaces_possible(helper: Option<&Path>) -> bool {
    process::helper(helper).is_ok_and(|helper| super::overlay::probe(&helper).0.is_none())
}

#[cfg(not(target_os = "linux"))]
fn namespaces_possible(_helper: Option<&Path>) -> bool {
    false
}

#[async_trait]
impl Workspace for Copy {
    fn isolation(&self) -> Isolation {
        Isolation::Copy
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn read(&self, path: &RepoPath) -> Result<FileState, WorkspaceError> {
        self.side(Some(path)).read(path)
    }

    fn write(&self, path: &RepoPath, bytes: &[u8], mode: Option<FileMode>) -> Result<(), WorkspaceError> {
        self.view.write(path, bytes, mode)
    }

    fn remove(&self, path: &RepoPath) -> Result<(), WorkspaceError> {
        self.view.remove(path)
    }

    fn list(&self, path: Option<&RepoPath>, depth: usize, limit: usize) -> Result<(Vec<Entry>, bool), WorkspaceError> {
        explore::list(self.side(path), &self.searching(), path, depth, limit)
    }

    fn search(&self, query: &Query) -> Result<(Vec<Hit>, bool), WorkspaceError> {
        explore::search(self.side(query.path.as_ref()), &self.searching(), query)
    }

    async fn run(
        &self,
        job: Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Result<Exit, WorkspaceError> {
        let folder = job.folder.as_ref().map_or_else(|| self.root.clone(), |folder| folder.under(&self.root));
        #[cfg(target_os = "linux")]
        {
            let request = super::sandbox::Run {
                holder: None,
                command: job.command.clone(),
                folder,
                network: job.network,
                namespaces: self.namespaces,
                read_only: vec![self.repository.clone()],
            };
            let helper = process::helper(self.helper.as_deref())?;
            process::run(&helper, &self.environment, request, &job, output, cancel).await
        }
        #[cfg(not(target_os = "linux"))]
        process::run_plain(&self.environment, &folder, &job, output, cancel).await
    }

    fn changes(&self) -> Result<Vec<Change>, WorkspaceError> {
        let rules = Rules::new(&self.view, &self.outer());
        let tracked = Tracked::read(GitFolders::of(&self.repository).as_ref());
        let sides = Sides { base: &self.base, view: &self.view, rules: &rules, tracked: &tracked };
        let candidates = lock(&self.manifest).differing(&self.view, &rules, &tracked);
        let (changes, notes) = sides.changes(candidates)?;
        *lock(&self.notes) = notes;
        Ok(changes)
    }

    fn notes(&self) -> Vec<String> {
        self.reason.iter().cloned().chain(lock(&self.notes).iter().cloned()).collect()
    }

    async fn fork(&self, files: Vec<(RepoPath, Option<FileState>)>) -> Result<Box<dyn Workspace>, WorkspaceError> {
        let number = self.forks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let state = self.state.join("forks").join(number.to_string());
        let root = state.join("copy");
        populate::clone_all(&self.root, &root)?;
        let place = Place {
            repository: self.repository.clone(),
            state,
            isolation: Some(Isolation::Copy),
            environment: self.environment.clone(),
            helper: self.helper.clone(),
        };
        let manifest = self.manifest_for(&Tree::open(&root).map_err(io_error("cannot open the copy"))?);
        let mut fork = Self::over(place, root, manifest, self.reason.clone())?;
        fork.throw_away = true;
        for (path, state) in files {
            fork.view.set(&path, state.as_ref())?;
        }
        Ok(Box::new(fork))
    }

    async fn reset(&self, paths: Option<Vec<RepoPath>>) -> Result<(), WorkspaceError> {
        let mut manifest = lock(&self.manifest);
        let paths = match paths {
            Some(paths) => paths,
            None => {
                populate::clear(&self.root)?;
                *manifest = populate::populate(&self.repository, &self.root, &self.outer())?.save(&self.state)?;
                return Ok(());
            }
        };
        for path in paths {
            let state = self.base.state(path.as_ref()).map_err(io_error(format!("cannot read `{path}`")))?;
            self.view.set(&path, state.as_ref())?;
            manifest.record(&self.view, path.as_ref());
        }
        manifest.store(&self.state)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if self.throw_away {
            let _ = std::fs::remove_dir_all(&self.state);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
