//! Which attempt is kept when none of them got past the gates: the one with the fewest failing checks, not the last.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Value, json};

use super::files::{self, Known};
use super::story::{Step, Story};

/// A state of the changed files that the gates have judged.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attempt {
    /// How many checks failed.
    failing: usize,
    /// Nothing was changed yet.
    before: bool,
    files: BTreeMap<String, Known>,
}

/// The calls that bring back the best attempt where a later one made things worse. None when there is nothing to gain.
pub(super) fn bring_back(story: &Story) -> Vec<(&'static str, Value)> {
    let attempts = attempts(story);
    // The latest of those that are equally good: what it was asked to repair it may have repaired. But what is no better
    // than the files were at the beginning is no change to propose.
    let best = attempts.iter().rev().min_by_key(|attempt| (attempt.failing, !attempt.before));
    let Some(best) = best else { return Vec::new() };
    let now = changed(story);
    best.files.iter().filter_map(|(path, then)| call(path, now.get(path)?, then)).collect()
}

/// The call that gives a file these lines; `None` where it has them.
fn call(path: &str, now: &Known, then: &Known) -> Option<(&'static str, Value)> {
    if now.lines == then.lines {
        return None;
    }
    Some(match files::edits(&now.lines, &then.lines).filter(|_| !now.lines.is_empty()) {
        Some(edits) => ("edit", json!({"path": path, "edits": edits})),
        None => ("write", json!({"path": path, "content": then.text() + "\n"})),
    })
}

/// What the gates said of each state, in order.
fn attempts(story: &Story) -> Vec<Attempt> {
    let mut known = BTreeMap::new();
    let mut attempts = Vec::new();
    let mut before = true;
    for step in &story.steps {
        let failing = match step.name.as_str() {
            "propose" => failing(&step.output),
            "run" if !step.ok && story.steps.iter().any(Step::changed) => Some(failing_tests(&step.output)),
            _ => None,
        };
        if let Some(failing) = failing {
            attempts.push(Attempt { failing, before, files: of_changed(story, &known) });
        }
        before &= !step.changed();
        if step.ok {
            files::follow(&mut known, step);
        }
    }
    attempts
}

/// The changed files as they are now.
fn changed(story: &Story) -> BTreeMap<String, Known> {
    of_changed(story, &story.files())
}

fn of_changed(story: &Story, known: &BTreeMap<String, Known>) -> BTreeMap<String, Known> {
    let paths = story.steps.iter().filter(|step| step.changed()).map(Step::path);
    paths.filter_map(|path| Some((path.to_owned(), known.get(path)?.clone()))).collect()
}

/// How many checks failed that did not fail before; `None` when no gate says anything.
fn failing(output: &str) -> Option<usize> {
    let lines: Vec<&str> = output.lines().filter(|line| line.starts_with("- ")).collect();
    let count = |line: &&str| {
        let new = line.rsplit_once(" new").and_then(|(before, _)| before.rsplit(['(', ' ', ':']).next()?.parse().ok());
        new.unwrap_or(1).max(1)
    };
    let red = lines.iter().filter(|line| line.contains(" FAILED")).map(count).sum();
    (!lines.is_empty()).then_some(red)
}

/// How many tests fail by what a runner prints at its end; as many as can be where it prints no such thing.
fn failing_tests(output: &str) -> usize {
    let patterns =
        [r"(?:failures|errors)=(\d+)", r"(\d+) (?:failed|failing)", r"(?m)^# fail (\d+)", r"Failures: (\d+)"];
    let number = |pattern: &&str| -> Option<usize> {
        let found = Regex::new(pattern).ok()?;
        found.captures_iter(output).filter_map(|found| found[1].parse::<usize>().ok()).reduce(|a, b| a + b)
    };
    let of_go = output.matches("--- FAIL: ").count();
    patterns.iter().find_map(number).or((of_go > 0).then_some(of_go)).filter(|count| *count > 0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, input: Value, output: &str) -> Step {
        Step { name: name.to_owned(), input, ok: name != "propose", output: output.to_owned() }
    }

    fn story(proposals: &[(&str, &str)]) -> Story {
        let mut story = Story::default();
        let mut now = "a".to_owned();
        story.steps.push(step("read", json!({"path": "f"}), "    1\ta\n"));
        for (text, said) in proposals {
            let edits = json!({"path": "f", "edits": [{"old": now, "new": text}]});
            story.steps.push(step("edit", edits, ""));
            story.steps.push(step("propose", Value::Null, said));
            now = (*text).to_owned();
        }
        story
    }

    #[test]
    fn the_attempt_with_the_fewest_failures_comes_back() {
        let two = "Proposal p1: 1 file(s) changed.\n- build passed\n- tests FAILED: 3 of 9 (2 new, 1 also on base)\n";
        let one = "- tests FAILED (1 new, 0 also on base)\nError: x\n";
        let three = "- build FAILED (1 new, 0 also on base)\n- tests FAILED: x (2 new, 0 also on base)";
        for (said, expected) in [
            ([two, one, three], Some("y")),
            ([one, two, three], Some("x")),
            ([three, two, one], None),
            ([one, one, one], None),
            ([two, one, one], None),
        ] {
            let story = story(&[("x", said[0]), ("y", said[1]), ("z", said[2])]);
            let calls = bring_back(&story);
            let to = calls.first().map(|(tool, input)| {
                assert_eq!(*tool, "edit");
                input["edits"][0]["new"].as_str().unwrap().to_owned()
            });
            assert_eq!(to.as_deref(), expected, "{said:?}");
        }
        assert!(bring_back(&story(&[])).is_empty());
    }

    #[test]
    fn runners_say_how_many_tests_fail() {
        for (output, expected) in [
            ("Ran 3 tests\nFAILED (failures=2, errors=1)", 3),
            ("=== 2 failed, 5 passed in 0.1s ===", 2),
            ("# tests 3\n# pass 2\n# fail 1\n", 1),
            ("--- FAIL: TestA (0.0s)\n--- FAIL: TestB (0.0s)\nFAIL", 2),
            ("SyntaxError: x", usize::MAX),
        ] {
            assert_eq!(failing_tests(output), expected, "{output}");
        }
    }

    #[test]
    fn failures_are_counted_as_the_engine_tells_them() {
        assert_eq!(failing("- tests FAILED: 5 of 7 tests (3 new, 2 also on base)\n"), Some(3));
        assert_eq!(failing("- build FAILED (0 new, 0 also on base)"), Some(1));
        assert_eq!(failing("- tests passed\n- scope not run"), Some(0));
        assert_eq!(failing("The gates could not run"), None);
    }
}
