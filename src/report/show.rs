//! The report as markdown.

use std::fmt::{Display, Formatter, Result};

use super::{WorkReport, placed};
use crate::domain::{Evidence, GateStatus, ReviewItem, Standing, TestCase, TestStatus};
use crate::tool::protocol::Planned;

const NONE: &str = "none recorded";

fn section(f: &mut Formatter<'_>, title: &str, lines: Vec<String>) -> Result {
    writeln!(f, "\n## {title}\n")?;
    if lines.is_empty() {
        return writeln!(f, "{NONE}");
    }
    lines.iter().try_for_each(|line| writeln!(f, "{line}"))
}

fn gate(found: &Evidence) -> String {
    let reason = found.reason.as_deref().unwrap_or("").replace('|', "\\|");
    format!("| {} | {} | {} | {} | {reason} |", found.gate, status(found), found.new, found.old)
}

impl Display for WorkReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "# Report of {}", if self.session.is_empty() { "a session" } else { &self.session })?;
        section(f, "Request", self.requests.iter().map(|text| format!("> {}", text.replace('\n', "\n> "))).collect())?;
        let steps = self.plan.steps.iter().map(step);
        let questions = self.questions.iter().map(|question| {
            format!("- asked: {} — answer: {}", question.question, question.answer.as_deref().unwrap_or("none yet"))
        });
        section(f, "Approach", steps.chain(questions).collect())?;
        section(f, "Workflow", self.workflow_lines())?;
        section(
            f,
            "Files",
            self.files.iter().map(|file| format!("- `{}` +{} −{}", file.path, file.added, file.removed)).collect(),
        )?;
        let exchanges =
            self.exchanges.iter().map(|exchange| format!("```\n{}\n{}\n```", exchange.request, exchange.response));
        section(f, "Requests and responses", exchanges.collect())?;
        let mut checks: Vec<String> = self.checks.iter().map(gate).collect();
        if !checks.is_empty() {
            checks.insert(0, "| gate | result | new | old | what |\n|---|---|---|---|---|".to_owned());
            checks.push(format!("\nFailures went back to the agent {} time(s) before this.", self.rounds));
        }
        section(f, "Checks", checks)?;
        section(f, "Tests", self.test_lines())?;
        let environment = self.environment.iter().map(|(name, file)| format!("- `{name}` (read in `{file}`)"));
        section(f, "Environment variables and configuration", environment.collect())?;
        let watched = self.checks.iter().filter(|found| matches!(found.gate.as_str(), "secrets" | "dependencies"));
        let watched = watched.map(|found| format!("- the gate {}: {}", found.gate, status(found)));
        let noted = self.security.iter().map(|one| format!("- {}", placed(one)));
        section(f, "Security notes", watched.chain(noted).collect())?;
        section(f, "Self-review", self.review.iter().map(item).collect())?;
        section(f, "Suggestions", self.suggestions.iter().map(|text| format!("- {text}")).collect())?;
        section(f, "Commits", self.commits.iter().map(|commit| format!("- {} {}", commit.oid, commit.title)).collect())
    }
}

fn status(found: &Evidence) -> &'static str {
    match found.status {
        GateStatus::Pass => "pass",
        GateStatus::Fail => "**fail**",
        GateStatus::NotRun => "*not run*",
    }
}

fn step(planned: &Planned) -> String {
    let mark = if planned.is_done() { "x" } else { " " };
    let seen = match &planned.seen {
        Some(seen) if seen.ok => "seen".to_owned(),
        Some(seen) => format!("not so: {}", seen.reason),
        None if planned.is_done() => "as the agent says".to_owned(),
        None => "open".to_owned(),
    };
    format!("- [{mark}] {} — {} ({seen})", planned.step.title, planned.step.acceptance)
}

fn item(item: &ReviewItem) -> String {
    let standing = match (&item.standing, &item.answer) {
        (Standing::Clear, _) => "nothing found",
        (_, Some(answer)) => answer,
        (_, None) => "**unanswered**",
    };
    let found: String = item.found.iter().map(|found| format!("\n  - {found}")).collect();
    format!("- {}: {standing}{found}", item.topic.name())
}

fn result(case: &TestCase) -> &'static str {
    match case.status {
        _ if case.flaky => "pass, flaky",
        TestStatus::Passed => "pass",
        TestStatus::Failed if case.old => "fail, on base too",
        TestStatus::Failed => "**FAIL**",
        TestStatus::Skipped => "skipped",
    }
}

impl WorkReport {
    fn workflow_lines(&self) -> Vec<String> {
        if self.files.is_empty() && self.plan.steps.is_empty() {
            return Vec::new();
        }
        let word = |done: Option<bool>| match done {
            Some(true) => "done",
            Some(false) => "open",
            None => "–",
        };
        let rows =
            self.workflow.iter().map(|stage| format!("| {} | {} | {} |", stage.name, word(stage.done), stage.words));
        std::iter::once("| part | state | recorded |\n|---|---|---|".to_owned()).chain(rows).collect()
    }

    fn test_lines(&self) -> Vec<String> {
        let Some((tests, base)) = self.tests else { return Vec::new() };
        let mut lines = vec![format!("- {} passed, {} failed, {} skipped", tests.passed, tests.failed, tests.skipped)];
        lines.extend(base.map(|base| {
            format!("- on base: {} passed, {} failed, {} skipped", base.passed, base.failed, base.skipped)
        }));
        let commands =
            self.checks.iter().filter(|found| found.tests.is_some()).filter_map(|found| found.command.as_ref());
        lines.extend(commands.map(|command| format!("- run them with: `{command}`")));
        let cases: Vec<_> = self.checks.iter().flat_map(|found| &found.cases).collect();
        if !cases.is_empty() {
            lines.push("\n| test | result | ms |\n|---|---|---|".to_owned());
        }
        let row = |case: &&TestCase| format!("| {} | {} | {} |", case.name.replace('|', "\\|"), result(case), case.ms);
        lines.extend(cases.iter().take(200).map(row));
        if cases.len() > 200 {
            lines.push(format!("| … {} more | | |", cases.len() - 200));
        }
        lines
    }
}
