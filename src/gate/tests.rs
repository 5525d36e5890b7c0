//! The project's own tests, on base and proposal.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::affected::{self, Affected};
use super::capture::{self, Conditions, Run};
use super::dependents;
use super::judge::{judge, together};
use super::prepare::{Focus, is_script, selects};
use super::{Gate, GateContext, Report};
use crate::config::TestGateSettings;
use crate::domain::{GateStatus, Isolation, RepoPath, TestStatus, from_folder, from_root};
use crate::stack::{Runner, StackReport, TestCommand};
use crate::workspace::{Exit, Workspace};

/// Runs the project's tests and counts only what is new against the proposal.
#[derive(Clone, Debug)]
pub struct TestGate {
    settings: TestGateSettings,
}

/// The tests of one service.
#[derive(Clone)]
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

    /// Runs the tests the change can reach by themselves when all of them take long. What they show for new is told at
    /// once; all of them run in any case.
    async fn affected_first(&self, plan: &Plan, context: &GateContext) -> Option<()> {
        let command = plan.commands.first()?;
        if !selects(command, context.subject.as_ref(), &plan.folder) {
            return None;
        }
        let (of, at) = (plan.clone(), context.clone());
        let Affected { files, all } = tokio::task::spawn_blocking(move || affected::find(&of, &at)).await.ok()?;
        let known = context.shared.memory().and_then(|memory| memory.hint::<u64>(&length_key(plan, context)));
        let long = known.map_or(all >= MANY, |length| length >= LONG);
        if !long || files.is_empty() || files.len() >= all {
            return None;
        }
        let there =
            |file: &&String| RepoPath::parse(&plan.full(file)).is_ok_and(|path| context.base.read(&path).is_ok());
        let chosen = files.iter().filter(|file| is_test(file)).count();
        let changed = context.proposal.changes.iter().filter(|change| change.result.is_some());
        let related: Vec<String> =
            changed.filter_map(|change| plan.inside(change.path.as_str())).map(str::to_owned).collect();
        let of_base = |files: &[String]| files.iter().filter(there).cloned().collect();
        let on_base = Focus { only: of_base(&files), related: of_base(&related), ..Focus::default() };
        let of_all = context
            .output
            .send(format!("{chosen} of {all} test files first: those the change can reach\n").into_bytes());
        let _ = of_all.await;
        let focus = Focus { only: files, related, ..Focus::default() };
        let limit = Duration::from_secs(self.settings.timeout_s);
        let subject = conditions(context, context.subject.as_ref(), plan, &focus, limit, true);
        let base = conditions(context, context.base.as_ref(), plan, &on_base, limit, false);
        let run = capture::first_that_runs(&plan.commands, &subject).await;
        let failed = run.selected && run.outcome.as_ref().is_some_and(|outcome| outcome.count.failed > 0);
        if !failed || context.cancel.is_cancelled() {
            return None;
        }
        let before = match known_on_base(plan, context) {
            Some(known) => known,
            None if on_base.only.is_empty() => Run::default(),
            None => capture::first_that_runs(&plan.commands, &base).await,
        };
        let report = judge(&run, &before, limit);
        let reason = report.reason.clone().unwrap_or_default();
        if report.status == GateStatus::Fail {
            let reason = Some(format!("{reason} (the tests the change can reach; the others still run)"));
            let _ = context.early.send(Report { reason, partial: true, ..report }).await;
        }
        Some(())
    }

    /// What to run: the configured command, else what the manifests of the projects say that the change touches.
    pub(super) async fn plans(&self, context: &GateContext) -> Result<Vec<Plan>, String> {
        if let Some(command) = &self.settings.command {
            let commands = vec![TestCommand::configured(command)];
            let focus = Focus { watched: watched(context, ""), ..Focus::default() };
            return Ok(vec![Plan { folder: String::new(), commands, focus, changed_tests: Vec::new() }]);
        }
        let report = context.shared.stack(&context.subject).await?;
        let looking = (Arc::clone(&report), context.clone());
        let plans = tokio::task::spawn_blocking(move || chosen(&looking.0, &looking.1)).await;
        let plans = plans.map_err(|error| format!("the manifests could not be read: {error}"))?;
        if plans.is_empty() { Err(nothing_found(&report)) } else { Ok(plans) }
    }

    async fn prove(&self, plan: &Plan, context: &GateContext) -> Report {
        let limit = Duration::from_secs(self.settings.timeout_s);
        let nothing = Focus::default();
        let subject = conditions(context, context.subject.as_ref(), plan, &plan.focus, limit, true);
        let base = conditions(context, context.base.as_ref(), plan, &nothing, limit, false);
        let ((run, cached), before) = if context.subject.isolation() == Isolation::Overlay {
            tokio::join!(run_on_subject(plan, context, &subject), run_on_base(plan, context, &base))
        } else {
            let run = run_on_subject(plan, context, &subject).await;
            let before = if started(&run.0) { run_on_base(plan, context, &base).await } else { Run::default() };
            (run, before)
        };
        if let Some(memory) = context.shared.memory().filter(|_| !cached && started(&run)) {
            memory.keep_hint(&length_key(plan, context), &run.ms);
        }
        context.shared.keep_runs(&plan.folder, &run, &before);
        context.shared.add_coverage(&run.watched.coverage);
        if run.watched.traced {
            context.shared.traced();
        }
        let report = Report { cached, ..judge(&run, &before, limit) };
        if report.status == GateStatus::Fail && !context.cancel.is_cancelled() {
            let report = again(report, &run, plan, &subject).await;
            let flaky = report.cases.iter().filter(|case| case.flaky).map(|case| case.name.clone());
            context.shared.keep_flaky(&plan.folder, flaky.collect());
            return report;
        }
        report
    }
}

