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
use crate::api::spec::{Spec, extract};
use crate::api::test::{self, Finding as Found, Mode, Options, Surroundings};
use crate::config::{ApiSettings, ContractGateSettings};
use crate::domain::{Finding, Isolation, Severity};
use crate::workspace::Workspace;

/// What is checked on both.
const MODES: [Mode; 4] = [Mode::Contract, Mode::Negative, Mode::Auth, Mode::Errors];
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
        let spec = self.spec(workspace, &client).await;
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
        let after = self.check(context, &subject.client, &spec, &changes).await;
        let before = match (&base, old_spec) {
            (Some(base), Some(old)) => self.check(context, &base.client, old, &changes).await,
            _ => Some(Checked::default()),
        };
        let (Some(after), Some(before)) = (after, before) else {
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
        let here = Surroundings { client, spec, recorder: &desk.recorder, tell: &quiet, cancel: &context.cancel };
        let mut checked = Checked::default();
        // What the proposal changes in the contract is looked at closely first.
        let changed: Vec<String> = changed_operations(changes).into_iter().map(str::to_owned).collect();
        let known: BTreeSet<String> = spec.operations().iter().map(crate::api::spec::Operation::name).collect();
        let changed: Vec<String> = changed.into_iter().filter(|name| known.contains(name)).collect();
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
    requests: usize,
    summary: String,
}

impl Checked {
    fn take(&mut self, report: test::Report) {
        self.requests += report.requests;
        self.summary = report.summary();
        self.skipped.extend(report.skipped);
        for found in report.findings {
            self.findings.entry(found.key()).or_insert(found);
        }
    }

    fn guards(&self, operation: &str) -> bool {
        self.findings.values().any(|found| found.operation == operation && found.check == "auth-undocumented")
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
        let severity = if found.severity == test::Severity::Failure { Severity::Error } else { Severity::Warning };
        let text =
            format!("{} answers {} to {}: {}\n{}", found.operation, found.status, found.case, found.text, found.curl);
        findings.push(Finding { severity, ..finding(found.check, text, old) });
    }
    let guarded = before.findings.values().filter(|found| found.check == "auth-undocumented");
    for found in guarded.filter(|found| !after.guards(&found.operation)) {
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
