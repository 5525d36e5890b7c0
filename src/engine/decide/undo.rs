//! Taking the session's commits back and bringing them forward again.

use crate::domain::{Event, NoteLevel};

use super::super::input::Reverted;
use super::super::session::{Receipt, Session};
use super::super::work::{Effect, Job, Step, Work};
use super::{Situation, noted};

/// The user wants a commit taken back, or brought forward again: the one named, else the last one.
pub fn asked(here: &mut Situation<'_>, named: Option<&str>, redo: bool) -> Step {
    if here.busy() {
        return noted(NoteLevel::Warning, format!("nothing was changed: {}", here.occupation()));
    }
    match candidate(here.session, named, redo) {
        Ok(receipt) => {
            let receipt = receipt.clone();
            begin(here, &receipt, redo)
        }
        Err(text) => noted(NoteLevel::Warning, text),
    }
}

/// Starts taking a commit back, or bringing it forward again.
pub fn begin(here: &mut Situation<'_>, receipt: &Receipt, redo: bool) -> Step {
    let work = Work::Revert { oid: receipt.oid.clone(), amends: receipt.amends.clone(), redo, mark: here.mark(None) };
    // What is left of the draft is looked at again afterwards.
    let mut effects: Vec<Effect> = here.flight.stop_freeze().into_iter().collect();
    effects.extend([Effect::Sync, here.flight.begin(Job::Revert { redo }, work)]);
    Step { effects, ..Step::default() }
}

fn candidate<'a>(session: &'a Session, named: Option<&str>, redo: bool) -> Result<&'a Receipt, String> {
    let Some(named) = named else {
        let last = if redo { session.next_redo() } else { session.last_commit() };
        let what =
            if redo { "no commit of this session was taken back" } else { "this session has no commit to take back" };
        return last.ok_or_else(|| what.to_owned());
    };
    let fits = |receipt: &&Receipt| !receipt.oid.is_empty() && receipt.oid.starts_with(named);
    let receipt = session.commits.iter().rev().find(fits).filter(|_| named.len() >= 4);
    let receipt = receipt.ok_or_else(|| format!("this session made no commit `{named}`"))?;
    match (redo, receipt.undone) {
        (true, false) => Err(format!("commit {named} was not taken back")),
        (false, true) => Err(format!("commit {named} is taken back already")),
        (false, false) if !session.stands(receipt) => {
            Err(format!("commit {named} was amended; take back the one that took its place first"))
        }
        _ => Ok(receipt),
    }
}

/// It was done, or not.
pub fn reverted(here: &mut Situation<'_>, redo: bool, result: Result<Reverted, String>) -> Step {
    let done = match result {
        Ok(done) => done,
        Err(text) => {
            let going_back = here.flight.rewinding.take().is_some();
            let text = if going_back { format!("went back no further: {text}") } else { text };
            return noted(NoteLevel::Error, text);
        }
    };
    let mut step = Step::default();
    step.events.extend(done.notes.into_iter().map(|text| Event::Noted { level: NoteLevel::Warning, text }));
    step.events.push(Event::Undone { oid: done.oid, head: done.head, redo });
    let proposal = here.session.open_offer().map(|offer| Box::new(offer.proposal.clone()));
    step.effects.push(here.flight.begin(Job::Rebase, Work::Rebase { proposal, paths: done.paths }));
    step
}
