//! From what a model wrote to the lines a file shall have.

use similar::{Algorithm, capture_diff_slices};

use super::words::Terms;
use super::{imports, languages};

/// Why a change is not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing is different.
    Unchanged,
    /// The model ran on and was stopped, or its answer was cut off.
    RanOn,
    /// What was written could not be read.
    Unreadable,
    /// Things are gone that the task does not speak of.
    Loses(String),
}

impl Refusal {
    /// In words for the user.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Unchanged => "it gave the file back unchanged".to_owned(),
            Self::RanOn => "it ran on without coming to an end".to_owned(),
            Self::Unreadable => "its answer was no change".to_owned(),
            Self::Loses(what) => format!("its answer lost {what}"),
        }
    }
}

/// Looks over the new lines of a file: trims what a model adds around code, and refuses what cannot be meant.
pub(super) fn checked(
    path: &str,
    old: &[String],
    mut new: Vec<String>,
    task: &str,
    terms: &Terms,
) -> Result<Vec<String>, Refusal> {
    tidy(path, old, &mut new);
    let new = with_what_it_left_out(old, without_litter(old, new, task), task, terms);
    let new = imports::settled(path, old, new);
    if new == old {
        return Err(Refusal::Unchanged);
    }
    match lost(old, &new, task, terms) {
        Some(what) => Err(Refusal::Loses(what)),
        None => Ok(new),
    }
}

/// Takes away a first line that only names the file, and blank lines at the end that were not there.
fn tidy(path: &str, old: &[String], new: &mut Vec<String>) {
    let name = path.rsplit('/').next().unwrap_or(path);
    let names_file = |line: &String| {
        let text = line.trim_start_matches(['#', '/', '-', '*', ' ']).trim_end_matches(['*', '/', ' ', ':']);
        text.trim_matches('`') == path || text.trim_matches('`') == name
    };
    if new.first().is_some_and(names_file) && new.first() != old.first() {
        new.remove(0);
    }
    while new.first().is_some_and(|line| line.trim().is_empty())
        && old.first().is_some_and(|line| !line.trim().is_empty())
    {
        new.remove(0);
    }
    let blank = |lines: &[String]| lines.iter().rev().take_while(|line| line.trim().is_empty()).count();
    while blank(new) > blank(old) {
        new.pop();
    }
    // A blank line is blank, whatever it was before.
    for line in new.iter_mut() {
        if line.trim().is_empty() && !old.contains(line) {
            line.clear();
        }
    }
}

/// The new lines without what a model changes in passing: comments it leaves out, blank lines it adds or takes away.
fn without_litter(old: &[String], new: Vec<String>, task: &str) -> Vec<String> {
    let task = task.to_lowercase();
    if ["comment", "docstring", "document", "blank line", "whitespace", "format"].iter().any(|word| task.contains(word))
    {
        return new;
    }
    let mut kept: Vec<String> = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, old, &new) {
        let (before, after) = (&old[op.old_range()], &new[op.new_range()]);
        let nothing_new = after.iter().all(|line| line.trim().is_empty());
        let litter = nothing_new && before.iter().all(|line| line.trim().is_empty() || is_comment(line));
        kept.extend_from_slice(if litter { before } else { after });
    }
    kept
}

/// A line that only says something about the code.
fn is_comment(line: &str) -> bool {
    let line = line.trim();
    let quoted = line.len() > 6 && line.starts_with("\"\"\"") && line.ends_with("\"\"\"");
    quoted || ["#", "//", "/*", "*", "--"].iter().any(|mark| line.starts_with(mark)) && !line.starts_with("#include")
}

/// Whether a task wants something gone, so that what is missing may be meant.
fn takes_away(task: &str) -> bool {
    let task = task.to_lowercase();
    let words = [
        "remove", "delete", "drop", "replace", "simplif", "refactor", "rewrite", "merge", "move", "extract", "split",
        "rename", "convert", "clean",
    ];
    words.iter().any(|word| task.contains(word))
}

/// The name a line defines, when the new text knows nothing of it and the task does not speak of it.
fn lost_name<'a>(line: &'a str, new: &str, task: &str, terms: &Terms) -> Option<&'a str> {
    let name = defined(line)?;
    let spoken_of = terms.names.iter().any(|term| term == name) || task.to_lowercase().contains(&name.to_lowercase());
    (!spoken_of && !new.contains(name)).then_some(name)
}

