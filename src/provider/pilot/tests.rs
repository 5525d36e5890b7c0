//! The pilot with a model that says what the test wants.

use serde_json::json;

use super::*;
use crate::domain::{Message, ToolResult, ToolSpec};

/// A conversation that goes on by itself: tools answer from a few files, the model from a list.
struct Drive {
    request: Request,
    files: Vec<(&'static str, String)>,
    /// What the model writes, in order; the last one again and again.
    model: Vec<&'static str>,
    /// What `propose` says, in order.
    gates: Vec<(bool, &'static str)>,
    /// What the project's tests say, in order.
    tests: Vec<(bool, &'static str)>,
    asked: Vec<String>,
}

impl Drive {
    fn new(task: &str, tools: &[&str], files: &[(&'static str, &str)], model: &[&'static str]) -> Self {
        let spec =
            |name: &&str| ToolSpec { name: (*name).to_owned(), description: String::new(), input_schema: json!({}) };
        let request = Request {
            model: "m".to_owned(),
            system: "You work.\n\n# Where you are\n- Project: python; tests: `python3 -m unittest`\n".to_owned(),
            messages: vec![Message::User { text: task.to_owned() }],
            tools: tools.iter().map(spec).collect(),
            max_tokens: 1_000,
            temperature: None,
        };
        let files = files.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
        Self {
            request,
            files,
            model: model.to_vec(),
            gates: vec![(true, "- tests passed")],
            tests: vec![(true, "")],
            asked: Vec::new(),
        }
    }

    /// Goes on until the pilot rests. The names of the calls in order, and its last words.
    fn run(&mut self) -> (Vec<String>, String) {
        let mut calls = Vec::new();
        for _ in 0..30 {
            let reply = self.step();
            calls.extend(reply.calls.iter().map(|call| call.name.clone()));
            let results: Vec<ToolResult> = reply.calls.iter().map(|call| self.tool(call)).collect();
            self.request.messages.push(Message::Assistant {
                text: reply.text.clone(),
                thinking: vec![],
                calls: reply.calls.clone(),
            });
            if results.is_empty() {
                return (calls, reply.text);
            }
            self.request.messages.push(Message::Tools { results });
        }
        panic!("it never rests: {calls:?}");
    }

    fn step(&mut self) -> Reply {
        let mut next = next(&self.request, Limits::of(2, 6_144));
        loop {
            let job = match next {
                Next::Reply(reply) => return *reply,
                Next::Write(job) => job,
            };
            self.asked.push(job.prompt().turns.last().map(|turn| turn.text.clone()).unwrap_or_default());
            let text = if self.model.len() > 1 { self.model.remove(0) } else { self.model[0] };
            match job.finish(&Written { text: text.to_owned(), end: End::Finished }) {
                Outcome::Reply(reply) => return *reply,
                Outcome::Again(job, _) => next = Next::Write(job),
            }
        }
    }

    fn tool(&mut self, call: &ToolCall) -> ToolResult {
        let path = call.input.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
        let find = |files: &[(&str, String)]| files.iter().position(|(known, _)| *known == path);
        let (ok, output) = match call.name.as_str() {
            "list" => (true, self.files.iter().map(|(path, text)| format!("{path}\t{}\n", text.len())).collect()),
            "search" => (true, "[no line matches]\n".to_owned()),
            "read" => match find(&self.files) {
                Some(at) => (
                    true,
                    (1..)
                        .zip(self.files[at].1.lines())
                        .map(|(number, line)| format!("{number:>5}\t{line}\n"))
                        .collect(),
                ),
                None => (false, "there is no such file".to_owned()),
            },
            "edit" => {
                let at = find(&self.files).expect("only known files are edited");
                for edit in call.input["edits"].as_array().unwrap() {
                    let (old, new) = (edit["old"].as_str().unwrap(), edit["new"].as_str().unwrap());
                    assert_eq!(self.files[at].1.matches(old).count(), 1, "{old:?}");
                    self.files[at].1 = self.files[at].1.replacen(old, new, 1);
                }
                (true, "Edited".to_owned())
            }
            "write" => {
                let content = call.input["content"].as_str().unwrap().to_owned();
                let path: &'static str = Box::leak(path.into_boxed_str());
                self.files.push((path, content));
                (true, "Created".to_owned())
            }
            "propose" => {
                let gate = if self.gates.len() > 1 { self.gates.remove(0) } else { self.gates[0] };
                (gate.0, gate.1.to_owned())
            }
            "run" if call.input["command"] == "python3 -m unittest" => {
                let said = if self.tests.len() > 1 { self.tests.remove(0) } else { self.tests[0] };
                (said.0, said.1.to_owned())
            }
            _ => (true, "[exit code 0]".to_owned()),
        };
        ToolResult { call: call.call.clone(), ok, output }
    }

    fn file(&self, path: &str) -> &str {
        self.files.iter().find(|(known, _)| *known == path).map(|(_, text)| text.as_str()).unwrap_or_default()
    }
}

const ALL: [&str; 8] = ["list", "search", "read", "edit", "write", "run", "propose", "ask"];
const STORE: &str = "import json\n\n\ndef total(cart):\n    return sum(cart)\n";

#[test]
fn a_wish_goes_from_looking_to_a_proposal() {
    let new = "import json\n\n\ndef total(cart):\n    return round(sum(cart), 2)\n```";
    let mut drive = Drive::new(
        "Round the total in store.py to two digits",
        &ALL,
        &[("store.py", STORE), ("app.py", "import store\n")],
        &[new],
    );
    let (calls, words) = drive.run();
    assert_eq!(calls, ["list", "search", "read", "edit", "run", "propose"]);
    assert_eq!(drive.file("store.py"), new.trim_end_matches('`'));
    assert!(words.starts_with("Changed `store.py`. Checks: tests passed."), "{words}");
}

#[test]
fn a_failing_gate_goes_back_twice_and_then_to_the_user() {
    let models = [
        "import json\n\n\ndef total(cart):\n    return 1\n```",
        "import json\n\n\ndef total(cart):\n    return 2\n```",
        "import json\n\n\ndef total(cart):\n    return 3\n```",
    ];
    let mut drive = Drive::new("Change total in store.py so that it rounds", &ALL, &[("store.py", STORE)], &models);
    drive.gates = vec![(false, "Proposal p1: 1 file(s) changed.\n- tests FAILED: 1 new\nAssertionError: 1 != 2\n")];
    let (calls, words) = drive.run();
    assert_eq!(calls.iter().filter(|name| *name == "propose").count(), 3, "{calls:?}");
    assert!(
        drive.asked[1].contains("AssertionError: 1 != 2") && drive.asked[1].contains("return 1"),
        "{}",
        drive.asked[1]
    );
    assert!(words.contains("a check still fails") && words.contains("AssertionError"), "{words}");
}

#[test]
fn the_attempt_that_fails_fewest_checks_is_kept() {
    let models = [
        "import json\n\n\ndef total(cart):\n    return 1\n```",
        "import json\n\n\ndef total(cart):\n    return 2\n```",
        "import json\n\n\ndef total(cart):\n    return 3\n```",
    ];
    let mut drive = Drive::new("Change total in store.py so that it rounds", &ALL, &[("store.py", STORE)], &models);
    drive.gates = vec![
        (false, "- tests FAILED (2 new, 0 also on base)\nAssertionError: 1\n"),
        (false, "- tests FAILED (1 new, 0 also on base)\nAssertionError: 2\n"),
        (false, "- build FAILED (1 new, 0 also on base)\n- tests FAILED (2 new, 0 also on base)\nSyntaxError: 3\n"),
        (false, "- tests FAILED (1 new, 0 also on base)\nAssertionError: 2\n"),
    ];
    let (calls, words) = drive.run();
    assert_eq!(calls.iter().filter(|name| *name == "propose").count(), 4, "{calls:?}");
    assert!(drive.file("store.py").ends_with("return 2\n"), "{}", drive.file("store.py"));
    assert!(words.contains("a check still fails") && words.contains("AssertionError: 2"), "{words}");
    // The second repair is written anew: whoever sees a wrong answer writes it once more.
    let last = &drive.asked[2];
    assert!(last.contains("return sum(cart)") && !last.contains("return 2"), "{last}");
    assert!(last.contains("AssertionError: 2"), "{last}");
}

#[test]
fn an_unchanged_file_is_no_change() {
    let mut drive = Drive::new(
        "Make total in store.py faster",
        &ALL,
        &[("store.py", STORE)],
        &["import json\n\n\ndef total(cart):\n    return sum(cart)\n```"],
    );
    let (calls, words) = drive.run();
    assert!(!calls.iter().any(|name| matches!(name.as_str(), "edit" | "write" | "propose")), "{calls:?}");
    assert!(words.contains("could not change `store.py`"), "{words}");
}

#[test]
fn an_agent_without_tools_to_write_answers() {
    let mut drive =
        Drive::new("Round the total in store.py", &["read", "list"], &[("store.py", STORE)], &["Use round()."]);
    let (calls, words) = drive.run();
    let quoted = "Use round().\n\n- store.py:4 `def total(cart):`";
    assert_eq!((calls.as_slice(), words.as_str()), (&["list".to_owned(), "read".to_owned()][..], quoted));
    // Without `edit` the file is written whole; without `propose` the pilot just rests.
    let new = "import json\n\n\ndef total(cart):\n    return 0\n```";
    let mut drive = Drive::new("Round the total in store.py", &["read", "write"], &[("store.py", STORE)], &[new]);
    let (calls, _) = drive.run();
    assert_eq!(calls, ["read", "write"]);
}

#[test]
fn tests_that_fail_are_run_first_and_left_alone() {
    let files = [
        ("invoice.py", "def total(x):\n    return x\n"),
        ("test_invoice.py", "from invoice import total\n\n\ndef test_total():\n    assert total(1) == 2\n"),
    ];
    let mut drive = Drive::new(
        "test_invoice.py fails. Find the mistake in invoice.py and repair it.",
        &ALL,
        &files,
        &["def total(x):\n    return x + 1\n```"],
    );
    let (calls, _) = drive.run();
    assert_eq!(calls, ["list", "search", "read", "read", "run", "edit", "run", "run", "propose"]);
    assert!(drive.asked[0].contains("assert total(1) == 2"), "{}", drive.asked[0]);
    assert_eq!(drive.file("test_invoice.py"), files[1].1);
}

#[test]
fn tests_that_shall_pass_decide_although_they_failed_before() {
    let files = [
        ("invoice.py", "def total(x):\n    return x\n"),
        ("test_invoice.py", "from invoice import total\n\n\ndef test_total():\n    assert total(1) == 2\n"),
    ];
    let task = "test_invoice.py fails. Repair invoice.py.";
    let models = [
        "def total(x):\n    return x + 2\n```",
        "def total(x):\n    return x + 3\n```",
        "def total(x):\n    return x + 1\n```",
    ];
    let mut drive = Drive::new(task, &ALL, &files, &models);
    let fails = (false, "FAILED (failures=1)\nAssertionError: 3 != 2");
    drive.tests = vec![fails, fails, fails, (true, "OK")];
    let (calls, words) = drive.run();
    assert_eq!(calls.iter().filter(|name| *name == "propose").count(), 1, "{calls:?}");
    assert!(drive.file("invoice.py").ends_with("x + 1\n"), "{words}");
    assert!(drive.asked[0].contains("This is what fails"), "{}", drive.asked[0]);
    // Each time it begins with the file as it was.
    assert!(drive.asked[2].contains("return x\n") && drive.asked[2].contains("A first attempt"), "{}", drive.asked[2]);
    // What never passes is not proposed as if it did, and not left in the draft for the gates to call green.
    for models in [
        &models[..1],
        &[
            "def total(x):\n    return 5\n```",
            "def total(x):\n    return 6\n```",
            "def total(x):\n    return 7\n```",
            "def total(x):\n    return 8\n```",
            "def total(x):\n    return 9\n```",
        ],
    ] {
        let mut drive = Drive::new(task, &ALL, &files, models);
        drive.tests = vec![fails];
        let (calls, words) = drive.run();
        assert!(!calls.contains(&"propose".to_owned()) && words.contains("still fails"), "{calls:?} {words}");
        assert_eq!(drive.file("invoice.py").trim_end(), files[0].1.trim_end(), "{calls:?} {words}");
    }
}

#[test]
fn tests_asked_for_are_added_to_those_there_are() {
    let files = [
        ("store.py", STORE),
        ("test_store.py", "from store import total\n\n\ndef test_sum():\n    assert total([1]) == 1\n"),
    ];
    let models = [
        "import json\n\n\ndef total(cart):\n    return round(sum(cart), 2)\n```",
        "rounds():\n    assert total([0.001]) == 0\n```",
    ];
    let mut drive = Drive::new("Round the total in store.py and test it", &ALL, &files, &models);
    let (calls, words) = drive.run();
    assert_eq!(calls.iter().filter(|name| *name == "edit").count(), 2, "{calls:?} {words}");
    assert!(
        drive.file("test_store.py").ends_with("== 1\n\n\ndef test_rounds():\n    assert total([0.001]) == 0\n"),
        "{}",
        drive.file("test_store.py")
    );
}

#[test]
fn a_new_file_is_made_where_the_task_says() {
    let mut drive = Drive::new(
        "Create src/health.py with a function health() that returns \"ok\"",
        &ALL,
        &[("src/app.py", "x = 1\n")],
        &["def health():\n    return \"ok\"\n```"],
    );
    let (calls, _) = drive.run();
    assert!(calls.contains(&"write".to_owned()), "{calls:?}");
    assert_eq!(drive.file("src/health.py"), "def health():\n    return \"ok\"\n");
}

#[test]
fn a_new_file_of_go_is_of_the_package_of_its_folder() {
    let mut drive = Drive::new(
        "Create stack.go with a type Stack",
        &ALL,
        &[("queue.go", "package queue\n\ntype Queue struct{}\n")],
        &["// Stack is empty.\ntype Stack struct{}\n```"],
    );
    drive.run();
    assert_eq!(drive.file("stack.go"), "package queue\n\n// Stack is empty.\ntype Stack struct{}\n");
}

#[test]
fn a_migration_is_written_both_ways() {
    let files = [
        ("migrations/0001_users.down.sql", "DROP TABLE users;\n"),
        ("migrations/0001_users.up.sql", "CREATE TABLE users (id INTEGER);\n"),
    ];
    let models = ["ALTER TABLE users ADD COLUMN email TEXT;\n```", "ALTER TABLE users DROP COLUMN email;\n```"];
    let mut drive = Drive::new("Write the migration pair that adds a column email to users", &ALL, &files, &models);
    let (calls, _) = drive.run();
    assert_eq!(calls.iter().filter(|name| *name == "propose").count(), 1, "{calls:?}");
    assert!(drive.file("migrations/0002_email_users.up.sql").contains("ADD COLUMN"));
    assert!(drive.file("migrations/0002_email_users.down.sql").contains("DROP COLUMN"));
    // The way down is written beside the way up and a way down there is.
    assert!(drive.asked[1].contains("ADD COLUMN") && drive.asked[1].contains("DROP TABLE users"), "{}", drive.asked[1]);
}

#[test]
fn a_query_is_written_beside_its_schema() {
    let files = [("schema.sql", "CREATE TABLE sales (pieces INTEGER);\n"), ("top.sql", "SELECT pieces\nFROM sales;\n")];
    let mut drive =
        Drive::new("top.sql shall add up the pieces", &ALL, &files, &["SELECT SUM(pieces)\nFROM sales;\n```"]);
    drive.run();
    assert!(drive.asked[0].contains("CREATE TABLE sales"), "{}", drive.asked[0]);
}

#[test]
fn a_second_task_begins_anew() {
    let models = [
        "import json\n\n\ndef total(cart):\n    return 1\n```",
        "import json\n\n\ndef total(cart):\n    return 2\n```",
    ];
    let mut drive = Drive::new("Change total in store.py", &ALL, &[("store.py", STORE)], &models);
    drive.run();
    drive.request.messages.push(Message::User { text: "Now make it return 2".to_owned() });
    let (calls, _) = drive.run();
    assert_eq!(calls, ["list", "read", "edit", "run", "propose"]);
    assert!(drive.file("store.py").ends_with("return 2\n"));
}

#[test]
fn a_long_file_is_changed_in_blocks() {
    let mut text = String::from("import os\n");
    for number in 0..40 {
        text.push_str(&format!("\n\ndef f{number}(x):\n    return x + {number}\n"));
    }
    let mut drive = Drive::new(
        "f7 in big.py must return zero",
        &ALL,
        &[("big.py", &text)],
        &["    return x + 7\n=======\n    return 0\n>>>>>>> REPLACE"],
    );
    let (calls, words) = drive.run();
    assert!(calls.contains(&"propose".to_owned()), "{calls:?} {words}");
    assert_eq!(drive.file("big.py"), text.replace("return x + 7\n", "return 0\n"));
    assert!(drive.asked[0].contains("def f7") && drive.asked[0].len() < text.len() + 400);
}

#[test]
fn every_beginning_is_small() {
    for manner in [
        prompts::Manner::Whole,
        prompts::Manner::Blocks,
        prompts::Manner::Tests,
        prompts::Manner::Create,
        prompts::Manner::Words,
    ] {
        let turns = prompts::fixed(manner, &"Always be kind. ".repeat(400));
        let size: usize = turns.iter().map(|turn| excerpt::tokens(&turn.text)).sum();
        assert!(size < 900, "{manner:?}: {size}");
    }
    assert!(matches!(beginning("x")[0].role, crate::provider::embedded::wire::Role::System));
}
