//! What an answer is checked for.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::case::Expectation;
use super::report::Severity;
use crate::api::message::{Response, is_json};
use crate::api::spec::{Operation, Validators};

/// Something wrong with one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub check: &'static str,
    pub severity: Severity,
    pub text: String,
}

fn problem(check: &'static str, text: String) -> Problem {
    Problem { check, severity: Severity::Failure, text }
}

/// Checks an answer by what was expected. The flag says that a body could not be checked for want of a schema.
pub(super) fn judge(
    operation: &Operation,
    validators: &Validators,
    expectation: Expectation,
    response: &Response,
) -> (Vec<Problem>, bool) {
    let mut problems = Vec::new();
    let status = response.status;
    if status >= 500 {
        problems.push(problem("server-error", format!("the service broke: {}", beginning(response))));
    }
    if let Some(what) = leak(&response.text()) {
        let mut problem = problem("leak", format!("the answer shows the inside of the service: {what}"));
        if of_express(response) {
            problem.severity = Severity::Warning;
            problem.text.push_str(", as Express does unless NODE_ENV is production");
        }
        problems.push(problem);
    }
    if response.header("x-injected").is_some() {
        problems.push(problem("header-injection", "a line break in a value became a header of the answer".to_owned()));
    }
    if status >= 500 {
        return (problems, false);
    }
    match expectation {
        Expectation::Refused if status < 400 => {
            problems.push(problem("accepts-invalid", "took what the contract forbids".to_owned()));
        }
        Expectation::Absent if status < 300 => {
            // What is to be gone is gone: many a service says so of what never was.
            let severity = if operation.method == "DELETE" { Severity::Warning } else { Severity::Failure };
            let text = format!("answers {status} for something that does not exist");
            problems.push(Problem { severity, ..problem("missing-404", text) });
        }
        Expectation::Valid if matches!(status, 400 | 415 | 422) => problems.push(Problem {
            severity: Severity::Warning,
            ..problem("rejects-valid", format!("refuses what the contract allows: {}", beginning(response)))
        }),
        _ => {}
    }
    let refused = matches!(expectation, Expectation::Refused | Expectation::Survived) && status >= 400;
    let unchecked = documented(operation, validators, response, refused, &mut problems);
    (problems, unchecked)
}

/// No problem of the service: the schema of a body cannot be followed, so that nothing is known of it.
pub(super) const UNUSABLE: &str = "unusable-schema";

/// Compares an answer with what the document says about its status. Whether its body stays unchecked.
fn documented(
    operation: &Operation,
    validators: &Validators,
    response: &Response,
    refused: bool,
    problems: &mut Vec<Problem>,
) -> bool {
    let status = response.status;
    let Some(answer) = operation.answer(status) else {
        // What every service may say to a wrong request need not be written down each time.
        let usual = refused || matches!(status, 401 | 403 | 405 | 413 | 414 | 415 | 429 | 431) || status == 304;
        if !usual {
            let known: Vec<&str> = operation.responses.iter().map(|(status, _)| status.as_str()).collect();
            let severity = if status >= 400 { Severity::Warning } else { Severity::Failure };
            let text = format!("{status} is not documented; documented: {}", known.join(", "));
            problems.push(Problem { severity, ..problem("status", text) });
        }
        return false;
    };
    for (name, required, schema) in &answer.headers {
        match response.header(name) {
            None if *required => problems.push(problem("header", format!("the header `{name}` is missing"))),
            Some(value) if !header_fits(validators, schema, value) => {
                problems.push(problem("header", format!("the header `{name}` does not fit its schema")));
            }
            _ => {}
        }
    }
    body(operation, validators, response, problems)
}

/// A header is a text; its schema may want a number or a boolean.
fn header_fits(validators: &Validators, schema: &Value, value: &str) -> bool {
    let as_json = serde_json::from_str::<Value>(value).ok();
    validators.of(schema).is_err()
        || validators.fits(schema, &Value::String(value.to_owned()))
        || as_json.is_some_and(|v| validators.fits(schema, &v))
}

