//! What requests cost: base and proposal are served side by side, their queries counted and their answers timed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::served::{Serving, Side, first_line};
use super::{Gate, GateContext, Report, Stage};
use crate::api::ApiError;
use crate::api::client::Client;
use crate::api::load::{Compared, Comparison, Rounds, Verdict, compare};
use crate::api::message::Request;
use crate::api::test::{self, Cost, Options, Sample, Surroundings, cost, samples};
use crate::config::{ApiSettings, PerformanceGateSettings};
use crate::domain::{Finding, Severity};

/// Lines of the service that are told where it answers nothing.
const LOG_LINES: usize = 20;
/// Requests whose queries are counted.
const MOST_COUNTED: usize = 20;
/// Requests that are timed: the more there are, the less time is left for each.
const MOST_TIMED: usize = 4;
/// Pairs of rounds, at the most: most requests are clear after the first third.
const ROUNDS: usize = 24;
/// A shorter round holds too few requests, a longer one makes nothing surer.
const SHORTEST_ROUND: Duration = Duration::from_millis(60);
const LONGEST_ROUND: Duration = Duration::from_millis(400);
/// The most time for making rows.
const STOCKING: Duration = Duration::from_secs(5);
/// A list of fewer rows does not show whether each takes a query.
const FEWEST_ROWS: usize = 4;
/// Slower by this factor and by as many milliseconds stands against a proposal; less is to be looked at.
const MUCH_SLOWER: f64 = 1.25;
const MUCH_SLOWER_MS: f64 = 2.0;
/// Where this many milliseconds may be hidden, and more than [`MUCH_SLOWER`], nothing was measured.
const HIDDEN_MS: f64 = 4.0;

/// Serves base and proposal and compares what their answers cost.
pub struct PerformanceGate {
    settings: PerformanceGateSettings,
    serving: Serving,
}

/// What both are asked.
struct Asked {
    samples: Vec<Sample>,
    /// Queries and rows on the proposal and on base.
    costs: Vec<(Cost, Option<Cost>)>,
}

impl PerformanceGate {
    /// With these settings, and the variables that profiles name their secrets by.
    pub fn new(settings: PerformanceGateSettings, api: ApiSettings, environment: BTreeMap<String, String>) -> Self {
        let auth = settings.auth.clone();
        Self { settings, serving: Serving { api, environment, auth } }
    }

    async fn prove(&self, context: &GateContext) -> Report {
        let (subject, base) = match self.both(context, true).await {
            (Ok(subject), base) => (subject, base),
            (Err(why), _) => return Report::not_run(first_line(&why)).with_log(why.to_string()),
        };
        let command = subject.service.start.line();
        if base.is_err() && self.serving.start_of(&context.base).await.is_ok() {
            return Report::not_run("base could not be started, so nothing can be compared").with_command(command);
        }
        let base = base.ok();
        let asked = match self.ask(context, &subject, base.as_ref()).await {
            Ok(asked) => asked,
            Err(why) => {
                let log = subject.service.log(LOG_LINES).join("\n");
                return Report::not_run(why).with_command(command).with_log(log);
            }
        };
        let mut findings = by_queries(&asked);
        let mut lines = counted(&asked);
        let mut outcome = "base answers none of it, so nothing is timed".to_owned();
        let mut lost = None;
        let mut measured = asked.costs.iter().any(|(after, _)| after.queries > 0);
        // A query for every row is what has to be mended first; the time it takes tells nothing new.
        let mut samples = Vec::new();
        if findings.iter().any(is_new_error) {
            "not timed before its queries are mended".clone_into(&mut outcome);
        } else {
            samples = self.timed(context, &asked).await;
        }
        if let Some(base) = base.filter(|_| !samples.is_empty()) {
            let compared = self.compare(context, &samples, subject, base).await;
            outcome = compared.seen();
            measured |= compared.requests.iter().any(|compared| compared.verdict != Verdict::NotMeasured);
            lines.push(compared.to_string());
            findings.extend(compared.requests.iter().filter_map(slower));
            lost = compared.requests.iter().filter_map(too_noisy).max_by(f64::total_cmp);
        } else {
            lines.push(outcome.clone());
        }
        if context.cancel.is_cancelled() {
            return Report::not_run("interrupted").with_command(command);
        }
        let log = crate::text::sanitize(&lines.join("\n")).into_owned();
        // What was neither counted nor timed is not known to cost the same.
        if !measured {
            return Report::not_run(outcome).with_command(command).with_log(log);
        }
        if let Some(ms) = lost.filter(|_| !findings.iter().any(is_new_error)) {
            let why = format!("not measurable: the machine is too busy, {ms:.0} ms more would not be seen");
            return Report::not_run(why).with_command(command).with_log(log);
        }
        let mut report = Report::found(findings, "finding").with_command(command);
        let untold = if asked.costs.iter().all(|(after, _)| after.queries == 0) { "; no queries told of" } else { "" };
        report.reason = report.reason.or(Some(format!("{outcome}{untold}")));
        report.with_log(log)
    }

