//! A workspace in Linux namespaces: an overlay at the repository's own path, held by a helper process.

mod holder;
mod layer;
mod secrets;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use rustix::fs::{FlockOperation, flock};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::holder::Holder;
pub(super) use self::holder::probe;
use super::compare::Sides;
use super::rules::{Outer, Rules};
use super::tracked::{GitFolders, Tracked};
use super::tree::Tree;
use super::{Entry, Exit, Hit, Job, Place, Query, Workspace, WorkspaceError, explore, io_error, process, sandbox};
use crate::domain::{Change, FileMode, FileState, Isolation, RepoPath};

/// The overlay of a repository.
pub(super) struct Overlay {
    inner: Arc<Inner>,
    /// Commands hold it for reading, a remount for writing.
    running: tokio::sync::RwLock<()>,
    forks: AtomicU32,
    notes: Mutex<Vec<String>>,
}

struct Inner {
    place: Place,
    helper: PathBuf,
    /// What lies below, nearest first; the repository last.
    lowers: Vec<PathBuf>,
    upper: PathBuf,
    base: Tree,
    /// `None` when it could not be set up again.
    holder: RwLock<Option<Holder>>,
    /// A fork: its folder goes when it goes.
    throw_away: bool,
    /// Held as long as this process works here.
    lock: File,
}

impl Overlay {
    /// Mounts the overlay, with the draft an earlier process left at this place.
    pub async fn open(place: Place) -> Result<Self, WorkspaceError> {
        let lowers = vec![place.repository.clone()];
        Self::mount(place, lowers, false).await
    }

    async fn mount(place: Place, lowers: Vec<PathBuf>, throw_away: bool) -> Result<Self, WorkspaceError> {
        let opened = tokio::task::spawn_blocking(move || Inner::open(place, lowers, throw_away)).await;
        let inner = opened.map_err(|error| WorkspaceError::Isolation(error.to_string()))??;
        Ok(Self {
            inner: Arc::new(inner),
            running: tokio::sync::RwLock::default(),
            forks: AtomicU32::new(0),
            notes: Mutex::default(),
        })
    }
}

impl Overlay {
    /// Sets the view up again when its holder was ended from outside; the draft is in the upper folder.
    async fn revive(&self) -> Result<(), WorkspaceError> {
        let ended =
            self.inner.holder.read().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(Holder::has_ended);
        if !ended {
            return Ok(());
        }
        let _alone = self.running.write().await;
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || inner.remount(|| Ok(()))).await;
        done.map_err(|error| WorkspaceError::Isolation(error.to_string()))?
    }
}

