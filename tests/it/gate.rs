//! The tests gate with real runners on real files, and what the stack room finds in them.

mod affected;
mod beds;
mod contract;
mod dependencies;
mod deploy;
mod isolated;
mod migrations;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tenon::config::TestGateSettings;
use tenon::domain::{
    Change, ChangeKind, ContentHash, FileChange, FileMode, FileState, GateStatus, Isolation, Proposal, ProposalId,
    RepoPath, TestCount,
};
use tenon::gate::{Gate, GateContext, Report, TestGate};
use tenon::stack;
use tenon::workspace::{Entry, Exit, Hit, Job, Query, Workspace, WorkspaceError, WorkspaceFiles};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A folder in which commands really run, without any isolation.
struct Bare {
    root: tempfile::TempDir,
}

impl Bare {
    fn new(files: &[(&str, &str)]) -> Arc<Self> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Arc::new(Self { root })
    }
}

#[async_trait]
impl Workspace for Bare {
    fn isolation(&self) -> Isolation {
        Isolation::Copy
    }

    fn root(&self) -> &Path {
        self.root.path()
    }

    fn read(&self, path: &RepoPath) -> Result<FileState, WorkspaceError> {
        match std::fs::read(path.under(self.root())) {
            Ok(bytes) => Ok(FileState { bytes, mode: FileMode::Regular }),
            Err(_) => Err(WorkspaceError::Missing(path.clone())),
        }
    }

    fn write(&self, path: &RepoPath, bytes: &[u8], _: Option<FileMode>) -> Result<(), WorkspaceError> {
        assert!(path.as_str().starts_with(".tenon-gate/"), "a gate writes only what it needs itself: {path}");
        let path = path.under(self.root());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        Ok(())
    }

    fn remove(&self, _: &RepoPath) -> Result<(), WorkspaceError> {
        unreachable!("a gate removes nothing")
    }

    fn list(&self, path: Option<&RepoPath>, depth: usize, limit: usize) -> Result<(Vec<Entry>, bool), WorkspaceError> {
        let folder = path.map_or(self.root().to_owned(), |path| path.under(self.root()));
        if !folder.is_dir() {
            return Err(WorkspaceError::Missing(path.unwrap().clone()));
        }
        let walk = ignore::WalkBuilder::new(folder).max_depth(Some(depth)).hidden(false).build();
        let entry = |found: ignore::DirEntry| {
            let path = found.path().strip_prefix(self.root()).ok()?.to_str()?.to_owned();
            Some(Entry { path: RepoPath::parse(&path).ok()?, folder: found.path().is_dir(), size: 0 })
        };
        Ok((walk.flatten().filter_map(entry).take(limit).collect(), false))
    }

    fn search(&self, _: &Query) -> Result<(Vec<Hit>, bool), WorkspaceError> {
        unreachable!("a gate searches nothing")
    }

    async fn run(
        &self,
        job: Job,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Result<Exit, WorkspaceError> {
        let folder = job.folder.map_or(self.root().to_owned(), |folder| folder.under(self.root()));
        let mut child = tokio::process::Command::new("sh")
            .arg("-c")
            .arg(format!("exec 2>&1; {}", job.command))
            // As in a workspace: base and proposal would build into the same folder.
            .env_remove("CARGO_TARGET_DIR")
            .envs(job.environment)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| WorkspaceError::Io { what: job.command, source })?;
        let mut stream = child.stdout.take().unwrap();
        let reading = async {
            let mut buffer = vec![0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                let _ = output.send(buffer[..length].to_vec()).await;
            }
            child.wait().await.unwrap()
        };
        tokio::select! {
            status = reading => Ok(status.code().map_or(Exit::Signal(9), Exit::Code)),
            () = tokio::time::sleep(job.limit) => Ok(Exit::TimedOut),
            () = cancel.cancelled() => Ok(Exit::Cancelled),
        }
    }

    fn changes(&self) -> Result<Vec<Change>, WorkspaceError> {
        Ok(Vec::new())
    }

