//! A contract written over a file that is there: what is the same keeps its text, its order and its comments.

use serde_json::{Map, Value};

use crate::text;

/// The file's text with what differs replaced. `None` when the text is not built of plain block mappings, so that it
/// could not be told which part of it stands for what.
pub(super) fn into_yaml(old: &str, new: &Value) -> Option<String> {
    let (Value::Object(before), Value::Object(after)) = (parsed(old)?, new) else { return None };
    let lines: Vec<&str> = old.lines().collect();
    let merged = mapping(&lines, 0, &before, after)?;
    // Whatever was misread shows here.
    (parsed(&merged).as_ref() == Some(new)).then_some(merged)
}

fn parsed(yaml: &str) -> Option<Value> {
    serde_norway::from_str(yaml).ok().map(text::from_yaml)
}

/// The document with keys in the order they have in another one, indented as that one is.
pub(super) fn into_json(old: &str, new: &Value) -> Option<String> {
    let before: Value = serde_json::from_str(old).ok()?;
    let deep = old.lines().nth(1).map(|line| &line[..line.len() - line.trim_start().len()]);
    let indent = deep.filter(|indent| !indent.is_empty()).unwrap_or("  ");
    let mut out = Vec::new();
    let style = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    let mut writer = serde_json::Serializer::with_formatter(&mut out, style);
    serde::Serialize::serialize(&ordered(&before, new), &mut writer).ok()?;
    String::from_utf8(out).ok().map(|text| text + "\n")
}

fn ordered(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut out = Map::new();
            let known = old.keys().filter(|key| new.contains_key(*key));
            for key in known.chain(new.keys().filter(|key| !old.contains_key(*key))) {
                let was = old.get(key).unwrap_or(&Value::Null);
                out.insert(key.clone(), ordered(was, &new[key]));
            }
            Value::Object(out)
        }
        (Value::Array(old), Value::Array(new)) => {
            let was = old.iter().chain(std::iter::repeat(&Value::Null));
            Value::Array(new.iter().zip(was).map(|(new, old)| ordered(old, new)).collect())
        }
        _ => new.clone(),
    }
}

/// An entry of a mapping in its text.
struct Entry<'a> {
    key: String,
    /// Comments and blank lines before it.
    head: Vec<&'a str>,
    /// The line of the key.
    line: &'a str,
    /// What the line holds behind the colon.
    rest: &'a str,
    /// What is below.
    body: Vec<&'a str>,
}

fn mapping(lines: &[&str], indent: usize, old: &Map<String, Value>, new: &Map<String, Value>) -> Option<String> {
    let (entries, tail) = entries(lines, indent)?;
    let mut out: Vec<(String, String)> = Vec::new();
    for entry in &entries {
        let (was, Some(is)) = (old.get(&entry.key)?, new.get(&entry.key)) else { continue };
        let mut text: String = entry.head.iter().map(|line| format!("{line}\n")).collect();
        text.push_str(&entry.written(indent, was, is)?);
        out.push((entry.key.clone(), text));
    }
    let mut after: Option<&str> = None;
    for (key, value) in new {
        if !old.contains_key(key) {
            let at = after.and_then(|after| out.iter().position(|(known, _)| known == after)).map_or(0, |at| at + 1);
            out.insert(at, (key.clone(), fresh(indent, key, value)?));
        }
        after = Some(key);
    }
    let mut text: String = out.into_iter().map(|(_, text)| text).collect();
    tail.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    Some(text)
}

impl Entry<'_> {
    fn written(&self, indent: usize, was: &Value, is: &Value) -> Option<String> {
        if was == is {
            return Some(std::iter::once(&self.line).chain(&self.body).map(|line| format!("{line}\n")).collect());
        }
        let opens = self.rest.trim().is_empty() || self.rest.trim_start().starts_with('#');
        if let (Value::Object(was), Value::Object(is)) = (was, is)
            && opens
            && !is.is_empty()
        {
            let first = self.body.iter().find(|line| !is_aside(line))?;
            let below = mapping(&self.body, deep(first), was, is)?;
            return Some(format!("{}\n{below}", self.line));
        }
        let text = fresh(indent, &self.key, is)?;
        let single = |value: &Value| !value.is_object() && !value.is_array();
        let comment = self.comment(was).filter(|_| single(was) && single(is) && text.lines().count() == 1);
        Some(comment.map_or(text.clone(), |comment| format!("{}{comment}\n", text.trim_end())))
    }

    /// The comment behind a single value, with the blanks before it.
    fn comment(&self, was: &Value) -> Option<&str> {
        let blanks = self.rest.match_indices(" #").map(|(at, _)| at);
        let at = blanks.into_iter().find(|at| parsed(&self.rest[..*at]).as_ref() == Some(was))?;
        Some(&self.rest[self.rest[..at].trim_end().len()..])
    }
}

