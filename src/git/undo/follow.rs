//! What becomes of the user's files and of the index when HEAD is shifted over what they have changed since.

use super::Shift;
use crate::domain::{Change, FileState};
use crate::git::entry::{self, Entry};
use crate::git::images::{self, Image};
use crate::git::transaction::IndexUpdate;
use crate::git::{GitError, filter, index};

/// What a shift of HEAD brings along.
#[derive(Default)]
pub(super) struct Followed {
    pub(super) changes: Vec<Change>,
    pub(super) updates: Vec<IndexUpdate>,
    pub(super) images: Vec<Image>,
}

impl Followed {
    pub(super) fn take(
        &mut self,
        repository: &git2::Repository,
        shift: &Shift,
        (now, result): (Option<FileState>, Option<FileState>),
        mut update: IndexUpdate,
    ) -> Result<(), GitError> {
        let clean = |state| filter::clean(repository, &shift.path, state);
        update.as_in_tree = result.is_some() && result.as_ref().map(clean).transpose()? == update.after;
        self.images.push(Image {
            path: shift.path.clone(),
            head: [shift.before, shift.after],
            tree: [images::keep(repository, now.as_ref())?, images::keep(repository, result.as_ref())?],
            index: [update.before, update.after],
        });
        self.updates.push(update);
        if result != now {
            self.changes.push(Change { path: shift.path.clone(), base: now, result });
        }
        Ok(())
    }
}

/// The index at a path: back to what it was when nobody touched it since, else merged.
pub(super) fn index_update(
    repository: &git2::Repository,
    index: &git2::Index,
    shift: &Shift,
) -> Result<Option<IndexUpdate>, GitError> {
    if let Some(image) = &shift.image
        && !index::is_unmerged(index, &shift.path)
        && index::at(index, &shift.path) == image.index[0]
    {
        let [before, after] = image.index;
        return Ok(Some(IndexUpdate { path: shift.path.clone(), before, after, as_in_tree: false }));
    }
    index::follow(repository, index, &shift.path, (shift.before, shift.after))
}

/// A shift as bytes of the working folder.
pub(super) struct Sides<'a> {
    pub(super) shift: &'a Shift,
    pub(super) before: Option<&'a FileState>,
    pub(super) after: Option<&'a FileState>,
}

impl Sides<'_> {
    /// What a file becomes that is `now` this; `None` is a conflict.
    pub(super) fn follow(
        &self,
        repository: &git2::Repository,
        now: Option<&FileState>,
    ) -> Result<Option<Option<FileState>>, GitError> {
        if self.shift.own {
            return Ok(Some(now.cloned()));
        }
        if let Some(image) = &self.shift.image
            && images::name(now)? == image.tree[0]
            && let Some(result) = images::bytes(repository, image.tree[1])
        {
            return Ok(Some(result));
        }
        let (Some(state), Some(was)) = (now, self.shift.before) else {
            // Not there: fine when it was not to be there, or is not to be there any more.
            let fits = now == self.before || now == self.after;
            return Ok(fits.then(|| self.after.cloned()));
        };
        if now == self.before || now == self.after || self.as_stored(repository, state, was)? {
            return Ok(Some(self.unchanged(repository, state, was)?));
        }
        let (Some(before), Some(after)) = (self.before, self.after) else { return Ok(None) };
        let symlink = [before, after, state].iter().any(|s| s.mode == crate::domain::FileMode::Symlink);
        if symlink {
            return Ok(None);
        }
        let merged = entry::merge_text(&before.bytes, &state.bytes, &after.bytes)?;
        let mode = if state.mode == before.mode { after.mode } else { state.mode };
        Ok(merged.map(|bytes| Some(FileState { bytes, mode })))
    }

    fn as_stored(&self, repository: &git2::Repository, state: &FileState, was: Entry) -> Result<bool, GitError> {
        Ok(filter::clean(repository, &self.shift.path, state)? == was)
    }

    /// A file the user has not touched: its line ends stay the way they are in it, even where a fresh checkout would
    /// have others.
    fn unchanged(
        &self,
        repository: &git2::Repository,
        state: &FileState,
        was: Entry,
    ) -> Result<Option<FileState>, GitError> {
        let Some(entry) = self.shift.after else { return Ok(None) };
        if Some(state) == self.before || was.is_symlink() || entry.is_symlink() {
            return Ok(self.after.cloned());
        }
        let (was, to) = (repository.find_blob(was.id)?, repository.find_blob(entry.id)?);
        let bytes = if was.content() == state.bytes {
            to.content().to_vec()
        } else if with_crlf(was.content()) == state.bytes {
            with_crlf(to.content())
        } else {
            return Ok(self.after.cloned());
        };
        Ok(Some(FileState { bytes, mode: entry.file_mode() }))
    }
}

fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => out.extend_from_slice(&[text, b"\r\n"].concat()),
            None => out.extend_from_slice(line),
        }
    }
    out
}
