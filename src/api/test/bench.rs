//! What a run carries along: what is known, what was found, how much is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::case::{Case, Expectation};
use super::checks::{self, Problem};
use super::known::Known;
use super::report::{Finding, Report, Severity};
use super::{Mode, Options, SILENT, Surroundings, TIME_OVER, shrink};
use crate::api::exchange::{self, Exchange};
use crate::api::export;
use crate::api::message::{Request, Response, is_json};
use crate::api::spec::draft::{MOST_BODIES, Seen};
use crate::api::spec::{Operation, Validators};

/// Answers missing one after the other before the service counts as gone.
const MOST_SILENCE: u32 = 3;

pub(super) struct Bench<'a> {
    pub here: Surroundings<'a>,
    pub options: &'a Options,
    /// The operations that are checked, in an order in which things are made before they are asked for.
    pub operations: Vec<Operation>,
    pub validators: Validators,
    pub known: Known,
    all: Vec<Operation>,
    report: Report,
    found: BTreeMap<(String, &'static str, u16), Finding>,
    recorded: BTreeSet<(String, u16)>,
    skipped: BTreeSet<String>,
    deadline: Instant,
    next: Instant,
    silence: u32,
    mode: Mode,
    seen: BTreeMap<(String, u16), Seen>,
    /// Cases that were more than what was asked for.
    pub beyond: usize,
    /// How long answers took, by mode and operation.
    spent: BTreeMap<(&'static str, String), Duration>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(here: Surroundings<'a>, options: &'a Options) -> Self {
        let all = here.spec.operations();
        let mut operations: Vec<Operation> =
            all.iter().filter(|operation| chosen(operation, &options.operations)).cloned().collect();
        operations.sort_by_key(order);
        let now = Instant::now();
        let mut bench = Self {
            here,
            options,
            validators: Validators::new(&here.spec.root),
            known: Known::default(),
            report: Report { seed: options.seed, ..Report::default() },
            found: BTreeMap::new(),
            recorded: BTreeSet::new(),
            skipped: BTreeSet::new(),
            deadline: now + options.time,
            next: now,
            silence: 0,
            mode: Mode::Contract,
            seen: BTreeMap::new(),
            beyond: 0,
            spent: BTreeMap::new(),
            operations,
            all,
        };
        if bench.operations.is_empty() {
            let names: Vec<String> = bench.all.iter().map(Operation::name).collect();
            let why = if names.is_empty() {
                "the contract has no operation".to_owned()
            } else {
                format!("no operation is called {}; there are {}", options.operations.join(", "), names.join(", "))
            };
            bench.skip(why);
        }
        bench
    }

    pub(super) fn enter(&mut self, mode: Mode) {
        self.mode = mode;
        self.report.modes.push(mode.name());
    }

    pub(super) fn finish(mut self) -> Report {
        if self.beyond > 0 {
            self.note(format!("{} further cases are beyond `cases`", self.beyond));
        }
        let mut findings: Vec<Finding> = self.found.into_values().collect();
        findings.sort_by_key(|finding| finding.severity);
        self.report.findings = findings;
        self.report.seen = self.seen.into_values().collect();
        self.report.skipped = self.skipped.into_iter().collect();
        self.report
    }

    /// Whether nothing more may be sent.
    pub(super) fn over(&self) -> bool {
        self.here.cancel.is_cancelled() || Instant::now() >= self.deadline || self.silence >= MOST_SILENCE
    }

    /// Whether an operation is so slow that it would take the time of all others, which is said.
    pub(super) fn tired(&mut self, operation: &Operation) -> bool {
        let (mode, name) = (self.mode.name(), operation.name());
        let spent = self.spent.get(&(mode, name.clone())).copied().unwrap_or_default();
        let tired = spent > self.options.time / 10;
        if tired {
            self.skip(format!("{mode} {name}: it is slow, so not all was tried"));
        }
        tired
    }

    /// Says that an operation could not be checked, or not to its end.
    pub(super) fn skip(&mut self, why: impl Into<String>) {
        self.skipped.insert(why.into());
    }

    pub(super) fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.report.notes.contains(&what) {
            self.report.notes.push(what);
        }
    }

    /// Counts requests that were sent beside the bench.
    pub(super) fn sent(&mut self, count: usize) {
        self.report.requests += count;
    }

    pub(super) fn passed(&mut self) {
        self.report.passed += 1;
    }

    pub(super) fn tell(&self, operation: &Operation, what: &str) {
        (self.here.tell)(&format!("{} {}: {what}", self.mode.name(), operation.name()));
    }

    /// Values that depend on the seed, the operation and the mode only.
    pub(super) fn seed(&self, operation: &Operation) -> u64 {
        let name = format!("{} {}", self.mode.name(), operation.name());
        name.bytes().fold(self.options.seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }

    /// Sends a request as the one who asks; `None` when nothing more may be sent.
    pub(super) async fn send(&mut self, operation: &Operation, request: &Request) -> Option<Result<Response, String>> {
        let mut request = request.clone();
        if let Some(credentials) = &self.options.credentials {
            credentials.apply(&mut request);
        }
        self.send_as_is(operation, &request).await
    }

    /// Sends a request without adding who asks.
    pub(super) async fn send_as_is(
        &mut self,
        operation: &Operation,
        request: &Request,
    ) -> Option<Result<Response, String>> {
        if self.over() {
            let why = if self.here.cancel.is_cancelled() {
                "interrupted"
            } else if self.silence >= MOST_SILENCE {
                SILENT
            } else {
                TIME_OVER
            };
            self.skip(format!("{} {}: {why}", self.mode.name(), operation.name()));
            return None;
        }
        if let Some(rate) = self.options.rate.filter(|rate| *rate > 0.0) {
            tokio::time::sleep_until(self.next.into()).await;
            self.next = Instant::now() + Duration::from_secs_f64(1.0 / rate);
        }
        self.report.requests += 1;
        let begun = Instant::now();
        let outcome = self.here.client.send(request).await.map_err(|error| error.to_string());
        *self.spent.entry((self.mode.name(), operation.name())).or_default() += begun.elapsed();
        self.silence = if outcome.is_ok() { 0 } else { self.silence + 1 };
        let status = outcome.as_ref().map_or(0, |response| response.status);
        if self.recorded.insert((operation.name(), status)) {
            self.record(operation, request, &outcome);
        }
        Some(outcome)
    }

    fn record(&self, operation: &Operation, request: &Request, outcome: &Result<Response, String>) -> String {
        let target = self.here.client.target();
        let carried = self.options.credentials.as_ref().is_some_and(|credentials| credentials.are_in(request));
        let profile = self.options.profile.as_ref().filter(|_| carried);
        let outcome = outcome.as_ref().map_err(Clone::clone);
        let request = &self.concealed(request);
        let mut exchange = Exchange::new(&target.url(&request.url), request, outcome, profile, Vec::new());
        exchange.operation = Some(operation.name());
        exchange.own = target.is_own();
        self.here.recorder.add(exchange).id
    }

    /// The request without the secrets of those who ask.
    fn concealed(&self, request: &Request) -> Request {
        let known: Vec<_> = self.options.credentials.iter().chain(&self.options.others).collect();
        exchange::concealed(request, &known)
    }

    /// Sends a case and checks the answer. The answer, when there was one.
    pub(super) async fn attempt(&mut self, operation: &Operation, case: &Case) -> Option<Response> {
        let request = case.request(operation);
        let outcome = self.send(operation, &request).await?;
        if let Ok(response) = &outcome
            && self.here.spec.drafted
        {
            self.see(operation, response);
        }
        let (mut problems, unchecked) = self.problems(operation, case.expectation, &outcome);
        self.report.unchecked += usize::from(unchecked);
        if let Some(at) = problems.iter().position(|problem| problem.check == checks::UNUSABLE) {
            let why = problems.swap_remove(at).text;
            self.skip(format!("{} {}: {why}", self.mode.name(), operation.name()));
        }
        if problems.is_empty() {
            self.report.passed += 1;
        } else {
            self.report.failed += 1;
        }
        let status = outcome.as_ref().map_or(0, |response| response.status);
        for problem in problems {
            if self.count(operation, &problem, status) {
                continue;
            }
            let case = shrink::shrink(self, operation, case, problem.check, status).await;
            self.found_case(operation, &case, problem, &outcome).await;
        }
        outcome.ok()
    }

    /// Notes what an operation answers.
    fn see(&mut self, operation: &Operation, response: &Response) {
        let media = response.media_type().unwrap_or_default();
        let seen = self.seen.entry((operation.name(), response.status)).or_insert_with(|| Seen {
            operation: operation.name(),
            status: response.status,
            media: media.clone(),
            bodies: Vec::new(),
        });
        if is_json(&media) && seen.bodies.len() < MOST_BODIES {
            seen.bodies.extend(response.json());
        }
    }

    /// What is wrong with an outcome.
    pub(super) fn problems(
        &self,
        operation: &Operation,
        expectation: Expectation,
        outcome: &Result<Response, String>,
    ) -> (Vec<Problem>, bool) {
        match outcome {
            Ok(response) => {
                let (mut problems, unchecked) = checks::judge(operation, &self.validators, expectation, response);
                // A draft does not know what is allowed.
                problems.retain(|problem| {
                    !self.here.spec.drafted || !matches!(problem.check, "accepts-invalid" | "rejects-valid")
                });
                (problems, unchecked)
            }
            Err(error) => {
                let text = format!("no answer: {error}");
                (vec![Problem { check: "no-answer", severity: Severity::Failure, text }], false)
            }
        }
    }

    /// Counts a problem that was seen before; whether it was.
    fn count(&mut self, operation: &Operation, problem: &Problem, status: u16) -> bool {
        let key = (operation.name(), problem.check, status);
        self.found.get_mut(&key).map(|finding| finding.seen += 1).is_some()
    }

    async fn found_case(
        &mut self,
        operation: &Operation,
        case: &Case,
        problem: Problem,
        first: &Result<Response, String>,
    ) {
        let mut request = case.request(operation);
        if let Some(credentials) = &self.options.credentials {
            credentials.apply(&mut request);
        }
        let status = first.as_ref().map_or(0, |response| response.status);
        self.keep(operation, problem, status, case.what.clone(), &request, first);
    }

    /// Keeps a finding that no case stands for.
    pub(super) fn found(
        &mut self,
        operation: &Operation,
        (check, severity): (&'static str, Severity),
        (case, text): (&str, String),
        request: &Request,
        outcome: &Result<Response, String>,
    ) {
        self.report.failed += 1;
        let status = outcome.as_ref().map_or(0, |response| response.status);
        let problem = Problem { check, severity, text };
        if !self.count(operation, &problem, status) {
            self.keep(operation, problem, status, case.to_owned(), request, outcome);
        }
    }

    /// Keeps that an operation is guarded which the contract says is open.
    pub(super) fn guarded_in_silence(
        &mut self,
        operation: &Operation,
        request: &Request,
        outcome: &Result<Response, String>,
    ) {
        let text = "is guarded, but the contract does not say so".to_owned();
        let found = ("auth-undocumented", Severity::Warning);
        self.found(operation, found, ("no credentials", text), request, outcome);
    }

    fn keep(
        &mut self,
        operation: &Operation,
        problem: Problem,
        status: u16,
        case: String,
        request: &Request,
        outcome: &Result<Response, String>,
    ) {
        let exchange = self.record(operation, request, outcome);
        let request = &self.concealed(request);
        let url = self.here.client.target().url(&request.url);
        let finding = Finding {
            operation: operation.name(),
            check: problem.check,
            status,
            severity: problem.severity,
            text: problem.text,
            case,
            curl: export::curl_request(&url, request),
            exchange,
            seen: 1,
        };
        self.found.insert(finding.key(), finding);
    }

    /// Learns what exists from an answer.
    pub(super) fn learn(&mut self, request: &Request, response: &Response) {
        if request.method == "DELETE" && response.succeeded() {
            self.known.forget(&request.url);
        } else if response.succeeded()
            && let Some(body) = response.json()
        {
            self.known.learn(&request.url, &body, &self.all);
        }
    }
}

fn chosen(operation: &Operation, wanted: &[String]) -> bool {
    let fits =
        |name: &String| *name == operation.name() || *name == operation.path || operation.id.as_ref() == Some(name);
    wanted.is_empty() || wanted.iter().any(fits)
}

/// Lists first, then what makes things, then what looks at them and changes them, what removes them last.
fn order(operation: &Operation) -> (u8, usize) {
    let named = operation.path.matches('{').count();
    let rank = match (operation.method.as_str(), named) {
        ("GET" | "HEAD" | "OPTIONS", 0) => 0,
        ("POST", 0) => 1,
        ("GET" | "HEAD" | "OPTIONS", _) => 2,
        ("POST", _) => 3,
        ("DELETE", _) => 5,
        _ => 4,
    };
    (rank, named)
}
