//! JUnit XML: one dialect a runner, so what is missing is filled from what is there.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::domain::{TestCase, TestStatus};

pub(super) fn read(bytes: &[u8]) -> Result<Vec<TestCase>, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    let mut cases: Vec<TestCase> = Vec::new();
    let mut open: Option<TestCase> = None;
    let mut suites: Vec<String> = Vec::new();
    let (mut depth, mut taking, mut seen) = (0_usize, false, false);
    loop {
        let event = reader.read_event().map_err(|error| format!("{error} at byte {}", reader.error_position()))?;
        match event {
            Event::Start(tag) => {
                depth += 1;
                if tag.name().as_ref() == "testsuite" {
                    suites.push(attribute(&tag, "name").unwrap_or_default());
                }
                of_suite(&tag, &mut open, &suites);
                seen |= starts(&tag, &mut open, &mut taking);
            }
            Event::Empty(tag) => {
                of_suite(&tag, &mut open, &suites);
                seen |= starts(&tag, &mut open, &mut taking);
                taking = false;
                if tag.name().as_ref() == "testcase" || broke(tag.name().as_ref(), open.as_ref()) {
                    cases.extend(open.take().map(closed));
                }
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                match tag.name().as_ref() {
                    "testcase" => cases.extend(open.take().map(closed)),
                    "testsuite" => _ = suites.pop(),
                    "failure" | "error" | "skipped" => {
                        taking = false;
                        if broke(tag.name().as_ref(), open.as_ref()) {
                            cases.extend(open.take().map(closed));
                        }
                    }
                    _ => {}
                }
            }
            Event::Text(words) if taking => add(&mut open, &words),
            Event::GeneralRef(reference) if taking => {
                let name = reference.to_string();
                add(&mut open, &entity(&name));
            }
            Event::CData(words) if taking => add(&mut open, &words),
            Event::Eof if depth > 0 => return Err("it is cut off".to_owned()),
            Event::Eof if !seen => return Err("it holds no test suite".to_owned()),
            Event::Eof => return Ok(cases),
            _ => {}
        }
    }
}

fn entity(name: &str) -> String {
    match name {
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "amp" => "&".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        other => {
            let number = other
                .strip_prefix("#x")
                .map(|hex| u32::from_str_radix(hex, 16))
                .or_else(|| other.strip_prefix('#').map(str::parse));
            number.and_then(Result::ok).and_then(char::from_u32).map(String::from).unwrap_or_default()
        }
    }
}

/// What stands for a suite that broke off outside its tests.
const SUITE: &str = "(the suite)";

/// A failure that belongs to no test is one of the suite: what it sets up, or a file that does not load.
fn of_suite(tag: &BytesStart<'_>, open: &mut Option<TestCase>, suites: &[String]) {
    if open.is_none() && matches!(tag.name().as_ref(), "failure" | "error") {
        let name = suites.last().map(String::as_str).unwrap_or_default();
        *open = Some(TestCase { name: format!("{name} {SUITE}").trim_start().to_owned(), ..TestCase::default() });
    }
}

/// Whether a tag's end is that of a suite's own failure.
fn broke(tag: &str, open: Option<&TestCase>) -> bool {
    matches!(tag, "failure" | "error") && open.is_some_and(|case| case.name.ends_with(SUITE))
}

/// Takes a tag in; whether it is one of a JUnit report's own.
fn starts(tag: &BytesStart<'_>, open: &mut Option<TestCase>, taking: &mut bool) -> bool {
    match tag.name().as_ref() {
        "testcase" => *open = Some(case(tag)),
        "failure" | "error" => {
            *taking = true;
            if let Some(case) = open {
                case.status = TestStatus::Failed;
                case.message = heading(tag);
            }
        }
        "skipped" => {
            *taking = true;
            if let Some(case) = open {
                case.status = TestStatus::Skipped;
                case.message = heading(tag);
            }
        }
        // Surefire ran it again until it passed.
        "flakyFailure" | "flakyError" => {
            if let Some(case) = open {
                case.flaky = true;
            }
        }
        "testsuite" | "testsuites" => return true,
        _ => {}
    }
    false
}

/// What stands above the text of a failure, on a line of its own.
fn heading(tag: &BytesStart<'_>) -> Option<String> {
    attribute(tag, "message").map(|message| message + "\n")
}

/// A test that has been read to its end.
fn closed(case: TestCase) -> TestCase {
    let message = case.message.map(|message| message.trim_end().to_owned());
    TestCase { message: message.filter(|message| !message.is_empty()), ..case }
}

