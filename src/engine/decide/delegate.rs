//! Tasks for other agents.

use crate::domain::{Event, NoteLevel, SessionId};
use crate::tool::protocol::Delegate;

use super::super::input::Returned;
use super::super::work::{Job, JobId, Step, Work};
use super::{Situation, noted};

/// The user hands a task over. It runs beside whatever goes on here.
pub fn asked(here: &mut Situation<'_>, agent: String, task: String) -> Step {
    if task.trim().is_empty() {
        return noted(NoteLevel::Warning, "nothing was handed over: say what the task is");
    }
    here.flight.begin(Job::Delegate, Work::Delegate(Delegate { agent, task })).into()
}

/// The session of a task is open.
pub fn begun(here: &Situation<'_>, job: JobId, session: SessionId, order: Delegate) -> Step {
    let call = match here.flight.job(job) {
        Some(Job::Call(call)) => Some(call.clone()),
        _ => None,
    };
    let Delegate { agent, task } = order;
    Event::Delegated { session, agent, task, call }.into()
}

/// A task of the user's came to rest, or never began.
pub fn ended(returned: Returned) -> Step {
    let first = returned.output.lines().next().unwrap_or_default();
    if returned.ok {
        return noted(NoteLevel::Info, format!("a task that was handed over came to rest. {first}"));
    }
    noted(NoteLevel::Error, returned.output)
}
