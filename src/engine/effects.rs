//! What the engine has others do, one file a kind of work. Every piece of work ends with one `Ended` input.

mod ask;
mod call;
mod check;
mod commit;
mod delegate;
mod follow;
mod generated;
mod pieces;
mod propose;
mod prove;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::domain::Progress;
use crate::git::Repository;
use crate::journal::BlobStore;
use crate::tool::Tools;
use crate::workspace::Workspace;

use super::input::{Input, Outcome, What};
use super::models::Found;
use super::work::{JobId, Work};

pub use commit::select;
pub use delegate::Nursery;
pub use follow::settle;

/// How long stopped work may take to come to its end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// What work has at hand. Cloning is cheap.
#[derive(Clone)]
pub struct Bench {
    /// The transaction.
    pub workspace: Arc<dyn Workspace>,
    /// The user's repository.
    pub repository: Repository,
    /// The bytes proposals point at.
    pub blobs: Arc<BlobStore>,
    /// The tools.
    pub tools: Tools,
    /// Where results of gates are kept.
    pub memory: Arc<Path>,
    /// The settings.
    pub settings: Arc<Settings>,
    /// The user's environment, for secrets that settings name.
    pub environment: Arc<BTreeMap<String, String>>,
    /// The model, when there is one.
    pub found: Option<Found>,
    /// Where tasks for other agents are opened; nowhere when nobody would show them.
    pub nursery: Option<Nursery>,
    /// Where results go.
    pub inbox: mpsc::Sender<Input>,
    /// Where what passes by goes; full is no reason to wait.
    pub progress: mpsc::Sender<Progress>,
}

impl Bench {
    /// Tells the engine something.
    pub async fn tell(&self, what: What) {
        // The engine only stops listening when the session is over.
        let _ = self.inbox.send(Input { at: Timestamp::now(), what }).await;
    }

    /// Shows something that may be lost.
    pub fn show(&self, progress: Progress) {
        let _ = self.progress.try_send(progress);
    }
}

/// Starts a piece of work on a task of its own.
pub fn start(bench: &Bench, id: JobId, work: Work, cancel: CancellationToken) -> tokio::task::JoinHandle<()> {
    let bench = bench.clone();
    let mut inner = tokio::spawn(carry_out(bench.clone(), id, work, cancel.clone()));
    tokio::spawn(async move {
        let outcome = tokio::select! {
            ended = &mut inner => ended.unwrap_or(Outcome::Stopped),
            () = overdue(&cancel) => {
                inner.abort();
                let _ = (&mut inner).await;
                Outcome::Stopped
            }
        };
        bench.tell(What::Ended(id, outcome)).await;
    })
}

async fn overdue(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

async fn carry_out(bench: Bench, id: JobId, work: Work, cancel: CancellationToken) -> Outcome {
    match work {
        Work::Ask(request) => ask::ask(&bench, id, *request, &cancel).await,
        Work::Call { call, permitted } => call::call(&bench, call, permitted, cancel).await,
        Work::Shell { call, command } => call::shell(&bench, call, command, cancel).await,
        Work::Delegate(order) => delegate::delegate(&bench, id, order, cancel).await,
        Work::Check { call, steps } => check::check(&bench, id, call, steps, cancel).await,
        Work::Verify { call, gates } => verify::verify(&bench, call, gates, cancel).await,
        Work::Propose { id, title, message } => propose::propose(bench, id, title, message).await,
        Work::Prove { proposal, selected, afresh, only } => {
            prove::prove(&bench, id, (*proposal, selected), (afresh, only), cancel).await
        }
        Work::Select(offer) => select(bench, *offer).await,
        Work::Commit { selected, message, way, mark } => commit::commit(bench, selected, message, (way, mark)).await,
        Work::Revert { oid, amends, redo, mark } => commit::revert(bench, oid, amends, (redo, mark)).await,
        Work::Restore(draft) => follow::restore(&bench, draft.map(|draft| *draft)).await,
        Work::Review { offer, text } => commit::review(bench, *offer, text).await,
        Work::Settle(selected) => settle(&bench, &selected).await,
        Work::Rebase { proposal, paths } => follow::rebase(&bench, proposal.map(|proposal| *proposal), paths).await,
        // The driver does this itself: it changes what decisions go by.
        Work::Choose { .. } => Outcome::Stopped,
    }
}

/// Runs blocking work on a thread meant for it. A panic there is told like any failure.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(format!("an internal error: {error}")))
}