fn case(tag: &BytesStart<'_>) -> TestCase {
    let name = attribute(tag, "name").unwrap_or_default();
    let class = attribute(tag, "classname").unwrap_or_default();
    let file = attribute(tag, "file");
    // pytest is asked by the names it prints: `tests/test_a.py::Class::test`.
    let name = match &file {
        Some(file) if file.ends_with(".py") => {
            let module = file.trim_end_matches(".py").replace('/', ".");
            let inner = class.strip_prefix(&module).unwrap_or_default().trim_start_matches('.').replace('.', "::");
            let inner = if inner.is_empty() { inner } else { format!("{inner}::") };
            format!("{file}::{inner}{name}")
        }
        _ if name.is_empty() => class,
        _ if class.is_empty() || name.starts_with(&class) || class == "test" => name,
        _ => format!("{class} {name}"),
    };
    let seconds: f64 = attribute(tag, "time").and_then(|time| time.replace(',', "").parse().ok()).unwrap_or_default();
    let line = attribute(tag, "line").and_then(|line| line.parse::<usize>().ok());
    let off =
        attribute(tag, "status").is_some_and(|status| matches!(status.as_str(), "notrun" | "disabled" | "skipped"));
    let status = if off { TestStatus::Skipped } else { TestStatus::Passed };
    let ms = (seconds * 1000.0) as u64;
    TestCase { name, status, path: file, line: line.map(|line| line + 1), ms, ..TestCase::default() }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().flatten().find(|attribute| attribute.key.as_ref() == name)?;
    let raw = found.value.into_owned();
    Some(quick_xml::escape::unescape(&raw).map_or(raw.clone(), |text| text.into_owned()))
}

fn add(open: &mut Option<TestCase>, words: &str) {
    if let Some(case) = open {
        let message = case.message.get_or_insert_default();
        // Some repeat the heading as the first words of the text.
        if message.lines().count() == 1 && words.starts_with(message.trim_end()) && !message.trim().is_empty() {
            message.clear();
        }
        if message.len() < 16 * 1024 {
            message.push_str(words);
        }
    }
}

/// What the probe wrote: one JSON object a test.
pub(super) fn probe(bytes: &[u8]) -> Result<Vec<TestCase>, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PYTEST: &str = r#"<?xml version="1.0"?><testsuites><testsuite name="pytest" tests="3">
<testcase classname="tests.test_a" name="test_ok" file="tests/test_a.py" line="3" time="0.012" />
<testcase classname="tests.test_a.TestCart" name="test_bad[1-a]" file="tests/test_a.py" line="9" time="1.5">
<failure message="assert 1 == 2">def test_bad():
&gt;   assert 1 == 2
tests/test_a.py:11: AssertionError</failure></testcase>
<testcase classname="tests.test_a" name="test_skip" file="tests/test_a.py" line="1" time="0"><skipped message="later"/></testcase>
</testsuite></testsuites>"#;

    #[test]
    fn a_report_gives_names_times_and_failures() {
        let cases = read(PYTEST.as_bytes()).unwrap();
        let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(
            names,
            ["tests/test_a.py::test_ok", "tests/test_a.py::TestCart::test_bad[1-a]", "tests/test_a.py::test_skip"]
        );
        assert_eq!((cases[0].ms, cases[1].ms), (12, 1500));
        assert_eq!(cases[1].status, TestStatus::Failed);
        let expected = "assert 1 == 2\ndef test_bad():\n>   assert 1 == 2\ntests/test_a.py:11: AssertionError";
        assert_eq!(cases[1].message.as_deref(), Some(expected));
        assert_eq!((cases[2].status, cases[2].message.as_deref()), (TestStatus::Skipped, Some("later")));
    }

    #[test]
    fn the_shapes_of_other_runners_are_read() {
        let report = r#"<testsuites><testsuite name="outer"><testsuite name="shop.CartTest" time="1,204.5">
<testcase name="adds" classname="shop.CartTest" time="0.5"><flakyFailure message="late" type="x"><stackTrace>at a</stackTrace></flakyFailure></testcase>
<testcase name="pays" classname="shop.CartTest"><failure message="no" type="x"><![CDATA[no
at shop.CartTest.pays(CartTest.java:9)]]></failure><rerunFailure message="no"><stackTrace>at b</stackTrace><system-out>x</system-out></rerunFailure></testcase>
<testcase name="" classname="shop.BrokenTest"><error message="setup">s</error></testcase>
<testcase name="waits" classname="shop.CartTest" status="notrun"/>
<system-err>&lt;failure&gt;</system-err></testsuite>
<testsuite name="shop.LateTest"><error message="no database">at x</error><properties><property name="a" value="b"/></properties></testsuite></testsuite></testsuites>"#;
        let cases = read(report.as_bytes()).unwrap();
        let shown: Vec<_> = cases.iter().map(|case| (case.name.as_str(), case.status, case.flaky)).collect();
        use TestStatus::{Failed, Passed, Skipped};
        assert_eq!(
            shown,
            [
                ("shop.CartTest adds", Passed, true),
                ("shop.CartTest pays", Failed, false),
                ("shop.BrokenTest", Failed, false),
                ("shop.CartTest waits", Skipped, false),
                ("shop.LateTest (the suite)", Failed, false),
            ]
        );
        assert_eq!(cases[1].message.as_deref(), Some("no\nat shop.CartTest.pays(CartTest.java:9)"));
        assert_eq!(cases[4].message.as_deref(), Some("no database\nat x"));
    }

    #[test]
    fn a_report_that_is_cut_off_is_an_error_wherever_it_ends() {
        let whole = PYTEST.rfind("</testsuites>").unwrap() + "</testsuites>".len();
        for end in (0..whole - 1).step_by(7) {
            assert!(read(&PYTEST.as_bytes()[..end]).is_err(), "cut at {end}");
        }
        assert!(read(b"").is_err());
        assert!(read(b"<html></html>").is_err());
        assert_eq!(read(b"<testsuite tests='0'></testsuite>"), Ok(vec![]));
    }
}
