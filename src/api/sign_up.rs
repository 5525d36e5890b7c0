//! Being let in without being told how: signing up and logging in as a stranger does it, by the operations of the
//! contract that are made for that. Only for a service that was started here on data that is thrown away.

mod find;
mod forms;

use serde_json::Value;

use super::auth::Credentials;
use super::client::Client;
use super::message::{Request, Response};
use super::spec::{Operation, Spec};

use find::{Door, doors};
use forms::{Identity, request};

/// Requests that are asked without credentials to find one that is guarded.
const PROBES: usize = 12;
/// Where tokens are put that no scheme of the contract describes.
const USUAL_HEADERS: [&str; 2] = ["x-access-token", "x-auth-token"];
/// What answers call a token, the likeliest first.
const TOKENS: [&str; 12] = [
    "access_token",
    "accessToken",
    "access",
    "token",
    "auth_token",
    "authToken",
    "jwt",
    "id_token",
    "idToken",
    "bearer",
    "api_key",
    "apiKey",
];

/// Somebody who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// What they show.
    pub credentials: Credentials,
    /// What somebody else shows, who signed up as well.
    pub others: Option<Credentials>,
    /// How it was done, in words.
    pub how: String,
}

/// Signs two users up, where something is guarded and the contract says how to get in. `None` where nothing is guarded
/// or where nobody gets in this way.
pub async fn sign_up(client: &Client, spec: &Spec) -> Option<Entered> {
    let operations = spec.operations();
    let doors = doors(spec, &operations);
    if doors.is_empty() {
        return None;
    }
    let guarded = guarded(client, &operations).await;
    if guarded.is_empty() {
        return None;
    }
    let visit = Visit { client, spec, operations: &operations, doors: &doors, guarded: &guarded };
    let (credentials, how) = visit.enter(&Identity::numbered(1)).await?;
    let others = visit.enter(&Identity::numbered(2)).await.map(|(credentials, _)| credentials);
    Some(Entered { others: others.filter(|others| *others != credentials), credentials, how })
}

/// How many operations of a contract let strangers in.
pub fn entrances(spec: &Spec) -> usize {
    doors(spec, &spec.operations()).len()
}

/// Whether an operation is where strangers log in: that it refuses who does not know the password guards nothing.
pub fn is_login(spec: &Spec, operation: &Operation) -> bool {
    operation.method == "POST"
        && doors(spec, std::slice::from_ref(operation))
            .iter()
            .any(|door| door.is_login() && door.name == operation.name())
}

/// Requests that only look and that nobody is allowed who does not say who it is.
async fn guarded(client: &Client, operations: &[Operation]) -> Vec<Request> {
    let mut looks: Vec<&Operation> = operations.iter().filter(|operation| operation.method == "GET").collect();
    looks.sort_by_key(|operation| (operation.anonymous, operation.path.matches('{').count()));
    let mut found = Vec::new();
    for operation in looks.into_iter().take(PROBES) {
        let request = Request::new("GET", forms::filled(&operation.path));
        if client.send(&request).await.is_ok_and(|response| matches!(response.status, 401 | 403)) {
            found.push(request);
        }
    }
    found
}

/// What one attempt works with.
struct Visit<'a> {
    client: &'a Client,
    spec: &'a Spec,
    operations: &'a [Operation],
    doors: &'a [Door],
    guarded: &'a [Request],
}

impl Visit<'_> {
    /// Credentials that open what is guarded, and how they were come by.
    async fn enter(&self, who: &Identity) -> Option<(Credentials, String)> {
        let mut signed = None;
        for door in self.doors.iter().filter(|door| !door.is_login()) {
            let Some(response) = self.ask(door, who).await else { continue };
            // Who is known already may still log in.
            if response.succeeded() || matches!(response.status, 301..=303 | 409) {
                signed = Some(&door.name);
                if let Some(credentials) = self.shown(&response).await {
                    return Some((credentials, format!("signed up by {}", door.name)));
                }
                break;
            }
        }
        for door in self.doors.iter().filter(|door| door.is_login()) {
            for name in who.names() {
                let Some(response) = self.ask(door, &who.called(name)).await else { continue };
                if let Some(credentials) = self.shown(&response).await {
                    let up = signed.map(|up| format!("signed up by {up}, ")).unwrap_or_default();
                    return Some((credentials, format!("{up}logged in by {}", door.name)));
                }
            }
        }
        None
    }

    async fn ask(&self, door: &Door, who: &Identity) -> Option<Response> {
        let request = request(self.spec, self.operations, door, who)?;
        self.client.send(&request).await.ok()
    }

    /// The credentials an answer holds, when they open something.
    async fn shown(&self, response: &Response) -> Option<Credentials> {
        if !(response.succeeded() || matches!(response.status, 301..=303)) {
            return None;
        }
        let token = response.json().and_then(|body| token(&body));
        let mut candidates = token.map(|token| written(self.spec, &token)).unwrap_or_default();
        candidates.extend(cookies(response));
        for credentials in candidates {
            if self.opens(&credentials).await {
                return Some(credentials);
            }
        }
        None
    }

    async fn opens(&self, credentials: &Credentials) -> bool {
        for request in self.guarded {
            let mut request = request.clone();
            credentials.apply(&mut request);
            let answer = self.client.send(&request).await;
            if answer.is_ok_and(|response| response.status < 500 && !matches!(response.status, 401 | 403)) {
                return true;
            }
        }
        false
    }
}

