//! The index: what a path is to hold after a commit, and writing it without touching anything else in it.

mod raw;
mod split;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::GitError;
use super::entry::{self, Entry, Merge};
use super::transaction::IndexUpdate;
use crate::domain::RepoPath;

const INTENT_TO_ADD: u16 = 1 << 13;
const SKIP_WORKTREE: u16 = 1 << 14;
const EXTENDED: u16 = 1 << 14;
const ASSUME_VALID: u16 = 1 << 15;

/// Opens the index of a repository, in whatever form git has left it. The repository itself goes on with the same one.
pub(super) fn open(repository: &git2::Repository) -> Result<git2::Index, GitError> {
    let refused = match repository.index() {
        Ok(index) => return Ok(index),
        Err(error) => error,
    };
    let path = repository.path().join("index");
    let bytes = fs::read(&path).map_err(GitError::io(&path))?;
    let Some(plain) = split::plain(repository, &bytes)? else { return Err(unreadable(&refused)) };
    let copy = tempfile::NamedTempFile::new().map_err(GitError::io(&path))?;
    fs::write(copy.path(), plain.bytes).map_err(GitError::io(copy.path()))?;
    // What is newer than the index is looked at more closely; the copy must not look younger than what it stands for.
    let written = fs::metadata(&path).and_then(|metadata| metadata.modified());
    written.and_then(|time| copy.as_file().set_modified(time)).map_err(GitError::io(copy.path()))?;
    let mut index = git2::Index::open(copy.path())?;
    repository.set_index(&mut index)?;
    Ok(index)
}

/// Lets libgit2 look at an index it would refuse, before anything asks it to. Costs a look into git's folder.
pub(super) fn prepare(repository: &git2::Repository) -> Result<(), GitError> {
    let shares = || {
        let names = fs::read_dir(repository.path()).into_iter().flatten().flatten();
        names.map(|entry| entry.file_name()).any(|name| name.as_encoded_bytes().starts_with(b"sharedindex."))
    };
    let folds = || repository.config().is_ok_and(|config| config.get_bool("index.sparse").unwrap_or(false));
    if shares() || folds() { open(repository).map(drop) } else { Ok(()) }
}

/// Opens an index file of our own, which becomes a plain one, and says what it shared its entries with.
pub(super) fn open_own(
    repository: &git2::Repository,
    path: &Path,
) -> Result<(git2::Index, Option<split::Shared>), GitError> {
    let refused = match git2::Index::open(path) {
        Ok(index) => return Ok((index, None)),
        Err(error) => error,
    };
    let bytes = fs::read(path).map_err(GitError::io(path))?;
    let Some(plain) = split::plain(repository, &bytes)? else { return Err(unreadable(&refused)) };
    fs::write(path, plain.bytes).map_err(GitError::io(path))?;
    Ok((git2::Index::open(path)?, plain.shared))
}

fn unreadable(error: &git2::Error) -> GitError {
    let message = error.message();
    if !message.contains("extension") {
        return GitError::Git(message.to_owned());
    }
    GitError::Unsupported {
        what: format!("its index has an {message}"),
        next: "`git` still works here; `git update-index --force-write-index` may leave it out".to_owned(),
    }
}

/// What the index holds at a path. A path that is only announced (`git add -N`) holds nothing yet.
pub(super) fn at(index: &git2::Index, path: &RepoPath) -> Option<Entry> {
    let found = index.get_path(Path::new(path.as_str()), 0)?;
    (found.flags_extended & INTENT_TO_ADD == 0).then_some(Entry { id: found.id, mode: found.mode })
}

/// Whether a path has stages of an unfinished merge.
pub(super) fn is_unmerged(index: &git2::Index, path: &RepoPath) -> bool {
    (1..=3).any(|stage| index.get_path(Path::new(path.as_str()), stage).is_some())
}

/// Whether a path is left out of the working folder by a sparse checkout.
pub(super) fn is_skipped(index: &git2::Index, path: &RepoPath) -> bool {
    index.get_path(Path::new(path.as_str()), 0).is_some_and(|found| found.flags_extended & SKIP_WORKTREE != 0)
}