    async fn fork(&self, _: Vec<(RepoPath, Option<FileState>)>) -> Result<Box<dyn Workspace>, WorkspaceError> {
        Err(WorkspaceError::Isolation("a bare folder cannot be forked".into()))
    }

    async fn reset(&self, _: Option<Vec<RepoPath>>) -> Result<(), WorkspaceError> {
        Ok(())
    }
}

fn proposal(paths: &[&str]) -> Proposal {
    let change = |path: &&str| FileChange {
        path: RepoPath::parse(path).unwrap(),
        kind: ChangeKind::Edit,
        old_path: None,
        base: None,
        result: None,
        old_mode: FileMode::Regular,
        mode: FileMode::Regular,
        binary: false,
        added: 0,
        removed: 0,
        hunks: Vec::new(),
    };
    Proposal {
        id: ProposalId::from("p1"),
        title: String::new(),
        message: String::new(),
        hash: ContentHash::of(b""),
        changes: paths.iter().map(change).collect(),
    }
}

struct Proof {
    finding: Report,
    streamed: String,
}

async fn prove_with(
    settings: TestGateSettings,
    subject: Arc<dyn Workspace>,
    base: Arc<dyn Workspace>,
    paths: &[&str],
    cancel: CancellationToken,
) -> Proof {
    let (output, mut pieces) = mpsc::channel(8);
    let context = GateContext::new(proposal(paths), subject, base, output, cancel);
    let gate = TestGate::new(settings);
    let collect = async {
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.extend(piece);
        }
        String::from_utf8_lossy(&all).into_owned()
    };
    let run = async {
        let finding = gate.run(&context).await;
        drop(context);
        finding
    };
    let (finding, streamed) = tokio::join!(run, collect);
    Proof { finding, streamed }
}

async fn prove(subject: &[(&str, &str)], base: &[(&str, &str)]) -> Proof {
    let settings = TestGateSettings::default();
    prove_with(settings, Bare::new(subject), Bare::new(base), &[], CancellationToken::new()).await
}

fn count(passed: u32, failed: u32, skipped: u32) -> Option<TestCount> {
    Some(TestCount { passed, failed, skipped })
}

const ADD: &str = "def add(a, b):\n    return a + b\n";
const WRONG: &str = "def add(a, b):\n    return a - b\n";
const CASES: &str = "import unittest\nfrom app import add\n\nclass Sum(unittest.TestCase):\n    def test_adds(self):\n        \
                     self.assertEqual(add(1, 2), 3)\n\n    def test_zero(self):\n        self.assertEqual(add(0, 0), 0)\n";

#[tokio::test]
async fn a_project_of_the_standard_library_is_proven_on_both_sides() {
    let proof =
        prove(&[("app.py", WRONG), ("tests/test_app.py", CASES)], &[("app.py", ADD), ("tests/test_app.py", CASES)])
            .await;
    let Report { status, reason, new, old, command, tests, base_tests, log, .. } = proof.finding;
    assert_eq!(status, GateStatus::Fail, "{log}");
    let reason = reason.unwrap();
    assert!(reason.starts_with("1 new failure: test_app.Sum.test_adds"), "{reason}");
    assert_eq!((new, old, tests, base_tests), (1, 0, count(1, 1, 0), count(2, 0, 0)));
    assert_eq!(command.as_deref(), Some("python3 -m unittest discover -s tests"));
    assert!(log.contains("AssertionError: -1 != 3"), "{log}");
    assert!(proof.streamed.starts_with("$ python3 -m unittest discover -s tests\n"), "{}", proof.streamed);
    assert!(proof.streamed.contains("FAILED (failures=1)"));
}

#[tokio::test]
async fn a_failure_that_base_has_as_well_is_old() {
    let broken = [("app.py", WRONG), ("test_app.py", CASES)];
    let proof = prove(&broken, &broken).await;
    assert_eq!(proof.finding.status, GateStatus::Pass);
    assert_eq!((proof.finding.new, proof.finding.old), (0, 1));
    assert_eq!(proof.finding.reason.as_deref(), Some("1 failure is on base too"));
}

