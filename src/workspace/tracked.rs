//! What git tracks, read from its index: a tracked file counts although a rule ignores it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where git keeps what belongs to a working folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GitFolders {
    /// Holds the index.
    pub own: PathBuf,
    /// Holds `info/exclude`; another one in a linked worktree.
    pub common: PathBuf,
}

impl GitFolders {
    /// Finds them for a working folder; a `.git` file (worktree, submodule) is followed.
    pub fn of(repository: &Path) -> Option<Self> {
        let link = repository.join(".git");
        let own = if link.is_dir() {
            link
        } else {
            let text = std::fs::read_to_string(&link).ok()?;
            repository.join(text.strip_prefix("gitdir:")?.trim())
        };
        let common = match std::fs::read_to_string(own.join("commondir")) {
            Ok(text) => own.join(text.trim()),
            Err(_) => own.clone(),
        };
        Some(Self { own, common })
    }
}

/// Paths of the index as bytes, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tracked(BTreeSet<Vec<u8>>);

impl Tracked {
    /// Reads the index of a repository; without one, or when it is damaged, nothing is tracked.
    pub fn read(folders: Option<&GitFolders>) -> Self {
        let Some(folders) = folders else { return Self::default() };
        let mut paths = BTreeSet::new();
        if let Ok(bytes) = std::fs::read(folders.own.join("index")) {
            let shared = parse(&bytes, &mut paths);
            // A split index names the file that holds the other entries.
            if let Some(bytes) = shared.and_then(|id| std::fs::read(folders.own.join(format!("sharedindex.{id}"))).ok())
            {
                parse(&bytes, &mut paths);
            }
        }
        Self(paths)
    }

    /// Whether a path is in the index.
    pub fn holds(&self, path: &Path) -> bool {
        self.0.contains(path.as_os_str().as_encoded_bytes())
    }

    /// The tracked paths below a folder.
    pub fn below(&self, folder: &Path) -> impl Iterator<Item = PathBuf> {
        let mut start = folder.as_os_str().as_encoded_bytes().to_vec();
        start.push(b'/');
        let prefix = start.clone();
        self.0.range(start..).take_while(move |path| path.starts_with(&prefix)).map(|path| as_path(path))
    }
}

fn as_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// Collects the paths of an index (versions 2 to 4) and returns the id of the shared index it is split from.
fn parse(bytes: &[u8], into: &mut BTreeSet<Vec<u8>>) -> Option<String> {
    let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    if bytes.get(..4) != Some(b"DIRC".as_slice()) {
        return None;
    }
    let version = word(4).filter(|version| (2..=4).contains(version))?;
    let count = word(8)?;
    let mut at = 12;
    let mut last: Vec<u8> = Vec::new();
    for _ in 0..count {
        let flags = u16::from_be_bytes(bytes.get(at + 60..at + 62)?.try_into().ok()?);
        let mut name = at + 62 + if version >= 3 && flags & 0x4000 != 0 { 2 } else { 0 };
        if version == 4 {
            let (cut, used) = variable_length(bytes.get(name..)?)?;
            name += used;
            last.truncate(last.len().checked_sub(cut)?);
        } else {
            last.clear();
        }
        let length = bytes.get(name..)?.iter().position(|byte| *byte == 0)?;
        last.extend_from_slice(bytes.get(name..name + length)?);
        at = if version == 4 { name + length + 1 } else { at + (name - at + length + 8) / 8 * 8 };
        into.insert(last.clone());
    }
    while let (Some(name), Some(size)) = (bytes.get(at..at + 4), word(at + 4)) {
        if name == b"link" {
            return bytes.get(at + 8..at + 28).map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        at = at.checked_add(8 + usize::try_from(size).ok()?)?;
    }
    None
}

/// Git's offset encoding: seven bits a byte, each continuation adds one.
fn variable_length(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value = if index == 0 { 0 } else { (value + 1) << 7 } | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}
