//! The tools on a real workspace with real processes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tenon::domain::Isolation;
use tenon::tool::{ToolContext, ToolOutput, Tools};
use tenon::workspace::{Place, Workspace, open};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

struct Real {
    folder: TempDir,
    context: ToolContext,
    output: mpsc::Receiver<Vec<u8>>,
}

fn git(repository: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(repository)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}

async fn real(files: &[(&str, &str)]) -> Real {
    let folder = TempDir::new().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let repository = root.join("repo");
    std::fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "-q"]);
    for (path, text) in files {
        let path = repository.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    git(&repository, &["add", "-A"]);
    git(&repository, &["commit", "-qm", "base", "--allow-empty"]);
    let environment = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]);
    let mut place = Place::new(repository, root.join("state"), &environment);
    place.isolation = Some(Isolation::Copy);
    let workspace: Arc<dyn Workspace> = Arc::from(open(place).await.unwrap());
    let (sender, output) = mpsc::channel(1_000);
    let context = ToolContext { workspace, output: sender, cancel: CancellationToken::new(), permitted: false };
    Real { folder, context, output }
}

impl Real {
    async fn call(&self, name: &str, input: Value) -> ToolOutput {
        Tools::new().find(name).unwrap().call(&self.context, input).await
    }

    fn draft(&self) -> Vec<String> {
        self.context.workspace.changes().unwrap().into_iter().map(|change| change.path.to_string()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tools_and_commands_change_is_the_draft_and_not_the_tree() {
    let real = real(&[("src/a.py", "x = 1\n"), ("b.txt", "b\n")]).await;
    for (name, input) in [
        ("edit", json!({"path": "src/a.py", "edits": [{"old": "x = 1", "new": "x = 2"}]})),
        ("write", json!({"path": "new/c.txt", "content": "c\n"})),
        ("run", json!({"command": "cat src/a.py new/c.txt > d.txt && rm b.txt"})),
    ] {
        let output = real.call(name, input).await;
        assert!(output.ok, "{}", output.text);
    }
    assert_eq!(real.draft(), ["b.txt", "d.txt", "new/c.txt", "src/a.py"]);
    let text = real.call("read", json!({"path": "d.txt"})).await.text;
    assert_eq!(text, "    1\tx = 2\n    2\tc\n");
    let tree = real.folder.path().join("repo");
    assert_eq!(std::fs::read_to_string(tree.join("src/a.py")).unwrap(), "x = 1\n");
    assert!(tree.join("b.txt").exists() && !tree.join("d.txt").exists());
    let root = real.context.workspace.root().to_str().unwrap().to_owned();
    let output = real.call("read", json!({"path": format!("{root}/src/a.py")})).await;
    assert!(output.ok, "{}", output.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_with_its_code_its_signal_or_its_time() {
    let mut real = real(&[]).await;
    for (command, part) in [
        ("echo out; echo err >&2; exit 3", "[exit code 3 after"),
        ("kill -SEGV $$", "killed by signal 11 (SIGSEGV)"),
        ("echo begun; sleep 100", "killed: not done after 1 s"),
        ("no-such-program-at-all", "[exit code 127"),
    ] {
        let output = real.call("run", json!({"command": command, "timeout_s": 1})).await;
        assert!(!output.ok && output.text.contains(part), "{command}: {}", output.text);
    }
    let output = real.call("run", json!({"command": "true"})).await;
    assert!(output.ok && output.text.starts_with("[no output]\n[exit code 0"), "{}", output.text);
    let mut streamed = Vec::new();
    while let Ok(piece) = real.output.try_recv() {
        streamed.extend(piece);
    }
    let streamed = String::from_utf8(streamed).unwrap();
    assert!(streamed.contains("out\n") && streamed.contains("err\n") && streamed.contains("begun\n"), "{streamed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_the_command() {
    let mut real = real(&[]).await;
    let cancel = real.context.cancel.clone();
    let context = real.context.clone();
    let running = tokio::spawn(async move {
        Tools::new().find("run").unwrap().call(&context, json!({"command": "echo begun; sleep 100"})).await
    });
    assert_eq!(real.output.recv().await.unwrap(), b"begun\n");
    cancel.cancel();
    let output = running.await.unwrap();
    assert!(!output.ok && output.text.contains("begun\n[interrupted by the user"), "{}", output.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_output_is_bounded() {
    let real = real(&[]).await;
    let mut output = real.output;
    let drain = tokio::spawn(async move { while output.recv().await.is_some() {} });
    let context = real.context;
    let result = Tools::new().find("run").unwrap().call(&context, json!({"command": "yes | head -c 30000000"})).await;
    assert!(result.ok && result.text.len() < 32_000 && result.text.contains("lines cut"), "{}", result.text.len());
    drop(context);
    drain.await.unwrap();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn links_that_leave_the_repository_are_refused() {
    let real = real(&[("a", "a\n")]).await;
    let output = real.call("run", json!({"command": "ln -s /etc out && ln -s ../../.. up"})).await;
    assert!(output.ok, "{}", output.text);
    for (name, input) in [
        ("read", json!({"path": "out/passwd"})),
        ("write", json!({"path": "out/tenon-test", "content": "x"})),
        ("edit", json!({"path": "up/x", "edits": [{"old": "", "new": "x"}]})),
        ("apply_patch", json!({"patch": "*** Begin Patch\n*** Add File: up/x\n+x\n*** End Patch"})),
        ("remove", json!({"path": "out/passwd"})),
    ] {
        let output = real.call(name, input).await;
        assert!(!output.ok && output.text.contains("symlink"), "{name}: {}", output.text);
    }
}
