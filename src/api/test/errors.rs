//! Errors are structured, and tell nothing of the inside.

use super::bench::Bench;
use super::checks::{beginning, leak, of_express};
use super::report::Severity;
use crate::api::generate::{Fill, Generator};
use crate::api::message::{Request, Response, is_json};
use crate::api::spec::{Operation, Validators};

pub(super) async fn run(bench: &mut Bench<'_>) {
    let (root, operations) = (bench.here.spec.root.clone(), bench.operations.clone());
    let validators = Validators::new(&root);
    let mut nowhere = false;
    for operation in &operations {
        let mut make = Generator::new(&root, &validators, bench.seed(operation));
        let Ok(case) = bench.base(operation, Fill::Least, &mut make) else {
            bench.skip(format!("errors {}: no valid request could be made", operation.name()));
            continue;
        };
        let request = case.request(operation);
        for (what, request) in provoking(operation, &request, std::mem::replace(&mut nowhere, true)) {
            let Some(outcome) = bench.send(operation, &request).await else { return };
            check(bench, operation, what, &request, &outcome);
        }
        refused_method(bench, operation, &request).await;
        bench.tell(operation, "errors provoked");
    }
}

/// A method nobody uses for anything: who refuses it by 405 has to say which ones there are.
async fn refused_method(bench: &mut Bench<'_>, operation: &Operation, request: &Request) {
    let mut odd = Request::new("TRACE", request.url.as_str());
    odd.headers.clone_from(&request.headers);
    odd.remove_header("content-type");
    let Some(outcome) = bench.send(operation, &odd).await else { return };
    match &outcome {
        Ok(response) if response.status == 405 && response.header("allow").is_none() => {
            let text = "a 405 does not say which methods there are: no Allow".to_owned();
            bench.found(operation, ("allow", Severity::Warning), ("the method TRACE", text), &odd, &outcome);
        }
        Ok(response) if response.status == 405 => bench.passed(),
        _ => {}
    }
}

/// Requests that have to end in an error.
fn provoking(operation: &Operation, request: &Request, nowhere_tried: bool) -> Vec<(&'static str, Request)> {
    let mut requests = Vec::new();
    if !nowhere_tried {
        requests.push(("a path that does not exist", Request::new("GET", "/no-such-path-7f3a9c")));
    }
    if let Some((_, value)) = operation.path.split_once('{').filter(|_| request.is_safe()) {
        let _ = value;
        let (above, _) = request.url.rsplit_once('/').unwrap_or_default();
        requests.push(("a name that cannot exist", Request::new("GET", format!("{above}/%27%22%3C%3E%00-no"))));
    }
    if request.body.is_some() {
        let mut broken = request.clone();
        broken.body = Some(b"{\"broken\": ".to_vec());
        broken.set_header("content-type", "application/json");
        requests.push(("JSON that is cut off", broken));
        let mut plain = request.clone();
        plain.body = Some(b"plain words".to_vec());
        plain.set_header("content-type", "text/plain");
        requests.push(("plain text", plain));
    }
    requests
}

fn check(
    bench: &mut Bench<'_>,
    operation: &Operation,
    what: &str,
    request: &Request,
    outcome: &Result<Response, String>,
) {
    let Ok(response) = outcome else { return };
    let before = [
        (response.status >= 500)
            .then(|| ("server-error", Severity::Failure, format!("breaks on {what}: {}", beginning(response)))),
        leak(&response.text()).map(|shown| {
            let severity = if of_express(response) { Severity::Warning } else { Severity::Failure };
            ("leak", severity, format!("the error shows the inside of the service: {shown}"))
        }),
        shapeless(response).map(|why| ("error-body", Severity::Warning, why)),
    ];
    let mut fine = true;
    for (check, severity, text) in before.into_iter().flatten() {
        fine = false;
        bench.found(operation, (check, severity), (what, text), request, outcome);
    }
    if fine {
        bench.passed();
    }
}

/// Why the body of an error is of no use to a program.
fn shapeless(response: &Response) -> Option<String> {
    if response.status < 400 {
        return None;
    }
    let media = response.media_type().unwrap_or_default();
    if !is_json(&media) {
        let is = if media.is_empty() { "nothing" } else { &media };
        return Some(format!("an error is {is}, not structured"));
    }
    match response.json() {
        Some(serde_json::Value::Object(map)) if !map.is_empty() => None,
        Some(_) => Some("an error is no object with a message".to_owned()),
        None => Some("an error says it is JSON, but is not".to_owned()),
    }
}
