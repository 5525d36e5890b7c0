//! The HTTP contract: base and proposal are served side by side and asked the same, and only what is new counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::{Gate, GateContext, Report, Stage};
use crate::api::ApiError;
use crate::api::client::Client;
use crate::api::desk::{Desk, PATIENCE};
use crate::api::detect;
use crate::api::serve::{Service, Start};
use crate::api::spec::diff::{Change, Impact, changed_operations, diff};
use crate::api::spec::draft::{self, Seen};
use crate::api::spec::{Operation, Spec, extract, routes};
use crate::api::test::{self, Finding as Found, Mode, Options, REFUSED, SILENT, Surroundings, TIME_OVER};
use crate::config::{ApiSettings, ContractGateSettings};
use crate::domain::{Finding, Isolation, Severity};
use crate::workspace::Workspace;

/// What is checked on both.
const MODES: [Mode; 5] = [Mode::Contract, Mode::Negative, Mode::Auth, Mode::Paging, Mode::Errors];
/// Cases for an operation the proposal changes in the contract, and for every other one.
const CHANGED_CASES: usize = 200;
const OTHER_CASES: usize = 60;

/// Serves base and proposal and compares what their users see.
#[derive(Clone)]
pub struct ContractGate {
    settings: ContractGateSettings,
    api: ApiSettings,
    environment: BTreeMap<String, String>,
}

/// One side, running.
struct Side {
    service: Service,
    client: Client,
    spec: Result<Spec, ApiError>,
}

impl ContractGate {
    /// With these settings, and the variables that profiles name their secrets by.
    pub fn new(settings: ContractGateSettings, api: ApiSettings, environment: BTreeMap<String, String>) -> Self {
        Self { settings, api, environment }
    }

    async fn start_of(&self, workspace: &Arc<dyn Workspace>) -> Result<Start, ApiError> {
        let (workspace, api) = (Arc::clone(workspace), self.api.clone());
        let found = tokio::task::spawn_blocking(move || detect::start(workspace.as_ref(), &api, None, None)).await;
        found.map_err(|error| ApiError::Service(format!("an internal error: {error}")))?
    }

    async fn side(
        &self,
        workspace: &Arc<dyn Workspace>,
        context: &GateContext,
        watched: bool,
    ) -> Result<Side, ApiError> {
        let start = self.start_of(workspace).await?;
        let output = watched.then(|| context.output.clone());
        let service = Service::start(workspace.as_ref(), start, PATIENCE, output, context.cancel.clone()).await?;
        let client = Client::new(&service.target, Duration::from_secs(20))?;
        let mut spec = self.spec(workspace, &client).await;
        if spec.is_err()
            && let Ok(draft) = self.draft(workspace, &service, context).await
        {
            spec = Ok(draft);
        }
        Ok(Side { service, client, spec })
    }

    /// The contract of a side: the file of the settings, what the service publishes, or a file of the tree.
    async fn spec(&self, workspace: &Arc<dyn Workspace>, client: &Client) -> Result<Spec, ApiError> {
        let in_tree = async |path: String| {
            let workspace = Arc::clone(workspace);
            let read = tokio::task::spawn_blocking(move || extract::file(workspace.as_ref(), &path)).await;
            read.map_err(|error| ApiError::Service(error.to_string()))?
        };
        match self.api.spec.clone() {
            Some(path) if path.starts_with('/') => return extract::live(client, Some(&path)).await,
            Some(path) => return in_tree(path).await,
            None => {}
        }
        let live = extract::live(client, None).await;
        if live.is_ok() {
            return live;
        }
        let tree = Arc::clone(workspace);
        let files = tokio::task::spawn_blocking(move || extract::candidates(tree.as_ref())).await.unwrap_or_default();
        match files.into_iter().next() {
            Some(path) => in_tree(path).await,
            None => live,
        }
    }