#[tokio::test]
async fn no_test_at_all_is_never_green() {
    let empty = "import unittest\n\nclass Sum(unittest.TestCase):\n    pass\n";
    let proof = prove(&[("app.py", ADD), ("test_app.py", empty)], &[("app.py", ADD), ("test_app.py", CASES)]).await;
    assert_eq!(proof.finding.status, GateStatus::Fail, "{}", proof.finding.log);
    assert!(proof.finding.reason.unwrap().starts_with("no test ran"));
    let proof = prove(&[("app.py", ADD), ("test_app.py", empty)], &[("app.py", ADD)]).await;
    assert_eq!(proof.finding.status, GateStatus::NotRun);
    let proof = prove(&[("app.py", ADD)], &[("app.py", ADD)]).await;
    assert_eq!(proof.finding.status, GateStatus::NotRun);
    assert_eq!(proof.finding.reason.as_deref(), Some("no tests found in this python project"));
    let proof = prove(&[("notes.txt", "x")], &[]).await;
    assert!(proof.finding.reason.unwrap().contains("no manifest says how this project is tested"));
}

#[tokio::test]
async fn a_runner_that_is_missing_is_named_with_what_installs_it() {
    let files = [("requirements.txt", "pytest\n"), ("test_x.py", "def test_x():\n    assert True\n")];
    let subject = Bare::new(&files);
    let fake = subject.root().join(".venv/bin/python");
    std::fs::create_dir_all(fake.parent().unwrap()).unwrap();
    // An interpreter without pytest, in both places that are tried.
    write_script(&fake, "echo \"$0: No module named pytest\"; exit 1");
    let settings =
        TestGateSettings { command: Some(".venv/bin/python -m pytest".into()), ..TestGateSettings::default() };
    let proof = prove_with(settings, subject, Bare::new(&[]), &[], CancellationToken::new()).await;
    assert_eq!(proof.finding.status, GateStatus::NotRun);
    assert!(proof.finding.reason.unwrap().starts_with("the Python module `pytest` is not installed; to install it: "));
    let settings = TestGateSettings { command: Some("tenon-has-no-such-runner".into()), ..TestGateSettings::default() };
    let proof = prove_with(settings, Bare::new(&files), Bare::new(&files), &[], CancellationToken::new()).await;
    assert!(proof.finding.reason.unwrap().starts_with("`tenon-has-no-such-runner` is not installed"));
    assert_eq!(proof.finding.base_tests, None, "base is not tried without a runner");
}

fn write_script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn the_next_way_is_tried_when_the_first_runner_is_missing() {
    let files = [
        ("requirements.txt", "pytest\n"),
        ("test_x.py", "def test_x():\n    assert True\n"),
        ("Makefile", "test:\n\ttenon-has-no-such-runner\n"),
    ];
    let subject = Bare::new(&files);
    let fake = subject.root().join(".venv/bin/python");
    std::fs::create_dir_all(fake.parent().unwrap()).unwrap();
    write_script(&fake, "echo '== 3 passed in 0.01s =='");
    let proof = prove_with(TestGateSettings::default(), subject, Bare::new(&[]), &[], CancellationToken::new()).await;
    assert_eq!(proof.finding.command.as_deref(), Some(".venv/bin/python -m pytest"), "{}", proof.streamed);
    assert_eq!((proof.finding.status, proof.finding.tests), (GateStatus::Pass, count(3, 0, 0)));
}

#[tokio::test]
async fn time_limit_and_interrupt_are_told_apart() {
    let slow = TestGateSettings { command: Some("exec sleep 600".into()), timeout_s: 1, ..TestGateSettings::default() };
    let quick = Bare::new(&[]);
    let proof = prove_with(slow.clone(), quick.clone(), quick.clone(), &[], CancellationToken::new()).await;
    assert_eq!(proof.finding.status, GateStatus::NotRun);
    assert_eq!(proof.finding.reason.as_deref(), Some("not done within 1 s, on base neither"));
    let cancel = CancellationToken::new();
    cancel.cancel();
    let patient = TestGateSettings { timeout_s: 600, ..slow };
    let run = prove_with(patient, quick.clone(), quick, &[], cancel);
    let proof = tokio::time::timeout(Duration::from_secs(30), run).await.unwrap();
    assert_eq!((proof.finding.status, proof.finding.reason.as_deref()), (GateStatus::NotRun, Some("interrupted")));
}

