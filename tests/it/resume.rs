//! Killed with signal 9 at any event, the real program goes on: nothing lost, nothing done twice.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::bodies::{anthropic, anthropic_text};
use crate::support::home::{Ended, Home};
use crate::support::server::Recorded;
use crate::support::{Answer, ScriptedServer};

const APP: &str = "def sub(a, b):\n    return a + b\n";
const MENDED: &str = "def sub(a, b):\n    return a - b\n";
const TEST: &str = "import unittest\n\nimport app\n\n\nclass AppTest(unittest.TestCase):\n    def test_sub(self):\n        self.assertEqual(app.sub(3, 2), 1)\n";

/// A model without memory: what it does next follows from what the conversation says was done.
fn script(request: &Recorded) -> Answer {
    let said = request.json()["messages"].clone();
    let parts = said.as_array().into_iter().flatten().filter_map(|message| message["content"].as_array()).flatten();
    let results: Vec<&Value> = parts.filter(|part| part["type"] == "tool_result").collect();
    let done = |call: &str| {
        let whole = |part: &&&Value| !part["content"].to_string().contains("Interrupted");
        results.iter().filter(whole).any(|part| part["tool_use_id"].as_str().unwrap_or_default().starts_with(call))
    };
    let said = said.to_string();
    if !done("write") {
        let call = format!("write{}", said.len());
        return anthropic("I mend it.", &[(&call, "write", json!({"path": "app.py", "content": MENDED}))]);
    }
    if !done("propose") && !said.contains("committed the accepted part") {
        let call = format!("propose{}", said.len());
        return anthropic("", &[(&call, "propose", json!({"title": "Fix sub", "message": "fix: subtract in sub"}))]);
    }
    anthropic_text("Done.")
}

fn project(server: &ScriptedServer) -> Home {
    let mut home = Home::with(&[("app.py", APP), ("test_app.py", TEST), (".gitignore", "__pycache__/\n")]);
    home.anthropic(&server.url());
    home
}

/// Runs a task and kills the program when it has printed a record of this type; the session's name.
fn killed_after(home: &Home, kind: &str) -> String {
    let mut child = home
        .program(&["run", "--json", "--accept", "all", "fix sub"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut session = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if record["type"] == "session_opened" {
            record["session"].as_str().unwrap().clone_into(&mut session);
        }
        if record["type"] == kind {
            child.kill().unwrap();
            break;
        }
    }
    child.wait().unwrap();
    assert!(!session.is_empty(), "it never got to {kind}");
    session
}

fn seqs(ended: &Ended) -> Vec<u64> {
    ended.records().iter().map(|record| record["seq"].as_u64().unwrap()).collect()
}

#[test]
fn run_goes_on_after_kill_9_at_any_kind_of_event() {
    let kinds = [
        "session_opened",
        "user_said",
        "turn_started",
        "assistant_said",
        "tool_called",
        "tool_returned",
        "proposed",
        "gate_reported",
        "turn_ended",
        "decided",
        "applied",
        "committed",
    ];
    for kind in kinds {
        let server = ScriptedServer::start_with(script);
        let home = project(&server);
        let session = killed_after(&home, kind);
        let ended = home.tenon(&["run", "--json", "--accept", "all", "--session", &session, "go on"]);
        assert_eq!(ended.code, 0, "killed after {kind}: {}\n{}", ended.out, ended.err);
        let first = seqs(&ended)[0];
        assert!(seqs(&ended).into_iter().eq(first..first + ended.records().len() as u64), "{kind}: {}", ended.out);
        assert_eq!(home.git(&["log", "--format=%s"]), "fix: subtract in sub\nfirst\n", "killed after {kind}");
        assert_eq!(home.read("app.py"), MENDED, "killed after {kind}");
        assert_eq!(home.git(&["status", "--porcelain"]), "", "killed after {kind}");
        let told = home.tenon(&["replay", "--json", &session]).with_code(0);
        assert_eq!(told.of_type("committed").len(), 1, "killed after {kind}: the commit is in the journal, once");
        home.tenon(&["undo", "--session", &session]).with_code(0);
        assert_eq!(home.read("app.py"), APP, "killed after {kind}");
    }
}

#[test]
fn the_end_of_the_turn_that_was_cut_off_is_not_the_end_of_the_next_one() {
    let server = ScriptedServer::start_with(script);
    let home = project(&server);
    let session = killed_after(&home, "tool_called");
    let ended = home.tenon(&["run", "--json", "--session", &session, "go on"]).with_code(4);
    let reasons: Vec<Value> = ended.of_type("turn_ended").into_iter().map(|record| record["reason"].clone()).collect();
    assert_eq!(reasons, ["interrupted", "done"]);
    assert_eq!(ended.of_type("proposed")[0]["proposal"]["title"], "Fix sub");
    let listed = home.tenon(&["sessions", "--json"]).with_code(0).json();
    assert_eq!((listed[0]["id"].as_str(), listed[0]["title"].as_str()), (Some(session.as_str()), Some("Fix sub")));
    // The beginning of the name is enough, and a wrong name says where to look.
    home.tenon(&["review", "--from", &session, "--list"]).with_code(0);
    let wrong = home.tenon(&["run", "--session", "nonesuch", "go on"]).with_code(2);
    assert!(wrong.err.contains("tenon sessions"), "{}", wrong.err);
}

#[test]
fn a_session_that_another_program_has_open_is_named_with_its_process() {
    let server = ScriptedServer::start_with(|_| {
        anthropic_text("I think about it").delivered(crate::support::server::Delivery::HangAfter(200))
    });
    let home = project(&server);
    let mut child = home.program(&["run", "--json", "think"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let opened: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let session = opened["session"].as_str().unwrap();
    let ended = home.tenon(&["run", "--session", session, "go on"]).with_code(2);
    assert!(ended.err.contains(&format!("pid {}", child.id())), "{}", ended.err);
    child.kill().unwrap();
    child.wait().unwrap();
}
