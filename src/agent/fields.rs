//! From front matter to fields: strict YAML first, the scanner when that fails.

use serde_norway::Value as Yaml;

use super::Note;
use super::source::Front;
use super::{lists, scanner};

/// The value of a field, as far as agents need one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Nothing was written.
    Empty,
    /// A scalar as written, or prose.
    Text(String),
    /// A list.
    List(Vec<String>),
    /// A mapping, in order; the values as text.
    Mapping(Vec<(String, String)>),
}

/// A field with the line it starts at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    /// The key as written.
    pub key: String,
    /// 1-based line of the file.
    pub line: Option<usize>,
    /// What it holds.
    pub value: Value,
}

/// Reads the fields of front matter. Never fails: what strict YAML refuses is scanned line by line.
pub(super) fn read(front: &Front, notes: &mut Vec<Note>) -> Vec<Field> {
    if front.text.trim().is_empty() {
        return Vec::new();
    }
    match serde_norway::from_str::<Yaml>(&front.text) {
        Ok(Yaml::Mapping(mapping)) => strict(front, &mapping),
        Ok(_) => {
            notes.push(Note::warning(front.line, "the front matter is not a list of `key: value` lines"));
            scanner::scan(front, notes)
        }
        Err(error) => {
            let line = error.location().map(|place| front.line + place.line().saturating_sub(1));
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            notes.push(Note::warning(line, format!("not valid YAML ({text}); read field by field")));
            scanner::scan(front, notes)
        }
    }
}

fn strict(front: &Front, mapping: &serde_norway::Mapping) -> Vec<Field> {
    let field = |(key, value): (&Yaml, &Yaml)| {
        let key = scalar(key);
        let written = written(front, &key);
        // YAML turns `1.10` into a number and `no` never into a word again; people mean what they wrote.
        let value = match (value, &written) {
            (Yaml::Number(_) | Yaml::Bool(_), Some((_, raw))) if !raw.is_empty() => Value::Text(raw.clone()),
            _ => convert(value),
        };
        Field { line: written.map(|(line, _)| line), key, value }
    };
    mapping.iter().map(field).collect()
}

/// The line and the raw text of a plain scalar at column 0.
fn written(front: &Front, key: &str) -> Option<(usize, String)> {
    front.text.lines().enumerate().find_map(|(index, line)| {
        let rest = line.strip_prefix(key)?.trim_start().strip_prefix(':')?;
        Some((front.line + index, lists::without_comment(rest).trim().to_owned()))
    })
}

fn convert(value: &Yaml) -> Value {
    match value {
        Yaml::Null => Value::Empty,
        Yaml::Sequence(items) => Value::List(items.iter().map(scalar).filter(|item| !item.is_empty()).collect()),
        Yaml::Mapping(mapping) => {
            Value::Mapping(mapping.iter().map(|(key, value)| (scalar(key), scalar(value))).collect())
        }
        Yaml::Tagged(tagged) => convert(&tagged.value),
        Yaml::Bool(_) | Yaml::Number(_) | Yaml::String(_) => Value::Text(scalar(value)),
    }
}

/// Anything as one text; a mapping with one key (`- Read: {}`) as that key.
fn scalar(value: &Yaml) -> String {
    match value {
        Yaml::Null => String::new(),
        Yaml::Bool(flag) => flag.to_string(),
        Yaml::Number(number) => number.to_string(),
        Yaml::String(text) => text.clone(),
        Yaml::Sequence(items) => items.iter().map(scalar).collect::<Vec<_>>().join(", "),
        Yaml::Mapping(mapping) => mapping.keys().map(scalar).collect::<Vec<_>>().join(", "),
        Yaml::Tagged(tagged) => scalar(&tagged.value),
    }
}
