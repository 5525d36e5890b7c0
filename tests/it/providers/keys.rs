//! Keys that a command prints, and that the system's keyring keeps.

use std::collections::BTreeMap;

use serde_json::json;
use tenon::config::{ProviderSettings, Settings};
use tenon::provider::{ErrorKind, Registry};

use super::support::{ask, impatient};
use crate::support::{Answer, ScriptedServer, bodies, program_on_path};

fn registry(url: &str, command: &str) -> Registry {
    let provider = ProviderSettings {
        wire: Some("chat".into()),
        base_url: Some(url.to_owned()),
        key_command: Some(command.to_owned()),
        ..ProviderSettings::default()
    };
    let settings = Settings { providers: BTreeMap::from([("work".to_owned(), provider)]), ..Settings::default() };
    Registry::new(&settings, &BTreeMap::new()).with_patience(impatient())
}

#[tokio::test]
async fn the_command_runs_once_and_again_when_the_key_expired() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let command = format!("echo x >> {0}; echo key-$(wc -l < {0} | tr -d ' ')", count.display());
    let server = ScriptedServer::start([
        bodies::chat_text("a"),
        bodies::chat_text("b"),
        Answer::json(401, &json!({"error": "expired"})),
        bodies::chat_text("c"),
        Answer::json(401, &json!({"error": "key-3 expired"})),
        Answer::json(401, &json!({"error": "key-3 expired"})),
    ]);
    let registry = registry(&server.url(), &command);
    assert!(registry.resolve("work/m").unwrap().key_present);
    assert!(!count.exists(), "nothing runs before it is needed");
    for expected in ["a", "b", "c"] {
        assert_eq!(ask(&registry, "work/m").await.0.unwrap().text, expected);
    }
    let error = ask(&registry, "work/m").await.0.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Auth, "[redacted] expired (HTTP 401) (after 2 tries)")
    );
    let keys: Vec<String> =
        server.requests().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    let bearer = |number: usize| format!("Bearer key-{number}");
    assert_eq!(keys, [bearer(1), bearer(1), bearer(1), bearer(2), bearer(2), bearer(3)]);
}

#[tokio::test]
async fn a_command_that_fails_is_told_without_what_it_printed() {
    let server = ScriptedServer::start([]);
    for (command, words) in [
        ("echo secret; echo 'no such entry' >&2; exit 3", "no such entry"),
        ("true", "printed nothing"),
        ("no-such-program-here", "key_command failed"),
    ] {
        let error = ask(&registry(&server.url(), command), "work/m").await.0.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Auth);
        assert!(error.message.contains(words) && !error.message.contains("secret"), "{error}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_key_that_a_server_gives_back_stays_out_of_the_answer() {
    for (key, said) in [("sk-0123456789abcdef", "your key is [redacted]"), ("local", "your key is local")] {
        let text = format!("your key is {key}");
        let server = ScriptedServer::start([bodies::chat_text(&text)]);
        let registry = registry(&server.url(), &format!("echo {key}"));
        assert_eq!(ask(&registry, "work/m").await.0.unwrap().text, said);
    }
}

/// A session bus with a keyring of its own, opened with a password as a login does it, and the program beside it.
const WITH_KEYRING: &str = r#"
printf login | gnome-keyring-daemon --unlock --components=secrets > /dev/null 2>&1
until secret-tool lookup service nothing provider nothing; [ $? -le 1 ]; do sleep 0.1; done
printf 'sk-ring-0123456789abcdef\n' | "$TENON" models key work || exit 10
"$TENON" models test work/m --json || exit 11
"$TENON" models key work --remove || exit 12
"$TENON" models key work --remove || exit 13
! "$TENON" models test work/m --json
"#;

#[test]
fn the_systems_keyring_keeps_a_key() {
    if !["dbus-run-session", "gnome-keyring-daemon", "secret-tool"]
        .into_iter()
        .all(|program| program_on_path(program).is_some())
    {
        return eprintln!("SKIPPED: there is no keyring here (packages dbus, gnome-keyring, libsecret-tools)");
    }
    let server = ScriptedServer::start([bodies::chat_text("one"), bodies::chat_text("two")]);
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".config/tenon")).unwrap();
    let config = format!("[providers.work]\nwire = \"chat\"\nbase_url = \"{}\"\n", server.url());
    std::fs::write(home.path().join(".config/tenon/config.toml"), config).unwrap();
    let output = std::process::Command::new("dbus-run-session")
        .args(["--", "bash", "-c", WITH_KEYRING])
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env("TENON", env!("CARGO_BIN_EXE_tenon"))
        .current_dir(home.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{said}\n{errors}", output.status);
    assert!(said.contains("is in the keyring") && said.contains("is no longer") && said.contains("was not"), "{said}");
    assert!(!said.contains("sk-ring") && !errors.contains("sk-ring"), "{said}{errors}");
    let sent = server.requests();
    assert_eq!(sent[0].header("authorization"), Some("Bearer sk-ring-0123456789abcdef"));
    let found = std::process::Command::new("grep").args(["-r", "sk-ring"]).arg(home.path()).output().unwrap();
    assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
}