/// All tests together are quick when they take fewer milliseconds: then running some of them first only costs.
const LONG: u64 = 3_000;
/// As long as nobody knows, so many test files are thought to take long.
const MANY: usize = 15;

fn length_key(plan: &Plan, context: &GateContext) -> String {
    format!("length\0{}\0{}", context.subject.root().display(), plan.folder)
}

impl Plan {
    /// A path from the root as it is called within the service; `None` when it lies outside.
    pub(super) fn inside<'a>(&self, path: &'a str) -> Option<&'a str> {
        from_folder(&self.folder, path)
    }

    /// A path within the service as it is called from the root.
    pub(super) fn full(&self, path: &str) -> String {
        from_root(&self.folder, path)
    }

    /// What a run of all its tests is remembered by.
    fn key(&self) -> String {
        let commands: Vec<&str> = self.commands.iter().map(|command| command.command.as_str()).collect();
        format!("tests\0{}\0{}\0{}", env!("CARGO_PKG_VERSION"), self.folder, commands.join("\0"))
    }

    /// The same with the files that are watched meanwhile.
    fn subject_key(&self) -> String {
        format!("{}\0{}", self.key(), self.focus.watched.join("\0"))
    }

    /// Whether what its runner says can be taken for granted later: one that ran every test of a tree that has a name,
    /// and passed. A failure is worth another look, and what other tools read besides the tree nobody knows.
    fn worth_keeping(&self, run: &Run) -> bool {
        let kept =
            [Runner::Pytest, Runner::Unittest, Runner::Django, Runner::Script, Runner::Node, Runner::Go, Runner::Cargo];
        let passed = run.outcome.as_ref().is_some_and(|outcome| outcome.count.passed > 0 && outcome.count.failed == 0);
        self.commands.iter().all(|command| kept.contains(&command.runner))
            && run.exit == Some(Exit::Code(0))
            && passed
            && run.unreadable.is_none()
            && run.watched.elsewhere.is_empty()
    }
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

/// Runs all tests on the subject, unless exactly this was run before and passed.
async fn run_on_subject(plan: &Plan, context: &GateContext, conditions: &Conditions<'_>) -> (Run, bool) {
    let key = plan.subject_key();
    if let Some(known) = context.shared.memory().and_then(|memory| memory.of_subject::<Run>(&key)) {
        return (known, true);
    }
    let run = capture::first_that_runs(&plan.commands, conditions).await;
    if let Some(memory) = context.shared.memory().filter(|_| plan.worth_keeping(&run)) {
        memory.keep_of_subject(&key, &run);
    }
    (run, false)
}

/// The base does not change from proposal to proposal, so its tests run once.
async fn run_on_base(plan: &Plan, context: &GateContext, base: &Conditions<'_>) -> Run {
    if let Some(known) = known_on_base(plan, context) {
        return known;
    }
    let run = capture::first_that_runs(&plan.commands, base).await;
    if let Some(memory) = context.shared.memory().filter(|_| plan.worth_keeping(&run)) {
        memory.keep_of_base(&plan.key(), &run);
    }
    run
}

fn known_on_base(plan: &Plan, context: &GateContext) -> Option<Run> {
    context.shared.memory()?.of_base(&plan.key())
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

fn chosen(report: &StackReport, context: &GateContext) -> Vec<Plan> {
    let paths: Vec<&str> = context.proposal.changes.iter().map(|change| change.path.as_str()).collect();
    let services = dependents::tested_by(report, &paths, context.subject.as_ref()).into_iter();
    let plan = |service: &crate::stack::Service| Plan {
        folder: service.folder.clone(),
        commands: service.tests.clone(),
        focus: Focus { watched: watched(context, &service.folder), ..Focus::default() },
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
            // What was known of the whole before needs no first look.
            if context.shared.memory().is_none_or(|memory| memory.of_subject::<Run>(&plan.subject_key()).is_none()) {
                self.affected_first(plan, context).await;
            }
            if context.cancel.is_cancelled() {
                return Report::not_run("interrupted");
            }
            findings.push(self.prove(plan, context).await);
            if context.cancel.is_cancelled() {
                break;
            }
        }
        together(findings)
    }
}