/// The new lines with the definitions a model left out because it had done its part before it came to them, and with what
/// stood at the end of the file.
fn with_what_it_left_out(old: &[String], new: Vec<String>, task: &str, terms: &Terms) -> Vec<String> {
    if takes_away(task) {
        return new;
    }
    let text = new.join("\n");
    let ends = |line: &String| {
        ["module.exports", "exports.", "export ", "if __name__"].iter().any(|begin| line.starts_with(begin))
            && !text.contains(line.as_str())
    };
    let mut kept: Vec<String> = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, old, &new) {
        let (before, after) = (&old[op.old_range()], &new[op.new_range()]);
        kept.extend_from_slice(after);
        if op.old_range().is_empty() || before == after {
            continue;
        }
        let is_last = op.old_range().end == old.len();
        let left_out = |line: &String| {
            let shallow = !line.starts_with([' ', '\t']);
            shallow && (lost_name(line, &text, task, terms).is_some() || is_last && ends(line))
        };
        let Some(mut from) = before.iter().position(left_out) else { continue };
        while from > 0
            && (before[from - 1].trim().is_empty()
                || before[from - 1].starts_with('@')
                || is_comment(&before[from - 1]))
        {
            from -= 1;
        }
        kept.extend_from_slice(&before[from..]);
    }
    kept
}

/// A definition that is gone although the task says nothing of it, or most of the file.
fn lost(old: &[String], new: &[String], task: &str, terms: &Terms) -> Option<String> {
    if takes_away(task) {
        return None;
    }
    let text = new.join("\n");
    if let Some(name) = old.iter().find_map(|line| lost_name(line, &text, task, terms)) {
        return Some(format!("`{name}`"));
    }
    let (before, after) = (says(old), says(new));
    (before >= 8 && after * 2 < before).then(|| "most of the file".to_owned())
}

fn says(lines: &[String]) -> usize {
    lines.iter().filter(|line| !line.trim().is_empty()).count()
}

/// The name a line defines.
pub(super) fn defined(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let words = ["async def ", "def ", "class ", "async function ", "function ", "func ", "fn ", "pub fn "];
    let rest = words.iter().find_map(|word| line.strip_prefix(word))?;
    // `func (s *Store) Get(`: the receiver comes first.
    let rest =
        if rest.starts_with('(') { rest.split_once(')').map_or(rest, |(_, after)| after.trim_start()) } else { rest };
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (name.len() > 1).then_some(name)
}

/// What a file begins with that no task changes: comments about the whole file and the package's name.
pub(super) fn header(path: &str, lines: &[String]) -> String {
    let language = languages::of(path);
    let is_remark = |line: &String| {
        let line = line.trim();
        let block = line.starts_with("/*") && line.ends_with("*/") && language.comment == "//";
        let quoted = line.len() > 6 && line.starts_with("\"\"\"") && line.ends_with("\"\"\"");
        line.starts_with(language.comment)
            || block
            || language.fence == "python" && quoted
            || ["\"use strict\"", "'use strict'"].iter().any(|words| line.starts_with(words))
    };
    let named = |line: &String| language.fence == "go" && line.starts_with("package ");
    let mut end = lines.iter().take_while(|line| line.trim().is_empty() || is_remark(line) || named(line)).count();
    // A comment right above code belongs to that code.
    let attached = |line: &String| is_remark(line) && !line.trim().ends_with(['"', ';']);
    while end < lines.len() && end > 0 && attached(&lines[end - 1]) {
        end -= 1;
    }
    // A file that is nothing but remarks is there to be filled in between them: given all, a model would only close it.
    if lines[end..].iter().all(|line| line.trim().is_empty()) {
        end = lines[..end].iter().position(|line| line.trim().is_empty()).unwrap_or(end);
    }
    lines[..end].iter().map(|line| format!("{line}\n")).collect()
}

/// The lines of a test file with new tests in their place: at the end, but inside what the last test is inside of.
pub(super) fn with_tests(path: &str, old: &[String], written: &[String]) -> Result<Vec<String>, Refusal> {
    let place = TestPlace::of(path, old);
    let mut fresh: Vec<String> = written.to_vec();
    let trim = |line: &String| line.trim().is_empty();
    while fresh.last().is_some_and(trim) {
        fresh.pop();
    }
    while fresh.first().is_some_and(trim) {
        fresh.remove(0);
    }
    // The file's imports are there already; a model likes to begin with them.
    while fresh.first().is_some_and(|line| old.contains(line) && !languages::defines(line) || trim(line)) {
        fresh.remove(0);
    }
    if fresh.is_empty() || fresh.iter().all(|line| old.contains(line)) {
        return Err(Refusal::Unchanged);
    }
    let mut new = old[..place.at].to_vec();
    while new.last().is_some_and(trim) {
        new.pop();
    }
    let gap = if place.indent.is_empty() && languages::of(path).fence == "python" { 2 } else { 1 };
    if !new.is_empty() {
        new.extend(std::iter::repeat_n(String::new(), gap));
    }
    new.extend(fresh);
    let rest = &old[place.at..];
    if rest.first().is_some_and(|line| line.starts_with("if ")) {
        new.extend(std::iter::repeat_n(String::new(), 2));
    }
    new.extend(rest.iter().cloned());
    Ok(new)
}

