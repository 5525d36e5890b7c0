//! What a run leaves behind for machines: the runner's report, which lines ran, where modules came from.

mod built;
mod defined;
mod lines;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::capture::Run;
use super::prepare::Prepared;
use super::reading::Outcome;
use super::results::{self, Format};
use crate::domain::{RepoPath, TestCase, TestStatus};
use crate::workspace::Workspace;

pub(super) use lines::Source;

/// Which lines of the watched files ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Coverage {
    /// By file, the lines that ran.
    pub ran: BTreeMap<String, BTreeSet<usize>>,
    /// By file, the lines that can run.
    pub can: BTreeMap<String, BTreeSet<usize>>,
}

impl Coverage {
    /// Adds what another run saw.
    pub(super) fn join(&mut self, more: &Self) {
        for (own, other) in [(&mut self.ran, &more.ran), (&mut self.can, &more.can)] {
            for (path, lines) in other {
                own.entry(path.clone()).or_default().extend(lines);
            }
        }
    }
}

/// What was watched beside a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Watched {
    /// Which lines ran.
    pub coverage: Coverage,
    /// Changed files that were imported from somewhere else, with that place.
    pub elsewhere: BTreeMap<String, String>,
    /// Another tool traced the lines, so nothing is known of them.
    pub traced: bool,
}

#[derive(Deserialize)]
struct Probe {
    lines: BTreeMap<String, BTreeSet<usize>>,
    #[serde(default)]
    statements: BTreeMap<String, BTreeSet<usize>>,
    #[serde(default)]
    elsewhere: BTreeMap<String, String>,
    #[serde(default)]
    other_tracer: bool,
    #[serde(default)]
    cases: Vec<TestCase>,
}

/// Takes in what the run left behind.
pub(super) fn look(run: &mut Run, ready: &Prepared, workspace: &dyn Workspace, (service, watched): (&str, &[String])) {
    let mut probed = Vec::new();
    if let Some(folder) = &ready.folder {
        for probe in probes(folder, workspace) {
            probed.extend(probe.cases);
            run.watched.traced |= probe.other_tracer;
            run.watched.elsewhere.extend(probe.elsewhere);
            run.watched.coverage.join(&Coverage { ran: probe.lines, can: probe.statements });
        }
    }
    for (source, path) in &ready.coverage {
        run.watched.coverage.join(&source.read(path, workspace, watched));
    }
    match &ready.report {
        Some((Format::Probe, _)) => {
            for case in &mut probed {
                results::tidy(case, workspace.root());
            }
            run.cases = probed;
        }
        Some((format, path)) => {
            if let Some(told) = told(*format, path, workspace) {
                match told {
                    Ok(cases) => {
                        // A report without a test is a run without a test, whatever the exit code says.
                        if cases.is_empty() && run.outcome.is_none() {
                            run.outcome = Some(Outcome::default());
                        }
                        run.cases = cases;
                    }
                    Err(why) => run.unreadable = Some(why),
                }
            }
        }
        None => run.cases.iter_mut().for_each(|case| results::tidy(case, workspace.root())),
    }
    for case in &mut run.cases {
        locate(case, ready.go, service, workspace);
        defined::whole_path(case, service, workspace);
        defined::line(case, ready.go, service, workspace);
        built::to_source(case, workspace);
    }
    take_over(run, ready);
}

/// What a report tells; `None` when there is none.
fn told(format: Format, path: &RepoPath, workspace: &dyn Workspace) -> Option<Result<Vec<TestCase>, String>> {
    if format != Format::Folder {
        return workspace.read(path).ok().map(|file| results::read(format, &file.bytes, workspace.root()));
    }
    let (entries, _) = workspace.list(Some(path), 1, 10_000).ok()?;
    let files: Vec<RepoPath> = entries.into_iter().filter(|entry| !entry.folder).map(|entry| entry.path).collect();
    let read = |path: &RepoPath| {
        let file = workspace.read(path).map_err(|error| error.to_string())?;
        results::read(format, &file.bytes, workspace.root())
    };
    let cases: Result<Vec<Vec<TestCase>>, String> = files.iter().map(read).collect();
    (!files.is_empty()).then(|| cases.map(|cases| cases.concat()))
}

/// Runners name files as they see them from the service's folder, Go from that of the package.
fn locate(case: &mut TestCase, go: bool, service: &str, workspace: &dyn Workspace) {
    let Some(path) = case.path.as_deref().filter(|path| !path.starts_with('/')) else { return };
    let folder = |inner: &str| {
        [service, inner, path].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/")
    };
    let package = case.name.split(' ').next().filter(|_| go).unwrap_or_default();
    // `example.com/shop/orders` is the folder `orders` of the module.
    let inner = package.match_indices('/').map(|(at, _)| &package[at + 1..]);
    let candidates = inner.map(folder).chain([folder("")]);
    let there = |path: &String| RepoPath::parse(path).is_ok_and(|path| workspace.read(&path).is_ok());
    if let Some(found) = { candidates }.find(there) {
        case.path = Some(found);
    }
}

/// The report speaks for the run where it tells of as much as the summary does: one command may run several runners.
fn take_over(run: &mut Run, ready: &Prepared) {
    if run.cases.is_empty() {
        return;
    }
    let told = results::outcome(&run.cases);
    let number = |outcome: &Outcome| outcome.count.passed + outcome.count.failed + outcome.count.skipped;
    let less = run.outcome.as_ref().is_some_and(|read| number(&told) < number(read));
    if less && ready.folder.is_some() && !matches!(ready.report, Some((Format::Jest | Format::Mocha | Format::Node, _)))
    {
        run.cases.clear();
        return;
    }
    run.outcome = Some(told);
}

fn probes(folder: &RepoPath, workspace: &dyn Workspace) -> Vec<Probe> {
    let Ok((entries, _)) = workspace.list(Some(folder), 1, 1_000) else { return Vec::new() };
    let files = entries.into_iter().filter(|entry| {
        let name = entry.path.file_name();
        !entry.folder && name.starts_with("run-") && name.ends_with(".json")
    });
    files.filter_map(|entry| serde_json::from_slice(&workspace.read(&entry.path).ok()?.bytes).ok()).collect()
}

/// Tests as text, for runners that print nothing themselves.
pub(super) fn listing(cases: &[TestCase]) -> String {
    let mut text = String::new();
    for case in cases.iter().take(2_000) {
        let mark = match case.status {
            TestStatus::Passed => "✓",
            TestStatus::Failed => "✗",
            TestStatus::Skipped => "-",
        };
        text.push_str(&format!("{mark} {} ({} ms)\n", case.name, case.ms));
        if case.status == TestStatus::Failed {
            case.message
                .iter()
                .flat_map(|message| message.lines())
                .take(30)
                .for_each(|line| text.push_str(&format!("    {line}\n")));
        }
    }
    text
}
