//! What the output of a test runner says: how many tests ran, and which failed.
//!
//! Every format is tried on every line, since `npm test` or `make test` may run anything.

mod javascript;
mod python;
mod tools;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::TestCount;

/// The most names that are kept; beyond them only the numbers count.
const NAMES: usize = 5_000;

/// What a summary says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// How many.
    pub count: TestCount,
    /// Which failed.
    pub failed: BTreeSet<String>,
}

impl Outcome {
    /// Notes a failure.
    pub(super) fn fail(&mut self, name: &str) {
        let name = name.trim();
        if !name.is_empty() && self.failed.len() < NAMES {
            self.failed.insert(name.chars().take(300).collect());
        }
    }

    /// Adds what another summary says.
    pub(super) fn add(&mut self, other: Self) {
        self.count.passed += other.count.passed;
        self.count.failed += other.count.failed;
        self.count.skipped += other.count.skipped;
        self.failed.extend(other.failed);
    }
}

/// One format of output.
trait Reading: Send {
    /// Takes a line, without its end and without escape sequences.
    fn line(&mut self, line: &str);

    /// What it came to; `None` when the output is not of this format.
    fn finish(&self) -> Option<Outcome>;
}

/// All formats at once.
pub(super) struct Readings(Vec<Box<dyn Reading>>);

impl Default for Readings {
    fn default() -> Self {
        Self(vec![
            Box::<python::Pytest>::default(),
            Box::<python::Unittest>::default(),
            Box::<javascript::Jest>::default(),
            Box::<javascript::Vitest>::default(),
            Box::<javascript::Mocha>::default(),
            Box::<javascript::NodeTest>::default(),
            Box::<tools::Cargo>::default(),
            Box::<tools::Nextest>::default(),
            Box::<tools::Go>::default(),
            Box::<tools::Maven>::default(),
            Box::<tools::Gradle>::default(),
        ])
    }
}

impl Readings {
    /// Takes a line.
    pub(super) fn line(&mut self, line: &str) {
        self.0.iter_mut().for_each(|reading| reading.line(line));
    }

    /// The sum of all formats that recognised something, since one command may run several runners.
    pub(super) fn finish(&self) -> Option<Outcome> {
        self.0.iter().filter_map(|reading| reading.finish()).reduce(|mut sum, other| {
            sum.add(other);
            sum
        })
    }
}

