//! `{{name}}` in addresses, headers and bodies.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values by name.
pub type Variables = BTreeMap<String, String>;

/// Fills `{{name}}` in; a name that is not known is an error that names those that are.
///
/// # Errors
/// The sentence that says which name is unknown.
pub fn fill(text: &str, variables: &Variables) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let Some(end) = rest[at..].find("}}").map(|end| at + end) else { break };
        let name = rest[at + 2..end].trim();
        if name.is_empty() || name.contains(|c: char| !(c.is_alphanumeric() || "_-.$".contains(c))) {
            out.push_str(&rest[..end + 2]);
        } else {
            out.push_str(&rest[..at]);
            out.push_str(variables.get(name).ok_or_else(|| unknown(name, variables))?);
        }
        rest = &rest[end + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Fills every string within a value in.
///
/// # Errors
/// As [`fill`].
pub fn fill_value(value: &Value, variables: &Variables) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(fill(text, variables)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill_value(item, variables)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| Ok((key.clone(), fill_value(value, variables)?)))
                .collect::<Result<_, String>>()?,
        ),
        other => other.clone(),
    })
}

fn unknown(name: &str, variables: &Variables) -> String {
    let known: Vec<&str> = variables.keys().map(String::as_str).collect();
    let known = if known.is_empty() { "none is set".to_owned() } else { format!("set are: {}", known.join(", ")) };
    format!("the variable `{name}` is not set ({known}); `save` sets one from an answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_unknown_ones_named() {
        let variables: Variables = [("id".to_owned(), "7".to_owned())].into();
        for (text, expected) in [
            ("/users/{{id}}", Ok("/users/7")),
            ("{{ id }}{{id}}", Ok("77")),
            ("{\"a\":{\"b\":{}}}", Ok("{\"a\":{\"b\":{}}}")),
            ("{{ a b }}", Ok("{{ a b }}")),
            ("{{open", Ok("{{open")),
            ("{{other}}", Err("the variable `other` is not set (set are: id)")),
        ] {
            match (fill(text, &variables), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{found}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
