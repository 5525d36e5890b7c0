//! The project's own tests, on base and proposal.

use std::time::Duration;

use async_trait::async_trait;

use super::capture::{self, Conditions, Run};
use super::judge::{judge, together};
use super::prepare::{Focus, is_script};
use super::{Gate, GateContext, Report};
use crate::config::TestGateSettings;
use crate::domain::{GateStatus, Isolation, TestStatus};
use crate::stack::{Evidence, Runner, StackReport, TestCommand};
use crate::workspace::{Exit, Workspace};

/// Runs the project's tests and counts only what is new against the proposal.
#[derive(Clone, Debug)]
pub struct TestGate {
    settings: TestGateSettings,
}

/// The tests of one service.
pub(super) struct Plan {
    /// Its folder; empty for the root.
    pub folder: String,
    /// Ways to run its tests.
    pub commands: Vec<TestCommand>,
    /// What the run is about.
    pub focus: Focus,
    /// Changed test files of it, relative to its folder.
    pub changed_tests: Vec<String>,
}

impl TestGate {
    /// With these settings.
    pub fn new(settings: TestGateSettings) -> Self {
        Self { settings }
    }

    /// What to run: the configured command, else what the manifests of the projects say that the change touches.
    /// Runs the changed tests alone when all of them are known to take long: a failure there is an answer.
    async fn affected_first(&self, plan: &Plan, context: &GateContext) -> Option<Report> {
        const LONG: u64 = 10_000;
        if plan.changed_tests.is_empty() || context.shared.memory()?.of_base::<u64>(&length_key(plan))? < LONG {
            return None;
        }
        let only = plan.changed_tests.clone();
        let plan = Plan {
            folder: plan.folder.clone(),
            commands: plan.commands.clone(),
            focus: Focus { watched: Vec::new(), only },
            changed_tests: Vec::new(),
        };
        let report = self.prove(&plan, context).await;
        let reason = report.reason.clone().unwrap_or_default();
        (report.status == GateStatus::Fail).then(|| Report {
            reason: Some(format!("{reason} (the changed tests alone; the others were not run)")),
            ..report
        })
    }

    /// Ways to run the tests of all services the change touches.
    pub(super) async fn plans(&self, context: &GateContext) -> Result<Vec<Plan>, String> {
        if let Some(command) = &self.settings.command {
            let commands = vec![configured(command)];
            let focus = Focus { watched: watched(context, ""), only: Vec::new() };
            return Ok(vec![Plan { folder: String::new(), commands, focus, changed_tests: Vec::new() }]);
        }
        let report = context.shared.stack(&context.subject).await?;
        let plans = chosen(&report, context);
        if plans.is_empty() { Err(nothing_found(&report)) } else { Ok(plans) }
    }

    async fn prove(&self, plan: &Plan, context: &GateContext) -> Report {
        let limit = Duration::from_secs(self.settings.timeout_s);
        let nothing = Focus::default();
        let subject = conditions(context, context.subject.as_ref(), plan, &plan.focus, limit, true);
        let base = conditions(context, context.base.as_ref(), plan, &nothing, limit, false);
        let (run, before) = if context.subject.isolation() == Isolation::Overlay {
            tokio::join!(capture::first_that_runs(&plan.commands, &subject), run_on_base(plan, context, &base))
        } else {
            let run = capture::first_that_runs(&plan.commands, &subject).await;
            let before = if started(&run) { run_on_base(plan, context, &base).await } else { Run::default() };
            (run, before)
        };
        if let Some(memory) = context.shared.memory().filter(|_| plan.focus.only.is_empty()) {
            memory.keep_of_base(&length_key(plan), &run.ms);
        }
        if plan.focus.only.is_empty() {
            context.shared.keep_runs(&plan.folder, &run, &before);
        }
        context.shared.add_coverage(&run.watched.coverage);
        if run.watched.traced {
            context.shared.traced();
        }
        let report = judge(&run, &before, limit);
        if report.status == GateStatus::Fail && !context.cancel.is_cancelled() {
            return again(report, &run, plan, &subject).await;
        }
        report
    }
}

fn length_key(plan: &Plan) -> String {
    format!("length\0{}", plan.folder)
}

/// Conditions of a run on one of the two workspaces.
pub(super) fn conditions<'a>(
    context: &'a GateContext,
    workspace: &'a dyn Workspace,
    plan: &'a Plan,
    focus: &'a Focus,
    limit: Duration,
    shown: bool,
) -> Conditions<'a> {
    Conditions {
        workspace,
        folder: &plan.folder,
        focus,
        limit,
        output: shown.then(|| context.output.clone()),
        cancel: context.cancel.clone(),
        shared: &context.shared,
    }
}

