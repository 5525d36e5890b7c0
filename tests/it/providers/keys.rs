//! Keys that a command prints.

use std::collections::BTreeMap;

use serde_json::json;
use tenon::config::{ProviderSettings, Settings};
use tenon::provider::{ErrorKind, Registry};

use super::support::{ask, impatient};
use crate::support::{Answer, ScriptedServer, bodies};

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
