//! Tests that cannot fail: without an assertion, or with one that is always true.

use std::sync::LazyLock;

use regex::Regex;

use super::super::changed::Changed;
use super::super::tests::is_test;
use crate::domain::{Finding, Severity};

/// Where a test begins, in the languages that are looked at.
static BEGINS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"^(?P<indent>\s*)(?:(?:async )?def (?P<python>test\w*)\(|(?:it|test)\(\s*['"`](?P<script>[^'"`]*)['"`]|func (?P<go>Test\w+)\(|(?:pub )?(?:async )?fn (?P<rust>\w+)\(\))"#,
    )
    .ok()
});

/// An assertion that is always true.
static TAUTOLOGY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let always = [
        r"^\s*assert (?:True|1|not False)\s*(?:,.*)?$",
        r"assertTrue\(\s*True\s*[,)]",
        r"assertFalse\(\s*False\s*[,)]",
        r"expect\(\s*true\s*\)\s*\.\s*(?:toBe\(\s*true\s*\)|toBeTruthy\(\))",
        r"assert(?:\.ok)?\(\s*true\s*\)",
        r"assert!\(\s*true\s*\)",
    ];
    Regex::new(&always.join("|")).ok()
});

/// Both sides of a comparison, which are the same words in a test that compares a thing with itself.
static SIDES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^\s*assert (?P<a>[\w.\[\]()]+) == (?P<b>[\w.\[\]()]+)\s*$|assertEqual\((?P<c>[\w.]+),\s*(?P<d>[\w.]+)\)|expect\((?P<e>[\w.]+)\)\s*\.\s*(?:toBe|toEqual)\((?P<f>[\w.]+)\)|assert_eq!\((?P<g>[\w.]+),\s*(?P<h>[\w.]+)\)",
    )
    .ok()
});

/// Words of which a test that can fail holds one.
const ASSERTS: &[&str] = &[
    "assert", "expect(", "raises", "should", "t.Error", "t.Fatal", "t.Fail", "require.", "fail(", ".check(", "verify(",
    "panic", "unwrap", "expect_", "rejects", "throws", ".expect",
];

/// The hollow tests among those that a change adds.
pub(super) fn look(file: &Changed) -> Vec<Finding> {
    let path = file.path.as_str();
    let (Some(text), true) = (file.text(), is_test(path)) else { return Vec::new() };
    let added: std::collections::BTreeSet<usize> = file.added_lines().into_iter().collect();
    let text = String::from_utf8_lossy(text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut say = |line: usize, rule: &str, message: String| {
        found.push(Finding {
            severity: Severity::Warning,
            path: Some(path.to_owned()),
            line: Some(line),
            rule: Some(rule.to_owned()),
            message,
            ..Finding::default()
        });
    };
    for (index, line) in lines.iter().enumerate().filter(|(index, _)| added.contains(&(index + 1))) {
        if always_true(line) {
            say(index + 1, "always-true", "this assertion is always true".to_owned());
        }
        if let Some(name) = begins(path, &lines, index)
            && !body(&lines, index).iter().any(|line| ASSERTS.iter().any(|word| line.contains(word)))
        {
            say(index + 1, "no-assertion", format!("`{name}` asserts nothing"));
        }
    }
    found
}

fn always_true(line: &str) -> bool {
    let constant = TAUTOLOGY.as_ref().is_some_and(|regex| regex.is_match(line));
    let sides = SIDES.as_ref().and_then(|regex| regex.captures(line)).is_some_and(|found| {
        let groups: Vec<&str> = found.iter().skip(1).flatten().map(|group| group.as_str()).collect();
        // A call may give another result the second time, which is what such a test is about.
        groups.len() == 2 && groups[0] == groups[1] && !groups[0].contains('(')
    });
    constant || sides
}

fn begins<'a>(path: &str, lines: &[&'a str], index: usize) -> Option<&'a str> {
    let found = BEGINS.as_ref()?.captures(lines[index])?;
    if let Some(rust) = found.name("rust") {
        let marked = index > 0
            && path.ends_with(".rs")
            && lines[index - 1].trim().starts_with("#[")
            && lines[index - 1].contains("test");
        return marked.then_some(rust.as_str());
    }
    ["python", "script", "go"].iter().find_map(|name| found.name(name)).map(|name| name.as_str())
}

/// The lines of a test: its own, and those indented deeper, up to the next that is not.
fn body<'a>(lines: &[&'a str], index: usize) -> Vec<&'a str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(lines[index]);
    let rest = lines[index + 1..].iter().take_while(|line| line.trim().is_empty() || indent(line) > own);
    std::iter::once(&lines[index]).chain(rest).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FileMode, FileState, RepoPath};

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let after = Some(FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular });
        let file = Changed { path: RepoPath::parse(path).unwrap(), before: None, after };
        look(&file).into_iter().map(|one| (one.line.unwrap(), one.rule.unwrap())).collect()
    }

    #[test]
    fn hollow_tests_are_found_and_real_ones_are_not() {
        for (path, text, expected) in [
            (
                "tests/test_a.py",
                "def test_x():\n    run()\n\ndef test_y():\n    assert run() == 1\n",
                vec![(1, "no-assertion")],
            ),
            ("tests/test_a.py", "def test_x():\n    assert True\n", vec![(2, "always-true")]),
            ("tests/test_a.py", "def test_x():\n    assert a == a\n", vec![(2, "always-true")]),
            ("tests/test_a.py", "def test_x():\n    assert f() == f()\n", vec![]),
            ("tests/test_a.py", "def test_x():\n    with pytest.raises(E):\n        f()\n", vec![]),
            (
                "a.test.js",
                "test('x', () => {\n  run();\n});\ntest('y', () => {\n  expect(1).toBe(2);\n});\n",
                vec![(1, "no-assertion")],
            ),
            ("a.test.js", "it('x', () => { expect(true).toBe(true) });", vec![(1, "always-true")]),
            ("a.test.js", "it('x', () => request(app).get('/').expect(200));", vec![]),
            (
                "a_test.go",
                "func TestX(t *testing.T) {\n\trun()\n}\nfunc TestY(t *testing.T) {\n\tt.Fatal(1)\n}\n",
                vec![(1, "no-assertion")],
            ),
            ("app.py", "def test_x():\n    pass\n", vec![]),
        ] {
            let expected: Vec<(usize, String)> =
                expected.into_iter().map(|(line, rule)| (line, rule.to_owned())).collect();
            assert_eq!(found(path, text), expected, "{text}");
        }
    }
}