fn body(operation: &Operation, validators: &Validators, response: &Response, problems: &mut Vec<Problem>) -> bool {
    let Some(answer) = operation.answer(response.status).filter(|answer| !answer.content.is_empty()) else {
        return false;
    };
    if response.body.is_empty() && (response.status == 204 || response.status == 304 || operation.method == "HEAD") {
        return false;
    }
    let media = response.media_type().unwrap_or_default();
    let known = answer.content.iter().find(|(known, _)| media_fits(known, &media));
    let Some((_, schema)) = known else {
        let wanted: Vec<&str> = answer.content.iter().map(|(known, _)| known.as_str()).collect();
        let is = if media.is_empty() { "nothing" } else { &media };
        problems.push(problem("content-type", format!("is {is}, documented is {}", wanted.join(" or "))));
        return false;
    };
    if !is_json(&media) {
        return schema.is_none();
    }
    if response.cut {
        return true;
    }
    let value = match serde_json::from_slice::<Value>(&response.body) {
        Ok(value) => value,
        // Deeper than what is read here is JSON all the same.
        Err(error) if error.to_string().contains("recursion limit") => return true,
        Err(_) => {
            problems.push(problem("schema", "says it is JSON, but is not".to_owned()));
            return false;
        }
    };
    match schema {
        None | Some(Value::Bool(true)) => true,
        Some(Value::Object(map)) if map.keys().all(|key| key == "title" || key == "description") => true,
        Some(schema) => {
            if let Err(why) = validators.of(schema) {
                problems.push(problem(UNUSABLE, why));
                return true;
            }
            let errors = validators.errors(schema, &value);
            if !errors.is_empty() {
                problems.push(problem("schema", format!("the body does not fit: {}", errors.join("; "))));
            }
            false
        }
    }
}

fn media_fits(documented: &str, media: &str) -> bool {
    let documented = documented.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    documented == media
        || documented == "*/*"
        || documented.strip_suffix("/*").is_some_and(|kind| media.starts_with(&format!("{kind}/")))
}

/// The page Express itself makes of an error, which holds no stack trace in production.
pub(super) fn of_express(response: &Response) -> bool {
    let text = response.text();
    text.contains("<title>Error</title>") && text.contains("<pre>")
}

/// The first words of a body.
pub(super) fn beginning(response: &Response) -> String {
    let text = response.text();
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
    if line.is_empty() { "no body".to_owned() } else { crate::text::redact(&line).into_owned() }
}

static LEAKS: LazyLock<Vec<(&'static str, Option<Regex>)>> = LazyLock::new(|| {
    [
        ("a Python stack trace", r"Traceback \(most recent call last\)"),
        ("a Python stack trace", r#"File \\?"[^"\n]{1,200}\.py\\?", line \d+"#),
        ("a Rust panic", r"thread '[^'\n]{0,60}' panicked at"),
        ("a JavaScript stack trace", r"\bat [^\n()<>]{0,120}\(?(?:file://|/|[A-Z]:\\|node:)[^\n()<>]{1,200}:\d+:\d+\)?"),
        ("a Java stack trace", r"\bat [A-Za-z_$][\w.$]*\([A-Za-z_$]\w*\.(?:java|kt|scala):\d+\)"),
        ("a Go stack trace", r"goroutine \d+ \[[a-z ]+\]:"),
        ("a .NET stack trace", r"\bat [A-Za-z_][\w.`<>]*\([^)\n]{0,200}\) in [^\n]{1,200}:line \d+"),
        ("a Ruby stack trace", r"\.rb:\d+:in [`'][^'\n]{1,80}'"),
        ("a PHP stack trace", r"#\d+ /[^\n(]{1,200}\.php\(\d+\)"),
        ("a database error", r"\b(?:sqlite3|psycopg2?|pymysql|sqlalchemy|asyncpg)\.[A-Za-z_.]*(?:Error|Exception)\b"),
        ("a database error", r"(?:SQLSTATE\[|ORA-\d{5}|You have an error in your SQL syntax|SQLITE_(?:ERROR|CONSTRAINT))"),
        ("an SQL statement", r"\b(?:SELECT\s+[\w.*,\s]{1,200}\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM)\s+[\w\x22`]+[\s\S]{0,80}(?:WHERE|VALUES)\b"),
        ("a debugging page", r"(?:Werkzeug Debugger|DEBUG = True|<title>Whitelabel Error Page|Django Version:)"),
    ]
    .into_iter()
    .map(|(what, pattern)| (what, Regex::new(pattern).ok()))
    .collect()
});

