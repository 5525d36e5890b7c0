//! YAML with its lines.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Sink, rules};
use crate::text;

/// One document of a file.
pub(super) struct Document {
    /// What it says.
    pub value: Value,
    text: String,
    /// Lines of the file before it.
    before: usize,
}

impl Document {
    /// The line of what a path of keys and indexes leads to, or of the nearest above it.
    pub(super) fn line(&self, path: &[&str]) -> usize {
        let pointer: String =
            path.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect();
        self.before + text::locate(&self.text, false, &pointer).map_or(1, |(line, _)| line)
    }

    /// The first line from the one a path leads to that holds this text.
    pub(super) fn line_with(&self, path: &[&str], wanted: &str) -> usize {
        let from = self.line(path);
        let lines = self.text.lines().skip(from - self.before - 1);
        let wanted = wanted.lines().next().unwrap_or_default();
        lines.take(500).position(|line| line.contains(wanted)).map_or(from, |at| from + at)
    }

    /// The object a path leads to.
    pub(super) fn map(&self, path: &[&str]) -> Option<&Map<String, Value>> {
        path.iter().try_fold(&self.value, |value, part| inner(value, part))?.as_object()
    }
}

/// What a key or an index leads to.
fn inner<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    }
}

/// Reads the documents of a file; what is no YAML is a finding.
pub(super) fn read(text: &str, sink: &mut Sink<'_>) -> Vec<Document> {
    let mut found = Vec::new();
    for (before, text) in pieces(text) {
        match parse(&text) {
            Ok(Value::Null) => {}
            Ok(value) => found.push(Document { value, text, before }),
            Err(error) => {
                let line = before + error.location().map_or(1, |at| at.line());
                let message = error.to_string();
                let message = message.split(" at line ").next().unwrap_or_default();
                sink.error(line, "yaml", format!("no valid YAML: {message}"));
            }
        }
    }
    found
}

fn parse(text: &str) -> Result<Value, serde_norway::Error> {
    let mut value = serde_norway::Value::deserialize(serde_norway::Deserializer::from_str(text))?;
    value.apply_merge()?;
    Ok(text::from_yaml(value))
}

/// The documents of a file, each with the number of lines before it.
fn pieces(text: &str) -> Vec<(usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = vec![(0, String::new())];
    for (index, line) in text.lines().enumerate() {
        if line == "---" || line.starts_with("--- ") || line == "..." {
            found.push((index + 1, String::new()));
            continue;
        }
        if line.starts_with('%') {
            if let Some((_, text)) = found.last_mut() {
                text.push('\n');
            }
            continue;
        }
        if let Some((_, text)) = found.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    found.retain(|(_, text)| !text.trim().is_empty());
    found
}

/// Says which keys of an object are not known. `sure`: whoever reads the file refuses them.
pub(super) fn unknown_keys(
    document: &Document,
    path: &[&str],
    known: &[String],
    sure: bool,
    what: &str,
    sink: &mut Sink<'_>,
) {
    let Some(map) = document.map(path) else { return };
    for key in
        map.keys().filter(|key| !known.iter().any(|known| known == *key) && !key.starts_with("x-") && *key != "<<")
    {
        let line = document.line(&[path, &[key.as_str()]].concat());
        let message = format!("{what} has no key `{key}`{}", rules::hint(key, known));
        sink.either(sure || rules::near(key, known).is_some(), line, "unknown-key", message);
    }
}

/// The texts of a value, or the keys of an object.
pub(super) fn names(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => {
            items.iter().flat_map(|item| if item.is_object() { Vec::new() } else { names(item) }).collect()
        }
        Value::Object(map) => map.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Calls with every text in a value and the path to it.
pub(super) fn texts<'a>(value: &'a Value, path: &mut Vec<String>, each: &mut dyn FnMut(&[String], &'a str)) {
    match value {
        Value::String(text) => each(path, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                texts(item, path, each);
                path.pop();
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                path.push(key.clone());
                texts(item, path, each);
                path.pop();
            }
        }
        _ => {}
    }
}

/// A circle in "comes after": the names in it.
pub(super) fn circle<'a>(
    names: impl Iterator<Item = &'a str>,
    needs: &dyn Fn(&str) -> Vec<String>,
) -> Option<Vec<String>> {
    let mut done: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    fn visit(
        name: &str,
        way: &mut Vec<String>,
        done: &mut std::collections::BTreeSet<String>,
        needs: &dyn Fn(&str) -> Vec<String>,
    ) -> Option<Vec<String>> {
        if let Some(at) = way.iter().position(|known| known == name) {
            return Some(way[at..].iter().cloned().chain([name.to_owned()]).collect());
        }
        if !done.insert(name.to_owned()) {
            return None;
        }
        way.push(name.to_owned());
        let found = needs(name).iter().find_map(|need| visit(need, way, done, needs));
        way.pop();
        found
    }
    for name in names {
        if let Some(found) = visit(name, &mut Vec::new(), &mut done, needs) {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_file_in_every_document() {
        let mut sink = Sink { path: "a.yml", found: Vec::new() };
        let documents = read("# x\na: 1\n---\nb:\n  - c: &x {d: 1}\n  - e: *x\n", &mut sink);
        assert_eq!((documents.len(), documents[1].line(&["b", "1", "e"])), (2, 6));
        assert_eq!(documents[1].value["b"][1]["e"]["d"], 1);
        read("a: 1\nb: [\n", &mut sink);
        assert_eq!(sink.found.len(), 1);
    }

    #[test]
    fn circles_are_found() {
        let needs = |name: &str| match name {
            "a" => vec!["b".to_owned()],
            "b" => vec!["c".to_owned()],
            "c" => vec!["b".to_owned()],
            _ => Vec::new(),
        };
        assert_eq!(circle(["d", "a"].into_iter(), &needs), Some(vec!["b".to_owned(), "c".to_owned(), "b".to_owned()]));
        assert_eq!(circle(["d"].into_iter(), &needs), None);
    }
}
