//! What a provider says when it does not answer, and what kind of failure that is.

use serde_json::Value;

use super::ErrorKind;
use super::wire::StreamError;

/// The provider's own message in an error body, in whatever shape it comes.
pub(super) fn message_of(body: &Value) -> Option<String> {
    match body {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Array(items) => {
            let found: Vec<String> = items.iter().filter_map(message_of).collect();
            Some(found.join("; ")).filter(|text| !text.is_empty())
        }
        Value::Object(fields) => {
            let named = |key: &str| fields.get(key).filter(|value| !value.is_null()).and_then(message_of);
            ["error", "message", "detail", "details", "errors", "msg", "error_message", "error_description", "title"]
                .iter()
                .find_map(|key| named(key))
        }
        _ => None,
    }
}

/// The message in the bytes of an error body, or the first words of a body that is not JSON.
pub fn error_message(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    match serde_json::from_str::<Value>(text) {
        Ok(value) => message_of(&value),
        // An error may also come as an event stream.
        Err(_) => {
            let data: String = text.lines().filter_map(|line| line.strip_prefix("data:")).collect();
            serde_json::from_str::<Value>(&data).ok().as_ref().and_then(message_of)
        }
    }
    .map(|message| clean(&message))
}

/// Whether bytes are a web page.
pub(super) fn is_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(256)]).trim_start().to_ascii_lowercase();
    ["<!doctype", "<html", "<head", "<body", "<title", "<h1", "<center", "<?xml", "<!--"]
        .iter()
        .any(|mark| start.starts_with(mark))
}

/// The first words of a body that nobody can read as an answer, without its markup.
pub(super) fn first_words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(8_192)]).into_owned();
    let text = if is_html(body) { without_markup(&text) } else { text };
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&words, 160)
}

fn without_markup(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        text.push(' ');
        let tag = &rest[open..];
        let lower = tag.get(..7).unwrap_or_default().to_ascii_lowercase();
        let end = if lower.starts_with("<style") { "</style>" } else { ">" };
        let end = if lower.starts_with("<script") { "</script>" } else { end };
        rest = tag.find(end).map_or("", |at| &tag[at + end.len()..]);
    }
    text.push_str(rest);
    text
}

/// A message fit for one line of a report: no control characters, not endless.
fn clean(message: &str) -> String {
    let text: String = message.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    cut(text.trim(), 4_000)
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// What kind of failure a status and a message make.
pub(super) fn kind_of(status: u16, message: &str) -> ErrorKind {
    let words = message.to_lowercase();
    match status {
        400..=499 if speaks_of_length(&words) => ErrorKind::ContextTooLong,
        401 | 403 => ErrorKind::Auth,
        400 if speaks_of_key(&words) => ErrorKind::Auth,
        413 => ErrorKind::ContextTooLong,
        408 | 409 | 425 => ErrorKind::Server,
        429 | 503 | 529 => ErrorKind::Busy,
        300..=499 => ErrorKind::Request,
        _ => ErrorKind::Server,
    }
}

fn speaks_of_key(words: &str) -> bool {
    ["api key", "api_key", "apikey"].iter().any(|mark| words.contains(mark))
        && ["invalid", "incorrect", "not valid", "missing", "expired", "no "].iter().any(|mark| words.contains(mark))
}

fn speaks_of_length(words: &str) -> bool {
    const MARKS: [&str; 14] = [
        "context length",
        "context_length",
        "context window",
        "maximum context",
        "context size",
        "prompt is too long",
        "too many tokens",
        "input tokens exceed",
        "input token count",
        "tokens exceeds the maximum",
        "maximum prompt length",
        "input length and `max_tokens` exceed",
        "reduce the length of",
        "input is too long",
    ];
    MARKS.iter().any(|mark| words.contains(mark))
}

/// Whether asking again after an HTTP answer with this status may help.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429 | 500..=599)
}

