//! Postman collections, format v2.1 (and v2.0, which differs in nothing that matters here).

use serde_json::{Value, json};

use super::{Collection, Imported, script};
use crate::api::ApiError;
use crate::api::auth::{Place, Profile, placeholder};
use crate::api::exchange::Exchange;
use crate::api::expect::plain;
use crate::api::export::{BASE_URL, address, hidden};
use crate::api::target::encode;

pub(super) fn read(path: &str, text: &str) -> Result<Collection, ApiError> {
    let wrong = |place: String, what: String| ApiError::Document { place, what };
    let value: Value = serde_json::from_str(text).map_err(|error| {
        wrong(format!("{path}:{}:{}", error.line(), error.column()), format!("no valid JSON: {error}"))
    })?;
    let schema = value["info"]["schema"].as_str().unwrap_or_default();
    if value["info"].is_null() || !value["item"].is_array() || schema.contains("/v1") {
        return Err(wrong(path.to_owned(), "this is no Postman collection of format v2.1".to_owned()));
    }
    let mut collection = Collection { name: plain(&value["info"]["name"]), ..Collection::default() };
    for variable in value["variable"].as_array().into_iter().flatten() {
        if let Some(name) = variable["key"].as_str().or_else(|| variable["id"].as_str()) {
            collection.variables.insert(name.to_owned(), plain(&variable["value"]));
        }
    }
    let mut inherited = scripts(&value, "the collection");
    inherited.retain(|line| !line.is_empty());
    items(&value["item"], "", value.get("auth"), &inherited, &mut collection.requests);
    Ok(collection)
}

fn items(list: &Value, folder: &str, auth: Option<&Value>, inherited: &[String], into: &mut Vec<Imported>) {
    for item in list.as_array().into_iter().flatten() {
        let name = format!("{folder}{}", plain(&item["name"]));
        let own = item.get("auth").or_else(|| item["request"].get("auth")).filter(|auth| !auth.is_null()).or(auth);
        if item["item"].is_array() {
            let mut scripts = inherited.to_vec();
            scripts.extend(self::scripts(item, &format!("the folder {name}")));
            items(&item["item"], &format!("{name} / "), own, &scripts, into);
        } else {
            let mut request = request(&name, &item["request"], own);
            request.not_run.extend(inherited.iter().cloned());
            script::read(item, &mut request);
            into.push(request);
        }
    }
}

/// Between the parts of a form.
const BOUNDARY: &str = "part-of-the-form-7f3a9c";

