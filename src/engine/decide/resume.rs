//! Going on after the program ended, in order or not.

use crate::domain::{Event, NoteLevel, TurnEnd};

use super::super::work::Step;
use super::{Situation, conversation};

/// Closes what was open when the program ended.
pub fn resumed(here: &mut Situation<'_>) -> Step {
    let mut step = Step::default();
    for call in here.session.unanswered() {
        step.events.push(Event::ToolReturned {
            call: call.call.call.clone(),
            ok: false,
            output: "Interrupted: the program ended before this call did. What it had done by then is still in the \
                     workspace."
                .to_owned(),
            ms: 0,
        });
    }
    here.flight.held = true;
    if here.session.turn.is_some() {
        let text =
            "the program ended while the agent worked; the turn is over, the draft is kept. Say something to go on.";
        step.events.push(Event::Noted { level: NoteLevel::Warning, text: text.to_owned() });
        let detail = Some("the program ended".to_owned());
        step.join(conversation::end_turn(here, TurnEnd::Interrupted, detail));
    }
    step
}
