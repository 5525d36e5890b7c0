//! The parts of the work, each with what is recorded of it: understood, planned, built, tested, described, reviewed.

use serde::Serialize;

use super::WorkReport;
use crate::domain::{GateStatus, Standing};

/// A part of the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// Whether nothing of it is left open; `None` when nothing is recorded of it.
    pub done: Option<bool>,
    /// What is recorded.
    pub words: String,
}

pub(super) fn of(report: &WorkReport) -> Vec<Stage> {
    vec![understand(report), plan(report), implement(report), test(report), document(report), review(report)]
}

fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

fn understand(report: &WorkReport) -> Stage {
    let answered = report.questions.iter().filter(|question| question.answer.is_some()).count();
    let words = match report.questions.len() {
        0 => "nothing was asked".to_owned(),
        all => format!("{} asked, {answered} answered", count(all, "question")),
    };
    let done = (!report.questions.is_empty()).then_some(answered == report.questions.len());
    Stage { name: "understand", done, words }
}

fn plan(report: &WorkReport) -> Stage {
    let steps = &report.plan.steps;
    let done = steps.iter().filter(|step| step.is_done()).count();
    let proven = steps.iter().filter(|step| step.is_proven()).count();
    let words = match steps.len() {
        0 => "no plan".to_owned(),
        all => format!("{done} of {} done, {proven} seen by their checks", count(all, "step")),
    };
    Stage { name: "plan", done: (!steps.is_empty()).then_some(done == steps.len()), words }
}

fn implement(report: &WorkReport) -> Stage {
    let sum = |of: fn(&super::File) -> usize| report.files.iter().map(of).sum::<usize>();
    let words = format!(
        "{}, +{} −{}; {}",
        count(report.files.len(), "file"),
        sum(|file| file.added),
        sum(|file| file.removed),
        count(report.commits.len(), "commit")
    );
    let red = report.checks.iter().any(crate::domain::Evidence::is_red);
    Stage { name: "implement", done: (!report.files.is_empty()).then_some(!red), words }
}

fn test(report: &WorkReport) -> Stage {
    let Some((now, base)) = report.tests else {
        return Stage { name: "test", done: None, words: "no tests ran".to_owned() };
    };
    let before = base.map(|base| format!(" (base {})", base.passed)).unwrap_or_default();
    let words = format!("{} passed, {} failed{before}", now.passed, now.failed);
    let green =
        report.checks.iter().filter(|found| found.tests.is_some()).all(|found| found.status == GateStatus::Pass);
    Stage { name: "test", done: Some(green), words }
}

fn document(report: &WorkReport) -> Stage {
    let written = |path: &&str| {
        let lower = path.to_lowercase();
        [".md", ".rst", ".graphql"].iter().any(|end| lower.ends_with(end))
            || lower.contains("openapi")
            || lower.contains(".env.")
    };
    let files: Vec<&str> = report.files.iter().map(|file| file.path.as_str()).filter(written).collect();
    let words = if files.is_empty() { "no description changed".to_owned() } else { files.join(", ") };
    Stage { name: "document", done: (!files.is_empty()).then_some(true), words }
}

fn review(report: &WorkReport) -> Stage {
    let of = |standing| report.review.iter().filter(|item| item.standing == standing).count();
    let (open, answered) = (of(Standing::Open), of(Standing::Answered));
    let words = match report.review.len() {
        0 => "not reviewed".to_owned(),
        all => format!("{all} topics: {open} unanswered, {answered} answered by the agent"),
    };
    Stage { name: "review", done: (!report.review.is_empty()).then_some(open == 0), words }
}
