//! Documentation for people, from the contract and from what was really sent and answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::lint::shape;
use super::operations::{Operation, Place, webhooks};
use super::{Spec, flatten};
use crate::api::exchange::Exchange;
use crate::api::export;

/// The longest body that is shown.
const MOST_BODY: usize = 1_200;

/// Writes the document as Markdown, with recorded exchanges as examples.
pub fn markdown(spec: &Spec, exchanges: &[Exchange]) -> String {
    let info = |name: &str| spec.root["info"][name].as_str().unwrap_or_default();
    let mut out = format!("# {} {}\n", info("title"), info("version"));
    if !info("description").is_empty() {
        let _ = write!(out, "\n{}\n", info("description").trim());
    }
    let operations = spec.operations();
    let _ = write!(out, "\n## Operations\n\n");
    for operation in &operations {
        let old = if operation.deprecated { " (deprecated)" } else { "" };
        let _ = writeln!(out, "- [`{}`](#{}) {}{old}", operation.name(), anchor(operation), operation.summary);
    }
    for operation in &operations {
        section(spec, operation, exchanges, &mut out);
    }
    let webhooks = webhooks(&spec.root);
    if !webhooks.is_empty() {
        out.push_str("\n# Webhooks\n\nWhat the service itself sends to others.\n");
    }
    webhooks.iter().for_each(|webhook| section(spec, webhook, exchanges, &mut out));
    schemas(spec, &mut out);
    out
}

fn anchor(operation: &Operation) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            Some(c.to_ascii_lowercase())
        } else if c == ' ' {
            Some('-')
        } else {
            None
        }
    };
    operation.name().chars().filter_map(keep).collect()
}

fn section(spec: &Spec, operation: &Operation, exchanges: &[Exchange], out: &mut String) {
    let _ = write!(out, "\n## {}\n", operation.name());
    if !operation.summary.is_empty() {
        let _ = write!(out, "\n{}\n", operation.summary.trim());
    }
    let ways: Vec<String> = operation.security.iter().map(|names| names.join(" and ")).collect();
    if !ways.is_empty() {
        let optional = if operation.anonymous { " (optional)" } else { "" };
        let _ = write!(out, "\nAuthentication: {}{optional}.\n", ways.join(" or "));
    }
    if !operation.parameters.is_empty() {
        let _ = write!(out, "\n| Parameter | In | Type | Required | Meaning |\n|---|---|---|---|---|\n");
        for parameter in &operation.parameters {
            let place = match parameter.place {
                Place::Path => "path",
                Place::Query => "query",
                Place::Header => "header",
                Place::Cookie => "cookie",
            };
            let required = if parameter.required { "yes" } else { "no" };
            let kind = kind(spec, &parameter.schema);
            let _ = writeln!(
                out,
                "| `{}` | {place} | {kind} | {required} | {} |",
                parameter.name,
                cell(&parameter.description)
            );
        }
    }
    for (media, schema) in operation.body.iter().flat_map(|body| &body.content) {
        let _ = write!(out, "\nBody: `{media}`, {}\n", kind(spec, schema));
        fields(spec, schema, out);
    }
    let _ = write!(out, "\n| Status | Meaning | Body |\n|---|---|---|\n");
    for (status, answer) in &operation.responses {
        let bodies: Vec<String> = answer
            .content
            .iter()
            .map(|(media, schema)| match schema {
                Some(schema) => format!("`{media}`, {}", kind(spec, schema)),
                None => format!("`{media}`"),
            })
            .collect();
        let _ = writeln!(out, "| {status} | {} | {} |", cell(&answer.description), bodies.join("; "));
    }
    examples(operation, exchanges, out);
}

/// The newest exchange of each status, secrets hidden as they are in the record.
fn examples(operation: &Operation, exchanges: &[Exchange], out: &mut String) {
    let mut newest: BTreeMap<u16, &Exchange> = BTreeMap::new();
    for exchange in exchanges.iter().filter(|exchange| belongs(exchange, operation) && exchange.status() > 0) {
        newest.insert(exchange.status(), exchange);
    }
    // What the service sends to others is not recorded here.
    if !operation.path.starts_with('/') {
        return;
    }
    if newest.is_empty() {
        let _ = write!(out, "\nNo exchange is recorded.\n");
    }
    for (status, exchange) in newest.into_iter().take(4) {
        let _ = write!(out, "\nRecorded, {status}:\n\n```sh\n{}\n```\n", export::curl(exchange));
        if let Some(answer) = exchange.answer.as_ref().filter(|answer| !answer.body.text.trim().is_empty()) {
            let (language, text) = match serde_json::from_str::<Value>(&answer.body.text) {
                Ok(value) => ("json", serde_json::to_string_pretty(&value).unwrap_or_default()),
                Err(_) => ("text", answer.body.text.clone()),
            };
            let cut: String = text.chars().take(MOST_BODY).collect();
            let more = if cut.len() < text.len() { "\n…" } else { "" };
            let _ = write!(out, "\n```{language}\n{}{more}\n```\n", cut.replace("```", "'''"));
        }
    }
}

/// Whether an exchange is one of an operation.
pub fn belongs(exchange: &Exchange, operation: &Operation) -> bool {
    let named = exchange.operation.as_ref().is_none_or(|name| *name == operation.name());
    named && exchange.method == operation.method && path_fits(&operation.path, &path_of(&exchange.url))
}

fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    rest.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Whether a path is one of a template.
pub fn path_fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) =
        (template.trim_end_matches('/').split('/').collect(), path.trim_end_matches('/').split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(t, p)| t == p || (t.contains('{') && !p.is_empty()))
}

fn schemas(spec: &Spec, out: &mut String) {
    let Some(schemas) = spec.root["components"]["schemas"].as_object() else { return };
    let _ = write!(out, "\n## Schemas\n");
    for (name, schema) in schemas {
        let _ = write!(out, "\n### {name}\n");
        if let Some(description) = schema["description"].as_str() {
            let _ = write!(out, "\n{}\n", description.trim());
        }
        fields(spec, schema, out);
    }
}

fn fields(spec: &Spec, schema: &Value, out: &mut String) {
    let flat = flatten(&spec.root, schema);
    let Some(properties) = flat.get("properties").and_then(Value::as_object) else { return };
    let _ = write!(out, "\n| Field | Type | Required | Meaning |\n|---|---|---|---|\n");
    for (name, property) in properties {
        let required =
            flat.get("required").and_then(Value::as_array).is_some_and(|list| list.iter().any(|item| item == name));
        let required = if required { "yes" } else { "no" };
        let meaning = property["description"].as_str().unwrap_or_default();
        let _ = writeln!(out, "| `{name}` | {} | {required} | {} |", kind(spec, property), cell(meaning));
    }
}

/// A schema in a few words.
fn kind(spec: &Spec, schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_ascii_lowercase());
    }
    let flat = flatten(&spec.root, schema);
    if let Some(choices) = flat.get("enum").and_then(Value::as_array) {
        let names: Vec<String> =
            choices.iter().map(|choice| format!("`{}`", choice.to_string().trim_matches('"'))).collect();
        return cell(&names.join(", "));
    }
    for name in ["anyOf", "oneOf"] {
        if let Some(choices) = flat.get(name).and_then(Value::as_array) {
            return choices.iter().map(|choice| kind(spec, choice)).collect::<Vec<_>>().join(" or ");
        }
    }
    let mut text = match flat.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    };
    if let Some(items) = flat.get("items") {
        text = format!("list of {}", kind(spec, items));
    }
    for (name, word) in [
        ("format", ""),
        ("minimum", "≥ "),
        ("maximum", "≤ "),
        ("exclusiveMinimum", "> "),
        ("exclusiveMaximum", "< "),
        ("minItems", "items ≥ "),
        ("maxItems", "items ≤ "),
        ("minLength", "length ≥ "),
        ("maxLength", "length ≤ "),
        ("default", "default "),
    ] {
        if let Some(value) = flat.get(name) {
            let _ = write!(text, ", {word}{}", crate::api::expect::plain(value));
        }
    }
    cell(&text)
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// What documentation and program tell differently: an operation of the contract nobody has recorded.
pub fn unrecorded(spec: &Spec, exchanges: &[Exchange]) -> Vec<String> {
    let operations = spec.operations();
    let missing = operations.iter().filter(|operation| !exchanges.iter().any(|exchange| belongs(exchange, operation)));
    let mut names: Vec<String> = missing.map(Operation::name).collect();
    names.sort_by_key(|name| shape(name));
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::message::{Request, Response};

    #[test]
    fn a_document_shows_the_contract_and_what_was_recorded() {
        let spec = Spec::of_value(
            "s",
            &json!({"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"},
                "components": {"schemas": {"Item": {"type": "object", "required": ["id"], "properties": {
                    "id": {"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "description": "its | name"}}}}},
                "webhooks": {"made": {"post": {"summary": "An item was made", "responses": {}}}},
                "paths": {"/items/{id}": {"get": {"summary": "One item", "security": [{"key": []}],
                    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
                    "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}}}}}}}),
        )
        .unwrap();
        let response = Response {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: br#"{"id":7}"#.to_vec(),
            ..Response::default()
        };
        let exchange =
            Exchange::new("http://h:1/items/7?x=1", &Request::new("GET", "/items/7"), Ok(&response), None, vec![]);
        let page = markdown(&spec, &[exchange]);
        for part in [
            "# Shop 1\n",
            "- [`GET /items/{id}`](#get-itemsid) One item",
            "Authentication: key.",
            "| `id` | path | integer | yes |",
            "| 200 | ok | `application/json`, [Item](#item) |",
            "curl -sS -i 'http://h:1/items/7?x=1'",
            "\"id\": 7",
            "| `id` | integer, ≥ 1, < 9 | yes | its \\| name |",
            "# Webhooks\n\nWhat the service itself sends to others.\n\n## POST made\n\nAn item was made\n",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert_eq!(unrecorded(&spec, &[]), ["GET /items/{id}"]);
        assert!(markdown(&spec, &[]).contains("No exchange is recorded."));
    }

    #[test]
    fn paths_fit_templates() {
        for (template, path, expected) in [
            ("/a/{id}", "/a/7", true),
            ("/a/{id}", "/a/", false),
            ("/a/{id}", "/a/7/b", false),
            ("/a/", "/a", true),
            ("/a/{x}/b", "/a/1/b", true),
        ] {
            assert_eq!(path_fits(template, path), expected, "{template} {path}");
        }
    }
}
