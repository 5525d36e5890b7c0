//! What is kept of a request and its answer: whole enough to be repeated and read, without its secrets.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::auth::{Credentials, Profile};
use super::expect::Check;
use super::message::{Request, Response, is_json};
use super::target::encode;
use crate::text;

/// The most of a body that is kept.
pub const MOST_KEPT: usize = 64 << 10;

/// A request with what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Its name, `x1` and on.
    pub id: String,
    /// When it was sent.
    pub at: Timestamp,
    /// The operation of the contract it belongs to, as `GET /path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// How it was authenticated; without the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Profile>,
    /// It went to the project's own service, on whatever port that was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// The method.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// The headers that were sent.
    pub headers: Vec<(String, String)>,
    /// The body that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Kept>,
    /// The answer; `None` when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was asserted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Kept,
    /// Milliseconds.
    pub ms: f64,
}

/// A body as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its text, redacted, cut to [`MOST_KEPT`]; bytes that are no UTF-8 as marks.
    pub text: String,
    /// Its whole size in bytes.
    pub bytes: usize,
    /// The text is not the whole, or not the bytes that went over the line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
}

/// The most of a body that is shown.
const SHOWN: usize = 16_000;

impl Exchange {
    /// The line of it, and the answer with headers, body and what was asserted: clean text.
    pub fn answered(&self) -> String {
        let mut out = format!("{}\n", self.line());
        if let Some(answer) = &self.answer {
            out.push_str(&message(&answer.headers, Some(&answer.body)));
        }
        for check in &self.checks {
            let line = match &check.found {
                None => format!("✓ {}", check.what),
                Some(found) => format!("✗ {}: found {found}", check.what),
            };
            let _ = writeln!(out, "{}", text::sanitize_line(&line));
        }
        out
    }

    /// The same with what was sent.
    pub fn whole(&self) -> String {
        let answered = self.answered();
        let (line, answer) = answered.split_once('\n').unwrap_or((&answered, ""));
        let status = self.answer.as_ref().map(|answer| format!("← {}\n", answer.status)).unwrap_or_default();
        format!("{line}\n→ {}\n{}{status}{answer}", self.method, message(&self.headers, self.body.as_ref()))
    }

    /// Keeps a request and its outcome. `url` is the whole address it went to.
    pub fn new(
        url: &str,
        request: &Request,
        outcome: Result<&Response, String>,
        auth: Option<&Profile>,
        checks: Vec<Check>,
    ) -> Self {
        let (answer, error) = match outcome {
            Ok(response) => (Some(Answer::of(response)), None),
            Err(error) => (None, Some(error)),
        };
        let media = request.header("content-type").unwrap_or_default();
        Self {
            id: String::new(),
            at: Timestamp::now(),
            operation: None,
            auth: auth.map(without_secrets),
            own: false,
            method: request.method.clone(),
            url: redact_url(url),
            headers: redact_headers(&request.headers),
            body: request.body.as_ref().map(|body| Kept::of(body, body.len(), media)),
            answer,
            error,
            checks,
        }
    }

    /// The status, 0 when there was no answer.
    pub fn status(&self) -> u16 {
        self.answer.as_ref().map_or(0, |answer| answer.status)
    }

    /// The request again, for sending it once more; its secrets come from the profile. `None` when the body was not
    /// kept as it was.
    pub fn request(&self) -> Option<Request> {
        let bare = |url: &str| match url.split_once('?') {
            Some((path, query)) => {
                let kept: Vec<&str> = query.split('&').filter(|part| !part.contains(REDACTED)).collect();
                if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
            }
            None => url.to_owned(),
        };
        if self.body.as_ref().is_some_and(|body| body.changed) {
            return None;
        }
        let headers = self.headers.iter().filter(|(_, value)| !value.contains(REDACTED)).cloned().collect();
        Some(Request {
            method: self.method.clone(),
            url: bare(&self.url),
            headers,
            body: self.body.as_ref().map(|body| body.text.clone().into_bytes()),
        })
    }

    /// One line: method, path, status, time.
    pub fn line(&self) -> String {
        let outcome = match (&self.answer, &self.error) {
            (Some(answer), _) => format!("{} in {:.1} ms", answer.status, answer.ms),
            (None, Some(error)) => error.clone(),
            (None, None) => "no answer".to_owned(),
        };
        let failed = self.checks.iter().filter(|check| !check.ok).count();
        let failed =
            if failed > 0 { format!(", {failed} of {} checks failed", self.checks.len()) } else { String::new() };
        text::sanitize_line(&format!("{}  {} {} → {outcome}{failed}", self.id, self.method, self.url)).into_owned()
    }
}

