//! The text of Rust's own test harness, which has no report for machines in a stable toolchain.

use std::collections::BTreeMap;

use crate::domain::{TestCase, TestStatus};

/// Collects `test a::b ... ok` and what failed tests print.
#[derive(Debug, Default)]
pub(in crate::gate) struct Libtest {
    cases: Vec<TestCase>,
    texts: BTreeMap<String, String>,
    telling: Option<String>,
    ended: bool,
}

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
            self.cases.push(TestCase { name: name.to_owned(), status, ..TestCase::default() });
        } else if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.telling = Some(name.to_owned());
        } else if line.starts_with("test result: ") {
            self.ended = true;
            self.telling = None;
        } else if line == "failures:" {
            self.telling = None;
        } else if let Some(name) = &self.telling {
            let text = self.texts.entry(name.clone()).or_default();
            if text.len() < 16 * 1024 {
                text.push_str(line);
                text.push('\n');
            }
        }
    }

    /// All tests, when a harness came to its end.
    pub(in crate::gate) fn finish(mut self) -> Option<Vec<TestCase>> {
        for case in &mut self.cases {
            case.message = self.texts.get(&case.name).filter(|_| case.status == TestStatus::Failed).cloned();
        }
        self.ended.then_some(self.cases)
    }
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
}
