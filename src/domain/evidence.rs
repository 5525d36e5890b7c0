//! What gates found. Only the engine makes these; there is no tool that does.

use serde::{Deserialize, Serialize};

use super::{ContentHash, ProposalId};

/// How a gate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateStatus {
    /// It ran and found nothing new.
    Pass,
    /// It ran and found something that base does not have.
    Fail,
    /// It could not run; `reason` says why. Never shown as green.
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
}
