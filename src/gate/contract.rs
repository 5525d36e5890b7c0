//! The HTTP contract: base and proposal are served side by side and asked the same, and only what is new counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::served::{Serving, Side, first_line};
use super::{Gate, GateContext, Report, Stage};
use crate::api::sign_up::entrances;
use crate::api::spec::diff::{Change, Impact, changed_operations, diff};
use crate::api::spec::draft::Seen;
use crate::api::spec::{Operation, Spec};
use crate::api::test::{self, Finding as Found, Mode, Options, REFUSED, SILENT, Surroundings, TIME_OVER};
use crate::config::{ApiSettings, ContractGateSettings};
use crate::domain::{Finding, GateStatus, Severity};

/// What is checked on both.
const MODES: [Mode; 5] = [Mode::Contract, Mode::Negative, Mode::Auth, Mode::Paging, Mode::Errors];
/// Cases for an operation the proposal changes in the contract, and for every other one.
const CHANGED_CASES: usize = 200;
const OTHER_CASES: usize = 60;

/// Serves base and proposal and compares what their users see.
#[derive(Clone)]
pub struct ContractGate {
    settings: ContractGateSettings,
    serving: Serving,
}

impl ContractGate {
    /// With these settings, and the variables that profiles name their secrets by.
    pub fn new(settings: ContractGateSettings, api: ApiSettings, environment: BTreeMap<String, String>) -> Self {
        let auth = settings.auth.clone();
        Self { settings, serving: Serving { api, environment, auth } }
    }

    async fn prove(&self, context: &GateContext) -> Report {
        let (subject, base) = self.serving.both(context, false).await;
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
            (Ok(subject), Err(why)) if self.serving.start_of(&context.base).await.is_ok() => {
                let command = subject.service.start.line();
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
        let command = subject.service.start.line();
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
            (Some(base), Some(old)) => self.both(context, (base, old), (&subject, &spec), &changes).await,
            _ => self.check(context, &subject, &spec, &changes).await.map(|after| (Checked::default(), after)),
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
        let report = Report::found(findings, "failure").with_command(command).with_log(log);
        match after.shut() {
            Some((why, most)) if report.status == GateStatus::Pass => {
                // What hardly anybody could enter was not checked, and must not look as if it was.
                let status = if most { GateStatus::NotRun } else { GateStatus::Pass };
                let reason = report.reason.filter(|_| !most).map_or(why.clone(), |reason| format!("{reason}; {why}"));
                Report { status, reason: Some(reason), ..report }
            }
            _ => report,
        }
    }

    /// Runs the checks on base and on the proposal. Where the contract is a draft, what base answers is what is
    /// promised; base is held against it as well, so that what differs from one answer to the next counts for nothing.
    async fn both(
        &self,
        context: &GateContext,
        (base, old): (&Side, &Spec),
        (subject, new): (&Side, &Spec),
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
    async fn check(&self, context: &GateContext, side: &Side, spec: &Spec, changes: &[Change]) -> Option<Checked> {
        let desk = self.serving.desk();
        let mut options =
            Options { time: Duration::from_secs(self.settings.seconds), cases: OTHER_CASES, ..Options::default() };
        match &side.who {
            Ok(None) => {}
            Ok(Some(who)) => {
                say(context, &who.how).await;
                options.credentials = Some(who.credentials.clone());
                options.others.clone_from(&who.others);
            }
            Err(error) => say(context, &error.to_string()).await,
        }
        let quiet = |_: &str| {};
        let client = &test::below(&side.client, spec).await;
        let here = Surroundings {
            client,
            spec,
            recorder: &desk.recorder,
            queries: None,
            tell: &quiet,
            cancel: &context.cancel,
        };
        let operations = spec.operations().iter().map(Operation::name).collect();
        let (entrances, let_in) = (entrances(spec), options.credentials.is_some());
        let mut checked = Checked { operations, entrances, let_in, ..Checked::default() };
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
    /// Operations that are there to let strangers in.
    entrances: usize,
    /// There were credentials to ask with.
    let_in: bool,
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

    /// How many operations nobody was let in to, in words, and whether they are most of all.
    fn shut(&self) -> Option<(String, bool)> {
        let shut = |why: &&String| why.starts_with("contract ") && why.ends_with(REFUSED);
        let count = self.skipped.iter().filter(shut).count();
        let all = self.operations.len().saturating_sub(self.entrances);
        let words = || {
            format!(
                "{count} of {all} operations let nobody in, so what they do was not checked; name a profile: \
                 `[gates.contract] auth`"
            )
        };
        (count > 0 && !self.let_in).then(|| (words(), count * 2 > all))
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
        let unknown = !matches!(found.status, 401 | 403) && before.unfinished(operation, check);
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
        Some(json!([self.settings, self.serving.api]).to_string()).filter(|_| self.settings.auth.is_none())
    }

    async fn concerns(&self, context: &GateContext) -> bool {
        self.serving.is_touched(context).await
    }

    async fn run(&self, context: &GateContext) -> Report {
        self.serving.in_turn(context, self.prove(context)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_could_enter_is_told_and_is_not_run_where_it_is_most_of_all() {
        let operations = ["GET /a", "GET /b", "POST /b"].map(str::to_owned);
        let checked = |shut: &[&str], let_in: bool| Checked {
            skipped: shut.iter().map(|name| format!("contract {name}: {REFUSED}")).collect(),
            operations: operations.clone().into(),
            let_in,
            ..Checked::default()
        };
        let shut = |names: &[&str], let_in| {
            checked(names, let_in).shut().map(|(why, most)| (why.contains("name a profile"), most))
        };
        assert_eq!(shut(&["POST /b"], false), Some((true, false)));
        assert_eq!(shut(&["GET /b", "POST /b"], false), Some((true, true)));
        assert_eq!(shut(&["GET /b", "POST /b"], true), None, "who was let in is refused for a reason");
        assert_eq!(shut(&[], false), None);
    }
}
