//! What is taken back and brought forward again without a screen: the commits of sessions and of reviews.

use serde_json::{Value, json};

use crate::support::bodies::{anthropic, anthropic_text};
use crate::support::home::{Ended, Home};
use crate::support::{Answer, ScriptedServer};

const NUMBERS: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";

fn head(home: &Home) -> String {
    head_of(home, "HEAD")
}

fn head_of(home: &Home, revision: &str) -> String {
    home.git(&["rev-parse", revision]).trim().to_owned()
}

fn subjects(home: &Home) -> Vec<String> {
    home.git(&["log", "--format=%s"]).lines().map(str::to_owned).collect()
}

fn states(listed: &Value) -> Vec<(String, String)> {
    let text = |commit: &Value, key: &str| commit[key].as_str().unwrap().to_owned();
    listed.as_array().unwrap().iter().map(|commit| (text(commit, "subject"), text(commit, "state"))).collect()
}

fn pair(subject: &str, state: &str) -> (String, String) {
    (subject.to_owned(), state.to_owned())
}

/// A review that commits one file after the other.
fn reviewed(home: &Home) -> (String, String) {
    home.write("a.txt", &NUMBERS.replace("2\n3\n", "two\n3\n"));
    home.write("b.txt", "b\n");
    home.tenon(&["review", "--accept", "a.txt", "--commit", "-m", "numbers: two in words"]).with_code(0);
    let older = head(home);
    home.tenon(&["review", "--accept", "b.txt", "--commit", "-m", "b: new"]).with_code(0);
    (older, head(home))
}

#[test]
fn commits_of_a_review_are_known_to_undo_although_a_session_began_since() {
    let server = ScriptedServer::start(vec![anthropic_text("Nothing to do.")]);
    let mut home = Home::with(&[("a.txt", NUMBERS)]);
    home.anthropic(&server.url());
    let (older, newer) = reviewed(&home);
    home.tenon(&["run", "is all well?"]);
    home.tenon(&["undo"]).with_code(0);
    assert_eq!(head(&home), older);
    assert_eq!(home.git(&["status", "--porcelain"]), "?? b.txt\n");
    home.tenon(&["redo"]).with_code(0);
    assert_eq!(head(&home), newer);

    home.tenon(&["undo", &older[..8]]).with_code(0);
    assert_eq!(subjects(&home), ["Revert \"numbers: two in words\"", "b: new", "numbers: two in words", "first"]);
    assert_eq!(home.git(&["show", "HEAD:a.txt"]), NUMBERS);
    let listed = home.tenon(&["undo", "--list", "--json"]).with_code(0).json();
    assert_eq!(states(&listed), [pair("b: new", ""), pair("numbers: two in words", "taken back")]);
    home.tenon(&["redo", &older[..8]]).with_code(0);
    assert!(home.git(&["show", "HEAD:a.txt"]).contains("two\n"));
    assert_eq!(home.git(&["status", "--porcelain"]), "");
    let unknown = home.tenon(&["undo", "deadbeef"]).with_code(2);
    assert!(unknown.err.contains("deadbeef") && unknown.err.contains("undo --list"), "{}", unknown.err);
    assert_eq!(home.tenon(&["sessions", "--json"]).json().as_array().unwrap().len(), 2, "undo opens no session");
}

#[test]
fn an_older_commit_that_a_later_one_builds_on_is_not_taken_back() {
    let home = Home::with(&[("a.txt", NUMBERS)]);
    for (old, word) in [("2\n3", "two\n3"), ("two\n3", "zwei\n3")] {
        home.write("a.txt", &home.read("a.txt").replacen(old, word, 1));
        home.tenon(&["review", "--accept", "all", "--commit", "-m", word.split('\n').next().unwrap()]).with_code(0);
    }
    let (before, older) = (head(&home), home.git(&["rev-parse", "HEAD~1"]).trim().to_owned());
    let refused = home.tenon(&["undo", &older]).with_code(2);
    assert!(refused.err.contains("a.txt"), "{}", refused.err);
    assert_eq!((head(&home), home.git(&["status", "--porcelain"])), (before, String::new()));
}

#[test]
fn a_review_asks_for_a_message_amends_keeping_it_and_makes_fixups() {
    let home = Home::with(&[("a.txt", NUMBERS)]);
    home.write("a.txt", &NUMBERS.replace("2\n3\n", "two\n3\n").replace("11\n", "eleven\n"));
    let listed = home.tenon(&["review", "--list", "--json"]).with_code(0).json();
    let first = listed[0]["hunks"][0]["id"].as_str().unwrap().to_owned();
    let refused = home.tenon(&["review", "--accept", &first, "--commit"]).with_code(2);
    assert!(refused.err.contains("-m"), "{}", refused.err);
    home.tenon(&["review", "--accept", &first, "--commit", "--amend"]).with_code(2);
    home.tenon(&["review", "--accept", &first, "--commit", "-m", "numbers: in words\n\nEasier."]).with_code(0);
    let small = head(&home);
    home.tenon(&["review", "--accept", "all", "--commit", "--amend"]).with_code(0);
    assert_eq!(subjects(&home), ["numbers: in words", "first"]);
    assert_eq!(home.git(&["log", "-1", "--format=%b"]).trim(), "Easier.");
    assert!(home.git(&["show", "HEAD:a.txt"]).contains("eleven"));
    home.tenon(&["undo"]).with_code(0);
    assert_eq!(head(&home), small, "taking an amendment back returns to what it amended");
    assert!(home.read("a.txt").contains("eleven"));
    home.tenon(&["review", "--accept", "all", "--commit", "--fixup"]).with_code(0);
    assert_eq!(subjects(&home), ["fixup! numbers: in words", "numbers: in words", "first"]);
}