#[tokio::test]
async fn a_flood_of_output_reaches_the_stream_and_leaves_a_short_log() {
    let settings = TestGateSettings {
        command: Some("seq 1 200000; echo '=== 2 passed in 1.00s ==='".into()),
        ..TestGateSettings::default()
    };
    let proof = prove_with(settings, Bare::new(&[]), Bare::new(&[]), &[], CancellationToken::new()).await;
    assert_eq!((proof.finding.status, proof.finding.tests), (GateStatus::Pass, count(2, 0, 0)));
    assert!(proof.streamed.contains("\n100000\n"));
    assert!(proof.finding.log.len() <= 9 * 1024 && proof.finding.log.ends_with("passed in 1.00s ===\n"));
}

#[tokio::test]
async fn nodes_own_runner_is_read() {
    if !there("node") {
        return;
    }
    let test = "const test = require('node:test');\nconst assert = require('node:assert');\n\
                test('adds', () => assert.equal(1 + 1, RESULT));\ntest('is', () => assert.ok(true));\n";
    let package = r#"{"scripts": {"test": "node --test"}}"#;
    let good = test.replace("RESULT", "2");
    let bad = test.replace("RESULT", "3");
    let proof = prove(&[("app.test.js", &bad)], &[("app.test.js", &good)]).await;
    assert_eq!(proof.finding.command.as_deref(), Some("node --test"));
    assert_eq!((proof.finding.tests, proof.finding.base_tests), (count(1, 1, 0), count(2, 0, 0)), "{}", proof.streamed);
    assert_eq!(proof.finding.reason.as_deref(), Some("1 new failure: adds"));
    if there("npm") {
        let proof = prove(&[("app.test.js", &good), ("package.json", package)], &[]).await;
        assert_eq!(proof.finding.command.as_deref(), Some("npm test"));
        assert_eq!(
            (proof.finding.status, proof.finding.tests),
            (GateStatus::Pass, count(2, 0, 0)),
            "{}",
            proof.streamed
        );
        let gutted = r#"{"scripts": {"test": "true"}}"#;
        let proof = prove(
            &[("app.test.js", &good), ("package.json", gutted)],
            &[("app.test.js", &good), ("package.json", package)],
        )
        .await;
        assert_eq!(proof.finding.reason.as_deref(), Some("it ended well and told of no test; 2 ran on base"));
        assert_eq!(proof.finding.status, GateStatus::Fail);
    }
}

#[tokio::test]
async fn pytest_is_read_with_its_names() {
    let probe = std::process::Command::new("python3").args(["-c", "import pytest"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("SKIPPED: pytest is not installed for python3");
        return;
    }
    let test = "import pytest\nfrom app import add\n\n@pytest.mark.parametrize('a', ['1 - x', '2'])\n\
                def test_add(a):\n    assert add(a, 'z') == a + 'z'\n\ndef test_skipped():\n    pytest.skip('x')\n\n\
                def test_old():\n    assert False\n";
    let add = "def add(a, b):\n    return a + b\n";
    let wrong = "def add(a, b):\n    return a + b if a == '2' else b\n";
    let proof =
        prove(&[("app.py", wrong), ("tests/test_a.py", test)], &[("app.py", add), ("tests/test_a.py", test)]).await;
    assert_eq!(proof.finding.command.as_deref(), Some("python3 -m pytest"));
    assert_eq!((proof.finding.tests, proof.finding.base_tests), (count(1, 2, 1), count(2, 1, 1)), "{}", proof.streamed);
    assert_eq!((proof.finding.new, proof.finding.old), (1, 1));
    let reason = proof.finding.reason.unwrap();
    assert!(reason.starts_with("1 new failure: tests/test_a.py::test_add[1 - x"), "{reason}");
    let broken = [("app.py", "def add(:\n"), ("tests/test_a.py", test)];
    let proof = prove(&broken, &[("app.py", add), ("tests/test_a.py", test)]).await;
    assert_eq!(proof.finding.status, GateStatus::Fail, "{}", proof.streamed);
    assert_eq!(proof.finding.reason.as_deref(), Some("1 new failure: tests/test_a.py"));
    let proof = prove(&broken, &broken).await;
    assert_eq!(proof.finding.status, GateStatus::NotRun, "{}", proof.streamed);
}

fn there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !found {
        eprintln!("SKIPPED in part: {program} is not installed");
    }
    found
}