    /// A contract made of the routes, where the program itself tells them.
    async fn draft(
        &self,
        workspace: &Arc<dyn Workspace>,
        service: &Service,
        context: &GateContext,
    ) -> Result<Spec, ApiError> {
        let tree = Arc::clone(workspace);
        let report = tokio::task::spawn_blocking(move || detect::stack_of(tree.as_ref())).await;
        let report = report.map_err(|error| ApiError::Service(format!("an internal error: {error}")))?;
        let table = routes::of_service(workspace.as_ref(), &report, service, context.cancel.clone()).await;
        if !table.certain {
            return Err(ApiError::Service("the program does not tell its routes".to_owned()));
        }
        draft::draft(&table)
    }

    async fn prove(&self, context: &GateContext) -> Report {
        // Side by side where each has a network of its own.
        let apart = context.subject.isolation() == Isolation::Overlay;
        let (subject, base) = if apart {
            tokio::join!(self.side(&context.subject, context, true), self.side(&context.base, context, false))
        } else {
            let subject = self.side(&context.subject, context, true).await;
            (subject, self.side(&context.base, context, false).await)
        };
        if context.cancel.is_cancelled() {
            return Report::not_run("interrupted");
        }
        match (subject, base) {
            (Err(why), Err(_)) => Report::not_run(first_line(&why)).with_log(why.to_string()),
            (Err(why), Ok(_)) => Report::found(
                vec![finding(
                    "start",
                    format!("starts on base, but not with the proposal: {}", first_line(&why)),
                    false,
                )],
                "failure",
            )
            .with_log(why.to_string()),
            // A service that is new has nothing to be compared with.
            (Ok(subject), Err(why)) if self.start_of(&context.base).await.is_ok() => {
                let command = subject.service.start.command.clone();
                Report::not_run(format!(
                    "base could not be started, so nothing can be told apart: {}",
                    first_line(&why)
                ))
                .with_command(command)
                .with_log(why.to_string())
            }
            (Ok(subject), base) => self.compare(context, subject, base.ok()).await,
        }
    }

    async fn compare(&self, context: &GateContext, subject: Side, base: Option<Side>) -> Report {
        let command = subject.service.start.command.clone();
        let spec = match &subject.spec {
            Ok(spec) => spec.clone(),
            Err(why) if base.as_ref().is_some_and(|base| base.spec.is_ok()) => {
                let text = format!("base has a contract, the proposal none: {}", first_line(why));
                return Report::found(vec![finding("contract", text, false)], "failure").with_command(command);
            }
            Err(why) => {
                return Report::not_run(format!("no contract to check by: {}", first_line(why))).with_command(command);
            }
        };
        let old_spec = base.as_ref().and_then(|base| base.spec.as_ref().ok());
        let changes = old_spec.map(|old| diff(old, &spec)).unwrap_or_default();
        say(context, &format!("contract of {}: {} changes", spec.place, changes.len())).await;
        let compared = match (&base, old_spec) {
            (Some(base), Some(old)) => {
                self.both(context, (&base.client, old), (&subject.client, &spec), &changes).await
            }
            _ => self.check(context, &subject.client, &spec, &changes).await.map(|after| (Checked::default(), after)),
        };
        let Some((before, after)) = compared else {
            return Report::not_run("interrupted").with_command(command);
        };
        let mut findings = contract_findings(&changes);
        findings.extend(told_apart(&after, &before));
        if let Some(how) = subject.service.ended() {
            findings.push(finding("start", format!("the service {how} while it was checked"), base.is_none()));
        }
        let log = log(&after, &before, &changes);
        subject.service.stop().await;
        if let Some(base) = base {
            base.service.stop().await;
        }
        if after.requests == 0 {
            return Report::not_run("nothing of the contract could be asked").with_command(command).with_log(log);
        }
        Report::found(findings, "failure").with_command(command).with_log(log)
    }

