//! What a comparison says, of each request and in all.

use serde::Serialize;

use crate::api::load::Measured;

/// Where nothing above this share and time can be hidden, more rounds of a sparing comparison tell nothing of interest.
const CLEAR: f64 = 0.10;
const CLEAR_MS: f64 = 1.0;
/// Where the interval reaches further than this, it has to be said that little can be seen.
const NOISY: f64 = 0.25;

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
    /// Requests fail, are answered differently, or there were too few rounds.
    NotMeasured,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoMeasurableChange => "no measurable change",
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::NotMeasured => "not measured",
        })
    }
}

/// One request on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// The method and path.
    pub request: String,
    /// What it says.
    pub verdict: Verdict,
    /// One of two comparisons showed a change, the other did not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub seen_once: bool,
    /// Why nothing was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The median of the second by the median of the first.
    pub ratio: f64,
    /// The interval the ratio is in, with 96 % confidence at the least for all requests together.
    pub interval: (f64, f64),
    /// Pairs of rounds.
    pub rounds: usize,
    /// The first one.
    pub base: Measured,
    /// The second one.
    pub subject: Measured,
}

impl Compared {
    /// The change, as a share, that would not have been seen; 0 where one was.
    pub(super) fn hidden(&self) -> f64 {
        let unseen = self.verdict == Verdict::NoMeasurableChange;
        if unseen { (self.interval.1 - 1.0).max(1.0 - self.interval.0) } else { 0.0 }
    }

    /// By how many milliseconds it may be slower without that having been seen.
    pub fn hidden_ms(&self) -> f64 {
        let unseen = self.verdict == Verdict::NoMeasurableChange;
        if unseen { (self.interval.1 - 1.0).max(0.0) * self.base.p50 } else { 0.0 }
    }

    /// Whether more rounds would say nothing else, or nothing that matters.
    pub(super) fn is_clear(&self) -> bool {
        match self.verdict {
            Verdict::Slower | Verdict::Faster => true,
            Verdict::NoMeasurableChange => self.hidden() <= CLEAR || self.hidden_ms() <= CLEAR_MS,
            Verdict::NotMeasured => false,
        }
    }
}

impl std::fmt::Display for Compared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { request, verdict, base, subject, rounds, .. } = self;
        if let Some(why) = &self.why {
            return write!(f, "{request}: {verdict}: {why}");
        }
        let percent = |ratio: f64| (ratio - 1.0) * 100.0;
        let once = if self.seen_once { " (a difference was seen once, and not again)" } else { "" };
        write!(
            f,
            "{request}: {verdict}{once}: median {:.2} ms, base {:.2} ms, {:+.1} % (96 % interval {:+.1} % to {:+.1} %, {rounds} rounds)",
            subject.p50,
            base.p50,
            percent(self.ratio),
            percent(self.interval.0),
            percent(self.interval.1),
        )?;
        let hidden = self.hidden();
        if hidden > NOISY {
            write!(f, "; the noise hides anything below {:.0} %", hidden * 100.0)?;
        }
        Ok(())
    }
}

/// Two builds side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The worst that is said of a request.
    pub verdict: Verdict,
    /// Each request.
    pub requests: Vec<Compared>,
}

impl Comparison {
    pub(super) fn of(requests: Vec<Compared>) -> Self {
        let worst = [Verdict::Slower, Verdict::NotMeasured, Verdict::Faster];
        let said = |verdict: &Verdict| requests.iter().any(|compared| compared.verdict == *verdict);
        let none = if requests.is_empty() { Verdict::NotMeasured } else { Verdict::NoMeasurableChange };
        Self { verdict: worst.into_iter().find(said).unwrap_or(none), requests }
    }

    /// Whether somebody would say that something changed.
    pub fn changed(&self) -> bool {
        self.requests.iter().any(|compared| matches!(compared.verdict, Verdict::Slower | Verdict::Faster))
    }

    /// What it says in a few words, with how much may have gone unseen.
    pub fn seen(&self) -> String {
        let hidden = self.requests.iter().map(Compared::hidden).fold(0.0, f64::max);
        let noise = if hidden > NOISY { format!("; noise hides up to {:.0} %", hidden * 100.0) } else { String::new() };
        let requests = if self.requests.len() == 1 { "request" } else { "requests" };
        format!("{} in {} {requests}{noise}", self.verdict, self.requests.len())
    }

    /// What was seen once and could not be looked at again: no change is sure.
    #[must_use]
    pub fn unconfirmed(self) -> Self {
        let doubted = self.requests.into_iter().map(|mut seen| {
            if matches!(seen.verdict, Verdict::Slower | Verdict::Faster) {
                seen.verdict = Verdict::NoMeasurableChange;
                seen.seen_once = true;
            }
            seen
        });
        Self::of(doubted.collect())
    }

    /// What both say, where the second one may hold some of the requests only, in the same order: a change that a
    /// second comparison, with processes started anew, does not show was an accident of the first.
    pub fn confirmed_by(self, second: Self) -> Self {
        let mut seconds = second.requests.into_iter();
        let mut next = seconds.next();
        let confirmed =
            self.requests.into_iter().map(|first| match next.take_if(|next| next.request == first.request) {
                Some(mut second) => {
                    next = seconds.next();
                    if first.verdict != second.verdict && second.verdict != Verdict::NotMeasured {
                        second.verdict = Verdict::NoMeasurableChange;
                        second.seen_once = true;
                    }
                    second
                }
                None => first,
            });
        Self::of(confirmed.collect())
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for compared in &self.requests {
            writeln!(f, "{compared}")?;
        }
        write!(f, "in all: {}", self.verdict)
    }
}
