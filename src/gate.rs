//! What the engine checks on a proposal: one file a gate.
//!
//! [`gates_for`] is the registry: a gate is added by one line there. [`prove`] runs gates, side by side where that
//! pays, and tells what happens as it happens. A gate runs commands through the workspaces of its [`GateContext`]
//! only, judges the subject by the base, and never says "pass" about what did not run.

mod affected;
mod capture;
mod changed;
mod check;
mod contract;
mod coverage;
mod dependencies;
mod dependents;
mod deploy;
mod judge;
mod migration;
mod mutation;
mod performance;
mod prepare;
mod proof;
mod reading;
mod report;
mod results;
mod review;
mod scope;
pub mod secrets;
mod served;
mod shared;
mod tests;
mod watched;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::domain::Proposal;
use crate::workspace::Workspace;

pub use check::CheckGate;
pub use contract::ContractGate;
pub use coverage::CoverageGate;
pub use dependencies::DependencyGate;
pub use deploy::DeployGate;
pub use migration::MigrationGate;
pub use mutation::MutationGate;
pub use performance::PerformanceGate;
pub use proof::{Passing, prove};
pub use report::Report;
pub use review::ReviewGate;
pub use scope::ScopeGate;
pub use secrets::SecretsGate;
pub use served::ScratchDatabases;
pub use shared::{Memory, Shared};
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
    /// What is known before it has ended.
    pub early: mpsc::Sender<Report>,
    /// Cancelled when the user interrupts.
    pub cancel: CancellationToken,
    /// What the gates of one proof share.
    pub shared: Arc<Shared>,
}

impl GateContext {
    /// A context of its own, with nothing remembered of earlier proofs.
    pub fn new(
        proposal: Proposal,
        subject: Arc<dyn Workspace>,
        base: Arc<dyn Workspace>,
        output: mpsc::Sender<Vec<u8>>,
        cancel: CancellationToken,
    ) -> Self {
        let shared = Arc::new(Shared::new(subject.isolation()));
        let (early, _) = mpsc::channel(1);
        Self { proposal, subject, base, output, early, cancel, shared }
    }

    /// The same with a memory of earlier proofs.
    #[must_use]
    pub fn remembering(mut self, memory: Option<Memory>) -> Self {
        if let Some(memory) = memory {
            self.shared = Arc::new(Shared::new(self.subject.isolation()).remembering(memory));
        }
        self
    }
}

/// When a gate runs within a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Looks at files only; before all others.
    First,
    /// Runs commands; beside its like.
    Middle,
    /// Needs what the others found.
    Last,
}

/// A check on a proposal.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Its name: one word.
    fn name(&self) -> &'static str;

    /// When it runs.
    fn stage(&self) -> Stage {
        Stage::Middle
    }

    /// What its result depends on besides the two trees, the tools and the dependencies: its settings. `None` when
    /// the result is not worth keeping.
    fn remembered_by(&self) -> Option<String> {
        None
    }

    /// Whether it has anything to say about this change. A gate that does not is left out unless it is asked for.
    async fn concerns(&self, _context: &GateContext) -> bool {
        true
    }

    /// Runs it on subject and base. Cancelled is `not_run` with that reason.
    async fn run(&self, context: &GateContext) -> Report;
}

/// The gates that are switched on, in the order they should run. The environment holds the secrets that profiles name.
pub fn gates_for(all: &Settings, environment: &BTreeMap<String, String>) -> Vec<Arc<dyn Gate>> {
    let settings = &all.gates;
    let mut gates: Vec<Arc<dyn Gate>> =
        vec![Arc::new(ScopeGate::new(settings.scope.clone())), Arc::new(SecretsGate::new(settings.secrets.clone()))];
    gates.push(Arc::new(ReviewGate));
    gates.push(Arc::new(DependencyGate::new(&settings.dependencies)));
    gates.extend(check::CHECKS.map(|name| -> Arc<dyn Gate> { Arc::new(CheckGate::new(name, settings)) }));
    if settings.tests.enabled {
        gates.push(Arc::new(TestGate::new(settings.tests.clone())));
        gates.push(Arc::new(CoverageGate));
        if settings.mutation.enabled {
            gates.push(Arc::new(MutationGate::new(settings.mutation.clone(), settings.tests.clone())));
        }
    }
    gates.push(Arc::new(MigrationGate::new(settings)));
    gates.push(Arc::new(DeployGate));
    if settings.contract.enabled {
        gates.push(Arc::new(ContractGate::new(settings.contract.clone(), all.api.clone(), environment.clone())));
    }
    if settings.performance.enabled {
        let settings = settings.performance.clone();
        gates.push(Arc::new(PerformanceGate::new(settings, all.api.clone(), environment.clone())));
    }
    gates.retain(|gate| !settings.off.iter().any(|name| name == gate.name()));
    gates
}

/// A name that is no gate's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no gate `{name}`")]
pub struct UnknownGate {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: Vec<&'static str>,
}

/// The gates of these names in the order they should run; all that are switched on when none is named.
///
/// # Errors
/// A name is no gate's.
pub fn chosen(
    all: &Settings,
    environment: &BTreeMap<String, String>,
    names: &[String],
) -> Result<Vec<Arc<dyn Gate>>, UnknownGate> {
    let mut gates = gates_for(all, environment);
    if let Some(unknown) = names.iter().find(|name| gates.iter().all(|gate| gate.name() != name.as_str())) {
        return Err(UnknownGate { name: unknown.clone(), known: gates.iter().map(|gate| gate.name()).collect() });
    }
    gates.retain(|gate| names.is_empty() || names.iter().any(|name| name == gate.name()));
    Ok(gates)
}
