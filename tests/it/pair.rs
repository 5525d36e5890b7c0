//! The main job in a real terminal: from typing to `git log` and back.

use serde_json::json;

use crate::support::ScriptedServer;
use crate::support::bodies::{anthropic, anthropic_text};
use crate::support::home::Home;
use crate::terminal::pty::Terminal;

const APP: &str = "def add(a, b):\n    return a + b\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return 2\n\n\ndef three():\n    return 3\n\n\ndef sub(a, b):\n    return a + b\n";
const TEST: &str = "import unittest\n\nimport app\n\n\nclass AppTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(app.add(1, 2), 3)\n";

fn project(server: &ScriptedServer) -> Home {
    let mut home = Home::with(&[("app.py", APP), ("test_app.py", TEST), (".gitignore", "__pycache__/\n")]);
    home.anthropic(&server.url());
    home
}

fn answers() -> Vec<crate::support::Answer> {
    let edits = json!({"path": "app.py", "edits": [
        {"old": "def add(a, b):\n    return a + b\n", "new": "def add(a, b):\n    \"\"\"The sum.\"\"\"\n    return a + b\n"},
        {"old": "def sub(a, b):\n    return a + b\n", "new": "def sub(a, b):\n    return a - b\n"},
    ]});
    vec![
        anthropic("I fix the subtraction.", &[("c1", "edit", edits)]),
        anthropic("", &[("c2", "propose", json!({"title": "Fix sub", "message": "fix: subtract in sub"}))]),
        anthropic_text("Done: **sub** subtracts now."),
    ]
}

#[test]
fn from_typing_to_a_commit_of_one_hunk_and_back() {
    let server = ScriptedServer::start(answers());
    let home = project(&server);
    let mut terminal = Terminal::start(&home.repository, &[], &home.environment(), (40, 120));
    terminal.wait_for("senior-backend-dev");
    terminal.send("fix sub\r");
    terminal.wait_for("Fix sub");
    terminal.wait("the gates", |screen| screen.contains("✓ tests"));
    terminal.wait_for("sub subtracts now");
    assert_eq!(home.read("app.py"), APP, "nothing touches the tree before a verdict");
    // Chat → diff; reject the first hunk, accept the second.
    terminal.send("\t");
    terminal.send("r");
    terminal.wait_for("rejected");
    terminal.send("J");
    terminal.send("a");
    terminal.wait_for("accepted");
    terminal.send("\r");
    terminal.wait_for("fix: subtract in sub");
    terminal.send("\r");
    terminal.wait("the commit", |screen| screen.to_lowercase().contains("committed"));
    let only = APP.replace("def sub(a, b):\n    return a + b", "def sub(a, b):\n    return a - b");
    assert_eq!(home.read("app.py"), only);
    assert_eq!(home.git(&["log", "--format=%s"]), "fix: subtract in sub\nfirst\n");
    terminal.send("u");
    terminal.wait_for("taken back");
    assert_eq!(home.read("app.py"), APP);
    assert_eq!(home.git(&["log", "--format=%s"]), "first\n");
    terminal.send("\u{3}");
    terminal.send("\u{3}");
    let (code, raw) = terminal.end();
    assert_eq!(code, 0);
    assert!(raw.contains("tenon --session"), "the farewell names the session");
}

#[test]
fn a_session_goes_on_after_kill_9() {
    let server = ScriptedServer::start(answers());
    let home = project(&server);
    let mut terminal = Terminal::start(&home.repository, &[], &home.environment(), (40, 120));
    terminal.wait_for("senior-backend-dev");
    terminal.send("fix sub\r");
    terminal.wait_for("sub subtracts now");
    terminal.wait("the gates", |screen| screen.contains("✓ tests"));
    terminal.signal(nix::sys::signal::Signal::SIGKILL);
    terminal.end();
    let terminal = Terminal::start(&home.repository, &["--continue"], &home.environment(), (40, 120));
    terminal.wait("everything again", |screen| screen.contains("sub subtracts now") && screen.contains("app.py"));
}

#[test]
fn a_commit_from_a_review_of_ones_own_tree_is_taken_back_and_the_tree_keeps_the_work() {
    let mine = APP.replace("def sub(a, b):\n    return a + b", "def sub(a, b):\n    return a - b");
    let home = Home::with(&[("app.py", APP)]);
    home.write("app.py", &mine);
    let mut terminal = Terminal::start(&home.repository, &["review"], &home.environment(), (40, 120));
    terminal.wait_for("return a - b");
    terminal.send("a");
    terminal.wait_for("accepted");
    terminal.send("\r");
    terminal.wait("the commit dialog", |screen| screen.contains("Commit"));
    terminal.send(", sub subtracts\r");
    terminal.wait("the commit", |screen| screen.to_lowercase().contains("committed"));
    assert!(home.git(&["log", "-1", "--format=%s"]).contains("sub subtracts"));
    terminal.send("u");
    terminal.wait_for("taken back");
    assert_eq!(home.git(&["log", "--format=%s"]), "first\n");
    assert_eq!(home.read("app.py"), mine, "the user's own work stays");
    assert_eq!(home.git(&["status", "--porcelain"]), " M app.py\n");
}

#[test]
fn a_task_handed_to_another_agent_is_reviewed_on_its_own_screen() {
    let server = ScriptedServer::start_with(|request| {
        let said = request.json()["messages"].to_string();
        if said.contains("tool_result") {
            return anthropic_text("Written.");
        }
        anthropic("", &[("c1", "write", json!({"path": "notes.md", "content": "by the task\n"}))])
    });
    let home = project(&server);
    let mut terminal = Terminal::start(&home.repository, &[], &home.environment(), (40, 120));
    terminal.wait_for("senior-backend-dev");
    terminal.send("\u{14}");
    terminal.wait_for("A task for another agent");
    terminal.send("write notes\r");
    terminal.wait_for("Who is to do it?");
    terminal.send("senior\r");
    terminal.wait_for("1 task waits");
    terminal.send("\u{1b}4");
    terminal.wait("the tasks", |screen| screen.contains("Tasks") && screen.contains("waits for your review"));
    terminal.send("j\r");
    terminal.wait("its screen", |screen| screen.contains("▸ task") && screen.contains("notes.md"));
    assert_eq!(home.git(&["status", "--porcelain"]), "", "nothing touches the tree before a verdict");
    terminal.send("\u{1b}0");
    terminal.wait("the first session", |screen| !screen.contains("▸ task"));
    terminal.send("\u{3}");
    terminal.send("\u{3}");
    let (code, _) = terminal.end();
    assert_eq!(code, 0);
    let sessions = home.tenon(&["sessions", "--json"]).with_code(0).json();
    let parents = sessions.as_array().unwrap().iter().filter(|session| session["parent"].is_string()).count();
    assert_eq!((sessions.as_array().unwrap().len(), parents), (2, 1));
}
