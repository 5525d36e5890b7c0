//! What the engine checks on a proposal: one file a gate.

mod capture;
mod files;
mod judge;
mod reading;
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::GateSettings;
use crate::domain::{GateStatus, Proposal, TestCount};
use crate::workspace::Workspace;

pub use files::WorkspaceFiles;
pub use tests::TestGate;

/// What a gate has at hand.
#[derive(Clone)]
pub struct GateContext {
    /// The proposal it belongs to.
    pub proposal: Proposal,
    /// Holds exactly what is to be checked.
    pub subject: Arc<dyn Workspace>,
    /// Holds the same without the proposal.
    pub base: Arc<dyn Workspace>,
    /// Output while it runs; raw bytes.
    pub output: mpsc::Sender<Vec<u8>>,
    /// Cancelled when the user interrupts.
    pub cancel: CancellationToken,
}

/// What a gate found; the engine makes [`crate::domain::Evidence`] of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
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
}

/// A check on a proposal.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Its name: one word.
    fn name(&self) -> &'static str;

    /// Runs it on subject and base. Cancelled is `not_run` with that reason.
    async fn run(&self, context: &GateContext) -> Finding;
}

/// The gates that are switched on, in the order they should run.
pub fn gates_for(settings: &GateSettings) -> Vec<Arc<dyn Gate>> {
    let mut gates: Vec<Arc<dyn Gate>> = Vec::new();
    if settings.tests.enabled {
        gates.push(Arc::new(TestGate::new(settings.tests.clone())));
    }
    gates
}
