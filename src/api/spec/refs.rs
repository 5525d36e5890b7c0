//! References within a document.

use serde_json::{Map, Value};

use super::escape;

/// A reference that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Where it stands, as a JSON pointer.
    pub pointer: String,
    /// The reference.
    pub reference: String,
    /// Why it cannot be followed.
    pub why: &'static str,
}

/// A chain of references that is longer leads around in a circle.
const MOST_STEPS: usize = 32;

/// Follows references until something that is none; what cannot be followed stays as it is.
pub fn resolve<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    let mut here = value;
    for _ in 0..MOST_STEPS {
        let Some(reference) = here.get("$ref").and_then(Value::as_str) else { return here };
        let Some(next) = target(root, reference) else { return here };
        here = next;
    }
    here
}

/// A schema with its reference followed and its `allOf` merged; what two parts say differently the first one decides.
pub fn flatten(root: &Value, schema: &Value) -> Map<String, Value> {
    merge(root, schema, 0)
}

fn merge(root: &Value, schema: &Value, depth: usize) -> Map<String, Value> {
    let Some(map) = resolve(root, schema).as_object() else { return Map::new() };
    let mut merged = map.clone();
    let Some(Value::Array(parts)) = merged.remove("allOf") else { return merged };
    for part in parts.iter().filter(|_| depth < MOST_STEPS) {
        for (key, value) in merge(root, part, depth + 1) {
            match (merged.get_mut(&key), value) {
                (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                (Some(Value::Array(known)), Value::Array(more)) if key == "required" => known.extend(more),
                (Some(_), _) => {}
                (None, value) => {
                    merged.insert(key, value);
                }
            }
        }
    }
    merged
}

fn target<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    root.pointer(pointer).or_else(|| root.pointer(&decoded(pointer)))
}

/// `%7B` and the like in a reference.
pub(super) fn decoded(pointer: &str) -> String {
    let bytes = pointer.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = pointer.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Every reference that cannot be followed.
pub(super) fn check(root: &Value) -> Vec<Broken> {
    let mut broken = Vec::new();
    walk(root, root, &mut String::new(), &mut broken);
    broken
}

fn walk(root: &Value, value: &Value, at: &mut String, broken: &mut Vec<Broken>) {
    let length = at.len();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                at.push_str(&format!("/{index}"));
                walk(root, item, at, broken);
                at.truncate(length);
            }
        }
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref")
                && let Some(why) = fault(root, reference)
            {
                broken.push(Broken { pointer: format!("{at}/$ref"), reference: reference.clone(), why });
            }
            for (key, inner) in map.iter().filter(|(key, _)| !matches!(key.as_str(), "example" | "examples")) {
                at.push('/');
                at.push_str(&escape(key));
                walk(root, inner, at, broken);
                at.truncate(length);
            }
        }
        _ => {}
    }
}

fn fault(root: &Value, reference: &str) -> Option<&'static str> {
    if !reference.starts_with('#') {
        let remote = reference.contains("://");
        return Some(if remote {
            "leads to another server, which is never asked; bundle the document"
        } else {
            "leads to another file, which is not there or cannot be read"
        });
    }
    let mut next = reference;
    for _ in 0..MOST_STEPS {
        let Some(found) = target(root, next) else { return Some("leads nowhere") };
        match found.get("$ref").and_then(Value::as_str) {
            None => return None,
            Some(further) => next = further,
        }
    }
    Some("leads around in a circle")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_followed_or_named() {
        let root = json!({
            "a": {"$ref": "#/b"}, "b": {"$ref": "#/c~1d"}, "c/d": {"x": 1},
            "round": {"$ref": "#/about"}, "about": {"$ref": "#/round"},
            "none": [{"$ref": "#/nowhere"}], "far": {"$ref": "https://h/x"}, "file": {"$ref": "x.yaml#/y"},
            "tree": {"children": {"items": {"$ref": "#/tree"}}},
            "braced": {"$ref": "#/p%7Bq%7D"}, "p{q}": 1
        });
        assert_eq!(resolve(&root, &root["a"]), &json!({"x": 1}));
        assert_eq!(resolve(&root, &root["braced"]), &json!(1));
        let broken = check(&root);
        let found: Vec<(&str, &str)> = broken.iter().map(|broken| (broken.pointer.as_str(), broken.why)).collect();
        assert_eq!(
            found.iter().map(|(pointer, why)| (*pointer, &why[..10])).collect::<Vec<_>>(),
            [
                ("/round/$ref", "leads arou"),
                ("/about/$ref", "leads arou"),
                ("/none/0/$ref", "leads nowh"),
                ("/far/$ref", "leads to a"),
                ("/file/$ref", "leads to a"),
            ]
        );
    }
}
