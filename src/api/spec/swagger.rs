//! Swagger 2.0 said as OpenAPI 3 does: many a framework still writes it.

use serde_json::{Map, Value, json};

use super::operations::METHODS;

/// What a parameter says about its value, which stands in a schema of its own in OpenAPI 3.
const OF_SCHEMA: [&str; 16] = [
    "type",
    "format",
    "items",
    "enum",
    "default",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "multipleOf",
];

/// The document as OpenAPI 3.0.
pub(super) fn converted(old: &Value) -> Value {
    let part = |name: &str| old.get(name).cloned().unwrap_or_else(|| json!({}));
    let mut components = json!({
        "schemas": part("definitions"),
        "securitySchemes": each(old.get("securityDefinitions"), scheme),
        "responses": each(old.get("responses"), |answer| response(answer, &produces(old, old))),
        "parameters": each(old.get("parameters"), |one| parameter(one).unwrap_or_else(|| one.clone())),
    });
    reference(&mut components);
    let mut new = json!({"openapi": "3.0.3", "info": part("info"), "components": components,
        "paths": each(old.get("paths"), |item| path_item(old, item))});
    reference(&mut new["paths"]);
    for name in ["security", "tags"] {
        if let Some(value) = old.get(name) {
            new[name] = value.clone();
        }
    }
    let base = old.get("basePath").and_then(Value::as_str).unwrap_or_default();
    if base.len() > 1 {
        new["servers"] = json!([{"url": base}]);
    }
    new
}

fn each(map: Option<&Value>, change: impl Fn(&Value) -> Value) -> Value {
    let map = map.and_then(Value::as_object);
    map.into_iter().flatten().map(|(name, value)| (name.clone(), change(value))).collect::<Map<_, _>>().into()
}

fn path_item(old: &Value, item: &Value) -> Value {
    let mut new = item.clone();
    let shared = item.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(map) = new.as_object_mut() {
        // Bodies belong to operations, so all parameters are given to these.
        map.shift_remove("parameters");
        for method in METHODS {
            if let Some(operation) = map.get_mut(method).filter(|operation| operation.is_object()) {
                *operation = self::operation(old, operation, &shared);
            }
        }
    }
    new
}

fn operation(old: &Value, operation: &Value, shared: &[Value]) -> Value {
    let own = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let of = |parameter: &Value| {
        let parameter = resolved(old, parameter);
        (parameter["name"].clone(), parameter["in"].clone())
    };
    let above = shared.iter().filter(|one| !own.iter().any(|other| of(other) == of(one)));
    let all: Vec<Value> = own.iter().chain(above).map(|one| resolved(old, one).clone()).collect();
    let mut new = operation.clone();
    if let Some(map) = new.as_object_mut() {
        ["consumes", "produces", "schemes", "parameters"].iter().for_each(|name| drop(map.shift_remove(*name)));
    }
    let parameters: Vec<Value> = all.iter().filter_map(parameter).collect();
    if !parameters.is_empty() {
        new["parameters"] = json!(parameters);
    }
    if let Some(body) = body(&all, &list(old, operation, "consumes", &["application/json"])) {
        new["requestBody"] = body;
    }
    let answers = produces(old, operation);
    new["responses"] = each(operation.get("responses"), |answer| response(answer, &answers));
    new
}

fn resolved<'a>(old: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|at| old.pointer(at.trim_start_matches('#')));
    target.unwrap_or(value)
}

fn list(old: &Value, operation: &Value, name: &str, usual: &[&str]) -> Vec<String> {
    let given = operation.get(name).or_else(|| old.get(name)).and_then(Value::as_array);
    let given: Vec<String> = given.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if given.is_empty() { usual.iter().map(|media| (*media).to_owned()).collect() } else { given }
}

fn produces(old: &Value, operation: &Value) -> Vec<String> {
    list(old, operation, "produces", &["application/json"])
}

/// A parameter with its schema; `None` for one that is part of a body.
fn parameter(old: &Value) -> Option<Value> {
    if matches!(old.get("in")?.as_str()?, "body" | "formData") {
        return None;
    }
    let (schema, mut rest): (Map<String, Value>, Map<String, Value>) =
        old.as_object()?.clone().into_iter().partition(|(name, _)| OF_SCHEMA.contains(&name.as_str()));
    let array = schema.get("type").is_some_and(|kind| kind == "array");
    let format = rest.shift_remove("collectionFormat");
    let (style, explode) = match format.as_ref().and_then(Value::as_str) {
        Some("multi") => ("form", true),
        Some("ssv") => ("spaceDelimited", false),
        Some("pipes") => ("pipeDelimited", false),
        _ => ("form", false),
    };
    if array && rest.get("in").is_some_and(|place| place == "query") {
        rest.insert("style".to_owned(), json!(style));
        rest.insert("explode".to_owned(), json!(explode));
    }
    rest.insert("schema".to_owned(), Value::Object(schema));
    Some(Value::Object(rest))
}

