//! Calls as a model makes them, on a workspace.

use std::sync::Arc;

use serde_json::{Value, json};
use tenon::domain::{FileMode, RepoPath};
use tenon::tool::{ToolContext, ToolOutput, Tools};
use tenon::workspace::{Exit, Workspace};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::MemoryWorkspace;

struct Bench {
    workspace: Arc<MemoryWorkspace>,
    context: ToolContext,
    output: mpsc::Receiver<Vec<u8>>,
}

fn bench_with(workspace: MemoryWorkspace) -> Bench {
    let workspace = Arc::new(workspace);
    let (sender, output) = mpsc::channel(1_000);
    let shared: Arc<dyn Workspace> = Arc::clone(&workspace) as _;
    let context = ToolContext { workspace: shared, output: sender, cancel: CancellationToken::new(), permitted: false };
    Bench { workspace, context, output }
}

fn bench(files: &[(&str, &str)]) -> Bench {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    bench_with(MemoryWorkspace::new(&files))
}

impl Bench {
    async fn call(&self, name: &str, input: Value) -> ToolOutput {
        Tools::new().find(name).unwrap().call(&self.context, input).await
    }

    async fn done(&self, name: &str, input: Value) -> String {
        let output = self.call(name, input).await;
        assert!(output.ok, "{name}: {}", output.text);
        output.text
    }

    async fn refused(&self, name: &str, input: Value) -> String {
        let before = self.workspace.files();
        let output = self.call(name, input).await;
        assert!(!output.ok, "{name}: {}", output.text);
        assert_eq!(self.workspace.files(), before, "a refused call changes nothing");
        output.text
    }
}

#[tokio::test]
async fn read_shows_numbered_lines_and_suggests_what_is_meant() {
    let bench = bench(&[("src/main.py", "import os\nprint(1)\n"), ("docs/notes.md", "x"), ("bin", "\0\0")]);
    assert_eq!(bench.done("read", json!({"path": "src/main.py"})).await, "    1\timport os\n    2\tprint(1)\n");
    assert_eq!(
        bench.done("read", json!({"path": "/repo/src/main.py", "from": "2"})).await,
        "    2\tprint(1)\n[lines 2-2 of 2]\n"
    );
    for (input, part) in [
        (json!({"path": "src/mian.py"}), "Did you mean `src/main.py`?"),
        (json!({"path": "notes.md"}), "Did you mean `docs/notes.md`?"),
        (json!({"path": "nothing/like/it"}), "Use `list` or `search`"),
        (json!({"path": "src"}), "Use `list` with the path `src`"),
        (json!({"path": "bin"}), "binary file of 2 bytes"),
        (json!({"path": "../secret"}), "leaves the repository"),
        (json!({"path": "/etc/passwd"}), "is absolute"),
        (json!({"path": ".git/config"}), "git's own folder"),
        (json!({"file_path": "src/main.py"}), "Did you mean `path`?"),
        (json!({}), "The field `path` is missing"),
    ] {
        let text = bench.refused("read", input.clone()).await;
        assert!(text.contains(part), "{input}: {text}");
    }
}

#[tokio::test]
async fn secrets_in_files_are_blanked_out_and_cannot_be_written_over() {
    let secret = format!("sk-ant-{}", "a1B2c3D4".repeat(4));
    let bench = bench(&[(".env", &format!("KEY={secret}\nPORT=1\n"))]);
    let text = bench.done("read", json!({"path": ".env"})).await;
    assert!(!text.contains(&secret) && text.contains("    2\tPORT=1"), "{text}");
    let found = bench.done("search", json!({"pattern": "KEY"})).await;
    assert!(!found.contains(&secret), "{found}");
    let blanked = text.lines().next().unwrap().trim_start().trim_start_matches("1\t").to_owned();
    bench.refused("write", json!({"path": ".env", "content": format!("{blanked}\nPORT=2\n")})).await;
    bench
        .refused("edit", json!({"path": ".env", "edits": [{"old": "PORT=1", "new": format!("{blanked}\nPORT=2")}]}))
        .await;
    let done = bench.done("edit", json!({"path": ".env", "edits": [{"old": "PORT=1", "new": "PORT=2"}]})).await;
    assert!(!done.contains(&secret), "{done}");
    assert_eq!(bench.workspace.text(".env"), Some(format!("KEY={secret}\nPORT=2\n")));
}

