//! Stopping: what runs ends, what was streamed stays, every open call is answered.

use crate::domain::{Event, NoteLevel, TurnEnd};

use super::super::session::Call;
use super::super::work::{Effect, Job, Step};
use super::{Situation, cancel, conversation, noted};

/// The user interrupts.
pub fn interrupt(here: &mut Situation<'_>) -> Step {
    let partial = std::mem::take(&mut here.flight.partial);
    let mut step = Step { effects: cancel(here.flight.stop()), ..Step::default() };
    let running = here.session.turn.is_some();
    if running {
        step.join(conversation::keep(partial));
    }
    for call in here.session.unanswered() {
        step.events.push(interrupted(call));
    }
    if running {
        step.join(conversation::end_turn(here, TurnEnd::Interrupted, None));
    } else if !step.effects.is_empty() {
        step.join(noted(NoteLevel::Info, "stopped"));
    }
    step
}

fn interrupted(call: &Call) -> Event {
    let output = "Interrupted by the user before it ended. What it had done by then is still in the workspace.";
    Event::ToolReturned { call: call.call.call.clone(), ok: false, output: output.to_owned(), ms: 0 }
}

/// The session ends in order.
pub fn close(here: &mut Situation<'_>) -> Step {
    let mut step = interrupt(here);
    step.effects.push(Effect::Sync);
    step.effects.push(Effect::Close);
    step
}

/// A piece of work ended without a result, which only a defect brings about; what waits for it must not wait for good.
pub fn fell_over(here: &mut Situation<'_>, job: &Job) -> Step {
    let mut step = interrupt(here);
    here.flight.commission = None;
    step.join(noted(NoteLevel::Error, format!("an internal error ended {job:?} without a result; the draft is kept")));
    step
}
