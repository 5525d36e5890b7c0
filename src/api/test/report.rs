//! What a run found.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::api::spec::draft::Seen;
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
    /// What was answered, where the contract is a draft that wants to know.
    #[serde(skip)]
    pub seen: Vec<Seen>,
}

impl Report {
    /// Whether anything is broken. A run that sent nothing is no proof of anything.
    pub fn ok(&self) -> bool {
        self.passed > 0 && !self.findings.iter().any(|finding| finding.severity == Severity::Failure)
    }

    /// Says of a run by a draft what it is worth, and takes out what only a promise could be held against.
    pub fn drafted(&mut self) {
        let guarded: Vec<String> = self
            .findings
            .iter()
            .filter(|found| found.check == "auth-undocumented")
            .map(|f| f.operation.clone())
            .collect();
        self.findings.retain(|finding| finding.check != "auth-undocumented");
        if !guarded.is_empty() {
            self.notes.push(format!("guarded: {}", guarded.join(", ")));
        }
        self.notes.push(
            "there is no contract, so only what holds for every service was checked; `tenon api spec draft --write \
             openapi.yaml` makes a first one"
                .to_owned(),
        );
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
        for skipped in together(&self.skipped) {
            let _ = writeln!(out, "– skipped: {}", text::sanitize_line(&skipped));
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

/// Operations that a mode skipped for the same reason in one line, when there are many.
fn together(skipped: &[String]) -> Vec<String> {
    let key = |line: &String| {
        let (name, why) = line.rsplit_once(": ")?;
        let (mode, operation) = name.split_once(' ')?;
        operation.contains(' ').then(|| ((mode.to_owned(), why.to_owned()), operation.to_owned()))
    };
    let mut groups: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for ((mode, why), operation) in skipped.iter().filter_map(key) {
        groups.entry((mode, why)).or_default().push(operation);
    }
    groups.retain(|_, operations| operations.len() > 3);
    let grouped = |line: &&String| key(line).is_some_and(|(group, _)| groups.contains_key(&group));
    let mut lines: Vec<String> = skipped.iter().filter(|line| !grouped(line)).cloned().collect();
    lines.extend(groups.iter().map(|((mode, why), operations)| {
        format!("{mode}, {} operations such as {}: {why}", operations.len(), operations[0])
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_of_a_kind_are_one_line() {
        let mut skipped: Vec<String> = (1..=5).map(|n| format!("auth GET /a/{n}: the time is over")).collect();
        skipped.push("auth GET /b: no valid request could be made".to_owned());
        skipped.push("auth: expired tokens: give `auth`".to_owned());
        assert_eq!(
            together(&skipped),
            [
                "auth GET /b: no valid request could be made",
                "auth: expired tokens: give `auth`",
                "auth, 5 operations such as GET /a/1: the time is over",
            ]
        );
    }
}
