//! Values at and beyond the edge: the ones that break programs, and the ones a schema forbids.

use serde_json::{Map, Value, json};

use crate::api::spec::{Validators, flatten};

/// Stands for 2^64, which is no number of [`Value`]; the request holds the digits.
pub const HUGE: &str = "\u{1}18446744073709551616\u{1}";

/// How `true` in place of a number is called: many a program takes it for 1.
pub const TRUE_FOR_NUMBER: &str = "true in place of a number";

/// A value put into one place of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Where: a JSON pointer; empty for the whole.
    pub at: String,
    /// What is put there, in words.
    pub what: String,
    /// The whole value with it.
    pub value: Value,
    /// The schema allows it.
    pub allowed: bool,
}

/// The values that break programs, by name.
fn strings() -> Vec<(&'static str, Value)> {
    vec![
        ("an empty text", json!("")),
        ("a NUL character", json!("a\u{0}b")),
        ("right-to-left text", json!("\u{202e}\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{1f469}\u{200d}\u{1f680}")),
        ("a quote", json!("' OR '1'='1")),
        ("a path upwards", json!("../../../../etc/passwd")),
        ("a line break and a header", json!("a\r\nX-Injected: 1")),
        ("1 MB of text", json!("x".repeat(1 << 20))),
    ]
}

fn numbers() -> Vec<(&'static str, Value)> {
    vec![
        ("-1", json!(-1)),
        ("0", json!(0)),
        ("2^31", json!(2_147_483_648_u64)),
        ("2^63", json!(9_223_372_036_854_775_808_u64)),
        ("2^64", json!(HUGE)),
        ("-2^63", json!(i64::MIN)),
    ]
}

/// A place within a value with its schema.
struct Leaf {
    at: String,
    schema: Map<String, Value>,
    required_in: Option<(String, String)>,
}

/// Deeper places are not tried one by one.
const MOST_DEPTH: usize = 3;

fn leaves(root: &Value, schema: &Value, value: &Value, at: &str, depth: usize, into: &mut Vec<Leaf>) {
    let flat = flatten(root, schema);
    match value {
        Value::Object(map) if depth < MOST_DEPTH => {
            for (name, inner) in map {
                let Some(schema) = flat.get("properties").and_then(|properties| properties.get(name)) else { continue };
                let place = format!("{at}/{}", crate::api::spec::escape(name));
                let before = into.len();
                leaves(root, schema, inner, &place, depth + 1, into);
                let required =
                    flat.get("required").and_then(Value::as_array).is_some_and(|list| list.iter().any(|r| r == name));
                if required
                    && let Some(leaf) = into.get_mut(before..).and_then(|new| new.iter_mut().find(|l| l.at == place))
                {
                    leaf.required_in = Some((at.to_owned(), name.clone()));
                }
            }
        }
        Value::Array(items) if depth < MOST_DEPTH => {
            if let (Some(item), Some(schema)) = (items.first(), flat.get("items")) {
                leaves(root, schema, item, &format!("{at}/0"), depth + 1, into);
            }
        }
        _ => {}
    }
    into.push(Leaf { at: at.to_owned(), schema: flat, required_in: None });
}

/// A valid value with each of the edges in each of its places, one at a time.
pub fn edges(root: &Value, validators: &Validators, schema: &Value, valid: &Value) -> Vec<Edge> {
    let mut found = Vec::new();
    for leaf in all(root, schema, valid) {
        let kinds = types(&leaf.schema, valid.pointer(&leaf.at));
        let mut values = Vec::new();
        if kinds.iter().any(|kind| kind == "string") && !leaf.schema.contains_key("enum") {
            values.extend(strings());
        }
        if kinds.iter().any(|kind| kind == "integer" || kind == "number") {
            values.extend(numbers());
        }
        for (what, value) in values {
            found.extend(edge(validators, schema, valid, &leaf.at, what, value));
        }
    }
    found
}

/// A valid value made wrong in each of the ways its schema forbids, one at a time.
pub fn wrong(root: &Value, validators: &Validators, schema: &Value, valid: &Value) -> Vec<Edge> {
    let mut found: Vec<Edge> = Vec::new();
    for leaf in all(root, schema, valid) {
        for (what, value) in forbidden(&leaf.schema) {
            found.extend(edge(validators, schema, valid, &leaf.at, &what, value));
        }
        if let Some((owner, name)) = &leaf.required_in {
            let mut whole = valid.clone();
            if let Some(map) = whole.pointer_mut(owner).and_then(Value::as_object_mut) {
                map.remove(name);
                found.push(Edge { at: leaf.at.clone(), what: "missing".to_owned(), value: whole, allowed: false });
            }
        }
        if leaf.schema.get("additionalProperties") == Some(&Value::Bool(false)) {
            let mut whole = valid.clone();
            if let Some(map) = whole.pointer_mut(&leaf.at).and_then(Value::as_object_mut) {
                map.insert("unexpected_field".to_owned(), json!(1));
                found.push(Edge {
                    at: leaf.at.clone(),
                    what: "a field too many".to_owned(),
                    value: whole,
                    allowed: false,
                });
            }
        }
    }
    found.retain(|edge| !validators.fits(schema, &edge.value));
    found.iter_mut().for_each(|edge| edge.allowed = false);
    found
}

