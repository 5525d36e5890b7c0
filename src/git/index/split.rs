//! Forms of the index that libgit2 refuses: one that is split over two files, and one that holds whole folders of a
//! sparse checkout as one entry.
//!
//! They are put together to a plain one for reading. A split one is split again when it is written, over the same shared
//! file, so that git finds what it left. A sparse one is written in full: git folds it again by itself when it next
//! writes, because its settings say so.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::super::GitError;
use super::raw::{Raw, RawEntry};

const LINK: [u8; 4] = *b"link";
const SPARSE: [u8; 4] = *b"sdir";
const CACHED_TREES: [u8; 4] = *b"TREE";
/// They say where in the file something begins, and would be wrong in another one.
const PLACES: [[u8; 4]; 2] = [*b"EOIE", *b"IEOT"];
const OBJECT: usize = 20;
const FOLDER: u32 = 0o040_000;
const SKIP_WORKTREE: u16 = 1 << 14;
const EXTENDED: u16 = 0x4000;

/// The file an index shares its entries with.
pub(in crate::git) struct Shared {
    path: PathBuf,
    /// Its checksum.
    id: Vec<u8>,
    entries: Vec<RawEntry>,
}

/// A plain index with the same entries.
pub(super) struct Plain {
    pub bytes: Vec<u8>,
    /// What it is to be split over again.
    pub shared: Option<Shared>,
}

/// Makes a plain index of one that is not; `None` when it is.
pub(super) fn plain(repository: &git2::Repository, bytes: &[u8]) -> Result<Option<Plain>, GitError> {
    let Some(mut raw) = Raw::parse(bytes) else { return Ok(None) };
    let sparse = raw.extension(SPARSE).is_some();
    if !sparse && raw.extension(LINK).is_none() {
        return Ok(None);
    }
    let shared = join(repository.path(), &mut raw)?;
    raw.extensions.retain(|(name, _)| ![LINK, SPARSE].contains(name) && !PLACES.contains(name));
    if raw.entries.iter().any(|entry| entry.mode() == FOLDER) {
        unfold(repository, &mut raw)?;
    }
    Ok(Some(Plain { bytes: raw.bytes(), shared }))
}

