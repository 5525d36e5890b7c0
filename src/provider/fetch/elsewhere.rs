//! The same file in another program's cache.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::part::hash_of;
use super::sources::Wanted;
use super::{FetchError, Progress, Stage, Tell};

/// How deep a folder of models is looked through: publisher, repository, file.
const DEPTH: usize = 4;

/// Files of the right size in the places where others keep theirs. Their hash is still to be checked.
pub(super) fn places(
    wanted: &Wanted,
    bytes: u64,
    sha256: &str,
    environment: &BTreeMap<String, String>,
) -> Vec<PathBuf> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("HOME").or_else(|| set("USERPROFILE"));
    let below = |rest: &str| home.as_ref().map(|home| home.join(rest));
    let cache = set("XDG_CACHE_HOME").or_else(|| below(".cache"));
    let mut found = Vec::new();
    // Both name their files by the hash.
    let hub =
        set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE")).or_else(|| Some(set("HF_HOME")?.join("hub")));
    let hub = hub.or_else(|| Some(cache.as_ref()?.join("huggingface/hub")));
    if let (Some(hub), Some(repository)) = (hub, &wanted.repository) {
        found.push(hub.join(format!("models--{}", repository.replace('/', "--"))).join("blobs").join(sha256));
    }
    let ollama =
        [set("OLLAMA_MODELS"), below(".ollama/models"), Some(PathBuf::from("/usr/share/ollama/.ollama/models"))];
    found.extend(ollama.into_iter().flatten().map(|folder| folder.join("blobs").join(format!("sha256-{sha256}"))));
    // These by the name of the file, with the repository in front or not.
    let llama = set("LLAMA_CACHE").or_else(|| Some(cache.as_ref()?.join("llama.cpp")));
    let folders =
        [llama, below("Library/Caches/llama.cpp"), below(".lmstudio/models"), below(".cache/lm-studio/models")];
    for folder in folders.into_iter().flatten() {
        search(&folder, &wanted.file, DEPTH, &mut found);
    }
    found.retain(|path| std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes));
    found
}

fn search(folder: &Path, file: &str, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if depth > 1 && path.is_dir() {
            search(&path, file, depth - 1, found);
        } else if entry.file_name().to_string_lossy().to_ascii_lowercase().ends_with(&file.to_ascii_lowercase()) {
            found.push(path);
        }
    }
}

/// Takes the first place whose file has the hash.
pub(super) fn link_first(
    places: &[PathBuf],
    sha256: &str,
    target: &Path,
    tell: &Tell,
) -> Result<Option<PathBuf>, FetchError> {
    for place in places {
        tell.source(&place.display().to_string());
        tell.send(Progress::at(Stage::Checking, 0, None));
        match hash_of(place, tell) {
            Ok(hash) if hash == sha256 => match link(place, target) {
                Ok(()) => return Ok(Some(place.clone())),
                Err(error) => tell.note(format!("{}: {error}", place.display())),
            },
            Ok(_) => tell.note(format!("{} has the size of the file and is another one", place.display())),
            Err(error) => tell.note(error.message),
        }
    }
    Ok(None)
}

/// A second name for the same bytes, which stays when the other program removes its own; else one that points there.
fn link(place: &Path, target: &Path) -> std::io::Result<()> {
    // The hub's cache and others hold links themselves.
    let place = place.canonicalize()?;
    if target.symlink_metadata().is_ok() {
        std::fs::remove_file(target)?;
    }
    std::fs::hard_link(&place, target).or_else(|_| symlink(&place, target))
}

#[cfg(unix)]
fn symlink(place: &Path, target: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(place, target)
}

#[cfg(not(unix))]
fn symlink(place: &Path, target: &Path) -> std::io::Result<()> {
    std::fs::copy(place, target).map(drop)
}
