//! The knee: how much a service takes before it becomes slow.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{MOST_RATE, Measured, Plan, Shape, measure};
use crate::api::client::Client;
use crate::api::message::Request;

/// A step of the ramp.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Requests a second that were asked for.
    pub asked: f64,
    /// What came of it.
    pub measured: Measured,
}

/// Where a service becomes slow.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Knee {
    /// The most requests a second that were answered as asked; 0 when even the first step was too much.
    pub rate: f64,
    /// Why the next step was too much; `None` when the end of the ramp came first.
    pub why: Option<String>,
    /// Every step.
    pub steps: Vec<Step>,
}

/// Asks for more and more until answers come late, fail, or do not keep up.
pub async fn ramp(
    client: &Client,
    requests: &[Request],
    first: f64,
    step: Duration,
    cancel: &CancellationToken,
) -> Knee {
    let mut knee = Knee::default();
    let mut asked = first.max(1.0);
    while asked <= MOST_RATE && !cancel.is_cancelled() {
        let plan = Plan { requests: requests.to_vec(), shape: Shape::Open { rate: asked }, time: step };
        let measured = measure(client, &plan, cancel).await;
        let why = too_much(asked, &measured, knee.steps.first().map(|step| &step.measured));
        knee.steps.push(Step { asked, measured });
        if why.is_some() {
            knee.why = why;
            break;
        }
        knee.rate = asked;
        asked *= if knee.steps.len() < 6 { 2.0 } else { 1.5 };
    }
    knee
}

fn too_much(asked: f64, measured: &Measured, first: Option<&Measured>) -> Option<String> {
    if !measured.ok() {
        let error = measured.first_error.clone().unwrap_or_else(|| "nothing was answered".to_owned());
        return Some(format!("{} of {} requests failed: {error}", measured.errors, measured.requests));
    }
    if measured.rate < asked * 0.85 {
        return Some(format!("{:.0}/s were answered of {asked:.0}/s", measured.rate));
    }
    let usual = first.map_or(f64::MAX, |first| (first.p95 * 10.0).max(50.0));
    (measured.p95 > usual).then(|| format!("p95 rose to {:.0} ms", measured.p95))
}
