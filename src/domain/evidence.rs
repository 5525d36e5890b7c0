//! What gates found. Only the engine makes these; there is no tool that does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ContentHash, ProposalId};

/// How a gate ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateStatus {
    /// It ran and found nothing new.
    Pass,
    /// It ran and found something that base does not have.
    Fail,
    /// It could not run; `reason` says why. Never shown as green.
    #[default]
    NotRun,
}

/// How many tests ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCount {
    /// Tests that passed.
    pub passed: u32,
    /// Tests that failed or errored.
    pub failed: u32,
    /// Tests that were skipped.
    pub skipped: u32,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It makes its gate red when base does not have it.
    #[default]
    Error,
    /// Worth a look; never makes a gate red.
    Warning,
    /// Good to know.
    Note,
}

/// One thing a gate found: a row of the log pane.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How much it weighs.
    #[serde(default)]
    pub severity: Severity,
    /// The file relative to the root, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line of the result, 1-based, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The rule that was broken, in its tool's own name: "F401", "no-unused-vars".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What is wrong, in one line.
    pub message: String,
    /// Base has it as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub old: bool,
}

/// Marks what base has as well. Lines move, so a finding is known by its file, rule and words; each one of base stands
/// for one of the subject.
pub fn mark_old(mut findings: Vec<Finding>, base: &[Finding]) -> Vec<Finding> {
    let key = |finding: &Finding| (finding.path.clone(), finding.rule.clone(), finding.message.clone());
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    for finding in base {
        *known.entry(key(finding)).or_default() += 1;
    }
    for finding in &mut findings {
        if let Some(left) = known.get_mut(&key(finding)).filter(|left| **left > 0) {
            *left -= 1;
            finding.old = true;
        }
    }
    findings
}

/// How a test ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestStatus {
    /// It passed.
    #[default]
    Passed,
    /// It failed, or broke off.
    Failed,
    /// It was not run on purpose.
    Skipped,
}

/// One test as its runner reported it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCase {
    /// Its full name, with the suites it is in.
    pub name: String,
    /// How it ended.
    pub status: TestStatus,
    /// Milliseconds it took.
    #[serde(default)]
    pub ms: u64,
    /// The file it failed in or is written in, relative to the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line it failed at, 1-based.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Why it failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// It fails on base as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub old: bool,
    /// It failed and passed when it was run again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaky: bool,
}

/// The result of one gate on exactly one content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The proposal.
    pub proposal: ProposalId,
    /// The hash of exactly what was checked: the proposal's own, or that of a selection.
    pub subject: ContentHash,
    /// The gate's name.
    pub gate: String,
    /// How it ended.
    pub status: GateStatus,
    /// Why it failed or did not run, in one line.
    #[serde(default)]
    pub reason: Option<String>,
    /// Findings that base does not have.
    pub new: u32,
    /// Findings that base has as well.
    pub old: u32,
    /// Milliseconds it took, base included.
    pub ms: u64,
    /// What was run, for people: the command line.
    #[serde(default)]
    pub command: Option<String>,
    /// Tests on the proposal, where the gate counts tests.
    #[serde(default)]
    pub tests: Option<TestCount>,
    /// Tests on base.
    #[serde(default)]
    pub base_tests: Option<TestCount>,
    /// The end of the output, cut to some 8 KiB, for the agent and the log.
    #[serde(default)]
    pub log: String,
    /// What was found, new before old, errors first. Empty where a gate only counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Single tests: all that failed or were flaky, and as many of the others as fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<TestCase>,
    /// It informs and stands against nothing: neither a failure nor a missing result of it makes a proposal less than
    /// green.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub advisory: bool,
    /// The result is that of an earlier run on the same content with the same tools.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// The gate still runs: this is what is known so far. A later result of the same gate takes its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

impl Evidence {
    /// It failed, and that counts.
    pub fn is_red(&self) -> bool {
        self.status == GateStatus::Fail && !self.advisory
    }

    /// It does not count against calling the proposal green.
    pub fn is_green(&self) -> bool {
        self.status == GateStatus::Pass || self.advisory
    }

    /// Evidence that says no more than how a gate ended.
    pub fn new(proposal: ProposalId, subject: ContentHash, gate: impl Into<String>, status: GateStatus) -> Self {
        Self {
            proposal,
            subject,
            gate: gate.into(),
            status,
            reason: None,
            new: 0,
            old: 0,
            ms: 0,
            command: None,
            tests: None,
            base_tests: None,
            log: String::new(),
            findings: Vec::new(),
            cases: Vec::new(),
            advisory: false,
            cached: false,
            partial: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_that_base_has_are_old_one_for_one() {
        let finding = |line, message: &str| Finding {
            path: Some("a.py".into()),
            line: Some(line),
            message: message.into(),
            ..Finding::default()
        };
        let found = mark_old(vec![finding(4, "x"), finding(9, "x"), finding(9, "y")], &[finding(1, "x")]);
        assert_eq!(found.iter().map(|one| one.old).collect::<Vec<_>>(), [true, false, false]);
    }
}
