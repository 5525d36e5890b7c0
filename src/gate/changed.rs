//! The files a proposal changes, as they are on both sides.

use crate::diff::{self, Comparison, Side};
use crate::domain::{FileMode, FileState, RepoPath};

use super::GateContext;

/// A file that is different between base and subject.
pub(super) struct Changed {
    pub path: RepoPath,
    pub before: Option<FileState>,
    pub after: Option<FileState>,
}

impl Changed {
    /// The bytes of a side; empty when the file is not there.
    pub(super) fn bytes(state: Option<&FileState>) -> &[u8] {
        state.map_or(&[], |state| &state.bytes)
    }

    /// Both versions line by line.
    pub(super) fn comparison(&self) -> Comparison {
        diff::compare(&self.path, Self::bytes(self.before.as_ref()), Self::bytes(self.after.as_ref()))
    }

    /// The 1-based numbers of the lines that are new.
    pub(super) fn added_lines(&self) -> Vec<usize> {
        let comparison = self.comparison();
        let lines = comparison.hunks.iter().flat_map(|hunk| &hunk.lines);
        lines.filter(|line| line.side == Side::Added).filter_map(|line| line.new).collect()
    }

    /// It is text on the side of the subject and short enough to be looked through.
    pub(super) fn text(&self) -> Option<&[u8]> {
        const LIMIT: usize = 2 * 1024 * 1024;
        let state = self.after.as_ref().filter(|state| state.mode != FileMode::Symlink)?;
        (state.bytes.len() <= LIMIT && !diff::is_binary(&state.bytes)).then_some(&state.bytes)
    }
}

/// What is different between the two workspaces among the paths of the proposal. A selection holds less than the
/// proposal, so the workspaces are asked, not the proposal. Blocking.
pub(super) fn changed(context: &GateContext) -> Vec<Changed> {
    let mut paths: Vec<&RepoPath> =
        context.proposal.changes.iter().flat_map(|change| change.old_path.iter().chain([&change.path])).collect();
    paths.sort();
    paths.dedup();
    let both = |path: &RepoPath| Changed {
        path: path.clone(),
        before: context.base.read(path).ok(),
        after: context.subject.read(path).ok(),
    };
    paths.into_iter().map(both).filter(|file| file.before != file.after).collect()
}
