use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tenon::api::auth::Credentials;
use tenon::api::sign_up::sign_up;
use tenon::api::spec::Spec;

use super::client;
use crate::support::{Answer, Recorded, ScriptedServer};

/// How a service lets somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Who registers is given a token at once, deep in the answer, for `Authorization: Token …`.
    TokenOfUser,
    /// Who registers logs in by the form of OAuth 2, by the user's name.
    OAuthForm,
    /// Who logs in is given a cookie.
    Session,
    /// Users are made by somebody else.
    Closed,
    /// Everybody may look.
    Open,
}

fn contract(way: Way) -> Spec {
    let text = || json!({"type": "string", "minLength": 3, "maxLength": 60});
    let user = json!({"type": "object", "required": ["username", "email", "password"], "additionalProperties": false, "properties": {
        "username": text(), "email": {"type": "string", "format": "email"}, "password": text(), "born": {"type": "string", "format": "date"}}});
    let body = |schema: &Value| json!({"required": true, "content": {"application/json": {"schema": schema}}});
    let post =
        |schema: &Value| json!({"post": {"requestBody": body(schema), "responses": {"200": {"description": "ok"}}}});
    let mut paths =
        json!({"/notes": {"get": {"security": [{"who": []}], "responses": {"200": {"description": "ok"}}}}});
    let mut scheme = json!({"type": "http", "scheme": "bearer"});
    match way {
        Way::TokenOfUser => {
            let outer = json!({"type": "object", "required": ["user"], "properties": {"user": user}});
            paths["/api/users"] = post(&outer);
            scheme = json!({"type": "apiKey", "in": "header", "name": "Authorization"});
        }
        Way::OAuthForm => {
            paths["/register"] = post(&user);
            scheme = json!({"type": "oauth2", "flows": {"password": {"tokenUrl": "auth/token", "scopes": {}}}});
        }
        Way::Session => {
            paths["/signup"] = post(&user);
            let login = json!({"type": "object", "required": ["login", "password"], "properties": {"login": text(), "password": text()}});
            paths["/sessions"] = post(&login);
        }
        Way::Closed | Way::Open => {}
    }
    let schemes = json!({"securitySchemes": {"who": scheme}});
    Spec::of_value(
        "s",
        &json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths, "components": schemes}),
    )
    .unwrap()
}

fn field<'v>(body: &'v Value, name: &str) -> &'v str {
    body[name].as_str().unwrap_or_default()
}

/// A service that knows its users and is strict about what it is sent.
fn service(way: Way) -> ScriptedServer {
    let users: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
    ScriptedServer::start_with(move |request: &Recorded| {
        let mut users = users.lock().unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let given = |name: &str| request.header(name).unwrap_or_default().to_owned();
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/notes") => {
                let shown = match way {
                    Way::Session => given("cookie").replace("sid=session-", ""),
                    Way::TokenOfUser => given("authorization").replace("Token token-of-", ""),
                    _ => given("authorization").replace("Bearer token-of-", ""),
                };
                let known = way == Way::Open || users.contains_key(&shown);
                Answer::json(if known { 200 } else { 401 }, &json!([]))
            }
            ("POST", "/api/users" | "/register" | "/signup") => {
                let user = if way == Way::TokenOfUser { &body["user"] } else { &body };
                let (name, password) = (field(user, "username").to_owned(), field(user, "password").to_owned());
                if name.len() < 3 || password.len() < 8 || !field(user, "email").contains('@') {
                    return Answer::json(422, &json!({"error": "not like that"}));
                }
                let token = format!("token-of-{name}");
                users.insert(name, password);
                let made =
                    if way == Way::TokenOfUser { json!({"user": {"token": token}}) } else { json!({"ok": true}) };
                Answer::json(201, &made)
            }
            ("POST", "/auth/token") => {
                let form = String::from_utf8_lossy(&request.body).into_owned();
                let of = |name: &str| {
                    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
                    pairs
                        .into_iter()
                        .find(|(key, _)| *key == name)
                        .map(|(_, value)| value.to_owned())
                        .unwrap_or_default()
                };
                let known = of("grant_type") == "password" && users.get(&of("username")) == Some(&of("password"));
                let token = json!({"token_type": "bearer", "access_token": format!("token-of-{}", of("username"))});
                if known { Answer::json(200, &token) } else { Answer::json(401, &json!({})) }
            }
            ("POST", "/sessions") => {
                let name = field(&body, "login").to_owned();
                let known = users.get(&name).is_some_and(|password| password == field(&body, "password"));
                if !known {
                    return Answer::json(401, &json!({}));
                }
                Answer::json(200, &json!({"welcome": true}))
                    .header("set-cookie", &format!("sid=session-{name}; HttpOnly"))
            }
            _ => Answer::json(404, &json!({})),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_sign_up_where_a_service_lets_them() {
    for (way, expected) in [
        (Way::TokenOfUser, Some(("signed up by POST /api/users", "authorization", "Token token-of-tenon1"))),
        (
            Way::OAuthForm,
            Some((
                "signed up by POST /register, logged in by POST /auth/token",
                "authorization",
                "Bearer token-of-tenon1",
            )),
        ),
        (
            Way::Session,
            Some(("signed up by POST /signup, logged in by POST /sessions", "cookie", "sid=session-tenon1")),
        ),
        (Way::Closed, None),
        (Way::Open, None),
    ] {
        let server = service(way);
        let entered = sign_up(&client(&server), &contract(way)).await;
        let expected = expected.map(|(how, name, value)| (how.to_owned(), name.to_owned(), value.to_owned()));
        let second = |value: &str| value.replace("tenon1", "tenon2");
        if let Some((_, name, value)) = &expected {
            let other = entered.as_ref().and_then(|entered| entered.others.clone());
            assert_eq!(other, Some(Credentials::Header(name.clone(), second(value))), "{way:?}: somebody else");
        }
        let found = entered.map(|entered| match entered.credentials {
            Credentials::Header(name, value) => (entered.how, name, value),
            Credentials::Query(name, value) => (entered.how, name, value),
        });
        assert_eq!(found, expected, "{way:?}");
    }
}