    /// Both sides, with who asks, and with something to ask for: a list without rows costs nothing.
    async fn both(&self, context: &GateContext, counting: bool) -> (Result<Side, ApiError>, Result<Side, ApiError>) {
        let (subject, base) = self.serving.both(context, counting).await;
        let ready = async |side: Result<Side, ApiError>| {
            let mut side = side?;
            if let Some(who) = std::mem::replace(&mut side.who, Ok(None))? {
                side.client = side.client.showing(who.credentials);
            }
            if let Ok(spec) = &side.spec {
                let (desk, quiet) = (self.serving.desk(), |_: &str| {});
                let client = &test::below(&side.client, spec).await;
                let (recorder, cancel) = (&desk.recorder, &context.cancel);
                let here = Surroundings { client, spec, recorder, queries: None, tell: &quiet, cancel };
                test::stock(here, &Options { time: STOCKING, ..Options::default() }).await;
            }
            Ok(side)
        };
        tokio::join!(ready(subject), ready(base))
    }

    /// Finds requests that the proposal answers, and counts their queries; on base as well, where it answers them.
    async fn ask(&self, context: &GateContext, subject: &Side, base: Option<&Side>) -> Result<Asked, String> {
        let spec = subject.spec.as_ref().map_err(|why| format!("no contract to ask by: {}", first_line(why)))?;
        let client = &test::below(&subject.client, spec).await;
        let desk = self.serving.desk();
        let options = Options { time: Duration::from_secs(20), ..Options::default() };
        let (quiet, cancel) = (|_: &str| {}, &context.cancel);
        let here = Surroundings { client, spec, recorder: &desk.recorder, queries: None, tell: &quiet, cancel };
        let mut asked = Asked { samples: Vec::new(), costs: Vec::new() };
        let (found, failed) = samples(here, &options).await;
        for sample in found.into_iter().take(MOST_COUNTED) {
            let sample = Sample { request: at(client, &subject.client, &sample), ..sample };
            let before = async {
                match base {
                    Some(base) => priced(base, &sample).await,
                    None => None,
                }
            };
            // What each says of its queries says nothing of the other's.
            let (after, before) = tokio::join!(priced(subject, &sample), before);
            let Some(after) = after else { continue };
            asked.samples.push(sample);
            asked.costs.push((after, before));
        }
        if asked.samples.is_empty() {
            let how = failed.first().map(|how| format!(" ({how})")).unwrap_or_default();
            return Err(format!("no operation that only looks is answered well{how}"));
        }
        Ok(asked)
    }

    /// The requests that are timed, of those that both answer: those first whose path the changed files speak of.
    async fn timed(&self, context: &GateContext, asked: &Asked) -> Vec<Sample> {
        let paths: Vec<_> = context.proposal.changes.iter().map(|change| change.path.clone()).collect();
        let subject = Arc::clone(&context.subject);
        let read = move || paths.iter().filter_map(|path| subject.read(path).ok()).map(|state| state.bytes).collect();
        let texts: Vec<Vec<u8>> = tokio::task::spawn_blocking(read).await.unwrap_or_default();
        let spoken_of = |operation: &str| {
            let word = operation.rsplit('/').find(|part| !part.is_empty() && !part.starts_with('{'));
            word.is_some_and(|word| texts.iter().any(|text| memchr::memmem::find(text, word.as_bytes()).is_some()))
        };
        let on_both = asked.samples.iter().zip(&asked.costs).filter(|(_, (_, before))| before.is_some());
        let mut samples: Vec<Sample> = on_both.map(|(sample, _)| sample.clone()).collect();
        samples.sort_by_key(|sample| !spoken_of(&sample.operation));
        let spoken = samples.iter().filter(|sample| spoken_of(&sample.operation)).count();
        // One of the others stands for what all of them share.
        samples.truncate(if spoken == 0 { MOST_TIMED } else { MOST_TIMED.min(spoken + 1) });
        samples
    }

