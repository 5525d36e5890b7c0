//! Cargo, Go, Maven and Gradle.

use super::{Outcome, Reading, number_before};

/// `test result: ok. 3 passed; 0 failed; 1 ignored; …`, once a test binary.
#[derive(Default)]
pub(super) struct Cargo {
    outcome: Outcome,
    found: bool,
}

impl Reading for Cargo {
    fn line(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.outcome.fail(name);
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            self.found = true;
            let number = |word: &str| number_before(rest, word).unwrap_or(0);
            self.outcome.count.passed += number("passed");
            self.outcome.count.failed += number("failed");
            self.outcome.count.skipped += number("ignored");
        }
    }

    fn finish(&self) -> Option<Outcome> {
        self.found.then(|| self.outcome.clone())
    }
}

/// `     Summary [   0.006s] 3 tests run: 2 passed, 1 failed, 0 skipped` of cargo-nextest, and before it
/// `        FAIL [   0.005s] shop tests::adds`.
#[derive(Default)]
pub(super) struct Nextest {
    outcome: Outcome,
    found: bool,
}

impl Reading for Nextest {
    fn line(&mut self, line: &str) {
        let Some((word, rest)) = line.trim_start().split_once(" [") else { return };
        let Some((time, rest)) = rest.split_once("] ") else { return };
        if !time.trim().ends_with('s') {
            return;
        }
        let number = |word: &str| number_before(rest, word).unwrap_or(0);
        match word.trim_end() {
            // Newer ones count: `FAIL [ 0.005s] (1/3) shop tests::adds`.
            "FAIL" | "TIMEOUT" | "SIGABRT" | "SIGSEGV" | "ABORT" | "LEAK-FAIL" => {
                let rest = rest.trim_start();
                let name = match rest.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
                    Some((_, name)) => name,
                    None => rest,
                };
                self.outcome.fail(name.trim_start());
            }
            "Summary" if rest.contains(" run: ") => {
                self.found = true;
                self.outcome.count.passed += number("passed");
                self.outcome.count.failed += number("failed") + number("timed");
                self.outcome.count.skipped += number("skipped");
            }
            _ => {}
        }
    }

    fn finish(&self) -> Option<Outcome> {
        self.found.then(|| self.outcome.clone())
    }
}

/// `--- PASS: TestA (0.00s)` with `-v`; without it only packages are counted.
#[derive(Default)]
pub(super) struct Go {
    outcome: Outcome,
    pending: Vec<String>,
    packages: u32,
    found: bool,
    verbose: bool,
}

impl Reading for Go {
    fn line(&mut self, line: &str) {
        self.verbose |= line.starts_with("=== RUN ");
        // Tests inside tests are indented and part of the outer one.
        let test = line.strip_prefix("--- ").and_then(|rest| rest.split_once(": "));
        if let Some((verdict, name)) = test {
            let name = name.split(' ').next().unwrap_or(name);
            match verdict {
                "PASS" => self.outcome.count.passed += 1,
                "SKIP" => self.outcome.count.skipped += 1,
                "FAIL" => {
                    self.outcome.count.failed += 1;
                    self.pending.push(name.to_owned());
                }
                _ => {}
            }
        } else if let Some(rest) = line.strip_prefix("ok  \t") {
            self.found = true;
            self.packages += u32::from(!rest.contains("[no tests to run]"));
        } else if let Some(rest) = line.strip_prefix("FAIL\t") {
            self.found = true;
            self.package_failed(rest);
        } else if line.starts_with("?   \t") && line.ends_with("[no test files]") {
            self.found = true;
        }
    }

    fn finish(&self) -> Option<Outcome> {
        let mut outcome = self.outcome.clone();
        if !self.verbose {
            outcome.count.passed = outcome.count.passed.max(self.packages);
        }
        self.found.then_some(outcome)
    }
}

impl Go {
    fn package_failed(&mut self, rest: &str) {
        let package = rest.split('\t').next().unwrap_or(rest);
        if self.pending.is_empty() {
            // It did not build, or it died outside any test.
            self.outcome.count.failed += 1;
            self.outcome.fail(package);
        }
        for name in std::mem::take(&mut self.pending) {
            self.outcome.fail(&format!("{package} {name}"));
        }
    }
}

/// `Tests run: 5, Failures: 1, Errors: 0, Skipped: 0`; the lines with a time are about single classes.
#[derive(Default)]
pub(super) struct Maven {
    outcome: Outcome,
    found: bool,
    listing: bool,
}

impl Reading for Maven {
    fn line(&mut self, line: &str) {
        let text = line.trim_start_matches(|c: char| c == '[' || c == ']' || c.is_ascii_uppercase()).trim_start();
        let errors = line.starts_with("[ERROR]");
        if let Some(at) = line.find("Tests run: ").filter(|_| !line.contains("Time elapsed")) {
            self.listing = false;
            self.found = true;
            self.add(&line[at..]);
        } else if errors && (line.trim_end() == "[ERROR] Failures:" || line.trim_end() == "[ERROR] Errors:") {
            self.listing = true;
        } else if self.listing && errors && line.starts_with("[ERROR]   ") {
            let name = text.split([':', ' ']).next().unwrap_or(text);
            self.outcome.fail(name);
        }
    }

    fn finish(&self) -> Option<Outcome> {
        self.found.then(|| self.outcome.clone())
    }
}

impl Maven {
    fn add(&mut self, summary: &str) {
        let number = |key: &str| -> u32 {
            let pairs = summary.split(", ").filter_map(|pair| pair.split_once(": "));
            pairs.filter(|(name, _)| *name == key).filter_map(|(_, value)| value.trim().parse::<u32>().ok()).sum()
        };
        let failed = number("Failures") + number("Errors");
        let skipped = number("Skipped");
        self.outcome.count.failed += failed;
        self.outcome.count.skipped += skipped;
        self.outcome.count.passed += number("Tests run").saturating_sub(failed + skipped);
    }
}

/// `3 tests completed, 1 failed`; Gradle prints no summary when all pass.
#[derive(Default)]
pub(super) struct Gradle {
    outcome: Outcome,
    found: bool,
}

impl Reading for Gradle {
    fn line(&mut self, line: &str) {
        if let Some(name) = line.strip_suffix(" FAILED").filter(|name| name.contains(" > ")) {
            self.outcome.fail(name);
        } else if line.contains(" tests completed") || line.contains(" test completed") {
            let number = |word: &str| number_before(line, word).unwrap_or(0);
            let total = number("tests").max(number("test"));
            let (failed, skipped) = (number("failed"), number("skipped"));
            self.found |= total > 0;
            self.outcome.count.failed += failed;
            self.outcome.count.skipped += skipped;
            self.outcome.count.passed += total.saturating_sub(failed + skipped);
        }
    }

    fn finish(&self) -> Option<Outcome> {
        self.found.then(|| self.outcome.clone())
    }
}
