//! What a backend programmer knows by heart and a small model often does not: entries of `assets/advice.toml` that fit
//! a task are put beside it.

use regex::RegexBuilder;
use serde::Deserialize;

use super::languages;

/// The most entries beside one task.
const MOST: usize = 3;
/// The most letters of them together: what is read has to be waited for.
const LETTERS: usize = 1_000;
/// What stands for the part of the task's route before its parameter.
const PREFIX: &str = "{prefix}";
/// What stands for the task's route.
const ROUTE: &str = "{route}";

#[derive(Debug, Deserialize)]
struct Table {
    advice: Vec<Entry>,
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

fn entries() -> Vec<Entry> {
    toml::from_str::<Table>(include_str!("../../../assets/advice.toml")).map(|table| table.advice).unwrap_or_default()
}

/// What is good to know for this task in this file, the most specific first as far as the file is ordered so.
pub(super) fn for_task(task: &str, path: &str, file: &str) -> Vec<String> {
    let language = languages::of(path).fence;
    let named = [(PREFIX, prefix(task)), (ROUTE, route(task))];
    let mut kept = Vec::new();
    let mut left = LETTERS;
    for entry in entries().into_iter().filter(|entry| entry.fits(task, language, file)) {
        let Some(say) = filled(&entry.say, &named) else { continue };
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

fn found(pattern: &str, text: &str) -> bool {
    RegexBuilder::new(pattern).case_insensitive(true).build().is_ok_and(|pattern| pattern.is_match(text))
}

/// The text with what it leaves open filled in; `None` when the task does not say it.
fn filled(say: &str, named: &[(&str, Option<String>)]) -> Option<String> {
    let mut text = say.to_owned();
    for (mark, value) in named.iter().filter(|(mark, _)| say.contains(mark)) {
        text = text.replace(mark, value.as_deref()?);
    }
    Some(text)
}

/// The first path of a task that is none of a file.
fn route(task: &str) -> Option<String> {
    let word = |word: &&str| word.starts_with('/') && word.chars().nth(1).is_some_and(char::is_alphanumeric);
    let found = task.split(|c: char| c.is_whitespace() || "'\"`(),;".contains(c)).find(word)?;
    Some(found.trim_end_matches(['.', ':']).to_owned())
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
        let entries = toml::from_str::<Table>(include_str!("../../../assets/advice.toml")).unwrap().advice;
        assert!(entries.len() > 30);
        for entry in &entries {
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
        let bearer = for_task("Routes below /admin need a bearer token.", "app.py", "");
        assert!(bearer.iter().any(|say| say.contains("path.startswith(\"/admin\")")), "{bearer:?}");
        assert!(for_task("Say hello", "app.py", by_hand).is_empty());
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
