//! The program without a screen, from a task to a commit, and every bad start.

use serde_json::{Value, json};

use crate::support::bodies::{anthropic, anthropic_text, chat, chat_text};
use crate::support::home::{Ended, Home};
use crate::support::{Answer, ScriptedServer};

const APP: &str = "def add(a, b):\n    return a + b\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return 2\n\n\ndef three():\n    return 3\n\n\ndef sub(a, b):\n    return a + b\n";
const TEST: &str = "import unittest\n\nimport app\n\n\nclass AppTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(app.add(1, 2), 3)\n";

fn project() -> Home {
    Home::with(&[("app.py", APP), ("test_app.py", TEST), (".gitignore", "__pycache__/\n")])
}

/// Two changes far enough apart to be two hunks.
fn edits() -> Value {
    json!({"path": "app.py", "edits": [
        {"old": "def add(a, b):\n    return a + b\n", "new": "def add(a, b):\n    \"\"\"The sum.\"\"\"\n    return a + b\n"},
        {"old": "def sub(a, b):\n    return a + b\n", "new": "def sub(a, b):\n    return a - b\n"},
    ]})
}

fn answers() -> Vec<Answer> {
    vec![
        anthropic("I fix the subtraction.", &[("c1", "edit", edits())]),
        anthropic(
            "",
            &[("c2", "propose", json!({"title": "Fix sub", "message": "fix: subtract in sub\n\nIt added."}))],
        ),
        anthropic_text("Done: `sub` subtracts now."),
    ]
}

fn session_of(ended: &Ended) -> String {
    ended.of_type("session_opened")[0]["session"].as_str().unwrap().to_owned()
}

#[test]
fn a_task_leaves_a_proposal_with_evidence_and_an_untouched_tree() {
    let server = ScriptedServer::start(answers());
    let mut home = project();
    home.anthropic(&server.url());
    let ended = home.tenon(&["run", "--json", "fix sub"]).with_code(4);
    assert_eq!(home.git(&["status", "--porcelain"]), "");
    assert_eq!(home.read("app.py"), APP);
    let records = ended.records();
    assert_eq!(records[0]["type"], "session_opened");
    for (position, record) in records.iter().enumerate() {
        assert_eq!(record["v"], 1);
        assert_eq!(record["seq"], position + 1, "{record}");
    }
    let proposed = &ended.of_type("proposed")[0]["proposal"];
    assert_eq!(proposed["title"], "Fix sub");
    assert_eq!(proposed["changes"][0]["path"], "app.py");
    assert_eq!(proposed["changes"][0]["hunks"].as_array().unwrap().len(), 2);
    let gates = ended.of_type("gate_reported");
    let tests = gates.iter().find(|gate| gate["gate"] == "tests").expect("the tests gate reports");
    assert_eq!(tests["status"], "pass", "{gates:?}");
    let end = ended.of_type("turn_ended");
    assert_eq!(end[0]["reason"], "done");
    assert!(end[0]["usage"]["output_tokens"].as_u64().unwrap() > 0);
}

#[test]
fn the_accepted_hunk_alone_becomes_the_commit_and_undo_takes_it_back() {
    let server = ScriptedServer::start(answers());
    let mut home = project();
    home.anthropic(&server.url());
    home.write("notes.txt", "mine\n");
    home.git(&["add", "notes.txt"]);
    home.write("test_app.py", &format!("{TEST}\n# not staged\n"));
    let session = session_of(&home.tenon(&["run", "--json", "fix sub"]).with_code(4));
    let listed = home.tenon(&["review", "--from", &session, "--list", "--json"]).with_code(0).json();
    let hunk = listed[0]["hunks"][1]["id"].as_str().unwrap().to_owned();
    assert!(listed[0]["hunks"][1]["new"][0].as_u64().unwrap() > 10);
    home.tenon(&["review", "--from", &session, "--accept", &hunk, "--commit", "-m", "fix: sub subtracts"]).with_code(0);
    let only = APP.replace("def sub(a, b):\n    return a + b", "def sub(a, b):\n    return a - b");
    assert_eq!(home.read("app.py"), only);
    assert_eq!(home.git(&["show", "HEAD:app.py"]), only);
    assert_eq!(home.git(&["log", "-1", "--format=%s"]).trim(), "fix: sub subtracts");
    assert_eq!(home.git(&["show", "--format=", "--name-only", "HEAD"]).trim(), "app.py");
    assert_eq!(home.git(&["status", "--porcelain"]), "A  notes.txt\n M test_app.py\n");
    home.tenon(&["undo"]).with_code(0);
    assert_eq!(home.read("app.py"), APP);
    assert_eq!(home.git(&["log", "--format=%s"]).trim(), "first");
    assert_eq!(home.git(&["status", "--porcelain"]), "A  notes.txt\n M test_app.py\n");
    home.tenon(&["redo"]).with_code(0);
    assert_eq!(home.read("app.py"), only);
    assert_eq!(home.git(&["log", "-1", "--format=%s"]).trim(), "fix: sub subtracts");
}

