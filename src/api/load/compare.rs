//! Two builds side by side: is one slower, or is it noise.
//!
//! Every request is asked of both in short rounds that take turns, so that what else the machine does hits both alike.
//! Each round gives one difference; only when their interval of confidence leaves nothing out and the difference is
//! large enough to matter is it called a change. Each request is judged by itself: one slow handler among five would
//! not move the median of all.

mod verdict;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Measured, Plan, Seen, Shape, run};
use crate::api::client::Client;
use crate::api::message::Request;

pub use verdict::{Compared, Comparison, Verdict};

/// How the rounds go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rounds {
    /// Pairs of rounds.
    pub count: usize,
    /// How long one takes.
    pub time: Duration,
    /// Users at once.
    pub concurrency: usize,
    /// Stops at a request before its rounds are over when it is clear, and makes them as short as it can.
    pub sparing: bool,
}

impl Default for Rounds {
    fn default() -> Self {
        Self { count: 12, time: Duration::from_millis(400), concurrency: 2, sparing: false }
    }
}

/// Answers a short round holds, and the least it takes.
const ANSWERS: f64 = 8.0;
const SHORTEST: Duration = Duration::from_millis(40);
/// How long both are asked before anything is counted.
const WARM: Duration = Duration::from_millis(300);
const WARM_SPARING: Duration = Duration::from_millis(120);

/// A difference below this is nobody's concern.
const MATTERS: f64 = 0.05;
/// As is one below a tenth of a millisecond.
const MATTERS_MS: f64 = 0.1;
/// How likely an interval may leave the truth out, over all requests of a comparison.
const DOUBT: f64 = 0.04;

/// Compares two services that answer the same requests. Each round asks every request for its time.
pub async fn compare(
    base: &Client,
    subject: &Client,
    requests: &[Request],
    rounds: Rounds,
    cancel: &CancellationToken,
) -> Comparison {
    let sides = [base, subject];
    let mut pairs: Vec<Pair> = requests.iter().map(|request| Pair::new(request, rounds)).collect();
    for pair in &mut pairs {
        pair.warm(sides, rounds, cancel).await;
    }
    let doubt = DOUBT / pairs.len().max(1) as f64;
    for round in 0..rounds.count {
        for pair in pairs.iter_mut().filter(|pair| !pair.clear) {
            if cancel.is_cancelled() {
                break;
            }
            // The order changes, lest who comes first always has the warmer machine.
            pair.round(sides, round % 2 == 1, cancel).await;
            pair.clear = rounds.sparing && pair.judged(doubt).is_clear();
        }
    }
    Comparison::of(pairs.into_iter().map(|pair| pair.judged(doubt)).collect())
}

/// One request, asked of both in turn.
struct Pair {
    plan: Plan,
    medians: Vec<(f64, f64)>,
    all: [Option<Seen>; 2],
    took: [Duration; 2],
    /// Nothing more has to be asked.
    clear: bool,
}

impl Pair {
    fn new(request: &Request, rounds: Rounds) -> Self {
        let shape = Shape::Closed { concurrency: rounds.concurrency };
        let plan = Plan { requests: vec![request.clone()], shape, time: rounds.time };
        Self { plan, medians: Vec::new(), all: [Seen::new(), Seen::new()], took: [Duration::ZERO; 2], clear: false }
    }

    /// Asks both before anything counts, and learns how long a round has to be.
    async fn warm(&mut self, sides: [&Client; 2], rounds: Rounds, cancel: &CancellationToken) {
        let time = if rounds.sparing { WARM_SPARING } else { WARM.max(rounds.time) };
        let warm = Plan { time, ..self.plan.clone() };
        let mut slowest = 0.0_f64;
        for client in sides {
            if let Some(seen) = run(client, &warm, cancel).await {
                slowest = slowest.max(seen.latencies.value_at_quantile(0.5) as f64 / 1e6);
            }
        }
        if rounds.sparing {
            let wanted = Duration::from_secs_f64(slowest * ANSWERS);
            self.plan.time = wanted.clamp(SHORTEST.min(rounds.time), rounds.time);
        }
    }

