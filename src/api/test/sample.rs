//! One request for every operation that only looks, such that the service answers it.

use super::bench::Bench;
use super::growth;
use super::paging::items;
use super::{Mode, Options, Surroundings, contract};
use crate::api::client::Client;
use crate::api::generate::{Fill, Generator};
use crate::api::message::Request;
use crate::api::spec::{Operation, Validators};

/// A request that is answered.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The operation, as `GET /path`.
    pub operation: String,
    /// The request, with the credentials of who asks.
    pub request: Request,
}

/// What a request costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Queries to a database, as far as they are told of.
    pub queries: usize,
    /// Items of the list that it is answered with; 0 for no list.
    pub rows: usize,
}

/// Makes them; names are taken from what lists answer. Besides: what was not answered well, and how, in a line each.
pub async fn samples(here: Surroundings<'_>, options: &Options) -> (Vec<Sample>, Vec<String>) {
    let mut bench = Bench::new(here, options);
    bench.enter(Mode::Contract);
    let (root, operations) = (here.spec.root.clone(), bench.operations.clone());
    let validators = Validators::new(&root);
    contract::learn(&mut bench, &root, &validators).await;
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for operation in operations.iter().filter(|operation| operation.method == "GET") {
        let mut make = Generator::new(&root, &validators, bench.seed(operation));
        let Ok(case) = bench.base(operation, Fill::Least, &mut make) else { continue };
        let mut request = case.request(operation);
        let Some(answer) = bench.send(operation, &request).await else { break };
        match answer {
            Ok(response) if response.succeeded() => {}
            Ok(response) => {
                let begins = crate::text::head(&response.text(), 200).trim().to_owned();
                failed.push(format!("{}: {} {begins}", operation.name(), response.status));
                continue;
            }
            Err(error) => {
                failed.push(format!("{}: {error}", operation.name()));
                continue;
            }
        }
        if let Some(credentials) = &options.credentials {
            credentials.apply(&mut request);
        }
        found.push(Sample { operation: operation.name(), request });
    }
    (found, failed)
}

/// How many of each thing are made, so that a list of them is long enough to tell what a row costs.
const STOCK: usize = 8;

/// Makes some of everything that can be made without naming anything else. The same seed makes the same.
pub async fn stock(here: Surroundings<'_>, options: &Options) {
    let mut bench = Bench::new(here, options);
    bench.enter(Mode::Contract);
    let (root, operations) = (here.spec.root.clone(), bench.operations.clone());
    let validators = Validators::new(&root);
    let leaves = |operation: &&Operation| {
        let path = operation.path.to_ascii_lowercase();
        ["logout", "signout", "sign-out", "revoke", "delete"].iter().any(|word| path.contains(word))
    };
    let makes = |operation: &&Operation| operation.method == "POST" && !operation.path.contains('{');
    for operation in operations.iter().filter(makes).filter(|operation| !leaves(operation)) {
        let mut make = Generator::new(&root, &validators, bench.seed(operation));
        for _ in 0..STOCK {
            let Ok(case) = bench.base(operation, Fill::Least, &mut make) else { break };
            let Some(Ok(response)) = bench.send(operation, &case.request(operation)).await else { break };
            if !response.succeeded() {
                break;
            }
        }
    }
}

/// What one request costs, by what the service tells of its queries. `None` when it is not answered well.
pub async fn cost(client: &Client, request: &Request, queries: &(dyn Fn() -> usize + Send + Sync)) -> Option<Cost> {
    let before = growth::settled(queries).await;
    let response = client.send(request).await.ok().filter(|response| response.succeeded())?;
    let rows = items(&response).map_or(0, |items| items.len());
    Some(Cost { queries: growth::settled(queries).await.saturating_sub(before), rows })
}
