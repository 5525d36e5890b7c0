//! A workspace in Linux namespaces: an overlay at the repository's own path, held by a helper process.

mod fingerprint;
mod layer;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::bases::Bases;
use super::compare::Sides;
use super::disk::Disk;
use super::env_files::{Protected, is_env_file, masked};
use super::holder::Holder;
use super::leftovers::PASSING;
use super::lock::Lock;
use super::process::{self, Started};
use super::rules::{Outer, Rules};
use super::served::{Servers, alone};
use super::tracked::{GitFolders, Index};
use super::tree::Tree;
use super::{
    Entry, Exit, Hit, Job, Place, Query, Reach, Served, Workspace, WorkspaceError, explore, io_error, remove_tree,
    sandbox, secrets,
};
use crate::domain::{Change, FileMode, FileState, Isolation, RepoPath};

/// The overlay of a repository.
pub(super) struct Overlay {
    inner: Arc<Inner>,
    /// Commands hold it for reading, a remount for writing.
    running: Arc<tokio::sync::RwLock<()>>,
    servers: Servers,
    disk: Arc<Disk>,
    protected: Protected,
    /// The kernel remembers that a file is not there which the user has made since: it has to be told anew.
    outdated: AtomicBool,
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
    index: Arc<Index>,
    /// A fork has none: nobody edits below it.
    bases: Option<Bases>,
    /// `None` when it could not be set up again.
    holder: RwLock<Option<Mounted>>,
    /// A fork: its folder goes when it goes.
    throw_away: bool,
    _lock: Lock,
}

/// A holder with what it has mounted.
struct Mounted {
    holder: Holder,
    /// The files as commands see them.
    view: Tree,
}

impl Overlay {
    /// Mounts the overlay, with the draft an earlier process left at this place.
    pub async fn open(place: Place) -> Result<Self, WorkspaceError> {
        let (lowers, index) = (vec![place.repository.clone()], Index::of(&place.repository));
        Self::mount(place, lowers, index, false).await
    }

    async fn mount(
        place: Place,
        lowers: Vec<PathBuf>,
        index: Arc<Index>,
        throw_away: bool,
    ) -> Result<Self, WorkspaceError> {
        let opened = tokio::task::spawn_blocking(move || Inner::open(place, lowers, index, throw_away)).await;
        let inner = opened.map_err(|error| WorkspaceError::Isolation(error.to_string()))??;
        let grows = vec![inner.upper.clone(), inner.scratch(), inner.place.state.join("home")];
        Ok(Self {
            disk: Disk::new(grows, inner.place.limits),
            protected: Protected::new(inner.place.env_files),
            inner: Arc::new(inner),
            running: Arc::default(),
            outdated: AtomicBool::new(false),
            servers: Servers::default(),
            forks: AtomicU32::new(0),
            notes: Mutex::default(),
        })
    }
}

impl Overlay {
    /// Sets the view up again when its holder was ended from outside, or when it does not show what the user's tree
    /// has; the draft is in the upper folder.
    async fn revive(&self) -> Result<(), WorkspaceError> {
        let ended = self
            .inner
            .holder
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .is_none_or(|m| m.holder.has_ended());
        let outdated = !self.servers.any() && self.outdated.swap(false, Ordering::Relaxed);
        if !ended && !outdated {
            return Ok(());
        }
        let _alone = alone(&self.running, &self.servers).await;
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || inner.remount(|| Ok(()))).await;
        done.map_err(|error| WorkspaceError::Isolation(error.to_string()))?
    }

    /// Where a path leads, when that is a file which is not shown as it is.
    fn protects(&self, view: &Tree, path: &Path) -> bool {
        let real = view.real(path);
        let tracked = || self.inner.index.tracked();
        self.protected.holds(&self.inner.base, tracked, &real) && !self.inner.has_changed(&real)
    }

    fn refuse_protected(&self, view: &Tree, path: &RepoPath) -> Result<(), WorkspaceError> {
        if self.protects(view, path.as_ref()) { Err(WorkspaceError::Protected(path.clone())) } else { Ok(()) }
    }

    /// What commands see in place of protected files.
    fn covers(&self) -> Vec<sandbox::Cover> {
        let repository = &self.inner.place.repository;
        let paths = self.protected.all(repository, || self.inner.index.tracked());
        let cover = |path: PathBuf| {
            let state = self.inner.base.optional(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&masked(&state, self.protected.how())).into_owned();
            sandbox::Cover { path: repository.join(path), by: sandbox::By::Text(text) }
        };
        paths.into_iter().filter(|path| !self.inner.has_changed(path)).map(cover).collect()
    }

    fn launch(&self, job: &Job) -> Result<Started, WorkspaceError> {
        let holder = {
            let holder = self.inner.holder.read().unwrap_or_else(PoisonError::into_inner);
            holder.as_ref().ok_or_else(lost)?.holder.id()
        };
        let root = &self.inner.place.repository;
        let request = sandbox::Run {
            holder: Some(holder),
            command: job.command.clone(),
            folder: job.folder.as_ref().map_or_else(|| root.clone(), |folder| folder.under(root)),
            network: job.network,
            read_only: Vec::new(),
            covers: if job.env_files { Vec::new() } else { self.covers() },
            limits: self.inner.place.limits,
        };
        let started = process::launch(&self.inner.helper, &self.inner.place.environment, request, job)?;
        Ok(started.watched(&self.disk))
    }
}

