//! Checks of a running service against its contract, one file a mode.
//!
//! A run is decided by its seed: the same document, service and seed send the same requests in the same order. What
//! fails is reduced to a small request that still fails, and told once per (operation, check, status).

mod auth;
mod bench;
mod caching;
mod case;
mod checks;
mod contract;
mod errors;
mod growth;
mod known;
mod make;
mod negative;
mod paging;
mod rate;
mod report;
mod sample;
mod shrink;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::auth::{Credentials, Profile};
use super::client::Client;
use super::message::Request;
use super::record::Recorder;
use super::spec::Spec;

pub use checks::leak;
pub use report::{Finding, Report, Severity};
pub use sample::{Cost, Sample, cost, samples, stock};

/// Why an operation was not asked to the end.
pub const TIME_OVER: &str = "the time is over";
/// The same: only those who may are let in, and nobody said who.
pub const REFUSED: &str = "every request was refused; give `auth`";
/// The same: the service is gone.
pub const SILENT: &str = "the service answers no more";

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Valid requests: status, headers, content type and body as documented; what is absent is a 404.
    Contract,
    /// Invalid requests are refused, and nothing at the edge breaks the service.
    Negative,
    /// Who may not, cannot.
    Auth,
    /// Lists end, and their pages neither repeat nor skip.
    Paging,
    /// Too many requests are refused.
    RateLimit,
    /// What is cached says so, and an unchanged answer is a 304.
    Caching,
    /// Errors are structured and tell nothing of the inside.
    Errors,
}

impl Mode {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Negative => "negative",
            Self::Auth => "auth",
            Self::Paging => "paging",
            Self::RateLimit => "ratelimit",
            Self::Caching => "caching",
            Self::Errors => "errors",
        }
    }
}

/// How much is done, and as whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// The operations, as `GET /path`, `/path` or an operation id; all when empty.
    pub operations: Vec<String>,
    /// The most cases for an operation and mode.
    pub cases: usize,
    /// The most time for the whole run.
    pub time: Duration,
    /// The most requests a second.
    pub rate: Option<f64>,
    /// Decides every value.
    pub seed: u64,
    /// Who asks.
    pub credentials: Option<Credentials>,
    /// How these are come by, for the record.
    pub profile: Option<Profile>,
    /// Somebody else, whose objects the first one may not touch and the other way round.
    pub others: Option<Credentials>,
    /// The key that signs tokens, for tokens that are well signed and still not good.
    pub signing_key: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            operations: Vec::new(),
            cases: 100,
            time: Duration::from_secs(60),
            rate: None,
            seed: 1,
            credentials: None,
            profile: None,
            others: None,
            signing_key: None,
        }
    }
}

/// Tells how far a run is, in one line.
pub type Tell<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// What a run works with.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Sends the requests.
    pub client: &'a Client,
    /// The contract.
    pub spec: &'a Spec,
    /// Keeps exchanges.
    pub recorder: &'a Recorder,
    /// Counts the queries to a database that the service has told of so far, where its log is at hand.
    pub queries: Option<&'a (dyn Fn() -> usize + Send + Sync)>,
    /// Hears of progress.
    pub tell: Tell<'a>,
    /// Stops it.
    pub cancel: &'a CancellationToken,
}

/// The client below the path that the contract puts before its own, where the service has it.
pub async fn below(client: &Client, spec: &Spec) -> Client {
    let prefix = spec.prefix();
    if prefix.is_empty() || !client.target().prefix().is_empty() {
        return client.clone();
    }
    let below = client.below(prefix);
    let operations = spec.operations();
    for operation in operations.iter().filter(|operation| operation.method == "GET").take(5) {
        let request = Request::new("GET", operation.path.replace(['{', '}'], ""));
        for candidate in [&below, client] {
            if candidate.send(&request).await.is_ok_and(|response| response.status != 404) {
                return candidate.clone();
            }
        }
    }
    below
}

/// Runs the modes one after the other.
pub async fn test(here: Surroundings<'_>, modes: &[Mode], options: &Options) -> Report {
    let mut bench = bench::Bench::new(here, options);
    for mode in modes {
        bench.enter(*mode);
        match mode {
            Mode::Contract => contract::run(&mut bench).await,
            Mode::Negative => negative::run(&mut bench).await,
            Mode::Auth => auth::run(&mut bench).await,
            Mode::Paging => paging::run(&mut bench).await,
            Mode::RateLimit => rate::run(&mut bench).await,
            Mode::Caching => caching::run(&mut bench).await,
            Mode::Errors => errors::run(&mut bench).await,
        }
    }
    bench.finish()
}
