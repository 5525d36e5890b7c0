//! Reads both sides of a change and compares them. Slow for big files, so it runs beside the screen.

use std::sync::Arc;

use crate::diff::Sheet;
use crate::domain::{ChangeKind, ContentHash, FileChange, FileMode, RepoPath};
use crate::journal::BlobStore;
use crate::text;
use crate::tui::paint::{Painted, Painter};

use super::media;

/// Names what a view shows: the same key is the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    path: RepoPath,
    base: Option<ContentHash>,
    result: Option<ContentHash>,
}

impl Key {
    /// The key of a change.
    pub fn of(change: &FileChange) -> Self {
        Self { path: change.path.clone(), base: change.base.clone(), result: change.result.clone() }
    }
}

/// A change to read.
#[derive(Clone, Debug)]
pub struct Job {
    /// The change.
    pub change: FileChange,
    /// Where the bytes are.
    pub blobs: Arc<BlobStore>,
}

/// A change, compared.
#[derive(Clone, Debug)]
pub struct FileView {
    /// What it shows.
    pub key: Key,
    /// Lines to say before the hunks: rename, mode, binary, why there is nothing.
    pub notices: Vec<String>,
    /// Both versions with their hunks.
    pub sheet: Sheet,
    /// A program wrote it: nobody reads it line by line.
    pub generated: bool,
    /// Colours, once they are there.
    pub paints: Option<Box<Paints>>,
}

/// The colours of both sides.
#[derive(Clone, Debug)]
pub struct Paints {
    /// What they belong to.
    pub key: Key,
    /// Before.
    pub old: Painted,
    /// After.
    pub new: Painted,
}

struct Sides {
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Job {
    fn sides(&self) -> Result<Sides, String> {
        let read = |hash: &Option<ContentHash>| match hash {
            Some(hash) => self.blobs.get(hash).map_err(|error| error.to_string()),
            None => Ok(Vec::new()),
        };
        Ok(Sides { old: read(&self.change.base)?, new: read(&self.change.result)? })
    }

    /// Reads and compares.
    pub fn load(&self) -> FileView {
        let mut view = FileView {
            key: Key::of(&self.change),
            notices: notices(&self.change),
            sheet: Sheet::default(),
            generated: false,
            paints: None,
        };
        match self.sides() {
            Err(error) => view.notices.push(format!("cannot be shown: {error}")),
            Ok(sides) if self.change.binary => {
                view.notices.push(media::sizes(&sides.old, &sides.new));
            }
            Ok(sides) => {
                view.generated = media::is_generated(&self.change.path, &sides.new);
                view.sheet = Sheet::new(&self.change.path, sides.old, sides.new);
                if view.generated {
                    view.notices.push("written by a program, so it is folded".to_owned());
                }
            }
        }
        view
    }

    /// Colours both sides; `None` when there is nothing to colour.
    pub fn paint(&self, painter: &Painter) -> Option<Paints> {
        if self.change.binary {
            return None;
        }
        let sides = self.sides().ok()?;
        let old_path = self.change.old_path.as_ref().unwrap_or(&self.change.path);
        Some(Paints {
            key: Key::of(&self.change),
            old: painter.highlight(old_path.as_str(), &String::from_utf8(sides.old).ok()?),
            new: painter.highlight(self.change.path.as_str(), &String::from_utf8(sides.new).ok()?),
        })
    }
}

fn notices(change: &FileChange) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(old) = &change.old_path {
        lines.push(format!("renamed from {}", text::sanitize_line(old.as_str())));
    }
    match change.kind {
        ChangeKind::Add if change.mode != FileMode::Regular => {
            lines.push(format!("new file, mode {}", change.mode.octal()));
        }
        ChangeKind::Add => lines.push("new file".to_owned()),
        ChangeKind::Delete => lines.push("deleted file".to_owned()),
        _ if change.old_mode != change.mode => {
            lines.push(format!("mode {} → {}", change.old_mode.octal(), change.mode.octal()));
        }
        _ => {}
    }
    if change.mode == FileMode::Symlink || change.old_mode == FileMode::Symlink {
        lines.push("symbolic link: the content is its target".to_owned());
    }
    lines
}