/// The number before each word: `3 passed, 1 failed` holds 3 before `passed`.
fn number_before(text: &str, word: &str) -> Option<u32> {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '|' | ';' | '(' | ')'))
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> Option<(u32, u32, u32, Vec<String>)> {
        let mut readings = Readings::default();
        output.lines().for_each(|line| readings.line(line));
        let outcome = readings.finish()?;
        let TestCount { passed, failed, skipped } = outcome.count;
        Some((passed, failed, skipped, outcome.failed.into_iter().collect()))
    }

    /// A name, output, and what it comes to: passed, failed, skipped, names of what failed.
    type Case = (&'static str, &'static str, Option<(u32, u32, u32, &'static [&'static str])>);

    /// Output as the runners print it, cut to the lines that matter.
    const CASES: &[Case] = &[
        (
            "pytest",
            "FAILED tests/test_a.py::test_x[1-a] - assert 1 == 2\nERROR tests/test_b.py - ImportError\n==== 1 failed, 3 passed, 2 skipped, 1 xfailed, 1 error in 0.12s ====",
            Some((3, 2, 3, &["tests/test_a.py::test_x[1-a]", "tests/test_b.py"])),
        ),
        ("pytest -q", "....\n4 passed in 61.20s (0:01:01)", Some((4, 0, 0, &[]))),
        ("pytest none", "==== no tests ran in 0.01s ====", Some((0, 0, 0, &[]))),
        ("pytest deselected", "==== 5 deselected in 0.01s ====", Some((0, 0, 0, &[]))),
        ("unittest ok", "...\n----\nRan 3 tests in 0.001s\n\nOK (skipped=1)", Some((2, 0, 1, &[]))),
        (
            "unittest failed",
            "======================================================================\nFAIL: test_a (tests.test_x.Case.test_a)\n----\n======================================================================\nERROR: test_b (tests.test_x.Case.test_b)\nERROR: a line of a log\nRan 5 tests in 0.002s\n\nFAILED (failures=1, errors=1, skipped=1, expected failures=1)",
            Some((1, 2, 2, &["test_a (tests.test_x.Case.test_a)", "test_b (tests.test_x.Case.test_b)"])),
        ),
        ("unittest none", "Ran 0 tests in 0.000s\n\nNO TESTS RAN", Some((0, 0, 0, &[]))),
        (
            "jest",
            "  ● cart › adds\n\n    expect(received)\nTests:       1 failed, 1 skipped, 1 todo, 2 passed, 5 total",
            Some((2, 1, 2, &["cart › adds"])),
        ),
        (
            "jest suite broken",
            "  ● Test suite failed to run\nTest Suites: 1 failed, 1 total\nTests:       0 total",
            Some((0, 1, 0, &["Test suite failed to run"])),
        ),
        (
            "vitest",
            " FAIL  src/a.test.ts > cart > adds\n Test Files  1 failed (1)\n      Tests  1 failed | 2 passed | 1 skipped (4)",
            Some((2, 1, 1, &["src/a.test.ts > cart > adds"])),
        ),
        (
            "mocha",
            "  2 passing (9ms)\n  1 pending\n  1 failing\n\n  1) cart\n       adds:\n     AssertionError",
            Some((2, 1, 1, &["cart adds"])),
        ),
        (
            "node spec",
            "▶ cart\n  ✖ adds (1.2ms)\n✖ cart (2ms)\nℹ tests 3\nℹ suites 1\nℹ pass 2\nℹ fail 1\nℹ cancelled 0\nℹ skipped 0\nℹ todo 0\nℹ duration_ms 60\n\n✖ failing tests:\n\ntest at a.js:1:1\n✖ adds (1.2ms)",
            Some((2, 1, 0, &["adds", "cart"])),
        ),
        (
            "node tap",
            "not ok 2 - adds\n# tests 2\n# suites 0\n# pass 1\n# fail 1\n# cancelled 0\n# skipped 0\n# todo 0",
            Some((1, 1, 0, &["adds"])),
        ),
        (
            "cargo",
            "test a::x ... ok\ntest a::y ... FAILED\ntest result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s\ntest result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            Some((5, 1, 2, &["a::y"])),
        ),
        (
            "nextest",
            "        PASS [   0.004s] shop tests::adds\n        FAIL [   0.005s] (2/3) shop::price zero\n     Summary [   0.006s] 3 tests run: 2 passed, 1 failed, 1 skipped\n        FAIL [   0.005s] (2/3) shop::price zero",
            Some((2, 1, 1, &["shop::price zero"])),
        ),
        (
            "go -v",
            "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n    --- FAIL: TestB/sub (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL\nFAIL\texample.com/x/a\t0.002s\n--- SKIP: TestC (0.00s)\nok  \texample.com/x/b\t0.002s\n?   \texample.com/x\t[no test files]",
            Some((1, 1, 1, &["example.com/x/a TestB"])),
        ),
        (
            "go broken",
            "# example.com/x [example.com/x.test]\n./a_test.go:3:1: syntax error\nFAIL\texample.com/x [build failed]\nFAIL",
            Some((0, 1, 0, &["example.com/x [build failed]"])),
        ),
        (
            "go quiet",
            "ok  \texample.com/x/a\t0.002s\nok  \texample.com/x/b\t(cached)\nok  \texample.com/x/c\t0.1s [no tests to run]",
            Some((2, 0, 0, &[])),
        ),
        (
            "maven",
            "[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.1 s <<< FAILURE! - in x.AppTest\n[ERROR] Failures: \n[ERROR]   AppTest.adds:12 expected: <1> but was: <2>\n[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0",
            Some((1, 1, 0, &["AppTest.adds"])),
        ),
        (
            "gradle",
            "AppTest > adds() FAILED\n    org.opentest4j.AssertionFailedError\n\n3 tests completed, 1 failed, 1 skipped",
            Some((1, 1, 1, &["AppTest > adds()"])),
        ),
        ("nothing", "hello\n3 things in 4s\nRan away", None),
        ("empty", "", None),
    ];

    #[test]
    fn summaries_are_read_as_the_runners_print_them() {
        for (what, output, expected) in CASES {
            let expected = expected.map(|(passed, failed, skipped, names)| {
                (passed, failed, skipped, names.iter().map(ToString::to_string).collect::<Vec<_>>())
            });
            assert_eq!(read(output), expected, "{what}");
        }
    }
}