    /// Runs the checks on base and on the proposal. Where the contract is a draft, what base answers is what is
    /// promised; base is held against it as well, so that what differs from one answer to the next counts for nothing.
    async fn both(
        &self,
        context: &GateContext,
        (base, old): (&Client, &Spec),
        (subject, new): (&Client, &Spec),
        changes: &[Change],
    ) -> Option<(Checked, Checked)> {
        let mut before = self.check(context, base, old, changes).await?;
        let promised = |spec: &Spec, seen: &[Seen]| {
            if spec.drafted { spec.with_answers(seen).unwrap_or_else(|_| spec.clone()) } else { spec.clone() }
        };
        let new = promised(new, &before.seen);
        if old.drafted {
            let again = self.check(context, base, &promised(old, &before.seen), changes).await?;
            before.add(again);
        }
        Some((before, self.check(context, subject, &new, changes).await?))
    }

    /// Runs the checks on one side; `None` when interrupted.
    async fn check(&self, context: &GateContext, client: &Client, spec: &Spec, changes: &[Change]) -> Option<Checked> {
        let desk = Desk::new(self.environment.clone(), self.api.clone(), None);
        let mut options =
            Options { time: Duration::from_secs(self.settings.seconds), cases: OTHER_CASES, ..Options::default() };
        if let Some(auth) = &self.settings.auth {
            match desk.credentials(&json!(auth), client).await {
                Ok((_, credentials)) => options.credentials = Some(credentials),
                Err(error) => say(context, &error.to_string()).await,
            }
        }
        let quiet = |_: &str| {};
        let client = &test::below(client, spec).await;
        let here = Surroundings {
            client,
            spec,
            recorder: &desk.recorder,
            queries: None,
            tell: &quiet,
            cancel: &context.cancel,
        };
        let mut checked =
            Checked { operations: spec.operations().iter().map(Operation::name).collect(), ..Checked::default() };
        // What the proposal changes in the contract is looked at closely first.
        let changed: Vec<String> = changed_operations(changes).into_iter().map(str::to_owned).collect();
        let changed: Vec<String> = changed.into_iter().filter(|name| checked.operations.contains(name)).collect();
        if !changed.is_empty() {
            let close = Options { operations: changed, cases: CHANGED_CASES, ..options.clone() };
            checked.take(test::test(here, &MODES[..2], &close).await);
        }
        checked.take(test::test(here, &MODES, &options).await);
        (!context.cancel.is_cancelled()).then_some(checked)
    }
}

/// What the checks found on one side.
#[derive(Default)]
struct Checked {
    findings: BTreeMap<(String, &'static str, u16), Found>,
    skipped: BTreeSet<String>,
    operations: BTreeSet<String>,
    seen: Vec<Seen>,
    requests: usize,
    summary: String,
}

impl Checked {
    fn take(&mut self, report: test::Report) {
        self.requests += report.requests;
        self.summary = report.summary();
        self.skipped.extend(report.skipped);
        self.seen.extend(report.seen);
        for found in report.findings {
            self.findings.entry(found.key()).or_insert(found);
        }
    }

    /// What a second run found as well.
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.skipped.extend(other.skipped);
        for (key, found) in other.findings {
            self.findings.entry(key).or_insert(found);
        }
    }

    fn guards(&self, operation: &str) -> bool {
        self.findings.values().any(|found| found.operation == operation && found.check == "auth-undocumented")
    }

    /// Whether an operation was not asked to the end, or nobody was let in, so that a check may not have been made.
    fn unfinished(&self, operation: &str, check: &str) -> bool {
        let of_auth = check.starts_with("auth");
        let name = if of_auth { format!("auth {operation}: ") } else { format!(" {operation}: ") };
        let ends = [TIME_OVER, SILENT, REFUSED];
        self.skipped.iter().any(|why| why.contains(&name) && ends.iter().any(|end| why.ends_with(end)))
    }
}

fn contract_findings(changes: &[Change]) -> Vec<Finding> {
    let severity = |impact| match impact {
        Impact::Breaking | Impact::Loosened => Severity::Error,
        Impact::Additive => Severity::Note,
    };
    let made = changes
        .iter()
        .map(|change| Finding { severity: severity(change.impact), ..finding("contract", change.to_string(), false) });
    made.collect()
}