/// How the index goes along with an accepted change, which takes HEAD from one entry to another and the working file
/// from what was shown to what was accepted. What the user staged stays staged, but for what the change itself takes
/// out or rewrites. `None` is a conflict.
pub(super) fn follow_change(
    repository: &git2::Repository,
    index: &git2::Index,
    path: &RepoPath,
    (before, after): (Option<Entry>, Option<Entry>),
    (shown, accepted): (Option<Entry>, Option<Entry>),
) -> Result<Option<IndexUpdate>, GitError> {
    let mine = at(index, path);
    if mine == shown && !is_unmerged(index, path) {
        return Ok(Some(IndexUpdate { path: path.clone(), before: mine, after: accepted, as_in_tree: false }));
    }
    if shown.is_some() && mine.is_some() && accepted.is_some() {
        return follow(repository, index, path, (shown, accepted));
    }
    // What HEAD lacks but the user staged is held against what was shown.
    let before = if mine.is_some() { before.or(shown) } else { before };
    follow(repository, index, path, (before, after))
}

/// How the index goes along when HEAD goes from one entry to another at a path: what the user staged stays staged.
/// `None` is a conflict.
pub(super) fn follow(
    repository: &git2::Repository,
    index: &git2::Index,
    path: &RepoPath,
    (before, after): (Option<Entry>, Option<Entry>),
) -> Result<Option<IndexUpdate>, GitError> {
    if is_unmerged(index, path) {
        return Ok(None);
    }
    let mine = at(index, path);
    let merged = match (before, mine, after) {
        // A staged deletion or a path never staged: nothing to bring along.
        (Some(_), None, _) => Merge::Clean(None),
        (None, None, _) => Merge::Clean(after),
        _ => entry::merge(repository, before, mine, after)?,
    };
    let Merge::Clean(after) = merged else { return Ok(None) };
    Ok(Some(IndexUpdate { path: path.clone(), before: mine, after, as_in_tree: false }))
}

/// An entry that knows nothing about the file in the working folder.
pub(super) fn bare_entry(path: &RepoPath, entry: Entry) -> git2::IndexEntry {
    bare_entry_at(path.as_str().as_bytes().to_vec(), entry)
}

/// The same for a path that need not be UTF-8.
pub(super) fn bare_entry_at(path: Vec<u8>, entry: Entry) -> git2::IndexEntry {
    git2::IndexEntry {
        ctime: git2::IndexTime::new(0, 0),
        mtime: git2::IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: entry.mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id: entry.id,
        flags: 0,
        flags_extended: 0,
        path,
    }
}

