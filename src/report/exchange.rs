//! Requests to services, as they were asked for and as they were answered.

use serde::Serialize;
use serde_json::Value;

/// A request that was sent while the work went on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// The request: method and address, and its body.
    pub request: String,
    /// How it was answered: status and time, and the beginning of the body.
    pub response: String,
}

/// Lines of an answer that are kept.
const LINES: usize = 14;
/// Characters of a line, and of a body that is sent.
const WIDTH: usize = 300;

/// What a call of a tool asked of a service; `None` for one that asked nothing.
pub(super) fn of(name: &str, input: &Value, result: Option<&str>) -> Option<Exchange> {
    let result = result.unwrap_or("no answer");
    match name {
        "http" => sent(input, result),
        "api_test" if input.get("mode").is_some_and(|mode| mode == "load") => {
            Some(Exchange { request: tested(input), response: whole(result) })
        }
        "api_test" => Some(Exchange { request: tested(input), response: findings(result) }),
        _ => None,
    }
}

fn sent(input: &Value, result: &str) -> Option<Exchange> {
    // What was refused before it was sent is no request, and neither is an export.
    let head = result.lines().next().filter(|line| line.contains(" → "))?;
    let text = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut request = match input.get("replay") {
        Some(_) => format!("{} again", text("replay")),
        None => format!("{} {}", input.get("method").and_then(Value::as_str).unwrap_or("GET"), text("url")),
    };
    for key in ["body", "form"] {
        if let Some(body) = input.get(key).filter(|body| !body.is_null()) {
            let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            request = format!("{request}\n{}", cut(&body));
        }
    }
    let (_, answer) = head.split_once(" → ")?;
    // Headers come first, up to an empty line; what follows is the body and what was asserted.
    let rest = result.lines().skip(1).skip_while(|line| !line.trim().is_empty());
    let lines = std::iter::once(answer).chain(rest.filter(|line| !line.trim().is_empty()));
    Some(Exchange { request, response: lines.take(LINES).map(cut).collect::<Vec<_>>().join("\n") })
}

fn tested(input: &Value) -> String {
    let mode = match input.get("mode") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" + "),
        Some(Value::String(name)) => name.clone(),
        _ => "contract".to_owned(),
    };
    format!("api_test {mode}")
}

/// What was found, and the numbers at the end.
fn findings(result: &str) -> String {
    let lines: Vec<&str> = result.lines().filter(|line| !line.trim().is_empty()).collect();
    let Some((last, before)) = lines.split_last() else { return String::new() };
    let found = before.iter().filter(|line| line.starts_with(['✗', '!'])).take(LINES);
    found.chain([last]).map(|line| cut(line)).collect::<Vec<_>>().join("\n")
}

/// Figures say something in every line.
fn whole(result: &str) -> String {
    let lines = result.lines().filter(|line| !line.trim().is_empty());
    lines.take(LINES).map(cut).collect::<Vec<_>>().join("\n")
}

fn cut(line: &str) -> String {
    line.chars().take(WIDTH).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_shown_with_what_was_sent_and_what_came_back() {
        let answer =
            "x1  POST http://127.0.0.1:8000/items → 201 in 4.7 ms\nserver: w\ndate: d\n\n{\"id\":3}\n\n✓ status 201\n";
        let input = json!({"method": "POST", "url": "/items", "body": {"name": "oak"}});
        let exchange = of("http", &input, Some(answer)).unwrap();
        assert_eq!(exchange.request, "POST /items\n{\"name\":\"oak\"}");
        assert_eq!(exchange.response, "201 in 4.7 ms\n{\"id\":3}\n✓ status 201");
        assert_eq!(of("http", &json!({"url": "/a"}), Some("There is no field `x`.")), None);
        assert_eq!(of("api_spec", &json!({}), Some("3 routes")), None);
        let tested = of(
            "api_test",
            &json!({"mode": ["contract", "negative"]}),
            Some("✗ GET /a  schema\n    curl 'x'\n– skipped: b\ncontract: 3 requests\n"),
        );
        let figures = of("api_test", &json!({"mode": "load"}), Some("9 requests in 1.0 s\n  200: 9\n")).unwrap();
        assert_eq!(figures.response, "9 requests in 1.0 s\n  200: 9");
        let tested = tested.unwrap();
        assert_eq!(tested.request, "api_test contract + negative");
        assert_eq!(tested.response, "✗ GET /a  schema\ncontract: 3 requests");
    }
}
