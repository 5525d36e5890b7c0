//! Two builds side by side: is one slower, or is it noise.
//!
//! Both are asked in short rounds that take turns, so that what else the machine does hits both alike. Each round
//! gives one difference; only when their interval of confidence leaves nothing out and the difference is large enough
//! to matter is it called a change.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Measured, Plan, Seen, Shape, run};
use crate::api::client::Client;
use crate::api::message::Request;

/// How the rounds go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rounds {
    /// Pairs of rounds.
    pub count: usize,
    /// How long one takes.
    pub time: Duration,
    /// Users at once.
    pub concurrency: usize,
}

impl Default for Rounds {
    fn default() -> Self {
        Self { count: 12, time: Duration::from_millis(400), concurrency: 2 }
    }
}

/// A difference below this is nobody's concern.
const MATTERS: f64 = 0.05;
/// As is one below a tenth of a millisecond.
const MATTERS_MS: f64 = 0.1;
/// How sure the interval is.
const CONFIDENCE: f64 = 0.96;
/// With fewer rounds no interval is that sure.
const LEAST_ROUNDS: usize = 6;

/// What the comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No difference that can be told from noise.
    NoMeasurableChange,
    /// The second one is slower.
    Slower,
    /// The second one is faster.
    Faster,
    /// Requests fail, or there were too few rounds.
    NotMeasured,
}

/// Two builds side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What it says.
    pub verdict: Verdict,
    /// The median of the second by the median of the first.
    pub ratio: f64,
    /// The interval the ratio is in, with 96 % confidence at the least.
    pub interval: (f64, f64),
    /// Pairs of rounds.
    pub rounds: usize,
    /// The first one.
    pub base: Measured,
    /// The second one.
    pub subject: Measured,
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |ratio: f64| (ratio - 1.0) * 100.0;
        let verdict = match self.verdict {
            Verdict::NoMeasurableChange => "no measurable change",
            Verdict::Slower => "slower",
            Verdict::Faster => "faster",
            Verdict::NotMeasured => "not measured",
        };
        write!(
            f,
            "{verdict}: median {:.2} ms, base {:.2} ms, {:+.1} % (96 % interval {:+.1} % to {:+.1} %, {} rounds)",
            self.subject.p50,
            self.base.p50,
            percent(self.ratio),
            percent(self.interval.0),
            percent(self.interval.1),
            self.rounds
        )
    }
}

/// Compares two services that answer the same requests.
pub async fn compare(
    base: &Client,
    subject: &Client,
    requests: &[Request],
    rounds: Rounds,
    cancel: &CancellationToken,
) -> Comparison {
    let shape = Shape::Closed { concurrency: rounds.concurrency };
    let plan = Plan { requests: requests.to_vec(), shape, time: rounds.time };
    let warm = Plan { time: rounds.time.max(Duration::from_millis(300)), ..plan.clone() };
    for client in [base, subject] {
        let _ = run(client, &warm, cancel).await;
    }
    let (mut medians, mut all) = (Vec::new(), [Seen::new(), Seen::new()]);
    let mut took = [Duration::ZERO; 2];
    for round in 0..rounds.count {
        if cancel.is_cancelled() {
            break;
        }
        // The order changes, lest who comes first always has the warmer machine.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        let mut median = [0.0; 2];
        for side in order {
            let begun = std::time::Instant::now();
            let Some(seen) = run([base, subject][side], &plan, cancel).await else { continue };
            took[side] += begun.elapsed();
            median[side] = seen.latencies.value_at_quantile(0.5) as f64 / 1e3;
            if let Some(all) = &mut all[side] {
                all.take(&seen);
            }
        }
        medians.push((median[0], median[1]));
    }
    let [base, subject] =
        [0, 1].map(|side| all[side].as_ref().map(|seen| seen.measured(took[side])).unwrap_or_default());
    judge(&medians, base, subject)
}

fn judge(medians: &[(f64, f64)], base: Measured, subject: Measured) -> Comparison {
    let differences: Vec<f64> =
        medians.iter().filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| (b / a).ln()).collect();
    let count = differences.len();
    let mut comparison = Comparison {
        verdict: Verdict::NotMeasured,
        ratio: 1.0,
        interval: (0.0, f64::MAX),
        rounds: count,
        base,
        subject,
    };
    if count < LEAST_ROUNDS || !comparison.base.ok() || !comparison.subject.ok() {
        return comparison;
    }
    let mut sorted = differences;
    sorted.sort_by(f64::total_cmp);
    let cut = outermost(count);
    comparison.ratio = middle(&sorted).exp();
    comparison.interval = (sorted[cut].exp(), sorted[count - 1 - cut].exp());
    let mut apart: Vec<f64> = medians.iter().map(|(a, b)| b - a).collect();
    apart.sort_by(f64::total_cmp);
    let typical = middle(&apart);
    let matters = (comparison.ratio - 1.0).abs() >= MATTERS && typical.abs() >= MATTERS_MS;
    comparison.verdict = match (matters, comparison.interval) {
        (true, (low, _)) if low > 1.0 => Verdict::Slower,
        (true, (_, high)) if high < 1.0 => Verdict::Faster,
        _ => Verdict::NoMeasurableChange,
    };
    comparison
}

/// The middle one of sorted values.
fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(half)) {
        (_, None) => 0.0,
        (0, Some(upper)) => f64::midpoint(sorted[half - 1], *upper),
        (_, Some(middle)) => *middle,
    }
}

/// How many of the smallest and of the largest differences may be left out so that the median is still between what
/// remains with [`CONFIDENCE`]. Ranks need no bell curve, and one round in which the machine was busy decides nothing.
fn outermost(count: usize) -> usize {
    let mut tail = 0.0;
    let mut chance = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    for left_out in 0..count / 2 {
        tail += 2.0 * chance;
        if tail > 1.0 - CONFIDENCE {
            return left_out.saturating_sub(1);
        }
        chance *= (count - left_out) as f64 / (left_out + 1) as f64;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        Measured { requests: 100, ..Measured::default() }
    }

    #[test]
    fn noise_is_no_change_and_a_shift_is() {
        let noise = |shift: f64, spread: f64| -> Vec<(f64, f64)> {
            (0..10).map(|n| (10.0, (10.0 + shift) * (1.0 + spread * (f64::from(n % 5) - 2.0) / 2.0))).collect()
        };
        for (medians, expected) in [
            (noise(0.0, 0.1), Verdict::NoMeasurableChange),
            (noise(0.3, 0.01), Verdict::NoMeasurableChange),
            (noise(1.0, 0.03), Verdict::Slower),
            (noise(-1.0, 0.03), Verdict::Faster),
            (noise(1.0, 0.6), Verdict::NoMeasurableChange),
            // One busy moment is no reason to see no change where every other round shows one.
            ([noise(1.0, 0.03), vec![(30.0, 11.0); 1], noise(1.0, 0.03)].concat(), Verdict::Slower),
            (vec![(10.0, 20.0); 3], Verdict::NotMeasured),
            (vec![(0.1, 0.15); 10], Verdict::NoMeasurableChange),
        ] {
            let found = judge(&medians, measured(), measured());
            assert_eq!(found.verdict, expected, "{medians:?}: {found}");
        }
        let broken = Measured { errors: 50, ..measured() };
        assert_eq!(judge(&noise(0.0, 0.01), measured(), broken).verdict, Verdict::NotMeasured);
        assert_eq!([6, 10, 12, 20].map(outermost), [0, 1, 2, 4]);
    }
}
