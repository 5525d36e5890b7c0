//! A contract for a program that has none: its routes, and what it was seen to answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::lint::template_names;
use super::routes::{ANY, Route, Table};
use super::{Spec, escape};
use crate::api::ApiError;

/// What was seen of one operation and status: the media type, and the bodies that were JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The operation, `GET /users/{id}`.
    pub operation: String,
    /// The status.
    pub status: u16,
    /// The media type without parameters.
    pub media: String,
    /// Bodies; empty where they are no JSON.
    pub bodies: Vec<Value>,
}

/// Bodies that are looked at for one operation and status.
pub const MOST_BODIES: usize = 20;
/// Deeper than this anything goes.
const MOST_DEPTH: usize = 8;

/// The routes as a document that promises nothing but that they are there.
///
/// # Errors
/// There is no route.
pub fn draft(table: &Table) -> Result<Spec, ApiError> {
    let mut paths = Map::new();
    let mut count = 0;
    for route in table.routes.iter().filter(|route| !route.of_tools()) {
        let method = if route.method == ANY { "get".to_owned() } else { route.method.to_ascii_lowercase() };
        let item = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        item[method.as_str()] = operation(route, &method);
        count += 1;
    }
    let place = format!("a draft of {count} routes, {}", table.source);
    if count == 0 {
        return Err(ApiError::Document { place, what: "there is nothing to draft a contract of".to_owned() });
    }
    let document = json!({"openapi": "3.1.0", "info": {"title": "draft", "version": "0"}, "paths": paths});
    Ok(Spec { drafted: true, ..Spec::of_value(&place, &document)? })
}

fn operation(route: &Route, method: &str) -> Value {
    let parameter = |name: &str| {
        let kind = if route.numbers.iter().any(|number| number == name) { "integer" } else { "string" };
        json!({"name": name, "in": "path", "required": true, "schema": {"type": kind}})
    };
    let parameters: Vec<Value> = template_names(&route.path).map(parameter).collect();
    let mut operation = json!({"responses": {"default": {"description": "not described yet"}}});
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if matches!(method, "post" | "put" | "patch") {
        operation["requestBody"] = json!({"content": {"application/json": {"schema": {"type": "object"}}}});
    }
    operation
}

impl Spec {
    /// The draft with what was seen of answers that succeeded. What every body has is taken for promised.
    ///
    /// # Errors
    /// None in practice: the document was read before.
    pub fn with_answers(&self, seen: &[Seen]) -> Result<Self, ApiError> {
        let mut root = self.root.clone();
        for seen in seen {
            let Some((method, path)) = seen.operation.split_once(' ') else { continue };
            // That something is absent is a promise too; other refusals depend on who asks and how.
            let absent = seen.status == 404 && path.contains('{');
            if !absent && !(200..300).contains(&seen.status) {
                continue;
            }
            let pointer = format!("/paths/{}/{}/responses", escape(path), method.to_ascii_lowercase());
            let Some(responses) = root.pointer_mut(&pointer) else { continue };
            let mut answer = json!({"description": "as it was seen"});
            if !seen.media.is_empty() && !absent {
                let schema = if seen.bodies.is_empty() { json!({}) } else { json!({"schema": schema(&seen.bodies)}) };
                answer["content"] = json!({seen.media.as_str(): schema});
            }
            responses[seen.status.to_string()] = answer;
        }
        Ok(Self { drafted: true, ..Self::of_value(&self.place, &root)? })
    }
}

/// The narrowest schema of types and fields that all values fit. What only some objects have may be missing.
pub fn schema(values: &[Value]) -> Value {
    merged(&values.iter().collect::<Vec<_>>(), 0)
}