impl Inner {
    fn open(place: Place, lowers: Vec<PathBuf>, index: Arc<Index>, throw_away: bool) -> Result<Self, WorkspaceError> {
        let state = &place.state;
        super::make_state_folder(state)?;
        let lock = Lock::take(state)?;
        for left in PASSING {
            remove_tree(&state.join(left)).map_err(io_error("cannot remove what an earlier run left behind"))?;
        }
        let inner = Self {
            helper: process::helper(place.helper.as_deref())?,
            lowers,
            upper: state.join("upper"),
            bases: (!throw_away).then(|| Bases::open(state)),
            base: Tree::open(&place.repository)
                .map_err(io_error(format!("cannot open {}", place.repository.display())))?,
            index,
            place,
            holder: RwLock::new(None),
            throw_away,
            _lock: lock,
        };
        *write(&inner.holder) = Some(inner.start()?);
        Ok(inner)
    }

    fn start(&self) -> Result<Mounted, WorkspaceError> {
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
        let view = sandbox::View {
            repository: self.place.repository.clone(),
            lowers: self.lowers.clone(),
            upper: self.upper.clone(),
            work,
            state: self.place.state.clone(),
            scratch: self.scratch(),
            in_memory: self.place.limits.memory / 2,
            home,
        };
        let hidden = secrets::hidden(&self.place.environment, &[&self.place.repository]);
        let request = sandbox::Hold { view: Some(view), hidden };
        let holder = Holder::start(&self.helper, &self.place.environment, request)?;
        Ok(Mounted { view: holder.view(&self.place.repository)?, holder })
    }

    /// Remembers what a path is made from that is about to be changed.
    fn note_base(&self, path: &RepoPath) {
        if let Some(bases) = &self.bases {
            let _ = bases.note(path, &self.base);
        }
    }

    /// The same for what a command has changed.
    fn note_bases(&self) {
        if self.bases.is_some() {
            let _ = self.compare(|sides, candidates| {
                sides.note_bases(&candidates);
                Ok(())
            });
        }
    }

    /// Whether the draft has something of its own at a path, if only that nothing is there any more.
    fn has_changed(&self, path: &Path) -> bool {
        let above = self.lowers.iter().take(self.lowers.len().saturating_sub(1)).chain([&self.upper]);
        above.into_iter().any(|folder| layer::decides(folder, path))
    }

    fn scratch(&self) -> PathBuf {
        self.place.state.join("scratch")
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
        self.compare(|sides, candidates| sides.changes(candidates))
    }