/// Takes the index lock and puts the updated index into it. Nothing is changed until [`Locked::commit`].
pub(super) fn lock(
    repository: &git2::Repository,
    root: &Path,
    new: &Path,
    updates: &[IndexUpdate],
) -> Result<Locked, GitError> {
    let path = repository.path().join("index");
    let lock = repository.path().join("index.lock");
    // Another git command may hold the lock for a moment; an editor's `git status` does so every few seconds.
    const ATTEMPTS: u32 = 40;
    for attempt in 1..=ATTEMPTS {
        let seen = fs::read(&path).ok();
        build(repository, &path, seen.as_deref(), new, (root, updates))?;
        match fs::hard_link(new, &lock) {
            Ok(()) => {
                let locked = Locked { path: path.clone(), lock: lock.clone() };
                if fs::read(&path).ok() == seen {
                    return Ok(locked);
                }
                locked.release();
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                if attempt < ATTEMPTS {
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            Err(source) => return Err(GitError::Io { path: lock, source }),
        }
    }
    Err(GitError::IndexLocked(lock))
}

/// The index lock, held, with the new index in it.
pub(super) struct Locked {
    path: PathBuf,
    lock: PathBuf,
}

impl Locked {
    /// Takes up a lock that a crash left, when it is ours: the same file as the index we had prepared.
    pub(super) fn left_behind(repository: &git2::Repository, new: &Path) -> Option<Self> {
        let lock = repository.path().join("index.lock");
        let (mine, there) = (fs::metadata(new).ok()?, fs::metadata(&lock).ok()?);
        let same = (mine.dev(), mine.ino()) == (there.dev(), there.ino());
        same.then(|| Self { path: repository.path().join("index"), lock })
    }

    /// The new index takes the place of the old one.
    pub(super) fn commit(self) -> Result<(), GitError> {
        fs::rename(&self.lock, &self.path).map_err(GitError::io(&self.path))
    }

    /// The old index stays.
    pub(super) fn release(self) {
        let _ = fs::remove_file(&self.lock);
    }
}

/// Writes a copy of the index with the updates in it to `new`.
fn build(
    repository: &git2::Repository,
    path: &Path,
    bytes: Option<&[u8]>,
    new: &Path,
    (root, updates): (&Path, &[IndexUpdate]),
) -> Result<(), GitError> {
    let _ = fs::remove_file(new);
    if let Some(bytes) = bytes {
        fs::write(new, bytes).map_err(GitError::io(new))?;
    }
    let (mut index, shared) = open_own(repository, new)?;
    smudge_racy(root, path, &mut index)?;
    for update in updates.iter().filter(|update| update.after.is_none()) {
        if update.before.is_some() {
            index.remove_path(Path::new(update.path.as_str()))?;
        }
    }
    for update in updates {
        let Some(after) = update.after else { continue };
        if update.before == update.after && !update.as_in_tree {
            continue;
        }
        let mut entry = bare_entry(&update.path, after);
        if let Some(now) = index.get_path(Path::new(update.path.as_str()), 0) {
            entry.flags = now.flags & ASSUME_VALID;
        }
        if update.as_in_tree
            && let Ok(metadata) = fs::symlink_metadata(update.path.under(root))
        {
            stat(&mut entry, &metadata);
        }
        index.add(&entry)?;
    }
    index.write()?;
    if let Some(shared) = shared {
        let plain = fs::read(new).map_err(GitError::io(new))?;
        if let Some(split) = split::split(&plain, &shared) {
            fs::write(new, split).map_err(GitError::io(new))?;
        }
    }
    Ok(())
}

fn stat(entry: &mut git2::IndexEntry, metadata: &fs::Metadata) {
    entry.ctime = time(metadata.ctime(), metadata.ctime_nsec());
    entry.mtime = time(metadata.mtime(), metadata.mtime_nsec());
    #[expect(clippy::cast_possible_truncation, reason = "the index keeps the low 32 bits")]
    {
        entry.dev = metadata.dev() as u32;
        entry.ino = metadata.ino() as u32;
        entry.file_size = metadata.size() as u32;
    }
    entry.uid = metadata.uid();
    entry.gid = metadata.gid();
}

fn time(seconds: i64, nanoseconds: i64) -> git2::IndexTime {
    let seconds = i32::try_from(seconds).unwrap_or_default();
    git2::IndexTime::new(seconds, u32::try_from(nanoseconds).unwrap_or_default())
}

/// Git trusts an entry whose file is older than the index. Ours is newer than the one it replaces, so an entry that was
/// not to be trusted before must not become trusted by that: without a size git looks at the content.
fn smudge_racy(root: &Path, path: &Path, index: &mut git2::Index) -> Result<(), GitError> {
    let Ok(written) = fs::metadata(path) else { return Ok(()) };
    let racy = |entry: &git2::IndexEntry| {
        i64::from(entry.mtime.seconds()) >= written.mtime()
            && (entry.flags_extended & (INTENT_TO_ADD | SKIP_WORKTREE)) == 0
            && entry.flags & 0x3000 == 0
            && !is_surely_same(root, entry, &written)
    };
    let doubtful: Vec<git2::IndexEntry> = index.iter().filter(racy).collect();
    for mut entry in doubtful {
        entry.file_size = 0;
        entry.flags &= !EXTENDED;
        index.add(&entry)?;
    }
    Ok(())
}

fn is_surely_same(root: &Path, entry: &git2::IndexEntry, written: &fs::Metadata) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let at = root.join(std::ffi::OsStr::from_bytes(&entry.path));
    let Ok(metadata) = fs::symlink_metadata(at) else { return true };
    let mtime = time(metadata.mtime(), metadata.mtime_nsec());
    let index_time = (written.mtime(), written.mtime_nsec());
    mtime == entry.mtime && (metadata.mtime(), metadata.mtime_nsec()) < index_time
}