impl Answer {
    fn of(response: &Response) -> Self {
        let media = response.header("content-type").unwrap_or_default();
        Self {
            status: response.status,
            headers: redact_headers(&response.headers),
            body: Kept::of(&response.body, response.size.max(response.body.len()), media),
            ms: response.ms,
        }
    }
}

impl Kept {
    fn of(body: &[u8], bytes: usize, media: &str) -> Self {
        let (whole, utf8) = match std::str::from_utf8(body) {
            Ok(whole) => (Cow::Borrowed(whole), true),
            Err(_) => (Cow::Owned(text::sanitize_bytes(body).to_string()), false),
        };
        let mut kept = redact_body(&whole, media);
        kept.truncate(text::head(&kept, MOST_KEPT).len());
        let changed = !utf8 || kept.as_bytes() != body || bytes != body.len();
        Self { text: kept, bytes, changed }
    }
}

const REDACTED: &str = "[redacted";

/// A secret down to its last four characters; a short one keeps nothing. What is hidden already stays as it is.
pub fn hide(secret: &str) -> String {
    if secret.starts_with(REDACTED) {
        return secret.to_owned();
    }
    match secret.len().checked_sub(4).and_then(|at| secret.get(at..)) {
        Some(last) if secret.len() >= 16 => format!("{REDACTED} …{last}]"),
        _ => format!("{REDACTED}]"),
    }
}

/// Whether a header, parameter or field of this name holds a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    const WHOLE: [&str; 6] = ["authorization", "proxy-authorization", "cookie", "set-cookie", "pwd", "sid"];
    const PARTS: [&str; 9] =
        ["token", "secret", "password", "passwd", "api_key", "api-key", "apikey", "session", "credential"];
    let name = name.to_ascii_lowercase();
    // `x-csrf-token-count`, `tokens_used`: numbers are told from secrets by their values, not their names.
    WHOLE.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part)) || name.ends_with("-key")
}

/// A request without these credentials: a key may stand in a header or parameter of any name.
pub(crate) fn concealed(request: &Request, credentials: &[&Credentials]) -> Request {
    let mut kept = request.clone();
    for credentials in credentials {
        match credentials {
            Credentials::Header(name, _) if is_secret_name(name) => {}
            Credentials::Header(name, secret) => {
                let same = |(known, value): &&mut (String, String)| known.eq_ignore_ascii_case(name) && value == secret;
                kept.headers.iter_mut().filter(same).for_each(|(_, value)| *value = hide(value));
            }
            Credentials::Query(name, secret) => {
                let part = |secret: &str| format!("{}={secret}", encode(name));
                kept.url = kept.url.replace(&part(&encode(secret)), &part(&hide(secret)));
            }
        }
    }
    kept
}

/// Headers with their secrets hidden.
pub fn redact_headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    let hidden = |name: &str, value: &str| match value.split_once(' ') {
        Some((scheme, secret)) if name.eq_ignore_ascii_case("authorization") => format!("{scheme} {}", hide(secret)),
        _ if name.eq_ignore_ascii_case("set-cookie") || name.eq_ignore_ascii_case("cookie") => hide_cookies(value),
        _ => hide(value),
    };
    headers
        .iter()
        .map(|(name, value)| {
            let value = if is_secret_name(name) { hidden(name, value) } else { text::redact(value).into_owned() };
            (name.clone(), value)
        })
        .collect()
}

/// The names and attributes of cookies say something, their values are secrets.
fn hide_cookies(value: &str) -> String {
    const ATTRIBUTES: [&str; 6] = ["path", "domain", "expires", "max-age", "samesite", "priority"];
    let parts = value.split(';').map(|part| match part.split_once('=') {
        Some((name, secret)) if !ATTRIBUTES.contains(&name.trim().to_ascii_lowercase().as_str()) => {
            format!("{name}={}", hide(secret))
        }
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(";")
}

/// An address with the secrets of its query hidden.
pub fn redact_url(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return text::redact(url).into_owned() };
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, value)) if is_secret_name(name) && !value.is_empty() => format!("{name}={}", hide(value)),
        _ => part.to_owned(),
    });
    let query = parts.collect::<Vec<_>>().join("&");
    format!("{}?{}", text::redact(path), text::redact(&query))
}

fn redact_body(body: &str, media: &str) -> String {
    if is_json(media)
        && body.len() <= MOST_KEPT
        && let Ok(mut value) = serde_json::from_str::<Value>(body)
        && hide_fields(&mut value)
    {
        return text::redact(&value.to_string()).into_owned();
    }
    if media.starts_with("application/x-www-form-urlencoded") {
        return redact_url(&format!("?{body}")).split_off(1);
    }
    text::redact(body).into_owned()
}

