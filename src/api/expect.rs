//! What is asserted of an answer, and what is taken out of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::message::Response;
use super::variables::Variables;

/// One assertion with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was expected, in one line.
    pub what: String,
    /// It was so.
    pub ok: bool,
    /// What was there instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// What an answer has to be.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// The status, or a list of them; `"2xx"` stands for a hundred.
    pub status: Option<Value>,
    /// Headers by name: the value has to hold this text.
    pub headers: Map<String, Value>,
    /// Parts of the JSON body by pointer (`/items/0/id`), each equal to this value.
    pub body: Map<String, Value>,
    /// Parts of the JSON body that have to be there, by pointer.
    pub present: Vec<String>,
    /// Text the body has to hold.
    pub contains: Option<String>,
    /// A JSON schema of the body.
    pub schema: Option<Value>,
    /// The most milliseconds it may take.
    pub max_ms: Option<f64>,
}

impl Expect {
    /// Checks an answer.
    pub fn check(&self, response: &Response) -> Vec<Check> {
        let mut checks = Vec::new();
        if let Some(status) = &self.status {
            let ok = status_fits(status, response.status);
            checks.push(check(format!("status {}", plain(status)), ok, || response.status.to_string()));
        }
        for (name, value) in &self.headers {
            let found = response.header(name);
            let ok = found.is_some_and(|found| found.contains(&plain(value)));
            let what = format!("header {name} holds `{}`", plain(value));
            checks.push(check(what, ok, || found.unwrap_or("no such header").to_owned()));
        }
        let body = response.json();
        for (pointer, value) in &self.body {
            let found = body.as_ref().and_then(|body| body.pointer(&as_pointer(pointer)));
            let what = format!("body {pointer} is {value}");
            checks.push(check(what, found == Some(value), || found.map_or("absent".to_owned(), short)));
        }
        for pointer in &self.present {
            let found = body.as_ref().and_then(|body| body.pointer(&as_pointer(pointer)));
            checks.push(check(format!("body has {pointer}"), found.is_some(), || "absent".to_owned()));
        }
        if let Some(text) = &self.contains {
            let whole = response.text();
            checks.push(check(format!("body holds `{text}`"), whole.contains(text), || start(&whole)));
        }
        if let Some(schema) = &self.schema {
            checks.push(schema_check(schema, body.as_ref()));
        }
        if let Some(most) = self.max_ms {
            checks.push(check(format!("within {most} ms"), response.ms <= most, || format!("{:.1} ms", response.ms)));
        }
        checks
    }
}

fn check(what: String, ok: bool, found: impl FnOnce() -> String) -> Check {
    Check { what, ok, found: (!ok).then(found) }
}

fn schema_check(schema: &Value, body: Option<&Value>) -> Check {
    let what = "body fits the schema".to_owned();
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => return Check { what, ok: false, found: Some(format!("the schema itself is wrong: {error}")) },
    };
    let Some(body) = body else { return Check { what, ok: false, found: Some("the body is not JSON".to_owned()) } };
    let error = validator.iter_errors(body).next();
    Check { what, ok: error.is_none(), found: error.map(|error| format!("{}: {error}", error.instance_path())) }
}

/// Whether a status is one of those named: a number, `"2xx"`, or a list of such.
pub fn status_fits(wanted: &Value, status: u16) -> bool {
    match wanted {
        Value::Array(list) => list.iter().any(|wanted| status_fits(wanted, status)),
        Value::Number(number) => number.as_u64() == Some(u64::from(status)),
        Value::String(text) => covers(text, status),
        _ => false,
    }
}

/// Whether `200`, `2XX` or `default` covers a status.
pub fn covers(pattern: &str, status: u16) -> bool {
    let pattern = pattern.trim().to_ascii_lowercase();
    pattern == "default"
        || pattern == status.to_string()
        || pattern.strip_suffix("xx").is_some_and(|hundred| hundred == (status / 100).to_string())
}

