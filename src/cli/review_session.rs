//! Verdicts on a proposal of a session, without a screen.

use super::surroundings::Surroundings;
use super::{Common, Done, Outcome, run};
use crate::domain::{Command, CommitChoice, HunkVerdict, ProposalId, SessionId};
use crate::engine;
use crate::headless::{self, Output, Style};

/// What to do with the proposal.
pub(crate) struct Order {
    pub(crate) proposal: ProposalId,
    pub(crate) verdicts: Vec<HunkVerdict>,
    pub(crate) commit: bool,
    pub(crate) message: Option<String>,
    pub(crate) despite: bool,
}

/// Records the verdicts and, where asked for, commits.
pub(crate) async fn settle(around: &Surroundings, common: &Common, session: SessionId, order: Order) -> Done {
    let since = run::now();
    let mut opening = around.opening(common);
    opening.session = Some(session);
    let (handle, mut updates) = engine::open(opening).await.map_err(run::engine_failure)?;
    let mut output = Output::new(if common.json { Style::Json } else { Style::Text });
    let decide = Command::Decide { proposal: order.proposal.clone(), verdicts: order.verdicts };
    let _ = handle.commands.send(decide).await;
    let outcome = if order.commit {
        let choice = if order.despite { CommitChoice::Despite } else { CommitChoice::Green };
        let commit = Command::Commit { proposal: order.proposal, message: order.message, choice };
        let interrupt = run::interrupted();
        headless::commit(&handle, &mut updates, commit, since, &mut output, &interrupt).await
    } else {
        Outcome::Done
    };
    headless::close(&handle, &mut updates, since, &mut output).await;
    Ok(outcome)
}
