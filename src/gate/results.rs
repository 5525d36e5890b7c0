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

/// What is said of a file that ended well and told of no test.
pub(super) const NO_TEST: &str = "the file ended without running a test";

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// JUnit XML, as pytest, Vitest, Node, Maven and Gradle write it.
    Junit,
    /// `jest --json`
    Jest,
    /// `mocha --reporter json`
    Mocha,
    /// JUnit XML of Node, which tells of a file without tests as of one that passed.
    Node,
    /// A folder of JUnit XML, one file a class.
    Folder,
    /// What the probe saw of `unittest`.
    Probe,
}

/// Reads a report. Paths in it become relative to `root`.
///
/// # Errors
/// It is cut off or not of this format; says what is wrong.
pub(super) fn read(format: Format, bytes: &[u8], root: &Path) -> Result<Vec<TestCase>, String> {
    let mut cases = match format {
        Format::Junit | Format::Node | Format::Folder => junit::read(bytes),
        Format::Jest => javascript::jest(bytes),
        Format::Mocha => javascript::mocha(bytes),
        Format::Probe => junit::probe(bytes),
    }?;
    cases.truncate(CASES);
    for case in &mut cases {
        if format == Format::Node {
            name_file(case, root);
        }
        tidy(case, root);
    }
    Ok(cases)
}

/// A file that ends without a test of its own is told as a test with its path for a name: no test passed there.
fn name_file(case: &mut TestCase, root: &Path) {
    let file = relative(&case.name, root);
    if file == case.name {
        return;
    }
    case.path.get_or_insert_with(|| file.clone());
    case.name = file;
    if case.status == TestStatus::Passed {
        case.status = TestStatus::Skipped;
        case.message = Some(NO_TEST.to_owned());
    }
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

/// Words of a line that is about a dependency or the runner.
const FOREIGN: &[&str] = &[
    "node_modules",
    "site-packages",
    "/usr/",
    "node:",
    "/lib/python",
    ".cargo/registry",
    "/rustc/",
    "/pkg/mod/",
    "_testmain.go",
];
/// What begins the frames of Java that are not the project's own.
const FOREIGN_FRAMES: &[&str] = &[
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "junit.",
    "kotlin.",
    "scala.",
    "groovy.",
    "org.junit.",
    "org.opentest4j.",
    "org.testng.",
    "org.assertj.",
    "org.hamcrest.",
    "org.mockito.",
    "org.springframework.",
    "org.apache.maven.",
    "org.gradle.",
    "com.google.common.truth.",
    "io.kotest.",
    "reactor.",
];

/// The place in the project where a failure's text ends up: the last one named that is not in a dependency, and in a
/// stack that names the innermost place first, the first.
fn place(text: &str, root: &Path) -> Option<(String, usize)> {
    let (mut found, mut before) = (None, None);
    // Go's compiler names the first mistake first.
    let mut first = text.starts_with("# ");
    for line in text.lines().take(400) {
        if FOREIGN.iter().any(|word| line.contains(word)) {
            continue;
        }
        if line.starts_with("goroutine ") && !first {
            first = true;
            before = found.take();
        }
        let frame = line.trim_start().strip_prefix("at ");
        if found.is_some() && (frame.is_some() || first) {
            continue;
        }
        let at = match frame.and_then(java_frame) {
            Some(frame) => frame,
            None => place_in_line(line),
        };
        if let Some((path, number)) = at {
            let path = relative(&path, root);
            found = if path.starts_with('/') { found } else { Some((path, number)) };
        }
    }
    found.or(before)
}

/// `shop.orders.CartTest.adds(CartTest.java:12)` is line 12 of `shop/orders/CartTest.java`. `None` when it is no such
/// frame, and within it when it is not the project's own.
fn java_frame(frame: &str) -> Option<Option<(String, usize)>> {
    let (method, file) = frame.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let (file, number) = file.split_once(':')?;
    if ![".java", ".kt", ".groovy", ".scala"].iter().any(|end| file.ends_with(end)) || file.contains('/') {
        return None;
    }
    // `app//shop.CartTest`, as a named module puts it.
    let method = method.rsplit('/').next().unwrap_or(method);
    if FOREIGN_FRAMES.iter().any(|start| method.starts_with(start)) {
        return Some(None);
    }
    let class = method.rsplit_once('.').map_or("", |(class, _)| class);
    let package = class.rsplit_once('.').map_or(String::new(), |(package, _)| package.replace('.', "/") + "/");
    Some(number.parse().ok().map(|number| (format!("{package}{file}"), number)))
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
    fn a_file_that_runs_no_test_is_no_test_that_passes() {
        let report = br#"<testsuites><testcase name="/r/shop/test/a.test.js" time="0.2" classname="test"/>
            <testcase name="adds" classname="test"/><testcase name="/r/shop/test/b.test.js" classname="test"><failure message="exit 1"/></testcase></testsuites>"#;
        let cases = read(Format::Node, report, Path::new("/r/shop")).unwrap();
        let shown: Vec<_> = cases.iter().map(|case| (case.name.as_str(), case.status)).collect();
        use TestStatus::{Failed, Passed, Skipped};
        assert_eq!(shown, [("test/a.test.js", Skipped), ("adds", Passed), ("test/b.test.js", Failed)]);
    }

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
            (
                "java.lang.AssertionError: expected:<6> but was:<5>\n\tat org.junit.Assert.fail(Assert.java:88)\n\tat shop.orders.CartTest.adds(CartTest.java:12)\n\tat shop.Base.run(Base.java:3)",
                Some(("shop/orders/CartTest.java", 12)),
            ),
            ("panic: x\n\tat app//shop.CartTest.adds(CartTest.kt:7)", Some(("shop/CartTest.kt", 7))),
            (
                "--- FAIL: TestX\n    a_test.go:3: hello\npanic: y\n\ngoroutine 7 [running]:\nshop.price(...)\n\t/r/shop/price.go:9\nshop.TestX(0x1)\n\t/r/shop/a_test.go:5 +0x1d\ntesting.tRunner()\n\t/root/sdk/go/src/testing/testing.go:1446",
                Some(("price.go", 9)),
            ),
            (
                "panic: no database\n\ngoroutine 1 [running]:\nshop.TestMain(...)\n\t/r/shop/a_test.go:8\nmain.main()\n\t_testmain.go:51 +0x1d",
                Some(("a_test.go", 8)),
            ),
            (
                "# shop [shop.test]\n./a_test.go:6:2: undefined: x\n./b_test.go:7:2: undefined: y",
                Some(("a_test.go", 6)),
            ),
            ("nothing here", None),
            ("at /elsewhere/a.js:3:1", None),
        ] {
            let expected = expected.map(|(path, line)| (path.to_owned(), line));
            assert_eq!(place(text, root), expected, "{text}");
        }
    }
}
