//! `{{name}}` in addresses, headers and bodies.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values by name.
pub type Variables = BTreeMap<String, String>;

/// Values may name others; around in a circle they do not go.
const MOST_DEPTH: usize = 8;

/// Fills `{{name}}` in, also within values; a name that is not known is an error that names those that are. `{{$uuid}}`,
/// `{{$timestamp}}` and `{{$randomInt}}` are made anew each time.
///
/// # Errors
/// The sentence that says which name is unknown.
pub fn fill(text: &str, variables: &Variables) -> Result<String, String> {
    filled(text, variables, 0)
}

fn filled(text: &str, variables: &Variables, depth: usize) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let Some(end) = rest[at..].find("}}").map(|end| at + end) else { break };
        let name = rest[at + 2..end].trim();
        if name.is_empty() || name.contains(|c: char| !(c.is_alphanumeric() || "_-.$[]".contains(c))) {
            out.push_str(&rest[..end + 2]);
        } else {
            out.push_str(&rest[..at]);
            match variables.get(name) {
                Some(value) if depth < MOST_DEPTH => out.push_str(&filled(value, variables, depth + 1)?),
                Some(_) => return Err(format!("the variable `{name}` leads back to itself")),
                None => out.push_str(&made(name).ok_or_else(|| unknown(name, variables))?),
            }
        }
        rest = &rest[end + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

/// What editors make themselves.
fn made(name: &str) -> Option<String> {
    Some(match name {
        "$uuid" | "$guid" | "$random.uuid" | "$randomUUID" => {
            let (high, low) = (fastrand::u64(..), fastrand::u64(..));
            format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                high >> 32,
                high >> 16 & 0xffff,
                high & 0xfff,
                low >> 48 & 0xfff,
                low & 0xffff_ffff_ffff
            )
        }
        "$timestamp" => jiff::Timestamp::now().as_second().to_string(),
        "$isoTimestamp" => jiff::Timestamp::now().to_string(),
        "$randomInt" | "$random.integer" => fastrand::u16(..1_000).to_string(),
        _ => return None,
    })
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
        let known = [("id", "7"), ("path", "/users/{{id}}"), ("round", "{{round}}")];
        let variables: Variables = known.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        for (text, expected) in [
            ("/users/{{id}}", Ok("/users/7")),
            ("{{ id }}{{id}}", Ok("77")),
            ("{\"a\":{\"b\":{}}}", Ok("{\"a\":{\"b\":{}}}")),
            ("{{ a b }}", Ok("{{ a b }}")),
            ("{{open", Ok("{{open")),
            ("{{path}}/x", Ok("/users/7/x")),
            ("{{round}}", Err("the variable `round` leads back to itself")),
            ("{{other}}", Err("the variable `other` is not set (set are: id, path, round)")),
        ] {
            match (fill(text, &variables), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{found}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
        let made = fill("{{$uuid}}", &variables).unwrap();
        assert!(made.len() == 36 && made != fill("{{$uuid}}", &variables).unwrap(), "{made}");
    }
}
