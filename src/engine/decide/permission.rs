//! Questions for permission: a call rests in one until the user answers.

use crate::domain::{CallId, Event, NoteLevel, PermissionId};

use super::super::permissions::kind;
use super::super::session::Call;
use super::super::work::{Job, Step, Work};
use super::{Situation, noted};

/// A call may not run without the user's word, unless it was given for the session.
pub fn needed(here: &mut Situation<'_>, call: &CallId, what: String) -> Step {
    let Some(known) = here.session.call(call).filter(|call| call.open()) else { return Step::default() };
    if here.session.grants.contains(&kind(&known.call.name, &what)) {
        let work = Work::Call { call: known.call.clone(), permitted: true };
        return here.flight.begin(Job::Call(call.clone()), work).into();
    }
    let permission = PermissionId::new(format!("a{}", here.session.questions + 1));
    Event::PermissionAsked { permission, call: call.clone(), what }.into()
}

/// The user answers.
pub fn permit(here: &Situation<'_>, permission: PermissionId, allowed: bool, always: bool) -> Step {
    if here.session.asking(&permission).is_some_and(Call::asks) {
        return Event::PermissionGiven { permission, allowed, always }.into();
    }
    noted(NoteLevel::Warning, "nothing waits for this permission any more")
}
