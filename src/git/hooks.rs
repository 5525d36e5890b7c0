//! The repository's own hooks, run as `git commit` runs them for a part of the changes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::GitError;

/// The most of a hook's output that is kept.
const OUTPUT: u64 = 64 * 1024;

/// The hooks of a repository for one commit.
pub(super) struct Hooks {
    folder: PathBuf,
    root: PathBuf,
    index: PathBuf,
}

impl Hooks {
    /// `index` is where the index with the selection lies while they run.
    pub(super) fn new(repository: &git2::Repository, root: &Path, index: PathBuf) -> Result<Self, GitError> {
        let folder = match repository.config()?.get_path("core.hooksPath") {
            Ok(folder) => root.join(folder),
            Err(_) => repository.commondir().join("hooks"),
        };
        Ok(Self { folder, root: root.to_owned(), index })
    }

    /// Whether one of them is there; those that are not executable do not count, as with git.
    pub(super) fn any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.find(name).is_some())
    }

    fn find(&self, name: &str) -> Option<PathBuf> {
        let path = self.folder.join(name);
        let metadata = fs::metadata(&path).ok()?;
        (metadata.is_file() && metadata.permissions().mode() & 0o111 != 0).then_some(path)
    }

    /// Runs a hook when it is there.
    pub(super) fn run(&self, name: &str, arguments: &[&OsStr]) -> Result<(), GitError> {
        let Some(path) = self.find(name) else { return Ok(()) };
        // A file takes the output, so that something a hook leaves running cannot hold us up.
        let mut output = tempfile::tempfile().map_err(GitError::io(&path))?;
        let told = |file: &File| file.try_clone().map_err(GitError::io(&path));
        let (out, err) = (told(&output)?, told(&output)?);
        let mut command = Command::new(&path);
        command.args(arguments);
        let status = match self.surroundings(&mut command, out, err).status() {
            Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
                let mut command = Command::new("sh");
                command.arg(&path).args(arguments);
                self.surroundings(&mut command, told(&output)?, told(&output)?).status()
            }
            started => started,
        };
        let refused = |output: String| GitError::Hook { name: name.to_owned(), output };
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                let said = tail(&mut output).map_err(GitError::io(&path))?;
                Err(refused(if said.trim().is_empty() {
                    format!("it ended with {status} and said nothing")
                } else {
                    said
                }))
            }
            Err(error) => Err(refused(format!("{}: {error}", path.display()))),
        }
    }

    fn surroundings<'a>(&self, command: &'a mut Command, out: File, err: File) -> &'a mut Command {
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"] {
            command.env_remove(name);
        }
        command.env("GIT_INDEX_FILE", &self.index).env("GIT_EDITOR", ":").env("GIT_PREFIX", "");
        command.current_dir(&self.root).stdin(Stdio::null()).stdout(out).stderr(err)
    }
}

fn tail(output: &mut File) -> std::io::Result<String> {
    let length = output.seek(SeekFrom::End(0))?;
    output.seek(SeekFrom::Start(length.saturating_sub(OUTPUT)))?;
    let mut bytes = Vec::new();
    output.take(OUTPUT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
