//! Tests that can fail: new tests are run without the change, and single changes are taken back to see whether a test
//! notices.

mod hollow;
mod judges;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::StreamExt;

use super::capture::{self, Run};
use super::changed::{Changed, changed};
use super::prepare::{Focus, is_script};
use super::tests::{Plan, TestGate, conditions, is_test};
use super::{Gate, GateContext, Report, Stage};
use crate::config::{MutationGateSettings, TestGateSettings};
use crate::diff::{self, Side, TextHunk};
use crate::domain::{ChangeKind, FileState, Finding, GateStatus, HunkId, RepoPath, Severity, TestStatus};
use crate::workspace::Exit;
use judges::{Judges, Notice};

/// Takes single changes back to see whether a test notices.
pub struct MutationGate {
    settings: MutationGateSettings,
    tests: TestGate,
}

/// The most changes that are taken back.
const MOST: usize = 24;
/// A whole run that takes longer is not repeated for each change when there are changed tests to run instead.
const LONG: u64 = 20_000;

impl MutationGate {
    /// With these settings, running tests as the gate `tests` does.
    pub fn new(settings: MutationGateSettings, tests: TestGateSettings) -> Self {
        Self { settings, tests: TestGate::new(tests) }
    }
}

/// A single change in a file that is no test.
struct Mutant {
    path: RepoPath,
    /// The first changed line in the result.
    line: usize,
    /// The file without the change; `None` when it was not there.
    without: Option<FileState>,
}

/// What became of the mutants.
#[derive(Default)]
struct Tally {
    caught: usize,
    unnoticed: Vec<(String, usize)>,
    broken: usize,
    left: usize,
}

impl Tally {
    /// What came of it in words; `None` when nothing was tried.
    fn said(&self, judges: &Judges) -> Option<String> {
        let tried = self.caught + self.unnoticed.len();
        let mut besides = Vec::new();
        if self.broken > 0 {
            let builds = if self.broken == 1 { "does not build" } else { "do not build" };
            besides.push(format!("{} {builds} when taken back alone", self.broken));
        }
        if self.left > 0 {
            besides.push(format!("{} not tried, the time was up", self.left));
        }
        let besides = if besides.is_empty() { String::new() } else { format!(" ({})", besides.join("; ")) };
        match (tried, self.broken) {
            (0, 0) => None,
            (0, _) => Some(format!("no change can be taken back alone{besides}")),
            _ => Some(format!("would catch {} of {tried} changes{besides}{}", self.caught, judges.left_out())),
        }
    }
}

fn is_source(path: &str) -> bool {
    let known = [".py", ".go", ".rs", ".java", ".kt", ".rb", ".php"].iter().any(|end| path.ends_with(end));
    (known || is_script(path)) && !is_test(path) && !path.ends_with("conftest.py") && !path.contains("/migrations/")
}

/// The single changes of a file. A file that is new is one change, since nothing of it can be taken back alone.
fn mutants(file: &Changed) -> Vec<Mutant> {
    let (Some(after), path) = (&file.after, &file.path) else { return Vec::new() };
    let Some(before) = &file.before else { return Vec::new() };
    let comparison = diff::compare(path, &before.bytes, &after.bytes);
    if comparison.binary {
        return Vec::new();
    }
    let all: BTreeSet<HunkId> = comparison.hunks.iter().map(|hunk| hunk.hunk.id.clone()).collect();
    let mutant = |hunk: &TextHunk| {
        let mut kept = all.clone();
        kept.remove(&hunk.hunk.id);
        let bytes = diff::select(&before.bytes, &after.bytes, &comparison, &kept);
        let first = hunk.lines.iter().find(|line| line.side == Side::Added && behaves(&line.bytes));
        let line = first.and_then(|line| line.new).unwrap_or(hunk.hunk.new[0]);
        Mutant { path: path.clone(), line, without: Some(FileState { bytes, mode: after.mode }) }
    };
    comparison.hunks.iter().filter(|hunk| changes_behaviour(hunk)).map(mutant).collect()
}

