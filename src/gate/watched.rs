//! What a run leaves behind for machines: the runner's report, which lines ran, where modules came from.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::capture::Run;
use super::prepare::Prepared;
use super::reading::Outcome;
use super::results::{self, Format};
use crate::domain::{RepoPath, TestCase, TestStatus};
use crate::workspace::Workspace;

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
pub(super) fn look(run: &mut Run, ready: &Prepared, workspace: &dyn Workspace) {
    let mut probed = Vec::new();
    if let Some(folder) = &ready.folder {
        for probe in probes(folder, workspace) {
            probed.extend(probe.cases);
            run.watched.traced |= probe.other_tracer;
            run.watched.elsewhere.extend(probe.elsewhere);
            run.watched.coverage.join(&Coverage { ran: probe.lines, can: probe.statements });
        }
    }
    if let Some(path) = &ready.coverage
        && let Ok(file) = workspace.read(path)
    {
        let text = String::from_utf8_lossy(&file.bytes);
        let root = workspace.root().to_string_lossy();
        run.watched.coverage.join(&if ready.go { go_profile(&text) } else { istanbul(&text, &root) });
    }
    match &ready.report {
        Some((Format::Probe, _)) => {
            for case in &mut probed {
                results::tidy(case, workspace.root());
            }
            run.cases = probed;
        }
        Some((format, path)) => {
            if let Ok(file) = workspace.read(path) {
                match results::read(*format, &file.bytes, workspace.root()) {
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
    take_over(run, ready);
}

/// The report speaks for the run where it tells of as much as the summary does: one command may run several runners.
fn take_over(run: &mut Run, ready: &Prepared) {
    if run.cases.is_empty() {
        return;
    }
    let told = results::outcome(&run.cases);
    let number = |outcome: &Outcome| outcome.count.passed + outcome.count.failed + outcome.count.skipped;
    let less = run.outcome.as_ref().is_some_and(|read| number(&told) < number(read));
    if less && ready.folder.is_some() && !matches!(ready.report, Some((Format::Jest | Format::Mocha, _))) {
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

/// `mode: set`, then `module/file.go:3.14,5.2 1 1`: a block with the number of times it ran.
fn go_profile(text: &str) -> Coverage {
    let mut coverage = Coverage::default();
    for line in text.lines().skip(1) {
        let read = || {
            let (path, rest) = line.rsplit_once(':')?;
            let (range, numbers) = rest.split_once(' ')?;
            let (from, to) = range.split_once(',')?;
            let number = |text: &str| text.split('.').next()?.parse::<usize>().ok();
            Some((path, number(from)?..=number(to)?, !numbers.ends_with(" 0")))
        };
        let Some((path, lines, ran)) = read() else { continue };
        coverage.can.entry(path.to_owned()).or_default().extend(lines.clone());
        if ran {
            coverage.ran.entry(path.to_owned()).or_default().extend(lines);
        }
    }
    coverage
}

/// The coverage file of Jest: statements with how often each ran.
fn istanbul(text: &str, root: &str) -> Coverage {
    let mut coverage = Coverage::default();
    let Ok(Value::Object(files)) = serde_json::from_str(text) else { return coverage };
    for (path, file) in &files {
        let path = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/').to_owned();
        let statements = file.get("statementMap").and_then(Value::as_object).into_iter().flatten();
        for (key, place) in statements {
            let Some(line) = place.pointer("/start/line").and_then(Value::as_u64) else { continue };
            let line = usize::try_from(line).unwrap_or(0);
            coverage.can.entry(path.clone()).or_default().insert(line);
            if file.pointer(&format!("/s/{key}")).and_then(Value::as_u64).is_some_and(|times| times > 0) {
                coverage.ran.entry(path.clone()).or_default().insert(line);
            }
        }
    }
    coverage
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_files_are_read_by_line() {
        let go = go_profile("mode: set\nshop/main.go:3.14,5.2 1 1\nshop/main.go:8.1,8.9 1 0\n");
        assert_eq!(go.ran["shop/main.go"], BTreeSet::from([3, 4, 5]));
        assert_eq!(go.can["shop/main.go"], BTreeSet::from([3, 4, 5, 8]));
        let jest = istanbul(
            r#"{"/r/src/a.js":{"statementMap":{"0":{"start":{"line":2}},"1":{"start":{"line":4}}},"s":{"0":3,"1":0}}}"#,
            "/r",
        );
        assert_eq!((&jest.ran["src/a.js"], &jest.can["src/a.js"]), (&BTreeSet::from([2]), &BTreeSet::from([2, 4])));
    }
}