#[tokio::test]
async fn only_the_projects_a_change_touches_are_run() {
    let files = [
        ("api/requirements.txt", ""),
        ("api/test_a.py", "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n"),
        ("web/requirements.txt", ""),
        (
            "web/test_b.py",
            "import unittest\nclass B(unittest.TestCase):\n    def test_b(self): pass\n    def test_c(self): pass\n",
        ),
    ];
    let prove = |paths: &'static [&'static str]| {
        prove_with(TestGateSettings::default(), Bare::new(&files), Bare::new(&files), paths, CancellationToken::new())
    };
    assert_eq!(prove(&["web/b.py"]).await.finding.tests, count(2, 0, 0));
    assert_eq!(prove(&["api/x", "web/b.py"]).await.finding.tests, count(3, 0, 0));
    assert_eq!(prove(&["README.md"]).await.finding.tests, count(3, 0, 0));
}

/// A repository, and what is found in it: `folder command (file:line)` for each project's best way.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let bare = Bare::new(files);
    let report = stack::detect_folder(bare.root());
    assert_eq!(report, stack::detect(&WorkspaceFiles(bare.as_ref())), "folder and workspace see the same");
    let line = |project: &stack::Service| {
        let tests = project.tests.first().map_or("none".to_owned(), |test| {
            let at = test.evidence.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!("{} ({}{at})", test.command, test.evidence.file)
        });
        let folder = if project.folder.is_empty() { "." } else { &project.folder };
        format!("{folder} {} {tests}", project.language)
    };
    report.services.iter().map(line).chain(report.notes.iter().cloned()).collect()
}

