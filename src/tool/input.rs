//! Reading what a model wrote as the input of a tool.
//!
//! The schema the model was told is the one its input is checked against: a field it does not know is refused with
//! the names that are valid. Slips that can only mean one thing are put right: a number or a list written as a
//! string, `null` for a field that may be left out.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::domain::RepoPath;

/// Reads an input by its schema.
///
/// # Errors
/// A sentence for the model: what does not fit, and the fields that would.
pub(super) fn read<T: DeserializeOwned>(schema: &Value, input: &Value) -> Result<T, String> {
    let input = match input {
        Value::Null => Value::Object(Map::new()),
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| input.clone()),
        other => other.clone(),
    };
    let fitted = fit(schema, input, "")?;
    serde_json::from_value(fitted).map_err(|error| format!("The input does not fit: {error}. {}", fields(schema)))
}

fn fit(schema: &Value, value: Value, at: &str) -> Result<Value, String> {
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => fit_object(schema, value, at),
        Some("array") => fit_array(schema, value, at),
        Some("string") => fit_string(schema, value, at),
        Some("integer") => fit_integer(schema, value, at),
        Some("boolean") => fit_boolean(value, at),
        _ => Ok(value),
    }
}

fn fit_object(schema: &Value, value: Value, at: &str) -> Result<Value, String> {
    let Value::Object(given) = value else {
        return Err(format!("{} is {}, but has to be an object. {}", name(at), kind(&value), fields(schema)));
    };
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let mut fitted = Map::new();
    for (field, value) in given {
        let Some(property) = properties.get(&field) else {
            // A map of names the schema cannot know.
            if schema.get("additionalProperties") == Some(&Value::Bool(true)) {
                fitted.insert(field, value);
                continue;
            }
            return Err(unknown_field(&field, properties, schema, at));
        };
        if value.is_null() && !required(schema).any(|name| name == field) {
            continue;
        }
        let value = fit(property, value, &join(at, &field))?;
        fitted.insert(field, value);
    }
    if let Some(missing) = required(schema).find(|name| !fitted.contains_key(*name)) {
        return Err(format!("The field `{missing}` is missing{}. {}", place(at), fields(schema)));
    }
    Ok(Value::Object(fitted))
}

fn unknown_field(field: &str, properties: &Map<String, Value>, schema: &Value, at: &str) -> String {
    let near = nearest(field, properties.keys().map(String::as_str));
    let hint = near.map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
    format!("There is no field `{field}`{}.{hint} {}", place(at), fields(schema))
}

fn fit_array(schema: &Value, value: Value, at: &str) -> Result<Value, String> {
    let value = match value {
        Value::String(text) => serde_json::from_str::<Value>(&text)
            .ok()
            .filter(Value::is_array)
            .ok_or_else(|| format!("{} is a string, but has to be a list.", name(at)))?,
        other => other,
    };
    let Value::Array(items) = value else {
        return Err(format!("{} is {}, but has to be a list.", name(at), kind(&value)));
    };
    if items.is_empty() && schema.get("minItems").and_then(Value::as_u64).is_some_and(|least| least > 0) {
        return Err(format!("{} is empty, but has to hold at least one entry.", name(at)));
    }
    let each = schema.get("items").unwrap_or(&Value::Null);
    let fitted: Result<Vec<Value>, String> =
        items.into_iter().enumerate().map(|(index, item)| fit(each, item, &format!("{at}[{index}]"))).collect();
    fitted.map(Value::Array)
}

fn fit_string(schema: &Value, value: Value, at: &str) -> Result<Value, String> {
    let Value::String(text) = &value else {
        return Err(format!("{} is {}, but has to be a string.", name(at), kind(&value)));
    };
    let Some(choices) = schema.get("enum").and_then(Value::as_array) else { return Ok(value) };
    if choices.contains(&value) {
        return Ok(value);
    }
    let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
    Err(format!("{} is `{text}`, but has to be one of: {}.", name(at), choices.join(", ")))
}