#[tokio::test]
async fn list_and_search_say_when_they_are_cut() {
    let many: Vec<(String, String)> = (0..600).map(|n| (format!("d/{n:03}.txt"), "hit\n".to_owned())).collect();
    let files: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let bench = bench(&files);
    let listed = bench.done("list", json!({})).await;
    assert!(listed.starts_with("d/\nd/000.txt\t4\n") && listed.contains("cut at 500"), "{}", &listed[..40]);
    let found = bench.done("search", json!({"pattern": "hit"})).await;
    assert!(found.starts_with("d/000.txt\n    1\thit\n") && found.contains("cut after 200 lines"), "{}", &found[..40]);
    assert_eq!(bench.done("search", json!({"pattern": "nowhere"})).await, "[no line matches]\n");
    assert!(bench.refused("search", json!({"pattern": "f("})).await.contains("literal parenthesis"));
    assert!(bench.refused("list", json!({"path": "d/000.txt"})).await.contains("Use `read`"));
}

#[tokio::test]
async fn edit_changes_what_it_shows() {
    let bench = bench(&[("a.py", "one\r\ntwo\r\nthree\r\n")]);
    let text = bench
        .done(
            "edit",
            json!({"path": "a.py", "edits": [{"old": "two", "new": "2"}, {"old": "2\nthree", "new": "2\n3"}]}),
        )
        .await;
    assert_eq!(text, "Edited `a.py`: +2 -2\n     1\tone\n-    2\ttwo\n-    3\tthree\n+    2\t2\n+    3\t3\n");
    assert_eq!(bench.workspace.text("a.py").unwrap(), "one\r\n2\r\n3\r\n");
    let text = bench.done("edit", json!({"path": "new/b.py", "edits": [{"old": "", "new": "x\n"}]})).await;
    assert!(text.starts_with("Created `new/b.py`: +1 -0"), "{text}");
    let text = bench
        .refused("edit", json!({"path": "a.py", "edits": [{"old": "2", "new": "two"}, {"old": "gone", "new": "x"}]}))
        .await;
    assert!(text.contains("`a.py` was not changed. Edit 2"), "{text}");
    assert!(
        bench
            .refused("edit", json!({"path": "b.py", "edits": [{"old": "x", "new": "y"}]}))
            .await
            .contains("`new/b.py`")
    );
}

#[tokio::test]
async fn a_symlink_is_told_and_not_written_through() {
    let bench = bench(&[("real", "x\n")]);
    bench.workspace.set("link", b"real", FileMode::Symlink);
    assert!(bench.done("read", json!({"path": "link"})).await.contains("symlink to `real`"));
    for (name, input) in [
        ("edit", json!({"path": "link", "edits": [{"old": "x", "new": "y"}]})),
        ("write", json!({"path": "link", "content": "y"})),
        ("apply_patch", json!({"patch": "*** Begin Patch\n*** Update File: link\n@@\n-real\n+other\n*** End Patch"})),
    ] {
        assert!(bench.refused(name, input).await.contains("symlink"), "{name}");
    }
}

#[tokio::test]
async fn write_and_remove_say_what_they_did() {
    let bench = bench(&[("run.sh", "a\nb\n")]);
    bench.workspace.set("run.sh", b"a\nb\n", FileMode::Executable);
    assert_eq!(
        bench.done("write", json!({"path": "run.sh", "content": "a\nc\nd\n"})).await,
        "Replaced `run.sh`: +2 -1."
    );
    let state = bench.workspace.read(&RepoPath::parse("run.sh").unwrap()).unwrap();
    assert_eq!(state.mode, FileMode::Executable);
    assert_eq!(bench.done("write", json!({"path": "d/x", "content": "1\n"})).await, "Created `d/x`: +1 -0.");
    assert!(bench.done("write", json!({"path": "d/x", "content": "1\n"})).await.contains("nothing changed"));
    assert!(bench.refused("write", json!({"path": "d", "content": ""})).await.contains("folder"));
    assert!(bench.refused("remove", json!({"path": "d"})).await.contains("Only files are removed"));
    assert_eq!(bench.done("remove", json!({"path": "d/x"})).await, "Removed `d/x`.");
    assert!(bench.refused("remove", json!({"path": "runsh"})).await.contains("Did you mean `run.sh`?"));
}