/// Whether a hunk does more than move blanks, comments and imports about.
fn changes_behaviour(hunk: &TextHunk) -> bool {
    let side = |side: Side| -> Vec<String> {
        let lines = hunk.lines.iter().filter(|line| line.side == side && behaves(&line.bytes));
        lines.map(|line| String::from_utf8_lossy(&line.bytes).split_whitespace().collect()).collect()
    };
    side(Side::Added) != side(Side::Removed)
}

fn behaves(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    let quiet = ["#", "//", "/*", "*", "import ", "from ", "use ", "\"\"\"", "'''"];
    !text.is_empty()
        && !quiet.iter().any(|start| text.starts_with(start))
        && !matches!(text, "}" | ")" | "]" | "{" | "pass")
}

impl MutationGate {
    async fn prove(&self, plan: &Plan, files: &[Changed], context: &GateContext) -> Report {
        let began = Instant::now();
        let limit = Duration::from_secs(self.settings.seconds);
        let left = || limit.saturating_sub(began.elapsed());
        let judges = match self.judges(plan, context, left()).await {
            Ok(judges) => judges,
            Err(reason) => return Report::not_run(reason),
        };
        let mut findings = Vec::new();
        let mut said = Vec::new();
        if !plan.changed_tests.is_empty() {
            said.extend(self.without_change(plan, files, context, &judges.whole, left(), &mut findings).await);
        }
        let mutants: Vec<Mutant> = files
            .iter()
            .filter(|file| plan.inside(file.path.as_str()).is_some_and(is_source))
            .flat_map(mutants)
            .collect();
        if !mutants.is_empty() {
            let tally = self.tally(plan, mutants, context, &judges, began).await;
            said.extend(tally.said(&judges));
            let severity = if self.settings.blocks { Severity::Error } else { Severity::Note };
            // Without a new test it may as well be a refactoring, of which nothing is to be noticed.
            let listed = self.settings.blocks || !plan.changed_tests.is_empty();
            findings.extend(tally.unnoticed.into_iter().filter(|_| listed).map(|(path, line)| Finding {
                severity,
                path: Some(path),
                line: Some(line),
                rule: Some("unnoticed".to_owned()),
                message: "no test notices when this change is taken back".to_owned(),
                ..Finding::default()
            }));
        }
        let mut report = Report::found(findings, "finding");
        if !said.is_empty() {
            report.reason = Some(said.join("; "));
        }
        report
    }

    /// Who can say that a change is missed.
    ///
    /// # Errors
    /// Nobody can, and why.
    async fn judges(&self, plan: &Plan, context: &GateContext, left: Duration) -> Result<Judges, String> {
        let whole = match context.shared.run_of(&plan.folder) {
            Some(run) => run,
            None => self.run(plan, context, context.subject.as_ref(), Vec::new(), left).await,
        };
        let base = match context.shared.base_run_of(&plan.folder) {
            Some(run) => run,
            None => self.run(plan, context, context.base.as_ref(), Vec::new(), left).await,
        };
        context.shared.keep_runs(&plan.folder, &whole, &base);
        Judges::of(whole, Some(&base), context.shared.flaky(&plan.folder))
    }