/// An error object told inside a stream: `{"type", "code", "message"}` in any of the usual shapes.
pub(super) fn in_stream(error: &Value) -> StreamError {
    let message = message_of(error).map_or_else(|| cut(&error.to_string(), 300), |text| clean(&text));
    let inner = error.get("error").filter(|value| value.is_object()).unwrap_or(error);
    let number = ["status_code", "status", "code"].iter().find_map(|key| {
        let value = inner.get(*key)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    });
    let status = number.and_then(|number| u16::try_from(number).ok()).filter(|number| (400..600).contains(number));
    let word = |key: &str| inner.get(key).and_then(Value::as_str).unwrap_or_default();
    let words = format!("{} {} {}", word("type"), word("code"), word("status")).to_lowercase();
    let status = status.unwrap_or_else(|| status_of(&words));
    // The model wrote a call its own schema refuses: another answer may do better.
    let luck = words.contains("tool_use_failed");
    StreamError { kind: kind_of(status, &message), message, passing: luck || is_passing(status) }
}

/// The status that the words of an error object stand for.
fn status_of(words: &str) -> u16 {
    const STATUS: [(&str, u16); 14] = [
        ("overloaded", 529),
        ("rate_limit", 429),
        ("resource_exhausted", 429),
        ("too_many_requests", 429),
        ("insufficient_quota", 429),
        ("unavailable", 503),
        ("authentication", 401),
        ("unauthenticated", 401),
        ("permission", 403),
        ("not_found", 404),
        ("context_length", 400),
        ("request_too_large", 413),
        ("invalid_argument", 400),
        ("invalid", 400),
    ];
    STATUS.iter().find(|(word, _)| words.contains(word)).map_or(500, |(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_found_in_every_shape() {
        for (body, expected) in [
            (json!({"error": {"message": "a", "type": "t"}}), "a"),
            (json!({"error": "a", "code": "c"}), "a"),
            (json!({"message": "a"}), "a"),
            (json!({"detail": "a"}), "a"),
            (json!({"detail": [{"loc": ["x"], "msg": "a"}, {"msg": "b"}]}), "a; b"),
            (json!([{"error": {"code": 400, "message": "a"}}]), "a"),
            (json!({"errors": [{"message": "a"}]}), "a"),
            (json!({"error": null, "message": "a"}), "a"),
            (json!({"message": {"detail": [{"msg": "a"}]}}), "a"),
        ] {
            assert_eq!(message_of(&body).as_deref(), Some(expected), "{body}");
        }
        assert_eq!(message_of(&json!({"error": {"code": 7}})), None);
    }

    #[test]
    fn kinds_follow_status_and_words() {
        for (status, message, kind) in [
            (401, "x", ErrorKind::Auth),
            (400, "Incorrect API key provided", ErrorKind::Auth),
            (400, "x", ErrorKind::Request),
            (404, "x", ErrorKind::Request),
            (400, "This model's maximum context length is 8192 tokens", ErrorKind::ContextTooLong),
            (413, "x", ErrorKind::ContextTooLong),
            (429, "x", ErrorKind::Busy),
            (529, "Overloaded", ErrorKind::Busy),
            (500, "x", ErrorKind::Server),
        ] {
            assert_eq!(kind_of(status, message), kind, "{status} {message}");
        }
    }

    #[test]
    fn errors_in_a_stream_say_whether_asking_again_helps() {
        for (error, kind, passing) in [
            (json!({"type": "overloaded_error", "message": "Overloaded"}), ErrorKind::Busy, true),
            (json!({"type": "api_error", "message": "x"}), ErrorKind::Server, true),
            (json!({"code": 400, "message": "Token limit reached"}), ErrorKind::Request, false),
            (json!({"type": "invalid_request_error", "message": "x"}), ErrorKind::Request, false),
            (json!({"type": "invalid_request_error", "code": "tool_use_failed"}), ErrorKind::Request, true),
        ] {
            let told = in_stream(&error);
            assert_eq!((told.kind, told.passing), (kind, passing), "{error}");
        }
    }

    #[test]
    fn a_page_is_told_in_its_words() {
        let page =
            b"<!DOCTYPE html><html><head><style>b{}</style><title>502 Bad Gateway</title></head><body>nginx</body>";
        assert!(is_html(page));
        assert_eq!(first_words(page), "502 Bad Gateway nginx");
    }
}
