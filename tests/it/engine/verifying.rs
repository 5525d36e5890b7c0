//! The agent's own look at the gates: an answer to a call, never evidence.

use serde_json::json;
use tenon::domain::{Event, GateStatus};

use super::world::{World, calls, write};

const TEST: &str = "import unittest\nfrom calc import add\n\n\nclass Adding(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n";
const GOOD: &str = "def add(a, b):\n    return a + b\n";

#[tokio::test]
async fn the_agent_sees_what_the_gates_find_before_it_proposes() {
    let world = World::new(&[("calc.py", GOOD), ("test_calc.py", TEST)]);
    let gates = json!({"gates": ["tests", "secrets"]});
    world.says(calls(&[("c0", "verify", json!({}))]));
    world.says(calls(&[write("c1", "calc.py", "def add(a, b):\n    return a - b\n"), ("c2", "verify", gates.clone())]));
    world.says(calls(&[write("c3", "calc.py", "def add(a, b):\n    return b + a\n"), ("c4", "verify", gates)]));
    world.says(calls(&[("c5", "verify", json!({"gates": ["test"]}))]));
    world.says(calls(&[("c6", "propose", json!({"title": "Turn add", "message": "refactor: turn add"}))]));
    let mut front = world.open().await;
    front.say("Turn add round").await;
    front.turn_end().await;

    let (ok, text) = front.result("c0");
    assert!(!ok && text.contains("nothing to verify"), "{text}");
    let (ok, text) = front.result("c2");
    assert!(!ok && text.contains("- tests FAILED"), "{text}");
    assert!(text.contains("test_calc.py:7: "), "the place of what failed: {text}");
    assert!(text.contains("stands against proposing this: tests."), "{text}");
    let (ok, text) = front.result("c4");
    assert!(ok && text.contains("- tests passed") && text.contains("- secrets passed"), "{text}");
    let (ok, text) = front.result("c5");
    assert!(!ok && text.contains("There is no gate `test`. The gates are: ") && text.contains("tests"), "{text}");

    let events = front.events();
    let proposed = events.iter().position(|event| matches!(event, Event::Proposed { .. })).unwrap();
    let reported = |event: &&&Event| matches!(event, Event::GateReported(_));
    assert_eq!(events[..proposed].iter().filter(reported).count(), 0, "what the agent looked at is no evidence");
    let hash = front.proposal().hash;
    let session = front.session();
    let tests: Vec<_> = session.evidence_on(&hash).filter(|found| found.gate == "tests").collect();
    assert_eq!(tests.len(), 1);
    assert_eq!(tests[0].status, GateStatus::Pass);
    front.close().await;
}
