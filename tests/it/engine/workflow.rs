//! The work as state of the engine: steps that are seen to be done, and a review that is answered or shown as open.

use serde_json::{Value, json};
use tenon::domain::{Event, ReviewItem, Standing, Topic};

use super::world::{Front, World, calls, text, write};

const TEST: &str = "import unittest\nfrom calc import add\n\n\nclass Adding(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n";
const GOOD: &str = "def add(a, b):\n    return a + b\n";
const WRONG: &str = "def add(a, b):\n    return a - b\n";

fn world() -> World {
    World::new(&[("calc.py", GOOD), ("test_calc.py", TEST), (".gitignore", "__pycache__/\n")])
}

fn plan(steps: &[(&str, &str, &str)]) -> Value {
    let step = |(title, acceptance, status): &(&str, &str, &str)| json!({"title": title, "acceptance": acceptance, "status": status});
    json!({"steps": steps.iter().map(step).collect::<Vec<_>>()})
}

/// Step, what was run, and whether it was as it was to be.
fn checked(front: &Front) -> Vec<(usize, String, bool)> {
    let seen = front.events().into_iter().filter_map(|event| match event {
        Event::StepChecked { step, check, ok, .. } => Some((*step, check.clone(), *ok)),
        _ => None,
    });
    seen.collect()
}

#[tokio::test]
async fn a_step_counts_as_done_when_its_check_was_seen_to_pass() {
    let world = world();
    let test = "`test_calc.Adding.test_add` passes";
    let first = plan(&[
        ("turn it", test, "done"),
        ("leave a mark", "`test -f mark.txt`", "doing"),
        ("tell", "it is told", "done"),
    ]);
    let second = plan(&[
        ("turn it", test, "done"),
        ("leave a mark", "`test -f mark.txt`", "done"),
        ("tell", "it is told", "done"),
    ]);
    world.says(calls(&[write("c1", "calc.py", WRONG), ("c2", "plan", first.clone())]));
    world.says(calls(&[write("c3", "calc.py", "def add(a, b):\n    return b + a\n"), ("c4", "plan", first)]));
    world.says(calls(&[write("c5", "mark.txt", "m\n"), ("c6", "plan", second)]));
    world.says(text("Done."));
    let mut front = world.open().await;
    front.say("Turn add round").await;
    front.turn_end().await;
    let alone = "python3 -m unittest test_calc.Adding.test_add".to_owned();
    assert_eq!(
        checked(&front),
        [(1, alone.clone(), false), (1, alone, true), (2, "test -f mark.txt".to_owned(), true)],
        "what failed is looked at again, what passed is not"
    );
    let (ok, said) = front.result("c2");
    assert!(!ok && said.contains("Step 1 (turn it) is NOT done") && said.contains("AssertionError"), "{said}");
    let (ok, said) = front.result("c6");
    assert!(ok && said.contains("Step 2 (leave a mark) is done: `test -f mark.txt` ends with code 0."), "{said}");
    let session = front.session();
    let steps = &session.plan.steps;
    assert!(steps[0].is_proven() && steps[1].is_proven());
    assert!(steps[2].is_done() && !steps[2].is_proven(), "what only a reader can judge is the agent's word");
    front.close().await;
}

#[tokio::test]
async fn nothing_is_checked_for_a_user_who_does_not_want_it() {
    let mut world = world();
    world.settings.gates.off = vec!["steps".to_owned(), "review".to_owned()];
    world.says(calls(&[write("c1", "calc.py", WRONG), ("c2", "plan", plan(&[("x", "`test -f nothing`", "done")]))]));
    world.says(calls(&[("c3", "propose", json!({"title": "t", "message": "m"}))]));
    let mut front = world.open().await;
    front.say("Turn add round").await;
    front.turn_end().await;
    assert_eq!(checked(&front), []);
    assert!(front.result("c2").0);
    assert!(front.session().reviews.is_empty());
    front.close().await;
}

const ROUTE: &str =
    "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/orders\")\ndef orders():\n    return []\n";

fn items(front: &Front) -> Vec<Vec<ReviewItem>> {
    let seen = front.events().into_iter().filter_map(|event| match event {
        Event::SelfReviewed { items, .. } => Some(items.clone()),
        _ => None,
    });
    seen.collect()
}

fn standing(items: &[ReviewItem], topic: Topic) -> Standing {
    items.iter().find(|item| item.topic == topic).map(|item| item.standing).expect("the topic is there")
}

#[tokio::test]
async fn the_self_review_asks_once_and_what_is_not_answered_is_shown() {
    let world = world();
    let propose = json!({"title": "Add orders", "message": "feat: add orders"});
    let mut answered = propose.clone();
    answered["review"] = json!([{"topic": "security", "answer": "public on purpose: it lists nothing of anybody"}]);
    world.says(calls(&[
        ("c1", "plan", plan(&[("add it", "it answers", "doing")])),
        write("c2", "api.py", ROUTE),
        ("c3", "propose", propose),
    ]));
    world.says(calls(&[("c4", "propose", answered)]));
    world.says(text("Done."));
    let mut front = world.open().await;
    front.say("Add a route").await;
    front.turn_end().await;
    let (ok, said) = front.result("c3");
    assert!(ok && said.contains("Self-review, unanswered:\n- security: api.py:6: adds a route"), "{said}");
    assert!(said.contains("who may do this"), "{said}");
    assert!(!front.result("c4").1.contains("Self-review"), "asked once for one content");
    let reviews = items(&front);
    assert_eq!(reviews.len(), 2, "{reviews:?}");
    assert_eq!(standing(&reviews[0], Topic::Security), Standing::Open);
    assert_eq!(standing(&reviews[1], Topic::Security), Standing::Answered);
    assert_eq!(standing(&reviews[1], Topic::Tests), Standing::Open, "no test came with it, and nobody said why");
    assert_eq!(standing(&reviews[1], Topic::Performance), Standing::Clear);
    let hash = front.proposal().hash;
    assert_eq!(front.session().reviews.get(&hash), Some(&reviews[1]));
    front.close().await;
}
