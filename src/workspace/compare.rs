//! From paths that may differ to changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::WorkspaceError;
use super::rules::Rules;
use super::tracked::Tracked;
use super::tree::{Kind, Tree};
use crate::domain::{Change, RepoPath};

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
}

impl Sides<'_> {
    /// Whether a file can be part of a change at all.
    pub fn counts(&self, path: &Path) -> bool {
        !in_git_folder(path) && (self.tracked.holds(path) || !self.rules.ignores_deep(path, false))
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
            match self.change(&path) {
                Ok(Some(change)) => changes.push(change),
                Ok(None) => {}
                Err(why) => notes.push(format!("left out of the draft: {}: {why}", path.display())),
            }
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((changes, notes))
    }

    fn change(&self, path: &Path) -> Result<Option<Change>, String> {
        if self.view.kind(path).map_err(|error| error.to_string())? == Some(Kind::Other) {
            return Err("a fifo, socket or device".to_owned());
        }
        let base = self.base.state(path).map_err(|error| error.to_string())?;
        let result = self.view.state(path).map_err(|error| error.to_string())?;
        if base == result {
            return Ok(None);
        }
        let name = path.to_str().ok_or("its name is not UTF-8")?;
        let parsed = RepoPath::parse(name).map_err(|error| error.to_string())?;
        if parsed.as_str() != name {
            return Err("its name cannot be written as a path".to_owned());
        }
        Ok(Some(Change { path: parsed, base, result }))
    }
}

/// Whether a path lies in a `.git`, of this repository or of one inside it.
pub(super) fn in_git_folder(path: &Path) -> bool {
    path.components().any(|name| name.as_os_str() == ".git")
}
