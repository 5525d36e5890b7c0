//! Jest, Vitest, Mocha and Node's own runner.

use super::{Outcome, Reading, number_before};

/// `Tests:       1 failed, 2 passed, 3 total`
#[derive(Default)]
pub(super) struct Jest {
    outcome: Outcome,
    broken_suites: u32,
    found: bool,
}

impl Reading for Jest {
    fn line(&mut self, line: &str) {
        if let Some(name) = line.trim_start().strip_prefix("● ") {
            let noise =
                name.starts_with("Console") || name.starts_with("Deprecation") || name.starts_with("Validation");
            if !noise {
                self.outcome.fail(name);
            }
        } else if let Some(rest) = line.strip_prefix("Test Suites:") {
            self.broken_suites += number_before(rest, "failed").unwrap_or(0);
        } else if let Some(rest) = line.strip_prefix("Tests:").filter(|rest| rest.contains(" total")) {
            self.found = true;
            let number = |word: &str| number_before(rest, word).unwrap_or(0);
            self.outcome.count.passed += number("passed");
            self.outcome.count.failed += number("failed");
            self.outcome.count.skipped += number("skipped") + number("todo");
        }
    }

    fn finish(&self) -> Option<Outcome> {
        let mut outcome = self.outcome.clone();
        if outcome.count.failed == 0 {
            // A suite that does not load has no tests to fail.
            outcome.count.failed = self.broken_suites;
        }
        self.found.then_some(outcome)
    }
}

/// `      Tests  1 failed | 2 passed (3)`
#[derive(Default)]
pub(super) struct Vitest {
    outcome: Outcome,
    broken_files: u32,
    found: bool,
}

impl Reading for Vitest {
    fn line(&mut self, line: &str) {
        let text = line.trim_start();
        if let Some(name) = text.strip_prefix("FAIL  ") {
            self.outcome.fail(name);
        } else if let Some(rest) = text.strip_prefix("Test Files  ") {
            self.broken_files += number_before(rest, "failed").unwrap_or(0);
        } else if let Some(rest) = text.strip_prefix("Tests  ") {
            let number = |word: &str| number_before(rest, word);
            let (passed, failed) = (number("passed"), number("failed"));
            let skipped = number("skipped").unwrap_or(0) + number("todo").unwrap_or(0);
            self.found |= passed.is_some() || failed.is_some() || skipped > 0 || rest.trim() == "no tests";
            self.outcome.count.passed += passed.unwrap_or(0);
            self.outcome.count.failed += failed.unwrap_or(0);
            self.outcome.count.skipped += skipped;
        }
    }

    fn finish(&self) -> Option<Outcome> {
        let mut outcome = self.outcome.clone();
        if outcome.count.failed == 0 {
            outcome.count.failed = self.broken_files;
        }
        self.found.then_some(outcome)
    }
}

/// `  2 passing (9ms)`, `  1 failing`, then the failures numbered.
#[derive(Default)]
pub(super) struct Mocha {
    outcome: Outcome,
    found: bool,
    failing: bool,
    title: Vec<String>,
}

impl Reading for Mocha {
    fn line(&mut self, line: &str) {
        let text = line.trim();
        let number = text.split(' ').next().and_then(|number| number.parse::<u32>().ok());
        let word = text.split(' ').nth(1).unwrap_or_default();
        let alone = |word: &str| text.ends_with(word) || text.ends_with(')') && text.contains(&format!("{word} ("));
        match (number, word) {
            (Some(number), "passing") if alone("passing") => {
                self.found = true;
                self.outcome.count.passed += number;
            }
            (Some(number), "pending") if alone("pending") => self.outcome.count.skipped += number,
            (Some(number), "failing") if alone("failing") => {
                self.failing = true;
                self.found = true;
                self.outcome.count.failed += number;
            }
            _ if self.failing => self.failure(text),
            _ => {}
        }
    }

    fn finish(&self) -> Option<Outcome> {
        self.found.then(|| self.outcome.clone())
    }
}

impl Mocha {
    /// A title goes over several lines and ends with a colon.
    fn failure(&mut self, text: &str) {
        let numbered = text.split_once(") ").filter(|(number, _)| number.parse::<u32>().is_ok());
        match numbered {
            Some((_, title)) => self.title = vec![title.to_owned()],
            None if !self.title.is_empty() && !text.is_empty() => self.title.push(text.to_owned()),
            None => self.title.clear(),
        }
        if self.title.last().is_some_and(|last| last.ends_with(':')) {
            let title = self.title.join(" ");
            self.outcome.fail(title.trim_end_matches(':'));
            self.title.clear();
        }
    }
}

/// `ℹ tests 3` and so on; with TAP the same after `#`.
#[derive(Default)]
pub(super) struct NodeTest {
    outcome: Outcome,
    tests: Option<u32>,
    numbers: u32,
}

impl Reading for NodeTest {
    fn line(&mut self, line: &str) {
        let text = line.trim_start();
        if let Some(rest) = text.strip_prefix("✖ ").filter(|rest| *rest != "failing tests:") {
            self.outcome.fail(without_time(rest));
        } else if let Some(rest) = text.strip_prefix("not ok ")
            && let Some((_, name)) = rest.split_once(" - ")
        {
            let expected = name.contains(" # TODO") || name.contains(" # SKIP");
            if !expected {
                self.outcome.fail(name);
            }
        } else if let Some(rest) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# ")) {
            self.number(rest);
        }
    }

    fn finish(&self) -> Option<Outcome> {
        (self.tests.is_some() && self.numbers >= 2).then(|| self.outcome.clone())
    }
}

impl NodeTest {
    fn number(&mut self, rest: &str) {
        let Some((word, number)) = rest.split_once(' ') else { return };
        let Ok(number) = number.trim().parse::<u32>() else { return };
        match word {
            "tests" => self.tests = Some(self.tests.unwrap_or(0) + number),
            "pass" => self.outcome.count.passed += number,
            "fail" | "cancelled" => self.outcome.count.failed += number,
            "skipped" | "todo" => self.outcome.count.skipped += number,
            _ => return,
        }
        self.numbers += 1;
    }
}

fn without_time(name: &str) -> &str {
    match name.rsplit_once(" (") {
        Some((name, time)) if time.ends_with("ms)") => name,
        _ => name,
    }
}