#[test]
fn green_commits_a_green_proposal_and_leaves_a_red_one() {
    let server = ScriptedServer::start(answers());
    let mut home = project();
    home.anthropic(&server.url());
    home.tenon(&["run", "--accept", "green", "fix sub"]).with_code(0);
    assert_eq!(home.git(&["log", "-1", "--format=%s"]).trim(), "fix: subtract in sub");
    assert_eq!(home.git(&["status", "--porcelain"]), "");

    let breaking = json!({"path": "app.py", "edits": [{"old": "def add(a, b):\n    return a + b\n", "new": "def add(a, b):\n    return a * b\n"}]});
    let server = ScriptedServer::start_with(move |request| {
        if request.json()["messages"].as_array().unwrap().len() == 1 {
            anthropic("", &[("c1", "edit", breaking.clone())])
        } else {
            anthropic_text("Done.")
        }
    });
    let mut home = project();
    home.anthropic(&server.url());
    home.tenon(&["run", "--accept", "green", "break add"]).with_code(3);
    assert_eq!(home.read("app.py"), APP);
    assert_eq!(home.git(&["log", "--format=%s"]).trim(), "first");
}

#[test]
fn the_chat_wire_does_the_same() {
    let server = ScriptedServer::start([chat("Fixing.", &[("c1", "edit", edits())]), chat_text("Done.")]);
    let mut home = project();
    home.set("OPENAI_BASE_URL", &format!("{}/v1", server.url())).set("OPENAI_API_KEY", "sk-test-0123456789abcdef");
    home.tenon(&["run", "--model", "openai/gpt-4.1", "--accept", "all", "fix sub"]).with_code(0);
    assert!(home.read("app.py").contains("return a - b"));
}

