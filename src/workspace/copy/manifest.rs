//! What a copy held when it was made: the way to tell what was changed in it since.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cap_std::fs::{MetadataExt, PermissionsExt};
use serde::{Deserialize, Serialize};

use crate::workspace::compare::in_git_folder;
use crate::workspace::rules::Rules;
use crate::workspace::tracked::Tracked;
use crate::workspace::tree::{Kind, Tree};
use crate::workspace::{WorkspaceError, io_error, write_whole};

/// The look of a file from outside; two equal ones are taken for an unchanged file, as git does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Look {
    size: u64,
    seconds: i64,
    nanoseconds: i64,
    changed: i64,
    inode: u64,
    mode: u32,
}

/// The files of a copy by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    files: BTreeMap<PathBuf, Look>,
    /// Dependency folders that are links to those of the repository.
    links: BTreeSet<PathBuf>,
}

impl Manifest {
    fn file(state: &Path) -> PathBuf {
        state.join("manifest.json")
    }

    /// The one an earlier process saved; `None` when there is none or it is damaged.
    pub fn load(state: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(Self::file(state)).ok()?).ok()
    }

    /// Stores it and gives it back.
    pub fn save(self, state: &Path) -> Result<Self, WorkspaceError> {
        self.store(state)?;
        Ok(self)
    }

    /// Writes it beside the copy, in one step.
    pub fn store(&self, state: &Path) -> Result<(), WorkspaceError> {
        let bytes = serde_json::to_vec(self).map_err(std::io::Error::from).map_err(io_error("cannot note the copy"))?;
        write_whole(&Self::file(state), &bytes).map_err(io_error("cannot note the copy"))
    }

    /// Notes a linked folder.
    pub fn link(&mut self, path: PathBuf) {
        self.links.insert(path);
    }

    /// Whether a path lies in a linked folder, or is one.
    pub fn is_linked(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.links.contains(above))
    }

    /// The linked folders.
    pub fn links(&self) -> BTreeSet<PathBuf> {
        self.links.clone()
    }

    /// Notes a file as unchanged, as it looks now.
    ///
    /// One whose name is no text is not noted: it is compared with the user's each time.
    pub fn record(&mut self, view: &Tree, path: &Path) {
        if path.to_str().is_none() {
            return;
        }
        match look(view, path) {
            Some(look) => self.files.insert(path.to_owned(), look),
            None => self.files.remove(path),
        };
    }

    /// The same for another copy, whose files look different from outside; only those that differ here stay as noted.
    pub fn carried_over(&self, view: &Tree, differing: &BTreeSet<PathBuf>) -> Self {
        let mut other = self.clone();
        for path in self.files.keys().filter(|path| !differing.contains(*path)) {
            other.record(view, path);
        }
        other
    }

    /// Paths that look different from when the copy was made, are new, or are gone.
    pub fn differing(&self, view: &Tree, rules: &Rules<'_>, tracked: &Tracked) -> BTreeSet<PathBuf> {
        let mut folder = (PathBuf::new(), false);
        let mut is_gone = |path: &PathBuf| {
            // Neighbours follow each other: one look for all files of a folder.
            if path.parent() != Some(&folder.0) {
                folder = (path.parent().unwrap_or(Path::new("")).to_owned(), view.is_behind_symlink(path));
            }
            folder.1 || look(view, path).is_none()
        };
        let mut differing: BTreeSet<PathBuf> = self.files.keys().filter(|path| is_gone(path)).cloned().collect();
        self.descend(view, rules, tracked, Path::new(""), &mut differing);
        differing
    }

    fn descend(
        &self,
        view: &Tree,
        rules: &Rules<'_>,
        tracked: &Tracked,
        folder: &Path,
        differing: &mut BTreeSet<PathBuf>,
    ) {
        for entry in view.entries(folder).unwrap_or_default() {
            let path = folder.join(&entry.name);
            let is_folder = entry.kind == Kind::Folder;
            if in_git_folder(&path) || entry.kind == Kind::Symlink && self.links.contains(&path) {
                continue;
            }
            if is_folder && rules.ignores(&path, true) {
                differing.extend(tracked.below(&path).into_iter().filter(|path| self.differs(view, path)));
            } else if is_folder {
                self.descend(view, rules, tracked, &path, differing);
            } else if self.differs(view, &path) {
                differing.insert(path);
            }
        }
    }

    fn differs(&self, view: &Tree, path: &Path) -> bool {
        look(view, path).as_ref() != self.files.get(path)
    }
}

fn look(view: &Tree, path: &Path) -> Option<Look> {
    let metadata = view.metadata(path).ok().flatten().filter(|metadata| !metadata.is_dir())?;
    Some(Look {
        size: metadata.len(),
        seconds: metadata.mtime(),
        nanoseconds: metadata.mtime_nsec(),
        changed: metadata.ctime(),
        inode: metadata.ino(),
        mode: metadata.permissions().mode(),
    })
}
