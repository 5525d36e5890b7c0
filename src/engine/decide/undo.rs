//! Taking the session's commits back and bringing them forward again.

use crate::domain::{Event, NoteLevel};

use super::super::input::Reverted;
use super::super::session::Receipt;
use super::super::work::{Effect, Job, Step, Work};
use super::{Situation, noted};

/// The user wants the last commit taken back, or the last one taken back brought forward again.
pub fn asked(here: &mut Situation<'_>, redo: bool) -> Step {
    if here.busy() {
        return noted(NoteLevel::Warning, format!("nothing was changed: {}", here.occupation()));
    }
    let Some(receipt) = candidate(&here.session.commits, redo) else {
        let what =
            if redo { "no commit of this session was taken back" } else { "this session has no commit to take back" };
        return noted(NoteLevel::Warning, what);
    };
    let work = Work::Revert { oid: receipt.oid.clone(), redo, mark: here.mark(None) };
    // What is left of the draft is looked at again afterwards.
    let mut effects: Vec<Effect> = here.flight.stop_freeze().into_iter().collect();
    effects.extend([Effect::Sync, here.flight.begin(Job::Revert { redo }, work)]);
    Step { effects, ..Step::default() }
}

/// Undo goes from the last commit backwards, redo from the first undone one forwards.
fn candidate(commits: &[Receipt], redo: bool) -> Option<&Receipt> {
    let mut known = commits.iter().filter(|receipt| !receipt.oid.is_empty() && receipt.undone == redo);
    if redo { known.next() } else { known.next_back() }
}

/// It was done, or not.
pub fn reverted(here: &mut Situation<'_>, redo: bool, result: Result<Reverted, String>) -> Step {
    let done = match result {
        Ok(done) => done,
        Err(text) => return noted(NoteLevel::Error, text),
    };
    let mut step = Step::default();
    step.events.extend(done.notes.into_iter().map(|text| Event::Noted { level: NoteLevel::Warning, text }));
    step.events.push(Event::Undone { oid: done.oid, head: done.head, redo });
    let proposal = here.session.open_offer().map(|offer| Box::new(offer.proposal.clone()));
    step.effects.push(here.flight.begin(Job::Rebase, Work::Rebase { proposal, paths: done.paths }));
    step
}