/// The token somewhere in an answer.
fn token(body: &Value) -> Option<String> {
    fn named<'v>(value: &'v Value, name: &str, depth: usize) -> Option<&'v str> {
        let map = value.as_object()?;
        let own = map.get(name).and_then(|found| found.as_str().or_else(|| found.get("token")?.as_str()));
        own.or_else(|| map.values().filter(|_| depth > 0).find_map(|inner| named(inner, name, depth - 1)))
    }
    let found = TOKENS.iter().find_map(|name| named(body, name, 3)).or_else(|| body.as_str());
    found.map(str::trim).filter(|token| token.len() >= 8 && !token.contains(char::is_whitespace)).map(str::to_owned)
}

/// The ways a token may have to be shown: as the contract says, then as is usual.
fn written(spec: &Spec, token: &str) -> Vec<Credentials> {
    let authorization = |value: String| Credentials::Header("authorization".to_owned(), value);
    let mut found = Vec::new();
    for scheme in find::schemes(spec) {
        match (scheme["type"].as_str(), scheme["in"].as_str(), scheme["name"].as_str()) {
            (Some("apiKey"), Some("header"), Some(name)) if name.eq_ignore_ascii_case("authorization") => {}
            (Some("apiKey"), Some("header"), Some(name)) => {
                found.push(Credentials::Header(name.to_ascii_lowercase(), token.to_owned()));
            }
            (Some("apiKey"), Some("query"), Some(name)) => {
                found.push(Credentials::Query(name.to_owned(), token.to_owned()));
            }
            (Some("apiKey"), Some("cookie"), Some(name)) => {
                found.push(Credentials::Header("cookie".to_owned(), format!("{name}={token}")));
            }
            _ => {}
        }
    }
    found.extend(["Bearer ", "Token ", ""].map(|scheme| authorization(format!("{scheme}{token}"))));
    found.extend(USUAL_HEADERS.map(|name| Credentials::Header(name.to_owned(), token.to_owned())));
    found
}

/// The cookies an answer sets, all of them in one header.
fn cookies(response: &Response) -> Option<Credentials> {
    let set = response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let pairs: Vec<&str> = set.filter_map(|(_, value)| value.split(';').next()).map(str::trim).collect();
    (!pairs.is_empty()).then(|| Credentials::Header("cookie".to_owned(), pairs.join("; ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_found_wherever_an_answer_puts_it() {
        for (body, expected) in [
            (json!({"access_token": "abcdefgh1", "token_type": "bearer"}), Some("abcdefgh1")),
            (json!({"user": {"email": "a@b", "token": "abcdefgh2"}}), Some("abcdefgh2")),
            (json!({"data": {"tokens": {"access": {"token": "abcdefgh3", "expires": "x"}}}}), Some("abcdefgh3")),
            (json!({"refresh": "zzzzzzzzz", "access": "abcdefgh4"}), Some("abcdefgh4")),
            (json!("abcdefgh5"), Some("abcdefgh5")),
            (json!({"token": "short"}), None),
            (json!({"message": "you are registered now"}), None),
            (json!([1]), None),
        ] {
            assert_eq!(token(&body).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn cookies_of_an_answer_are_shown_together() {
        let header = |value: &str| ("set-cookie".to_owned(), value.to_owned());
        let mut response = Response { status: 200, ..Response::default() };
        assert_eq!(cookies(&response), None);
        response.headers = vec![header("sid=1; Path=/; HttpOnly"), header("csrf=2")];
        assert_eq!(cookies(&response), Some(Credentials::Header("cookie".to_owned(), "sid=1; csrf=2".to_owned())));
    }
}
