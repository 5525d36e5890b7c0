//! When to ask again, and how long to wait before.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::HeaderMap;

use super::{ErrorKind, Reply};

/// How long to wait for what, and how often to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often a request is sent at most.
    pub tries: u32,
    /// The wait before the second try; it doubles from try to try.
    pub first_wait: Duration,
    /// The longest wait between two tries. A provider that asks for more is not waited for.
    pub longest_wait: Duration,
    /// How long a connection may take.
    pub connect: Duration,
    /// How long the line may be silent.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(120),
            connect: Duration::from_secs(20),
            idle: Duration::from_secs(120),
        }
    }
}

/// One try that failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure {
    pub kind: Option<ErrorKind>,
    pub message: String,
    pub status: Option<u16>,
    /// Asking again may help.
    pub passing: bool,
    /// How long the provider asks to wait.
    pub wait: Option<Duration>,
    /// What came before it failed, where that is worth something.
    pub partial: Option<Reply>,
    /// Sending it more often than this is useless.
    pub tries: Option<u32>,
}

impl Patience {
    /// The wait before the next try after `tried` tries; `None` when there is no point in another.
    pub(super) fn wait(&self, tried: u32, failure: &Failure) -> Option<Duration> {
        let limit = failure.tries.unwrap_or(self.tries).min(self.tries);
        if !failure.passing || tried >= limit {
            return None;
        }
        if let Some(asked) = failure.wait {
            return (asked <= self.longest_wait).then_some(asked);
        }
        let doubled = self.first_wait.saturating_mul(1 << (tried - 1).min(16)).min(self.longest_wait);
        // A quarter more or less, so that many clients do not come back at the same moment.
        Some(doubled.mul_f64(0.75 + fastrand::f64() * 0.5))
    }
}

/// The wait a provider asks for in its headers, as milliseconds, seconds or a date.
pub(super) fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    if let Some(milliseconds) = text("retry-after-ms").and_then(number) {
        return Duration::try_from_secs_f64(milliseconds / 1_000.0).ok();
    }
    let asked = text("retry-after")?;
    if let Some(seconds) = number(asked) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(asked.replace("GMT", "+0000")).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// The wait a provider asks for in its words: "Please retry in 48.9s", `"retryDelay": "48s"`.
pub(super) fn wait_in_words(body: &str) -> Option<Duration> {
    const MARKS: [&str; 4] = ["retry in ", "try again in ", "\"retryDelay\": \"", "\"retryDelay\":\""];
    let rest = MARKS.iter().find_map(|mark| body.split_once(mark)).map(|(_, rest)| rest)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = rest[..end].parse().ok()?;
    let unit = &rest[end..];
    let scale = if unit.starts_with("ms") { 0.001 } else { 1.0 };
    let known = unit.starts_with('s') || unit.starts_with("ms") || unit.starts_with(" s");
    known.then(|| Duration::try_from_secs_f64(number * scale).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_asked_wait_is_read_in_every_form() {
        let now: Timestamp = "2026-11-22T20:00:00Z".parse().unwrap();
        for (pairs, expected) in [
            (&[("retry-after", "7")][..], Some(7_000)),
            (&[("retry-after", "0.5")], Some(500)),
            (&[("retry-after", "Sun, 22 Nov 2026 20:00:09 GMT")], Some(9_000)),
            (&[("retry-after", "Sun, 22 Nov 2026 19:00:00 GMT")], Some(0)),
            (&[("retry-after-ms", "250"), ("retry-after", "9")], Some(250)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "-1")], None),
            (&[], None),
        ] {
            assert_eq!(asked_wait(&headers(pairs), now), expected.map(Duration::from_millis), "{pairs:?}");
        }
    }

    #[test]
    fn the_asked_wait_is_read_in_words() {
        for (body, expected) in [
            ("Please retry in 48.5s.", Some(48_500)),
            ("{\"retryDelay\": \"7s\"}", Some(7_000)),
            ("Please try again in 20ms.", Some(20)),
            ("Please retry in a while", None),
            ("no", None),
        ] {
            assert_eq!(wait_in_words(body), expected.map(Duration::from_millis), "{body}");
        }
    }

    #[test]
    fn waits_double_and_end() {
        let patience = Patience { longest_wait: Duration::from_secs(3), ..Patience::default() };
        let failure = Failure { passing: true, ..Failure::default() };
        for (tried, base) in [(1, 0.5), (2, 1.0), (3, 2.0), (4, 3.0)] {
            let wait = patience.wait(tried, &failure).unwrap().as_secs_f64();
            assert!(wait >= base * 0.75 && wait <= base * 1.25, "{tried}: {wait}");
        }
        assert_eq!(patience.wait(5, &failure), None);
        assert_eq!(patience.wait(1, &Failure::default()), None);
        let asked = |seconds| Failure { wait: Some(Duration::from_secs(seconds)), ..failure.clone() };
        assert_eq!(patience.wait(1, &asked(2)), Some(Duration::from_secs(2)));
        assert_eq!(patience.wait(1, &asked(4)), None);
    }
}