fn merged(values: &[&Value], depth: usize) -> Value {
    if values.is_empty() || depth > MOST_DEPTH {
        return json!({});
    }
    let mut kinds: BTreeSet<&str> = values.iter().map(|value| kind(value)).collect();
    if kinds.contains("number") {
        kinds.remove("integer");
    }
    // What was empty every time may be anything.
    if kinds.iter().all(|kind| *kind == "null") {
        return json!({});
    }
    let kinds: Vec<&str> = kinds.into_iter().collect();
    let mut schema = json!({"type": if let [kind] = kinds[..] { json!(kind) } else { json!(kinds) }});
    if kinds.contains(&"array") {
        let items: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
        schema["items"] = merged(&items, depth + 1);
    }
    let objects: Vec<&Map<String, Value>> = values.iter().filter_map(|value| value.as_object()).collect();
    if !objects.is_empty() {
        fields(&objects, depth, &mut schema);
    }
    schema
}

fn fields(objects: &[&Map<String, Value>], depth: usize, schema: &mut Value) {
    let mut by_name: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (name, value) in objects.iter().flat_map(|object| object.iter()) {
        by_name.entry(name).or_default().push(value);
    }
    // Names that are data, such as ids, are no fields.
    let is_data = |name: &str| name.starts_with(|c: char| c.is_ascii_digit()) || name.len() > 40;
    if by_name.keys().any(|name| is_data(name)) {
        let all: Vec<&Value> = by_name.into_values().flatten().collect();
        schema["additionalProperties"] = merged(&all, depth + 1);
        return;
    }
    let required: Vec<&str> =
        by_name.iter().filter(|(_, values)| values.len() == objects.len()).map(|(name, _)| *name).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let properties: Map<String, Value> =
        by_name.iter().map(|(name, values)| ((*name).to_owned(), merged(values, depth + 1))).collect();
    schema["properties"] = Value::Object(properties);
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::spec::Validators;

    #[test]
    fn a_schema_is_what_all_values_have_in_common() {
        for (values, expected) in [
            (json!([1, 2]), json!({"type": "integer"})),
            (json!([1, 2.5]), json!({"type": "number"})),
            (json!([null, "x"]), json!({"type": ["null", "string"]})),
            (json!([null]), json!({})),
            (json!([[], [1]]), json!({"type": "array", "items": {"type": "integer"}})),
            (
                json!([{"id": 1, "note": null}, {"id": 2}]),
                json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "note": {}}}),
            ),
            (
                json!([{"1": {"a": 1}, "2": {"a": 2}}]),
                json!({"type": "object", "additionalProperties":
                    {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}}),
            ),
        ] {
            let values = values.as_array().unwrap();
            let schema = schema(values);
            assert_eq!(schema, expected);
            let validators = Validators::new(&json!({}));
            assert!(values.iter().all(|value| validators.fits(&schema, value)), "{schema}");
        }
    }

    #[test]
    fn routes_become_a_document_that_is_sound() {
        let routes = vec![
            Route::new("GET", "/items/<int:id>", "flask"),
            Route::new("POST", "/items", "flask"),
            Route::new(ANY, "/health", "flask"),
            Route::new("GET", "/static/<path:filename>", "flask"),
        ];
        let table = Table { routes, source: "asked flask itself".to_owned(), certain: true };
        let spec = draft(&table).unwrap();
        let names: Vec<String> = spec.operations().iter().map(|operation| operation.name()).collect();
        assert_eq!(names, ["GET /items/{id}", "POST /items", "GET /health"]);
        assert!(spec.drafted && spec.place.starts_with("a draft of 3 routes, asked flask"), "{}", spec.place);
        assert_eq!(spec.operations()[0].parameters[0].schema, json!({"type": "integer"}));
        let seen = |status, bodies| Seen {
            operation: "GET /health".to_owned(),
            status,
            media: "application/json".to_owned(),
            bodies,
        };
        let full = spec.with_answers(&[seen(200, vec![json!({"ok": true})]), seen(404, vec![json!({})])]).unwrap();
        let health = full.operations().remove(2);
        assert_eq!(health.responses.len(), 2);
        assert_eq!(health.answer(200).unwrap().content[0].1.as_ref().unwrap()["required"], json!(["ok"]));
        assert!(draft(&Table::default()).is_err());
    }
}
