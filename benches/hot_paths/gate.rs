//! What a gate costs beside the command it runs. Budget: 50 ms over the command itself, on both sides at once.
#![allow(clippy::expect_used, reason = "a bench that cannot go on should stop")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use tenon::config::TestGateSettings;
use tenon::domain::{ContentHash, Isolation, Proposal};
use tenon::gate::{Gate, GateContext, TestGate};
use tenon::workspace::{Job, Place, Workspace, open};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Files in the repository.
const FILES: usize = 2_000;

struct Bench {
    runtime: Runtime,
    workspace: Box<dyn Workspace>,
}

fn bench() -> Bench {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gate-bench");
    let repository = root.join("repository");
    if !repository.join(".git").exists() {
        for file in 0..FILES {
            let path = repository.join(format!("part{}/file{file}.py", file % 40));
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "x = 1\n").expect("a file");
        }
        let done = Command::new("git").args(["init", "-q"]).current_dir(&repository).status().expect("git");
        assert!(done.success());
    }
    let root = root.canonicalize().expect("the tree");
    let environment = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let mut place = Place::new(root.join("repository"), root.join("state"), &environment);
    place.isolation = Some(Isolation::Overlay);
    place.helper = Some(PathBuf::from(env!("CARGO_BIN_EXE_tenon")));
    let runtime = Runtime::new().expect("a runtime");
    let workspace = runtime.block_on(open(place)).expect("a workspace");
    Bench { runtime, workspace }
}

fn fork(bench: &Bench) -> Arc<dyn Workspace> {
    Arc::from(bench.runtime.block_on(bench.workspace.fork(Vec::new())).expect("a fork"))
}

async fn run(workspace: &dyn Workspace) {
    let job = Job {
        command: "true".into(),
        folder: None,
        environment: Vec::new(),
        limit: Duration::from_secs(60),
        network: false,
        env_files: false,
    };
    let (output, mut pieces) = mpsc::channel(8);
    let draining = async { while pieces.recv().await.is_some() {} };
    let (ended, ()) = tokio::join!(workspace.run(job, output, CancellationToken::new()), draining);
    ended.expect("the command runs");
}

#[divan::bench(sample_count = 50)]
fn command_alone_on_both_sides(bencher: Bencher) {
    let bench = bench();
    let (subject, base) = (fork(&bench), fork(&bench));
    bencher.bench_local(|| bench.runtime.block_on(async { tokio::join!(run(subject.as_ref()), run(base.as_ref())) }));
}

#[divan::bench(sample_count = 50)]
fn gate_around_the_command(bencher: Bencher) {
    let bench = bench();
    let (subject, base) = (fork(&bench), fork(&bench));
    let settings = TestGateSettings { command: Some("true".to_owned()), ..TestGateSettings::default() };
    let gate = TestGate::new(settings);
    let proposal = Proposal {
        id: "p1".into(),
        title: String::new(),
        message: String::new(),
        hash: ContentHash::of(b""),
        changes: Vec::new(),
    };
    bencher.bench_local(|| {
        let (output, mut pieces) = mpsc::channel(8);
        let context =
            GateContext::new(proposal.clone(), subject.clone(), base.clone(), output, CancellationToken::new());
        bench.runtime.block_on(async {
            let draining = async { while pieces.recv().await.is_some() {} };
            let running = async {
                let report = gate.run(&context).await;
                drop(context);
                report
            };
            tokio::join!(running, draining)
        })
    });
}

#[divan::bench(sample_count = 50)]
fn name_of_all_it_depends_on(bencher: Bencher) {
    let bench = bench();
    bencher.bench_local(|| bench.workspace.fingerprint(&[]));
}