fn fit_integer(schema: &Value, value: Value, at: &str) -> Result<Value, String> {
    let Some(number) = whole_number(&value) else {
        return Err(format!("{} is {}, but has to be a whole number.", name(at), shown(&value)));
    };
    if let Some(least) = schema.get("minimum").and_then(Value::as_i64).filter(|least| number < *least) {
        return Err(format!("{} is {number}, but has to be at least {least}.", name(at)));
    }
    if let Some(most) = schema.get("maximum").and_then(Value::as_i64).filter(|most| number > *most) {
        return Err(format!("{} is {number}, but may be at most {most}.", name(at)));
    }
    Ok(Value::from(number))
}

fn whole_number(value: &Value) -> Option<i64> {
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() < 1e15;
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().filter(whole).map(|number| number as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn fit_boolean(value: Value, at: &str) -> Result<Value, String> {
    match &value {
        Value::Bool(_) => Ok(value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        other => Err(format!("{} is {}, but has to be true or false.", name(at), kind(other))),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.len() <= 40 => format!("`{text}`"),
        other => kind(other).to_owned(),
    }
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// "The fields are: `path`, `from` (optional)."
fn fields(schema: &Value) -> String {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return String::new() };
    let optional = |field: &str| if required(schema).any(|name| name == field) { "" } else { " (optional)" };
    let names: Vec<String> = properties.keys().map(|field| format!("`{field}`{}", optional(field))).collect();
    format!("The fields are: {}.", names.join(", "))
}

fn name(at: &str) -> String {
    if at.is_empty() { "The input".to_owned() } else { format!("`{at}`") }
}

fn place(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!(" in `{at}`") }
}

fn join(at: &str, field: &str) -> String {
    if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Names that other tools use for what a field here is called: only ever a hint, never taken.
const USUAL_NAMES: [(&str, &str); 20] = [
    ("file", "path"),
    ("filename", "path"),
    ("filepath", "path"),
    ("cmd", "command"),
    ("query", "pattern"),
    ("regex", "pattern"),
    ("include", "glob"),
    ("text", "content"),
    ("old_string", "old"),
    ("old_str", "old"),
    ("search", "old"),
    ("new_string", "new"),
    ("new_str", "new"),
    ("replace", "new"),
    ("replace_all", "all"),
    ("file_text", "content"),
    ("offset", "from"),
    ("start_line", "from"),
    ("end_line", "to"),
    ("timeout", "timeout_s"),
];

/// The valid name that is most probably meant.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let names: Vec<&str> = names.collect();
    let usual = USUAL_NAMES.iter().find(|(usual, _)| *usual == wrong).map(|(_, ours)| *ours);
    if let Some(found) = names.iter().find(|name| Some(**name) == usual) {
        return Some(found);
    }
    if let Some(found) = names.iter().find(|name| wrong.split('_').any(|part| part == **name)) {
        return Some(found);
    }
    let scored = names.into_iter().map(|name| (strsim::jaro_winkler(wrong, name), name));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// Reads a path: relative to the root, or absolute below the root, which models write a lot.
///
/// # Errors
/// The sentence of [`crate::domain::PathError`].
pub(super) fn path(root: &Path, text: &str) -> Result<RepoPath, String> {
    RepoPath::parse(below(root, text)).map_err(|error| format!("{error}."))
}

/// As [`path`], where the root itself is valid too and gives `None`.
///
/// # Errors
/// The sentence of [`crate::domain::PathError`].
pub(super) fn folder(root: &Path, text: &str) -> Result<Option<RepoPath>, String> {
    match below(root, text) {
        "" | "." | "./" => Ok(None),
        below => path(root, below).map(Some),
    }
}

fn below<'a>(root: &Path, text: &'a str) -> &'a str {
    let root = root.to_str().map(|root| root.trim_end_matches('/')).filter(|root| !root.is_empty());
    match root.and_then(|root| text.strip_prefix(root)) {
        Some("" | "/") => ".",
        Some(rest) if rest.starts_with('/') => rest.trim_start_matches('/'),
        _ => text,
    }
}

/// A text field for one line of summary, whatever the input is.
pub(super) fn text_field(input: &Value, field: &str) -> String {
    let text = input.get(field).and_then(Value::as_str).unwrap_or_default().trim();
    match text.split_once(['\n', '\r']) {
        Some((first, _)) => format!("{} …", first.trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "from": {"type": "integer", "minimum": 1},
                "all": {"type": "boolean"},
                "edits": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {
                    "old": {"type": "string"}, "new": {"type": "string"}
                }, "required": ["old", "new"], "additionalProperties": false}},
                "kind": {"type": "string", "enum": ["a", "b"]}
            },
            "required": ["path"],
            "additionalProperties": false
        })
    }

    #[test]
    fn slips_with_one_meaning_are_put_right() {
        for (input, expected) in [
            (json!({"path": "a", "from": "3"}), json!({"path": "a", "from": 3})),
            (json!({"path": "a", "from": 3.0}), json!({"path": "a", "from": 3})),
            (json!({"path": "a", "all": "True"}), json!({"path": "a", "all": true})),
            (json!({"path": "a", "from": null}), json!({"path": "a"})),
            (json!("{\"path\": \"a\"}"), json!({"path": "a"})),
            (
                json!({"path": "a", "edits": "[{\"old\": \"x\", \"new\": \"y\"}]"}),
                json!({"path": "a", "edits": [{"old": "x", "new": "y"}]}),
            ),
        ] {
            assert_eq!(read::<Value>(&schema(), &input), Ok(expected), "{input}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_valid_names() {
        for (input, part) in [
            (json!({"file_path": "a"}), "There is no field `file_path`. Did you mean `path`? The fields are: `path`,"),
            (json!({"file": "a"}), "Did you mean `path`?"),
            (json!({"path": "a", "start_line": 2}), "Did you mean `from`?"),
            (json!({"path": "a", "edits": [{"old_string": "x", "new": ""}]}), "in `edits[0]`. Did you mean `old`?"),
            (json!({"path": "a", "edits": [{"old": "x"}]}), "The field `new` is missing in `edits[0]`"),
            (json!({"path": "a", "edits": []}), "`edits` is empty"),
            (json!({"from": 1}), "The field `path` is missing. The fields are: `path`, `from` (optional)"),
            (json!({"path": null}), "`path` is null"),
            (json!({"path": "a", "from": 0}), "`from` is 0, but has to be at least 1"),
            (json!({"path": "a", "from": 1.5}), "whole number"),
            (json!({"path": 7}), "`path` is a number, but has to be a string"),
            (json!({"path": "a", "kind": "c"}), "one of: a, b"),
            (json!([1]), "The input is a list"),
            (json!("nonsense"), "The input is a string"),
        ] {
            let error = read::<Value>(&schema(), &input).unwrap_err();
            assert!(error.contains(part), "{input}: {error}");
        }
    }

    #[test]
    fn paths_below_the_root_are_made_relative_and_others_refused() {
        let root = Path::new("/home/u/repo");
        for (text, expected) in [("a/b", "a/b"), ("/home/u/repo/a", "a"), ("/home/u/repo//a/../b", "b"), ("./x", "x")] {
            assert_eq!(path(root, text).map(|path| path.to_string()), Ok(expected.to_owned()), "{text}");
        }
        for text in ["/home/u/repository/a", "/etc/passwd", "../x", "/home/u/repo/../x", "/home/u/repo/.git/config", ""]
        {
            assert!(path(root, text).is_err(), "{text}");
        }
        for text in [".", "", "./", "/home/u/repo", "/home/u/repo/"] {
            assert_eq!(folder(root, text), Ok(None), "{text}");
        }
        for text in ["/", "..", "/home/u"] {
            assert!(folder(root, text).is_err(), "{text}");
        }
    }
}
