//! Going back to before a message: first the commits made since are taken back, newest first, each checked; then the
//! draft becomes what it was; then what was said since no longer counts.

use crate::domain::{Event, MessageId, NoteLevel, RepoPath};

use super::super::work::{Job, Rewinding, Step, Work};
use super::{Situation, noted, proposing, undo};

/// The user wants to go back.
pub fn asked(here: &mut Situation<'_>, message: &MessageId) -> Step {
    if here.busy() {
        return noted(NoteLevel::Warning, format!("nothing was changed: {}", here.occupation()));
    }
    let Some(mark) = here.session.marks.iter().rev().find(|mark| mark.message == *message) else {
        return noted(NoteLevel::Error, format!("there is no message `{message}` to go back to"));
    };
    if here.session.summary.as_ref().is_some_and(|summary| summary.upto >= mark.seq) {
        let text = "that message was compacted into a summary; the conversation cannot go back behind it";
        return noted(NoteLevel::Error, text);
    }
    here.flight.rewinding =
        Some(Rewinding { message: message.clone(), to: mark.seq, draft: mark.draft.clone().map(Box::new) });
    let effects = here.flight.stop_freeze().into_iter().collect();
    Step { effects, ..Step::default() }
}

/// The next step of the way back.
pub fn go_on(here: &mut Situation<'_>) -> Step {
    let Some(rewinding) = here.flight.rewinding.clone() else { return Step::default() };
    if let Some(receipt) = here.session.last_commit().filter(|receipt| receipt.seq > rewinding.to).cloned() {
        return undo::begin(here, &receipt, false);
    }
    here.flight.begin(Job::Restore, Work::Restore(rewinding.draft)).into()
}

/// The draft is what it was.
pub fn restored(here: &mut Situation<'_>, result: Result<Vec<RepoPath>, String>) -> Step {
    let Some(rewinding) = here.flight.rewinding.take() else { return Step::default() };
    let paths = match result {
        Ok(paths) => paths,
        Err(text) => return noted(NoteLevel::Error, format!("the draft could not be put back: {text}")),
    };
    let mut step = Step::from(Event::Rewound { message: rewinding.message, to: rewinding.to });
    if !paths.is_empty() {
        let names: Vec<&str> = paths.iter().map(RepoPath::as_str).collect();
        let text =
            format!("your tree changed since: both versions stand between conflict markers in {}", names.join(", "));
        step.join(noted(NoteLevel::Warning, text));
    }
    step.join(proposing::at_rest(here));
    step
}
