//! What a backend programmer knows by heart and a small model often does not: entries of `assets/advice.toml` that fit
//! a task are put beside it.

use std::sync::LazyLock;

use regex::RegexBuilder;
use serde::Deserialize;

use super::languages;

/// The most entries beside one task.
const MOST: usize = 3;
/// The most letters of them together: what is read has to be waited for.
const LETTERS: usize = 1_000;
/// What stands for the part of the task's route before its parameter.
const PREFIX: &str = "{prefix}";

#[derive(Debug, Deserialize)]
struct Table {
    advice: Vec<Entry>,
    slip: Vec<Slip>,
}

/// Something that is wrong nearly everywhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slip {
    #[cfg_attr(not(test), expect(dead_code, reason = "names the entry for whoever reads the file"))]
    name: String,
    /// As fences name them; any language when empty.
    #[serde(default)]
    languages: Vec<String>,
    /// What the task speaks of.
    #[serde(default)]
    task: Option<String>,
    /// What is in the lines the model wrote.
    wrote: String,
    /// What is in the new file.
    #[serde(default)]
    file: Option<String>,
    /// What is not in the new file.
    #[serde(default)]
    unless: Option<String>,
    say: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[cfg_attr(not(test), expect(dead_code, reason = "names the entry for whoever reads the file"))]
    name: String,
    /// As fences name them; any language when empty.
    #[serde(default)]
    languages: Vec<String>,
    /// What the task speaks of.
    task: String,
    /// What is in the file.
    #[serde(default)]
    file: Option<String>,
    /// What is not in the file.
    #[serde(default)]
    unless: Option<String>,
    say: String,
}

static TABLE: LazyLock<Option<Table>> =
    LazyLock::new(|| crate::text::from_toml(include_str!("../../../assets/advice.toml")).ok());

/// What a small model got wrong as it usually does, in the lines it wrote.
pub(super) fn slips(task: &str, path: &str, old: &[String], new: &[String]) -> Vec<String> {
    let language = languages::of(path).fence;
    let wrote: Vec<&str> = new.iter().filter(|line| !old.contains(line)).map(String::as_str).collect();
    let (wrote, file) = (wrote.join("\n"), new.join("\n"));
    let slips = TABLE.iter().flat_map(|table| &table.slip);
    slips.filter(|slip| slip.fits(task, language, &wrote, &file)).map(|slip| slip.say.clone()).collect()
}

/// What is good to know for this task in this file, the most specific first as far as the file is ordered so.
pub(super) fn for_task(task: &str, path: &str, file: &str) -> Vec<String> {
    let language = languages::of(path).fence;
    let prefix = prefix(task);
    let mut kept = Vec::new();
    let mut left = LETTERS;
    let entries = TABLE.iter().flat_map(|table| &table.advice);
    for entry in entries.filter(|entry| entry.fits(task, language, file)) {
        let say = match &prefix {
            Some(prefix) => entry.say.replace(PREFIX, prefix),
            None if entry.say.contains(PREFIX) => continue,
            None => entry.say.clone(),
        };
        if kept.len() < MOST && say.len() <= left {
            left -= say.len();
            kept.push(say);
        }
    }
    kept
}

impl Entry {
    fn fits(&self, task: &str, language: &str, file: &str) -> bool {
        (self.languages.is_empty() || self.languages.iter().any(|known| known == language))
            && found(&self.task, task)
            && self.file.as_deref().is_none_or(|pattern| found(pattern, file))
            && !self.unless.as_deref().is_some_and(|pattern| found(pattern, file))
    }
}

impl Slip {
    fn fits(&self, task: &str, language: &str, wrote: &str, file: &str) -> bool {
        (self.languages.is_empty() || self.languages.iter().any(|known| known == language))
            && self.task.as_deref().is_none_or(|pattern| found(pattern, task))
            && found(&self.wrote, wrote)
            && self.file.as_deref().is_none_or(|pattern| found(pattern, file))
            && !self.unless.as_deref().is_some_and(|pattern| found(pattern, file))
    }
}

fn found(pattern: &str, text: &str) -> bool {
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .multi_line(true)
        .build()
        .is_ok_and(|pattern| pattern.is_match(text))
}

