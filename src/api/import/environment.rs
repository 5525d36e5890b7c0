//! Environments of editors: `http-client.env.json` with its private twin, and those Postman exports.

use serde_json::Value;

use crate::api::ApiError;
use crate::api::expect::plain;
use crate::api::variables::Variables;

/// Names of the files that hold environments by name, beside the requests.
pub const FILES: [&str; 2] = ["http-client.env.json", "http-client.private.env.json"];

/// The variables of an environment that Postman exported.
///
/// # Errors
/// It is none, with line and column.
pub fn exported(path: &str, text: &str) -> Result<Variables, ApiError> {
    let value = json(path, text)?;
    let Some(values) = value["values"].as_array() else {
        let what = "this is no environment of Postman: there is no list `values`".to_owned();
        return Err(ApiError::Document { place: path.to_owned(), what });
    };
    let on = values.iter().filter(|value| value["enabled"] != false);
    Ok(on.filter_map(|value| Some((value["key"].as_str()?.to_owned(), plain(&value["value"])))).collect())
}

/// The variables of a named environment in the files that are there; the only one there is when none is named.
///
/// # Errors
/// A file is no JSON, or holds no such environment.
pub fn named(files: &[(String, String)], name: Option<&str>) -> Result<Variables, ApiError> {
    let mut variables = Variables::new();
    let (mut known, mut found) = (Vec::new(), false);
    for (path, text) in files {
        let value = json(path, text)?;
        let environments = value.as_object().into_iter().flatten().filter(|(key, _)| *key != "$shared");
        let names: Vec<&String> = environments.map(|(key, _)| key).collect();
        let chosen = match (name, names.as_slice()) {
            (Some(name), _) => name.to_owned(),
            (None, [only]) => (*only).clone(),
            (None, _) => continue,
        };
        known.extend(names.into_iter().cloned());
        found |= value[chosen.as_str()].is_object();
        for part in ["$shared", chosen.as_str()] {
            let fields = value[part].as_object().into_iter().flatten();
            variables
                .extend(fields.filter(|(_, value)| !value.is_object()).map(|(key, value)| (key.clone(), plain(value))));
        }
    }
    match name {
        Some(name) if !found => {
            let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
            Err(ApiError::Input(format!("no environment `{name}` beside the requests ({known})")))
        }
        _ => Ok(variables),
    }
}

fn json(path: &str, text: &str) -> Result<Value, ApiError> {
    serde_json::from_str(text).map_err(|error| ApiError::Document {
        place: format!("{path}:{}:{}", error.line(), error.column()),
        what: format!("no valid JSON: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_found_by_name_or_as_the_only_one() {
        let file = |text: &str| vec![(FILES[0].to_owned(), text.to_owned())];
        let two = file(r#"{"$shared": {"v": 1}, "dev": {"host": "a"}, "prod": {"host": "b", "Security": {}}}"#);
        assert_eq!(
            named(&two, Some("prod")).unwrap(),
            [("host", "b"), ("v", "1")].map(|(a, b)| (a.into(), b.into())).into()
        );
        assert!(named(&two, None).unwrap().is_empty());
        assert_eq!(named(&file(r#"{"dev": {"host": "a"}}"#), None).unwrap()["host"], "a");
        for (files, name, expected) in [
            (two, Some("staging"), "no environment `staging` beside the requests (dev, prod)"),
            (Vec::new(), Some("dev"), "(there are none)"),
            (file("{"), None, "http-client.env.json:1:1: no valid JSON"),
        ] {
            assert!(named(&files, name).unwrap_err().to_string().contains(expected), "{expected}");
        }
        let postman = r#"{"name": "e", "values": [{"key": "a", "value": "1", "enabled": true}, {"key": "b", "value": "2", "enabled": false}]}"#;
        assert_eq!(exported("e.json", postman).unwrap(), [("a".to_owned(), "1".to_owned())].into());
    }
}
