//! A patch file or a mailbox of them as changes to the tree: every patch on top of the one before.

use std::collections::BTreeMap;

use super::super::Failure;
use super::mail;
use super::source::{Found, Held, on_disk};
use crate::diff::{self, ApplyError, Merged, PatchFile};
use crate::domain::{FileState, RepoPath};
use crate::git::{self, Repository};

/// The patches of a file.
pub(super) fn read(repository: &Repository, name: &str, bytes: &[u8]) -> Result<Found, Failure> {
    let found = stacked(repository, bytes).or_else(|why| match with_plain_line_ends(bytes) {
        Some(plain) => stacked(repository, &plain).map_err(|_| why),
        None => Err(why),
    });
    found.map_err(|why| match why {
        Refused::Unreadable(why) => Failure::usage(format!("{name}: {why}")),
        Refused::Elsewhere(why) => Failure::usage(format!("{name}: {why}"))
            .hint("the patch was made for another state of these files; check out the commit it is based on"),
    })
}

/// Why a patch cannot be shown.
enum Refused {
    /// It makes no sense.
    Unreadable(String),
    /// It is not for this tree.
    Elsewhere(String),
}

/// A patch that went through a program that ends every line the way of another system.
fn with_plain_line_ends(bytes: &[u8]) -> Option<Vec<u8>> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let ended: Option<Vec<&[u8]>> = lines.into_iter().map(|line| line.strip_suffix(b"\r\n")).collect();
    ended.map(|lines| lines.iter().flat_map(|line| [line, b"\n".as_slice()]).flatten().copied().collect())
}

fn stacked(repository: &Repository, bytes: &[u8]) -> Result<Found, Refused> {
    let parts = diff::parse_patch(bytes).map_err(|error| Refused::Unreadable(error.to_string()))?;
    let mut stack = Stack { repository, files: BTreeMap::new(), notes: Vec::new() };
    let has_folders = stack.has_folders(&parts);
    for part in parts {
        let part = if part.plain { stack.named_here(part, has_folders) } else { part };
        stack.apply(&part).map_err(Refused::Elsewhere)?;
    }
    let changes = stack.files.into_iter().map(|(path, [base, result])| crate::domain::Change { path, base, result });
    let changes = changes.filter(|change| change.base != change.result).collect();
    Ok(Found { held: Held::Elsewhere, changes, message: mail::message(bytes), notes: stack.notes })
}

/// The tree with patches on top.
struct Stack<'a> {
    repository: &'a Repository,
    /// Files that were touched: as they are on disk, and as they are now.
    files: BTreeMap<RepoPath, [Option<FileState>; 2]>,
    notes: Vec<String>,
}

impl Stack<'_> {
    fn now(&mut self, path: &RepoPath) -> Result<&mut Option<FileState>, String> {
        if !self.files.contains_key(path) {
            let there = on_disk(self.repository.root(), path)?;
            self.files.insert(path.clone(), [there.clone(), there]);
        }
        self.files.get_mut(path).map(|[_, now]| now).ok_or_else(|| format!("{path} is lost"))
    }

    fn apply(&mut self, part: &PatchFile) -> Result<(), String> {
        let old = match &part.old_path {
            Some(path) => {
                Some(self.now(path)?.clone().ok_or_else(|| format!("the patch changes {path}, which is not there"))?)
            }
            None => None,
        };
        let result = match &part.new_path {
            Some(path) => {
                let Some(bytes) = self.content(path, part, old.as_ref())? else { return Ok(()) };
                let mode = part.new_mode.or(old.as_ref().map(|state| state.mode)).unwrap_or_default();
                Some(FileState { bytes, mode })
            }
            None => None,
        };
        if let Some(from) = part.old_path.as_ref().filter(|from| Some(*from) != part.new_path.as_ref() && !part.copy) {
            *self.now(from)? = None;
        }
        if let Some(to) = &part.new_path {
            let place = self.now(to)?;
            if part.old_path.is_none() && place.is_some() {
                return Err(format!("the patch adds {to}, which is there already"));
            }
            *place = result;
        }
        Ok(())
    }

    fn is_here(&mut self, path: Option<&RepoPath>) -> bool {
        path.is_some_and(|path| matches!(self.now(path), Ok(Some(_))))
    }

    /// Whether plain `diff` compared two folders (`diff -ru before after`): then no path is ours before the first
    /// folder is taken off.
    fn has_folders(&mut self, parts: &[PatchFile]) -> bool {
        let mut plain = parts.iter().filter(|part| part.plain);
        plain.any(|part| {
            let (old, new) = (part.old_path.as_ref(), part.new_path.as_ref());
            !self.is_here(old) && !self.is_here(new) && self.is_here(below(old).as_ref()) && below(old) == below(new)
        })
    }

    /// The names plain `diff` gave, as they are here: without the compared folders, and, where a copy lay beside the
    /// file (`diff -u x.orig x`), the one that is here.
    fn named_here(&mut self, mut part: PatchFile, has_folders: bool) -> PatchFile {
        if has_folders {
            part.old_path = below(part.old_path.as_ref());
            part.new_path = below(part.new_path.as_ref());
        }
        if part.old_path.is_some() && part.new_path.is_some() {
            if self.is_here(part.old_path.as_ref()) {
                part.new_path.clone_from(&part.old_path);
            } else if self.is_here(part.new_path.as_ref()) {
                part.old_path.clone_from(&part.new_path);
            }
        }
        part
    }

    /// The bytes after the patch; `None` when it does not say them.
    fn content(
        &mut self,
        path: &RepoPath,
        part: &PatchFile,
        old: Option<&FileState>,
    ) -> Result<Option<Vec<u8>>, String> {
        let before = old.map(|state| state.bytes.as_slice());
        match &part.binary {
            None => {}
            Some(said) if said.is_empty() => {
                self.notes.push(format!(
                    "left out: {path}: the patch says only that it differs (`git diff --binary` writes how)"
                ));
                return Ok(None);
            }
            Some(said) => {
                let made = git::apply_binary(said, before);
                let made = made.map_err(|error| format!("{path}: the binary change does not apply: {error}"))?;
                return Ok(Some(made));
            }
        }
        match diff::apply(before.unwrap_or_default(), part) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) => match self.merged(part, before, &error) {
                Some(bytes) => {
                    self.notes.push(format!("{path} has changed since the patch was made; its changes were merged in"));
                    Ok(Some(bytes))
                }
                None => Err(format!("{path}: {error}")),
            },
        }
    }

    /// Where the patch names the version it was made from and that is known here, its change is merged.
    fn merged(&self, part: &PatchFile, before: Option<&[u8]>, error: &ApplyError) -> Option<Vec<u8>> {
        let ApplyError::Mismatch { .. } = error else { return None };
        let base = self.repository.blob_named(part.old_id.as_deref()?)?;
        let theirs = diff::apply(&base, part).ok()?;
        match diff::merge(&base, before?, &theirs) {
            Merged::Clean(bytes) => Some(bytes),
            Merged::Conflict { .. } => None,
        }
    }
}

/// A path without its first folder.
fn below(path: Option<&RepoPath>) -> Option<RepoPath> {
    RepoPath::parse(path?.as_str().split_once('/')?.1).ok()
}
