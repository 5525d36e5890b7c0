//! Which operations let somebody in, by their names and by what they ask for.

use serde_json::Value;

use crate::api::spec::{Operation, Spec, flatten, resolve};

/// What the last part of a path is called where somebody signs up.
const UP: [&str; 9] =
    ["register", "signup", "registration", "join", "createaccount", "createuser", "newuser", "enroll", "users"];
/// The same for lists that somebody may be added to.
const LISTS: [&str; 7] = ["user", "accounts", "account", "members", "customers", "authors", "profiles"];
/// The same where somebody logs in.
const IN: [&str; 13] = [
    "login",
    "signin",
    "token",
    "tokens",
    "session",
    "sessions",
    "authenticate",
    "auth",
    "accesstoken",
    "obtaintoken",
    "obtain",
    "jwt",
    "gettoken",
];

/// An operation that lets somebody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Door {
    /// The operation, as `POST /path`.
    pub name: String,
    pub path: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    SignUp,
    /// The token endpoint of OAuth 2, which takes a form of fixed fields.
    OAuth,
    Login,
}

impl Door {
    pub(super) fn is_login(&self) -> bool {
        self.kind != Kind::SignUp
    }
}

/// The doors, those where one signs up first.
pub(super) fn doors(spec: &Spec, operations: &[Operation]) -> Vec<Door> {
    let mut found: Vec<(Kind, usize, Door)> = Vec::new();
    let open =
        |operation: &&Operation| operation.method == "POST" && operation.anonymous && !operation.path.contains('{');
    for operation in operations.iter().filter(open) {
        let word = last_word(&operation.path);
        let place = |words: &[&str]| words.iter().position(|known| *known == word);
        let secret = asks_for_a_password(spec, operation);
        // A draft knows no bodies.
        let plausible = secret || spec.drafted;
        let kind = match (place(&UP), place(&LISTS), place(&IN)) {
            (Some(at), ..) if plausible => Some((Kind::SignUp, at)),
            (_, Some(at), _) if secret => Some((Kind::SignUp, UP.len() + at)),
            (.., Some(at)) if plausible => Some((Kind::Login, at)),
            _ => None,
        };
        if let Some((kind, rank)) = kind {
            let door = Door { name: operation.name(), path: operation.path.clone(), kind };
            found.push((kind, rank, door));
        }
    }
    for path in token_urls(spec) {
        found.retain(|(_, _, door)| door.path != path);
        let door = Door { name: format!("POST {path}"), path, kind: Kind::OAuth };
        found.push((Kind::OAuth, 0, door));
    }
    found.sort_by_key(|(kind, rank, _)| (*kind, *rank));
    found.into_iter().map(|(_, _, door)| door).collect()
}

/// The last part of a path that says something, in small letters and digits only.
fn last_word(path: &str) -> String {
    let plain = |part: &str| -> String {
        part.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let mut parts = path.split('/').map(plain).filter(|part| !part.is_empty()).rev();
    let last = parts.next().unwrap_or_default();
    // `/jwt/create`, `/token/obtain`, `/user/new`.
    match (last.as_str(), parts.next()) {
        ("create" | "new" | "add", Some(before)) => before,
        _ => last,
    }
}

fn asks_for_a_password(spec: &Spec, operation: &Operation) -> bool {
    let Some((_, schema)) = operation.body.as_ref().and_then(|body| body.preferred()) else { return false };
    has_password(&spec.root, schema, 2)
}

fn has_password(root: &Value, schema: &Value, depth: usize) -> bool {
    let whole = flatten(root, schema);
    let fields = whole.get("properties").and_then(Value::as_object);
    fields.into_iter().flatten().any(|(name, inner)| {
        super::forms::is_password(name) || depth > 0 && has_password(root, resolve(root, inner), depth - 1)
    })
}

/// The security schemes of the contract.
pub(super) fn schemes(spec: &Spec) -> Vec<&Value> {
    let schemes = spec.root.pointer("/components/securitySchemes").and_then(Value::as_object);
    schemes.into_iter().flatten().map(|(_, scheme)| resolve(&spec.root, scheme)).collect()
}

fn token_urls(spec: &Spec) -> Vec<String> {
    let urls = schemes(spec).into_iter().filter_map(|scheme| scheme.pointer("/flows/password/tokenUrl")?.as_str());
    let path = |url: &str| match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map(|at| rest[at..].to_owned()),
        None => Some(format!("/{}", url.trim_start_matches("./").trim_start_matches('/'))),
    };
    urls.filter_map(path).collect()
}
