//! The HTTP interface of a service: checks that find what is planted and nothing else, on real servers on loopback.

mod asking;
mod checks;
mod serving;
mod shop;
mod signing_up;

use std::sync::Arc;

use tenon::api::client::Client;
use tenon::api::record::Recorder;
use tenon::api::spec::Spec;
use tenon::api::target::Target;
use tenon::api::test::{Mode, Options, Report, Surroundings, test};
use tokio_util::sync::CancellationToken;

use crate::support::ScriptedServer;

/// Runs checks on a server.
async fn check(server: &ScriptedServer, spec: &Spec, modes: &[Mode], options: &Options) -> Report {
    let client = client(server);
    let (recorder, cancel) = (Recorder::default(), CancellationToken::new());
    let quiet = |_: &str| {};
    let here =
        Surroundings { client: &client, spec, recorder: &recorder, queries: None, tell: &quiet, cancel: &cancel };
    test(here, modes, options).await
}

fn client(server: &ScriptedServer) -> Client {
    let target = Target::parse(&server.url()).unwrap();
    Client::new(&target, std::time::Duration::from_secs(10)).unwrap()
}

/// The checks that found something, each once, sorted.
fn found(report: &Report) -> Vec<&'static str> {
    let mut names: Vec<&str> = report.findings.iter().map(|finding| finding.check).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What a desk with nothing configured shares.
fn desk() -> Arc<tenon::api::desk::Desk> {
    let environment = [("API_TOKEN".to_owned(), "a-secret-of-the-test-LAST".to_owned())].into();
    Arc::new(tenon::api::desk::Desk::new(environment, tenon::config::ApiSettings::default(), None))
}