    /// Hands over what may differ from base, and what is needed to compare it.
    fn compare<T>(
        &self,
        action: impl FnOnce(&Sides<'_>, std::collections::BTreeSet<PathBuf>) -> Result<T, WorkspaceError>,
    ) -> Result<T, WorkspaceError> {
        self.with_view(|view| {
            let rules = Rules::new(view, &self.outer());
            let tracked = self.index.tracked();
            let sides = Sides { base: &self.base, view, rules: &rules, tracked: &tracked, bases: self.bases.as_ref() };
            let mut candidates = std::collections::BTreeSet::new();
            let below = self.lowers.iter().take(self.lowers.len().saturating_sub(1));
            for upper in std::iter::once(&self.upper).chain(below) {
                layer::candidates(upper, &sides, &mut candidates)
                    .map_err(io_error(format!("cannot read {}", upper.display())))?;
            }
            action(&sides, candidates)
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
        self.inner.with_view(|view| {
            let mut state = match view.read(path) {
                Err(WorkspaceError::Missing(_)) if !self.inner.has_changed(path.as_ref()) => {
                    let state = self.inner.base.read(path)?;
                    self.outdated.store(true, Ordering::Relaxed);
                    state
                }
                read => read?,
            };
            if self.protects(view, path.as_ref()) {
                state.bytes = masked(&state.bytes, self.protected.how());
            }
            Ok(state)
        })
    }

    fn write(&self, path: &RepoPath, bytes: &[u8], mode: Option<FileMode>) -> Result<(), WorkspaceError> {
        self.inner.with_view(|view| {
            self.refuse_protected(view, path)?;
            self.inner.note_base(path);
            view.write(path, bytes, mode)
        })
    }

    fn remove(&self, path: &RepoPath) -> Result<(), WorkspaceError> {
        self.inner.with_view(|view| {
            self.refuse_protected(view, path)?;
            self.inner.note_base(path);
            view.remove(path)
        })
    }

    fn list(&self, path: Option<&RepoPath>, depth: usize, limit: usize) -> Result<(Vec<Entry>, bool), WorkspaceError> {
        let outer = self.inner.outer();
        self.inner.with_view(|view| explore::list(view, &Rules::for_searching(view, &outer), path, depth, limit))
    }

    fn search(&self, query: &Query) -> Result<(Vec<Hit>, bool), WorkspaceError> {
        let outer = self.inner.outer();
        self.inner.with_view(|view| {
            let shown = |path: &Path| {
                let named = query.path.as_ref().is_some_and(|named| Path::new(named.as_str()) == path);
                let may_be = named || path.file_name().is_some_and(is_env_file);
                (may_be && self.protects(view, path))
                    .then(|| masked(&view.optional(path).unwrap_or_default(), self.protected.how()))
            };
            explore::search(view, &Rules::for_searching(view, &outer), query, &shown)
        })
    }

    async fn run(
        &self,
        job: Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Result<Exit, WorkspaceError> {
        self.revive().await?;
        let _running = self.running.read().await;
        let ended = process::follow(self.launch(&job)?, job.limit, output, cancel).await;
        let inner = Arc::clone(&self.inner);
        let _ = tokio::task::spawn_blocking(move || inner.note_bases()).await;
        ended
    }

    async fn serve(
        &self,
        job: Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Result<Served, WorkspaceError> {
        self.revive().await?;
        let running = Arc::clone(&self.running).read_owned().await;
        Ok(self.servers.keep(self.launch(&job)?, &job, output, &cancel, running))
    }

    async fn reach(&self, port: u16) -> Result<Reach, WorkspaceError> {
        if self.servers.outside(port) {
            return Ok(Reach::Tcp(port));
        }
        self.revive().await?;
        let inner = Arc::clone(&self.inner);
        let reach = move || {
            let mounted = inner.holder.read().unwrap_or_else(PoisonError::into_inner);
            let holder = &mounted.as_ref().ok_or_else(lost)?.holder;
            holder.reach(&inner.helper, &inner.place.environment, &inner.place.state.join("reach"), port)
        };
        let done = tokio::task::spawn_blocking(reach).await;
        done.map_err(|error| WorkspaceError::Isolation(error.to_string()))?
    }

    fn changes(&self) -> Result<Vec<Change>, WorkspaceError> {
        let (changes, notes) = self.inner.changes()?;
        *self.notes.lock().unwrap_or_else(PoisonError::into_inner) = notes;
        Ok(changes)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fingerprint(&self, without: &[RepoPath]) -> Option<String> {
        let mut layers = vec![self.inner.upper.as_path()];
        layers.extend(self.inner.lowers.iter().map(PathBuf::as_path));
        let without = without.iter().map(RepoPath::as_str).collect();
        fingerprint::of(&fingerprint::View {
            root: &self.inner.place.repository,
            layers: &layers,
            without: &without,
            environment: &self.inner.place.environment,
        })
    }

    async fn fork(&self, files: Vec<(RepoPath, Option<FileState>)>) -> Result<Box<dyn Workspace>, WorkspaceError> {
        let number = self.forks.fetch_add(1, Ordering::Relaxed).to_string();
        let mut place = self.inner.place.clone();
        place.state = place.state.join("forks").join(number);
        let mut lowers = vec![self.inner.upper.clone()];
        lowers.extend(self.inner.lowers.iter().cloned());
        let fork = Self::mount(place, lowers, Arc::clone(&self.inner.index), true).await?;
        for (path, state) in files {
            fork.inner.with_view(|view| view.set(&path, state.as_ref()))?;
        }
        Ok(Box::new(fork))
    }

    async fn reset(&self, paths: Option<Vec<RepoPath>>) -> Result<(), WorkspaceError> {
        let _alone = alone(&self.running, &self.servers).await;
        let inner = Arc::clone(&self.inner);
        let reset = move || {
            if let Some(bases) = &inner.bases {
                bases.forget(paths.as_deref()).map_err(io_error("cannot forget what the draft was made from"))?;
            }
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
