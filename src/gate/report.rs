//! What a gate found.

use serde::{Deserialize, Serialize};

use crate::domain::{ContentHash, Evidence, Finding, GateStatus, Proposal, Severity, TestCase, TestCount};
use crate::text;

/// The most findings that are kept.
const FINDINGS: usize = 500;
/// The most single tests that are kept.
const CASES: usize = 500;

/// What a gate found; the engine makes [`Evidence`] of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub status: GateStatus,
    /// Why it failed or did not run, in one line.
    pub reason: Option<String>,
    /// Findings that base does not have.
    pub new: u32,
    /// Findings that base has as well.
    pub old: u32,
    /// What was run.
    pub command: Option<String>,
    /// Tests on the subject.
    pub tests: Option<TestCount>,
    /// Tests on base.
    pub base_tests: Option<TestCount>,
    /// The end of the output, cut to some 8 KiB.
    pub log: String,
    /// What was found, line by line.
    pub findings: Vec<Finding>,
    /// Single tests.
    pub cases: Vec<TestCase>,
    /// It informs and stands against nothing.
    pub advisory: bool,
    /// It is the result of an earlier run on the same content.
    #[serde(skip)]
    pub cached: bool,
    /// The gate still runs.
    #[serde(skip)]
    pub partial: bool,
}

impl Report {
    fn new(status: GateStatus, reason: Option<String>) -> Self {
        Self { status, reason, ..Self::default() }
    }

    /// It ran and found nothing new.
    pub fn pass(reason: Option<String>) -> Self {
        Self::new(GateStatus::Pass, reason)
    }

    /// It could not run, and why.
    pub fn not_run(reason: impl Into<String>) -> Self {
        Self::new(GateStatus::NotRun, Some(reason.into()))
    }

    /// It ran and found this. A new error makes it fail; what is old or less than an error does not.
    pub fn found(mut findings: Vec<Finding>, what: &str) -> Self {
        findings.sort_by(|a, b| (a.old, a.severity, &a.path, a.line).cmp(&(b.old, b.severity, &b.path, b.line)));
        let number = |fits: &dyn Fn(&Finding) -> bool| {
            u32::try_from(findings.iter().filter(|finding| fits(finding)).count()).unwrap_or(u32::MAX)
        };
        let new = number(&|finding| !finding.old && finding.severity == Severity::Error);
        let warnings = number(&|finding| !finding.old && finding.severity == Severity::Warning);
        let old = number(&|finding| finding.old);
        let several = |count: u32| if count == 1 { what.to_owned() } else { format!("{what}s") };
        let first = findings.first().map(short).unwrap_or_default();
        let mut report = if new > 0 {
            Self::new(GateStatus::Fail, Some(format!("{new} new {}: {first}", several(new))))
        } else if warnings > 0 {
            Self::pass(Some(format!("{warnings} to look at: {first}")))
        } else {
            Self::pass((old > 0).then(|| format!("{old} {} on base too", several(old))))
        };
        report.new = new;
        report.old = old;
        report.findings = findings;
        report
    }

    /// The same with the command that was run.
    #[must_use]
    pub fn with_command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// The same with the end of the output.
    #[must_use]
    pub fn with_log(mut self, log: impl Into<String>) -> Self {
        self.log = log.into();
        self
    }

    /// The same, standing against nothing.
    #[must_use]
    pub fn as_advice(mut self) -> Self {
        self.advisory = true;
        self
    }

    /// Pins it to exactly what was checked. Secrets in it are taken out.
    pub fn evidence(self, proposal: &Proposal, subject: &ContentHash, gate: &str, ms: u64) -> Evidence {
        let safe = |text: String| text::redact(&text).into_owned();
        let mut findings = self.findings;
        findings.truncate(FINDINGS);
        for finding in &mut findings {
            finding.message = safe(std::mem::take(&mut finding.message));
        }
        let mut cases = self.cases;
        // What failed is worth more than what passed when there is no room for all.
        cases.sort_by_key(|case| (case.status != crate::domain::TestStatus::Failed, !case.flaky));
        cases.truncate(CASES);
        for case in &mut cases {
            case.message = case.message.take().map(&safe);
        }
        Evidence {
            reason: self.reason.map(&safe),
            new: self.new,
            old: self.old,
            ms,
            command: self.command,
            tests: self.tests,
            base_tests: self.base_tests,
            log: safe(self.log),
            findings,
            cases,
            advisory: self.advisory,
            cached: self.cached,
            partial: self.partial,
            ..Evidence::new(proposal.id.clone(), subject.clone(), gate, self.status)
        }
    }
}

/// A finding as a row of a log.
pub(super) fn row(finding: &Finding) -> String {
    let rule = finding.rule.as_ref().map(|rule| format!(" [{rule}]")).unwrap_or_default();
    let old = if finding.old { " (on base too)" } else { "" };
    format!("{}{rule}{old}\n", short(finding))
}

/// A finding in one line.
fn short(finding: &Finding) -> String {
    let at = match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!("{path}:{line}: "),
        (Some(path), None) => format!("{path}: "),
        _ => String::new(),
    };
    let message: String = finding.message.lines().next().unwrap_or_default().chars().take(160).collect();
    format!("{at}{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity, old: bool) -> Finding {
        Finding { severity, old, message: "m".into(), path: Some("a.py".into()), line: Some(3), ..Finding::default() }
    }

    #[test]
    fn only_a_new_error_makes_a_gate_red() {
        for (findings, status, reason) in [
            (vec![], GateStatus::Pass, None),
            (vec![finding(Severity::Error, true)], GateStatus::Pass, Some("1 finding on base too")),
            (vec![finding(Severity::Warning, false)], GateStatus::Pass, Some("1 to look at: a.py:3: m")),
            (
                vec![finding(Severity::Error, true), finding(Severity::Error, false)],
                GateStatus::Fail,
                Some("1 new finding: a.py:3: m"),
            ),
        ] {
            let report = Report::found(findings, "finding");
            assert_eq!((report.status, report.reason.as_deref()), (status, reason));
        }
    }
}
