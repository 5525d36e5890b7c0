//! How the value of a parameter is written: lists with commas or once each, objects field by field or as JSON.

use serde_json::Value;

use super::Place;
use crate::api::expect::plain;

/// How a parameter's value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// `a=1&a=2`, and the fields of an object for itself; what a query does unless it is told otherwise.
    #[default]
    Exploded,
    /// `a=1,2`; what a path and a header do unless they are told otherwise.
    Commas,
    /// `a=1%202`.
    Spaces,
    /// `a=1|2`.
    Pipes,
    /// `a[x]=1`.
    Deep,
    /// One text of JSON.
    Json,
}

impl Style {
    /// What a parameter of a document says.
    pub(super) fn read(parameter: &Value, place: Place) -> Self {
        if parameter.get("content").is_some() {
            return Self::Json;
        }
        let usual = matches!(place, Place::Query | Place::Cookie);
        let style = parameter.get("style").and_then(Value::as_str).unwrap_or(if usual { "form" } else { "simple" });
        let explode = parameter.get("explode").and_then(Value::as_bool).unwrap_or(style == "form");
        match style {
            "deepObject" => Self::Deep,
            "spaceDelimited" if !explode => Self::Spaces,
            "pipeDelimited" if !explode => Self::Pipes,
            _ if explode && usual => Self::Exploded,
            _ => Self::Commas,
        }
    }

    /// Whether each field of an object is a parameter of its own, so that the name alone says nothing.
    pub fn by_field(self) -> bool {
        matches!(self, Self::Exploded | Self::Deep)
    }

    /// A value as pairs of a query.
    pub fn pairs(self, name: &str, value: &Value) -> Vec<(String, String)> {
        match (self, value) {
            // An empty list is no value at all.
            (_, Value::Array(items)) if items.is_empty() && self != Self::Json => Vec::new(),
            (Self::Exploded, Value::Array(items)) => items.iter().map(|item| (name.to_owned(), text(item))).collect(),
            (Self::Exploded, Value::Object(map)) => map.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
            (Self::Deep, Value::Object(_)) => {
                let mut pairs = Vec::new();
                deep(name, value, &mut pairs);
                pairs
            }
            _ => vec![(name.to_owned(), self.one(value))],
        }
    }

    /// A value as one text.
    pub fn one(self, value: &Value) -> String {
        let joint = match self {
            Self::Spaces => " ",
            Self::Pipes => "|",
            Self::Json => return text(value),
            _ => ",",
        };
        match value {
            Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(joint),
            Value::Object(map) if self != Self::Deep => {
                let parts = map.iter().flat_map(|(key, value)| [key.clone(), text(value)]);
                parts.collect::<Vec<_>>().join(joint)
            }
            other => text(other),
        }
    }
}

fn deep(name: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| deep(&format!("{name}[{key}]"), value, into)),
        Value::Array(items) => items.iter().for_each(|item| deep(&format!("{name}[]"), item, into)),
        other => into.push((name.to_owned(), text(other))),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => value.to_string(),
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_objects_are_written_as_the_document_says() {
        let (list, object) = (json!([1, "b"]), json!({"x": 1, "y": {"z": [2, 3]}}));
        for (parameter, place, by_list, by_object) in [
            (json!({}), Place::Query, "p=1&p=b", "x=1&y={\"z\":[2,3]}"),
            (json!({"explode": false}), Place::Query, "p=1,b", "p=x,1,y,{\"z\":[2,3]}"),
            (json!({"style": "pipeDelimited"}), Place::Query, "p=1|b", "p=x|1|y|{\"z\":[2,3]}"),
            (json!({"style": "spaceDelimited"}), Place::Query, "p=1 b", "p=x 1 y {\"z\":[2,3]}"),
            (json!({"style": "deepObject", "explode": true}), Place::Query, "p=1,b", "p[x]=1&p[y][z][]=2&p[y][z][]=3"),
            (json!({"content": {}}), Place::Query, "p=[1,\"b\"]", "p={\"x\":1,\"y\":{\"z\":[2,3]}}"),
            (json!({}), Place::Path, "p=1,b", "p=x,1,y,{\"z\":[2,3]}"),
            (json!({"style": "form"}), Place::Header, "p=1,b", "p=x,1,y,{\"z\":[2,3]}"),
        ] {
            let style = Style::read(&parameter, place);
            for (value, expected) in [(&list, by_list), (&object, by_object)] {
                let pairs = style.pairs("p", value);
                let shown: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                assert_eq!(shown.join("&"), expected, "{parameter} {style:?}");
            }
        }
        assert_eq!(Style::Commas.pairs("p", &json!([])), []);
        assert_eq!(Style::Exploded.pairs("p", &json!("a b")), [("p".to_owned(), "a b".to_owned())]);
    }
}