fn body(parameters: &[Value], media: &[String]) -> Option<Value> {
    let content = |media: &[String], schema: &Value| -> Value {
        media.iter().map(|media| (media.clone(), json!({"schema": schema}))).collect::<Map<_, _>>().into()
    };
    if let Some(body) = parameters.iter().find(|parameter| parameter["in"] == "body") {
        let schema = body.get("schema").cloned().unwrap_or_else(|| json!({}));
        return Some(json!({"required": body["required"] == true, "content": content(media, &schema)}));
    }
    let fields: Vec<&Value> = parameters.iter().filter(|parameter| parameter["in"] == "formData").collect();
    if fields.is_empty() {
        return None;
    }
    let named = |field: &Value| field["name"].as_str().unwrap_or_default().to_owned();
    let property = |field: &Value| {
        let all = field.as_object().cloned().unwrap_or_default().into_iter();
        let mut schema: Map<String, Value> = all.filter(|(name, _)| OF_SCHEMA.contains(&name.as_str())).collect();
        if schema.get("type") == Some(&json!("file")) {
            schema.extend([("type".to_owned(), json!("string")), ("format".to_owned(), json!("binary"))]);
        }
        Value::Object(schema)
    };
    let properties: Map<String, Value> = fields.iter().map(|field| (named(field), property(field))).collect();
    let required: Vec<String> =
        fields.iter().filter(|field| field["required"] == true).map(|field| named(field)).collect();
    let file = fields.iter().any(|field| field["type"] == "file");
    let usual = if file { "multipart/form-data" } else { "application/x-www-form-urlencoded" };
    let forms: Vec<String> = media.iter().filter(|media| media.contains("form")).cloned().collect();
    let forms = if forms.is_empty() { vec![usual.to_owned()] } else { forms };
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    Some(json!({"required": !required.is_empty(), "content": content(&forms, &schema)}))
}

fn response(old: &Value, media: &[String]) -> Value {
    let Some(map) = old.as_object() else { return old.clone() };
    let mut new = map.clone();
    new.shift_remove("examples");
    if let Some(schema) = new.shift_remove("schema") {
        let content: Map<String, Value> =
            media.iter().map(|media| (media.clone(), json!({"schema": schema}))).collect();
        new.insert("content".to_owned(), Value::Object(content));
    }
    if let Some(headers) = new.get("headers").cloned() {
        let header = |header: &Value| json!({"schema": header, "description": header["description"]});
        new.insert("headers".to_owned(), each(Some(&headers), header));
    }
    Value::Object(new)
}

fn scheme(old: &Value) -> Value {
    match old["type"].as_str() {
        Some("basic") => json!({"type": "http", "scheme": "basic"}),
        Some("oauth2") => {
            let flow = match old["flow"].as_str() {
                Some("application") => "clientCredentials",
                Some("accessCode") => "authorizationCode",
                Some(other) => other,
                None => "implicit",
            };
            let mut inner = json!({"scopes": old.get("scopes").cloned().unwrap_or_else(|| json!({}))});
            for name in ["authorizationUrl", "tokenUrl"] {
                if let Some(url) = old.get(name) {
                    inner[name] = url.clone();
                }
            }
            json!({"type": "oauth2", "flows": {flow: inner}})
        }
        _ => old.clone(),
    }
}

/// References lead to where the things are now.
fn reference(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(reference),
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get_mut("$ref") {
                for (old, new) in [
                    ("#/definitions/", "#/components/schemas/"),
                    ("#/responses/", "#/components/responses/"),
                    ("#/parameters/", "#/components/parameters/"),
                ] {
                    if let Some(rest) = target.strip_prefix(old) {
                        *target = format!("{new}{rest}");
                        break;
                    }
                }
            }
            map.values_mut().for_each(reference);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::spec::{Place, Spec};

    #[test]
    fn an_old_document_is_read_as_a_new_one() {
        let old = json!({"swagger": "2.0", "info": {"title": "t", "version": "1"}, "basePath": "/api/v1",
            "consumes": ["application/json"], "produces": ["application/json"],
            "securityDefinitions": {"key": {"type": "apiKey", "name": "X-Key", "in": "header"}, "login": {"type": "basic"}},
            "definitions": {"Item": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "x-nullable": true}}}},
            "paths": {"/items/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": true, "type": "integer", "minimum": 1}],
                "get": {"responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/Item"}}}},
                "put": {"security": [{"key": []}], "parameters": [{"name": "b", "in": "body", "required": true, "schema": {"$ref": "#/definitions/Item"}}],
                        "responses": {"204": {"description": "ok"}}}},
              "/upload": {"post": {"consumes": ["multipart/form-data"], "responses": {},
                "parameters": [{"name": "f", "in": "formData", "type": "file", "required": true}, {"name": "n", "in": "formData", "type": "string"}]}}}});
        let spec = Spec::of_value("old", &old).unwrap();
        assert_eq!((spec.version.as_str(), spec.prefix()), ("2.0", "/api/v1"));
        assert!(spec.broken_references().is_empty(), "{:?}", spec.broken_references());
        let operations = spec.operations();
        let named = |name: &str| operations.iter().find(|operation| operation.name() == name).unwrap();
        let put = named("PUT /items/{id}");
        assert_eq!(put.parameters_in(Place::Path).next().unwrap().schema, json!({"type": "integer", "minimum": 1}));
        assert_eq!(put.json_body().unwrap().1, &json!({"$ref": "#/components/schemas/Item"}));
        assert!(!put.anonymous && named("GET /items/{id}").anonymous);
        let answer = named("GET /items/{id}").answer(200).unwrap().clone();
        assert_eq!(answer.content[0].1, Some(json!({"$ref": "#/components/schemas/Item"})));
        let upload = named("POST /upload").body.clone().unwrap();
        assert!(upload.required && upload.content[0].0 == "multipart/form-data");
        assert_eq!(upload.content[0].1["properties"]["f"], json!({"type": "string", "format": "binary"}));
        assert_eq!(spec.root["components"]["securitySchemes"]["login"], json!({"type": "http", "scheme": "basic"}));
    }
}
