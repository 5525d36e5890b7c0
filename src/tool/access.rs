//! How tools reach files: off the asynchronous threads, with errors that help a model on.

use std::sync::Arc;

use crate::domain::{FileMode, FileState, RepoPath};
use crate::workspace::{Workspace, WorkspaceError};

use super::{ToolContext, ToolOutput, input};

/// Throw-away workspaces without and with the draft, and the paths that are different.
pub(super) type BothSides = (Arc<dyn Workspace>, Arc<dyn Workspace>, Vec<RepoPath>);

/// Does blocking work on the workspace. An error becomes a failed output; so does a panic, which must not end the
/// session.
pub(super) async fn blocking<F>(context: &ToolContext, work: F) -> ToolOutput
where
    F: FnOnce(&dyn Workspace) -> Result<String, String> + Send + 'static,
{
    let workspace = Arc::clone(&context.workspace);
    match tokio::task::spawn_blocking(move || work(workspace.as_ref())).await {
        Ok(Ok(text)) => ToolOutput::done(text),
        Ok(Err(text)) => ToolOutput::failed(text),
        Err(error) => ToolOutput::failed(format!("The tool broke down: {error}.")),
    }
}

/// As [`blocking`] for work that only looks: an interrupt need not wait for it.
pub(super) async fn looking<F>(context: &ToolContext, work: F) -> ToolOutput
where
    F: FnOnce(&dyn Workspace) -> Result<String, String> + Send + 'static,
{
    tokio::select! {
        output = blocking(context, work) => output,
        () = context.cancel.cancelled() => ToolOutput::failed("Interrupted by the user."),
    }
}

/// Both sides of the draft; `None` when nothing was changed. What is done to them leaves the draft as it is.
pub(super) async fn sides(context: &ToolContext) -> Result<Option<BothSides>, String> {
    let words = |error: WorkspaceError| explain(&error);
    let workspace = Arc::clone(&context.workspace);
    let changes = tokio::task::spawn_blocking(move || workspace.changes()).await.map_err(|error| error.to_string())?;
    let changes = changes.map_err(words)?;
    if changes.is_empty() {
        return Ok(None);
    }
    let paths = changes.iter().map(|change| change.path.clone()).collect();
    let base = changes.into_iter().map(|change| (change.path, change.base)).collect();
    let base: Arc<dyn Workspace> = Arc::from(context.workspace.fork(base).await.map_err(words)?);
    let subject: Arc<dyn Workspace> = Arc::from(context.workspace.fork(Vec::new()).await.map_err(words)?);
    Ok(Some((base, subject, paths)))
}

/// Reads a file, or says why not and what may be meant instead.
pub(super) fn read(workspace: &dyn Workspace, path: &RepoPath) -> Result<FileState, String> {
    workspace.read(path).map_err(|error| match error {
        WorkspaceError::Missing(_) => missing(workspace, path),
        other => explain(&other),
    })
}

/// Reads a file that is going to be changed: `None` when it is missing, an error when it is no regular file.
pub(super) fn read_to_change(workspace: &dyn Workspace, path: &RepoPath) -> Result<Option<FileState>, String> {
    match workspace.read(path) {
        Ok(state) if state.mode == FileMode::Symlink => {
            let target = String::from_utf8_lossy(&state.bytes);
            Err(format!("`{path}` is a symlink to `{target}`; change the file it points to."))
        }
        Ok(state) => Ok(Some(state)),
        Err(WorkspaceError::Missing(_)) => Ok(None),
        Err(other) => Err(explain(&other)),
    }
}

/// An error of the workspace as a sentence.
pub(super) fn explain(error: &WorkspaceError) -> String {
    match error {
        WorkspaceError::Kind { path, what } if what.contains("folder") => {
            format!("{error}. Use `list` with the path `{path}` to see what is in it.")
        }
        _ => format!("{error}."),
    }
}

/// "`x` does not exist", with the files that may be meant.
pub(super) fn missing(workspace: &dyn Workspace, path: &RepoPath) -> String {
    let near = suggestions(workspace, path);
    if near.is_empty() {
        return format!("`{path}` does not exist. Use `list` or `search` to find the file.");
    }
    let near: Vec<String> = near.into_iter().map(|path| format!("`{path}`")).collect();
    format!("`{path}` does not exist. Did you mean {}?", near.join(" or "))
}

/// Up to three paths: names of the same folder that are alike, then the same name in other folders.
fn suggestions(workspace: &dyn Workspace, path: &RepoPath) -> Vec<String> {
    let folder = path.parent().and_then(|folder| RepoPath::parse(folder).ok());
    let beside = workspace.list(folder.as_ref(), 1, 2_000).map(|(entries, _)| entries).unwrap_or_default();
    let mut alike: Vec<(f64, String)> = beside
        .iter()
        .map(|entry| (strsim::jaro_winkler(entry.path.file_name(), path.file_name()), entry.path.to_string()))
        .filter(|(score, _)| *score > 0.82)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut found: Vec<String> = alike.into_iter().take(2).map(|(_, path)| path).collect();
    let everywhere = workspace.list(None, 16, 20_000).map(|(entries, _)| entries).unwrap_or_default();
    let same_name = everywhere.iter().filter(|entry| !entry.folder && entry.path.file_name() == path.file_name());
    found.extend(same_name.map(|entry| entry.path.to_string()).take(3));
    found.dedup();
    found.truncate(3);
    found
}

/// A text that was shown with a secret blanked out must not be written back over the secret. A file that itself holds
/// the mark is a file about such marks.
pub(super) fn refuse_blanked(file: Option<&[u8]>, texts: &[&str]) -> Result<(), String> {
    const MARK: &str = "[redacted …";
    let in_file = |bytes: &[u8]| bytes.windows(MARK.len()).any(|part| part == MARK.as_bytes());
    match file {
        Some(bytes) if texts.iter().any(|text| text.contains(MARK)) && !in_file(bytes) => Err(format!(
            "The text holds `{MARK}]`, which stands for a secret you were not shown and is not what the file holds. \
             Leave that line out: edit the lines around it."
        )),
        _ => Ok(()),
    }
}

/// Reads the path field of an input.
pub(super) fn path(workspace: &dyn Workspace, text: &str) -> Result<RepoPath, String> {
    input::path(workspace.root(), text)
}
