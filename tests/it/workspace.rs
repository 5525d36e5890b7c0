//! The transaction: what happens in a workspace stays in it, in the overlay and in the copy.

mod commands;
mod disks;
mod draft;
mod env_files;
mod escapes;
mod files;
mod limits;
mod odd;
mod servers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tenon::domain::{Change, FileMode, Isolation, RepoPath};
use tenon::workspace::{Exit, Job, Place, Workspace, best_isolation, open};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A repository of its own with a workspace over it.
struct Case {
    folder: TempDir,
    workspace: Box<dyn Workspace>,
}

impl Case {
    async fn open(isolation: Isolation) -> Self {
        Self::open_with(isolation, |_| {}).await
    }

    /// `prepare` adds to the repository before the workspace is opened.
    async fn open_with(isolation: Isolation, prepare: impl FnOnce(&Path)) -> Self {
        let folder = TempDir::new().unwrap();
        let repository = folder.path().join("home/repo with space");
        fs::create_dir_all(&repository).unwrap();
        make_repository(&repository);
        prepare(&repository);
        let workspace = open(place(folder.path(), isolation)).await.unwrap();
        assert_eq!(workspace.isolation(), isolation);
        Self { folder, workspace }
    }

    fn repository(&self) -> PathBuf {
        place(self.folder.path(), Isolation::Copy).repository
    }

    async fn run(&self, command: &str) -> (Exit, String) {
        run(&*self.workspace, command).await
    }

    /// Runs a command that has to succeed and returns its output.
    async fn sh(&self, command: &str) -> String {
        let (exit, output) = self.run(command).await;
        assert_eq!(exit, Exit::Code(0), "{command}: {output}");
        output
    }

    /// The draft as `(path, base, result)` with text in place of bytes.
    fn draft(&self) -> Vec<(String, Option<String>, Option<String>)> {
        self.workspace.changes().unwrap().into_iter().map(plain).collect()
    }
}

fn plain(change: Change) -> (String, Option<String>, Option<String>) {
    let text = |state: Option<tenon::domain::FileState>| {
        state.map(|state| {
            let mark = match state.mode {
                FileMode::Regular => "",
                FileMode::Executable => "x:",
                FileMode::Symlink => "l:",
            };
            format!("{mark}{}", String::from_utf8_lossy(&state.bytes))
        })
    };
    (change.path.to_string(), text(change.base), text(change.result))
}

/// One expected change.
fn change(path: &str, base: Option<&str>, result: Option<&str>) -> (String, Option<String>, Option<String>) {
    (path.to_owned(), base.map(str::to_owned), result.map(str::to_owned))
}

fn place(folder: &Path, isolation: Isolation) -> Place {
    let home = folder.join("home");
    let mut environment: BTreeMap<String, String> = BTreeMap::new();
    environment.insert("PATH".to_owned(), std::env::var("PATH").unwrap());
    environment.insert("HOME".to_owned(), home.display().to_string());
    environment.insert("MY_API_KEY".to_owned(), "very secret".to_owned());
    let repository = home.join("repo with space").canonicalize().unwrap();
    let mut place = Place::new(repository, folder.join("state"), &environment);
    place.isolation = Some(isolation);
    place.helper = Some(PathBuf::from(env!("CARGO_BIN_EXE_tenon")));
    place
}

async fn run(workspace: &dyn Workspace, command: &str) -> (Exit, String) {
    run_job(workspace, job(command), CancellationToken::new()).await
}

fn job(command: &str) -> Job {
    Job::new(command, Duration::from_secs(60))
}

async fn run_job(workspace: &dyn Workspace, job: Job, cancel: CancellationToken) -> (Exit, String) {
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(4);
    let collect = async {
        let mut all = Vec::new();
        while let Some(piece) = receiver.recv().await {
            all.extend(piece);
        }
        all
    };
    let (exit, output) = tokio::join!(workspace.run(job, sender, cancel), collect);
    (exit.unwrap(), String::from_utf8_lossy(&output).into_owned())
}

/// The isolations this machine has. Missing namespaces are said loudly, and are a failure where tests must not skip.
fn isolations() -> Vec<Isolation> {
    if overlay_possible() { vec![Isolation::Overlay, Isolation::Copy] } else { vec![Isolation::Copy] }
}

fn overlay_possible() -> bool {
    match best_isolation() {
        (Isolation::Overlay, _) => true,
        (Isolation::Copy, why) => {
            let why = why.unwrap_or_default();
            assert!(std::env::var("CI").as_deref() != Ok("true"), "the overlay cannot be tested here: {why}");
            eprintln!("SKIPPED: THE OVERLAY IS NOT TESTED ON THIS MACHINE: {why}");
            false
        }
    }
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

/// A small repository with a commit, staged work, unstaged work, untracked and ignored files.
fn make_repository(repository: &Path) {
    let write = |name: &str, text: &str| {
        let file = repository.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("README.md", "# Read me\n");
    write("src/app.py", "print('one')\nprint('two')\n");
    write("src/deep/er.py", "deep = 1\n");
    write("tool.sh", "#!/bin/sh\necho tool\n");
    write("generated/tracked.txt", "tracked although ignored\n");
    write(".gitignore", "node_modules/\n*.log\n/generated/\nbuild\n");
    git(repository, &["init", "-q", "-b", "main"]);
    git(repository, &["add", "-f", "."]);
    git(repository, &["commit", "-q", "-m", "first"]);
    write("README.md", "# Read me\nstaged\n");
    git(repository, &["add", "README.md"]);
    write("README.md", "# Read me\nstaged\nunstaged\n");
    write("untracked.txt", "untracked\n");
    write("node_modules/left-pad/index.js", "module.exports = 1;\n");
    write("debug.log", "ignored\n");
}

fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(repository)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", repository)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