    async fn round(&mut self, sides: [&Client; 2], reversed: bool, cancel: &CancellationToken) {
        let mut median = [0.0; 2];
        for side in if reversed { [1, 0] } else { [0, 1] } {
            let begun = std::time::Instant::now();
            let Some(seen) = run(sides[side], &self.plan, cancel).await else { return };
            self.took[side] += seen.last.saturating_duration_since(begun);
            median[side] = seen.latencies.value_at_quantile(0.5) as f64 / 1e3;
            if let Some(all) = &mut self.all[side] {
                all.take(&seen);
            }
        }
        self.medians.push((median[0], median[1]));
    }

    fn judged(&self, doubt: f64) -> Compared {
        let measured =
            |side: usize| self.all[side].as_ref().map(|seen| seen.measured(self.took[side])).unwrap_or_default();
        let compared = judge(&self.medians, measured(0), measured(1), doubt);
        let request = &self.plan.requests[0];
        Compared { request: format!("{} {}", request.method, request.url), ..compared }
    }
}

fn judge(medians: &[(f64, f64)], base: Measured, subject: Measured, doubt: f64) -> Compared {
    let mut ratios: Vec<f64> =
        medians.iter().filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| (b / a).ln()).collect();
    ratios.sort_by(f64::total_cmp);
    let count = ratios.len();
    let why = no_measure(&base, &subject);
    let mut compared = Compared {
        request: String::new(),
        verdict: Verdict::NotMeasured,
        seen_once: false,
        why,
        ratio: 1.0,
        interval: (0.0, f64::MAX),
        rounds: count,
        base,
        subject,
    };
    if compared.why.is_some() {
        return compared;
    }
    let Some(cut) = outermost(count, doubt) else {
        compared.why = Some(format!("{count} rounds are too few to be sure"));
        return compared;
    };
    compared.ratio = middle(&ratios).exp();
    compared.interval = (ratios[cut].exp(), ratios[count - 1 - cut].exp());
    let mut apart: Vec<f64> = medians.iter().map(|(a, b)| b - a).collect();
    apart.sort_by(f64::total_cmp);
    let matters = (compared.ratio - 1.0).abs() >= MATTERS && middle(&apart).abs() >= MATTERS_MS;
    compared.verdict = match (matters, compared.interval) {
        (true, (low, _)) if low > 1.0 => Verdict::Slower,
        (true, (_, high)) if high < 1.0 => Verdict::Faster,
        _ => Verdict::NoMeasurableChange,
    };
    compared
}

