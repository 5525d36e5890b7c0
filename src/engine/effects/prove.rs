//! Running the gates on throw-away workspaces: one with exactly the subject, one with the base.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::{ContentHash, FileState, Progress, Proposal, RepoPath};
use crate::gate::{self, GateContext, Memory, Passing};
use crate::proposal;
use crate::workspace::{Workspace, WorkspaceError};

use super::super::input::{Outcome, What};
use super::super::work::{JobId, Selected};
use super::{Bench, pieces};

type Files = Vec<(RepoPath, Option<FileState>)>;

/// Proves a proposal, or what is selected of it.
pub async fn prove(
    bench: &Bench,
    id: JobId,
    (proposal, selected): (Proposal, Option<Arc<Selected>>),
    (afresh, only): (bool, Vec<String>),
    cancel: CancellationToken,
) -> Outcome {
    let gates = match gate::chosen(&bench.settings, &bench.environment, &only) {
        Ok(gates) => gates,
        Err(unknown) => return Outcome::Proved(Err(format!("{unknown}; the gates are: {}", unknown.known.join(", ")))),
    };
    let hash = selected.as_ref().map_or(&proposal.hash, |selected| &selected.hash).clone();
    let Forks { subject, base, memory } = match forks(bench, &proposal, selected.as_deref()).await {
        Ok(forks) => forks,
        Err(text) => return Outcome::Proved(Err(text)),
    };
    let (to, passing) = mpsc::channel(64);
    let (output, _) = mpsc::channel(1);
    let memory = memory.map(|memory| if afresh { memory.afresh() } else { memory });
    let context = GateContext::new(proposal.clone(), subject, base, output, cancel.clone()).remembering(memory);
    let proving = async {
        gate::prove(&gates, &context, !only.is_empty(), to).await;
    };
    tokio::join!(proving, tell(bench, id, &proposal, &hash, passing, &cancel));
    if cancel.is_cancelled() { Outcome::Stopped } else { Outcome::Proved(Ok(())) }
}

/// Tells the engine and the log pane what passes by.
async fn tell(
    bench: &Bench,
    id: JobId,
    proposal: &Proposal,
    hash: &ContentHash,
    mut passing: mpsc::Receiver<Passing>,
    cancel: &CancellationToken,
) {
    let mut texts: BTreeMap<&'static str, pieces::Pieces> = BTreeMap::new();
    let show = |gate: &str, text: String| {
        if !text.is_empty() {
            bench.show(Progress::GateOutput { proposal: proposal.id.clone(), gate: gate.to_owned(), text });
        }
    };
    while let Some(passed) = passing.recv().await {
        match passed {
            Passing::Began { gate } => bench.show(Progress::Waiting { what: format!("gate {gate}") }),
            Passing::Output { gate, bytes } => show(gate, texts.entry(gate).or_default().take(&bytes)),
            Passing::Early { gate, report, ms } => {
                if !cancel.is_cancelled() {
                    bench.tell(What::Reported(id, report.evidence(proposal, hash, gate, ms))).await;
                }
            }
            Passing::Ended { gate, report, ms } => {
                show(gate, texts.remove(gate).unwrap_or_default().rest());
                // What was interrupted says nothing about the proposal.
                if !cancel.is_cancelled() {
                    bench.tell(What::Reported(id, report.evidence(proposal, hash, gate, ms))).await;
                }
            }
        }
    }
}

/// What a proof runs on.
pub(super) struct Forks {
    /// With the proposal, or what is selected of it.
    pub subject: Arc<dyn Workspace>,
    /// With the base.
    pub base: Arc<dyn Workspace>,
    /// What earlier proofs of exactly this found; nothing where it cannot be said surely what this is.
    pub memory: Option<Memory>,
}

/// Throw-away workspaces with the proposal, or what is selected of it, and with the base.
pub(super) async fn forks(bench: &Bench, proposal: &Proposal, selected: Option<&Selected>) -> Result<Forks, String> {
    let whole = proposal::states(proposal, &bench.blobs).map_err(|error| error.to_string())?;
    // The draft may have moved on since: whatever it holds is set back to base first.
    let drafted = bench.workspace.changes().map_err(|error| error.to_string())?;
    let mut base: BTreeMap<RepoPath, Option<FileState>> =
        drafted.into_iter().map(|change| (change.path, change.base)).collect();
    base.extend(whole.iter().map(|change| (change.path.clone(), change.base.clone())));
    let mut subject = base.clone();
    let wanted = selected.map_or(&whole, |selected| &selected.files);
    subject.extend(wanted.iter().map(|change| (change.path.clone(), change.result.clone())));
    let memory = memory(bench, &base, &subject).await;
    let words = |error: WorkspaceError| error.to_string();
    let fork = async |files: BTreeMap<_, _>| -> Result<Arc<dyn Workspace>, WorkspaceError> {
        Ok(Arc::from(bench.workspace.fork(Files::from_iter(files)).await?))
    };
    Ok(Forks { subject: fork(subject).await.map_err(words)?, base: fork(base).await.map_err(words)?, memory })
}

/// Looks the results up by all they depend on, before anything runs.
async fn memory(
    bench: &Bench,
    base: &BTreeMap<RepoPath, Option<FileState>>,
    subject: &BTreeMap<RepoPath, Option<FileState>>,
) -> Option<Memory> {
    let (workspace, paths) = (bench.workspace.clone(), base.keys().cloned().collect::<Vec<_>>());
    let below = tokio::task::spawn_blocking(move || workspace.fingerprint(&paths)).await.ok()??;
    let settings = serde_json::to_string(&bench.settings.gates).unwrap_or_default();
    let base = ContentHash::of_parts(&[below.as_bytes(), settings.as_bytes(), named(base).as_str().as_bytes()]);
    Some(Memory::new(&bench.memory, base.as_str(), &named(subject)))
}

/// Names files by what is in them.
fn named(files: &BTreeMap<RepoPath, Option<FileState>>) -> ContentHash {
    let line = |(path, state): (&RepoPath, &Option<FileState>)| match state {
        Some(state) => format!("{path}\0{:?}\0{}\n", state.mode, ContentHash::of(&state.bytes).as_str()),
        None => format!("{path}\0\n"),
    };
    ContentHash::of(files.iter().map(line).collect::<String>().as_bytes())
}
