//! Workspaces over 100,000 files. Budget: opening the overlay 50 ms; its changes in proportion to the draft.
#![allow(clippy::expect_used, reason = "a bench that cannot go on should stop")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use divan::Bencher;
use tenon::domain::{Isolation, RepoPath};
use tenon::workspace::{Job, Place, Query, Workspace, open};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const FOLDERS: usize = 1_000;
const FILES: usize = 100;

/// The tree, made once and removed with the folder Cargo gives benches.
static TREE: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hundred-thousand");
    let repository = root.join("repository");
    if !repository.join("made").exists() {
        for folder in 0..FOLDERS {
            let folder = repository.join(format!("part{}/folder{folder}", folder % 20));
            fs::create_dir_all(&folder).expect("a folder");
            for file in 0..FILES {
                fs::write(folder.join(format!("file{file}.txt")), format!("line one\nline {file}\n")).expect("a file");
            }
        }
        fs::write(repository.join(".gitignore"), "build/\n").expect("a file");
        fs::write(repository.join("made"), "").expect("a file");
    }
    // Tracked, so that there is an index of the size such a repository has.
    if !repository.join(".git/index").exists() {
        for arguments in [&["init", "-q"][..], &["add", "-A"]] {
            let git = std::process::Command::new("git").args(arguments).current_dir(&repository).status();
            assert!(git.expect("git is installed").success(), "git {arguments:?}");
        }
    }
    root.canonicalize().expect("the tree")
});

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

fn opened(isolation: Isolation, state: &str) -> Box<dyn Workspace> {
    let environment = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let mut place = Place::new(TREE.join("repository"), TREE.join(state), &environment);
    place.isolation = Some(isolation);
    place.helper = Some(PathBuf::from(env!("CARGO_BIN_EXE_tenon")));
    RUNTIME.block_on(open(place)).expect("a workspace")
}

#[divan::bench(sample_count = 20)]
fn open_overlay(bencher: Bencher) {
    LazyLock::force(&TREE);
    bencher.bench_local(|| drop(opened(Isolation::Overlay, "overlay")));
}

#[divan::bench(sample_count = 1, sample_size = 1)]
fn open_copy(bencher: Bencher) {
    LazyLock::force(&TREE);
    bencher.with_inputs(|| fs::remove_dir_all(TREE.join("copy"))).bench_local_values(|_| {
        drop(opened(Isolation::Copy, "copy"));
    });
}

#[divan::bench(sample_count = 20)]
fn fork_of_overlay(bencher: Bencher) {
    let workspace = opened(Isolation::Overlay, "overlay");
    bencher.bench_local(|| RUNTIME.block_on(workspace.fork(Vec::new())).map(drop));
}

fn run(bencher: Bencher, command: &str) {
    let workspace = opened(Isolation::Overlay, "overlay");
    bencher.bench_local(|| {
        let (sender, _receiver) = mpsc::channel(1);
        let job = Job::new(command, Duration::from_secs(60));
        RUNTIME.block_on(workspace.run(job, sender, CancellationToken::new()))
    });
}

#[divan::bench(sample_count = 50)]
fn run_true(bencher: Bencher) {
    run(bencher, "true");
}

/// What it leaves in an ignored folder makes the index count: something there may be tracked all the same.
#[divan::bench(sample_count = 50)]
fn run_that_builds(bencher: Bencher) {
    run(bencher, "mkdir -p build && echo built > build/out && echo changed > part0/folder0/file0.txt");
}

#[divan::bench(sample_count = 50)]
fn changes_of_three_files(bencher: Bencher) {
    let workspace = opened(Isolation::Overlay, "overlay");
    for file in ["part0/folder0/file0.txt", "part1/folder1/new.txt", "made"] {
        let path = RepoPath::parse(file).expect("a path");
        workspace.write(&path, b"changed\n", None).expect("a written file");
    }
    bencher.bench_local(|| workspace.changes());
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn search_everything(bencher: Bencher) {
    let workspace = opened(Isolation::Overlay, "overlay");
    let query = Query { pattern: "line 99".to_owned(), limit: 10_000, ..Query::default() };
    bencher.bench_local(|| workspace.search(&query));
}
