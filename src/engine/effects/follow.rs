//! The draft follows the user's tree: after a commit, an undo, and when files changed underneath.

use crate::domain::{Change, FileState, Proposal, RepoPath};
use crate::proposal::{self, Rebased};
use crate::workspace::WorkspaceError;

use super::super::input::{CommitFailure, Outcome};
use super::super::work::Selected;
use super::Bench;

/// After a commit: every file of the proposal is what the tree holds, and what is still undecided lies on top.
pub async fn settle(bench: &Bench, selected: &Selected) -> Outcome {
    let mut conflicts = Vec::new();
    for file in &selected.whole {
        let find = |files: &[Change]| {
            files.iter().find(|other| other.path == file.path).map_or(file.base.clone(), |other| other.result.clone())
        };
        let (committed, kept) = (find(&selected.files), find(&selected.kept));
        match on_top(bench, &file.path, committed, kept, &file.result).await {
            Ok(true) => {}
            Ok(false) => conflicts.push(file.path.clone()),
            Err(error) => return Outcome::Rebased(Err(error.to_string())),
        }
    }
    Outcome::Rebased(Ok(conflicts))
}

/// After the tree changed: what the draft changes on these files goes on top of what they are now.
pub async fn rebase(bench: &Bench, proposal: Option<Proposal>, paths: Vec<RepoPath>) -> Outcome {
    let states = match proposal.map(|proposal| proposal::states(&proposal, &bench.blobs)).transpose() {
        Ok(states) => states.unwrap_or_default(),
        Err(error) => return Outcome::Rebased(Err(error.to_string())),
    };
    let mut conflicts = Vec::new();
    for path in paths {
        let known = states.iter().find(|file| file.path == path);
        let done = match known {
            Some(file) => on_top(bench, &path, file.base.clone(), file.result.clone(), &file.result).await,
            // A draft without a known base is left alone rather than guessed at.
            None if drafts(bench, &path) => Ok(true),
            None => bench.workspace.reset(Some(vec![path.clone()])).await.map(|()| true),
        };
        match done {
            Ok(true) => {}
            Ok(false) => conflicts.push(path),
            Err(error) => return Outcome::Rebased(Err(error.to_string())),
        }
    }
    Outcome::Rebased(Ok(conflicts))
}

/// What a hook made of accepted files, as it left them: its name, what it said, and the files.
type ByHook = (String, String, Vec<(RepoPath, Option<FileState>)>);

/// A hook formatted what was to be committed: its changes go into the draft, to be shown and decided on.
pub fn hook(bench: &Bench, selected: &Selected, (name, output, files): ByHook) -> CommitFailure {
    let mut paths = Vec::new();
    for (path, version) in files {
        let accepted = selected.files.iter().find(|file| file.path == path).and_then(|file| file.result.clone());
        let done = read(bench, &path).and_then(|now| {
            let step = Change { path: path.clone(), base: accepted.or_else(|| now.clone()), result: version.clone() };
            let (result, _) = merged(proposal::rebase(&step, now.clone()), now, version);
            match result {
                Some(state) => bench.workspace.write(&path, &state.bytes, Some(state.mode)),
                None => bench.workspace.remove(&path),
            }
        });
        if let Err(error) = done {
            return CommitFailure::Refused(format!("the {name} hook changed {path}, which cannot be shown: {error}"));
        }
        paths.push(path.to_string());
    }
    CommitFailure::Changed(format!(
        "nothing was committed: the {name} hook changed {}; its version is shown now\n{}",
        paths.join(", "),
        output.trim_end()
    ))
}

/// Whether the draft changes a path; when that cannot be told it is taken to.
fn drafts(bench: &Bench, path: &RepoPath) -> bool {
    bench.workspace.changes().map_or(true, |changes| changes.iter().any(|change| change.path == *path))
}

/// The draft becomes what it was when this was proposed, on top of what the tree holds now.
pub async fn restore(bench: &Bench, draft: Option<Proposal>) -> Outcome {
    let states = match draft.map(|draft| proposal::states(&draft, &bench.blobs)).transpose() {
        Ok(states) => states.unwrap_or_default(),
        Err(error) => return Outcome::Rebased(Err(error.to_string())),
    };
    if let Err(error) = bench.workspace.reset(None).await {
        return Outcome::Rebased(Err(error.to_string()));
    }
    let mut conflicts = Vec::new();
    for file in states {
        match on_top(bench, &file.path, file.base.clone(), file.result.clone(), &file.base).await {
            Ok(true) => {}
            Ok(false) => conflicts.push(file.path.clone()),
            Err(error) => return Outcome::Rebased(Err(error.to_string())),
        }
    }
    Outcome::Rebased(Ok(conflicts))
}

/// Puts the step from `base` to `wanted` on top of what the tree holds. What was done in the draft since it was
/// `frozen` is taken along. `false` when both changed the same lines.
async fn on_top(
    bench: &Bench,
    path: &RepoPath,
    base: Option<FileState>,
    wanted: Option<FileState>,
    frozen: &Option<FileState>,
) -> Result<bool, WorkspaceError> {
    let now = read(bench, path)?;
    let (wanted, mut clean) = if now == *frozen {
        (wanted, true)
    } else {
        let since = Change { path: path.clone(), base: frozen.clone(), result: now.clone() };
        merged(proposal::rebase(&since, wanted.clone()), wanted, now)
    };
    bench.workspace.reset(Some(vec![path.clone()])).await?;
    if wanted == base {
        return Ok(clean);
    }
    let tree = read(bench, path)?;
    let step = Change { path: path.clone(), base, result: wanted.clone() };
    let (result, also) = merged(proposal::rebase(&step, tree.clone()), tree.clone(), wanted);
    clean &= also;
    if result != tree {
        match result {
            Some(state) => bench.workspace.write(path, &state.bytes, Some(state.mode))?,
            None => bench.workspace.remove(path)?,
        }
    }
    Ok(clean)
}

fn merged(rebased: Rebased, current: Option<FileState>, ours: Option<FileState>) -> (Option<FileState>, bool) {
    match rebased {
        Rebased::Clean(change) => (change.result, true),
        Rebased::Settled => (current, true),
        Rebased::Conflict { text: Some(bytes), .. } => {
            let mode = current.or(ours).map(|state| state.mode).unwrap_or_default();
            (Some(FileState { bytes, mode }), false)
        }
        // There is no text to merge: the draft's version is shown against what is there now.
        Rebased::Conflict { text: None, .. } => (ours, false),
    }
}

fn read(bench: &Bench, path: &RepoPath) -> Result<Option<FileState>, WorkspaceError> {
    match bench.workspace.read(path) {
        Ok(state) => Ok(Some(state)),
        Err(WorkspaceError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