/// `/orders/` of a task that speaks of `/orders/{id}`.
fn prefix(task: &str) -> Option<String> {
    let at = task.match_indices(['{', ':', '<']).map(|(at, _)| at).find(|at| task[..*at].ends_with('/'))?;
    let begins = task[..at].rfind(|c: char| !(c.is_alphanumeric() || "/_-".contains(c))).map_or(0, |before| before + 1);
    let begins = (begins..=at).find(|begins| task.is_char_boundary(*begins)).unwrap_or(at);
    let path = &task[begins..at];
    (path.starts_with('/') && path.len() > 1).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_reads_and_every_pattern_is_one() {
        let Table { advice: entries, slip: slips } = TABLE.as_ref().unwrap();
        assert!(entries.len() > 30 && slips.len() > 10);
        for slip in slips {
            for pattern in std::iter::once(&slip.wrote).chain(&slip.task).chain(&slip.file).chain(&slip.unless) {
                assert!(RegexBuilder::new(pattern).build().is_ok(), "{}: {pattern}", slip.name);
            }
        }
        for entry in entries {
            for pattern in std::iter::once(&entry.task).chain(&entry.file).chain(&entry.unless) {
                assert!(RegexBuilder::new(pattern).build().is_ok(), "{}: {pattern}", entry.name);
            }
            assert!(entry.say.len() <= 480, "{} says too much", entry.name);
        }
    }

    #[test]
    fn what_fits_the_task_and_the_file_is_said() {
        let by_hand = "def app(environ, start):\n    path = environ[\"PATH_INFO\"]\n";
        let said = for_task("Add GET /users/{id} to app.py", "app.py", by_hand);
        assert!(said.len() == 1 && said[0].contains("startswith(\"/users/\")"), "{said:?}");
        assert!(for_task("Add GET /users/{id}", "app.js", by_hand).is_empty());
        let flask = for_task("Add GET /users/{id}", "app.py", "from flask import Flask");
        assert!(flask.len() == 1 && flask[0].contains("<int:id>"), "{flask:?}");
        assert!(for_task("Add GET /users to app.py", "app.py", by_hand).is_empty());
        assert!(for_task("Say hello", "app.py", by_hand).is_empty());
    }

    #[test]
    fn slips_are_found_in_what_was_written() {
        let said = |path: &str, task: &str, old: &str, new: &str| {
            let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            slips(task, path, &lines(old), &lines(new)).join(" ")
        };
        for (path, task, wrong, right, what) in [
            ("a.py", "", "return 204, {\"ok\": 1}", "return 204, None", "no body"),
            ("a.js", "", "return { status: 204, body: { a } };", "return { status: 204, body: null };", "no body"),
            ("a.py", "", "n = query.get(\"n\", 5)", "n = int(query.get(\"n\", 5))", "is text"),
            ("a.py", "no whole number", "n = int(x)", "try:\n  n = int(x)\nexcept ValueError:\n  n = 1", "ValueError"),
            ("a.js", "must be a string", "if (!a) b();", "if (typeof a !== 'string') b();", "typeof"),
            ("a.py", "", "t = a.split(' ')[1]", "t = a.partition(' ')[2]", "second part"),
            ("a.py", "", "db.execute(f\"x {y}\")", "db.execute(\"x ?\", (y,))", "parameters"),
            ("a.js", "", "db.query(`x ${y}`)", "db.query('x ?', [y])", "parameters"),
            ("a.py", "", "def f(a=[]):", "def f(a=None):", "shared"),
            ("a.go", "a copy", "return make(map[string]int)", "c := make(map[string]int)", "loop"),
            ("a.sql", "", "SELECT COUNT(*) FROM a LEFT JOIN b", "SELECT COUNT(b.x) FROM a LEFT JOIN b", "partner"),
        ] {
            assert!(said(path, task, "", wrong).contains(what), "{wrong}");
            assert_eq!(said(path, task, "", right), "", "{right}");
            // What was there before is not the model's.
            assert_eq!(said(path, task, wrong, wrong), "", "{wrong}");
        }
    }

    #[test]
    fn a_route_is_cut_before_its_parameter() {
        for (task, expected) in [
            ("Add DELETE /books/{id} to it", Some("/books/")),
            ("POST /carts/:cart/items", Some("/carts/")),
            ("the route /a-b/c_d/<int:id>", Some("/a-b/c_d/")),
            ("answer {\"error\": 1}", None),
            ("http://x", None),
            ("für /ü/{id}", Some("/ü/")),
        ] {
            assert_eq!(prefix(task).as_deref(), expected, "{task}");
        }
    }
}
