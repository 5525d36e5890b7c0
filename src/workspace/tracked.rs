//! What git tracks, read from its index: a tracked file counts although a rule ignores it.

use std::cell::OnceCell;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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

/// The paths of an index, sorted by their bytes.
#[derive(Debug, Default)]
struct Paths {
    text: Vec<u8>,
    /// Where each begins and ends in the text.
    places: Vec<(usize, usize)>,
}

/// The index of a repository. Who asks what is tracked pays for reading it once, and again when git has written it anew.
#[derive(Debug)]
pub(super) struct Index {
    repository: PathBuf,
    read: Mutex<Option<(Stamp, Arc<Paths>)>>,
}

/// The look of the index file from outside: where, how long, since when.
type Stamp = (u64, u64, i64, i64);

impl Index {
    /// The index of a working folder. Nothing is read yet.
    pub fn of(repository: &Path) -> Arc<Self> {
        Arc::new(Self { repository: repository.to_owned(), read: Mutex::default() })
    }

    /// What is tracked at this moment, looked up when it is first asked for: most questions need not be.
    pub fn tracked(self: &Arc<Self>) -> Tracked {
        Tracked { index: Arc::clone(self), paths: OnceCell::new() }
    }

    /// Without an index, or when it is damaged, nothing is tracked.
    fn paths(&self) -> Option<Arc<Paths>> {
        let folders = GitFolders::of(&self.repository)?;
        let file = folders.own.join("index");
        let metadata = std::fs::metadata(&file).ok()?;
        let stamp = (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, paths)) = read.as_ref()
            && *known == stamp
        {
            return Some(Arc::clone(paths));
        }
        let mut paths = Paths::default();
        let shared = parse(&std::fs::read(&file).ok()?, &mut paths);
        // A split index names the file that holds the other entries.
        if let Some(bytes) = shared.and_then(|id| std::fs::read(folders.own.join(format!("sharedindex.{id}"))).ok()) {
            parse(&bytes, &mut paths);
        }
        paths.sort();
        let paths = Arc::new(paths);
        *read = Some((stamp, Arc::clone(&paths)));
        Some(paths)
    }
}

impl Paths {
    fn push(&mut self, path: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(path);
        self.places.push((start, self.text.len()));
    }

    fn sort(&mut self) {
        let text = &self.text;
        let path = |place: &(usize, usize)| text.get(place.0..place.1).unwrap_or_default();
        // Git has sorted them; only a split one comes in two parts.
        if !self.places.is_sorted_by(|a, b| path(a) <= path(b)) {
            self.places.sort_by(|a, b| path(a).cmp(path(b)));
        }
    }

    /// The paths from the first one that is not before this on.
    fn from(&self, path: &[u8]) -> impl Iterator<Item = &[u8]> {
        let name = |place: &(usize, usize)| self.text.get(place.0..place.1).unwrap_or_default();
        let first = self.places.partition_point(|place| name(place) < path);
        self.places.iter().skip(first).map(name)
    }
}

/// What git tracks.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    index: Arc<Index>,
    paths: OnceCell<Option<Arc<Paths>>>,
}

impl Tracked {
    fn paths(&self) -> Option<&Paths> {
        self.paths.get_or_init(|| self.index.paths()).as_deref()
    }

    /// Whether a path is in the index.
    pub fn holds(&self, path: &Path) -> bool {
        let path = path.as_os_str().as_encoded_bytes();
        self.paths().is_some_and(|paths| paths.from(path).next() == Some(path))
    }

    /// The tracked paths below a folder.
    pub fn below(&self, folder: &Path) -> Vec<PathBuf> {
        let start = [folder.as_os_str().as_encoded_bytes(), b"/"].concat();
        let Some(paths) = self.paths() else { return Vec::new() };
        let mut found: Vec<PathBuf> =
            paths.from(&start).take_while(|path| path.starts_with(&start)).map(as_path).collect();
        found.dedup();
        found
    }
}

fn as_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// Collects the paths of an index (versions 2 to 4) and returns the id of the shared index it is split from.
fn parse(bytes: &[u8], into: &mut Paths) -> Option<String> {
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
        let length = memchr::memchr(0, bytes.get(name..)?)?;
        last.extend_from_slice(bytes.get(name..name + length)?);
        at = if version == 4 { name + length + 1 } else { at + (name - at + length + 8) / 8 * 8 };
        into.push(&last);
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
