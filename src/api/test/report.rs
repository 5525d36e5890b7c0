//! What a run found.

use std::fmt::Write as _;

use serde::Serialize;

use crate::text;

/// How sure it is that something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The contract, or what holds for every service, is broken.
    Failure,
    /// Worth a look; there may be a reason.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The operation, `GET /users/{id}`.
    pub operation: String,
    /// The check.
    pub check: &'static str,
    /// The status that was answered; 0 without an answer.
    pub status: u16,
    /// How sure.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub text: String,
    /// What was tried.
    pub case: String,
    /// The smallest request that shows it, as a curl command.
    pub curl: String,
    /// The exchange that shows it.
    pub exchange: String,
    /// How often it was seen.
    pub seen: usize,
}

impl Finding {
    /// What makes two findings the same.
    pub fn key(&self) -> (String, &'static str, u16) {
        (self.operation.clone(), self.check, self.status)
    }
}

/// The outcome of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// What was done, mode by mode.
    pub modes: Vec<&'static str>,
    /// The seed that gives the same run again.
    pub seed: u64,
    /// Requests that were sent.
    pub requests: usize,
    /// Cases that were as they should be.
    pub passed: usize,
    /// Cases that were not.
    pub failed: usize,
    /// Answers whose body the contract says nothing about.
    pub unchecked: usize,
    /// What could not be checked, and why.
    pub skipped: Vec<String>,
    /// What is wrong, the surest first.
    pub findings: Vec<Finding>,
    /// Things worth knowing.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether anything is broken. A run that sent nothing is no proof of anything.
    pub fn ok(&self) -> bool {
        self.passed > 0 && !self.findings.iter().any(|finding| finding.severity == Severity::Failure)
    }

    /// Two lines for each finding: what is wrong, and how to see it.
    pub fn lines(&self) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            let mark = if finding.severity == Severity::Failure { "✗" } else { "!" };
            let status = if finding.status == 0 { "no answer".to_owned() } else { finding.status.to_string() };
            let times = if finding.seen > 1 { format!(" (seen {} times)", finding.seen) } else { String::new() };
            let line = format!(
                "{mark} {}  {}  {status}  {}: {}{times}",
                finding.operation, finding.check, finding.case, finding.text
            );
            let _ = writeln!(out, "{}\n    {}", text::sanitize_line(&line), text::sanitize_line(&finding.curl));
        }
        for skipped in &self.skipped {
            let _ = writeln!(out, "– skipped: {}", text::sanitize_line(skipped));
        }
        for note in &self.notes {
            let _ = writeln!(out, "  note: {}", text::sanitize_line(note));
        }
        let _ = writeln!(out, "{}", self.summary());
        out
    }

    /// The numbers, in one line.
    pub fn summary(&self) -> String {
        let failures = self.findings.iter().filter(|finding| finding.severity == Severity::Failure).count();
        let mut line = format!(
            "{}: {} requests, {} cases passed, {} failed; {failures} failures, {} warnings",
            self.modes.join(" + "),
            self.requests,
            self.passed,
            self.failed,
            self.findings.len() - failures,
        );
        if self.unchecked > 0 {
            let _ = write!(line, ", {} bodies without a schema", self.unchecked);
        }
        if !self.skipped.is_empty() {
            let _ = write!(line, ", {} skipped", self.skipped.len());
        }
        let _ = write!(line, "; seed {}", self.seed);
        line
    }
}
