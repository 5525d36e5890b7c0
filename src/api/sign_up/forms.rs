//! What is filled into the forms of doors.

use serde_json::{Value, json};

use super::find::{Door, Kind};
use crate::api::generate::{Fill, Generator};
use crate::api::message::{Request, is_json};
use crate::api::spec::{Operation, Spec, Validators, flatten, resolve};
use crate::api::target::encode;

/// Long, with letters of both kinds, a digit and a sign: no rule for passwords has anything against it.
const PASSWORD: &str = "Tenon-Pa55word";

/// Somebody who signs up.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    name: String,
    email: String,
    /// What is written into a field that asks for the user without saying which name.
    login: String,
}

impl Identity {
    pub(super) fn numbered(number: usize) -> Self {
        let name = format!("tenon{number}");
        let email = format!("{name}@example.com");
        Self { login: email.clone(), name, email }
    }

    /// What a user may be called when logging in.
    pub(super) fn names(&self) -> [&str; 2] {
        [&self.email, &self.name]
    }

    pub(super) fn called(&self, login: &str) -> Self {
        Self { login: login.to_owned(), ..self.clone() }
    }

    /// What belongs into a field, by its name.
    fn value(&self, field: &str, logging_in: bool) -> Option<String> {
        let word = plain(field);
        if is_password(field) {
            return Some(PASSWORD.to_owned());
        }
        Some(match word.as_str() {
            "email" | "mail" | "emailaddress" | "useremail" => self.email.clone(),
            "username" | "user" | "login" | "identifier" | "userid" | "usernameoremail" if logging_in => {
                self.login.clone()
            }
            "username" | "login" | "nickname" | "handle" | "slug" | "userid" => self.name.clone(),
            "granttype" => "password".to_owned(),
            _ => return None,
        })
    }
}

fn plain(field: &str) -> String {
    field.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Whether a field holds a password, or the same once more.
pub(super) fn is_password(field: &str) -> bool {
    let word = plain(field);
    word.contains("password") && !word.contains("hash") || matches!(word.as_str(), "passwd" | "pass" | "pwd")
}

/// A path without names in it.
pub(super) fn filled(path: &str) -> String {
    let part = |part: &str| if part.contains('{') { "1".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The request that goes through a door; `None` when its form cannot be filled in.
pub(super) fn request(spec: &Spec, operations: &[Operation], door: &Door, who: &Identity) -> Option<Request> {
    let mut request = Request::new("POST", door.path.clone());
    if door.kind == Kind::OAuth {
        let fields = [("grant_type", "password"), ("username", who.login.as_str()), ("password", PASSWORD)];
        return Some(form(request, fields.map(|(name, value)| (name.to_owned(), json!(value)))));
    }
    let operation = operations.iter().find(|operation| operation.name() == door.name)?;
    let told = |schema: &Value| flatten(&spec.root, schema).contains_key("properties");
    let form_of = operation.body.as_ref().and_then(|body| body.preferred()).filter(|(_, schema)| told(schema));
    let Some((media, schema)) = form_of else {
        // A draft knows no fields: what most of them ask for.
        let body = json!({"username": who.name, "name": who.name, "email": who.email, "password": PASSWORD});
        return Some(request.json(&body));
    };
    let mut body = valid(spec, schema)?;
    fill(&spec.root, schema, &mut body, who, door.is_login());
    if is_json(media) {
        request = request.json(&body);
        request.set_header("content-type", media);
        return Some(request);
    }
    let fields = body.as_object()?.clone();
    (media == "application/x-www-form-urlencoded").then(|| form(request, fields))
}

fn valid(spec: &Spec, schema: &Value) -> Option<Value> {
    let validators = Validators::new(&spec.root);
    let mut make = Generator::new(&spec.root, &validators, 1);
    make.valid(schema, Fill::Least).filter(Value::is_object)
}

/// Writes who it is into all fields that ask for it, also where they may be left out.
fn fill(root: &Value, schema: &Value, body: &mut Value, who: &Identity, logging_in: bool) {
    let whole = flatten(root, schema);
    let (Some(fields), Some(body)) = (whole.get("properties").and_then(Value::as_object), body.as_object_mut()) else {
        return;
    };
    for (name, schema) in fields {
        if let Some(value) = who.value(name, logging_in) {
            body.insert(name.clone(), json!(value));
        } else if let Some(inner) = body.get_mut(name).filter(|inner| inner.is_object()) {
            fill(root, resolve(root, schema), inner, who, logging_in);
        }
    }
}

fn form(mut request: Request, fields: impl IntoIterator<Item = (String, Value)>) -> Request {
    let pair =
        |(name, value): (String, Value)| format!("{}={}", encode(&name), encode(&crate::api::expect::plain(&value)));
    let body = fields.into_iter().map(pair).collect::<Vec<_>>().join("&");
    request.set_header("content-type", "application/x-www-form-urlencoded");
    request.body = Some(body.into_bytes());
    request
}
