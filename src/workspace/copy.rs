//! A workspace that is a copy of the files: where namespaces or overlays are not to be had.

mod manifest;
#[cfg(target_os = "linux")]
mod namespaces;
mod populate;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::manifest::Manifest;
use super::bases::Bases;
use super::compare::Sides;
use super::disk::Disk;
use super::env_files::{Protected, masked};
use super::leftovers::PASSING;
use super::lock::Lock;
use super::process::{self, Started};
use super::rules::{Outer, Rules};
use super::served::{Servers, alone};
use super::tracked::{GitFolders, Index, Tracked};
use super::tree::Tree;
use super::{
    Entry, Environment, Exit, Hit, Job, Limits, Place, Query, Reach, Served, Workspace, WorkspaceError, explore,
    io_error, remove_tree,
};
use crate::domain::{Change, FileMode, FileState, Isolation, RepoPath};

/// The copy, what it was copied from, and how to run commands in it.
pub(super) struct Copy {
    repository: PathBuf,
    root: PathBuf,
    state: PathBuf,
    environment: Environment,
    helper: Option<PathBuf>,
    /// Commands get namespaces although the files have none.
    #[cfg(target_os = "linux")]
    holder: namespaces::Namespaces,
    /// Commands hold it for reading, a reset for writing.
    running: Arc<tokio::sync::RwLock<()>>,
    servers: Servers,
    limits: Limits,
    disk: Arc<Disk>,
    protected: Protected,
    view: Tree,
    base: Tree,
    index: Arc<Index>,
    manifest: Mutex<Manifest>,
    /// A fork has none: nobody edits below it.
    bases: Option<Bases>,
    notes: Mutex<Vec<String>>,
    reason: Option<String>,
    forks: std::sync::atomic::AtomicU32,
    /// Set for a fork: its folder goes when it goes.
    throw_away: bool,
    /// A fork has none: it lies in a place that is locked.
    _lock: Option<Lock>,
}

impl Copy {
    /// Makes the copy, or finds the one an earlier process made.
    pub async fn open(place: Place, reason: Option<String>) -> Result<Self, WorkspaceError> {
        let opened = tokio::task::spawn_blocking(move || Self::open_blocking(place, reason)).await;
        opened.map_err(|error| WorkspaceError::Isolation(error.to_string()))?
    }

    fn open_blocking(place: Place, reason: Option<String>) -> Result<Self, WorkspaceError> {
        super::make_state_folder(&place.state)?;
        let lock = Lock::take(&place.state)?;
        let root = place.state.join("copy");
        for left in PASSING {
            remove_tree(&place.state.join(left)).map_err(io_error("cannot remove what an earlier run left behind"))?;
        }
        let manifest = match Manifest::load(&place.state) {
            Some(manifest) if root.is_dir() => manifest,
            _ => {
                let outer = outer(&place.repository, &place.environment);
                populate::populate(&place.repository, &root, &outer, place.env_files)?.save(&place.state)?
            }
        };
        let mut copy = Self::over(place, root, manifest, reason)?;
        copy._lock = Some(lock);
        Ok(copy)
    }

    fn over(place: Place, root: PathBuf, manifest: Manifest, reason: Option<String>) -> Result<Self, WorkspaceError> {
        let open = |path: &Path| Tree::open(path).map_err(io_error(format!("cannot open {}", path.display())));
        Ok(Self {
            view: open(&root)?,
            base: open(&place.repository)?,
            index: Index::of(&place.repository),
            repository: place.repository,
            #[cfg(target_os = "linux")]
            holder: namespaces::Namespaces::new(place.helper.as_deref()),
            running: Arc::default(),
            servers: Servers::default(),
            limits: place.limits,
            disk: Disk::new(vec![root.clone()], place.limits),
            root,
            protected: Protected::new(place.env_files),
            environment: place.environment,
            helper: place.helper,
            manifest: Mutex::new(manifest),
            bases: Some(Bases::open(&place.state)),
            state: place.state,
            notes: Mutex::default(),
            reason,
            forks: std::sync::atomic::AtomicU32::new(0),
            throw_away: false,
            _lock: None,
        })
    }