    /// Times both; a change has to be seen a second time, with processes started anew. So has what looks like one on a
    /// machine too busy to be sure.
    async fn compare(&self, context: &GateContext, samples: &[Sample], subject: Side, base: Side) -> Comparison {
        let turns = u32::try_from(ROUNDS * 2 * samples.len().max(1)).unwrap_or(u32::MAX);
        let time = (Duration::from_secs(self.settings.seconds) / turns).clamp(SHORTEST_ROUND, LONGEST_ROUND);
        let once = async |subject: Side, base: Side, requests: &[Request]| {
            let rounds = Rounds { count: ROUNDS, time, concurrency: 1, sparing: true };
            let _quiet = subject.service.hush();
            let found = compare(&base.client, &subject.client, requests, rounds, &context.cancel).await;
            tokio::join!(base.service.stop(), subject.service.stop());
            found
        };
        let requests: Vec<Request> = samples.iter().map(|sample| sample.request.clone()).collect();
        let mut first = once(subject, base, &requests).await;
        for doubtful in first.requests.iter_mut().filter(|compared| compared.verdict == Verdict::NoMeasurableChange) {
            if is_much(doubtful) {
                doubtful.verdict = Verdict::Slower;
            }
        }
        if !first.changed() || context.cancel.is_cancelled() {
            return first;
        }
        let changed = |compared: &Compared| matches!(compared.verdict, Verdict::Slower | Verdict::Faster);
        let again: Vec<Request> =
            first.requests.iter().zip(requests).filter(|(seen, _)| changed(seen)).map(|(_, request)| request).collect();
        match self.both(context, false).await {
            (Ok(subject), Ok(base)) => first.confirmed_by(once(subject, base, &again).await),
            _ => first.unconfirmed(),
        }
    }
}

/// Slower by so much that it would stand against a proposal, were it sure.
fn is_much(compared: &Compared) -> bool {
    compared.ratio >= MUCH_SLOWER && compared.subject.p50 - compared.base.p50 >= MUCH_SLOWER_MS
}

fn is_new_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error && !finding.old
}

/// By how much a request may be slower unseen, where that is so much that nobody may call it the same; less will do
/// where it was seen once.
fn too_noisy(compared: &Compared) -> Option<f64> {
    let hidden = compared.hidden_ms();
    let most = if compared.seen_once { MUCH_SLOWER_MS } else { HIDDEN_MS };
    (hidden >= most && compared.interval.1 >= MUCH_SLOWER).then_some(hidden)
}

/// The request as it is asked below the path that the contract puts before its own.
fn at(client: &Client, whole: &Client, sample: &Sample) -> Request {
    let prefix = client.target().prefix().strip_prefix(whole.target().prefix()).unwrap_or_default();
    Request { url: format!("{prefix}{}", sample.request.url), ..sample.request.clone() }
}

async fn priced(side: &Side, sample: &Sample) -> Option<Cost> {
    let queries = || side.service.queries();
    cost(&side.client, &sample.request, &queries).await
}

/// A query for every row, and more queries than before.
fn by_queries(asked: &Asked) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (sample, (after, before)) in asked.samples.iter().zip(&asked.costs) {
        let each = |cost: &Cost| cost.rows >= FEWEST_ROWS && cost.queries >= cost.rows;
        let base = before.map(|before| format!("; base {}", before.queries)).unwrap_or_default();
        let text = format!("{}: {} queries", sample.operation, after.queries);
        if each(after) {
            let text = format!("{text} for a list of {}: one for every row?{base}", after.rows);
            findings.push(finding("n-plus-one", text, Severity::Error, before.as_ref().is_some_and(each)));
        } else if before.is_some_and(|before| after.queries > before.queries + 1 + before.queries / 2) {
            findings.push(finding("more-queries", format!("{text}{base}"), Severity::Warning, false));
        }
    }
    findings
}

fn counted(asked: &Asked) -> Vec<String> {
    let all = asked.samples.iter().zip(&asked.costs);
    if all.clone().all(|(_, (after, before))| after.queries + before.map_or(0, |before| before.queries) == 0) {
        return vec!["the service tells of no queries, so none are counted".to_owned()];
    }
    let line = |(sample, (after, before)): (&Sample, &(Cost, Option<Cost>))| {
        let base = before.map(|before| format!(", base {}", before.queries)).unwrap_or_default();
        format!("{}: {} queries{base}", sample.operation, after.queries)
    };
    all.map(line).collect()
}

fn slower(compared: &Compared) -> Option<Finding> {
    if compared.verdict != Verdict::Slower {
        return None;
    }
    let severity = if is_much(compared) { Severity::Error } else { Severity::Warning };
    Some(finding("slower", compared.to_string(), severity, false))
}

fn finding(rule: &str, text: String, severity: Severity, old: bool) -> Finding {
    Finding { severity, rule: Some(rule.to_owned()), message: text, old, ..Finding::default() }
}

#[async_trait]
impl Gate for PerformanceGate {
    fn name(&self) -> &'static str {
        "performance"
    }

    /// When no other gate keeps the machine busy.
    fn stage(&self) -> Stage {
        Stage::Last
    }

    async fn concerns(&self, context: &GateContext) -> bool {
        self.serving.is_touched(context).await
    }

    async fn run(&self, context: &GateContext) -> Report {
        self.serving.in_turn(context, self.prove(context)).await
    }
}
