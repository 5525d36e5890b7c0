//! Running the gates on throw-away workspaces: one with exactly the subject, one with the base.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::{ContentHash, Evidence, FileState, Progress, Proposal, RepoPath};
use crate::gate::{self, Finding, GateContext};
use crate::proposal;
use crate::text;
use crate::workspace::{Workspace, WorkspaceError};

use super::super::input::{Outcome, What};
use super::super::work::{JobId, Selected};
use super::{Bench, pieces};

type Files = Vec<(RepoPath, Option<FileState>)>;

/// Proves a proposal, or what is selected of it.
pub async fn prove(
    bench: &Bench,
    id: JobId,
    proposal: Proposal,
    selected: Option<Arc<Selected>>,
    cancel: CancellationToken,
) -> Outcome {
    let hash = selected.as_ref().map_or(&proposal.hash, |selected| &selected.hash).clone();
    let (subject, base) = match forks(bench, &proposal, selected.as_deref()).await {
        Ok(forks) => forks,
        Err(text) => return Outcome::Proved(Err(text)),
    };
    for gate in gate::gates_for(&bench.settings.gates) {
        if cancel.is_cancelled() {
            return Outcome::Stopped;
        }
        bench.show(Progress::Waiting { what: format!("gate {}", gate.name()) });
        let (output, received) = mpsc::channel(64);
        let (name, of) = (gate.name().to_owned(), proposal.id.clone());
        let showing = tokio::spawn(pieces::show(bench.clone(), received, move |text| Progress::GateOutput {
            proposal: of.clone(),
            gate: name.clone(),
            text,
        }));
        let context = GateContext {
            proposal: proposal.clone(),
            subject: subject.clone(),
            base: base.clone(),
            output,
            cancel: cancel.clone(),
        };
        let began = Instant::now();
        let finding = gate.run(&context).await;
        drop(context);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), showing).await;
        if cancel.is_cancelled() {
            return Outcome::Stopped;
        }
        let evidence = evidence(&proposal, hash.clone(), gate.name(), finding, began);
        bench.tell(What::Reported(id, evidence)).await;
    }
    Outcome::Proved(Ok(()))
}

fn evidence(proposal: &Proposal, subject: ContentHash, gate: &str, finding: Finding, began: Instant) -> Evidence {
    Evidence {
        proposal: proposal.id.clone(),
        subject,
        gate: gate.to_owned(),
        status: finding.status,
        reason: finding.reason,
        new: finding.new,
        old: finding.old,
        ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        command: finding.command,
        tests: finding.tests,
        base_tests: finding.base_tests,
        log: text::redact(&finding.log).into_owned(),
    }
}

async fn forks(
    bench: &Bench,
    proposal: &Proposal,
    selected: Option<&Selected>,
) -> Result<(Arc<dyn Workspace>, Arc<dyn Workspace>), String> {
    let whole = proposal::states(proposal, &bench.blobs).map_err(|error| error.to_string())?;
    // The draft may have moved on since: whatever it holds is set back to base first.
    let drafted = bench.workspace.changes().map_err(|error| error.to_string())?;
    let mut base: BTreeMap<RepoPath, Option<FileState>> =
        drafted.into_iter().map(|change| (change.path, change.base)).collect();
    base.extend(whole.iter().map(|change| (change.path.clone(), change.base.clone())));
    let mut subject = base.clone();
    let wanted = selected.map_or(&whole, |selected| &selected.files);
    subject.extend(wanted.iter().map(|change| (change.path.clone(), change.result.clone())));
    let words = |error: WorkspaceError| error.to_string();
    let fork = async |files: BTreeMap<_, _>| -> Result<Arc<dyn Workspace>, WorkspaceError> {
        Ok(Arc::from(bench.workspace.fork(Files::from_iter(files)).await?))
    };
    Ok((fork(subject).await.map_err(words)?, fork(base).await.map_err(words)?))
}