    /// The manifest of a copy of this copy: what is unchanged here is unchanged there.
    fn manifest_for(&self, view: &Tree) -> Manifest {
        let rules = Rules::new(&self.view, &self.outer());
        let tracked = self.tracked();
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

    #[cfg(target_os = "linux")]
    fn launch(&self, job: &Job) -> Result<Started, WorkspaceError> {
        let holder = self.holder.get(&self.environment, &[&self.repository, &self.root])?;
        let request = super::sandbox::Run {
            holder: holder.as_ref().map(|holder| holder.id()),
            command: job.command.clone(),
            folder: self.folder_of(job),
            network: job.network,
            read_only: vec![self.repository.clone()],
            covers: self.covers(job)?,
            limits: self.limits,
        };
        let started = process::launch(&process::helper(self.helper.as_deref())?, &self.environment, request, job)?;
        Ok(started.watched(&self.disk))
    }

    /// The copy holds masked files; what is covered are those of the repository, or after a permission those of the
    /// copy by them.
    #[cfg(target_os = "linux")]
    fn covers(&self, job: &Job) -> Result<Vec<super::sandbox::Cover>, WorkspaceError> {
        use super::sandbox::{By, Cover};
        if job.env_files && !self.holder.possible() {
            return Err(WorkspaceError::Isolation(
                "real `.env` files need namespaces, which are not possible here".into(),
            ));
        }
        let paths = self.protected.all(&self.repository, || self.tracked());
        let cover = |path: PathBuf| {
            let (own, users) = (self.root.join(&path), self.repository.join(&path));
            if job.env_files {
                return Cover { path: own, by: By::File(users) };
            }
            let seen = masked(&self.base.optional(&path).unwrap_or_default(), self.protected.how());
            Cover { path: users, by: By::Text(String::from_utf8_lossy(&seen).into_owned()) }
        };
        Ok(paths.into_iter().map(cover).collect())
    }

    #[cfg(not(target_os = "linux"))]
    fn launch(&self, job: &Job) -> Result<Started, WorkspaceError> {
        Ok(process::launch_plain(&self.environment, &self.folder_of(job), job)?.watched(&self.disk))
    }

    /// Hands over what may differ from base, and what is needed to compare it.
    fn compare<T>(
        &self,
        action: impl FnOnce(&Sides<'_>, BTreeSet<PathBuf>) -> Result<T, WorkspaceError>,
    ) -> Result<T, WorkspaceError> {
        let rules = Rules::new(&self.view, &self.outer());
        let tracked = self.tracked();
        let bases = self.bases.as_ref();
        let sides = Sides { base: &self.base, view: &self.view, rules: &rules, tracked: &tracked, bases };
        let mut candidates = lock(&self.manifest).differing(&self.view, &rules, &tracked);
        // A command may have changed the masked copy of such a file; the user's own is not to become that.
        candidates.retain(|path| !self.protected.holds(&self.base, || tracked.clone(), path));
        action(&sides, candidates)
    }

    fn note_base(&self, path: &RepoPath) {
        if let Some(bases) = &self.bases {
            let _ = bases.note(path, &self.base);
        }
    }

    fn tracked(&self) -> Tracked {
        self.index.tracked()
    }

    fn refuse_protected(&self, path: &RepoPath) -> Result<(), WorkspaceError> {
        let real = self.view.real(path.as_ref());
        let holds = self.protected.holds(&self.base, || self.tracked(), &real);
        if holds { Err(WorkspaceError::Protected(path.clone())) } else { Ok(()) }
    }

    fn folder_of(&self, job: &Job) -> PathBuf {
        job.folder.as_ref().map_or_else(|| self.root.clone(), |folder| folder.under(&self.root))
    }

    #[cfg(target_os = "linux")]
    fn way_to(&self, port: u16) -> Result<Reach, WorkspaceError> {
        let Some(holder) = self.holder.get(&self.environment, &[&self.repository, &self.root])? else {
            return Ok(Reach::Tcp(port));
        };
        let helper = process::helper(self.helper.as_deref())?;
        holder.reach(&helper, &self.environment, &self.state.join("reach"), port)
    }

    #[cfg(not(target_os = "linux"))]
    fn way_to(&self, port: u16) -> Result<Reach, WorkspaceError> {
        Ok(Reach::Tcp(port))
    }

    /// What this isolation does not protect.
    #[cfg(target_os = "linux")]
    fn unprotected(&self) -> Option<&'static str> {
        Some(match self.holder.possible() {
            true => {
                "copy: commands cannot write your repository, their processes and network are contained and the usual \
                 places of credentials are hidden, but they can read and write the rest of the machine with your rights"
            }
            false => {
                "copy: commands run with your rights: they can read your home directory, keys and passwords in it \
                 included, write everywhere, and reach the network"
            }
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn unprotected(&self) -> Option<&'static str> {
        Some("copy: commands run with your rights and can reach the rest of the machine and the network")
    }

    fn outer(&self) -> Outer {
        outer(&self.repository, &self.environment)
    }
}

fn outer(repository: &Path, environment: &Environment) -> Outer {
    Outer::read(GitFolders::of(repository).as_ref().map(|folders| folders.common.as_path()), environment)
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
        self.refuse_protected(path)?;
        self.note_base(path);
        self.view.write(path, bytes, mode)
    }

    fn remove(&self, path: &RepoPath) -> Result<(), WorkspaceError> {
        self.refuse_protected(path)?;
        self.note_base(path);
        self.view.remove(path)
    }

    fn list(&self, path: Option<&RepoPath>, depth: usize, limit: usize) -> Result<(Vec<Entry>, bool), WorkspaceError> {
        explore::list(self.side(path), &self.searching(), path, depth, limit)
    }

    fn search(&self, query: &Query) -> Result<(Vec<Hit>, bool), WorkspaceError> {
        explore::search(self.side(query.path.as_ref()), &self.searching(), query, &|_| None)
    }

    async fn run(
        &self,
        job: Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Result<Exit, WorkspaceError> {
        let _running = self.running.read().await;
        let ended = process::follow(self.launch(&job)?, job.limit, output, cancel).await;
        if self.bases.is_some() {
            let _ = self.compare(|sides, candidates| {
                sides.note_bases(&candidates);
                Ok(())
            });
        }
        ended
    }

    async fn serve(
        &self,
        job: Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Result<Served, WorkspaceError> {
        let running = Arc::clone(&self.running).read_owned().await;
        Ok(self.servers.keep(self.launch(&job)?, &job, output, &cancel, running))
    }

    async fn reach(&self, port: u16) -> Result<Reach, WorkspaceError> {
        if self.servers.outside(port) { Ok(Reach::Tcp(port)) } else { self.way_to(port) }
    }

    fn changes(&self) -> Result<Vec<Change>, WorkspaceError> {
        let (changes, notes) = self.compare(|sides, candidates| sides.changes(candidates))?;
        *lock(&self.notes) = notes;
        Ok(changes)
    }

    fn notes(&self) -> Vec<String> {
        let open = self.unprotected().map(ToOwned::to_owned);
        self.reason.iter().cloned().chain(open).chain(lock(&self.notes).iter().cloned()).collect()
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
            limits: self.limits,
            env_files: self.protected.how(),
        };
        let manifest = self.manifest_for(&Tree::open(&root).map_err(io_error("cannot open the copy"))?);
        let mut fork = Self::over(place, root, manifest, self.reason.clone())?;
        fork.throw_away = true;
        fork.bases = None;
        for (path, state) in files {
            fork.view.set(&path, state.as_ref())?;
        }
        Ok(Box::new(fork))
    }

    async fn reset(&self, paths: Option<Vec<RepoPath>>) -> Result<(), WorkspaceError> {
        let _alone = alone(&self.running, &self.servers).await;
        if let Some(bases) = &self.bases {
            bases.forget(paths.as_deref()).map_err(io_error("cannot forget what the draft was made from"))?;
        }
        let mut manifest = lock(&self.manifest);
        let paths = match paths {
            Some(paths) => paths,
            None => {
                populate::clear(&self.root)?;
                *manifest = populate::populate(&self.repository, &self.root, &self.outer(), self.protected.how())?
                    .save(&self.state)?;
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
            let _ = remove_tree(&self.state);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
