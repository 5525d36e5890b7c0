//! What each file of the draft was made from.
//!
//! The user goes on editing while an agent works. A draft holds whole files, so comparing it with the user's file as it
//! is now would show the user's own edits taken back. With the version the draft was made from, both are merged instead:
//! the draft follows, and what cannot be merged is marked in the text rather than guessed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::tree::Tree;
use crate::diff::{Merged, merge};
use crate::domain::{ContentHash, FileMode, FileState, RepoPath};

/// Larger files are not kept; they are compared as they are.
const LARGEST: usize = 32 << 20;

/// A version of a file that is kept; `None` stands for no file.
type Kept = Option<(ContentHash, FileMode)>;

/// The kept versions, in a folder beside the draft.
pub(super) struct Bases {
    folder: PathBuf,
    known: Mutex<Known>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Known(BTreeMap<RepoPath, Kept>);

/// What becomes of a file of the draft when the user's changed underneath.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// Nothing happened underneath, or nobody knows.
    Unchanged,
    /// It becomes this; the flag tells that both changed the same lines, which are marked in it.
    Becomes(Option<FileState>, bool),
    /// One removed what the other changed, or there are no lines to merge.
    Apart,
}

impl Bases {
    /// Takes up what an earlier process kept.
    pub fn open(state: &Path) -> Self {
        let folder = state.join("bases");
        let known = fs::read(folder.join("known.json")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { folder, known: Mutex::new(known.unwrap_or_default()) }
    }

    /// Those of the paths of which it is not known what their draft was made from.
    pub fn unknown(&self, paths: impl Iterator<Item = RepoPath>) -> Vec<RepoPath> {
        let known = self.lock();
        paths.filter(|path| !known.0.contains_key(path)).collect()
    }

    /// Keeps the version a path has in the user's tree, when it is not known what its draft was made from.
    pub fn note(&self, path: &RepoPath, base: &Tree) -> io::Result<()> {
        let new = self.unknown(std::iter::once(path.clone()));
        self.note_all(new.into_iter(), base)
    }

    /// The same for many paths that are not known, written down at once. One that cannot be read is left out.
    pub fn note_all(&self, paths: impl Iterator<Item = RepoPath>, base: &Tree) -> io::Result<()> {
        let mut known = self.lock();
        let mut more = false;
        for path in paths {
            if let Ok(state) = base.state(path.as_ref()) {
                more |= self.take(&mut known, &path, state.as_ref())?;
            }
        }
        if more { self.save(&known) } else { Ok(()) }
    }

    /// Keeps a version from now on.
    pub fn keep(&self, path: &RepoPath, state: Option<&FileState>) -> io::Result<()> {
        let mut known = self.lock();
        if self.take(&mut known, path, state)? { self.save(&known) } else { Ok(()) }
    }

    /// Says whether something is different afterwards.
    fn take(&self, known: &mut Known, path: &RepoPath, state: Option<&FileState>) -> io::Result<bool> {
        if state.is_some_and(|state| state.bytes.len() > LARGEST) {
            return Ok(false);
        }
        let kept = state.map(|state| (ContentHash::of(&state.bytes), state.mode));
        if known.0.get(path) == Some(&kept) {
            return Ok(false);
        }
        fs::create_dir_all(&self.folder)?;
        if let (Some(state), Some((hash, _))) = (state, &kept)
            && !self.file(hash).exists()
        {
            super::write_whole(&self.file(hash), &state.bytes)?;
        }
        known.0.insert(path.clone(), kept);
        Ok(true)
    }

    /// Forgets paths whose draft is gone; `None` forgets everything.
    pub fn forget(&self, paths: Option<&[RepoPath]>) -> io::Result<()> {
        let mut known = self.lock();
        match paths {
            Some(paths) => known.0.retain(|path, _| !paths.contains(path)),
            None => known.0.clear(),
        }
        if known.0.is_empty() && self.folder.exists() {
            return fs::remove_dir_all(&self.folder);
        }
        if self.folder.exists() { self.save(&known) } else { Ok(()) }
    }

    /// What becomes of `draft` now that the user's tree holds `now`.
    pub fn follow(&self, path: &RepoPath, now: Option<&FileState>, draft: Option<&FileState>) -> Followed {
        let Some(kept) = self.lock().0.get(path).cloned() else { return Followed::Unchanged };
        if kept == now.map(|state| (ContentHash::of(&state.bytes), state.mode)) {
            return Followed::Unchanged;
        }
        if kept == draft.map(|state| (ContentHash::of(&state.bytes), state.mode)) {
            return Followed::Becomes(now.cloned(), false);
        }
        let (Some((hash, mode)), Some(now), Some(draft)) = (&kept, now, draft) else { return Followed::Apart };
        let Ok(was) = fs::read(self.file(hash)) else { return Followed::Unchanged };
        if [*mode, now.mode, draft.mode].contains(&FileMode::Symlink) {
            return Followed::Apart;
        }
        let mode = if draft.mode == *mode { now.mode } else { draft.mode };
        match merge(&was, &now.bytes, &draft.bytes) {
            Merged::Clean(bytes) => Followed::Becomes(Some(FileState { bytes, mode }), false),
            Merged::Conflict { text, .. } if text != now.bytes => {
                Followed::Becomes(Some(FileState { bytes: text, mode }), true)
            }
            // No text: the user's version stands in for it, and must not be taken for a merge.
            Merged::Conflict { .. } => Followed::Apart,
        }
    }

    fn file(&self, hash: &ContentHash) -> PathBuf {
        self.folder.join(hash.to_string())
    }

    fn save(&self, known: &Known) -> io::Result<()> {
        super::write_whole(&self.folder.join("known.json"), &serde_json::to_vec(known)?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> Option<FileState> {
        Some(FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular })
    }

    #[test]
    fn a_draft_follows_what_it_was_made_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = RepoPath::parse("f").unwrap();
        let bases = Bases::open(folder.path());
        let follow = |bases: &Bases, now: &str, draft: Option<FileState>| {
            bases.follow(&path, state(now).as_ref(), draft.as_ref())
        };
        assert_eq!(follow(&bases, "x", state("y")), Followed::Unchanged, "nothing is known of it");
        bases.keep(&path, state("1\n2\n3\n4\n5\n").as_ref()).unwrap();
        // A later process knows as much.
        let bases = Bases::open(folder.path());
        assert_eq!(follow(&bases, "1\n2\n3\n4\n5\n", state("1\n2\n3\n4\nmine\n")), Followed::Unchanged);
        assert_eq!(
            follow(&bases, "user\n2\n3\n4\n5\n", state("1\n2\n3\n4\nmine\n")),
            Followed::Becomes(state("user\n2\n3\n4\nmine\n"), false)
        );
        assert_eq!(
            follow(&bases, "user\n2\n3\n4\n5\n", state("1\n2\n3\n4\n5\n")),
            Followed::Becomes(state("user\n2\n3\n4\n5\n"), false)
        );
        let Followed::Becomes(Some(marked), true) = follow(&bases, "1\nuser\n3\n4\n5\n", state("1\nmine\n3\n4\n5\n"))
        else {
            panic!("it does not conflict")
        };
        let marked = String::from_utf8(marked.bytes).unwrap();
        assert!(marked.contains("user\n") && marked.contains("mine\n"), "{marked}");
        assert_eq!(follow(&bases, "user\n", None), Followed::Apart);
        assert_eq!(follow(&bases, "us\0er\n", state("mi\0ne\n")), Followed::Apart);
        bases.forget(Some(std::slice::from_ref(&path))).unwrap();
        assert_eq!(follow(&bases, "x", state("y")), Followed::Unchanged);
        assert!(!folder.path().join("bases").exists());
    }
}
