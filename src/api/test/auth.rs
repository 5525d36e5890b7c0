//! Who may not, cannot: nothing, nonsense, old, forged and foreign credentials are refused.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::bench::Bench;
use super::contract;
use super::report::Severity;
use crate::api::auth::Credentials;
use crate::api::generate::{Fill, Generator};
use crate::api::message::Request;
use crate::api::sign_up::is_login;
use crate::api::spec::{Operation, Place, Validators};
use crate::api::token::{self, Token};

/// Credentials that must not work, in words; and those that cannot be made, with the reason.
struct Matrix {
    bad: Vec<(&'static str, Option<Credentials>)>,
    missing: Vec<String>,
}

pub(super) async fn run(bench: &mut Bench<'_>) {
    let (root, operations) = (bench.here.spec.root.clone(), bench.operations.clone());
    let validators = Validators::new(&root);
    contract::learn(bench, &root, &validators).await;
    let matrix = matrix(bench);
    for missing in &matrix.missing {
        bench.skip(format!("auth: {missing}"));
    }
    let mut guarded = 0;
    for operation in &operations {
        let mut make = Generator::new(&root, &validators, bench.seed(operation));
        guarded += usize::from(check(bench, operation, &mut make, &matrix).await);
    }
    if guarded == 0 {
        bench.note("auth: no operation is guarded, by the contract or in fact");
    }
}

async fn check(bench: &mut Bench<'_>, operation: &Operation, make: &mut Generator<'_>, matrix: &Matrix) -> bool {
    let documented = !operation.anonymous;
    let Ok(case) = bench.base(operation, Fill::Least, make) else {
        bench.skip(format!("auth {}: no valid request could be made", operation.name()));
        return false;
    };
    let request = case.request(operation);
    let Some(Ok(anonymous)) = bench.send_as_is(operation, &request).await else { return false };
    let guarded = documented || matches!(anonymous.status, 401 | 403);
    if !guarded || is_login(bench.here.spec, operation) {
        return false;
    }
    if !documented {
        bench.guarded_in_silence(operation, &request, &Ok(anonymous));
    }
    for (what, credentials) in &matrix.bad {
        let mut request = request.clone();
        if let Some(credentials) = credentials {
            credentials.apply(&mut request);
        }
        refused(bench, operation, what, &request).await;
    }
    if operation.path.contains('{') {
        foreign(bench, operation, &request).await;
    }
    bench.tell(operation, &format!("{} kinds of bad credentials", matrix.bad.len()));
    true
}

/// Sends a request that has to be refused.
async fn refused(bench: &mut Bench<'_>, operation: &Operation, what: &str, request: &Request) {
    let Some(outcome) = bench.send_as_is(operation, request).await else { return };
    let Ok(response) = &outcome else { return };
    match response.status {
        401 | 403 | 404 | 407 => bench.passed(),
        200..=399 => {
            let text = "lets in who has to be kept out".to_owned();
            bench.found(operation, ("auth-bypass", Severity::Failure), (what, text), request, &outcome);
        }
        500.. => {
            let text = format!("breaks on {what}");
            bench.found(operation, ("server-error", Severity::Failure), (what, text), request, &outcome);
        }
        status => {
            let text = format!("looks at the request before it looks at who asks: {status} in place of 401");
            bench.found(operation, ("auth-order", Severity::Warning), (what, text), request, &outcome);
        }
    }
}

/// What belongs to the one who asks is asked for by somebody else.
async fn foreign(bench: &mut Bench<'_>, operation: &Operation, request: &Request) {
    let Some(others) = bench.options.others.clone() else { return };
    // Only what is really there for its owner says something.
    let own = if request.is_safe() { bench.send(operation, request).await } else { None };
    let exists = matches!(&own, Some(Ok(response)) if response.succeeded());
    let learnt = operation.parameters_in(Place::Path).next().is_some();
    if request.is_safe() && !exists || !learnt {
        bench.skip(format!("auth {}: nothing of the first user is known there", operation.name()));
        return;
    }
    let mut theirs = request.clone();
    others.apply(&mut theirs);
    let Some(outcome) = bench.send_as_is(operation, &theirs).await else { return };
    match &outcome {
        Ok(response) if response.succeeded() => {
            let text = "gives somebody else an object of the first user".to_owned();
            bench.found(
                operation,
                ("foreign-object", Severity::Failure),
                ("another user's credentials", text),
                &theirs,
                &outcome,
            );
        }
        Ok(_) => bench.passed(),
        Err(_) => {}
    }
}

fn matrix(bench: &Bench<'_>) -> Matrix {
    let mut matrix = Matrix { bad: vec![("no credentials", None)], missing: Vec::new() };
    let place = bench.options.credentials.clone();
    let malformed = place.as_ref().map_or_else(
        || Credentials::Header("authorization".to_owned(), "Bearer not.a.token".to_owned()),
        |credentials| credentials.with_secret("not.a.token"),
    );
    matrix.bad.push(("malformed credentials", Some(malformed)));
    let Some(credentials) = place else {
        matrix.missing.push("expired, forged and foreign credentials: give `auth`".to_owned());
        return matrix;
    };
    let token = credentials.bearer().and_then(Token::read);
    let Some(token) = token else {
        matrix.bad.push(("a wrong key", Some(credentials.with_secret("wrong-key-0123456789abcdef"))));
        matrix
            .missing
            .push("expired, unsigned and misaddressed tokens: the credentials are no JSON web token".to_owned());
        return matrix;
    };
    tokens(&mut matrix, &credentials, &token, bench.options.signing_key.as_deref());
    if bench.options.others.is_none() {
        matrix.missing.push("objects of another user: give `other_auth`".to_owned());
    }
    matrix
}

fn tokens(matrix: &mut Matrix, credentials: &Credentials, token: &Token, key: Option<&str>) {
    let with = |text: String| Some(credentials.with_secret(&text));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let expired = changed(&token.claims, "exp", json!(now.saturating_sub(3_600)));
    let wrong_key = b"a key nobody has given";
    matrix.bad.push(("a token that another key signed", with(token::sign(&token.header, &token.claims, wrong_key))));
    matrix.bad.push(("a token with alg:none", with(token::unsigned(&token.claims))));
    matrix.bad.push((
        "a token whose claims were changed",
        with(token.with_claims(&changed(&token.claims, "admin", json!(true)))),
    ));
    match key.filter(|key| token.is_signed_by(key.as_bytes())) {
        Some(key) => {
            matrix.bad.push(("an expired token", with(token::sign(&token.header, &expired, key.as_bytes()))));
            if token.claims.get("aud").is_some() {
                let other = changed(&token.claims, "aud", json!("somebody-else"));
                matrix
                    .bad
                    .push(("a token for another audience", with(token::sign(&token.header, &other, key.as_bytes()))));
            } else {
                matrix.missing.push("a token for another audience: the token names none".to_owned());
            }
        }
        None if key.is_some() => {
            matrix.missing.push("an expired token: `signing_key_env` did not sign the token".to_owned());
        }
        None => matrix.missing.push("expired and misaddressed tokens: give `signing_key_env`".to_owned()),
    }
}

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}
