//! Names that changed lines define and use.

use std::collections::{BTreeMap, HashSet};

use super::{Line, Spot};
use crate::diff::Sheet;
use crate::domain::RepoPath;

/// Words before a definition that say nothing of what it defines.
const MODIFIERS: [&str; 16] = [
    "pub",
    "crate",
    "export",
    "default",
    "async",
    "static",
    "public",
    "private",
    "protected",
    "final",
    "abstract",
    "override",
    "unsafe",
    "extern",
    "declare",
    "internal",
];

/// Words that a name follows when it is defined.
const KEYWORDS: [&str; 19] = [
    "fn",
    "def",
    "class",
    "func",
    "function",
    "struct",
    "enum",
    "trait",
    "interface",
    "type",
    "const",
    "let",
    "var",
    "val",
    "mod",
    "module",
    "record",
    "object",
    "fun",
];

/// Words that look like a call or a definition and are neither.
const CONTROL: [&str; 12] =
    ["if", "for", "while", "switch", "return", "else", "catch", "match", "elif", "with", "new", "throw"];

/// Shorter names are too common to mean anything.
const SHORTEST: usize = 3;

/// A line that uses a name, the name, and the lines that define it.
pub(super) type Connection = (Spot, String, Vec<Spot>);

/// What defines a name, and whether only for its own file.
type Makers<'a> = BTreeMap<(String, Option<&'a RepoPath>), Vec<&'a Line<'a>>>;

/// Connections between changed lines: an added line that uses a name which is new and defined by another one, and a
/// removed definition whose last uses are removed too.
pub(super) fn connections(sheets: &[(RepoPath, Sheet)], lines: &[Line<'_>]) -> Vec<Connection> {
    let mut found = side(sheets, lines, false);
    for (user, name, makers) in side(sheets, lines, true) {
        // Here it is the definition that needs: each of its uses has to go with it.
        found.extend(makers.into_iter().map(|maker| (maker, name.clone(), vec![user.clone()])));
    }
    found
}

fn side(sheets: &[(RepoPath, Sheet)], lines: &[Line<'_>], removed: bool) -> Vec<Connection> {
    // A name that the other version knows is there whatever is decided.
    let known: Vec<(&RepoPath, HashSet<&[u8]>)> = sheets
        .iter()
        .map(|(path, sheet)| (path, words_of(if removed { sheet.new_bytes() } else { sheet.old_bytes() })))
        .collect();
    let is_known = |name: &str, file: Option<&RepoPath>| {
        known.iter().any(|(path, words)| file.is_none_or(|file| *path == file) && words.contains(name.as_bytes()))
    };
    let mut makers: Makers<'_> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.removed == removed) {
        for (name, own) in defined(line.text) {
            let file = own.then_some(&line.spot.path);
            if name.len() >= SHORTEST && !is_known(&name, file) {
                makers.entry((name, file)).or_default().push(line);
            }
        }
    }
    let mut found = Vec::new();
    if makers.is_empty() {
        return found;
    }
    for line in lines.iter().filter(|line| line.removed == removed) {
        let mut seen = HashSet::new();
        for name in words(line.text.as_bytes()).filter_map(|word| std::str::from_utf8(word).ok()) {
            if !seen.insert(name) {
                continue;
            }
            // A line that brings a name into its file needs it from where it is made.
            let elsewhere = |makers: &&Vec<&Line<'_>>| makers.iter().all(|maker| maker.spot != line.spot);
            let own = makers.get(&(name.to_owned(), Some(&line.spot.path))).filter(elsewhere);
            let Some(makers) = own.or_else(|| makers.get(&(name.to_owned(), None))) else { continue };
            if makers.iter().all(|maker| maker.spot != line.spot) {
                let spots = makers.iter().map(|maker| maker.spot.clone()).collect();
                found.push((line.spot.clone(), name.to_owned(), spots));
            }
        }
    }
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Identifiers and numbers of a text.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| !is_word(*byte)).filter(|word| !word.is_empty())
}

