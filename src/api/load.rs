//! Load: how fast a service answers, how much it takes, and whether one build is slower than another.
//!
//! Latency is measured from the moment a request was meant to be sent, so a service that stalls cannot hide the
//! requests it kept waiting. Everything has an upper end: time, requests, concurrency, rate.

mod compare;
mod ramp;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::message::Request;

pub use compare::{Compared, Comparison, Rounds, Verdict, compare};
pub use ramp::{Knee, ramp};

/// The longest measurement.
pub const MOST_TIME: Duration = Duration::from_secs(120);
/// The most requests of a measurement.
pub const MOST_REQUESTS: u64 = 500_000;
/// The most requests under way at once.
pub const MOST_CONCURRENCY: usize = 256;
/// The most requests a second.
pub const MOST_RATE: f64 = 20_000.0;

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// As many users, each of whom waits for an answer before asking again.
    Closed {
        /// Users.
        concurrency: usize,
    },
    /// As many requests a second, whether answers come or not.
    Open {
        /// Requests a second.
        rate: f64,
    },
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The requests, in turn.
    pub requests: Vec<Request>,
    /// How they follow each other.
    pub shape: Shape,
    /// For how long.
    pub time: Duration,
}

/// What was measured. Latencies in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measured {
    /// Requests that were answered or failed.
    pub requests: u64,
    /// Those without an answer, and those answered with 5xx.
    pub errors: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Seconds it took.
    pub seconds: f64,
    /// Requests a second.
    pub rate: f64,
    /// Half were faster.
    pub p50: f64,
    /// 95 of 100 were faster.
    pub p95: f64,
    /// 99 of 100 were faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
    /// Why the first one failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
}

impl Measured {
    /// Whether it says something: a service that fails quickly is not fast.
    pub fn ok(&self) -> bool {
        self.requests > 0 && self.errors * 100 <= self.requests
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} requests in {:.1} s, {:.0}/s, p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, max {:.1} ms, {} errors",
            self.requests, self.seconds, self.rate, self.p50, self.p95, self.p99, self.max, self.errors
        )?;
        match &self.first_error {
            Some(error) => write!(f, " ({error})"),
            None => Ok(()),
        }
    }
}

/// What one worker saw.
struct Seen {
    latencies: Histogram<u32>,
    statuses: BTreeMap<u16, u64>,
    errors: u64,
    first_error: Option<String>,
    /// When the last answer came; what is done with the figures afterwards takes no part of the time.
    last: Instant,
}

impl Seen {
    fn new() -> Option<Self> {
        // Microseconds up to a minute, three digits.
        let latencies = Histogram::new_with_bounds(1, 60_000_000, 3).ok()?;
        Some(Self { latencies, statuses: BTreeMap::new(), errors: 0, first_error: None, last: Instant::now() })
    }

    fn take(&mut self, other: &Self) {
        let _ = self.latencies.add(&other.latencies);
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.errors += other.errors;
        self.last = self.last.max(other.last);
        self.first_error = self.first_error.take().or_else(|| other.first_error.clone());
    }

    fn measured(&self, took: Duration) -> Measured {
        let ms = |micros: u64| micros as f64 / 1e3;
        let requests = self.latencies.len();
        Measured {
            requests,
            errors: self.errors,
            statuses: self.statuses.clone(),
            seconds: took.as_secs_f64(),
            rate: requests as f64 / took.as_secs_f64().max(1e-9),
            p50: ms(self.latencies.value_at_quantile(0.5)),
            p95: ms(self.latencies.value_at_quantile(0.95)),
            p99: ms(self.latencies.value_at_quantile(0.99)),
            max: ms(self.latencies.max()),
            first_error: self.first_error.clone(),
        }
    }
}

/// Measures.
pub async fn measure(client: &Client, plan: &Plan, cancel: &CancellationToken) -> Measured {
    let begun = Instant::now();
    let seen = run(client, plan, cancel).await;
    seen.map(|seen| seen.measured(seen.last.saturating_duration_since(begun))).unwrap_or_default()
}

async fn run(client: &Client, plan: &Plan, cancel: &CancellationToken) -> Option<Seen> {
    if plan.requests.is_empty() {
        return None;
    }
    let (workers, rate) = match plan.shape {
        Shape::Closed { concurrency } => (concurrency.clamp(1, MOST_CONCURRENCY), None),
        Shape::Open { rate } => {
            let rate = rate.clamp(0.1, MOST_RATE);
            // Enough for answers that take a second, within what a machine has of sockets.
            ((rate.ceil() as usize).clamp(1, MOST_CONCURRENCY), Some(rate))
        }
    };
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let end = begun + plan.time.min(MOST_TIME);
    let requests: Arc<[Request]> = Arc::from(plan.requests.clone());
    let work = (0..workers).map(|_| {
        let (client, requests, next, cancel) =
            (client.clone(), Arc::clone(&requests), Arc::clone(&next), cancel.clone());
        tokio::spawn(async move { worker(&client, &requests, &next, rate, begun, end, &cancel).await })
    });
    let mut all = Seen { last: begun, ..Seen::new()? };
    for seen in join_all(work).await.into_iter().flatten().flatten() {
        all.take(&seen);
    }
    Some(all)
}

async fn worker(
    client: &Client,
    requests: &[Request],
    next: &AtomicU64,
    rate: Option<f64>,
    begun: Instant,
    end: Instant,
    cancel: &CancellationToken,
) -> Option<Seen> {
    let mut seen = Seen { last: begun, ..Seen::new()? };
    while Instant::now() < end && !cancel.is_cancelled() {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= MOST_REQUESTS {
            break;
        }
        let intended = match rate {
            None => Instant::now(),
            Some(rate) => {
                let intended = begun + Duration::from_secs_f64(number as f64 / rate);
                if intended >= end {
                    break;
                }
                tokio::time::sleep_until(intended.into()).await;
                intended
            }
        };
        let index = usize::try_from(number).unwrap_or_default() % requests.len();
        let outcome = client.send(&requests[index]).await;
        let micros = u64::try_from(intended.elapsed().as_micros()).unwrap_or(u64::MAX).clamp(1, 60_000_000);
        let _ = seen.latencies.record(micros);
        seen.last = Instant::now();
        match outcome {
            Ok(response) => {
                *seen.statuses.entry(response.status).or_default() += 1;
                if response.status >= 500 {
                    seen.errors += 1;
                    seen.first_error.get_or_insert_with(|| format!("status {}", response.status));
                }
            }
            Err(error) => {
                seen.errors += 1;
                seen.first_error.get_or_insert_with(|| error.to_string());
                // A service that is gone is not asked as fast as the machine can.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    Some(seen)
}