#[test]
fn a_refused_key_ends_the_task_in_the_providers_own_words() {
    let body = json!({"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}});
    let server = ScriptedServer::start([Answer::json(401, &body)]);
    let mut home = project();
    home.anthropic(&server.url());
    let ended = home.tenon(&["run", "fix sub"]).with_code(1);
    assert!(ended.err.contains("invalid x-api-key"), "{}", ended.err);
    assert!(!ended.err.contains("0123456789abcdef"), "{}", ended.err);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_web_page_in_place_of_an_answer_is_told() {
    let server =
        ScriptedServer::start([Answer::typed(200, "text/html", "<html><title>Welcome to the proxy</title></html>")]);
    let mut home = project();
    home.anthropic(&server.url());
    let ended = home.tenon(&["run", "fix sub"]).with_code(1);
    assert!(ended.err.contains("Welcome to the proxy") && ended.err.contains("base_url"), "{}", ended.err);
}

#[test]
fn no_model_says_what_to_set() {
    let home = project();
    let ended = home.tenon(&["run", "fix sub"]);
    assert!(ended.code == 1 || ended.code == 2, "{ended:?}");
    assert!(ended.err.contains("ANTHROPIC_API_KEY"), "{}", ended.err);
}

#[test]
fn places_where_nothing_can_begin_say_what_to_do() {
    let home = Home::empty();
    let ended = home.tenon(&["run", "x"]).with_code(2);
    assert!(ended.err.contains("git init"), "{}", ended.err);

    let home = Home::empty();
    home.git(&["init", "-q", "--bare"]);
    assert!(home.tenon(&["run", "x"]).with_code(2).err.contains("bare"));

    let mut home = project();
    home.unset("HOME");
    let ended = home.tenon(&["sessions"]).with_code(2);
    assert!(ended.err.contains("HOME"), "{}", ended.err);

    let home = project();
    let settings = home.home().join(".config/tenon/config.toml");
    std::fs::create_dir_all(settings.parent().unwrap()).unwrap();
    std::fs::write(&settings, "theme = \"dark\"\nmodle = \"x/y\"\n").unwrap();
    let ended = home.tenon(&["sessions"]).with_code(2);
    assert!(ended.err.contains("config.toml:2") && ended.err.contains("model"), "{}", ended.err);

    let home = project();
    assert!(home.tenon(&[]).with_code(2).err.contains("tenon run"));
    assert!(home.tenon(&["run"]).with_code(2).err.contains("task"));
    home.tenon(&["run", "--no-such-flag"]).with_code(2);
    assert!(home.tenon(&["--cd", "nowhere", "sessions"]).with_code(2).err.contains("nowhere"));
    assert!(home.tenon(&["replay", "no-such-session"]).with_code(2).err.contains("no-such-session"));
}

#[test]
fn a_repository_without_a_commit_gets_its_first_one() {
    let server = ScriptedServer::start([
        anthropic("", &[("c1", "write", json!({"path": "main.py", "content": "print('hello')\n"}))]),
        anthropic_text("Done."),
    ]);
    let mut home = Home::empty();
    home.git(&["init", "-q", "-b", "main"]);
    home.anthropic(&server.url());
    home.tenon(&["run", "--accept", "all", "begin"]).with_code(0);
    assert_eq!(home.git(&["show", "HEAD:main.py"]), "print('hello')\n");
    assert_eq!(home.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_detached_head_takes_the_commit_and_a_merge_in_progress_refuses_it() {
    let server = ScriptedServer::start(answers());
    let mut home = project();
    home.git(&["checkout", "-q", "--detach"]);
    home.anthropic(&server.url());
    home.tenon(&["run", "--accept", "all", "fix sub"]).with_code(0);
    assert_eq!(home.git(&["log", "-1", "--format=%s"]).trim(), "fix: subtract in sub");

    let server = ScriptedServer::start(answers());
    let mut home = project();
    home.git(&["checkout", "-q", "-b", "other"]);
    home.write("notes.txt", "theirs\n");
    home.git(&["add", "-A"]);
    home.git(&["commit", "-q", "-m", "theirs"]);
    home.git(&["checkout", "-q", "main"]);
    home.write("notes.txt", "ours\n");
    home.git(&["add", "-A"]);
    home.git(&["commit", "-q", "-m", "ours"]);
    let merge = home.program(&[]).get_envs().count();
    assert!(merge > 0);
    let _ = std::process::Command::new("git")
        .args(["merge", "-q", "other"])
        .current_dir(&home.repository)
        .output()
        .unwrap();
    home.anthropic(&server.url());
    let ended = home.tenon(&["run", "--accept", "all", "fix sub"]).with_code(1);
    assert!(ended.err.contains("merge"), "{}", ended.err);
    assert_eq!(home.read("app.py"), APP);
}

#[test]
fn a_call_that_was_cut_off_is_never_executed() {
    let cut = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"write\",\"input\":{}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"path\\\": \\\"app.py\\\", \\\"content\\\": \\\"rm\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"},\"usage\":{\"output_tokens\":30}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let server = ScriptedServer::start([Answer::events(cut), anthropic_text("I stop here.")]);
    let mut home = project();
    home.anthropic(&server.url());
    let ended = home.tenon(&["run", "--json", "write"]).with_code(0);
    assert!(ended.of_type("proposed").is_empty());
    assert_eq!(ended.of_type("tool_returned")[0]["ok"], false);
}

#[test]
fn tools_work_by_hand() {
    let home = project();
    let read = home.tenon(&["exec", "read", r#"{"path": "app.py", "from": 5, "to": 6}"#, "--json"]).with_code(0).json();
    assert!(read["output"].as_str().unwrap().contains("def one"));
    home.tenon(&["exec", "edit", r#"{"path": "app.py", "edits": [{"old": "return 1\n", "new": "return 11\n"}]}"#])
        .with_code(0);
    assert!(home.read("app.py").contains("return 11"));
    home.tenon(&["exec", "edit", r#"{"path": "app.py", "edits": [{"old": "no such line", "new": ""}]}"#]).with_code(1);
    home.tenon(&["exec", "write", r#"{"path": "../escaped", "content": ""}"#]).with_code(1);
    home.tenon(&["exec", "run", r#"{"command": "echo made > made.txt"}"#]).with_code(0);
    assert!(!home.repository.join("made.txt").exists(), "a command's files stay in the workspace");
    let odd = r#"{"command": "chmod +x app.py; mkfifo pipe; printf '\\0' > zero"}"#;
    let odd = home.tenon(&["exec", "run", odd]).with_code(0);
    for said in ["app.py mode 100644 → 100755 (in", "zero binary (in", "left out of the draft: pipe: a fifo"] {
        assert!(odd.err.contains(said), "{}", odd.err);
    }
    assert!(home.tenon(&["exec", "nothing"]).with_code(2).err.contains("apply_patch"));
    assert!(home.tenon(&["exec", "read", "{"]).with_code(2).err.contains("JSON"));
}

#[test]
fn the_working_tree_is_reviewed_hunk_by_hunk() {
    let home = project();
    home.write(
        "app.py",
        &APP.replace("return 1\n", "return 10\n")
            .replace("return a + b\n\n\ndef one", "return b + a\n\n\ndef one")
            .replace("def sub(a, b):\n    return a + b", "def sub(a, b):\n    return a - b"),
    );
    home.write("new.py", "x = 1\n");
    let listed = home.tenon(&["review", "--list", "--json"]).with_code(0).json();
    let files: Vec<&str> = listed.as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(files, ["app.py", "new.py"]);
    let last = listed[0]["hunks"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    home.tenon(&["review", "--accept", &format!("{last},new.py"), "--commit", "-m", "part"]).with_code(0);
    assert_eq!(home.git(&["show", "HEAD:new.py"]), "x = 1\n");
    let committed = home.git(&["show", "HEAD:app.py"]);
    assert!(committed.contains("return a - b") && committed.contains("return 1\n"), "{committed}");
    assert!(home.read("app.py").contains("return 10\n"), "the tree keeps what was not accepted");
    assert_eq!(home.git(&["status", "--porcelain"]), " M app.py\n");
}

#[test]
fn lines_are_accepted_rejected_hunks_taken_out_and_the_review_is_kept_and_written_down() {
    let home = project();
    let changed = APP
        .replace("return 1\n", "return 10\n")
        .replace("def sub(a, b):\n    return a + b", "def sub(x, y):\n    return x - y");
    home.write("app.py", &changed);
    let listed = home.tenon(&["review", "--list", "--lines", "--json"]).with_code(0).json();
    let hunks = listed[0]["hunks"].as_array().unwrap();
    let (first, last) = (hunks[0]["id"].as_str().unwrap(), hunks.last().unwrap()["id"].as_str().unwrap());
    let count = hunks.last().unwrap()["changed"].as_u64().unwrap();
    home.tenon(&["review", "--accept", &format!("{last}:{count}")]).with_code(0);
    let staged = home.git(&["show", ":app.py"]);
    assert_ne!(staged, home.git(&["show", "HEAD:app.py"]));
    assert_ne!(staged, changed, "only one line of the hunk is staged");
    home.tenon(&["review", "--accept", &format!("{last}:99")]).with_code(2);
    home.git(&["reset", "-q"]);
    home.tenon(&["review", "--reject", last, "--comment", &format!("{last}:1=why x?")]).with_code(0);
    let again = home.tenon(&["review", "--list", "--json"]).with_code(0).json();
    let verdicts = again[0]["hunks"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((verdicts["verdict"].as_str(), verdicts["comments"][0].as_str()), (Some("reject"), Some("why x?")));
    home.tenon(&["review", "--markdown", "review.md"]).with_code(0);
    let written = home.read("review.md");
    assert!(written.contains("rejected") && written.contains("why x?"), "{written}");
    std::fs::remove_file(home.repository.join("review.md")).unwrap();
    if first != last {
        home.tenon(&["review", "--revert"]).with_code(0);
        assert!(home.read("app.py").contains("def sub(a, b)") && home.read("app.py").contains("return 10"));
        home.tenon(&["undo"]).with_code(0);
        assert_eq!(home.read("app.py"), changed);
    }
}

#[test]
fn a_mailbox_is_reviewed_and_committed_with_its_message_and_a_branch_against_where_it_parted() {
    let home = project();
    home.git(&["checkout", "-q", "-b", "topic"]);
    for (name, text) in [("one.py", "x = 1\n"), ("one.py", "x = 1\ny = 2\n")] {
        home.write(name, text);
        home.git(&["add", "."]);
        home.git(&["commit", "-q", "-m", &format!("Add {}", text.len())]);
    }
    let series = home.git(&["format-patch", "-2", "--stdout"]);
    std::fs::write(home.repository.join("../series.mbox"), series).unwrap();
    home.git(&["checkout", "-q", "-"]);
    let branch = home.tenon(&["review", "--from", "topic", "--list", "--json"]).with_code(0).json();
    assert_eq!((branch[0]["path"].as_str(), branch[0]["added"].as_u64()), (Some("one.py"), Some(2)));
    home.tenon(&["review", "--from", "../series.mbox", "--accept", "all", "--commit"]).with_code(0);
    assert_eq!(home.read("one.py"), "x = 1\ny = 2\n");
    assert!(home.git(&["log", "-1", "--format=%B"]).starts_with("Add 6\n\n- Add 6\n- Add 12"));
    home.tenon(&["undo"]).with_code(0);
    assert!(!home.repository.join("one.py").exists());
}

#[test]
fn the_demo_does_the_main_job_without_a_terminal_or_an_account() {
    let home = Home::empty();
    let ended = home.tenon(&["demo", "--accept", "green", "project"]).with_code(0);
    assert!(ended.err.contains("recorded"), "{}", ended.err);
    let project = home.repository.join("project");
    let log = std::process::Command::new("git").args(["log", "--format=%s"]).current_dir(&project).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&log.stdout).lines().next(), Some("feat(orders): cancel an order"));
}

#[test]
fn the_demo_finds_a_place_of_its_own_in_the_cache() {
    let home = Home::empty();
    home.tenon(&["demo", "--accept", "green"]).with_code(0);
    let project = home.home().join(".cache/tenon/demo/orders-1");
    let log = std::process::Command::new("git").args(["log", "--format=%s"]).current_dir(&project).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&log.stdout).lines().next(), Some("feat(orders): cancel an order"));
}

#[test]
fn lists_and_reports_are_plain_json() {
    let home = project();
    let agents = home.tenon(&["agents", "list", "--json"]).with_code(0).json();
    let names: Vec<&str> = agents.as_array().unwrap().iter().map(|agent| agent["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"senior-backend-dev"), "{names:?}");
    assert_eq!(home.tenon(&["sessions", "--json"]).with_code(0).json(), json!([]));
    assert!(home.tenon(&["config", "schema", "--json"]).with_code(0).json()["properties"]["model"].is_object());
    assert!(home.tenon(&["stack", "--json"]).with_code(0).json().is_object());
    home.tenon(&["completions", "bash"]).with_code(0);
    assert!(home.tenon(&["man"]).with_code(0).out.contains("tenon"));
    let checks = home.tenon(&["doctor", "--json"]).json();
    assert!(checks.as_array().unwrap().iter().any(|check| check["name"] == "isolation"));
    // Without weights it is no fault, and the way to them is said.
    let embedded = checks.as_array().unwrap().iter().find(|check| check["name"] == "embedded").unwrap();
    assert_eq!(embedded["ok"], true, "{embedded}");
    let said = format!("{} {}", embedded["detail"], embedded["hint"]);
    assert!(said.contains("models pull") || said.contains("built without"), "{said}");
}