    /// Runs the changed tests on the base's production code: that they pass there as well says they prove nothing new.
    async fn without_change(
        &self,
        plan: &Plan,
        files: &[Changed],
        context: &GateContext,
        whole: &Run,
        left: Duration,
        findings: &mut Vec<Finding>,
    ) -> Option<String> {
        let production = files.iter().any(|file| plan.inside(file.path.as_str()).is_some_and(is_source));
        if !production {
            return None;
        }
        let beside = files.iter().filter(|file| !is_source(file.path.as_str()));
        let beside = beside.map(|file| (file.path.clone(), file.after.clone())).collect();
        let fork = context.base.fork(beside).await.ok()?;
        let run = self.run(plan, context, fork.as_ref(), plan.changed_tests.clone(), left).await;
        if !matches!(run.exit, Some(Exit::Code(_))) || run.missing.is_some() {
            return None;
        }
        let new: BTreeSet<&str> = self.new_tests(plan, context, whole).await;
        let passing: BTreeSet<&str> = run
            .cases
            .iter()
            .filter(|case| case.status == TestStatus::Passed && new.contains(case.name.as_str()))
            .map(|case| case.name.as_str())
            .collect();
        if new.is_empty() {
            return None;
        }
        if passing.len() == new.len() {
            let severity = if self.settings.blocks { Severity::Error } else { Severity::Warning };
            findings.push(Finding {
                severity,
                path: plan.changed_tests.first().map(|test| plan.full(test)),
                rule: Some("passes-without".to_owned()),
                message: format!(
                    "every new test passes without the change too: {}",
                    Vec::from_iter(passing).join(", ")
                ),
                ..Finding::default()
            });
            return Some("the new tests pass without the change".to_owned());
        }
        Some(format!("{} of {} new tests fail without the change", new.len() - passing.len(), new.len()))
    }

    /// Tests of the subject that base does not have.
    async fn new_tests<'a>(&self, plan: &Plan, context: &GateContext, whole: &'a Run) -> BTreeSet<&'a str> {
        let before = context.shared.base_run_of(&plan.folder);
        let known: BTreeSet<&str> = before.iter().flat_map(|run| &run.cases).map(|case| case.name.as_str()).collect();
        whole.cases.iter().map(|case| case.name.as_str()).filter(|name| !known.contains(name)).collect()
    }

    /// Takes the changes back one by one, two at a time.
    async fn tally(
        &self,
        plan: &Plan,
        mutants: Vec<Mutant>,
        context: &GateContext,
        judges: &Judges,
        began: Instant,
    ) -> Tally {
        let limit = Duration::from_secs(self.settings.seconds);
        let expected = Duration::from_millis(judges.whole.ms);
        let mut tally = Tally { left: mutants.len().saturating_sub(MOST), ..Tally::default() };
        let tried = mutants.into_iter().take(MOST).map(|mutant| async move {
            let left = limit.saturating_sub(began.elapsed());
            // What cannot come to its end in time is not begun.
            if left < expected || context.cancel.is_cancelled() {
                return (mutant, None);
            }
            let noticed = self.noticed(plan, &mutant, context, judges, left).await;
            (mutant, noticed)
        });
        let mut results = futures_util::stream::iter(tried).buffer_unordered(2);
        while let Some((mutant, noticed)) = results.next().await {
            match noticed {
                Some(Notice::Caught) => tally.caught += 1,
                Some(Notice::Broken) => tally.broken += 1,
                Some(Notice::Missed) => tally.unnoticed.push((mutant.path.as_str().to_owned(), mutant.line)),
                None => tally.left += 1,
            }
        }
        tally.unnoticed.sort();
        tally
    }

    async fn noticed(
        &self,
        plan: &Plan,
        mutant: &Mutant,
        context: &GateContext,
        judges: &Judges,
        left: Duration,
    ) -> Option<Notice> {
        let fork = context.subject.fork(vec![(mutant.path.clone(), mutant.without.clone())]).await.ok()?;
        let only = plan.changed_tests.clone();
        let chosen = !only.is_empty();
        let run = self.run(plan, context, fork.as_ref(), only, left).await;
        let noticed = judges.notice(&run)?;
        if noticed != Notice::Missed || !chosen || judges.whole.ms > LONG {
            return Some(noticed);
        }
        // The changed tests do not see it; perhaps one of the others does.
        let run = self.run(plan, context, fork.as_ref(), Vec::new(), left).await;
        judges.notice(&run)
    }

    async fn run(
        &self,
        plan: &Plan,
        context: &GateContext,
        on: &dyn crate::workspace::Workspace,
        only: Vec<String>,
        left: Duration,
    ) -> Run {
        let focus = Focus { only, ..Focus::default() };
        let conditions = conditions(context, on, plan, &focus, left, false);
        capture::first_that_runs(&plan.commands, &conditions).await
    }
}