/// What of the inside of a service a text shows, if anything.
pub fn leak(text: &str) -> Option<&'static str> {
    let head = crate::text::head(text, 64 << 10);
    LEAKS
        .iter()
        .find(|(_, pattern)| pattern.as_ref().is_some_and(|pattern| pattern.is_match(head)))
        .map(|(what, _)| *what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::spec::Spec;

    #[test]
    fn the_inside_is_recognised_and_ordinary_words_are_not() {
        for (text, expected) in [
            ("Traceback (most recent call last):\n  File \"x.py\"", Some("a Python stack trace")),
            (r#"{"detail":"  File \"/app/main.py\", line 3, in f"}"#, Some("a Python stack trace")),
            (
                "Error: x\n    at Layer.handle [as handle_request] (/app/node_modules/express/lib/router/layer.js:95:5)",
                Some("a JavaScript stack trace"),
            ),
            ("Error: x<br> &nbsp; at /srv/app/index.js:10:9", Some("a JavaScript stack trace")),
            ("\tat com.example.Api.get(Api.java:12)", Some("a Java stack trace")),
            ("goroutine 12 [running]:\nmain.f()", Some("a Go stack trace")),
            ("thread 'main' panicked at src/main.rs:2:5", Some("a Rust panic")),
            ("(sqlite3.OperationalError) no such table: x", Some("a database error")),
            ("You're seeing this error because you have DEBUG = True", Some("a debugging page")),
            ("meet me at the station (platform 3) at 10:30:00", None),
            ("select a plan from the list where you want", None),
            ("{\"detail\":\"Not Found\"}", None),
        ] {
            assert_eq!(leak(text), expected, "{text}");
        }
        assert!(LEAKS.iter().all(|(_, pattern)| pattern.is_some()));
    }

    fn operation() -> (Spec, Operation) {
        let spec = Spec::of_value(
            "s",
            &json!({"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {
            "200": {"description": "", "headers": {"X-Total": {"required": true, "schema": {"type": "integer"}}},
                    "content": {"application/json": {"schema": {"type": "object", "required": ["id"]}}}},
            "404": {"description": ""}}}}}}),
        )
        .unwrap();
        let operation = spec.operations().remove(0);
        (spec, operation)
    }

    #[test]
    fn an_answer_is_held_against_the_document() {
        let (spec, operation) = operation();
        let validators = Validators::new(&spec.root);
        let answer = |status: u16, media: &str, total: &str, body: &str| Response {
            status,
            headers: vec![("content-type".into(), media.into()), ("x-total".into(), total.into())],
            body: body.as_bytes().to_vec(),
            ..Response::default()
        };
        use Expectation::{Absent, Refused, Survived, Valid};
        for (expectation, response, expected) in [
            (Valid, answer(200, "application/json; charset=utf-8", "3", r#"{"id":1}"#), vec![]),
            (Valid, answer(200, "application/json", "x", r#"{"id":1}"#), vec!["header"]),
            (Valid, answer(200, "text/html", "3", "<p>"), vec!["content-type"]),
            (Valid, answer(200, "application/json", "3", "{}"), vec!["schema"]),
            (Valid, answer(200, "application/json", "3", "{"), vec!["schema"]),
            (Valid, answer(201, "application/json", "3", "{}"), vec!["status"]),
            (Valid, answer(422, "application/json", "3", "{}"), vec!["rejects-valid", "status"]),
            (Valid, answer(500, "text/plain", "3", "x"), vec!["server-error"]),
            (Refused, answer(200, "application/json", "3", r#"{"id":1}"#), vec!["accepts-invalid"]),
            (Refused, answer(422, "application/json", "3", "{}"), vec![]),
            (Survived, answer(200, "application/json", "3", r#"{"id":1}"#), vec![]),
            (Survived, answer(400, "application/json", "3", "{}"), vec![]),
            (
                Survived,
                answer(500, "text/plain", "3", "Traceback (most recent call last)"),
                vec!["server-error", "leak"],
            ),
            (Absent, answer(404, "application/json", "3", "{}"), vec![]),
            (Absent, answer(200, "application/json", "3", r#"{"id":1}"#), vec!["missing-404"]),
        ] {
            let (problems, _) = judge(&operation, &validators, expectation, &response);
            let found: Vec<&str> = problems.iter().map(|problem| problem.check).collect();
            assert_eq!(found, expected, "{expectation:?} {response:?}");
        }
    }
}