/// Takes values out of an answer: `/json/pointer`, `header:NAME`, `cookie:NAME` or `status`.
///
/// # Errors
/// Something is not there: which, and what is.
pub fn save(wanted: &Map<String, Value>, response: &Response) -> Result<Variables, String> {
    let body = response.json();
    let mut taken = Variables::new();
    for (name, from) in wanted {
        let from = from.as_str().ok_or_else(|| format!("`save.{name}` has to be a text such as \"/token\""))?;
        let found = if let Some(header) = from.strip_prefix("header:") {
            response.header(header.trim()).map(str::to_owned)
        } else if let Some(cookie) = from.strip_prefix("cookie:") {
            cookie_value(response, cookie.trim())
        } else if from == "status" {
            Some(response.status.to_string())
        } else {
            body.as_ref().and_then(|body| body.pointer(&as_pointer(from))).map(plain)
        };
        let found = found.ok_or_else(|| format!("`save.{name}`: the answer has no `{from}`"))?;
        taken.insert(name.clone(), found);
    }
    Ok(taken)
}

fn cookie_value(response: &Response, name: &str) -> Option<String> {
    let cookies = response.headers.iter().filter(|(header, _)| header == "set-cookie");
    cookies
        .filter_map(|(_, value)| value.split(';').next()?.split_once('='))
        .find(|(known, _)| known.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

/// `items.0.id`, `$.items.0.id` and `/items/0/id` are the same place.
fn as_pointer(text: &str) -> String {
    if text.starts_with('/') || text.is_empty() {
        return text.to_owned();
    }
    let path = text.trim_start_matches("$.").trim_start_matches('$').replace('[', ".").replace(']', "");
    if path.is_empty() { path } else { format!("/{}", path.replace('.', "/")) }
}

/// A value as people write it: a text without its quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn short(value: &Value) -> String {
    start(&value.to_string())
}

fn start(text: &str) -> String {
    let mut out: String = text.chars().take(120).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Response {
        Response {
            status: 201,
            headers: vec![
                ("content-type".into(), "application/json; charset=utf-8".into()),
                ("set-cookie".into(), "sid=abc; Path=/".into()),
            ],
            body: br#"{"items":[{"id":7}],"token":"t"}"#.to_vec(),
            ms: 5.0,
            ..Response::default()
        }
    }

    #[test]
    fn every_kind_of_assertion_can_fail() {
        for (expect, ok) in [
            (json!({"status": 201}), true),
            (json!({"status": [200, "2xx"]}), true),
            (json!({"status": 200}), false),
            (json!({"headers": {"Content-Type": "json"}}), true),
            (json!({"headers": {"etag": ""}}), false),
            (json!({"body": {"/items/0/id": 7, "$.token": "t", "items[0].id": 7}}), true),
            (json!({"body": {"/items/1": 7}}), false),
            (json!({"contains": "token"}), true),
            (json!({"contains": "nothing"}), false),
            (json!({"schema": {"required": ["token"]}}), true),
            (json!({"schema": {"required": ["x"]}}), false),
            (json!({"schema": {"type": "nonsense"}}), false),
            (json!({"max_ms": 10}), true),
            (json!({"max_ms": 1}), false),
        ] {
            let read: Expect = serde_json::from_value(expect.clone()).unwrap();
            let checks = read.check(&answer());
            assert!(!checks.is_empty());
            assert_eq!(checks.iter().all(|check| check.ok), ok, "{expect}: {checks:?}");
            assert!(checks.iter().all(|check| check.ok == check.found.is_none()));
        }
    }

    #[test]
    fn values_are_taken_out() {
        let wanted = json!({"t": "/token", "id": "items.0.id", "sid": "cookie:sid", "type": "header:content-type"});
        let taken = save(wanted.as_object().unwrap(), &answer()).unwrap();
        assert_eq!((taken["t"].as_str(), taken["id"].as_str(), taken["sid"].as_str()), ("t", "7", "abc"));
        assert!(save(json!({"x": "/y"}).as_object().unwrap(), &answer()).unwrap_err().contains("/y"));
    }
}