/// Kinds of a commit that are not meant to change what tests see.
fn is_quiet(title: &str) -> bool {
    ["refactor", "docs", "style", "chore", "build", "ci", "perf", "revert"]
        .iter()
        .any(|kind| title.strip_prefix(kind).is_some_and(|rest| rest.starts_with([':', '(', '!'])))
}

#[async_trait]
impl Gate for MutationGate {
    fn name(&self) -> &'static str {
        "mutation"
    }

    fn stage(&self) -> Stage {
        Stage::Last
    }

    async fn concerns(&self, context: &GateContext) -> bool {
        let proposal = &context.proposal;
        let title = proposal.message.lines().next().unwrap_or_default();
        let touches = proposal.changes.iter().any(|change| {
            change.kind != ChangeKind::Delete && (is_source(change.path.as_str()) || is_test(change.path.as_str()))
        });
        touches && context.shared.tests_ran() && !is_quiet(&proposal.title) && !is_quiet(title)
    }

    async fn run(&self, context: &GateContext) -> Report {
        let for_files = context.clone();
        let Ok(files) = tokio::task::spawn_blocking(move || changed(&for_files)).await else {
            return Report::not_run("broke off").as_advice();
        };
        let plans = match self.tests.plans(context).await {
            Ok(plans) => plans,
            Err(reason) => return Report::not_run(reason).as_advice(),
        };
        let mut reports: Vec<Report> = Vec::new();
        let hollow: Vec<Finding> = files.iter().flat_map(hollow::look).collect();
        if !hollow.is_empty() {
            reports.push(Report::found(hollow, "finding"));
        }
        for plan in &plans {
            reports.push(self.prove(plan, &files, context).await);
        }
        let mut report = together(reports);
        if !self.settings.blocks {
            report = report.as_advice();
        }
        report
    }
}

/// Puts the reports together; what was said of the changes is worth more than a count of findings.
fn together(reports: Vec<Report>) -> Report {
    let mut reasons: BTreeMap<usize, String> = BTreeMap::new();
    for (index, report) in reports.iter().enumerate() {
        reasons.extend(report.reason.clone().map(|reason| (index, reason)));
    }
    let findings: Vec<Finding> = reports.iter().flat_map(|report| report.findings.clone()).collect();
    let all_missing = reports.iter().all(|report| report.status == GateStatus::NotRun);
    let reason: Vec<String> = reasons.into_values().collect();
    let mut report = if all_missing { Report::not_run(String::new()) } else { Report::found(findings, "finding") };
    report.reason = (!reason.is_empty()).then(|| reason.join("; "));
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FileMode;

    fn file(before: &str, after: &str) -> Changed {
        let state = |text: &str| Some(FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular });
        Changed { path: RepoPath::parse("a.py").unwrap(), before: state(before), after: state(after) }
    }

    #[test]
    fn each_change_of_behaviour_is_taken_back_alone() {
        let filler = "x = 1\ny = 2\nz = 3\nu = 4\nv = 5\nw = 6\nq = 7\np = 8\n";
        let before = format!("a = 1\n{filler}b = 1\n{filler}c = 1\n");
        let after = format!("a = 2\n{filler}b = 1\n# why\n{filler}c = 2\n");
        let found = mutants(&file(&before, &after));
        let lines: Vec<usize> = found.iter().map(|mutant| mutant.line).collect();
        assert_eq!(lines, [1, 20], "the comment is no change of behaviour");
        let text = String::from_utf8(found[0].without.clone().unwrap().bytes).unwrap();
        assert!(text.starts_with("a = 1\n") && text.ends_with("c = 2\n"), "{text}");
        assert!(mutants(&file("def f( a ):\n    pass\n", "def f(a):\n    pass\n")).is_empty(), "only blanks");
    }

    #[test]
    fn a_refactoring_is_known_by_its_title() {
        assert!(
            is_quiet("refactor(api): names")
                && is_quiet("docs: x")
                && !is_quiet("fix: refactor")
                && !is_quiet("documents: x")
        );
    }
}
