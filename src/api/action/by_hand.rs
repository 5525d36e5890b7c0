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
        "http" if !rest.is_empty() => Ok(("http", http(rest))),
        "spec" => spec(rest).map(|input| ("api_spec", input)),
        "test" => Ok(("api_test", test(rest))),
        "load" => Ok(("api_test", load(rest))),
        _ => Err("/api serve [COMMAND] · stop · logs · http [METHOD] PATH [BODY] · spec extract|lint|routes|diff OLD|doc [FILE] · \
                  test [MODE] [OPERATION] · load [PATH…]"
            .to_owned()),
    })
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
        ("doc", "") => json!({"op": "doc"}),
        ("doc", file) => json!({"op": "doc", "write": file}),
        (op, "") => json!({"op": op}),
        (op, source) => json!({"op": op, "source": source}),
    })
}

fn test(rest: &str) -> Value {
    let (mode, operation) = split(rest);
    let mode = if mode.is_empty() { "contract" } else { mode };
    if operation.is_empty() { json!({"mode": mode}) } else { json!({"mode": mode, "ops": [operation]}) }
}

fn load(rest: &str) -> Value {
    let paths: Vec<&str> = rest.split_whitespace().collect();
    json!({"mode": "load", "load": {"paths": paths}})
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
            ("/api spec lint", "api_spec", json!({"op": "lint"})),
            ("/api spec doc docs/api.md", "api_spec", json!({"op": "doc", "write": "docs/api.md"})),
            ("/api test negative GET /a/{id}", "api_test", json!({"mode": "negative", "ops": ["GET /a/{id}"]})),
            ("/api load /a /b", "api_test", json!({"mode": "load", "load": {"paths": ["/a", "/b"]}})),
        ] {
            assert_eq!(by_hand(line), Some(Ok((tool, input))), "{line}");
        }
        assert_eq!(by_hand("/apis"), None);
        assert_eq!(by_hand("ls /api"), None);
        for wrong in ["/api", "/api nonsense", "/api http", "/api spec diff"] {
            assert!(matches!(by_hand(wrong), Some(Err(_))), "{wrong}");
        }
    }
}
