//! The project's own tests, on base and proposal.

use std::time::Duration;

use async_trait::async_trait;

use super::capture::{self, Conditions, Run};
use super::judge::{judge, together};
use super::{Gate, GateContext, Report};
use crate::config::TestGateSettings;
use crate::domain::Isolation;
use crate::stack::{Evidence, Runner, StackReport, TestCommand};
use crate::workspace::Workspace;

/// Runs the project's tests and counts only what is new against the proposal.
#[derive(Clone, Debug)]
pub struct TestGate {
    settings: TestGateSettings,
}

/// The tests of one project.
struct Plan {
    folder: String,
    commands: Vec<TestCommand>,
}

impl TestGate {
    /// With these settings.
    pub fn new(settings: TestGateSettings) -> Self {
        Self { settings }
    }

    /// What to run: the configured command, else what the manifests of the projects say that the change touches.
    async fn plans(&self, context: &GateContext) -> Result<Vec<Plan>, String> {
        if let Some(command) = &self.settings.command {
            return Ok(vec![Plan { folder: String::new(), commands: vec![configured(command)] }]);
        }
        let report = context.shared.stack(&context.subject).await?;
        let plans = chosen(&report, context);
        if plans.is_empty() { Err(nothing_found(&report)) } else { Ok(plans) }
    }

    async fn prove(&self, plan: &Plan, context: &GateContext) -> Report {
        let limit = Duration::from_secs(self.settings.timeout_s);
        let conditions = |workspace, output| Conditions {
            workspace,
            folder: &plan.folder,
            environment: environment(workspace, &plan.folder),
            limit,
            output,
            cancel: context.cancel.clone(),
            shared: &context.shared,
        };
        let subject = conditions(context.subject.as_ref(), Some(context.output.clone()));
        let base = conditions(context.base.as_ref(), None);
        let (subject, base) = if apart(context) {
            tokio::join!(
                capture::first_that_runs(&plan.commands, &subject),
                capture::first_that_runs(&plan.commands, &base)
            )
        } else {
            let subject = capture::first_that_runs(&plan.commands, &subject).await;
            let base =
                if started(&subject) { capture::first_that_runs(&plan.commands, &base).await } else { Run::default() };
            (subject, base)
        };
        judge(&subject, &base, limit)
    }
}

/// Whether two runs at once cannot get in each other's way: own network, own processes.
fn apart(context: &GateContext) -> bool {
    context.subject.isolation() == Isolation::Overlay && context.base.isolation() == Isolation::Overlay
}

fn started(run: &Run) -> bool {
    run.missing.is_none() && !matches!(run.exit, None | Some(crate::workspace::Exit::Cancelled))
}

fn configured(command: &str) -> TestCommand {
    TestCommand {
        command: command.to_owned(),
        runner: Runner::Configured,
        evidence: Evidence { file: "config.toml".into(), line: None, text: "gates.tests.command".into() },
        install: "see `gates.tests.command` in your config.toml".into(),
    }
}

fn chosen(report: &StackReport, context: &GateContext) -> Vec<Plan> {
    let paths: Vec<&str> = context.proposal.changes.iter().map(|change| change.path.as_str()).collect();
    let services = report.tested_by(&paths).into_iter();
    services.map(|service| Plan { folder: service.folder.clone(), commands: service.tests.clone() }).collect()
}

fn nothing_found(report: &StackReport) -> String {
    match report.services.first() {
        Some(service) => format!("no tests found in this {} project", service.language),
        None => "no tests found: no manifest says how this project is tested; set gates.tests.command".into(),
    }
}

/// What makes runners say more, ask less and stay off the network.
fn environment(workspace: &dyn Workspace, folder: &str) -> Vec<(String, String)> {
    const ALWAYS: &[(&str, &str)] = &[
        ("CI", "true"),
        ("NO_COLOR", "1"),
        ("FORCE_COLOR", "0"),
        ("CARGO_TERM_COLOR", "never"),
        ("CARGO_NET_OFFLINE", "true"),
        ("PYTEST_ADDOPTS", "-rfE"),
        ("PYTHONUNBUFFERED", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ];
    let mut variables: Vec<(String, String)> =
        ALWAYS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // In a copy, a package installed "editable" would still be imported from the user's own tree.
    let source = if folder.is_empty() { "src".to_owned() } else { format!("{folder}/src") };
    let listed = crate::domain::RepoPath::parse(&source).is_ok_and(|path| workspace.list(Some(&path), 1, 1).is_ok());
    if workspace.isolation() == Isolation::Copy && listed {
        variables.push(("PYTHONPATH".into(), workspace.root().join(source).to_string_lossy().into_owned()));
    }
    variables
}

#[async_trait]
impl Gate for TestGate {
    fn name(&self) -> &'static str {
        "tests"
    }

    async fn run(&self, context: &GateContext) -> Report {
        let plans = match self.plans(context).await {
            Ok(plans) => plans,
            Err(reason) => return Report::not_run(reason),
        };
        let mut findings = Vec::new();
        for plan in &plans {
            findings.push(self.prove(plan, context).await);
            if context.cancel.is_cancelled() {
                break;
            }
        }
        together(findings)
    }
}