#[tokio::test]
async fn a_patch_moves_with_the_mode_and_tells_every_file() {
    let bench = bench(&[("old.sh", ""), ("b", "1\n"), ("c", "x\n")]);
    bench.workspace.set("old.sh", b"echo 1\n", FileMode::Executable);
    let patch = "*** Begin Patch\n*** Update File: old.sh\n*** Move to: bin/new.sh\n@@\n-echo 1\n+echo 2\n*** Delete File: b\n\
                 *** Add File: d\n+new\n*** Update File: /repo/c\n@@\n-x\n+y\n*** End Patch\n";
    let text = bench.done("apply_patch", json!({"patch": patch})).await;
    for part in [
        "Moved `old.sh` to `bin/new.sh`: +1 -1",
        "Removed `b`",
        "Created `d`: +1 -0",
        "Edited `c`: +1 -1\n-    1\tx\n+    1\ty\n",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let files: Vec<String> = bench.workspace.files().into_keys().collect();
    assert_eq!(files, ["bin/new.sh", "c", "d"]);
    let state = bench.workspace.read(&RepoPath::parse("bin/new.sh").unwrap()).unwrap();
    assert_eq!((state.mode, state.bytes), (FileMode::Executable, b"echo 2\n".to_vec()));
}

#[tokio::test]
async fn a_patch_that_cannot_be_written_to_its_end_is_taken_back() {
    let mut workspace = MemoryWorkspace::new(&[("a", b"1\n"), ("b", b"1\n"), ("z", b"1\n")]);
    workspace.full = Some(RepoPath::parse("z").unwrap());
    let bench = bench_with(workspace);
    let patch = "*** Begin Patch\n*** Update File: a\n@@\n-1\n+2\n*** Add File: n\n+x\n*** Delete File: b\n*** Update File: z\n@@\n-1\n+2\n*** End Patch";
    let text = bench.refused("apply_patch", json!({"patch": patch})).await;
    assert!(text.contains("writing `z`"), "{text}");
}

#[tokio::test]
async fn run_streams_its_output_and_tells_the_end() {
    let mut workspace = MemoryWorkspace::new(&[]);
    workspace.script = (
        vec![b"\x1b[32mok\x1b[0m\n".to_vec(), b"key sk-ant-api03-abcdefghijklmnopqrstuvwxyz\n".to_vec()],
        Exit::Code(1),
    );
    let mut bench = bench_with(workspace);
    let output = bench.call("run", json!({"command": "make", "timeout_s": 5})).await;
    assert!(!output.ok);
    assert!(
        output.text.starts_with("ok\nkey [redacted …") && output.text.contains("[exit code 1 after"),
        "{}",
        output.text
    );
    assert_eq!(bench.output.try_recv().unwrap(), b"\x1b[32mok\x1b[0m\n", "the log pane gets the bytes as they are");
    let jobs = bench.workspace.jobs.lock().unwrap();
    assert_eq!((jobs[0].command.as_str(), jobs[0].limit.as_secs(), jobs[0].network), ("make", 5, false));
}

#[tokio::test]
async fn run_does_not_wait_for_a_log_pane_that_is_gone() {
    let mut workspace = MemoryWorkspace::new(&[]);
    workspace.script = (vec![vec![b'x'; 1_000]; 3_000], Exit::Code(0));
    let mut bench = bench_with(workspace);
    bench.output.close();
    let output = bench.call("run", json!({"command": "yes"})).await;
    assert!(
        output.ok && output.text.len() < 32_000 && output.text.contains("bytes in 0 lines cut"),
        "{}",
        output.text.len()
    );
}

#[tokio::test]
async fn run_takes_the_network_only_with_a_permission() {
    let mut bench = bench(&[]);
    let input = json!({"command": "curl example.org", "network": true});
    assert!(Tools::new().find("run").unwrap().permission(&input).unwrap().contains("`curl example.org`"));
    assert!(!bench.call("run", input.clone()).await.ok);
    assert!(bench.workspace.jobs.lock().unwrap().is_empty());
    bench.context.permitted = true;
    assert!(bench.call("run", input).await.ok);
    assert!(bench.workspace.jobs.lock().unwrap()[0].network);
    assert!(!bench.call("run", json!({"command": "x", "timeout_s": 1801})).await.ok);
    assert!(!bench.call("run", json!({"command": " "})).await.ok);
}