#[test]
fn test_commands_follow_from_manifests_with_file_and_line() {
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (
            &[("requirements.txt", "flask\npytest>=8\n"), ("app.py", "")],
            &[". python python3 -m pytest (requirements.txt:2)"],
        ),
        (
            &[("pyproject.toml", "[project]\nname='x'\n[tool.pytest.ini_options]\n")],
            &[". python python3 -m pytest (pyproject.toml:3)"],
        ),
        (
            &[("pytest.ini", "[pytest]\n"), ("setup.py", ""), (".venv/bin/python", "")],
            &[". python .venv/bin/python -m pytest (pytest.ini:1)"],
        ),
        (
            &[("requirements.txt", "x\n"), ("tests/test_a.py", "def test_a():\n    pass\n")],
            &[". python python3 -m pytest (tests/test_a.py:1)"],
        ),
        (
            &[("setup.py", ""), ("tests/__init__.py", ""), ("tests/test_a.py", "import unittest\n")],
            &[". python python3 -m unittest discover (tests/test_a.py:1)"],
        ),
        (
            &[("app.py", ""), ("app_test.py", "\nfrom unittest import TestCase\n")],
            &[". python python3 -m unittest discover -p '*_test.py' (app_test.py:2)"],
        ),
        (
            &[("manage.py", "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'x')\n")],
            &[". python python3 manage.py test (manage.py:2)"],
        ),
        (
            &[("manage.py", "import django\n"), ("requirements.txt", "pytest-django\n")],
            &[". python python3 -m pytest (requirements.txt:1)"],
        ),
        (
            &[("uv.lock", ""), ("pyproject.toml", "[dependency-groups]\ndev = ['pytest']\n")],
            &[". python uv run --offline --no-sync python -m pytest (pyproject.toml:2)"],
        ),
        (
            &[("package.json", "{\n\"scripts\": {\n\"test\": \"jest\"\n}}"), ("pnpm-lock.yaml", "")],
            &[". javascript pnpm test (package.json:3)"],
        ),
        (
            &[
                ("package.json", "{\"packageManager\": \"yarn@4\", \"scripts\": {\"test\": \"x\"}}"),
                ("package-lock.json", ""),
            ],
            &[". javascript yarn test (package.json)"],
        ),
        (
            &[("package.json", "{\"devDependencies\": {\n\"vitest\": \"1\", \"typescript\": \"5\"}}")],
            &[". typescript npx --no-install vitest run (package.json:2)"],
        ),
        (
            &[("package.json", "{\"scripts\": {\"test\": \"echo \\\"Error: no test specified\\\" && exit 1\"}}")],
            &[". javascript none"],
        ),
        (
            &[("package.json", "{\"a\": \n}")],
            &[". javascript none", "package.json:2: not valid JSON (expected value at line 2 column 1)"],
        ),
        (&[("go.mod", "module x\n")], &[". go go test -v ./... (go.mod)"]),
        (&[("Cargo.toml", "[package]\n")], &[". rust cargo test --no-fail-fast (Cargo.toml)"]),
        (&[("Cargo.toml", "[workspace]\n"), ("a/Cargo.toml", "")], &[". rust cargo test --no-fail-fast (Cargo.toml)"]),
        (&[("pom.xml", ""), ("mvnw", "")], &[". java ./mvnw -B -o test (pom.xml)"]),
        (&[("build.gradle.kts", "")], &[". java gradle test --offline --console=plain --continue (build.gradle.kts)"]),
        (
            &[("Makefile", "all: x\ntest: build\n\tgo test ./...\n"), ("go.mod", "module x\n")],
            &[". go make test (Makefile:2)"],
        ),
        (
            &[("Makefile", "test:\n\tdocker compose run app pytest\n"), ("go.mod", "module x\n")],
            &[". go go test -v ./... (go.mod)"],
        ),
        (&[("Makefile", "test := x\ntests: y\n")], &[]),
        (&[("Makefile", "test:\n\t./check\n")], &[". unknown make test (Makefile:1)"]),
        (
            &[
                ("package.json", "{\"scripts\": {\"test\": \"x\"}}"),
                ("api/requirements.txt", "pytest"),
                ("node_modules/a/package.json", "{}"),
                ("vendor/b/go.mod", "module x\n"),
            ],
            &[". javascript npm test (package.json)", "api python python3 -m pytest (api/requirements.txt:1)"],
        ),
        (&[("Dockerfile", "FROM x")], &[]),
    ];
    for (files, expected) in cases {
        assert_eq!(found(files), *expected, "{files:?}");
    }
}

#[test]
fn frameworks_are_found_with_the_line_they_rest_on() {
    let bare = Bare::new(&[
        ("requirements.txt", "# django\nfastapi==0.1\npsycopg[binary]\n"),
        (
            "web/package.json",
            "{\n \"dependencies\": {\n  \"@nestjs/core\": \"1\",\n  \"express\": \"4\"\n },\n \"devDependencies\": {\"pg\": \"8\"}}",
        ),
    ]);
    let report = stack::detect_folder(bare.root());
    let names: BTreeMap<&str, Vec<String>> = report
        .services
        .iter()
        .map(|service| {
            let shown = |fact: &stack::Fact| format!("{} {}", fact.name, fact.evidence.line.unwrap());
            let facts = service.framework.iter().chain(&service.also).chain(&service.databases);
            (service.folder.as_str(), facts.map(shown).collect())
        })
        .collect();
    assert_eq!(names[""], ["fastapi 2", "postgresql 3"]);
    assert_eq!(names["web"], ["nestjs 3"]);
    let shown = report.to_string();
    assert!(shown.contains("fastapi") && shown.contains("requirements.txt:2\n"), "{shown}");
    assert!(serde_json::to_value(&report).unwrap()["services"][0]["tests"].is_array());
}

#[test]
fn a_folder_that_is_not_there_is_unknown() {
    let report = stack::detect_folder(&PathBuf::from("/nowhere/at/all"));
    assert!(report.services.is_empty());
    assert!(report.to_string().starts_with("unknown"));
}
