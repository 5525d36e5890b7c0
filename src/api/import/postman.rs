//! Postman collections, format v2.1 (and v2.0, which differs in nothing that matters here).

use serde_json::{Value, json};

use super::{Collection, Field, Imported, script};
use crate::api::ApiError;
use crate::api::auth::{Place, Profile, placeholder};
use crate::api::exchange::Exchange;
use crate::api::expect::plain;
use crate::api::export::{BASE_URL, address, hidden, place};

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

/// The fields of a form that are sent.
fn form(given: &Value, parts: bool, made: &mut Imported) {
    for field in given.as_array().into_iter().flatten().filter(|field| field["disabled"] != true) {
        let (name, media) = (plain(&field["key"]), field["contentType"].as_str().map(str::to_owned));
        if field["type"] != "file" {
            let value = plain(&field["value"]);
            made.form.push(Field { name, value, media, parts, ..Field::default() });
            continue;
        }
        let files = match &field["src"] {
            Value::Array(files) => files.iter().map(plain).collect(),
            Value::Null => Vec::new(),
            file => vec![plain(file)],
        };
        if files.is_empty() {
            made.not_run.push(format!("the file of the field `{name}`, which names none"));
        }
        made.form.extend(files.into_iter().map(|value| Field {
            name: name.clone(),
            value,
            file: true,
            media: media.clone(),
            parts,
        }));
    }
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
    let url = raw.unwrap_or_else(|| {
        let list = |name: &str, joint: &str| match &given[name] {
            Value::Array(parts) => parts.iter().map(plain).collect::<Vec<_>>().join(joint),
            Value::String(text) => text.clone(),
            _ => String::new(),
        };
        let protocol = given["protocol"].as_str().map(|protocol| format!("{protocol}://")).unwrap_or_default();
        let port = given["port"].as_str().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{protocol}{}{port}/{}", list("host", "."), list("path", "/"))
    });
    let (path, rest) = url.split_once('?').map_or((url.as_str(), None), |(path, rest)| (path, Some(rest)));
    // `:id` is a whole part of the path.
    let variables = given["variable"].as_array();
    let part = |part: &str| {
        let named = |variable: &&Value| part.strip_prefix(':') == variable["key"].as_str();
        variables.into_iter().flatten().find(named).map_or_else(|| part.to_owned(), |found| plain(&found["value"]))
    };
    let path = path.split('/').map(part).collect::<Vec<_>>().join("/");
    let query = match given["query"].as_array() {
        // What is switched off stands in the text all the same.
        Some(query) => {
            let pair = |pair: &Value| match &pair["value"] {
                Value::Null => plain(&pair["key"]),
                value => format!("{}={}", plain(&pair["key"]), plain(value)),
            };
            let on = query.iter().filter(|pair| pair["disabled"] != true).map(pair);
            on.collect::<Vec<_>>().join("&")
        }
        None => rest.unwrap_or_default().to_owned(),
    };
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

/// The media type a language of the editor stands for.
fn media_of(language: &str) -> Option<&'static str> {
    Some(match language {
        "json" => "application/json",
        "xml" => "application/xml",
        "html" => "text/html",
        "javascript" => "application/javascript",
        _ => return None,
    })
}

fn body(given: &Value, made: &mut Imported) {
    if given["disabled"] == true {
        return;
    }
    let typed = made.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let mut set_type = |media: &str| {
        if !typed {
            made.headers.push(("content-type".to_owned(), media.to_owned()));
        }
    };
    match given["mode"].as_str() {
        Some("raw") => {
            let text = plain(&given["raw"]);
            let language = given["options"]["raw"]["language"].as_str().and_then(media_of);
            let looks_like = text.trim_start().starts_with(['{', '[']).then_some("application/json");
            if let Some(media) = language.or(looks_like) {
                set_type(media);
            }
            made.body = Some(text);
        }
        Some("formdata") => form(&given["formdata"], true, made),
        Some("urlencoded") => form(&given["urlencoded"], false, made),
        Some("file") => match given["file"]["src"].as_str() {
            Some(file) => made.body_file = Some(file.to_owned()),
            None => made.not_run.push("a body from a file, which names none".to_owned()),
        },
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
        "oauth2" if field("accessToken").is_some_and(|token| !token.is_empty()) => {
            Some(Profile::Bearer { token: field("accessToken"), token_env: None })
        }
        other => return Err(format!("authentication of the kind `{other}`")),
    })
}

fn is_authorization(header: &Value) -> bool {
    header["key"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("authorization"))
}

/// `$NAME` as collections write it.
fn braced(shown: &str) -> String {
    shown.strip_prefix('$').map_or_else(|| shown.to_owned(), |name| format!("{{{{{name}}}}}"))
}

/// Who asks, as a collection says it, with a variable for the secret; `None` where a header of the request says it.
fn written(profile: &Profile) -> Option<Value> {
    let fields = |kind: &str, fields: &[(&str, String)]| {
        let list: Vec<Value> = fields.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        json!({"type": kind, kind: list})
    };
    let variable = |text: &Option<String>, name: &Option<String>, default: &str| {
        braced(&placeholder(text.as_ref(), name.as_ref(), default))
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
            let (mut given, mut whole) = (exchange.headers.clone(), exchange.url.clone());
            if let Some(profile @ Profile::ApiKey { .. }) = &exchange.auth {
                place(&profile.placeholder().renamed(braced), &mut given, &mut whole);
            }
            let (url, base) = address(exchange, &whole);
            origin = origin.take().or(base);
            let headers: Vec<Value> =
                given.iter().map(|(name, value)| json!({"key": name, "value": hidden(name, value)})).collect();
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
