//! A small shop that keeps its contract, and breaks it in one way at a time.

use serde_json::{Value, json};
use tenon::api::spec::Spec;
use tenon::api::token::Token;

use crate::support::{Answer, Recorded, ScriptedServer};

/// What is wrong with the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    None,
    /// An item lacks a field that is promised.
    RemovedField,
    /// A status nobody has written down.
    UndocumentedStatus,
    /// HTML in place of JSON.
    WrongContentType,
    /// Numbers beyond 64 bits end in a 500.
    Overflow,
    /// The same, with its stack trace.
    Trace,
    /// What does not exist is answered with 200.
    Missing404,
    /// Whatever is sent is taken.
    TakesAnything,
    /// The key is looked at by nobody.
    NoAuth,
    /// A token that says it needs no signature is believed.
    AlgNone,
    /// A token is believed whoever signed it.
    AnySignature,
    /// An old token is believed.
    Expired,
    /// Everybody sees everything.
    Foreign,
    /// The second page begins with the last item of the first.
    Repeats,
    /// The list ignores its limit.
    Unbounded,
    /// An unchanged answer is sent again in whole.
    NoNotModified,
    /// Errors are pages for people.
    HtmlErrors,
}

pub const KEY: &[u8] = b"the key of the shop";

/// The contract of the shop.
pub fn contract() -> Spec {
    let item = json!({"type": "object", "required": ["id", "name", "quantity"], "properties": {
        "id": {"type": "integer"}, "name": {"type": "string", "minLength": 1, "maxLength": 40},
        "quantity": {"type": "integer", "minimum": 0, "maximum": 1000}}});
    let new = json!({"type": "object", "required": ["name", "quantity"], "additionalProperties": false, "properties": {
        "name": item["properties"]["name"], "quantity": item["properties"]["quantity"]}});
    let answer = |schema: Value| json!({"description": "ok", "content": {"application/json": {"schema": schema}}});
    let error = || json!({"description": "no", "content": {"application/json": {"schema": {"type": "object", "required": ["error"]}}}});
    let item_ref = || json!({"$ref": "#/components/schemas/Item"});
    let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}});
    let query = |name: &str, least: i64, most: i64| json!({"name": name, "in": "query", "schema": {"type": "integer", "minimum": least, "maximum": most}});
    let document = json!({"openapi": "3.1.0", "info": {"title": "shop", "version": "1"},
    "components": {"schemas": {"Item": item, "New": new}, "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    "paths": {
        "/items": {
            "get": {"parameters": [query("limit", 1, 50), query("offset", 0, 1000)],
                    "responses": {"200": answer(json!({"type": "array", "items": item_ref()})), "400": error()}},
            "post": {"security": [{"bearer": []}],
                     "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                     "responses": {"201": answer(item_ref()), "400": error(), "401": error()}}
        },
        "/items/{id}": {"get": {"security": [{"bearer": []}], "parameters": [id],
                        "responses": {"200": answer(item_ref()), "400": error(), "401": error(), "404": error()}}}
    }});
    Spec::of_value("shop", &document).unwrap()
}

/// A running shop with one defect.
pub fn shop(defect: Defect) -> ScriptedServer {
    let mut items: Vec<Value> =
        (1..=7).map(|id| json!({"id": id, "name": format!("item {id}"), "quantity": id, "owner": "one"})).collect();
    ScriptedServer::start_with(move |request| answer(defect, &mut items, request))
}

fn answer(defect: Defect, items: &mut Vec<Value>, request: &Recorded) -> Answer {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    match (request.method.as_str(), path) {
        ("GET", "/items") => list(defect, items, query, request),
        ("POST", "/items") => match user(defect, request) {
            Some(_) => add(defect, items, request),
            None => refused(defect, 401),
        },
        ("GET", path) if path.starts_with("/items/") => match user(defect, request) {
            Some(user) => one(defect, items, path.trim_start_matches("/items/"), &user),
            None => refused(defect, 401),
        },
        _ => refused(defect, 404),
    }
}

fn refused(defect: Defect, status: u16) -> Answer {
    match defect {
        Defect::HtmlErrors => Answer::typed(status, "text/html", "<h1>Oops</h1>"),
        _ => Answer::json(status, &json!({"error": "no"})),
    }
}