impl Inner {
    fn open(place: Place, lowers: Vec<PathBuf>, throw_away: bool) -> Result<Self, WorkspaceError> {
        let state = &place.state;
        super::make_state_folder(state)?;
        let lock =
            File::create(state.join("lock")).map_err(io_error(format!("cannot write to {}", state.display())))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            WorkspaceError::Isolation(format!("another process works in {}; end it first", state.display()))
        })?;
        remove_tree(&state.join("forks")).map_err(io_error("cannot remove what an earlier run left behind"))?;
        remove_tree(&state.join("home")).map_err(io_error("cannot remove what an earlier run left behind"))?;
        let inner = Self {
            helper: process::helper(place.helper.as_deref())?,
            lowers,
            upper: state.join("upper"),
            base: Tree::open(&place.repository)
                .map_err(io_error(format!("cannot open {}", place.repository.display())))?,
            place,
            holder: RwLock::new(None),
            throw_away,
            lock,
        };
        *write(&inner.holder) = Some(inner.start()?);
        Ok(inner)
    }

    fn start(&self) -> Result<Holder, WorkspaceError> {
        let work = self.place.state.join("work");
        for folder in [&self.upper, &work] {
            fs::create_dir_all(folder).map_err(io_error(format!("cannot create {}", folder.display())))?;
        }
        // The root of the overlay looks as its upper folder does.
        if let Ok(metadata) = fs::metadata(&self.place.repository) {
            let _ = fs::set_permissions(&self.upper, metadata.permissions());
        }
        let home = self.place.environment.get("HOME").map(PathBuf::from);
        let home = home
            .and_then(|home| home.canonicalize().ok())
            .filter(|home| home.is_dir() && home.parent().is_some() && !home.starts_with(&self.place.repository));
        let request = sandbox::Hold {
            repository: self.place.repository.clone(),
            lowers: self.lowers.clone(),
            upper: self.upper.clone(),
            work,
            state: self.place.state.clone(),
            hidden: secrets::hidden(&self.place.environment, &self.place.repository),
            home,
        };
        Holder::start(&self.helper, &self.place.environment, request)
    }

    fn with_view<T>(&self, action: impl FnOnce(&Tree) -> Result<T, WorkspaceError>) -> Result<T, WorkspaceError> {
        let holder = self.holder.read().unwrap_or_else(PoisonError::into_inner);
        action(&holder.as_ref().ok_or_else(lost)?.view)
    }

    fn git(&self) -> Option<GitFolders> {
        GitFolders::of(&self.place.repository)
    }

    fn outer(&self) -> Outer {
        Outer::read(self.git().as_ref().map(|folders| folders.common.as_path()), &self.place.environment)
    }

    fn changes(&self) -> Result<(Vec<Change>, Vec<String>), WorkspaceError> {
        self.with_view(|view| {
            let rules = Rules::new(view, &self.outer());
            let tracked = Tracked::read(self.git().as_ref());
            let sides = Sides { base: &self.base, view, rules: &rules, tracked: &tracked };
            let mut candidates = std::collections::BTreeSet::new();
            let below = self.lowers.iter().take(self.lowers.len().saturating_sub(1));
            for upper in std::iter::once(&self.upper).chain(below) {
                layer::candidates(upper, &sides, &mut candidates)
                    .map_err(io_error(format!("cannot read {}", upper.display())))?;
            }
            sides.changes(candidates)
        })
    }

    /// Changes the upper folder while nothing is mounted over it.
    fn remount(&self, change: impl FnOnce() -> std::io::Result<()>) -> Result<(), WorkspaceError> {
        let mut holder = write(&self.holder);
        *holder = None;
        let changed = change().map_err(io_error("cannot reset the workspace"));
        *holder = Some(self.start()?);
        changed
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        *write(&self.holder) = None;
        if self.throw_away {
            let _ = remove_tree(&self.place.state);
        }
        // Not by closing: a process that is being started right now may still have a copy of the file.
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

#[async_trait]
impl Workspace for Overlay {
    fn isolation(&self) -> Isolation {
        Isolation::Overlay
    }

    fn root(&self) -> &Path {
        &self.inner.place.repository
    }

    fn read(&self, path: &RepoPath) -> Result<FileState, WorkspaceError> {
        self.inner.with_view(|view| view.read(path))
    }

    fn write(&self, path: &RepoPath, bytes: &[u8], mode: Option<FileMode>) -> Result<(), WorkspaceError> {
        self.inner.with_view(|view| view.write(path, bytes, mode))
    }

    fn remove(&self, path: &RepoPath) -> Result<(), WorkspaceError> {
        self.inner.with_view(|view| view.remove(path))
    }

    fn list(&self, path: Option<&RepoPath>, depth: usize, limit: usize) -> Result<(Vec<Entry>, bool), WorkspaceError> {
        let outer = self.inner.outer();
        self.inner.with_view(|view| explore::list(view, &Rules::for_searching(view, &outer), path, depth, limit))
    }

    fn search(&self, query: &Query) -> Result<(Vec<Hit>, bool), WorkspaceError> {
        let outer = self.inner.outer();
        self.inner.with_view(|view| explore::search(view, &Rules::for_searching(view, &outer), query))
    }

    async fn run(
        &self,
        job: Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Result<Exit, WorkspaceError> {
        self.revive().await?;
        let _running = self.running.read().await;
        let holder = {
            let holder = self.inner.holder.read().unwrap_or_else(PoisonError::into_inner);
            holder.as_ref().ok_or_else(lost)?.id()
        };
        let root = &self.inner.place.repository;
        let request = sandbox::Run {
            holder: Some(holder),
            command: job.command.clone(),
            folder: job.folder.as_ref().map_or_else(|| root.clone(), |folder| folder.under(root)),
            network: job.network,
            namespaces: true,
            read_only: Vec::new(),
        };
        process::run(&self.inner.helper, &self.inner.place.environment, request, &job, output, cancel).await
    }

    fn changes(&self) -> Result<Vec<Change>, WorkspaceError> {
        let (changes, notes) = self.inner.changes()?;
        *self.notes.lock().unwrap_or_else(PoisonError::into_inner) = notes;
        Ok(changes)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fork(&self, files: Vec<(RepoPath, Option<FileState>)>) -> Result<Box<dyn Workspace>, WorkspaceError> {
        let number = self.forks.fetch_add(1, Ordering::Relaxed).to_string();
        let mut place = self.inner.place.clone();
        place.state = place.state.join("forks").join(number);
        let mut lowers = vec![self.inner.upper.clone()];
        lowers.extend(self.inner.lowers.iter().cloned());
        let fork = Self::mount(place, lowers, true).await?;
        for (path, state) in files {
            fork.inner.with_view(|view| view.set(&path, state.as_ref()))?;
        }
        Ok(Box::new(fork))
    }

    async fn reset(&self, paths: Option<Vec<RepoPath>>) -> Result<(), WorkspaceError> {
        let _alone = self.running.write().await;
        let inner = Arc::clone(&self.inner);
        let reset = move || {
            inner.remount(|| match paths {
                None => remove_tree(&inner.upper).and_then(|()| remove_tree(&inner.place.state.join("work"))),
                Some(paths) => {
                    paths.iter().try_for_each(|path| layer::forget(&inner.upper, &inner.base, path.as_ref()))
                }
            })
        };
        let done = tokio::task::spawn_blocking(reset).await;
        done.map_err(|error| WorkspaceError::Isolation(error.to_string()))?
    }
}

fn lost() -> WorkspaceError {
    WorkspaceError::Isolation("the sandbox could not be set up again after a reset; start the session again".to_owned())
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Removes a folder with what is in it; folders that commands or the kernel locked are unlocked first.
fn remove_tree(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let entries = match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) => {
            if metadata.permissions().mode() & 0o700 != 0o700 {
                fs::set_permissions(folder, PermissionsExt::from_mode(0o700))?;
            }
            fs::read_dir(folder)?
        }
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(folder)
}
