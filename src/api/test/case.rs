//! A request in its parts, so that one part can be changed, and the whole be made smaller.

use serde_json::Value;

use crate::api::generate::HUGE;
use crate::api::message::{Parts, Request};
use crate::api::spec::Operation;
use crate::api::target::encode;

/// Stands for bytes in a path that are no UTF-8.
pub(super) const NO_UTF8: &str = "\u{1}no UTF-8\u{1}";

/// What is expected of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expectation {
    /// The request is as documented.
    Valid,
    /// The request is against the contract and has to be refused.
    Refused,
    /// The request is odd; it may be taken or refused, but must not break anything.
    Survived,
    /// What is asked for is not there.
    Absent,
}

/// What is sent as the body.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Payload {
    None,
    Json {
        media: String,
        value: Value,
    },
    Form(Value),
    /// A form in parts, with the names of the fields that hold a file.
    Parts {
        value: Value,
        files: Vec<String>,
    },
    Raw {
        media: Option<String>,
        bytes: Vec<u8>,
    },
}

/// One request to one operation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case {
    /// What is special about it.
    pub what: String,
    /// Values for the names in the path.
    pub path: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub payload: Payload,
    pub expectation: Expectation,
    /// The place in the body that is special; it stays when the rest is made smaller.
    pub at: Option<String>,
}

impl Case {
    pub(super) fn request(&self, operation: &Operation) -> Request {
        let mut path = operation.path.clone();
        for (name, value) in &self.path {
            path = path.replace(&format!("{{{name}}}"), &segment(value));
        }
        let mut request = Request::new(&operation.method, path);
        for (name, value) in &self.query {
            request.add_query(name, &digits(value));
        }
        request.headers.clone_from(&self.headers);
        match &self.payload {
            Payload::None => {}
            Payload::Json { media, value } => {
                request.set_header("content-type", media);
                request.body = Some(json_text(value).into_bytes());
            }
            Payload::Form(value) => {
                request.set_header("content-type", "application/x-www-form-urlencoded");
                request.body = Some(form(value).into_bytes());
            }
            Payload::Parts { value, files } => {
                request.set_header("content-type", &Parts::media());
                request.body = Some(parts(value, files).into_bytes());
            }
            Payload::Raw { media, bytes } => {
                if let Some(media) = media {
                    request.set_header("content-type", media);
                }
                request.body = Some(bytes.clone());
            }
        }
        request
    }

    /// The same case with something special about it.
    pub(super) fn but(&self, what: impl Into<String>, expectation: Expectation) -> Self {
        Self { what: what.into(), expectation, ..self.clone() }
    }

    pub(super) fn set_path(&mut self, name: &str, value: String) {
        set(&mut self.path, name, value);
    }

    /// Whether what stands in the path under this name is a number.
    pub(super) fn names_a_number(&self, name: &str) -> bool {
        self.path.iter().any(|(known, value)| known == name && value.bytes().all(|byte| byte.is_ascii_digit()))
    }

    pub(super) fn set_query(&mut self, name: &str, value: String) {
        set(&mut self.query, name, value);
    }
}

fn set(list: &mut Vec<(String, String)>, name: &str, value: String) {
    match list.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => list.push((name.to_owned(), value)),
    }
}

/// 2^64 is no number of the JSON library, but has to be one in the request.
pub(super) fn json_text(value: &Value) -> String {
    let marked = Value::String(HUGE.to_owned()).to_string();
    value.to_string().replace(&marked, &digits(HUGE))
}

fn segment(value: &str) -> String {
    if value == NO_UTF8 { "%FF%FE".to_owned() } else { encode(&digits(value)) }
}

fn digits(text: &str) -> String {
    if text == HUGE { text.trim_matches('\u{1}').to_owned() } else { text.to_owned() }
}

/// A value as it is written in a path or a query.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => json_text(value),
        other => crate::api::expect::plain(other),
    }
}

fn form(value: &Value) -> String {
    let pairs = value.as_object().into_iter().flatten().flat_map(|(name, value)| match value {
        Value::Array(items) => items.iter().map(|item| (name.clone(), text(item))).collect(),
        other => vec![(name.clone(), text(other))],
    });
    pairs.map(|(name, value)| format!("{}={}", encode(&name), encode(&digits(&value)))).collect::<Vec<_>>().join("&")
}

fn parts(value: &Value, files: &[String]) -> String {
    let mut parts = Parts::default();
    for (name, value) in value.as_object().into_iter().flatten() {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            let (file, media) = match value {
                _ if files.contains(name) => (Some("a.bin"), Some("application/octet-stream")),
                Value::Object(_) | Value::Array(_) => (None, Some("application/json")),
                _ => (None, None),
            };
            parts.add(name, file, media, &digits(&text(value)));
        }
    }
    parts.body()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn two_to_the_sixty_fourth_goes_over_the_line_in_digits() {
        assert_eq!(json_text(&json!({"a": HUGE, "b": "1"})), r#"{"a":18446744073709551616,"b":"1"}"#);
        let sent = parts(&json!({"f": "x", "tags": ["a", "b"], "meta": {"a": 1}}), &["f".to_owned()]);
        assert_eq!(sent.matches("name=\"tags\"").count(), 2, "{sent}");
        assert!(sent.contains("name=\"f\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n"));
        assert!(sent.contains("name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n"));
        assert_eq!(form(&json!({"a b": HUGE, "c": ["x", "y"]})), "a%20b=18446744073709551616&c=x&c=y");
    }
}