/// What the proposal has and base has not, and the other way round.
fn told_apart(after: &Checked, before: &Checked) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, found) in after.findings.iter().filter(|(_, found)| found.check != "auth-undocumented") {
        // The same failure under another status is no new one.
        let (operation, check, _) = key;
        let old = before.findings.contains_key(key)
            || before
                .findings
                .keys()
                .any(|(o, c, _)| o == operation && c == check && !matches!(*c, "status" | "schema"));
        // What base was not asked cannot be told from what it has as well.
        let unknown = before.unfinished(operation, check);
        let sure = found.severity == test::Severity::Failure && !unknown;
        let severity = if sure { Severity::Error } else { Severity::Warning };
        let aside = if unknown { " (base was not asked to the end)" } else { "" };
        let text = format!(
            "{} answers {} to {}: {}{aside}\n{}",
            found.operation, found.status, found.case, found.text, found.curl
        );
        findings.push(Finding { severity, ..finding(found.check, text, old) });
    }
    let guarded = before.findings.values().filter(|found| found.check == "auth-undocumented");
    let asked = |operation: &str| after.operations.contains(operation) && !after.unfinished(operation, "auth");
    for found in guarded.filter(|found| asked(&found.operation) && !after.guards(&found.operation)) {
        let text = format!("{} was guarded on base ({}), and is not with the proposal", found.operation, found.status);
        findings.push(finding("auth-loosened", text, false));
    }
    findings
}

fn finding(rule: &str, text: String, old: bool) -> Finding {
    Finding { severity: Severity::Error, rule: Some(rule.to_owned()), message: text, old, ..Finding::default() }
}

fn log(after: &Checked, before: &Checked, changes: &[Change]) -> String {
    let mut lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    for (key, found) in &after.findings {
        let age = if before.findings.contains_key(key) { "old" } else { "new" };
        lines.push(format!(
            "{age}  {}  {}  {}  {}: {}",
            found.operation, found.check, found.status, found.case, found.text
        ));
        lines.push(format!("     {}", found.curl));
    }
    lines.extend(after.skipped.iter().map(|skipped| format!("skipped: {skipped}")));
    lines.push(format!("proposal  {}", after.summary));
    lines.push(format!("base      {}", before.summary));
    let text = crate::text::sanitize(&lines.join("\n")).into_owned();
    crate::text::cut_middle(&text, 8 * 1024).into_owned()
}

fn first_line(error: &ApiError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

async fn say(context: &GateContext, line: &str) {
    let _ = context.output.send(format!("{line}\n").into_bytes()).await;
}

#[async_trait]
impl Gate for ContractGate {
    fn name(&self) -> &'static str {
        "contract"
    }

    fn stage(&self) -> Stage {
        Stage::Middle
    }

    fn remembered_by(&self) -> Option<String> {
        Some(json!([self.settings, self.api]).to_string()).filter(|_| self.settings.auth.is_none())
    }

    /// Only for a project with a service, and a change that may reach it.
    async fn concerns(&self, context: &GateContext) -> bool {
        let talks = |path: &str| {
            let name = Path::new(path);
            let end = name.extension().and_then(|end| end.to_str()).unwrap_or_default().to_ascii_lowercase();
            !matches!(end.as_str(), "md" | "txt" | "rst" | "png" | "jpg" | "svg" | "lock")
        };
        let touches = context.proposal.changes.iter().any(|change| talks(change.path.as_str()));
        touches && self.start_of(&context.subject).await.is_ok()
    }

    async fn run(&self, context: &GateContext) -> Report {
        if let Err(why) = self.start_of(&context.subject).await {
            return Report::not_run(first_line(&why));
        }
        let Some(_turn) = context.shared.turn().await else { return Report::not_run("interrupted") };
        self.prove(context).await
    }
}
