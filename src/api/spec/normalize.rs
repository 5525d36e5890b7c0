//! OpenAPI 3.0 said as 3.1 does, so that one JSON Schema dialect holds everywhere.

use serde_json::{Map, Value, json};

/// Fields whose content is data, not schema.
const DATA: [&str; 5] = ["example", "examples", "default", "enum", "const"];

/// Rewrites `nullable`, boolean exclusive limits and `example`.
pub(super) fn upgrade(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(upgrade),
        Value::Object(map) => {
            // In 3.0 what stands beside a reference does not count.
            if map.get("$ref").is_some_and(Value::is_string) && map.get("nullable") != Some(&json!(true)) {
                map.retain(|key, _| key == "$ref");
                return;
            }
            limits(map);
            if map.get("nullable").is_some_and(Value::is_boolean) && map.remove("nullable") == Some(json!(true)) {
                nullable(map);
            }
            for (key, value) in map.iter_mut() {
                if !DATA.contains(&key.as_str()) || is_properties(value) {
                    upgrade(value);
                }
            }
        }
        _ => {}
    }
}

/// A property may be called `example` or `default`; then it holds a schema.
fn is_properties(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.contains_key("type") || map.contains_key("$ref"))
}

fn limits(map: &mut Map<String, Value>) {
    for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match map.get(exclusive) {
            Some(Value::Bool(true)) => {
                if let Some(value) = map.remove(limit) {
                    map.insert(exclusive.to_owned(), value);
                } else {
                    map.remove(exclusive);
                }
            }
            Some(Value::Bool(false)) => {
                map.remove(exclusive);
            }
            _ => {}
        }
    }
}

fn nullable(map: &mut Map<String, Value>) {
    if let Some(Value::Array(choices)) = map.get_mut("enum")
        && !choices.contains(&Value::Null)
    {
        choices.push(Value::Null);
    }
    let composed = ["$ref", "allOf", "oneOf"].iter().any(|name| map.contains_key(*name));
    match map.get_mut("type") {
        Some(Value::String(name)) => {
            let name = name.clone();
            map.insert("type".to_owned(), json!([name, "null"]));
        }
        Some(Value::Array(names)) if !names.contains(&json!("null")) => names.push(json!("null")),
        Some(_) => {}
        None if composed => {
            let inner = Value::Object(std::mem::take(map));
            map.insert("anyOf".to_owned(), json!([inner, {"type": "null"}]));
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_zero_becomes_three_one() {
        for (old, new) in [
            (json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]})),
            (json!({"type": "string", "nullable": false}), json!({"type": "string"})),
            (
                json!({"type": "string", "enum": ["a"], "nullable": true}),
                json!({"type": ["string", "null"], "enum": ["a", null]}),
            ),
            (json!({"$ref": "#/x", "nullable": true}), json!({"anyOf": [{"$ref": "#/x"}, {"type": "null"}]})),
            (json!({"$ref": "#/x", "description": "d"}), json!({"$ref": "#/x"})),
            (json!({"minimum": 3, "exclusiveMinimum": true}), json!({"exclusiveMinimum": 3})),
            (json!({"minimum": 3, "exclusiveMinimum": false}), json!({"minimum": 3})),
            (json!({"example": {"nullable": true}}), json!({"example": {"nullable": true}})),
            (
                json!({"properties": {"nullable": {"type": "boolean", "nullable": true}}}),
                json!({"properties": {"nullable": {"type": ["boolean", "null"]}}}),
            ),
            (
                json!({"properties": {"default": {"type": "boolean", "nullable": true}}}),
                json!({"properties": {"default": {"type": ["boolean", "null"]}}}),
            ),
        ] {
            let mut value = old.clone();
            upgrade(&mut value);
            assert_eq!(value, new, "{old}");
        }
    }
}
