//! The first start on a machine, in a real terminal.

use serde_json::json;

use crate::support::home::Home;
use crate::support::{Answer, ScriptedServer};
use crate::terminal::pty::Terminal;

fn ollama() -> ScriptedServer {
    ScriptedServer::start_with(|request| match request.path.as_str() {
        "/api/tags" => Answer::json(200, &json!({"models": [{"name": "qwen3:8b"}]})),
        _ => Answer::json(404, &json!({"error": "model not found"})),
    })
}

#[test]
fn the_card_finds_a_server_on_this_machine_and_the_choice_is_remembered() {
    let server = ollama();
    let mut home = Home::with(&[("app.py", "x = 1\n")]);
    home.set("OLLAMA_HOST", &server.url());
    let mut terminal = Terminal::start(&home.repository, &[], &home.environment(), (30, 120));
    terminal.wait_for("Which model?");
    let screen = terminal.wait_for("› ollama/qwen3:8b");
    assert!(screen.contains("embedded/qwen2.5-coder-1.5b"), "{screen}");
    assert!(screen.contains("Stays on this machine"), "{screen}");
    terminal.send("\r");
    terminal.wait("the model in the header", |screen| screen.lines().next().unwrap_or_default().contains("qwen3"));
    terminal.send("\u{3}\u{3}");
    terminal.end();
    // Only what there is was asked for; nothing was said to a model.
    assert!(server.requests().iter().all(|request| request.path == "/api/tags"));
    let terminal = Terminal::start(&home.repository, &[], &home.environment(), (30, 120));
    let screen = terminal.wait("the model again", |screen| {
        screen.lines().next().unwrap_or_default().contains("qwen3") && !screen.contains("opening")
    });
    assert!(!screen.contains("Which model?"), "{screen}");
}

#[test]
fn a_named_model_needs_no_card() {
    let mut home = Home::with(&[("app.py", "x = 1\n")]);
    home.set("ANTHROPIC_API_KEY", "sk-ant-0123456789").set("TENON_MODEL", "anthropic/sonnet");
    let terminal = Terminal::start(&home.repository, &[], &home.environment(), (30, 120));
    let screen = terminal.wait("the session", |screen| screen.contains("claude-sonnet") && !screen.contains("opening"));
    assert!(!screen.contains("Which model?"), "{screen}");
}

#[test]
fn a_key_is_kept_in_the_keyring_and_used_from_there() {
    let server = ScriptedServer::start([
        crate::support::bodies::anthropic_text("ready"),
        crate::support::bodies::anthropic_text("ready"),
    ]);
    let mut home = Home::with(&[("app.py", "x = 1\n")]);
    // A keyring's tool that keeps secrets in a folder.
    let tools = home.home().join("bin");
    std::fs::create_dir_all(&tools).unwrap();
    let script = "#!/bin/sh\nfor last; do :; done\nfile=\"$HOME/ring-$last\"\ncase $1 in\nstore) cat > \"$file\";;\nlookup) cat \"$file\" 2>/dev/null;;\nclear) rm -f \"$file\";;\nesac\n";
    let tool = tools.join("secret-tool");
    std::fs::write(&tool, script).unwrap();
    assert!(std::process::Command::new("chmod").arg("755").arg(&tool).status().unwrap().success());
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    home.set("PATH", &path).set("ANTHROPIC_BASE_URL", &server.url());
    let secret = "sk-ant-in-the-keyring-77";
    let mut command = home.program(&["models", "key", "anthropic"]);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), format!("{secret}\n").as_bytes()).unwrap();
    let ended = crate::support::home::Ended::of(child.wait_with_output().unwrap()).with_code(0);
    assert!(!ended.out.contains(secret) && !ended.err.contains(secret));
    let listed = home.tenon(&["models", "list", "--json"]).with_code(0).json();
    assert_eq!((&listed[0]["name"], &listed[0]["key_present"]), (&"embedded".into(), &false.into()));
    let anthropic = listed.as_array().unwrap().iter().find(|provider| provider["name"] == "anthropic").unwrap().clone();
    assert_eq!(anthropic["key_from"], "the keyring");
    home.tenon(&["models", "test", "anthropic/claude-sonnet-4-5", "--json"]).with_code(0);
    assert!(server.requests().iter().all(|request| request.header("x-api-key") == Some(secret)));
    assert!(!server.requests().is_empty());
    // Only the keyring holds it.
    let state = home.home().join(".local/state/tenon");
    assert!(!std::fs::read_to_string(state.join("keyring")).unwrap().contains(secret));
    home.tenon(&["models", "key", "anthropic", "--remove"]).with_code(0);
    assert!(!home.home().join("ring-anthropic").exists());
    home.tenon(&["models", "key", "nobody"]).with_code(2);
}

#[test]
fn without_a_keyring_the_other_ways_are_named() {
    let mut home = Home::with(&[("app.py", "x = 1\n")]);
    let empty = home.home().join("nothing");
    std::fs::create_dir_all(&empty).unwrap();
    home.set("PATH", &empty.display().to_string());
    let mut child = home
        .program(&["models", "key", "openai"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"sk-secret-99\n").unwrap();
    let ended = crate::support::home::Ended::of(child.wait_with_output().unwrap()).with_code(1);
    assert!(ended.err.contains("is not installed") && ended.err.contains("key_command"), "{}", ended.err);
    assert!(!ended.err.contains("sk-secret-99"));
}
