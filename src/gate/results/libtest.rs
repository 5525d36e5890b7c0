//! The text of Rust's own test harness, which has no report for machines in a stable toolchain.

use std::collections::BTreeMap;

use crate::domain::{TestCase, TestStatus};

/// Collects `test a::b ... ok` and what failed tests print.
#[derive(Debug, Default)]
pub(in crate::gate) struct Libtest {
    /// With the program of each.
    cases: Vec<(String, TestCase)>,
    /// By program and test.
    texts: BTreeMap<(String, String), String>,
    telling: Option<String>,
    /// The program that runs, by its source: `tests/orders.rs`, `src/lib.rs`.
    program: String,
    /// It has said how many tests it runs, and not yet how they ended.
    running: bool,
    ended: bool,
    /// What Cargo says of how the program ended.
    fell: Option<String>,
}

/// What a program's source is put before to name it when it ends before its tests do.
const EARLY: &str = "(ended before its tests did)";

impl Libtest {
    /// Takes a line.
    pub(in crate::gate) fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test ")
            && let Some((name, verdict)) = rest.rsplit_once(" ... ")
        {
            let status = match verdict.split([',', ' ', '<']).next() {
                Some("ok") => TestStatus::Passed,
                Some("FAILED") => TestStatus::Failed,
                Some("ignored") => TestStatus::Skipped,
                _ => return,
            };
            let name = name.strip_suffix(" - should panic").unwrap_or(name).to_owned();
            let path = self.source();
            self.cases.push((self.program.clone(), TestCase { name, status, path, ..TestCase::default() }));
        } else if let Some(program) = program(line) {
            self.ends();
            program.clone_into(&mut self.program);
        } else if is_beginning(line) {
            self.running = !self.program.is_empty();
        } else if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.telling = Some(name.to_owned());
        } else if self.running && line.contains("process didn't exit successfully") {
            self.fell = Some(line.trim().to_owned());
        } else if line.starts_with("test result: ") {
            self.ended = true;
            self.running = false;
            self.telling = None;
        } else if line == "failures:" {
            self.telling = None;
        } else if let Some(name) = &self.telling {
            let text = self.texts.entry((self.program.clone(), name.clone())).or_default();
            if text.len() < 16 * 1024 {
                text.push_str(line);
                text.push('\n');
            }
        }
    }

    /// The file of the program's tests, where it is one.
    fn source(&self) -> Option<String> {
        self.program.starts_with("tests/").then(|| self.program.clone())
    }

    /// A program that ends in the middle of its tests says nothing of those that are left, and may even end well.
    fn ends(&mut self) {
        self.telling = None;
        let fell = self.fell.take();
        if std::mem::take(&mut self.running) {
            let name = format!("{} {EARLY}", self.program);
            let path = self.source();
            let case = TestCase { name, status: TestStatus::Failed, path, ..TestCase::default() };
            self.texts.extend(fell.map(|fell| ((self.program.clone(), case.name.clone()), fell)));
            self.cases.push((self.program.clone(), case));
            self.ended = true;
        }
    }

    /// All tests, when a harness came to its end.
    pub(in crate::gate) fn finish(mut self) -> Option<Vec<TestCase>> {
        self.ends();
        for (program, case) in self.cases.iter_mut().filter(|(_, case)| case.status == TestStatus::Failed) {
            let key = (std::mem::take(program), case.name.clone());
            case.message = self.texts.remove(&key).filter(|text| !text.trim().is_empty());
        }
        self.ended.then(|| self.cases.into_iter().map(|(_, case)| case).collect())
    }
}

/// The source of a program Cargo starts: `Running unittests src/lib.rs (target/debug/deps/shop-1a)`, `Doc-tests shop`.
fn program(line: &str) -> Option<&str> {
    let text = line.trim_start();
    if let Some(name) = text.strip_prefix("Doc-tests ") {
        return Some(name);
    }
    let (source, _) = text.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once(" (")?;
    Some(source.strip_prefix("unittests ").unwrap_or(source))
}

fn is_beginning(line: &str) -> bool {
    let number =
        line.strip_prefix("running ").and_then(|rest| rest.strip_suffix(" tests").or(rest.strip_suffix(" test")));
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_keep_what_they_print() {
        let mut libtest = Libtest::default();
        let output = "test a::x ... ok\ntest a::y ... FAILED\ntest a::z ... ignored, slow\n\nfailures:\n\n---- a::y stdout ----\n\
                      thread 'a::y' panicked at src/lib.rs:4:5:\nno\n\nfailures:\n    a::y\n\ntest result: FAILED. 1 passed; 1 failed";
        output.lines().for_each(|line| libtest.line(line));
        let cases = libtest.finish().unwrap();
        assert_eq!(cases.len(), 3);
        assert!(cases[1].message.as_ref().unwrap().contains("src/lib.rs:4:5"));
        assert_eq!(Libtest::default().finish(), None);
    }

    #[test]
    fn a_program_that_ends_in_the_middle_of_its_tests_fails() {
        let mut libtest = Libtest::default();
        let output = "     Running unittests src/lib.rs (target/debug/deps/shop-1)\n\nrunning 1 test\ntest a ... ok\n\ntest result: ok. 1 passed\n\n     \
                      Running tests/exits.rs (target/debug/deps/exits-2)\n\nrunning 2 tests\ntest x ... ok\n     \
                      Running tests/panics.rs (target/debug/deps/panics-3)\n\nrunning 1 test\ntest y - should panic ... FAILED\n\nfailures:\n\n\
                      ---- y stdout ----\nnote: test did not panic as expected\n\nfailures:\n    y\n\ntest result: FAILED. 0 passed; 1 failed\n   \
                      Doc-tests shop\n\nrunning 0 tests\n\ntest result: ok. 0 passed";
        output.lines().for_each(|line| libtest.line(line));
        let cases = libtest.finish().unwrap();
        let failed: Vec<_> = cases
            .iter()
            .filter(|case| case.status == TestStatus::Failed)
            .map(|case| (case.name.as_str(), case.path.as_deref().unwrap(), case.message.as_deref().map(str::trim)))
            .collect();
        let panics = ("y", "tests/panics.rs", Some("note: test did not panic as expected"));
        assert_eq!(failed, [("tests/exits.rs (ended before its tests did)", "tests/exits.rs", None), panics]);
    }
}
