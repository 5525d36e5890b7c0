//! Between the bytes in the working folder and the bytes git stores: line ends, `ident`, and filter programs (LFS).

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::entry::Entry;
use super::{GitError, files};
use crate::domain::{FileMode, FileState, RepoPath};

/// Stores the bytes of a file as `git add` would and returns what stands in the tree for it.
pub(super) fn clean(repository: &git2::Repository, path: &RepoPath, state: &FileState) -> Result<Entry, GitError> {
    if state.mode == FileMode::Symlink {
        return Ok(Entry::new(repository.blob(&state.bytes)?, state.mode));
    }
    refuse_encoding(repository, path)?;
    let filtered = run_filter(repository, path, "clean", &state.bytes)?;
    let bytes = filtered.as_deref().unwrap_or(&state.bytes);
    let mut writer = repository.blob_writer(Some(Path::new(path.as_str())))?;
    writer.write_all(bytes).map_err(GitError::io(repository.path()))?;
    Ok(Entry::new(writer.commit()?, state.mode))
}

/// libgit2 stores such a file as it lies in the working folder, which git would then read as something else.
fn refuse_encoding(repository: &git2::Repository, path: &RepoPath) -> Result<(), GitError> {
    let flags = git2::AttrCheckFlags::FILE_THEN_INDEX;
    let value = repository.get_attr(Path::new(path.as_str()), "working-tree-encoding", flags)?;
    match git2::AttrValue::from_string(value) {
        git2::AttrValue::String(name) if !name.eq_ignore_ascii_case("utf-8") => Err(GitError::Unsupported {
            what: format!("{path} has the working-tree-encoding {name}, which cannot be converted here"),
            next: "commit this file with `git` itself".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What git would put into the working folder for these entries.
pub(super) fn smudge(
    repository: &git2::Repository,
    entries: &[(RepoPath, Entry)],
) -> Result<BTreeMap<RepoPath, FileState>, GitError> {
    let mut states = BTreeMap::new();
    let mut filtered = Vec::new();
    for (path, entry) in entries {
        if !entry.is_symlink() {
            refuse_encoding(repository, path)?;
        }
        if !entry.is_symlink() && is_filtered(repository, path)? {
            filtered.push((path.clone(), *entry));
        } else {
            let bytes = repository.find_blob(entry.id)?.content().to_vec();
            states.insert(path.clone(), FileState { bytes, mode: entry.file_mode() });
        }
    }
    if !filtered.is_empty() {
        check_out(repository, &filtered, &mut states)?;
    }
    Ok(states)
}

/// Whether something stands between the two forms of a file. A checkout finds out as well, but looks at all files.
fn is_filtered(repository: &git2::Repository, path: &RepoPath) -> Result<bool, GitError> {
    if repository.config()?.get_string("core.autocrlf").is_ok_and(|value| value == "true") {
        return Ok(true);
    }
    for name in ["text", "crlf", "eol", "ident", "filter", "working-tree-encoding"] {
        let flags = git2::AttrCheckFlags::FILE_THEN_INDEX;
        if repository.get_attr_bytes(Path::new(path.as_str()), name, flags)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lets libgit2 check files out into a folder aside.
fn check_out(
    repository: &git2::Repository,
    entries: &[(RepoPath, Entry)],
    states: &mut BTreeMap<RepoPath, FileState>,
) -> Result<(), GitError> {
    let mut index = git2::Index::new()?;
    for (path, entry) in entries {
        index.add(&super::index::bare_entry(path, *entry))?;
    }
    let tree = repository.find_tree(index.write_tree_to(repository)?)?;
    let folder = tempfile::tempdir_in(repository.path()).map_err(GitError::io(repository.path()))?;
    let mut options = git2::build::CheckoutBuilder::new();
    options.target_dir(folder.path()).force().update_index(false).refresh(false);
    repository.checkout_tree(tree.as_object(), Some(&mut options))?;
    for (path, entry) in entries {
        let Some(mut state) = files::read(folder.path(), path)? else { continue };
        state.mode = entry.file_mode();
        if state.mode != FileMode::Symlink
            && let Some(bytes) = run_filter(repository, path, "smudge", &state.bytes)?
        {
            state.bytes = bytes;
        }
        states.insert(path.clone(), state);
    }
    Ok(())
}

/// Runs the program a `filter` attribute names; `None` when there is none for this path.
fn run_filter(
    repository: &git2::Repository,
    path: &RepoPath,
    direction: &str,
    bytes: &[u8],
) -> Result<Option<Vec<u8>>, GitError> {
    let value = repository.get_attr(Path::new(path.as_str()), "filter", git2::AttrCheckFlags::FILE_THEN_INDEX)?;
    let git2::AttrValue::String(name) = git2::AttrValue::from_string(value) else { return Ok(None) };
    let config = repository.config()?.snapshot()?;
    let required = config.get_bool(&format!("filter.{name}.required")).unwrap_or(false);
    let Ok(program) = config.get_string(&format!("filter.{name}.{direction}")) else {
        return if required { Err(failed(name, direction, path, "it is not configured")) } else { Ok(None) };
    };
    let quoted = format!("'{}'", path.as_str().replace('\'', "'\\''"));
    match pipe(repository, &program.replace("%f", &quoted), bytes) {
        Ok(output) => Ok(Some(output)),
        Err(why) if required => Err(failed(name, direction, path, &why)),
        Err(_) => Ok(None),
    }
}

fn failed(name: &str, direction: &str, path: &RepoPath, why: &str) -> GitError {
    GitError::Git(format!("the {direction} filter `{name}` failed on {path}: {why}"))
}

fn pipe(repository: &git2::Repository, program: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| error.to_string();
    let mut child = Command::new("sh")
        .args(["-c", program])
        .current_dir(repository.workdir().unwrap_or(repository.path()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(told)?;
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        // A program may answer before it has read everything: writing and reading must not wait for each other.
        let writing = scope.spawn(|| stdin.map(|mut pipe| pipe.write_all(bytes)));
        let output = child.wait_with_output().map_err(told)?;
        let _ = writing.join();
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(format!("`{program}` ended with {}", output.status))
        }
    })
}
