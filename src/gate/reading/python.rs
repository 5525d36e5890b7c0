//! pytest and unittest.

use super::{Outcome, Reading, number_before};

/// `=== 1 failed, 3 passed in 0.12s ===`, and with `-rfE` the names before it.
#[derive(Default)]
pub(super) struct Pytest {
    outcome: Outcome,
    found: bool,
}

impl Reading for Pytest {
    fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("FAILED ").or_else(|| line.strip_prefix("ERROR ")) {
            let name = without_message(rest);
            if name.contains(".py") {
                self.outcome.fail(name);
            }
            return;
        }
        let text = line.trim_matches(['=', ' ']);
        // Cargo's summary ends with a time as well.
        let Some((numbers, time)) = text.rsplit_once(" in ").filter(|_| !line.starts_with("test result: ")) else {
            return;
        };
        let seconds = time.split_whitespace().next().and_then(|time| time.strip_suffix('s'));
        if seconds.is_none_or(|time| time.parse::<f64>().is_err()) {
            return;
        }
        let number = |word: &str| number_before(numbers, word);
        let counted = ["passed", "failed", "error", "errors", "skipped", "xfailed", "xpassed", "deselected"];
        if numbers != "no tests ran" && counted.iter().all(|word| number(word).is_none()) {
            return;
        }
        self.found = true;
        let sum = |words: &[&str]| words.iter().filter_map(|word| number(word)).sum::<u32>();
        self.outcome.count.passed += sum(&["passed", "xpassed"]);
        self.outcome.count.failed += sum(&["failed", "error", "errors"]);
        self.outcome.count.skipped += sum(&["skipped", "xfailed"]);
    }

    fn finish(&self) -> Option<Outcome> {
        self.found.then(|| self.outcome.clone())
    }
}

/// The name before ` - message`; the parameters in a name's brackets may hold the same.
fn without_message(text: &str) -> &str {
    let closed = |name: &str| name.matches('[').count() <= name.matches(']').count();
    let mut ends = text.match_indices(" - ").map(|(at, _)| &text[..at]);
    ends.find(|name| closed(name)).unwrap_or(text)
}

/// `Ran 5 tests in 0.002s`, then `OK` or `FAILED (failures=1, errors=1)`. Django prints the same.
#[derive(Default)]
pub(super) struct Unittest {
    outcome: Outcome,
    ran: Option<u32>,
    found: bool,
    ruled: bool,
}

impl Reading for Unittest {
    fn line(&mut self, line: &str) {
        if self.ruled
            && let Some(name) = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: "))
        {
            self.outcome.fail(name);
        }
        self.ruled = line.len() >= 70 && line.bytes().all(|byte| byte == b'=');
        let ran = line.strip_prefix("Ran ").filter(|rest| rest.contains(" test") && rest.contains(" in "));
        if let Some(number) = ran.and_then(|rest| rest.split(' ').next()?.parse().ok()) {
            self.ran = Some(number);
            return;
        }
        let verdict = ["OK", "FAILED", "NO TESTS RAN"].iter().find(|word| line.starts_with(*word));
        if let (Some(ran), Some(_)) = (self.ran, verdict) {
            self.ran = None;
            self.found = true;
            self.add(ran, line);
        }
    }

    fn finish(&self) -> Option<Outcome> {
        // A run that broke off after its tests still says how many there were.
        self.found.then(|| self.outcome.clone())
    }
}

impl Unittest {
    fn add(&mut self, ran: u32, verdict: &str) {
        let number = |key: &str| -> u32 {
            let inner = verdict.split_once('(').map_or("", |(_, inner)| inner.trim_end_matches(')'));
            let pairs = inner.split(", ").filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| *name == key).filter_map(|(_, value)| value.parse::<u32>().ok()).sum()
        };
        let failed = number("failures") + number("errors") + number("unexpected successes");
        let skipped = number("skipped") + number("expected failures");
        self.outcome.count.failed += failed;
        self.outcome.count.skipped += skipped;
        self.outcome.count.passed += ran.saturating_sub(failed + skipped);
    }
}