/// Splits what libgit2 wrote over the shared file again.
pub(super) fn split(plain: &[u8], shared: &Shared) -> Option<Vec<u8>> {
    let mut raw = Raw::parse(plain)?;
    let mut mine: BTreeMap<(Vec<u8>, u16), RawEntry> = BTreeMap::new();
    for entry in raw.entries {
        mine.insert(key(&entry), entry);
    }
    let (mut deleted, mut replaced, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for entry in &shared.entries {
        let now = mine.remove(&key(entry));
        deleted.push(now.is_none());
        let other = now.filter(|now| now != entry);
        replaced.push(other.is_some());
        // Those that take the place of shared ones come first, without their names.
        entries.extend(other.map(|other| RawEntry { name: Vec::new(), ..other }));
    }
    entries.extend(mine.into_values());
    raw.entries = entries;
    let link = [shared.id.as_slice(), &bitmap(&deleted), &bitmap(&replaced)].concat();
    raw.extensions.retain(|(name, _)| !PLACES.contains(name));
    raw.extensions.push((LINK, link));
    // Git removes shared files that nobody has used for two weeks.
    let _ = File::options().append(true).open(&shared.path).and_then(|file| {
        let now = std::time::SystemTime::now();
        file.set_modified(now)
    });
    Some(raw.bytes())
}

fn key(entry: &RawEntry) -> (Vec<u8>, u16) {
    (entry.name.clone(), entry.flags & 0x3000)
}

/// Brings in the entries of the shared file.
fn join(git_folder: &Path, raw: &mut Raw) -> Result<Option<Shared>, GitError> {
    let Some(link) = raw.extension(LINK).map(<[u8]>::to_vec) else { return Ok(None) };
    let (id, rest) = link.split_at_checked(OBJECT).ok_or_else(|| damaged("its link is cut off"))?;
    if id.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let path = git_folder.join(format!("sharedindex.{}", hexadecimal(id)));
    let bytes = fs::read(&path).map_err(|_| damaged(&format!("{} is missing", path.display())))?;
    let base = Raw::parse(&bytes).filter(|_| Raw::checksum(&bytes) == Some(id));
    let base = base.ok_or_else(|| damaged(&format!("{} is damaged", path.display())))?.entries;
    let cut = || damaged("its bitmaps are cut off");
    let (deleted, rest) = if rest.is_empty() { (Vec::new(), rest) } else { bits(rest).ok_or_else(cut)? };
    let (replaced, _) = if rest.is_empty() { (Vec::new(), rest) } else { bits(rest).ok_or_else(cut)? };
    let is_set = |bits: &[bool], number: usize| bits.get(number).copied().unwrap_or_default();
    let mut own = std::mem::take(&mut raw.entries).into_iter();
    let mut all = BTreeMap::new();
    for (number, entry) in base.iter().enumerate() {
        let entry = if is_set(&replaced, number) {
            let by = own.next().ok_or_else(cut)?;
            RawEntry { name: entry.name.clone(), ..by }
        } else {
            entry.clone()
        };
        if !is_set(&deleted, number) {
            all.insert(key(&entry), entry);
        }
    }
    all.extend(own.map(|entry| (key(&entry), entry)));
    raw.entries = all.into_values().collect();
    Ok(Some(Shared { path, id: id.to_vec(), entries: base }))
}

fn damaged(what: &str) -> GitError {
    GitError::Unsupported {
        what: format!("its index is split and {what}"),
        next: "git cannot read it either; `mv .git/index .git/index.old && git reset` makes a new one from HEAD"
            .to_owned(),
    }
}

/// Puts the files of a folder in the place of the folder.
fn unfold(repository: &git2::Repository, raw: &mut Raw) -> Result<(), GitError> {
    let mut entries = Vec::new();
    for entry in std::mem::take(&mut raw.entries) {
        if entry.mode() != FOLDER {
            entries.push(entry);
            continue;
        }
        let tree = repository.find_tree(git2::Oid::from_bytes(entry.object())?)?;
        let mut found = Vec::new();
        tree.walk(git2::TreeWalkMode::PreOrder, |folder, item| {
            if item.kind() != Some(git2::ObjectType::Tree) {
                found.push(skipped(&entry.name, folder.as_bytes(), item));
            }
            git2::TreeWalkResult::Ok
        })?;
        entries.extend(found);
    }
    entries.sort_by(RawEntry::order);
    raw.entries = entries;
    // It counts the entries below each folder.
    raw.extensions.retain(|(name, _)| *name != CACHED_TREES);
    Ok(())
}

/// A file that a sparse checkout leaves out.
fn skipped(folder: &[u8], below: &[u8], item: &git2::TreeEntry<'_>) -> RawEntry {
    let mut fixed = [0; 60];
    let mode = u32::try_from(item.filemode()).unwrap_or_default();
    fixed[24..28].copy_from_slice(&mode.to_be_bytes());
    fixed[40..60].copy_from_slice(item.id().as_bytes());
    RawEntry { fixed, flags: EXTENDED, extended: SKIP_WORKTREE, name: [folder, below, item.name_bytes()].concat() }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a bitmap in git's compressed form and gives the rest.
fn bits(bytes: &[u8]) -> Option<(Vec<bool>, &[u8])> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let size = usize::try_from(number(0)?).ok()?;
    let count = usize::try_from(number(4)?).ok()?;
    let rest = bytes.get(8 + count.checked_mul(8)? + 4..)?;
    let words: Vec<u64> = bytes
        .get(8..8 + count * 8)?
        .chunks_exact(8)
        .map(|word| word.try_into().map(u64::from_be_bytes).unwrap_or_default())
        .collect();
    let mut bits = Vec::new();
    let mut words = words.into_iter();
    while let Some(marker) = words.next() {
        // A run of equal words, then some that are written out.
        let run = usize::try_from((marker >> 1) & 0xffff_ffff).ok()?;
        let length = (bits.len() + run.checked_mul(64)?).min(size.max(bits.len()));
        bits.resize(length, marker & 1 == 1);
        for _ in 0..marker >> 33 {
            let word = words.next()?;
            bits.extend((0..64).map(|bit| word >> bit & 1 == 1));
        }
    }
    bits.truncate(size);
    Some((bits, rest))
}

/// Writes a bitmap in the same form, without runs.
fn bitmap(bits: &[bool]) -> Vec<u8> {
    let size = bits.iter().rposition(|bit| *bit).map_or(0, |last| last + 1);
    let bits = bits.get(..size).unwrap_or_default();
    let words = bits.chunks(64).map(|bits| bits.iter().rev().fold(0, |word, bit| word << 1 | u64::from(*bit)));
    let mut all: Vec<u64> = std::iter::once(0).chain(words).collect();
    let literal = all.len() as u64 - 1;
    if let Some(marker) = all.first_mut() {
        *marker = literal << 33;
    }
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = [number(size), number(all.len())].concat();
    all.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
    out.extend_from_slice(&number(0));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bitmaps_are_read_as_they_are_written() {
        let some: Vec<bool> = (0..1_000).map(|number| number % 7 == 0 || number > 900).collect();
        for bits_of in [&[][..], &[true], &[false, true], &some] {
            let mut bytes = bitmap(bits_of);
            bytes.extend_from_slice(b"rest");
            let (read, rest) = bits(&bytes).unwrap();
            assert_eq!((read.as_slice(), rest), (bits_of, b"rest".as_slice()));
        }
    }

    #[test]
    fn runs_are_read() {
        // 128 bits that are set, then one word written out.
        let words = [1 | 2 << 1 | 1 << 33, 0b101_u64];
        let mut bytes = [131_u32.to_be_bytes(), 2_u32.to_be_bytes()].concat();
        words.iter().for_each(|word| bytes.extend_from_slice(&word.to_be_bytes()));
        bytes.extend_from_slice(&0_u32.to_be_bytes());
        let (read, _) = bits(&bytes).unwrap();
        assert_eq!((read.len(), read.iter().filter(|bit| **bit).count()), (131, 130));
        assert_eq!(bits(&bytes[..20]), None);
    }
}