/// Hides fields whose names say that they are secret; whether there were any.
fn hide_fields(value: &mut Value) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().fold(false, |found, item| hide_fields(item) | found),
        Value::Object(map) => map.iter_mut().fold(false, |found, (name, value)| match value {
            Value::String(secret) if is_secret_name(name) && !secret.is_empty() && !is_kind(secret) => {
                *value = Value::String(hide(secret));
                true
            }
            other => hide_fields(other) | found,
        }),
        _ => false,
    }
}

/// `token_type: bearer` is no secret.
fn is_kind(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "bearer" | "basic" | "string" | "mac")
}

fn without_secrets(profile: &Profile) -> Profile {
    let keep = |text: &Option<String>| text.clone().filter(|text| text.trim_start().starts_with("{{"));
    let mut profile = profile.clone();
    match &mut profile {
        Profile::Bearer { token, .. } => *token = keep(token),
        Profile::Basic { password, .. } => *password = keep(password),
        Profile::ApiKey { key, .. } => *key = keep(key),
        Profile::ClientCredentials(oauth) | Profile::Password(oauth) => {
            oauth.password = keep(&oauth.password);
            oauth.client_secret = keep(&oauth.client_secret);
        }
    }
    profile
}

fn message(headers: &[(String, String)], body: Option<&Kept>) -> String {
    let mut out = String::new();
    for (name, value) in headers {
        let _ = writeln!(out, "{}", text::sanitize_line(&format!("{name}: {value}")));
    }
    let Some(body) = body else { return out };
    if !body.text.is_empty() {
        let _ = writeln!(out, "\n{}", text::cut_middle(&text::sanitize(&body.text), SHOWN));
    }
    if body.bytes > body.text.len() {
        let _ = writeln!(out, "[{} bytes in all]", body.bytes);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "s3cr3tv4lue-abcdefgh-LAST";

    #[test]
    fn no_secret_is_kept() {
        let mut request = Request::new("POST", "/login").json(&json!({"user": "a", "password": SECRET}));
        request.set_header("Authorization", &format!("Bearer {SECRET}"));
        request.set_header("X-Api-Key", SECRET);
        let response = Response {
            status: 200,
            headers: vec![
                ("set-cookie".into(), format!("sid={SECRET}; Path=/; HttpOnly")),
                ("content-type".into(), "application/json".into()),
            ],
            body: json!({"access_token": SECRET, "token_type": "bearer"}).to_string().into_bytes(),
            ..Response::default()
        };
        let url = format!("http://localhost:1/login?api_key={SECRET}&page=2");
        let profile = Profile::Bearer { token: Some(SECRET.into()), token_env: None };
        let kept = Exchange::new(&url, &request, Ok(&response), Some(&profile), Vec::new());
        let json = serde_json::to_string(&kept).unwrap();
        assert!(!json.contains("s3cr3tv4lue"), "{json}");
        for part in ["Bearer [redacted …LAST]", "page=2", "sid=[redacted …LAST]; Path=/; HttpOnly", "bearer"] {
            assert!(json.contains(part), "{part}: {json}");
        }
        assert_eq!(kept.request(), None, "a body that was changed is not sent again");
    }

    #[test]
    fn a_key_in_any_place_is_hidden_and_filled_in_again() {
        let mut request = Request::new("GET", "/items?page=2");
        let places = [("x-bed", true), ("key", false)].map(|(name, header)| {
            let (name, secret) = (name.to_owned(), SECRET.to_owned());
            if header { Credentials::Header(name, secret) } else { Credentials::Query(name, secret) }
        });
        places.iter().for_each(|place| place.apply(&mut request));
        let kept = concealed(&request, &[&places[0], &places[1]]);
        let kept = Exchange::new(&format!("http://h{}", kept.url), &kept, Err(String::new()), None, Vec::new());
        let json = serde_json::to_string(&kept).unwrap();
        assert!(!json.contains("s3cr3tv4lue") && json.contains("page=2&key=[redacted …LAST]"), "{json}");
        let again = kept.request().unwrap();
        assert_eq!((again.url.as_str(), again.headers.len()), ("http://h/items?page=2", 0));
    }

    #[test]
    fn a_request_without_secrets_in_its_body_can_be_repeated() {
        let mut request = Request::new("POST", "/items").json(&json!({"name": "x"}));
        request.set_header("authorization", &format!("Bearer {SECRET}"));
        let kept = Exchange::new("http://h/items", &request, Err("no".into()), None, Vec::new());
        let again = kept.request().unwrap();
        assert_eq!((again.header("authorization"), &again.body), (None, &request.body));
        let odd = Request { body: Some(vec![0xff, b'a']), ..Request::new("POST", "/") };
        let kept = Exchange::new("http://h/", &odd, Err(String::new()), None, Vec::new());
        assert!(kept.body.unwrap().changed);
    }
}
