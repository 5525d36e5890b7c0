//! What a person writes in one line: `/api http POST /items {"name": "x"}`.

use serde_json::{Value, json};

/// The tool and its input for a line that begins with `/api`; `None` for any other line.
///
/// # Errors
/// Inside: what the line should look like.
pub fn by_hand(line: &str) -> Option<Result<(&'static str, Value), String>> {
    let rest = line.trim().strip_prefix("/api")?;
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let (word, rest) = split(rest);
    Some(match word {
        "serve" => Ok(("serve", serve(rest))),
        "stop" | "logs" | "status" => Ok(("serve", json!({"op": word}))),
        "http" if !rest.is_empty() => Ok(("http", asking_as(rest, 2, http))),
        "spec" => spec(rest).map(|input| ("api_spec", input)),
        "test" => Ok(("api_test", asking_as(rest, 3, test))),
        "load" => load(rest).map(|input| ("api_test", input)),
        "log" => Ok(("http", json!({"export": {"as": "list"}}))),
        "show" | "curl" => Ok(("http", exported(word, rest))),
        "export" if !rest.is_empty() => {
            let (file, ids) = split(rest);
            let ids: Vec<&str> = ids.split_whitespace().collect();
            Ok(("http", json!({"export": {"write": file, "ids": ids}})))
        }
        _ => Err(USAGE.to_owned()),
    })
}

const USAGE: &str = "\
/api serve [COMMAND]: start the service; stop, logs, status
/api http [as PROFILE] [METHOD] PATH [BODY]: send a request
/api log: the recorded exchanges
/api show|curl [x3]: one of them, or as a curl command
/api export FILE [x3…]: into a .http, .json (Postman) or .sh file
/api spec [extract|lint|routes]: the contract; diff OLD, doc [FILE], draft [FILE]
/api test [as PROFILE] [MODE] [OPERATION]: check the service against it
/api load [base|ramp] [PATH…]: measure; base: beside the code before";

/// `as NAME` before the rest, or behind at most so many words, where no body is meant: who asks, by a profile of the
/// settings.
fn asking_as(rest: &str, most: usize, read: fn(&str) -> Value) -> Value {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (name, rest) = match words.as_slice() {
        ["as", name, ..] => (*name, split(split(rest).1).1.to_owned()),
        [before @ .., "as", name] if before.len() <= most => (*name, before.join(" ")),
        _ => return read(rest),
    };
    let mut input = read(&rest);
    input["auth"] = json!(name);
    input
}

fn exported(word: &str, ids: &str) -> Value {
    let ids: Vec<&str> = ids.split_whitespace().collect();
    json!({"export": {"as": if word == "show" { "whole" } else { word }, "ids": ids}})
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

fn serve(command: &str) -> Value {
    if command.is_empty() { json!({}) } else { json!({"command": command}) }
}

fn http(rest: &str) -> Value {
    let (first, more) = split(rest);
    let named = first.chars().all(|c| c.is_ascii_uppercase()) && !more.is_empty();
    let (method, rest) = if named { (first, more) } else { ("GET", rest) };
    let (url, body) = split(rest);
    match body {
        "" => json!({"method": method, "url": url}),
        body => json!({"method": method, "url": url, "body": body}),
    }
}

fn spec(rest: &str) -> Result<Value, String> {
    let (op, argument) = split(rest);
    Ok(match (op, argument) {
        ("", _) => json!({"op": "extract"}),
        ("diff", "") => return Err("/api spec diff OLD: the older contract is missing".to_owned()),
        ("diff", old) => json!({"op": "diff", "against": old}),
        ("doc" | "draft", file) if !file.is_empty() => json!({"op": op, "write": file}),
        (op, "") => json!({"op": op}),
        (op, source) => json!({"op": op, "source": source}),
    })
}

fn test(rest: &str) -> Value {
    let (mode, operation) = split(rest);
    let mode = if mode.is_empty() { "contract" } else { mode };
    if operation.is_empty() { json!({"mode": mode}) } else { json!({"mode": mode, "ops": [operation]}) }
}

fn load(rest: &str) -> Result<Value, String> {
    let (first, more) = split(rest);
    let (mut load, paths) = match first {
        "base" => (json!({"against": "base"}), more),
        "ramp" => (json!({"ramp": true}), more),
        _ => (json!({}), rest),
    };
    let paths: Vec<&str> = paths.split_whitespace().collect();
    match paths.iter().find(|path| !path.starts_with('/')) {
        Some(path) => return Err(format!("/api load [base|ramp] [PATH…]: `{path}` is no path")),
        None => load["paths"] = json!(paths),
    }
    Ok(json!({"mode": "load", "load": load}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_call() {
        for (line, tool, input) in [
            ("/api serve", "serve", json!({})),
            ("/api serve npm run dev", "serve", json!({"command": "npm run dev"})),
            ("/api logs", "serve", json!({"op": "logs"})),
            ("/api http /health", "http", json!({"method": "GET", "url": "/health"})),
            ("/api http POST /a {\"b\": 1}", "http", json!({"method": "POST", "url": "/a", "body": "{\"b\": 1}"})),
            (
                "/api http as key POST /a {}",
                "http",
                json!({"method": "POST", "url": "/a", "body": "{}", "auth": "key"}),
            ),
            ("/api test as key", "api_test", json!({"mode": "contract", "auth": "key"})),
            ("/api test auth as key", "api_test", json!({"mode": "auth", "auth": "key"})),
            ("/api http GET /a as key", "http", json!({"method": "GET", "url": "/a", "auth": "key"})),
            (
                "/api http POST /a as good as it gets",
                "http",
                json!({"method": "POST", "url": "/a", "body": "as good as it gets"}),
            ),
            ("/api spec lint", "api_spec", json!({"op": "lint"})),
            ("/api spec doc docs/api.md", "api_spec", json!({"op": "doc", "write": "docs/api.md"})),
            ("/api test negative GET /a/{id}", "api_test", json!({"mode": "negative", "ops": ["GET /a/{id}"]})),
            ("/api load /a /b", "api_test", json!({"mode": "load", "load": {"paths": ["/a", "/b"]}})),
            ("/api load base /a", "api_test", json!({"mode": "load", "load": {"against": "base", "paths": ["/a"]}})),
            ("/api load ramp", "api_test", json!({"mode": "load", "load": {"ramp": true, "paths": []}})),
            ("/api log", "http", json!({"export": {"as": "list"}})),
            ("/api curl x3", "http", json!({"export": {"as": "curl", "ids": ["x3"]}})),
            ("/api show", "http", json!({"export": {"as": "whole", "ids": []}})),
            ("/api export a.http x1 x2", "http", json!({"export": {"write": "a.http", "ids": ["x1", "x2"]}})),
        ] {
            assert_eq!(by_hand(line), Some(Ok((tool, input))), "{line}");
        }
        assert_eq!(by_hand("/apis"), None);
        assert_eq!(by_hand("ls /api"), None);
        for wrong in ["/api", "/api nonsense", "/api http", "/api spec diff", "/api export", "/api load bsae"] {
            assert!(matches!(by_hand(wrong), Some(Err(_))), "{wrong}");
        }
    }
}
