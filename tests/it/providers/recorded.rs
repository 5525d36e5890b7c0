//! A recorded session in the place of a model.

use std::collections::BTreeMap;

use serde_json::json;
use tenon::config::Settings;
use tenon::domain::Message;
use tenon::provider::{ErrorKind, Registry, Request, Stop};
use tokio::sync::mpsc;

use super::support::{ask, request};

fn registry() -> Registry {
    Registry::new(&Settings::default(), &BTreeMap::new())
}

fn journal(folder: &std::path::Path) -> String {
    let said = |text: &str, complete: bool| json!({"type": "assistant_said", "text": text, "complete": complete});
    let call = json!({"type": "tool_called", "call": "c1", "name": "read", "input": {"path": "a"}});
    let events = [
        json!({"type": "user_said", "message": "m1", "text": "hello"}),
        said("Brok", false),
        said("I read it first. Ünïcödé.", true),
        call,
        json!({"type": "tool_returned", "call": "c1", "ok": true, "output": "x"}),
        said("Done.", true),
        json!({"type": "something_of_a_later_version", "x": 1}),
    ];
    let lines: String = (1..)
        .zip(events)
        .map(|(seq, mut event)| {
            event["v"] = json!(1);
            event["seq"] = json!(seq);
            event["at"] = json!("2026-11-22T20:15:04.123Z");
            format!("{event}\n")
        })
        .collect();
    let path = folder.join("journal.jsonl");
    std::fs::write(&path, lines).unwrap();
    format!("recorded/{}", path.display())
}

#[tokio::test]
async fn answers_come_again_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let name = journal(folder.path());
    let registry = registry();
    let (reply, chunks) = ask(&registry, &name).await;
    let reply = reply.unwrap();
    assert_eq!(reply.text, "I read it first. Ünïcödé.");
    assert_eq!(super::support::text(&chunks), reply.text);
    assert_eq!((reply.calls[0].name.as_str(), &reply.stop, reply.complete), ("read", &Stop::Calls, true));
    assert_eq!(reply.usage.cost_usd, Some(0.0));

    let resolved = registry.resolve(&name).unwrap();
    assert_eq!(resolved.name(), name);
    let mut said = Vec::new();
    for given in 1..3 {
        let mut messages = request().messages;
        for _ in 0..given {
            messages.push(Message::Assistant { text: "x".into(), thinking: vec![], calls: vec![] });
            messages.push(Message::User { text: "go on".into() });
        }
        let (sender, _receiver) = mpsc::channel(100);
        let reply = resolved.provider.ask(Request { messages, ..request() }, sender).await.unwrap();
        said.push((reply.text, reply.stop));
    }
    assert_eq!(said, [("Done.".into(), Stop::End), ("The recording ends here.".into(), Stop::End)]);
}

#[tokio::test]
async fn a_file_that_is_no_recording_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let name = format!("recorded/{}", path.display());
    for (content, words) in [(None, "x.jsonl"), (Some("hello"), "line 1 is no record"), (Some("\n"), "no answer")] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = ask(&registry(), &name).await.0.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.contains(words), "{error}");
    }
}