/// The base does not change from proposal to proposal, so its tests run once.
async fn run_on_base(plan: &Plan, context: &GateContext, base: &Conditions<'_>) -> Run {
    let commands: Vec<&str> = plan.commands.iter().map(|command| command.command.as_str()).collect();
    let key = format!("tests\0{}\0{}", plan.folder, commands.join("\0"));
    if let Some(known) = context.shared.memory().and_then(|memory| memory.of_base::<Run>(&key)) {
        return known;
    }
    let run = capture::first_that_runs(&plan.commands, base).await;
    if let Some(memory) = context.shared.memory()
        && matches!(run.exit, Some(Exit::Code(_)))
        && run.missing.is_none()
    {
        memory.keep_of_base(&key, &run);
    }
    run
}

/// Failures that a second run does not show are told apart from those that stay.
async fn again(mut report: Report, run: &Run, plan: &Plan, conditions: &Conditions<'_>) -> Report {
    const MOST: u32 = 10;
    let few = run.outcome.as_ref().is_some_and(|outcome| outcome.count.failed <= MOST && outcome.count.passed > 0);
    let cheap = run.ms < 60_000 && Duration::from_millis(run.ms * 3) < conditions.limit;
    let new: Vec<String> = report
        .cases
        .iter()
        .filter(|case| case.status == TestStatus::Failed && !case.old)
        .map(|case| case.name.clone())
        .collect();
    if !few || !cheap || new.is_empty() || new.len() != report.new as usize {
        return report;
    }
    let second = capture::first_that_runs(&plan.commands, conditions).await;
    let Some(outcome) = &second.outcome else { return report };
    let ran = outcome.count.passed + outcome.count.failed;
    let whole = run.outcome.as_ref().is_some_and(|first| ran == first.count.passed + first.count.failed);
    let passed = |name: &str| second.cases.iter().any(|case| case.name == name && case.status == TestStatus::Passed);
    for case in report.cases.iter_mut().filter(|case| new.contains(&case.name)) {
        case.flaky = whole && passed(&case.name);
    }
    let flaky = new.iter().filter(|name| whole && passed(name)).count();
    report.new -= u32::try_from(flaky).unwrap_or(0).min(report.new);
    if flaky > 0 && report.new == 0 {
        report.status = GateStatus::Pass;
        report.reason = Some(format!("flaky, passed when run again: {}", new.join(", ")));
    } else if flaky > 0 {
        report.reason = report.reason.map(|reason| format!("{reason} ({flaky} more flaky)"));
    }
    report
}

fn started(run: &Run) -> bool {
    run.missing.is_none() && !matches!(run.exit, None | Some(Exit::Cancelled))
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
    let plan = |service: &crate::stack::Service| Plan {
        folder: service.folder.clone(),
        commands: service.tests.clone(),
        focus: Focus { watched: watched(context, &service.folder), only: Vec::new() },
        changed_tests: paths
            .iter()
            .filter_map(|path| service.relative(path))
            .filter(|path| is_test(path))
            .map(str::to_owned)
            .collect(),
    };
    services.map(plan).collect()
}

/// Changed sources in a folder, whose lines are watched while the tests run.
fn watched(context: &GateContext, folder: &str) -> Vec<String> {
    let paths =
        context.proposal.changes.iter().filter(|change| change.result.is_some()).map(|change| change.path.as_str());
    let inside = paths.filter(|path| folder.is_empty() || path.starts_with(&format!("{folder}/")));
    inside
        .filter(|path| (path.ends_with(".py") || path.ends_with(".go") || is_script(path)) && !is_test(path))
        .map(str::to_owned)
        .collect()
}

/// Whether a file holds tests, by the names all these languages give them.
pub(super) fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let source = name.ends_with(".py")
        || name.ends_with(".go")
        || name.ends_with(".rs")
        || name.ends_with(".java")
        || is_script(name);
    let folder = path.split('/').rev().skip(1).any(|part| matches!(part, "test" | "tests" | "__tests__" | "spec"));
    let named = stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with(".test")
        || stem.ends_with(".spec")
        || stem == "tests"
        || stem.ends_with("Test");
    source && (named || folder && stem != "__init__" && stem != "conftest")
}

fn nothing_found(report: &StackReport) -> String {
    match report.services.first() {
        Some(service) => format!("no tests found in this {} project", service.language),
        None => "no tests found: no manifest says how this project is tested; set gates.tests.command".into(),
    }
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
            let report = match self.affected_first(plan, context).await {
                Some(failed) => failed,
                None => self.prove(plan, context).await,
            };
            findings.push(report);
            if context.cancel.is_cancelled() {
                break;
            }
        }
        together(findings)
    }
}
