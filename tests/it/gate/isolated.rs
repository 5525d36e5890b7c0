//! The same gate in the workspaces that sessions use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tenon::config::TestGateSettings;
use tenon::domain::{GateStatus, Isolation, RepoPath};
use tenon::workspace::{Place, Workspace, best_isolation, open};
use tokio_util::sync::CancellationToken;

use super::{ADD, CASES, Proof, WRONG, count, prove_with};

fn isolations() -> Vec<Isolation> {
    match best_isolation() {
        (Isolation::Overlay, _) => vec![Isolation::Overlay, Isolation::Copy],
        (Isolation::Copy, why) => {
            eprintln!("SKIPPED in part: no overlay on this machine: {}", why.unwrap_or_default());
            vec![Isolation::Copy]
        }
    }
}

fn repository(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        let done = Command::new("git").args(identity).args(arguments).current_dir(root).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "base"]);
}

struct Session {
    folder: tempfile::TempDir,
    workspace: Box<dyn Workspace>,
}

impl Session {
    async fn open(isolation: Isolation, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repository");
        std::fs::create_dir_all(&root).unwrap();
        repository(&root, files);
        let mut environment = BTreeMap::new();
        environment.insert("PATH".to_owned(), std::env::var("PATH").unwrap());
        environment.insert("HOME".to_owned(), folder.path().display().to_string());
        let mut place = Place::new(root.canonicalize().unwrap(), folder.path().join("state"), &environment);
        place.isolation = Some(isolation);
        place.helper = Some(PathBuf::from(env!("CARGO_BIN_EXE_tenon")));
        let workspace = open(place).await.unwrap();
        Self { folder, workspace }
    }

    fn write(&self, path: &str, text: &str) {
        self.workspace.write(&RepoPath::parse(path).unwrap(), text.as_bytes(), None).unwrap();
    }

    /// As the engine does it: the draft as it is, and the same without it.
    async fn prove(&self) -> Proof {
        let subject: Arc<dyn Workspace> = self.workspace.fork(Vec::new()).await.unwrap().into();
        let changes = self.workspace.changes().unwrap();
        let paths: Vec<String> = changes.iter().map(|change| change.path.to_string()).collect();
        let before = changes.into_iter().map(|change| (change.path, change.base)).collect();
        let base: Arc<dyn Workspace> = self.workspace.fork(before).await.unwrap().into();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        prove_with(TestGateSettings::default(), subject, base, &paths, CancellationToken::new()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_proven_in_the_workspaces_that_sessions_use() {
    for isolation in isolations() {
        let session = Session::open(isolation, &[("app.py", ADD), ("tests/test_app.py", CASES)]).await;
        session.write("app.py", WRONG);
        let proof = session.prove().await;
        assert_eq!(
            proof.finding.status,
            GateStatus::Fail,
            "{isolation:?} {:?} {}",
            proof.finding.reason,
            proof.streamed
        );
        assert_eq!((proof.finding.tests, proof.finding.base_tests), (count(1, 1, 0), count(2, 0, 0)), "{isolation:?}");
        session.write("app.py", &format!("# better\n{ADD}"));
        let proof = session.prove().await;
        assert_eq!((proof.finding.status, proof.finding.reason), (GateStatus::Pass, None), "{isolation:?}");
        let kept = std::fs::read_to_string(session.folder.path().join("repository/app.py")).unwrap();
        assert_eq!(kept, ADD, "the user's tree is as it was");
    }
}

/// A package in `src` that is installed "editable" is found through a path in the user's own tree.
#[tokio::test(flavor = "multi_thread")]
async fn tests_run_on_the_draft_and_not_on_what_is_installed() {
    for isolation in isolations() {
        let files = [("setup.py", ""), ("src/app.py", ADD), ("tests/__init__.py", ""), ("tests/test_app.py", CASES)];
        let session = Session::open(isolation, &files).await;
        let source = session.folder.path().join("repository/src").canonicalize().unwrap();
        let python = session.folder.path().join("repository/.venv/bin/python");
        std::fs::create_dir_all(python.parent().unwrap()).unwrap();
        // What an editable install comes to: one more entry at the end of the search path.
        let start = format!("import sys; sys.path.append({:?}); sys.argv = sys.argv[1:]", source.display().to_string());
        let text = format!("exec python3 -c '{start}; import unittest; unittest.main(module=None)' \"$@\"");
        super::write_script(&python, &text.replace("sys.argv[1:]", "[\"x\"] + sys.argv[3:]"));
        session.write("src/app.py", WRONG);
        let proof = session.prove().await;
        let reason = proof.finding.reason.unwrap_or_default();
        assert!(
            reason.starts_with("1 new failure: tests.test_app.Sum.test_adds"),
            "{isolation:?} {reason}\n{}",
            proof.streamed
        );
    }
}
