//! A repository for one test, apart from everything on the machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use tenon::domain::{Change, FileMode, FileState, RepoPath};
use tenon::git::{Repository, Selection};

/// A repository in a folder of its own.
pub struct Scratch {
    folder: tempfile::TempDir,
}

/// No file of the user's or the system's git settings is read, neither by git nor by libgit2 in this process.
fn apart() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for level in [git2::ConfigLevel::System, git2::ConfigLevel::Global, git2::ConfigLevel::XDG] {
            #[expect(
                unsafe_code,
                reason = "the search path is set once, before any other use of libgit2 in these tests"
            )]
            unsafe {
                git2::opts::set_search_path(level, "/nonexistent").unwrap();
            }
        }
    });
}

impl Scratch {
    /// An empty repository on branch `main`, with somebody to commit as.
    pub fn new() -> Self {
        apart();
        let scratch = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(scratch.root()).unwrap();
        scratch.git(&["init", "-q", "-b", "main"]);
        scratch.git(&["config", "user.name", "Ada"]);
        scratch.git(&["config", "user.email", "ada@example.org"]);
        scratch
    }

    /// The same with a first commit of these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let scratch = Self::new();
        for (path, text) in files {
            scratch.write(path, text);
        }
        scratch.git(&["add", "-A"]);
        scratch.git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        scratch
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("r")
    }

    pub fn outside(&self) -> &Path {
        self.folder.path()
    }

    pub fn open(&self) -> Repository {
        Repository::open(self.root()).unwrap()
    }

    /// A git command that neither reads nor writes anything outside.
    pub fn command(&self) -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.root()).env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", self.outside());
        command.env("XDG_CONFIG_HOME", self.outside()).env("LC_ALL", "C");
        command
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        String::from_utf8(std::fs::read(self.path(path)).unwrap()).unwrap()
    }

    /// What HEAD holds at a path.
    pub fn head(&self, path: &str) -> String {
        self.git(&["show", &format!("HEAD:{path}")])
    }

    pub fn status(&self) -> String {
        self.git(&["status", "--porcelain", "-uall"])
    }

    /// Everything an operation that refuses must leave as it is.
    pub fn snapshot(&self) -> Vec<String> {
        let mut seen = vec![self.git(&["for-each-ref"]), self.git(&["ls-files", "-s", "-v"]), self.status()];
        let mut files = Vec::new();
        walk(&self.root(), &self.root(), &mut files);
        files.sort();
        seen.extend(files);
        seen
    }

    /// The repository is whole and nothing of an operation is left lying around.
    pub fn is_sound(&self) {
        self.git(&["fsck", "--strict", "--no-dangling"]);
        assert!(!self.path(".git/index.lock").exists());
        assert!(!self.path(".git/tenon/pending").exists());
    }
}

fn walk(root: &Path, folder: &Path, into: &mut Vec<String>) {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        if path == root.join(".git") {
            continue;
        }
        if metadata.is_dir() {
            walk(root, &path, into);
        } else if metadata.is_symlink() {
            into.push(format!("{} -> {}", path.display(), path.read_link().unwrap().display()));
        } else {
            let mode = metadata.permissions().mode();
            into.push(format!("{} {mode:o} {:?}", path.display(), std::fs::read(&path).unwrap()));
        }
    }
}

pub fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

pub fn state(text: &str) -> Option<FileState> {
    Some(FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular })
}

pub fn executable(text: &str) -> Option<FileState> {
    Some(FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Executable })
}

pub fn symlink(target: &str) -> Option<FileState> {
    Some(FileState { bytes: target.as_bytes().to_vec(), mode: FileMode::Symlink })
}

pub fn change(at: &str, base: Option<FileState>, result: Option<FileState>) -> Change {
    Change { path: path(at), base, result }
}

pub fn selection(files: Vec<Change>) -> Selection {
    Selection { files, message: "fix: what was asked".to_owned() }
}

/// `count` lines that say where they are.
pub fn lines(count: usize) -> String {
    (1..=count).map(|line| format!("line {line}\n")).collect()
}
