//! Commits amended, taken back by name and rewound to before a message, with the keys of a real terminal.

use serde_json::json;

use crate::support::bodies::{anthropic, anthropic_text};
use crate::support::home::Home;
use crate::support::{Answer, ScriptedServer};
use crate::terminal::pty::Terminal;

const NUMBERS: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";

fn step(call: &str, old: &str, new: &str, message: &str) -> Vec<Answer> {
    let edit = json!({"path": "a.txt", "edits": [{"old": old, "new": new}]});
    vec![
        anthropic("I edit.", &[(&format!("{call}1"), "edit", edit)]),
        anthropic("", &[(&format!("{call}2"), "propose", json!({"title": message, "message": message}))]),
        anthropic_text(&format!("Finished {call}.")),
    ]
}

fn subjects(home: &Home) -> Vec<String> {
    home.git(&["log", "--format=%s"]).lines().map(str::to_owned).collect()
}

/// Sends a message, waits for the end of the turn, and accepts everything.
fn asks(terminal: &mut Terminal, message: &str, call: &str) {
    terminal.send(&format!("{message}\r"));
    terminal.wait_for(&format!("Finished {call}."));
    terminal.send("\t");
    terminal.wait("the gates", |screen| screen.contains("tests") && !screen.contains("running"));
    terminal.send("A");
    terminal.wait_for("accepted");
}

fn commits(terminal: &mut Terminal, home: &Home, keys: &str, wanted: &[&str]) {
    terminal.send("\r");
    terminal.wait("the commit dialog", |screen| screen.contains("Commit") && screen.contains("amend"));
    terminal.send(keys);
    terminal.send("\r");
    terminal.wait_for("Commit all the same?");
    terminal.send("y");
    terminal.wait("the commit", |screen| !screen.contains("all the same") && subjects(home) == wanted);
}

#[test]
fn amended_taken_back_by_name_and_rewound() {
    let mut answers = step("one", "2\n3\n", "two\n3\n", "numbers: two");
    answers.extend(step("two", "11\n", "eleven\n", "numbers: eleven"));
    answers.push(anthropic_text("Anew."));
    let server = ScriptedServer::start(answers);
    let mut home = Home::with(&[("a.txt", NUMBERS)]);
    home.anthropic(&server.url());
    let mut terminal = Terminal::start(&home.repository, &[], &home.environment(), (40, 120));
    terminal.wait_for("senior-backend-dev");
    asks(&mut terminal, "spell two", "one");
    commits(&mut terminal, &home, "", &["numbers: two", "first"]);
    let first = home.git(&["rev-parse", "HEAD"]).trim().to_owned();
    terminal.send("\u{1b}[Z");
    asks(&mut terminal, "spell eleven", "two");
    commits(&mut terminal, &home, "\u{1b}a", &["numbers: two", "first"]);
    terminal.wait("the amendment", |_| home.git(&["rev-parse", "HEAD"]).trim() != first);
    assert_eq!(home.read("a.txt"), NUMBERS.replace("2\n3\n", "two\n3\n").replace("11\n", "eleven\n"));

    terminal.send("\u{1b}[Z");
    terminal.send("/undo\r");
    terminal.wait("the amendment taken back", |_| home.git(&["rev-parse", "HEAD"]).trim() == first);
    terminal.send("/redo\r");
    terminal.wait("it again", |_| home.git(&["rev-parse", "HEAD"]).trim() != first);
    let amended = home.git(&["rev-parse", "HEAD"]).trim().to_owned();
    terminal.send(&format!("/undo {}\r", &amended[..8]));
    terminal.wait("taken back by name", |_| home.git(&["rev-parse", "HEAD"]).trim() == first);

    terminal.send("/rewind\r");
    terminal.wait_for("Go back to before a message");
    terminal.send("\u{1b}[B");
    terminal.send("\r");
    terminal.wait("the commit gone", |_| subjects(&home) == ["first"]);
    terminal.wait("the conversation gone", |screen| !screen.contains("Finished") && screen.contains("spell two"));
    assert_eq!(home.read("a.txt"), NUMBERS);
    assert_eq!(home.git(&["status", "--porcelain"]), "");
    terminal.send(" anew\r");
    terminal.wait_for("Anew.");
    let last = server.requests().pop().unwrap().json().to_string();
    assert!(last.contains("spell two anew") && !last.contains("spell eleven") && !last.contains("Finished"), "{last}");
}
