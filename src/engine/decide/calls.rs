//! Calls: which may run, in what order, and that every one is answered exactly once.

use std::collections::BTreeSet;

use crate::domain::{CallId, Event, NoteLevel, ToolCall};
use crate::tool::protocol::{self, Protocol};

use super::super::input::{Checked, Returned};
use super::super::session::{Call, SHELL};
use super::super::work::{Job, JobId, Step, Work};
use super::{Situation, noted, proposing};

/// Tools that change nothing here, so they may run side by side.
const BESIDE: [&str; 4] = ["read", "list", "search", protocol::DELEGATE];

/// Records the calls of an answer. What cannot be carried out is answered at once.
pub fn called(here: &Situation<'_>, calls: Vec<ToolCall>) -> Step {
    let mut step = Step::default();
    let mut taken: BTreeSet<CallId> = BTreeSet::new();
    for (place, call) in calls.into_iter().enumerate() {
        let id = name_of(here, &call.call, &taken, place);
        taken.insert(id.clone());
        let refusal = refusal(here, &call);
        step.events.push(Event::ToolCalled {
            call: id.clone(),
            name: call.name,
            input: call.input,
            invalid: call.invalid,
        });
        if let Some(output) = refusal {
            step.events.push(Event::ToolReturned { call: id, ok: false, output, ms: 0 });
        }
    }
    step
}

/// Some servers give no names, or the same ones in every answer; a session's calls have one name each.
fn name_of(here: &Situation<'_>, id: &CallId, taken: &BTreeSet<CallId>, place: usize) -> CallId {
    let free = |id: &CallId| !id.as_str().is_empty() && !taken.contains(id) && here.session.call(id).is_none();
    if free(id) {
        return id.clone();
    }
    let mut number = here.session.seq as usize + place;
    loop {
        let made = CallId::new(format!("c{number}"));
        if free(&made) {
            return made;
        }
        number += 1;
    }
}

fn refusal(here: &Situation<'_>, call: &ToolCall) -> Option<String> {
    if let Some(raw) = &call.invalid {
        let end: String = raw.chars().rev().take(80).collect::<Vec<_>>().into_iter().rev().collect();
        return Some(format!(
            "The arguments of this call are not whole JSON (they end with `{end}`), so it was not executed. Send the call \
             again with complete arguments; split a long one into several."
        ));
    }
    if here.rules.allows(&call.name) {
        // Steps of the protocol are carried out here, so their input is checked here.
        return Protocol::read(&call.name, &call.input).and_then(Result::err);
    }
    Some(format!("There is no tool `{}` for you. Your tools are: {}.", call.name, here.rules.names()))
}

/// Starts what may run now: reads and tasks side by side, everything else in its turn.
pub fn go_on(here: &mut Situation<'_>) -> Step {
    let session = here.session;
    let mut step = Step::default();
    for (before, call) in session.open_calls().enumerate() {
        let beside = BESIDE.contains(&call.call.name.as_str());
        let started = here.flight.runs(&call.call.call);
        if !beside && before > 0 {
            break;
        }
        if !started && !call.asks() {
            step.join(start(here, call));
        }
        if !beside {
            break;
        }
    }
    step
}

fn start(here: &mut Situation<'_>, call: &Call) -> Step {
    let id = call.call.call.clone();
    match call.call.name.as_str() {
        // Rests until the user answers.
        "ask" => Step::default(),
        protocol::PLAN => planned(here, id),
        "propose" => proposing::called(here, call),
        protocol::DELEGATE => match Protocol::read(protocol::DELEGATE, &call.call.input) {
            Some(Ok(Protocol::Delegate(order))) => here.flight.begin(Job::Call(id), Work::Delegate(order)).into(),
            _ => Step::default(),
        },
        protocol::VERIFY => match Protocol::read(protocol::VERIFY, &call.call.input) {
            Some(Ok(Protocol::Verify(order))) => {
                here.flight.begin(Job::Call(id.clone()), Work::Verify { call: id, gates: order.gates }).into()
            }
            _ => Step::default(),
        },
        _ if call.question.as_ref().is_some_and(|question| question.allowed == Some(false)) => Event::ToolReturned {
            call: id,
            ok: false,
            output: "The user did not allow this. Find another way, or ask.".to_owned(),
            ms: 0,
        }
        .into(),
        _ => {
            let permitted = call.question.is_some();
            let work = Work::Call { call: call.call.clone(), permitted };
            here.flight.begin(Job::Call(id), work).into()
        }
    }
}

/// What can be checked of the steps that are said to be done is, for an agent that may run commands itself.
fn planned(here: &mut Situation<'_>, call: CallId) -> Step {
    let checks = here.rules.steps && here.rules.allows("run");
    let steps = if checks { here.session.plan.due() } else { Vec::new() };
    if steps.is_empty() {
        return ok(call, "The plan is shown to the user. Work through it step by step.");
    }
    here.flight.begin(Job::Call(call.clone()), Work::Check { call, steps }).into()
}

/// A step of the plan was looked at.
pub fn checked(here: &Situation<'_>, job: JobId, checked: Checked) -> Step {
    let Some(Job::Call(call)) = here.flight.job(job) else { return Step::default() };
    let Checked { step, title, check, ok, reason, ms } = checked;
    Event::StepChecked { call: call.clone(), step, title, check, ok, reason, ms }.into()
}

fn ok(call: CallId, output: &str) -> Step {
    Event::ToolReturned { call, ok: true, output: output.to_owned(), ms: 0 }.into()
}

/// A tool answered.
pub fn returned(here: &Situation<'_>, call: CallId, returned: Returned) -> Step {
    if here.session.call(&call).is_some_and(Call::open) {
        return Event::ToolReturned { call, ok: returned.ok, output: returned.output, ms: returned.ms }.into();
    }
    Step::default()
}

/// The user answers a question of the agent.
pub fn answer(here: &Situation<'_>, call: CallId, text: String) -> Step {
    let waits = here.session.open_calls().any(|open| open.call.call == call && open.call.name == "ask");
    if waits {
        return Event::ToolReturned { call, ok: true, output: text, ms: 0 }.into();
    }
    noted(NoteLevel::Warning, "this question does not wait for an answer")
}

/// The user runs a command of their own in the workspace.
pub fn shell(here: &mut Situation<'_>, command: String) -> Step {
    if here.flight.live().any(Job::must_end) {
        return noted(NoteLevel::Warning, format!("not run: {}", here.occupation()));
    }
    let call = CallId::new(format!("{SHELL}-{}", here.session.calls + 1));
    let input = serde_json::json!({ "command": command });
    let mut step = Step::from(Event::ToolCalled { call: call.clone(), name: SHELL.to_owned(), input, invalid: None });
    step.effects.push(here.flight.begin(Job::Call(call.clone()), Work::Shell { call, command }));
    step
}
