//! Results of single tests from the reports that runners write for machines.

mod go;
mod javascript;
mod junit;
mod libtest;

use std::path::Path;

use crate::domain::{TestCase, TestStatus};

use super::reading::Outcome;

pub(super) use go::GoEvents;
pub(super) use libtest::Libtest;

/// The most single tests that are read of one report.
const CASES: usize = 20_000;
/// The most of a failure's text that is kept.
const TEXT: usize = 4_000;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// JUnit XML, as pytest, Vitest, Node, Maven and Gradle write it.
    Junit,
    /// `jest --json`
    Jest,
    /// `mocha --reporter json`
    Mocha,
    /// What the probe saw of `unittest`.
    Probe,
}

/// Reads a report. Paths in it become relative to `root`.
///
/// # Errors
/// It is cut off or not of this format; says what is wrong.
pub(super) fn read(format: Format, bytes: &[u8], root: &Path) -> Result<Vec<TestCase>, String> {
    let mut cases = match format {
        Format::Junit => junit::read(bytes),
        Format::Jest => javascript::jest(bytes),
        Format::Mocha => javascript::mocha(bytes),
        Format::Probe => junit::probe(bytes),
    }?;
    cases.truncate(CASES);
    for case in &mut cases {
        tidy(case, root);
    }
    Ok(cases)
}

/// Makes paths relative, finds the place of a failure, cuts long texts.
pub(super) fn tidy(case: &mut TestCase, root: &Path) {
    if case.status == TestStatus::Failed
        && let Some((path, line)) = case.message.as_deref().and_then(|text| place(text, root))
    {
        case.path = Some(path);
        case.line = Some(line);
    }
    if let Some(path) = &case.path {
        case.path = Some(relative(path, root));
    }
    if let Some(message) = &mut case.message
        && message.len() > TEXT
    {
        message.truncate(crate::text::head(message, TEXT).len());
        message.push('…');
    }
}

fn relative(path: &str, root: &Path) -> String {
    let root = root.to_string_lossy();
    let inner = path.trim_start_matches("file://").strip_prefix(root.as_ref()).map(|rest| rest.trim_start_matches('/'));
    inner.unwrap_or(path).trim_start_matches("./").to_owned()
}

/// The place in the project where a failure's text ends up: the last one named that is not in a dependency.
fn place(text: &str, root: &Path) -> Option<(String, usize)> {
    let mut found = None;
    let foreign = ["node_modules", "site-packages", "/usr/", "node:", "/lib/python", ".cargo/registry", "/rustc/"];
    for line in text.lines().take(400) {
        if foreign.iter().any(|word| line.contains(word)) {
            continue;
        }
        let javascript = line.trim_start().starts_with("at ");
        // A JavaScript stack names the innermost place first.
        if javascript && found.is_some() {
            continue;
        }
        if let Some((path, number)) = place_in_line(line) {
            found = Some((relative(&path, root), number));
        }
    }
    found.filter(|(path, _)| !path.starts_with('/'))
}

fn place_in_line(line: &str) -> Option<(String, usize)> {
    if let Some((path, rest)) = line.split_once("File \"").and_then(|(_, rest)| rest.split_once("\", line ")) {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        return digits.parse().ok().map(|number| (path.to_owned(), number));
    }
    let endings =
        [".py:", ".js:", ".ts:", ".mjs:", ".cjs:", ".tsx:", ".jsx:", ".go:", ".rs:", ".java:", ".kt:", ".rb:", ".php:"];
    let (at, ending) = endings.iter().find_map(|ending| Some((line.find(ending)?, *ending)))?;
    let end = at + ending.len();
    let digits: String = line[end..].chars().take_while(char::is_ascii_digit).collect();
    let start = line[..at]
        .rfind(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '\'' | '`'))
        .map_or(0, |start| start + 1);
    digits.parse().ok().map(|number| (line[start..end - 1].to_owned(), number))
}

/// What the tests come to.
pub(super) fn outcome(cases: &[TestCase]) -> Outcome {
    let mut outcome = Outcome::default();
    for case in cases {
        match case.status {
            TestStatus::Passed => outcome.count.passed += 1,
            TestStatus::Skipped => outcome.count.skipped += 1,
            TestStatus::Failed => {
                outcome.count.failed += 1;
                outcome.fail(&case.name);
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_failure_is_the_projects_own_line() {
        let root = Path::new("/r/shop");
        for (text, expected) in [
            ("def test():\n>   assert 1 == 2\n\ntests/test_a.py:4: AssertionError", Some(("tests/test_a.py", 4))),
            (
                "Traceback\n  File \"/r/shop/tests.py\", line 9, in test\n  File \"/usr/lib/python3/unittest/case.py\", line 1, in x",
                Some(("tests.py", 9)),
            ),
            (
                "Error: x\n    at Object.<anonymous> (/r/shop/test/a.test.js:7:19)\n    at y (/r/shop/node_modules/jest/a.js:1:1)\n    at z (/r/shop/b.js:2:2)",
                Some(("test/a.test.js", 7)),
            ),
            ("    main_test.go:22: status 200", Some(("main_test.go", 22))),
            ("thread 'a' panicked at src/lib.rs:10:5:\nx", Some(("src/lib.rs", 10))),
            ("nothing here", None),
            ("at /elsewhere/a.js:3:1", None),
        ] {
            let expected = expected.map(|(path, line)| (path.to_owned(), line));
            assert_eq!(place(text, root), expected, "{text}");
        }
    }
}
