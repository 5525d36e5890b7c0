//! Too many requests are refused, and told when to come again.

use futures_util::future::join_all;

use super::bench::Bench;
use super::report::Severity;
use crate::api::generate::{Fill, Generator};
use crate::api::spec::Validators;

/// Requests of one burst; more would be an attack.
const BURST: usize = 200;
const AT_ONCE: usize = 20;

/// Sends bursts at one operation, the first that only looks.
pub(super) async fn run(bench: &mut Bench<'_>) {
    let (root, operations) = (bench.here.spec.root.clone(), bench.operations.clone());
    let validators = Validators::new(&root);
    let named = !bench.options.operations.is_empty();
    let Some(operation) = operations.iter().find(|operation| named || operation.method == "GET") else {
        bench.skip("ratelimit: no operation that only looks; name one");
        return;
    };
    let mut make = Generator::new(&root, &validators, bench.seed(operation));
    let Ok(case) = bench.base(operation, Fill::Least, &mut make) else {
        bench.skip(format!("ratelimit {}: no valid request could be made", operation.name()));
        return;
    };
    let mut request = case.request(operation);
    if let Some(credentials) = &bench.options.credentials {
        credentials.apply(&mut request);
    }
    let most = bench.options.cases.clamp(AT_ONCE, BURST);
    let mut sent = 0;
    while sent < most && !bench.over() {
        let client = bench.here.client.clone();
        let mut burst = Vec::new();
        for _ in 0..AT_ONCE {
            burst.push(client.send(&request));
        }
        let answers = join_all(burst).await;
        sent += AT_ONCE;
        bench.sent(AT_ONCE);
        let limited = answers.into_iter().flatten().find(|response| response.status == 429);
        let Some(response) = limited else { continue };
        let told =
            ["retry-after", "ratelimit-reset", "x-ratelimit-reset"].iter().any(|name| response.header(name).is_some());
        bench.note(format!("ratelimit {}: 429 within {sent} requests", operation.name()));
        if told {
            bench.passed();
        } else {
            let text = "a 429 does not say when to come again: no Retry-After".to_owned();
            bench.found(
                operation,
                ("retry-after", Severity::Warning),
                ("a burst of requests", text),
                &request,
                &Ok(response),
            );
        }
        return;
    }
    let outcome = bench.send_as_is(operation, &request).await;
    if let Some(outcome) = outcome {
        let text = format!("takes {sent} requests in a burst without a 429");
        bench.found(operation, ("no-rate-limit", Severity::Warning), ("a burst of requests", text), &request, &outcome);
    }
}
