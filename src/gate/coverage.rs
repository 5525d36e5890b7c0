//! Which of the added lines ran in a test.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::changed::changed;
use super::prepare::is_script;
use super::tests::is_test;
use super::watched::Coverage;
use super::{Gate, GateContext, Report, Stage};
use crate::domain::{Finding, Severity};

/// Says which added lines no test ran. Advice: it stands against nothing.
pub struct CoverageGate;

/// Lines that were added and can run, by file, and those of them that ran.
struct Lines {
    path: String,
    can: BTreeSet<usize>,
    ran: BTreeSet<usize>,
}

fn added(context: &GateContext, coverage: &Coverage) -> Vec<Lines> {
    let mut found = Vec::new();
    for file in changed(context) {
        let path = file.path.as_str();
        // Go names files by their module.
        let key =
            coverage.can.keys().find(|key| *key == path || path.ends_with(".go") && key.ends_with(&format!("/{path}")));
        let Some(key) = key.filter(|_| file.after.is_some() && !is_test(path)) else { continue };
        let added: BTreeSet<usize> = file.added_lines().into_iter().collect();
        let among = |lines: Option<&BTreeSet<usize>>| lines.map(|lines| lines & &added).unwrap_or_default();
        let can = among(coverage.can.get(key));
        let ran = &among(coverage.ran.get(key)) & &can;
        if !can.is_empty() {
            found.push(Lines { path: path.to_owned(), can, ran });
        }
    }
    found
}

/// Neighbours become ranges: 3, 4, 5, 9 are 3-5 and 9.
fn ranges(lines: &BTreeSet<usize>) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for line in lines {
        match found.last_mut() {
            Some((_, end)) if *end + 1 == *line => *end = *line,
            _ => found.push((*line, *line)),
        }
    }
    found
}

fn report(lines: &[Lines]) -> Report {
    let (can, ran) = lines.iter().fold((0, 0), |(can, ran), file| (can + file.can.len(), ran + file.ran.len()));
    let missed = |file: &Lines| -> Vec<Finding> {
        let finding = |(from, to): (usize, usize)| {
            let which = if from == to { "this line does".to_owned() } else { format!("lines {from}-{to} do") };
            Finding {
                severity: Severity::Warning,
                path: Some(file.path.clone()),
                line: Some(from),
                rule: Some("not-covered".to_owned()),
                message: format!("{which} not run in any test"),
                ..Finding::default()
            }
        };
        ranges(&(&file.can - &file.ran)).into_iter().map(finding).collect()
    };
    let mut report = Report::found(lines.iter().flat_map(missed).collect(), "line");
    report.reason = Some(format!("{ran} of {can} added lines ran"));
    report.as_advice()
}

#[async_trait]
impl Gate for CoverageGate {
    fn name(&self) -> &'static str {
        "coverage"
    }

    fn stage(&self) -> Stage {
        Stage::Last
    }

    async fn concerns(&self, context: &GateContext) -> bool {
        let source = |path: &str| path.ends_with(".py") || path.ends_with(".go") || is_script(path);
        context.shared.tests_ran()
            && context
                .proposal
                .changes
                .iter()
                .any(|change| change.added > 0 && source(change.path.as_str()) && !is_test(change.path.as_str()))
    }

    async fn run(&self, context: &GateContext) -> Report {
        let coverage = context.shared.coverage();
        if context.shared.was_traced() {
            return Report::not_run("the project's own coverage tool traces the lines, so nothing was seen")
                .as_advice();
        }
        if coverage.can.is_empty() {
            let why =
                if context.shared.tests_ran() { "this runner does not tell which lines ran" } else { "no test ran" };
            return Report::not_run(why).as_advice();
        }
        let context = context.clone();
        match tokio::task::spawn_blocking(move || added(&context, &coverage)).await {
            Ok(lines) if lines.is_empty() => Report::pass(Some("no added line can run".to_owned())).as_advice(),
            Ok(lines) => report(&lines),
            Err(error) => Report::not_run(format!("broke off: {error}")).as_advice(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_run_is_told_by_range() {
        let lines = Lines { path: "a.py".into(), can: BTreeSet::from([1, 2, 3, 5, 9]), ran: BTreeSet::from([1, 9]) };
        let report = report(&[lines]);
        assert_eq!(report.reason.as_deref(), Some("2 of 5 added lines ran"));
        let shown: Vec<_> = report.findings.iter().map(|one| (one.line.unwrap(), one.message.as_str())).collect();
        assert_eq!(shown, [(2, "lines 2-3 do not run in any test"), (5, "this line does not run in any test")]);
        assert!(report.advisory);
    }
}
