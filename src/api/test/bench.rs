//! What a run carries along: what is known, what was found, how much is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::case::{Case, Expectation, Payload, text};
use super::checks::{self, Problem};
use super::known::Known;
use super::report::{Finding, Report, Severity};
use super::{Mode, Options, Surroundings, shrink};
use crate::api::exchange::Exchange;
use crate::api::export;
use crate::api::generate::{Fill, Generator};
use crate::api::message::{Request, Response, is_json};
use crate::api::spec::lint::template_names;
use crate::api::spec::{Operation, Place, Validators, resolve};

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
        let mut findings: Vec<Finding> = self.found.into_values().collect();
        findings.sort_by_key(|finding| finding.severity);
        self.report.findings = findings;
        self.report.skipped = self.skipped.into_iter().collect();
        self.report
    }

    /// Whether nothing more may be sent.
    pub(super) fn over(&self) -> bool {
        self.here.cancel.is_cancelled() || Instant::now() >= self.deadline || self.silence >= MOST_SILENCE
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
                "the service answers no more"
            } else {
                "the time is over"
            };
            self.skip(format!("{} {}: {why}", self.mode.name(), operation.name()));
            return None;
        }
        if let Some(rate) = self.options.rate.filter(|rate| *rate > 0.0) {
            tokio::time::sleep_until(self.next.into()).await;
            self.next = Instant::now() + Duration::from_secs_f64(1.0 / rate);
        }
        self.report.requests += 1;
        let outcome = self.here.client.send(request).await.map_err(|error| error.to_string());
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
        let mut exchange = Exchange::new(&target.url(&request.url), request, outcome, profile, Vec::new());
        exchange.operation = Some(operation.name());
        exchange.own = target.is_own();
        self.here.recorder.add(exchange).id
    }

    /// Sends a case and checks the answer. The answer, when there was one.
    pub(super) async fn attempt(&mut self, operation: &Operation, case: &Case) -> Option<Response> {
        let request = case.request(operation);
        let outcome = self.send(operation, &request).await?;
        let (problems, unchecked) = self.problems(operation, case.expectation, &outcome);
        self.report.unchecked += usize::from(unchecked);
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

    /// What is wrong with an outcome.
    pub(super) fn problems(
        &self,
        operation: &Operation,
        expectation: Expectation,
        outcome: &Result<Response, String>,
    ) -> (Vec<Problem>, bool) {
        match outcome {
            Ok(response) => checks::judge(operation, &self.validators, expectation, response),
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

    /// A valid request to an operation.
    ///
    /// # Errors
    /// Nothing was found that the contract allows: what could not be made.
    pub(super) fn base(&self, operation: &Operation, fill: Fill, make: &mut Generator<'_>) -> Result<Case, String> {
        let mut case = Case {
            what: "a valid request".to_owned(),
            path: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            payload: Payload::None,
            expectation: Expectation::Valid,
            at: None,
        };
        let mut filled = operation.path.clone();
        for name in template_names(&operation.path) {
            let value = self.path_value(operation, &filled, name, make)?;
            filled = filled.replace(&format!("{{{name}}}"), &value);
            case.path.push((name.to_owned(), value));
        }
        for parameter in operation.parameters.iter().filter(|parameter| parameter.place != Place::Path) {
            let wanted = parameter.required || fill == Fill::Full || (fill == Fill::Some && make.choose(2) == 0);
            let reserved =
                ["accept", "content-type", "authorization"].contains(&parameter.name.to_ascii_lowercase().as_str());
            if !wanted || (parameter.place == Place::Header && reserved) {
                continue;
            }
            let example = parameter.example.clone().filter(|_| fill != Fill::Some);
            let Some(value) = example.or_else(|| make.valid(&parameter.schema, fill)) else {
                if parameter.required {
                    return Err(format!("unsatisfiable: no value fits the parameter `{}`", parameter.name));
                }
                continue;
            };
            match parameter.place {
                Place::Query => match value {
                    serde_json::Value::Array(items) => {
                        case.query.extend(items.iter().map(|item| (parameter.name.clone(), text(item))));
                    }
                    value => case.query.push((parameter.name.clone(), text(&value))),
                },
                Place::Header => case.headers.push((parameter.name.clone(), text(&value))),
                _ => case.headers.push(("cookie".to_owned(), format!("{}={}", parameter.name, text(&value)))),
            }
        }
        case.payload = self.payload(operation, fill, make)?;
        Ok(case)
    }

    fn path_value(
        &self,
        operation: &Operation,
        filled: &str,
        name: &str,
        make: &mut Generator<'_>,
    ) -> Result<String, String> {
        let known = self.known.values(filled, name);
        if !known.is_empty() {
            return Ok(known[make.choose(known.len())].clone());
        }
        let Some(parameter) = operation.parameters_in(Place::Path).find(|parameter| parameter.name == name) else {
            return Ok("1".to_owned());
        };
        let value = parameter.example.clone().or_else(|| make.valid(&parameter.schema, Fill::Least));
        let value = value.map(|value| text(&value)).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("unsatisfiable: no value fits the path parameter `{name}`"))
    }

    fn payload(&self, operation: &Operation, fill: Fill, make: &mut Generator<'_>) -> Result<Payload, String> {
        let Some(body) =
            operation.body.as_ref().filter(|body| body.required || fill != Fill::Least || matters(operation))
        else {
            return Ok(Payload::None);
        };
        let json = body.content.iter().find(|(media, _)| is_json(media));
        let Some((media, schema)) = json.or_else(|| body.content.first()) else { return Ok(Payload::None) };
        let example = body.example.clone().filter(|_| fill == Fill::Full);
        let made = example.filter(|example| self.validators.fits(schema, example)).or_else(|| make.valid(schema, fill));
        let value = made.ok_or_else(|| format!("unsatisfiable: no body fits the schema of {media}"))?;
        match media.as_str() {
            media if is_json(media) => Ok(Payload::Json { media: media.to_owned(), value }),
            "application/x-www-form-urlencoded" => Ok(Payload::Form(value)),
            media if media.starts_with("multipart/") => Err(format!("bodies of {media} are not made yet")),
            media => Ok(Payload::Raw { media: Some(media.to_owned()), bytes: text(&value).into_bytes() }),
        }
    }

    /// The schema of the JSON body, references followed.
    pub(super) fn body_schema<'o>(&'o self, operation: &'o Operation) -> Option<&'o serde_json::Value> {
        operation.json_body().map(|(_, schema)| resolve(&self.here.spec.root, schema))
    }
}

/// A body that may be left out is still what the operation is about.
fn matters(operation: &Operation) -> bool {
    matches!(operation.method.as_str(), "POST" | "PUT" | "PATCH")
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