/// A form of several parts, as far as they are texts.
fn form(given: &Value, made: &mut Imported) {
    let mut text = String::new();
    for field in given["formdata"].as_array().into_iter().flatten().filter(|field| field["disabled"] != true) {
        let name = plain(&field["key"]);
        if field["type"] == "file" {
            made.not_run.push(format!("the file of the field `{name}`"));
            continue;
        }
        let value = plain(&field["value"]);
        text.push_str(&format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    made.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    made.headers.push(("content-type".to_owned(), format!("multipart/form-data; boundary={BOUNDARY}")));
    made.body = Some(format!("{text}--{BOUNDARY}--\r\n"));
}

/// Scripts of folders run before or after each of their requests; they are not run here.
fn scripts(owner: &Value, whose: &str) -> Vec<String> {
    let events = owner["event"].as_array().into_iter().flatten();
    let with_lines = events.filter(|event| script::lines(event).next().is_some());
    with_lines.map(|event| format!("{} script of {whose}", plain(&event["listen"]))).collect()
}

fn request(name: &str, given: &Value, auth: Option<&Value>) -> Imported {
    if let Some(url) = given.as_str() {
        return Imported {
            name: name.to_owned(),
            method: "GET".to_owned(),
            url: url.to_owned(),
            ..Imported::default()
        };
    }
    let mut made = Imported {
        name: name.to_owned(),
        method: given["method"].as_str().unwrap_or("GET").to_owned(),
        url: url(&given["url"]),
        ..Imported::default()
    };
    for header in given["header"].as_array().into_iter().flatten().filter(|header| header["disabled"] != true) {
        made.headers.push((plain(&header["key"]), plain(&header["value"])));
    }
    body(&given["body"], &mut made);
    match auth.map(profile) {
        Some(Ok(profile)) => made.auth = profile,
        Some(Err(why)) => made.not_run.push(why),
        None => {}
    }
    made
}

fn url(given: &Value) -> String {
    let raw = given.as_str().or_else(|| given["raw"].as_str()).map(str::to_owned);
    let mut url = raw.unwrap_or_else(|| {
        let list = |name: &str, joint: &str| match &given[name] {
            Value::Array(parts) => parts.iter().map(plain).collect::<Vec<_>>().join(joint),
            Value::String(text) => text.clone(),
            _ => String::new(),
        };
        format!("{}/{}", list("host", "."), list("path", "/"))
    });
    for variable in given["variable"].as_array().into_iter().flatten() {
        url = url.replace(&format!(":{}", plain(&variable["key"])), &plain(&variable["value"]));
    }
    url
}

fn body(given: &Value, made: &mut Imported) {
    let typed = made.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let mut set_type = |media: &str| {
        if !typed {
            made.headers.push(("content-type".to_owned(), media.to_owned()));
        }
    };
    match given["mode"].as_str() {
        Some("raw") => {
            let text = plain(&given["raw"]);
            if given["options"]["raw"]["language"] == "json" || text.trim_start().starts_with(['{', '[']) {
                set_type("application/json");
            }
            made.body = Some(text);
        }
        Some("formdata") => form(given, made),
        Some("urlencoded") => {
            set_type("application/x-www-form-urlencoded");
            let fields = given["urlencoded"].as_array().into_iter().flatten().filter(|field| field["disabled"] != true);
            let value = |field: &Value| {
                let value = plain(&field["value"]);
                if value.contains("{{") { value } else { encode(&value) }
            };
            made.body = Some(
                fields
                    .map(|field| format!("{}={}", encode(&plain(&field["key"])), value(field)))
                    .collect::<Vec<_>>()
                    .join("&"),
            );
        }
        Some("graphql") => {
            set_type("application/json");
            let variables: Value = serde_json::from_str(&plain(&given["graphql"]["variables"])).unwrap_or_default();
            made.body = Some(json!({"query": given["graphql"]["query"], "variables": variables}).to_string());
        }
        Some(other) => made.not_run.push(format!("a body of the kind `{other}`")),
        None => {}
    }
}

fn profile(auth: &Value) -> Result<Option<Profile>, String> {
    let kind = auth["type"].as_str().unwrap_or("noauth");
    let field = |name: &str| match &auth[kind] {
        Value::Array(list) => list.iter().find(|entry| entry["key"] == name).map(|entry| plain(&entry["value"])),
        Value::Object(map) => map.get(name).map(plain),
        _ => None,
    };
    Ok(match kind {
        "noauth" => None,
        "bearer" => Some(Profile::Bearer { token: field("token"), token_env: None }),
        "basic" => Some(Profile::Basic {
            user: field("username").unwrap_or_default(),
            password: field("password"),
            password_env: None,
        }),
        "apikey" => Some(Profile::ApiKey {
            name: field("key").unwrap_or_default(),
            place: if field("in").as_deref() == Some("query") { Place::Query } else { Place::Header },
            key: field("value"),
            key_env: None,
        }),
        other => return Err(format!("authentication of the kind `{other}`")),
    })
}

fn is_authorization(header: &Value) -> bool {
    header["key"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("authorization"))
}

/// Who asks, as a collection says it, with a variable for the secret; `None` where a header of the request says it.
fn written(profile: &Profile) -> Option<Value> {
    let fields = |kind: &str, fields: &[(&str, String)]| {
        let list: Vec<Value> = fields.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        json!({"type": kind, kind: list})
    };
    let variable = |text: &Option<String>, name: &Option<String>, default: &str| {
        let shown = placeholder(text.as_ref(), name.as_ref(), default);
        shown.strip_prefix('$').map(|name| format!("{{{{{name}}}}}")).unwrap_or(shown)
    };
    match profile {
        Profile::Bearer { token, token_env } => {
            Some(fields("bearer", &[("token", variable(token, token_env, "TOKEN"))]))
        }
        Profile::Basic { user, password, password_env } => {
            let password = variable(password, password_env, "PASSWORD");
            Some(fields("basic", &[("username", user.clone()), ("password", password)]))
        }
        _ => None,
    }
}

/// Exchanges as a collection; secrets are variables of it.
pub fn collection(name: &str, exchanges: &[Exchange]) -> Value {
    let mut origin = None;
    let items: Vec<Value> = exchanges
        .iter()
        .map(|exchange| {
            let (url, base) = address(exchange, &exchange.url);
            origin = origin.take().or(base);
            let headers: Vec<Value> =
                exchange.headers.iter().map(|(name, value)| json!({"key": name, "value": hidden(name, value)})).collect();
            let mut request = json!({"method": exchange.method, "header": headers, "url": {"raw": url}});
            if let Some(auth) = exchange.auth.as_ref().and_then(written) {
                request["header"] = headers.iter().filter(|header| !is_authorization(header)).cloned().collect();
                request["auth"] = auth;
            }
            if let Some(body) = &exchange.body {
                request["body"] = json!({"mode": "raw", "raw": body.text});
            }
            let status = exchange.status();
            let test = format!("pm.test(\"status\", function () {{ pm.response.to.have.status({status}); }});");
            let tests: Vec<&str> = exchange.answer.iter().map(|_| test.as_str()).collect();
            json!({
                "name": format!("{} {}", exchange.id, exchange.operation.clone().unwrap_or_else(|| exchange.method.clone())),
                "request": request,
                "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": tests}}],
            })
        })
        .collect();
    json!({
        "info": {"name": name, "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "item": items,
        "variable": origin.into_iter().map(|origin| json!({"key": BASE_URL, "value": origin})).collect::<Vec<_>>(),
    })
}