/// Who asks, by a token that is well signed and not old.
fn user(defect: Defect, request: &Recorded) -> Option<String> {
    if defect == Defect::NoAuth {
        return Some("one".to_owned());
    }
    let token = Token::read(request.header("authorization")?.strip_prefix("Bearer ")?)?;
    let unsigned = token.header["alg"] == "none" && defect == Defect::AlgNone;
    let signed = token.is_signed_by(KEY) || defect == Defect::AnySignature;
    let now = jiff::Timestamp::now().as_second();
    let fresh = token.claims["exp"].as_i64()? > now || defect == Defect::Expired;
    let here = token.claims["aud"] == "shop";
    ((signed || unsigned) && fresh && here).then(|| token.claims["sub"].as_str().unwrap_or_default().to_owned())
}

fn number(query: &str, name: &str) -> Option<Result<i64, ()>> {
    let value = query.split('&').find_map(|part| part.strip_prefix(&format!("{name}=")))?;
    Some(value.parse::<i64>().map_err(|_| ()))
}

fn list(defect: Defect, items: &[Value], query: &str, request: &Recorded) -> Answer {
    let limit = number(query, "limit").unwrap_or(Ok(20));
    let offset = number(query, "offset").unwrap_or(Ok(0));
    let (Ok(limit @ 1..=50), Ok(offset @ 0..=1000)) = (limit, offset) else { return refused(defect, 400) };
    let (mut limit, mut offset) = (limit as usize, offset as usize);
    match defect {
        Defect::Repeats if offset > 0 => offset -= 1,
        Defect::Unbounded => limit = usize::MAX,
        _ => {}
    }
    let shown: Vec<Value> = items.iter().skip(offset).take(limit).map(|item| public(defect, item)).collect();
    let tag = format!("\"{}-{offset}-{limit}\"", items.len());
    if request.header("if-none-match") == Some(tag.as_str()) && defect != Defect::NoNotModified {
        return Answer { body: Vec::new(), ..Answer::json(304, &json!(null)) };
    }
    Answer::json(200, &json!(shown)).header("etag", &tag).header("cache-control", "no-cache")
}

fn public(defect: Defect, item: &Value) -> Value {
    let mut shown = item.clone();
    let map = shown.as_object_mut().unwrap();
    map.remove("owner");
    if defect == Defect::RemovedField {
        map.remove("quantity");
    }
    shown
}

fn one(defect: Defect, items: &[Value], id: &str, user: &str) -> Answer {
    let broken = |text: &str| Answer::typed(500, "text/plain", text.to_owned());
    let Ok(id) = id.parse::<i64>() else {
        let number = id.trim_start_matches('-').chars().all(|c| c.is_ascii_digit()) && !id.is_empty();
        return match defect {
            Defect::Overflow if number => broken("Internal Server Error"),
            Defect::Trace if number => broken("Traceback (most recent call last):\n  File \"/app/shop.py\", line 3"),
            _ => refused(defect, 400),
        };
    };
    match items.iter().find(|item| item["id"] == id) {
        Some(item) if item["owner"] != user && defect != Defect::Foreign => refused(defect, 404),
        Some(_) if defect == Defect::UndocumentedStatus => Answer::json(202, &json!({})),
        Some(_) if defect == Defect::WrongContentType => Answer::typed(200, "text/html", "<p>item</p>"),
        Some(item) => Answer::json(200, &public(defect, item)),
        None if defect == Defect::Missing404 => Answer::json(200, &json!({"id": id, "name": "nothing", "quantity": 0})),
        None => refused(defect, 404),
    }
}

fn add(defect: Defect, items: &mut Vec<Value>, request: &Recorded) -> Answer {
    let body: Value = request.json();
    let name = body["name"].as_str().filter(|name| (1..=40).contains(&name.chars().count()));
    let quantity = body["quantity"].as_i64().filter(|quantity| (0..=1000).contains(quantity));
    let exact = body.as_object().is_some_and(|map| map.len() == 2);
    let json = request.header("content-type").is_none_or(|media| media.contains("json"));
    let (name, quantity) = match (name, quantity) {
        (Some(name), Some(quantity)) if exact && json => (name.to_owned(), quantity),
        _ if defect == Defect::TakesAnything => ("x".to_owned(), 1),
        _ => return refused(defect, 400),
    };
    let made = json!({"id": items.len() + 1, "name": name, "quantity": quantity, "owner": "one"});
    items.push(made.clone());
    Answer::json(201, &public(defect, &made))
}
