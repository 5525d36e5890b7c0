//! Repositories and surroundings that are not as expected: a message that says what and what next, the right exit code,
//! nothing lost.

use serde_json::json;

use crate::support::ScriptedServer;
use crate::support::bodies::{anthropic, anthropic_text};
use crate::support::home::Home;

/// A model that writes one file and is done.
fn writer() -> ScriptedServer {
    ScriptedServer::start_with(|request| {
        let said = request.json()["messages"].to_string();
        if said.contains("tool_result") {
            return anthropic_text("Done.");
        }
        anthropic("", &[("c1", "write", json!({"path": "new.txt", "content": "n\n"}))])
    })
}

fn with_model(mut home: Home, server: &ScriptedServer) -> Home {
    home.anthropic(&server.url());
    home
}

#[test]
fn a_merge_in_progress_is_told_before_the_work_and_nothing_is_committed() {
    let server = writer();
    let home = with_model(Home::with(&[("a", "a\n")]), &server);
    home.git(&["checkout", "-q", "-b", "other"]);
    home.write("a", "theirs\n");
    home.git(&["commit", "-q", "-am", "theirs"]);
    home.git(&["checkout", "-q", "main"]);
    home.write("a", "ours\n");
    home.git(&["commit", "-q", "-am", "ours"]);
    let merge = std::process::Command::new("git").args(["merge", "-q", "other"]).current_dir(&home.repository).output();
    assert!(!merge.unwrap().status.success());
    let before = home.git(&["status", "--porcelain"]);
    let ended = home.tenon(&["run", "--accept", "all", "write"]).with_code(1);
    let told = ended.err.find("a merge is in progress: work can begin").expect(&ended.err);
    assert!(ended.err[told..].contains("git merge --continue"), "{}", ended.err);
    assert_eq!(home.git(&["status", "--porcelain"]), before);
}

#[test]
fn sparse_checkouts_and_submodules_keep_what_is_not_there() {
    let server = writer();
    let home = with_model(Home::with(&[("d/f", "1\n"), ("e/g", "2\n")]), &server);
    home.git(&["sparse-checkout", "set", "d"]);
    let ended = home.tenon(&["run", "--accept", "all", "write"]).with_code(0);
    assert!(ended.err.contains("sparse checkout"), "{}", ended.err);
    assert_eq!(home.git(&["ls-tree", "-r", "--name-only", "HEAD"]), "d/f\ne/g\nnew.txt\n");
    assert_eq!(home.git(&["status", "--porcelain"]), "");
    assert!(!home.repository.join("e").exists());

    let inner = Home::with(&[("i", "i\n")]);
    let home = with_model(Home::with(&[("a", "a\n")]), &server);
    let from = inner.repository.display().to_string();
    home.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &from, "sub"]);
    home.git(&["commit", "-q", "-m", "sub"]);
    home.tenon(&["run", "--accept", "all", "write"]).with_code(0);
    assert_eq!(home.git(&["status", "--porcelain"]), "");
    assert!(home.git(&["ls-tree", "HEAD", "sub"]).starts_with("160000"));
}

#[test]
fn bytes_that_are_no_text_survive_and_binary_files_are_refused() {
    let home = Home::with(&[("a", "a\n")]);
    std::fs::write(home.repository.join("latin"), b"caf\xe9\r\nline\r\n").unwrap();
    std::fs::write(home.repository.join("bin"), b"\0\x01bin").unwrap();
    let edit = r#"{"path": "latin", "edits": [{"old": "line", "new": "LINE"}]}"#;
    home.tenon(&["exec", "edit", edit]).with_code(0);
    assert_eq!(std::fs::read(home.repository.join("latin")).unwrap(), b"caf\xe9\r\nLINE\r\n");
    let edit = r#"{"path": "bin", "edits": [{"old": "bin", "new": "x"}]}"#;
    let refused = home.tenon(&["exec", "edit", edit]).with_code(1);
    assert!(format!("{}{}", refused.out, refused.err).contains("binary"), "{refused:?}");
}

#[test]
fn a_provider_that_is_down_is_named_and_the_session_can_go_on() {
    let mut home = Home::with(&[("a", "a\n")]);
    home.anthropic("http://127.0.0.1:9");
    let ended = home.tenon(&["run", "hello"]).with_code(1);
    assert!(ended.err.contains("127.0.0.1:9") && ended.err.contains("base_url"), "{}", ended.err);
    let session = home.tenon(&["sessions", "--json"]).with_code(0).json()[0]["id"].as_str().unwrap().to_owned();
    let server = writer();
    let home = with_model(home, &server);
    home.tenon(&["run", "--accept", "all", "--session", &session, "again"]).with_code(0);
    assert_eq!(home.read("new.txt"), "n\n");
}

#[test]
fn what_is_no_repository_and_who_has_no_name_is_said() {
    let empty = Home::empty();
    for command in [&["undo"][..], &["redo"], &["review", "--list"], &["exec", "read", r#"{"path": "a"}"#]] {
        let ended = empty.tenon(command).with_code(2);
        assert!(ended.err.contains("git init"), "{command:?}: {}", ended.err);
    }
    let home = Home::with(&[(".tenon/agents/nameless.md", "---\ndescription: does things\n---\nYou do things.\n")]);
    let listed = home.tenon(&["agents", "list"]).with_code(0);
    assert!(listed.out.contains("nameless"), "{}", listed.out);
    assert!(home.tenon(&["agents", "doctor"]).out.contains("no `name`"));
    let ended = home.tenon(&["run", "--agent", "nameles", "hello"]).with_code(2);
    assert!(ended.err.contains("Did you mean `nameless`"), "{}", ended.err);
    assert_eq!(home.tenon(&["sessions", "--json"]).with_code(0).json(), json!([]), "nothing empty stays behind");
}

#[test]
fn no_report_and_no_record_holds_a_raw_control_character() {
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}gnp";
    let server = ScriptedServer::start_with(move |_| anthropic_text(hostile));
    let home = with_model(Home::with(&[("a", "a\n")]), &server);
    home.write(&format!("evil{}.txt", hostile.replace('/', "")), hostile);
    home.tenon(&["run", hostile]).with_code(0);
    for command in [
        &["replay"][..],
        &["replay", "--json"],
        &["sessions"],
        &["sessions", "--json"],
        &["review", "--list"],
        &["review", "--list", "--json"],
        &["exec", "list", "{}"],
        &["exec", "list", "{}", "--json"],
        &["run", "--json", hostile],
        &["run", "--agent", hostile, "x"],
    ] {
        let ended = home.tenon(command);
        let raw = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
        for said in [&ended.out, &ended.err] {
            assert!(!said.contains(raw), "{command:?}: {said:?}");
        }
    }
}

#[test]
fn a_command_run_in_a_copy_says_first_what_that_does_not_protect() {
    let home = Home::with(&[("a", "a\n")]);
    let ended = home.tenon(&["exec", "--isolation", "copy", "run", r#"{"command": "echo here"}"#]).with_code(0);
    assert!(ended.out.contains("here"), "{}", ended.out);
    assert!(ended.err.contains("tenon: copy: commands"), "{}", ended.err);
}