/// Where new tests go, and how they begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TestPlace {
    /// The line they are put before.
    pub(super) at: usize,
    /// The indentation of tests there.
    pub(super) indent: String,
    /// What every test there begins with.
    pub(super) opening: String,
}

impl TestPlace {
    /// Looks at the last test of a file.
    pub(super) fn of(path: &str, lines: &[String]) -> Self {
        let fence = languages::of(path).fence;
        let begins: &[&str] = match fence {
            "python" => &["def test", "async def test"],
            "go" => &["func Test"],
            _ => &["test(", "it(", "test.", "Deno.test("],
        };
        let begin_of = |line: &String| begins.iter().find(|begin| line.trim_start().starts_with(**begin)).copied();
        let last = lines.iter().rposition(|line| begin_of(line).is_some());
        let mut at = lines.len();
        while at > 0 && lines[at - 1].trim().is_empty() {
            at -= 1;
        }
        let Some(last) = last else {
            let opening = begins.first().map(|begin| if fence == "python" { "def test_" } else { begin });
            return Self { at, indent: String::new(), opening: opening.unwrap_or_default().to_owned() };
        };
        let line = &lines[last];
        let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
        let opening = match fence {
            "python" if line.trim_start().starts_with("async") => "async def test_",
            "python" => "def test_",
            _ => begin_of(line).unwrap_or_default(),
        };
        // The test's body ends where a line stands no deeper than its beginning.
        let shallow = |line: &String| {
            !line.trim().is_empty() && !line.starts_with([' ', '\t']) && line.len() > indent.len()
                || !line.trim().is_empty() && line.chars().take_while(|c| c.is_whitespace()).count() <= indent.len()
        };
        let after = (last + 1..lines.len()).find(|index| shallow(&lines[*index])).unwrap_or(lines.len());
        let closes = lines.get(after).is_some_and(|line| {
            line.trim_start().starts_with(['}', ')'])
                && line.starts_with(&indent)
                && line[indent.len()..].starts_with(['}', ')'])
        });
        let end = if closes { after + 1 } else { after };
        Self { at: end.min(lines.len()), opening: format!("{indent}{opening}"), indent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::pilot::files::split;
    use crate::provider::pilot::words::terms;

    #[test]
    fn what_a_model_leaves_out_stays() {
        let old =
            "def first(x):\n    return x\n\n\n@cached\ndef second(x):\n    return 2\n\n\ndef third():\n    return 3\n";
        let with = |new: &str, task: &str| {
            with_what_it_left_out(&split(old), split(new), task, &terms(task)).join("\n") + "\n"
        };
        let changed = old.replacen("    return x\n", "    y = x + 1\n    return {\n        \"y\": y,\n    }\n", 1);
        let stops = changed.split_once("\n\n\n").map(|(first, _)| format!("{first}\n")).unwrap();
        assert_eq!(with(&stops, "first in m.py adds one"), changed);
        assert_eq!(with(&stops, "Remove what is needless from m.py"), stops);
        let without_b = changed.replace("@cached\ndef second(x):\n    return 2\n\n\n", "");
        assert_eq!(with(&without_b, "first in m.py adds one"), changed);
        assert_eq!(with(&without_b, "first in m.py does what second did"), without_b);
        assert_eq!(with(&changed, "first in m.py adds one"), changed);
        let old = "function a() {\n  return 1;\n}\n\nmodule.exports = { a };\n";
        let new = split("function a() {\n  return 2;\n}\n");
        let kept = with_what_it_left_out(&split(old), new, "a returns 2", &terms("a returns 2"));
        assert_eq!(kept, split(&old.replace('1', "2")));
    }

    #[test]
    fn tests_are_put_where_tests_are() {
        for (path, old, fresh, expected) in [
            (
                "test_a.py",
                "import a\n\n\ndef test_x():\n    assert a.x\n",
                "def test_y():\n    assert a.y",
                "import a\n\n\ndef test_x():\n    assert a.x\n\n\ndef test_y():\n    assert a.y",
            ),
            (
                "test_a.py",
                "class T(unittest.TestCase):\n    def test_x(self):\n        pass\n\n\nif __name__ == \"__main__\":\n    unittest.main()\n",
                "    def test_y(self):\n        pass\n",
                "class T(unittest.TestCase):\n    def test_x(self):\n        pass\n\n    def test_y(self):\n        pass\n\n\nif __name__ == \"__main__\":\n    unittest.main()",
            ),
            (
                "a.test.js",
                "describe('a', () => {\n  it('x', () => {\n    ok(1);\n  });\n});\n",
                "  it('y', () => {\n    ok(2);\n  });\n",
                "describe('a', () => {\n  it('x', () => {\n    ok(1);\n  });\n\n  it('y', () => {\n    ok(2);\n  });\n});",
            ),
            (
                "a_test.go",
                "package a\n\nfunc TestX(t *testing.T) {\n\tx()\n}\n",
                "func TestY(t *testing.T) {\n\ty()\n}",
                "package a\n\nfunc TestX(t *testing.T) {\n\tx()\n}\n\nfunc TestY(t *testing.T) {\n\ty()\n}",
            ),
        ] {
            let new = with_tests(path, &split(old), &split(fresh)).unwrap();
            assert_eq!(new.join("\n"), expected, "{path}");
        }
    }

    #[test]
    fn a_header_ends_where_code_begins() {
        for (path, text, header) in [
            (
                "a.go",
                "// Package a counts.\npackage a\n\n// Counter counts.\ntype Counter struct {\n}\n",
                "// Package a counts.\npackage a\n\n",
            ),
            ("a.py", "\"\"\"Orders.\"\"\"\n\nimport a\n", "\"\"\"Orders.\"\"\"\n\n"),
            ("a.py", "#!/usr/bin/env python3\n# About a.\n\nimport a\n", "#!/usr/bin/env python3\n# About a.\n\n"),
            ("a.js", "'use strict';\nconst a = 1;\n", "'use strict';\n"),
            ("a.js", "/** Adds. */\nfunction add() {}\n", ""),
            ("a.py", "import a\n", ""),
            ("a.sql", "-- only a comment\n", "-- only a comment\n"),
        ] {
            assert_eq!(super::header(path, &split(text)), header, "{text}");
        }
    }

    #[test]
    fn what_a_model_changes_in_passing_stays_as_it_was() {
        let old = split("\"\"\"Orders.\"\"\"\n\nimport a\n\nX = 1\n\n\n# Adds one.\ndef total(x):\n    return x\n");
        let new = split("import a\n\n\nX = 1\n\ndef total(x):\n    return x + 1\n");
        let check = |task: &str| checked("a.py", &old, new.clone(), task, &terms(task));
        let expected: Vec<String> = old.iter().map(|line| line.replace("return x", "return x + 1")).collect();
        assert_eq!(check("total adds one"), Ok(expected));
        assert_eq!(check("total adds one, take the comments away"), Ok(new.clone()));
        assert_eq!(checked("a.py", &old, old[2..].to_vec(), "total adds one", &terms("")), Err(Refusal::Unchanged));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let old = split("import a\n\n\ndef keep(x):\n    return x\n\n\ndef total(x):\n    return x\n");
        let check = |new: &str, task: &str| checked("a.py", &old, split(new), task, &terms(task));
        assert_eq!(check(&old.join("\n"), "x"), Err(Refusal::Unchanged));
        let methods =
            split("class A:\n    def keep(self):\n        return 1\n\n    def total(self):\n        return 2\n");
        let new = split("class A:\n    def total(self):\n        return 3\n");
        let said = checked("a.py", &methods, new, "total adds one", &terms("total adds one"));
        assert_eq!(said, Err(Refusal::Loses("`keep`".to_owned())));
        assert!(check("import a\n\n\ndef total(x):\n    return x\n", "Remove `keep`").is_ok());
        let new =
            check(&format!("# a.py\n{}\n\n\n", old.join("\n").replace("x\n\n", "x + 1\n   \n")), "add one").unwrap();
        assert_eq!(new[0], "import a");
        assert!(new.iter().all(|line| !line.ends_with(' ')) && !new.last().unwrap().is_empty());
    }
}
