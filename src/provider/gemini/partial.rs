//! Arguments of a call that come path by path.

use serde_json::{Map, Value};

/// One step of a path.
#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

/// The largest index that is believed; a larger one would only fill the memory.
const MOST: usize = 100_000;

/// Puts a piece of the arguments in its place: `{"jsonPath": "$.a[0].b", "stringValue": "x"}`. Texts grow, other values
/// replace what was there. A path that cannot be followed changes nothing.
pub(super) fn put(arguments: &mut Value, piece: &Value) -> Option<()> {
    let steps = steps(piece["jsonPath"].as_str()?)?;
    let fields = piece.as_object()?;
    let mut place = arguments;
    for step in steps {
        place = match step {
            Step::Key(key) => {
                if place.is_null() {
                    *place = Value::Object(Map::new());
                }
                place.as_object_mut()?.entry(key).or_insert(Value::Null)
            }
            Step::Index(index) => {
                if place.is_null() {
                    *place = Value::Array(Vec::new());
                }
                let items = place.as_array_mut()?;
                if items.len() <= index {
                    items.resize(index + 1, Value::Null);
                }
                &mut items[index]
            }
        };
    }
    let text = fields.get("stringValue").and_then(Value::as_str);
    match (place, text) {
        (Value::String(known), Some(more)) => known.push_str(more),
        (place, Some(text)) => *place = Value::String(text.to_owned()),
        (place, None) => {
            let given = ["numberValue", "boolValue"].iter().find_map(|key| fields.get(*key));
            *place = given.cloned().unwrap_or(Value::Null);
        }
    }
    Some(())
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(key) = rest.strip_prefix('.') {
            let end = key.find(['.', '[']).unwrap_or(key.len());
            steps.push(Step::Key(key[..end].to_owned()));
            rest = &key[end..];
        } else {
            let inner = rest.strip_prefix('[')?;
            let (inner, after) = inner.split_once(']')?;
            let quoted = inner.strip_prefix(['\'', '"']).and_then(|key| key.strip_suffix(['\'', '"']));
            steps.push(match quoted {
                Some(key) => Step::Key(key.to_owned()),
                None => Step::Index(inner.parse().ok().filter(|index| *index < MOST)?),
            });
            rest = after;
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_find_their_place() {
        let mut arguments = Value::Null;
        for (path, kind, value) in [
            ("$.recipe.steps[0]", "stringValue", json!("Boil ")),
            ("$.recipe.steps[0]", "stringValue", json!("water")),
            ("$.recipe.steps[1]", "stringValue", json!("Wait")),
            ("$.recipe['ser.ves']", "numberValue", json!(4)),
            ("$.recipe.hot", "boolValue", json!(true)),
            ("$.nothing", "nullValue", Value::Null),
        ] {
            put(&mut arguments, &json!({"jsonPath": path, kind: value})).unwrap();
        }
        assert_eq!(
            arguments,
            json!({"recipe": {"steps": ["Boil water", "Wait"], "ser.ves": 4, "hot": true}, "nothing": null})
        );
        let before = arguments.clone();
        for path in ["recipe", "$.recipe.hot.x", "$.recipe.steps[x]", "$.recipe.steps[999999999]"] {
            assert_eq!(put(&mut arguments, &json!({"jsonPath": path, "stringValue": "x"})), None, "{path}");
        }
        assert_eq!(arguments, before);
    }
}
