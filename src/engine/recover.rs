//! What the last run of the program left half done in a session: recorded, and followed by the draft, before anything else.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{Event, NoteLevel, Record, SessionId};
use crate::git::{Deed, Receipt, Repository};

use super::EngineError;
use super::driver::Driver;
use super::effects;
use super::input::{Input, Outcome, What};
use super::open::{failure, journal_failure, write};
use super::session::{Offer, Session};
use super::work::{Effect, Job, Selected, Work};

/// What a session did to the repository last, when its journal does not know of it.
pub fn unrecorded(repository: &Repository, id: &SessionId, records: &[Record]) -> Result<Option<Receipt>, EngineError> {
    let receipt = repository.receipt(id).map_err(|error| failure(error.to_string()))?;
    let known = |receipt: &Receipt| {
        let later = records.iter().filter(|record| record.seq > receipt.mark.after);
        later.map(|record| &record.event).any(|event| matches!(event, Event::Committed { .. } | Event::Undone { .. }))
    };
    Ok(receipt.filter(|receipt| !records.is_empty() && !known(receipt)))
}

/// What the last run of the program left to be finished.
pub enum Unfinished {
    /// Done and not recorded.
    Deed {
        receipt: Box<Receipt>,
        /// The proposal of a commit, with the verdicts as they were then: later ones are no part of it.
        offer: Option<Offer>,
        /// That its files are written is recorded already.
        applied: bool,
    },
    /// A commit the draft has perhaps not followed.
    Draft(Offer),
}

impl Unfinished {
    /// What is to be finished, from what is known of the repository and the session.
    pub fn of(unrecorded: Option<Receipt>, records: &[Record]) -> Option<Self> {
        match unrecorded {
            Some(receipt) => {
                let then = |proposal| {
                    let before = records.iter().take_while(|record| record.seq <= receipt.mark.after);
                    Session::of(before).offer(proposal).cloned()
                };
                let offer = receipt.mark.proposal.as_ref().filter(|_| receipt.deed == Deed::Commit).and_then(then);
                let applied = records.last().is_some_and(|record| matches!(record.event, Event::Applied { .. }));
                Some(Self::Deed { receipt: Box::new(receipt), offer, applied })
            }
            None => unsettled(records).map(Self::Draft),
        }
    }

    /// Records what was done, and lets the draft follow it.
    pub async fn finish(self, driver: &mut Driver) -> Result<(), EngineError> {
        match self {
            Self::Deed { receipt, offer, applied } => catch_up(driver, *receipt, offer, applied).await,
            Self::Draft(offer) => settle_again(driver, offer).await,
        }
    }
}

/// The program ended after a commit, an undo or a redo of this session and before it was recorded: it is recorded now,
/// and the draft follows the tree.
async fn catch_up(
    driver: &mut Driver,
    receipt: Receipt,
    offer: Option<Offer>,
    applied: bool,
) -> Result<(), EngineError> {
    let Receipt { mark, deed, oid, message, branch, paths, head, .. } = receipt;
    let text = format!("the program ended before this was written down, so it is now: {} {oid}", deed_word(deed));
    write(driver, Event::Noted { level: NoteLevel::Warning, text })?;
    let (job, work) = match (deed, mark.proposal) {
        (Deed::Commit, Some(proposal)) => {
            if !applied {
                write(driver, Event::Applied { proposal: proposal.clone(), paths: paths.clone() })?;
            }
            write(driver, Event::Committed { proposal, oid, message, branch, amends: mark.amends })?;
            match selection(driver, offer).await {
                Some(selected) => (Job::Settle, Work::Settle(selected)),
                None => (Job::Rebase, Work::Rebase { proposal: None, paths }),
            }
        }
        (Deed::Commit, None) => return Ok(()),
        (Deed::Undo | Deed::Redo, _) => {
            write(driver, Event::Undone { oid, head, redo: deed == Deed::Redo })?;
            let proposal = driver.session.open_offer().map(|offer| Box::new(offer.proposal.clone()));
            (Job::Rebase, Work::Rebase { proposal, paths })
        }
    };
    driver.begin(job, work).map_err(journal_failure)
}

/// The program ended after a commit was recorded, perhaps before the draft had followed it: hunks that were rejected
/// would be proposed again. A draft that did follow is left as it is.
async fn settle_again(driver: &mut Driver, offer: Offer) -> Result<(), EngineError> {
    let Some(selected) = selection(driver, Some(offer)).await else { return Ok(()) };
    let workspace = Arc::clone(&driver.bench.workspace);
    let drafted = tokio::task::spawn_blocking(move || workspace.changes()).await;
    let Ok(Ok(drafted)) = drafted else { return Ok(()) };
    let mut selected = Arc::unwrap_or_clone(selected);
    selected.whole.retain(|file| drafted.iter().any(|change| change.path == file.path));
    if selected.whole.is_empty() {
        return Ok(());
    }
    // Before anything else can be asked for: what comes next may be about the commit.
    let selected = Arc::new(selected);
    let Effect::Start(id, _) = driver.flight.begin(Job::Settle, Work::Settle(Arc::clone(&selected))) else {
        return Ok(());
    };
    let outcome = effects::settle(&driver.bench, &selected).await;
    driver.take(Input { at: Timestamp::now(), what: What::Ended(id, outcome) }).map_err(journal_failure)
}

/// The proposal that was committed last, when nothing is recorded since that comes after the draft has followed.
fn unsettled(records: &[Record]) -> Option<Offer> {
    let last = records.iter().rposition(|record| matches!(record.event, Event::Committed { .. }))?;
    let (until, since) = records.split_at_checked(last + 1)?;
    let moved = |record: &Record| {
        matches!(
            record.event,
            Event::Proposed { .. }
                | Event::TurnStarted { .. }
                | Event::ToolCalled { .. }
                | Event::Undone { .. }
                | Event::Rewound { .. }
        )
    };
    let Event::Committed { proposal, .. } = &until.last()?.event else { return None };
    if since.iter().any(moved) { None } else { Session::of(until).offer(proposal).cloned() }
}

fn deed_word(deed: Deed) -> &'static str {
    match deed {
        Deed::Commit => "commit",
        Deed::Undo => "the undo of",
        Deed::Redo => "the redo of",
    }
}

async fn selection(driver: &Driver, offer: Option<Offer>) -> Option<Arc<Selected>> {
    match effects::select(driver.bench.clone(), offer?).await {
        Outcome::Selected(Ok(selected)) => Some(selected),
        _ => None,
    }
}
