//! From paths that may differ to changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::WorkspaceError;
use super::bases::{Bases, Followed};
use super::rules::Rules;
use super::tracked::Tracked;
use super::tree::{Kind, Tree};
use crate::domain::{Change, FileState, RepoPath};

/// What a comparison needs to know of the two sides.
pub(super) struct Sides<'a> {
    /// The user's tree.
    pub base: &'a Tree,
    /// The workspace.
    pub view: &'a Tree,
    /// What the workspace ignores.
    pub rules: &'a Rules<'a>,
    /// What git tracks all the same.
    pub tracked: &'a Tracked,
    /// What the draft was made from; a fork has none.
    pub bases: Option<&'a Bases>,
}

impl Sides<'_> {
    /// Whether a file can be part of a change at all.
    pub fn counts(&self, path: &Path) -> bool {
        // The rules first: the index of a large repository takes time to read.
        !in_git_folder(path) && (!self.rules.ignores_deep(path, false) || self.tracked.holds(path))
    }

    /// Every file of base below a path, which may itself be one: what is gone when the path is.
    pub fn base_files(&self, path: &Path, into: &mut BTreeSet<PathBuf>) {
        match self.base.kind(path) {
            Ok(Some(Kind::Folder)) => {
                if path.file_name().is_some_and(|name| name == ".git") {
                    return;
                }
                if self.rules.ignores_deep(path, true) {
                    into.extend(self.tracked.below(path));
                    return;
                }
                for entry in self.base.entries(path).unwrap_or_default() {
                    self.base_files(&path.join(entry.name), into);
                }
            }
            Ok(Some(_)) => {
                into.insert(path.to_owned());
            }
            Ok(None) | Err(_) => {}
        }
    }

    /// Compares the candidates and says what had to be left out.
    pub fn changes(&self, candidates: BTreeSet<PathBuf>) -> Result<(Vec<Change>, Vec<String>), WorkspaceError> {
        let mut changes = Vec::new();
        let mut notes = Vec::new();
        for path in candidates {
            if !self.counts(&path) {
                continue;
            }
            match self.change(&path, &mut notes) {
                Ok(Some(change)) => changes.push(change),
                Ok(None) => {}
                Err(why) => notes.push(format!("left out of the draft: {}: {why}", path.display())),
            }
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((changes, notes))
    }

    /// Remembers what the candidates that are known by nothing yet were made from: the user's files as they are now.
    pub fn note_bases(&self, candidates: &BTreeSet<PathBuf>) {
        let Some(bases) = self.bases else { return };
        let named = candidates.iter().filter_map(|path| path.to_str().and_then(|name| RepoPath::parse(name).ok()));
        let new = bases.unknown(named).into_iter().filter(|path| self.counts(path.as_ref()));
        // Without it the draft is compared with whatever the file holds later.
        let _ = bases.note_all(new, self.base);
    }

    fn change(&self, path: &Path, notes: &mut Vec<String>) -> Result<Option<Change>, String> {
        if self.view.kind(path).map_err(|error| error.to_string())? == Some(Kind::Other) {
            return Err("a fifo, socket or device".to_owned());
        }
        let state = |tree: &Tree| if tree.is_behind_symlink(path) { Ok(None) } else { tree.state(path) };
        let base = state(self.base).map_err(|error| error.to_string())?;
        let result = state(self.view).map_err(|error| error.to_string())?;
        if base == result {
            return Ok(None);
        }
        let name = path.to_str().ok_or("its name is not UTF-8")?;
        let parsed = RepoPath::parse(name).map_err(|error| error.to_string())?;
        if parsed.as_str() != name {
            return Err("its name cannot be written as a path".to_owned());
        }
        let result = self.followed(&parsed, base.as_ref(), result, notes)?;
        if base == result {
            return Ok(None);
        }
        Ok(Some(Change { path: parsed, base, result }))
    }
}

impl Sides<'_> {
    /// Brings a file of the draft onto what the user made of theirs meanwhile.
    fn followed(
        &self,
        path: &RepoPath,
        base: Option<&FileState>,
        result: Option<FileState>,
        notes: &mut Vec<String>,
    ) -> Result<Option<FileState>, String> {
        let Some(bases) = self.bases else { return Ok(result) };
        match bases.follow(path, base, result.as_ref()) {
            Followed::Unchanged => {
                let _ = bases.note(path, self.base);
                Ok(result)
            }
            Followed::Apart => {
                notes.push(format!(
                    "{path}: you and the agent both changed it, and it cannot be merged: the proposal shows the agent's \
                     version against yours"
                ));
                Ok(result)
            }
            Followed::Becomes(merged, conflict) => {
                self.view.set(path, merged.as_ref()).map_err(|error| error.to_string())?;
                bases.keep(path, base).map_err(|error| error.to_string())?;
                if conflict {
                    notes.push(format!("{path}: you and the agent changed the same lines; both are marked in it"));
                }
                Ok(merged)
            }
        }
    }
}

/// Whether a path lies in a `.git`, of this repository or of one inside it.
pub(super) fn in_git_folder(path: &Path) -> bool {
    path.components().any(|name| name.as_os_str() == ".git")
}
