//! Reading a journal. Budget: 20,000 records of some 600 bytes 20 ms; one of 100 MB to its records 200 ms, which leaves
//! 100 ms of the 300 to the first frame that shows it.

use divan::Bencher;
use tenon::domain::{CallId, Event, SessionId, Usage};
use tenon::journal::Store;

/// A session with this many steps, each an answer, a call and a result of so many bytes.
fn session(store: &Store, steps: usize, output: usize) -> Option<SessionId> {
    let mut journal = store.create(store.new_id()).ok()?;
    for number in 0..steps {
        let call = CallId::new(format!("c{number}"));
        let text = "I read the next file and look for \"handlers\".".to_owned();
        let usage = Usage::default();
        let input = serde_json::json!({"path": "src/orders/routes.py", "from": number});
        let output = "def handler(request):\n    return \"a line of code\"\n".repeat(output / 50);
        for event in [
            Event::AssistantSaid { text, complete: true, thinking: vec![], stop: None, usage },
            Event::ToolCalled { call: call.clone(), name: "read".to_owned(), input, invalid: None },
            Event::ToolReturned { call, ok: true, output, ms: 1 },
        ] {
            journal.append(event).ok()?;
        }
    }
    Some(journal.session().clone())
}

fn read(bencher: Bencher<'_, '_>, steps: usize, output: usize) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let store = Store::new(folder.path());
    let Some(session) = session(&store, steps, output) else { return };
    bencher.bench_local(|| store.read(&session));
}

#[divan::bench]
fn read_20_000_records(bencher: Bencher<'_, '_>) {
    read(bencher, 6_667, 1_200);
}

#[divan::bench]
fn read_100_mb(bencher: Bencher<'_, '_>) {
    read(bencher, 20_000, 4_500);
}
