//! What is cached says so, and an unchanged answer is a 304.

use super::bench::Bench;
use super::report::Severity;
use crate::api::generate::{Fill, Generator};
use crate::api::message::{Request, Response};
use crate::api::spec::{Operation, Validators};

pub(super) async fn run(bench: &mut Bench<'_>) {
    let (root, operations) = (bench.here.spec.root.clone(), bench.operations.clone());
    let validators = Validators::new(&root);
    super::contract::learn(bench, &root, &validators).await;
    let mut silent: Vec<String> = Vec::new();
    let readers: Vec<&Operation> = operations.iter().filter(|operation| operation.method == "GET").collect();
    for operation in readers {
        let mut make = Generator::new(&root, &validators, bench.seed(operation));
        let Ok(case) = bench.base(operation, Fill::Least, &mut make) else { continue };
        let request = case.request(operation);
        let Some(Ok(first)) = bench.send(operation, &request).await else { return };
        if !first.succeeded() {
            bench.skip(format!("caching {}: answers {}", operation.name(), first.status));
            continue;
        }
        shared(bench, operation, &request, &first);
        match (first.header("etag").map(str::to_owned), first.header("last-modified").map(str::to_owned)) {
            (Some(tag), _) => {
                conditional(bench, operation, &request, ("if-none-match", &tag)).await;
                stable(bench, operation, &request, &first, &tag).await;
            }
            (None, Some(date)) => conditional(bench, operation, &request, ("if-modified-since", &date)).await,
            (None, None) if first.header("cache-control").is_none() => silent.push(operation.path.clone()),
            (None, None) => bench.passed(),
        }
        bench.tell(operation, "asked twice");
    }
    // Nobody is obliged to, so it is no finding.
    if !silent.is_empty() {
        let paths = silent.join(", ");
        bench.note(format!("caching: no Cache-Control, ETag or Last-Modified on {paths}"));
    }
}

/// What is for one user only must not be kept by what stands between.
fn shared(bench: &mut Bench<'_>, operation: &Operation, request: &Request, first: &Response) {
    let control = first.header("cache-control").unwrap_or_default().to_ascii_lowercase();
    let public = control.contains("public") || control.contains("s-maxage");
    let personal = bench.options.credentials.is_some() && !operation.anonymous || first.header("set-cookie").is_some();
    if public && personal {
        let text = format!("is for one user only, but says `cache-control: {control}`");
        bench.found(
            operation,
            ("shared-cache", Severity::Failure),
            ("a valid request", text),
            request,
            &Ok(first.clone()),
        );
    }
}

async fn conditional(bench: &mut Bench<'_>, operation: &Operation, request: &Request, (name, value): (&str, &str)) {
    let mut again = request.clone();
    again.set_header(name, value);
    let Some(outcome) = bench.send(operation, &again).await else { return };
    match &outcome {
        Ok(response) if response.status == 304 && response.body.is_empty() => bench.passed(),
        Ok(response) => {
            let text = format!("answers {} to `{name}` with what it gave before, not 304", response.status);
            bench.found(operation, ("not-modified", Severity::Failure), ("the same again", text), &again, &outcome);
        }
        Err(_) => {}
    }
}

/// The same bytes have the same tag, other bytes another.
async fn stable(bench: &mut Bench<'_>, operation: &Operation, request: &Request, first: &Response, tag: &str) {
    let Some(outcome) = bench.send(operation, request).await else { return };
    let Ok(second) = &outcome else { return };
    let same = second.body == first.body;
    if same != (second.header("etag") == Some(tag)) {
        let how = if same { "the same answer has another ETag" } else { "another answer has the same ETag" };
        bench.found(operation, ("etag", Severity::Failure), ("the same again", how.to_owned()), request, &outcome);
    } else {
        bench.passed();
    }
}
