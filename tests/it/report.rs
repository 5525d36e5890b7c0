//! What came of a session: read from its journal, shown by the program and on the screen.

use serde_json::{Value, json};
use tenon::domain::Event;
use tenon::journal::{BlobStore, Store};
use tenon::report;

use crate::support::bodies::{anthropic, anthropic_text};
use crate::support::home::Home;
use crate::support::{Answer, ScriptedServer};

const APP: &str = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a + b\n";
const TEST: &str = "import unittest\n\nimport app\n\n\nclass AppTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(app.add(1, 2), 3)\n";

fn answers() -> Vec<Answer> {
    let edits = json!({"path": "app.py", "edits": [
        {"old": "def add(a, b):\n    return a + b\n", "new": "import os\n\nLIMIT = os.environ.get('ADD_LIMIT', '9')\n\n\ndef add(a, b):\n    return a + b\n"},
        {"old": "def sub(a, b):\n    return a + b\n", "new": "def sub(a, b):\n    return a - b\n"},
    ]});
    let plan = json!({"steps": [
        {"title": "subtract", "acceptance": "sub(3, 1) is 2", "status": "done"},
        {"title": "document it", "acceptance": "the README says so"},
    ]});
    vec![
        anthropic("I fix the subtraction.", &[("c1", "plan", plan), ("c2", "edit", edits)]),
        anthropic("", &[("c3", "propose", json!({"title": "Fix sub", "message": "fix: subtract in sub"}))]),
        anthropic_text("Done."),
    ]
}

fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let rest = text.split_once(&format!("## {title}\n\n")).unwrap_or_else(|| panic!("no {title} in {text}")).1;
    rest.split("\n## ").next().unwrap()
}

#[test]
fn the_report_of_a_real_session_has_every_part_from_evidence() {
    let server = ScriptedServer::start(answers());
    let mut home = Home::with(&[("app.py", APP), ("test_app.py", TEST), (".gitignore", "__pycache__/\n")]);
    home.anthropic(&server.url());
    let ended = home.tenon(&["run", "--json", "--accept", "all", "fix sub"]);
    let session = ended.of_type("session_opened")[0]["session"].as_str().unwrap().to_owned();
    let text = home.tenon(&["report"]).with_code(0).out;
    assert_eq!(section(&text, "Request").trim(), "> fix sub");
    let approach = section(&text, "Approach");
    assert!(approach.contains("- [x] subtract — sub(3, 1) is 2 (as the agent says)"), "{text}");
    assert!(approach.contains("- [ ] document it — the README says so (open)"), "{text}");
    let workflow = section(&text, "Workflow");
    assert!(workflow.contains("| plan | open | 1 of 2 steps done, 0 seen by their checks |"), "{text}");
    assert!(workflow.contains("| test | done | 1 passed, 0 failed (base 1) |"), "{text}");
    assert!(section(&text, "Self-review").contains("- docs: **unanswered**"), "{text}");
    assert!(section(&text, "Files").contains("- `app.py` +6 −1"), "{text}");
    let tests = section(&text, "Tests");
    assert!(tests.starts_with("- 1 passed, 0 failed, 0 skipped\n- on base: 1 passed"), "{tests}");
    assert!(tests.contains("run them with: `python3 -m unittest discover`"), "{tests}");
    assert!(tests.contains("| test_app.AppTest.test_add | pass |"), "{tests}");
    assert!(section(&text, "Environment variables and configuration").contains("- `ADD_LIMIT` (read in `app.py`)"));
    assert!(section(&text, "Suggestions").contains("planned and not done: document it"), "{text}");
    assert!(section(&text, "Commits").contains("fix: subtract in sub"), "{text}");
    assert_eq!(section(&text, "Requests and responses").trim(), "none recorded");

    let read = home.tenon(&["report", &session[..session.len() - 2], "--json"]).with_code(0).json();
    assert_eq!(read["session"], Value::from(session.as_str()));
    assert_eq!(read["plan"][0]["title"], "subtract");
    assert!(read["checks"].as_array().unwrap().iter().any(|found| found["gate"] == "tests"), "{read}");

    let missing = home.tenon(&["report", "zzzz"]).with_code(2);
    assert!(missing.err.contains("tenon sessions --all"), "{}", missing.err);
    // The same words for the same mistake, whoever is asked.
    assert_eq!(missing.err, home.tenon(&["replay", "zzzz"]).with_code(2).err);
}

#[test]
fn a_damaged_journal_is_reported_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let id = store.new_id();
    let mut journal = store.create(id.clone()).unwrap();
    let note = |text: &str| Event::UserSaid { message: "m1".into(), text: text.to_owned(), queued: false };
    journal.append(note("the first")).unwrap();
    drop(journal);
    let file = store.path(&id);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend_from_slice(b"{\"v\":1,\"seq\":2,\"at\":\"2026-");
    std::fs::write(&file, bytes).unwrap();
    let found = report::read(&store, &id).unwrap();
    assert_eq!(found.requests, ["the first"]);
    assert!(report::read(&store, &"nothing".into()).is_err());
}

#[test]
fn a_session_in_which_nothing_happened_says_so_in_every_part() {
    let folder = tempfile::tempdir().unwrap();
    let text = report::of(&[], &BlobStore::new(folder.path())).to_string();
    assert!(text.starts_with("# Report of a session\n"), "{text}");
    assert_eq!(text.matches("\n## ").count(), text.matches("none recorded").count(), "{text}");
}