fn step(call: &str, old: &str, new: &str, message: &str) -> Vec<Answer> {
    let edit = json!({"path": "a.txt", "edits": [{"old": old, "new": new}]});
    vec![
        anthropic("I edit.", &[(&format!("{call}1"), "edit", edit)]),
        anthropic("", &[(&format!("{call}2"), "propose", json!({"title": message, "message": message}))]),
        anthropic_text("Done."),
    ]
}

#[test]
fn a_sessions_commits_are_listed_taken_back_one_by_one_and_amended() {
    let mut answers = step("a", "2\n3\n", "two\n3\n", "numbers: two");
    answers.extend(step("b", "11\n", "eleven\n", "numbers: eleven"));
    answers.extend(step("c", "6\n7\n", "six\n7\n", "numbers: six"));
    let server = ScriptedServer::start(answers);
    let mut home = Home::with(&[("a.txt", NUMBERS)]);
    home.anthropic(&server.url());
    let first = home.tenon(&["run", "--json", "--accept", "all", "two"]).with_code(0);
    let session = first.of_type("session_opened")[0]["session"].as_str().unwrap().to_owned();
    let older = head(&home);
    home.tenon(&["run", "--session", &session, "--accept", "all", "eleven"]).with_code(0);
    let newer = head(&home);
    home.tenon(&["undo", &older]).with_code(0);
    assert_eq!(home.read("a.txt"), NUMBERS.replace("11\n", "eleven\n"));
    assert!(subjects(&home)[0].starts_with("Revert"), "{:?}", subjects(&home));
    let listed = home.tenon(&["undo", "--list", "--json"]).with_code(0).json();
    assert_eq!(states(&listed), [pair("numbers: eleven", ""), pair("numbers: two", "taken back")]);
    home.git(&["reset", "-q", "--hard", &newer]);

    home.tenon(&["run", "--session", &session, "six"]);
    home.tenon(&["review", "--from", &session, "--accept", "all", "--commit", "--amend", "--despite-gates"])
        .with_code(0);
    assert_eq!(subjects(&home), ["numbers: eleven", "numbers: two", "first"]);
    assert!(home.read("a.txt").contains("six\n"));
    home.tenon(&["undo"]).with_code(0);
    assert_eq!(head(&home), newer);
    assert!(!home.read("a.txt").contains("six\n"));
}

#[test]
fn a_fixup_of_a_sessions_last_commit_is_made_without_a_screen() {
    let mut answers = step("a", "2\n3\n", "two\n3\n", "numbers: two\n\nIn words.");
    answers.extend(step("b", "11\n", "eleven\n", "numbers: eleven"));
    let server = ScriptedServer::start(answers);
    let mut home = Home::with(&[("a.txt", NUMBERS)]);
    home.anthropic(&server.url());
    let first = home.tenon(&["run", "--json", "--accept", "all", "two"]).with_code(0);
    let session = first.of_type("session_opened")[0]["session"].as_str().unwrap().to_owned();
    home.tenon(&["run", "--session", &session, "eleven"]);
    let made = home
        .tenon(&["review", "--from", &session, "--accept", "all", "--commit", "--fixup", "--despite-gates", "--json"])
        .with_code(0);
    assert_eq!(made.of_type("committed").len(), 1, "{}", made.out);
    assert_eq!(subjects(&home), ["fixup! numbers: two", "numbers: two", "first"]);
    home.git(&["-c", "sequence.editor=:", "rebase", "-q", "-i", "--autosquash", "HEAD~2"]);
    assert_eq!(subjects(&home), ["numbers: two", "first"]);
    assert!(home.read("a.txt").contains("two\n") && home.read("a.txt").contains("eleven\n"));
}

#[test]
fn commits_of_all_sessions_are_listed_together() {
    let mut answers = step("a", "2\n3\n", "two\n3\n", "numbers: two");
    answers.extend(step("b", "11\n", "eleven\n", "numbers: eleven"));
    let server = ScriptedServer::start(answers);
    let mut home = Home::with(&[("a.txt", NUMBERS)]);
    home.anthropic(&server.url());
    let session = |run: &Ended| run.of_type("session_opened")[0]["session"].as_str().unwrap().to_owned();
    let one = session(&home.tenon(&["run", "--json", "--accept", "all", "two"]).with_code(0));
    let two = session(&home.tenon(&["run", "--json", "--accept", "all", "eleven"]).with_code(0));
    home.write("c.txt", "c\n");
    home.tenon(&["review", "--accept", "c.txt", "--commit", "-m", "c: new"]).with_code(0);
    let listed = home.tenon(&["undo", "--list", "--json"]).with_code(0).json();
    assert_eq!(states(&listed), [pair("c: new", ""), pair("numbers: eleven", ""), pair("numbers: two", "")]);
    assert_eq!(
        (listed[1]["session"].as_str(), listed[2]["session"].as_str()),
        (Some(two.as_str()), Some(one.as_str()))
    );
    let words = home.tenon(&["undo", "--list"]).with_code(0).out;
    assert!(words.contains(&format!("session {one}\n  {}", &head_of(&home, "HEAD~2")[..10])), "{words}");
    let only = home.tenon(&["undo", "--list", "--session", &one, "--json"]).with_code(0).json();
    assert_eq!(states(&only), [pair("numbers: two", "")]);
    // One of an older session is taken back by its name, whatever was done since.
    home.tenon(&["undo", &head_of(&home, "HEAD~2")[..10]]).with_code(0);
    assert!(home.read("a.txt").contains("eleven\n") && !home.read("a.txt").contains("two\n"));
}