fn all(root: &Value, schema: &Value, valid: &Value) -> Vec<Leaf> {
    let mut found = Vec::new();
    leaves(root, schema, valid, "", 0, &mut found);
    found
}

fn edge(validators: &Validators, schema: &Value, valid: &Value, at: &str, what: &str, value: Value) -> Option<Edge> {
    let mut whole = valid.clone();
    let huge = value == HUGE;
    *whole.pointer_mut(at)? = value;
    // The digits of 2^64 are a number, whatever stands for them here.
    let judged = if huge { with_number(&whole, at) } else { None };
    let allowed = validators.fits(schema, judged.as_ref().unwrap_or(&whole));
    Some(Edge { at: at.to_owned(), what: what.to_owned(), value: whole, allowed })
}

fn with_number(whole: &Value, at: &str) -> Option<Value> {
    let mut judged = whole.clone();
    *judged.pointer_mut(at)? = json!(18_446_744_073_709_551_616.0_f64);
    Some(judged)
}

fn types(schema: &Map<String, Value>, value: Option<&Value>) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        // Behind alternatives the value itself tells what it is.
        _ => match value {
            Some(Value::String(_)) => vec!["string".to_owned()],
            Some(Value::Number(number)) if number.is_f64() => vec!["number".to_owned()],
            Some(Value::Number(_)) => vec!["integer".to_owned()],
            _ => Vec::new(),
        },
    }
}

fn forbidden(schema: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = Vec::new();
    let kinds = types(schema, None);
    let has = |name: &str| kinds.iter().any(|kind| kind == name);
    if !kinds.is_empty() {
        for (kind, value) in [
            ("string", json!("not-a-value")),
            ("integer", json!(12.5)),
            ("boolean", json!({"unexpected": true})),
            ("array", json!(["unexpected"])),
            ("null", Value::Null),
        ] {
            if !(has(kind) || kind == "integer" && has("number")) {
                found.push((format!("{} in place of {}", shown(&value), kinds.join(" or ")), value));
            }
        }
    }
    if (has("integer") || has("number")) && !has("boolean") {
        found.push((TRUE_FOR_NUMBER.to_owned(), Value::Bool(true)));
    }
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    if let Some(low) = limit("minimum").or(limit("exclusiveMinimum").map(|low| low + 1.0)) {
        found.push(("below the minimum".to_owned(), number(low - 1.0)));
    }
    if let Some(high) = limit("maximum").or(limit("exclusiveMaximum").map(|high| high - 1.0)) {
        found.push(("above the maximum".to_owned(), number(high + 1.0)));
    }
    if let Some(most) = limit("maxLength").filter(|most| *most < 1e6) {
        found.push(("longer than allowed".to_owned(), json!("x".repeat(most as usize + 1))));
    }
    if let Some(least) = limit("minLength").filter(|least| *least > 0.0) {
        found.push(("shorter than allowed".to_owned(), json!("x".repeat(least as usize - 1))));
    }
    if schema.contains_key("pattern") {
        found.push(("against the pattern".to_owned(), json!("\u{2603} !")));
    }
    if schema.contains_key("enum") {
        found.push(("none of the allowed values".to_owned(), json!("no-such-choice")));
    }
    found
}

fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

fn shown(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Number(_) => "a fraction",
        Value::Null => "null",
        Value::Array(_) => "a list",
        _ => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "required": ["age"], "additionalProperties": false, "properties": {
            "age": {"type": "integer", "minimum": 0, "maximum": 150},
            "name": {"type": "string", "maxLength": 5},
            "tags": {"type": "array", "items": {"enum": ["a"]}}}})
    }

    #[test]
    fn every_edge_says_whether_it_is_allowed() {
        let schema = schema();
        let validators = Validators::new(&json!({}));
        let found = edges(&json!({}), &validators, &schema, &json!({"age": 1, "name": "x"}));
        let allowed =
            |at: &str, what: &str| found.iter().find(|edge| edge.at == at && edge.what == what).unwrap().allowed;
        assert!(allowed("/age", "0") && !allowed("/age", "-1") && !allowed("/age", "2^64"));
        assert!(allowed("/name", "an empty text") && !allowed("/name", "1 MB of text"));
        assert_eq!(found.len(), 6 + 7);
    }

    #[test]
    fn what_is_wrong_is_really_forbidden() {
        let schema = schema();
        let validators = Validators::new(&json!({}));
        let found = wrong(&json!({}), &validators, &schema, &json!({"age": 1, "name": "x", "tags": ["a"]}));
        for (at, what) in [
            ("/age", "missing"),
            ("/age", "below the minimum"),
            ("/age", "above the maximum"),
            ("/age", "a text in place of integer"),
            ("/age", "null in place of integer"),
            ("/name", "longer than allowed"),
            ("/tags/0", "none of the allowed values"),
            ("", "a field too many"),
        ] {
            assert!(found.iter().any(|edge| edge.at == at && edge.what == what), "{at} {what}: {found:#?}");
        }
        assert!(found.iter().all(|edge| !validators.fits(&schema, &edge.value)));
        assert!(!found.iter().any(|edge| edge.what == "missing" && edge.at == "/name"));
    }
}
