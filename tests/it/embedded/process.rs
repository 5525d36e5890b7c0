//! The process that holds the model: it dies, it hangs, it is asked by two at once.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tenon::provider::embedded::wire::{End, Prompt, Role, Turn};
use tenon::provider::embedded::{Host, HostError, Program, Progress};
use tenon::provider::shape::Shape;

/// An engine that is a shell script: `on_write` is what it does for each order to write, with `$id` set.
fn host(folder: &Path, on_write: &str) -> Host {
    let script = folder.join("engine");
    let text = format!(
        "#!/bin/sh\ncd {}\necho started >>starts\necho '{{\"event\":\"loaded\",\"model\":\"m\",\"context\":4096,\"ms\":1}}'\n\
         while read -r line; do\n  id=$(printf '%s' \"$line\" | sed 's/.*\"id\":\\([0-9]*\\).*/\\1/')\n  case \"$line\" in\n\
         *'\"do\":\"write\"'*)\n{on_write}\n;;\n*'\"do\":\"cancel\"'*) echo \"$id\" >>cancelled;;\nesac\ndone\n",
        folder.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    Host::new(Program { path: Some(script), ..Program::default() })
}

const ANSWER: &str = "echo \"{\\\"event\\\":\\\"text\\\",\\\"id\\\":$id,\\\"text\\\":\\\"hello $id\\\"}\"\n\
                      echo \"{\\\"event\\\":\\\"done\\\",\\\"id\\\":$id,\\\"end\\\":\\\"finished\\\",\\\"timings\\\":{\\\"written_tokens\\\":2}}\"";

fn prompt() -> Prompt {
    let turns = vec![Turn { role: Role::User, text: "hi".to_owned() }];
    Prompt { turns, fixed: 0, opening: String::new(), shape: Shape::Text, most: 9, temperature: 0.0 }
}

fn weights(folder: &Path) -> PathBuf {
    let path = folder.join("m.gguf");
    std::fs::write(&path, "GGUF").unwrap();
    path
}

async fn ask(host: &Host, weights: &Path) -> Result<String, HostError> {
    host.write(weights, prompt(), &mut |_| {}).await.map(|answer| {
        assert_eq!(answer.end, End::Finished);
        answer.text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_is_told_and_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let once = format!("if [ ! -e died ]; then touch died; echo 'GGML_ASSERT(x) failed' >&2; kill -9 $$; fi\n{ANSWER}");
    let (host, weights) = (host(folder.path(), &once), weights(folder.path()));
    let error = ask(&host, &weights).await.unwrap_err();
    let told = error.to_string();
    assert!(
        matches!(error, HostError::Ended(_)) && told.contains("signal 9") && told.contains("GGML_ASSERT"),
        "{told}"
    );
    assert_eq!(ask(&host, &weights).await.unwrap(), "hello 2");
    assert_eq!(ask(&host, &weights).await.unwrap(), "hello 3");
    assert_eq!(std::fs::read_to_string(folder.path().join("starts")).unwrap().lines().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_no_longer_waits_stops_the_answer_and_the_next_is_not_mixed_up() {
    let folder = tempfile::tempdir().unwrap();
    // The first answer never comes to its end, but for a piece of it.
    let never = format!(
        "if [ \"$id\" = 1 ]; then echo '{{\"event\":\"text\",\"id\":1,\"text\":\"lost\"}}'; else\n{ANSWER}\nfi"
    );
    let (host, weights) = (host(folder.path(), &never), weights(folder.path()));
    let (seen, begun) = tokio::sync::oneshot::channel();
    let mut seen = Some(seen);
    let mut progress = |progress| {
        if matches!(progress, Progress::Text(_)) {
            seen.take().map(|seen| seen.send(()));
        }
    };
    tokio::select! {
        _ = host.write(&weights, prompt(), &mut progress) => panic!("it has no end"),
        _ = begun => {}
    }
    assert_eq!(ask(&host, &weights).await.unwrap(), "hello 2");
    let cancelled = folder.path().join("cancelled");
    let told = async {
        while std::fs::read_to_string(&cancelled).unwrap_or_default().trim() != "1" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("the engine was told to stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_ask_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let (host, weights) = (Arc::new(host(folder.path(), ANSWER)), weights(folder.path()));
    let asks = (0..4).map(|_| {
        let (host, weights) = (Arc::clone(&host), weights.clone());
        tokio::spawn(async move { ask(&host, &weights).await.unwrap() })
    });
    let mut answers = Vec::new();
    for asked in asks.collect::<Vec<_>>() {
        answers.push(asked.await.unwrap());
    }
    answers.sort();
    assert_eq!(answers, ["hello 1", "hello 2", "hello 3", "hello 4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let weights = weights(folder.path());
    let host = Host::new(Program { path: Some(folder.path().join("nothing")), ..Program::default() });
    assert!(matches!(ask(&host, &weights).await, Err(HostError::Start(_))));
}