fn words_of(text: &[u8]) -> HashSet<&[u8]> {
    words(text).filter(|word| word.len() >= SHORTEST).collect()
}

/// Names a line defines; `true` for one that only its own file knows.
fn defined(line: &str) -> Vec<(String, bool)> {
    let text = line.trim_start();
    let is_import = ["import ", "from ", "use ", "#include", "using "].iter().any(|start| text.starts_with(start));
    if is_import {
        return imported(text);
    }
    let mut rest = text;
    loop {
        let word: &str = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        let after = rest.get(word.len()..).unwrap_or_default();
        if word.is_empty() {
            // `pub(crate)`, a Go receiver, a decorator's bracket.
            match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
                Some((_, after)) => rest = after.trim_start(),
                None => return Vec::new(),
            }
            continue;
        }
        if KEYWORDS.contains(&word) {
            return after_keyword(after.trim_start()).into_iter().collect();
        }
        if !MODIFIERS.contains(&word) {
            return assigned_or_method(line, text);
        }
        rest = after.trim_start();
    }
}

fn after_keyword(rest: &str) -> Option<(String, bool)> {
    // A Go method names its receiver first; `let mut x` its kind.
    let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, after)| after);
    let rest = rest.trim_start().trim_start_matches("mut ").trim_start_matches('*').trim_start();
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some((name, false))
}

/// `NAME = …` at the beginning of a line, or a method written with its type before its name.
fn assigned_or_method(line: &str, text: &str) -> Vec<(String, bool)> {
    let name = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let first = name(text);
    let after = text.get(first.len()..).unwrap_or_default().trim_start();
    let assigned = line.len() == text.len() && after.starts_with('=') && !after.starts_with("==");
    if assigned && !first.is_empty() {
        return vec![(first, false)];
    }
    let opens = text.trim_end().ends_with('{') && !CONTROL.contains(&first.as_str());
    let Some((head, _)) = text.split_once('(').filter(|(head, _)| opens && head.contains(' ') && !head.contains('='))
    else {
        return Vec::new();
    };
    let method = head.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    if method.is_empty() || CONTROL.contains(&method) { Vec::new() } else { vec![(method.to_owned(), false)] }
}

/// The names an import brings into its file: the last part of each path, or what it is called here.
fn imported(text: &str) -> Vec<(String, bool)> {
    let names = text.split_once(" import ").map_or(text, |(_, names)| names);
    let names = names.trim_start_matches("import ").trim_start_matches("use ").trim_end_matches(';');
    let names = names.split(" from ").next().unwrap_or(names);
    let last = |part: &str| {
        let part = part.rsplit(" as ").next().unwrap_or(part);
        let word = part.rsplit(['.', ':', '/']).next().unwrap_or(part);
        word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_').to_owned()
    };
    names.split(['{', ',', '}', '(']).map(last).filter(|name| !name.is_empty()).map(|name| (name, true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_read_in_many_languages() {
        for (line, expected) in [
            ("pub(crate) fn load(path: &str) {", vec!["load"]),
            ("    async def cancel(self):", vec!["cancel"]),
            ("export default class Orders extends Base {", vec!["Orders"]),
            ("func (s *Store) Cancel(id int) error {", vec!["Cancel"]),
            ("    public Order cancelOrder(long id) {", vec!["cancelOrder"]),
            ("LIMIT = 10", vec!["LIMIT"]),
            ("    limit = 10", vec![]),
            ("let mut total = 0;", vec!["total"]),
            ("    if (ready) {", vec![]),
            ("    return load(path)", vec![]),
            ("import json", vec!["json"]),
            ("from orders import cancel, refund as back", vec!["cancel", "back"]),
            ("import { a, b } from './x'", vec!["a", "b"]),
            ("use crate::git::{Commit, Tree};", vec!["Commit", "Tree"]),
            ("", vec![]),
        ] {
            let names: Vec<String> = defined(line).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, expected, "{line}");
        }
    }
}