/// Why the figures say nothing: requests fail, or the two do different things.
fn no_measure(base: &Measured, subject: &Measured) -> Option<String> {
    for (name, side) in [("base", base), ("the proposal", subject)] {
        if !side.ok() {
            let error = side.first_error.as_deref().unwrap_or("nothing was answered");
            return Some(format!("{} of {} requests failed on {name}: {error}", side.errors, side.requests));
        }
    }
    let usual = |statuses: &BTreeMap<u16, u64>| statuses.iter().max_by_key(|(_, count)| **count).map(|(s, _)| *s);
    match (usual(&base.statuses), usual(&subject.statuses)) {
        (Some(a), Some(b)) if a != b => Some(format!("base answers {a}, the proposal {b}")),
        _ => None,
    }
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
/// remains but for this doubt; `None` when there are too few even with all of them. Ranks need no bell curve, and one
/// round in which the machine was busy decides nothing.
fn outermost(count: usize, doubt: f64) -> Option<usize> {
    let mut tail = 0.0;
    let mut chance = 0.5_f64.powi(i32::try_from(count).ok()?);
    for left_out in 0..count / 2 {
        tail += 2.0 * chance;
        if tail > doubt {
            return left_out.checked_sub(1);
        }
        chance *= (count - left_out) as f64 / (left_out + 1) as f64;
    }
    (count / 2).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        Measured { requests: 100, ..Measured::default() }
    }

    fn noise(shift: f64, spread: f64) -> Vec<(f64, f64)> {
        (0..10).map(|n| (10.0, (10.0 + shift) * (1.0 + spread * (f64::from(n % 5) - 2.0) / 2.0))).collect()
    }

    #[test]
    fn noise_is_no_change_and_a_shift_is() {
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
            let found = judge(&medians, measured(), measured(), DOUBT);
            assert_eq!(found.verdict, expected, "{medians:?}: {found}");
        }
        let noisy = judge(&noise(0.0, 0.8), measured(), measured(), DOUBT).to_string();
        assert!(noisy.contains("the noise hides anything below 80 %"), "{noisy}");
        assert_eq!([6, 10, 12, 20].map(|count| outermost(count, DOUBT)), [Some(0), Some(1), Some(2), Some(4)]);
        assert_eq!([3, 5, 6].map(|count| outermost(count, DOUBT)), [None, None, Some(0)]);
        // Five requests have to be surer each.
        assert_eq!([6, 8, 12].map(|count| outermost(count, DOUBT / 5.0)), [None, Some(0), Some(1)]);
    }

    #[test]
    fn a_request_is_clear_when_nothing_of_interest_can_be_hidden() {
        for (medians, expected) in [
            (noise(0.0, 0.05), true),
            (noise(5.0, 0.05), true),
            // Up to 3 ms of 10 may be hidden.
            (noise(0.0, 0.3), false),
            (noise(0.0, 0.05)[..5].to_vec(), false),
            // Half a millisecond of one.
            (noise(0.0, 0.5).into_iter().map(|(a, b)| (a / 10.0, b / 10.0)).collect(), true),
        ] {
            let base = Measured { p50: medians[0].0, ..measured() };
            let found = judge(&medians, base, measured(), DOUBT);
            assert_eq!(found.is_clear(), expected, "{found}");
        }
    }

    #[test]
    fn what_fails_or_does_something_else_is_not_measured() {
        let broken = Measured { errors: 50, ..measured() };
        let answering = |status: u16| Measured { statuses: [(status, 100)].into(), ..measured() };
        for (base, subject, why) in [
            (measured(), broken, "50 of 100 requests failed on the proposal"),
            (answering(404), answering(200), "base answers 404, the proposal 200"),
        ] {
            let found = judge(&noise(5.0, 0.01), base, subject, DOUBT);
            assert_eq!(found.verdict, Verdict::NotMeasured);
            assert!(found.to_string().contains(why), "{found}");
        }
    }

    #[test]
    fn a_change_counts_when_it_is_seen_twice() {
        let of = |medians: &[(f64, f64)]| Comparison::of(vec![judge(medians, measured(), measured(), DOUBT)]);
        let (slower, same, faster) = (of(&noise(1.0, 0.01)), of(&noise(0.0, 0.01)), of(&noise(-1.0, 0.01)));
        assert_eq!(slower.clone().confirmed_by(slower.clone()).verdict, Verdict::Slower);
        assert_eq!(slower.clone().confirmed_by(same).verdict, Verdict::NoMeasurableChange);
        assert_eq!(slower.clone().confirmed_by(faster).verdict, Verdict::NoMeasurableChange);
        let doubted = slower.clone().unconfirmed();
        assert!(doubted.requests[0].seen_once && !doubted.changed(), "{doubted:?}");
        // Only what changed is asked again.
        let named = |name: &str, of: &Comparison| Compared { request: name.to_owned(), ..of.requests[0].clone() };
        let same = of(&noise(0.0, 0.01));
        let first = Comparison::of(vec![named("a", &same), named("b", &slower), named("c", &same)]);
        let again = Comparison::of(vec![named("b", &slower)]);
        let verdicts: Vec<Verdict> =
            first.confirmed_by(again).requests.iter().map(|compared| compared.verdict).collect();
        assert_eq!(verdicts, [Verdict::NoMeasurableChange, Verdict::Slower, Verdict::NoMeasurableChange]);
    }
}