/// The entries of a block mapping, and what stands behind the last one.
fn entries<'a>(lines: &[&'a str], indent: usize) -> Option<(Vec<Entry<'a>>, Vec<&'a str>)> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    let mut head: Vec<&'a str> = Vec::new();
    for line in lines {
        let (here, text) = (deep(line), line.trim_start());
        let begins = here == indent && !is_aside(line) && !text.starts_with("- ") && text != "-";
        if begins && !(indent == 0 && matches!(text, "---" | "...")) {
            let (key, rest) = key(text)?;
            entries.push(Entry { key, head: std::mem::take(&mut head), line, rest, body: Vec::new() });
        } else if entries.is_empty() || (is_aside(line) && here <= indent) {
            head.push(line);
        } else if let Some(entry) = entries.last_mut() {
            // What looked like the head of the next entry was within this one.
            entry.body.append(&mut head);
            entry.body.push(line);
        }
    }
    Some((entries, head))
}

/// A line that holds nothing but a comment, or nothing.
fn is_aside(line: &str) -> bool {
    let text = line.trim_start();
    text.is_empty() || text.starts_with('#')
}

fn deep(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The key a line begins with, and what is behind its colon.
fn key(text: &str) -> Option<(String, &str)> {
    let ends = text.match_indices(':').map(|(at, _)| at);
    for at in ends.filter(|at| text[at + 1..].is_empty() || text[at + 1..].starts_with(' ')) {
        match parsed(&text[..at]) {
            Some(Value::String(key)) => return Some((key, &text[at + 1..])),
            // `200:` and `on:` are keys of another kind, and texts in a contract.
            Some(Value::Number(_) | Value::Bool(_)) => return Some((text[..at].to_owned(), &text[at + 1..])),
            _ => {}
        }
    }
    None
}

/// An entry as it is written where nothing was before.
fn fresh(indent: usize, key: &str, value: &Value) -> Option<String> {
    let one = Value::Object(std::iter::once((key.to_owned(), value.clone())).collect());
    let text = serde_norway::to_string(&one).ok()?;
    let deeper = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("{:indent$}{line}\n", "") };
    Some(text.lines().map(deeper).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OLD: &str = "\
# The shop. Keep this.
openapi: 3.1.0
info:
  version: 1.0.0   # by hand
  title: Shop
paths:
  /zebra: # first on purpose
    get:
      summary: \"quoted: value\"
      responses:
        '200': {description: ok}

  # going away
  /old:
    get: {responses: {\"200\": {description: x}}}
  /apple:
    get:
      description: |
        many
        lines: of it
      responses:
        200:
          description: ok
tags:
- name: a # in a list
# the end
";

    #[test]
    fn what_is_the_same_keeps_its_text() {
        let mut new = parsed(OLD).unwrap();
        assert_eq!(into_yaml(OLD, &new).unwrap(), OLD);
        new["info"]["version"] = json!("1.1.0");
        new["paths"]["/zebra"]["get"]["responses"]["404"] = json!({"description": "none"});
        new["paths"].as_object_mut().unwrap().shift_remove("/old");
        new["components"] = json!({"schemas": {"A": {"type": "object"}}});
        let expected = OLD
            .replace("1.0.0   # by hand", "1.1.0   # by hand")
            .replace("{description: ok}\n\n", "{description: ok}\n        '404':\n          description: none\n")
            .replace("  # going away\n  /old:\n    get: {responses: {\"200\": {description: x}}}\n", "")
            .replace("# the end\n", "components:\n  schemas:\n    A:\n      type: object\n# the end\n");
        assert_eq!(into_yaml(OLD, &new).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_told_apart_is_left_to_others() {
        for old in ["{a: 1}", "- a\n", "a: &x 1\nb: *x\n<<: {c: 1}\n", "not: [yaml", "? complex\n: 1\n"] {
            let new = json!({"openapi": "3.1.0"});
            let merged = into_yaml(old, &new);
            assert!(merged.is_none() || merged.as_deref() == Some("openapi: 3.1.0\n"), "{old}: {merged:?}");
        }
    }

    #[test]
    fn keys_of_json_keep_their_order_and_indent() {
        let old = "{\n    \"b\": {\"y\": 1, \"x\": 1},\n    \"a\": [1]\n}";
        let new = json!({"a": [1], "b": {"x": 1, "y": 2}, "c": 1});
        assert_eq!(
            into_json(old, &new).unwrap(),
            "{\n    \"b\": {\n        \"y\": 2,\n        \"x\": 1\n    },\n    \"a\": [\n        1\n    ],\n    \"c\": 1\n}\n"
        );
    }
}
