//! Results of gates that are known already: only of exactly the same, and never for somebody who asks to see it happen.

use serde_json::json;
use tenon::domain::{Command, Event, Evidence, GateStatus, Isolation};

use super::world::{Front, World, calls, write};

const TEST: &str = "import unittest\nfrom calc import add\n\n\nclass Adding(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n";
const GOOD: &str = "def add(a, b):\n    return a + b\n";

fn world() -> World {
    World::new(&[("calc.py", GOOD), ("test_calc.py", TEST), (".gitignore", "*.cfg\n__pycache__/\n")])
}

/// Whether there is an overlay: a copy shares ports and processes with everything else, so nothing of it is kept.
fn overlay(front: &Front) -> bool {
    front.events().iter().any(|event| matches!(event, Event::SessionOpened { isolation: Isolation::Overlay, .. }))
}

fn last(front: &Front, gate: &str) -> Evidence {
    let reported = front.events().into_iter().rev().find_map(|event| match event {
        Event::GateReported(found) if found.gate == gate => Some(found.as_ref().clone()),
        _ => None,
    });
    reported.expect("the gate reported")
}

#[tokio::test]
async fn what_the_agent_verified_is_known_when_it_proposes_the_same() {
    let world = world();
    let gates = json!({"gates": ["tests"]});
    world.says(calls(&[write("c1", "calc.py", "def add(a, b):\n    return b + a\n"), ("c2", "verify", gates)]));
    world.says(calls(&[("c3", "propose", json!({"title": "Turn add", "message": "refactor: turn add"}))]));
    let mut front = world.open().await;
    front.say("Turn add round").await;
    front.turn_end().await;
    let found = last(&front, "tests");
    assert_eq!(found.status, GateStatus::Pass);
    assert_eq!(found.tests.map(|tests| tests.passed), Some(1));
    assert_eq!(found.base_tests.map(|tests| tests.passed), Some(1));
    assert_eq!(found.cached, overlay(&front), "{found:?}");

    // Whoever asks for it by hand sees it happen.
    let proposal = front.proposal();
    front.send(Command::Prove { proposal: proposal.id.clone(), gates: Vec::new() }).await;
    let again = |event: &Event| matches!(event, Event::GateReported(found) if found.gate == "tests");
    let Event::GateReported(found) = front.until("the gates to run again", again).await else { unreachable!() };
    assert!(!found.cached && found.status == GateStatus::Pass, "{found:?}");
    front.close().await;
}

#[tokio::test]
async fn a_result_is_not_believed_when_anything_commands_find_is_another() {
    let change = "def add(a, b):\n    return b + a\n";
    for (what, then) in [
        ("an ignored file", json!({"command": "echo 1 > limit.cfg"})),
        ("nothing but a cache", json!({"command": "mkdir -p __pycache__ && echo 1 > __pycache__/x.pyc"})),
    ] {
        let world = world();
        let gates = json!({"gates": ["tests"]});
        world.says(calls(&[write("c1", "calc.py", change), ("c2", "verify", gates)]));
        world.says(calls(&[("c3", "run", then)]));
        world.says(calls(&[("c4", "propose", json!({"title": "Turn add", "message": "refactor: turn add"}))]));
        let mut front = world.open().await;
        front.say("Turn add round").await;
        front.turn_end().await;
        let expected = overlay(&front) && what == "nothing but a cache";
        assert_eq!(last(&front, "tests").cached, expected, "{what}");
        front.close().await;
    }
}

#[tokio::test]
async fn a_failure_is_looked_at_again() {
    let world = world();
    let gates = json!({"gates": ["tests"]});
    world.says(calls(&[write("c1", "calc.py", "def add(a, b):\n    return a - b\n"), ("c2", "verify", gates)]));
    world.says(calls(&[("c3", "propose", json!({"title": "Turn add", "message": "refactor: turn add"}))]));
    let mut front = world.open().await;
    front.say("Turn add round").await;
    front.turn_end().await;
    let found = last(&front, "tests");
    assert!(!found.cached && found.status == GateStatus::Fail, "{found:?}");
    front.close().await;
}
