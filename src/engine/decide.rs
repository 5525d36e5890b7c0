//! What follows from an input. Pure: no clock, no file, no network; times, names and sizes come in with the input.
//!
//! An input records facts; [`What::Next`] then looks at the state and finds the next thing to do. So going on after a
//! crash is the same as going on at all.

mod budget;
mod calls;
mod commit;
mod conversation;
mod delegate;
mod permission;
mod proposing;
mod resume;
mod review;
mod rewind;
mod stop;
mod undo;

pub use proposing::evidence_in_words;

use jiff::Timestamp;

use crate::domain::{Command, Event, NoteLevel, ProposalId};
use crate::git::Mark;

use super::input::{Chosen, Input, Outcome, What};
use super::rules::Rules;
use super::session::Session;
use super::work::{Effect, Flight, Job, JobId, Step, Work};

/// What a decision is made on.
pub struct Situation<'a> {
    /// What is known.
    pub session: &'a Session,
    /// What is under way.
    pub flight: &'a mut Flight,
    /// What holds besides.
    pub rules: &'a Rules,
    /// When the input came.
    pub at: Timestamp,
}

/// Decides what follows from an input.
pub fn decide(session: &Session, flight: &mut Flight, rules: &Rules, input: Input) -> Step {
    let mut here = Situation { session, flight, rules, at: input.at };
    match input.what {
        What::Command(command) => command_given(&mut here, command),
        What::Chunk(job, chunk) => conversation::chunk(&mut here, job, chunk),
        What::Reported(job, evidence) => proposing::reported(&here, job, evidence),
        What::Checked(job, checked) => calls::checked(&here, job, checked),
        What::Delegated { job, session, order } => delegate::begun(&here, job, session, order),
        What::Ended(job, outcome) => ended(&mut here, job, outcome),
        What::Resumed => resume::resumed(&mut here),
        What::Next => next(&mut here),
    }
}

fn command_given(here: &mut Situation<'_>, command: Command) -> Step {
    if here.must_wait(&command) {
        here.flight.deferred.push_back(command);
        return Step::default();
    }
    match command {
        Command::Say { text } => conversation::say(here, text),
        Command::Withdraw { message } => conversation::withdraw(here, message),
        Command::Answer { call, text } => calls::answer(here, call, text),
        Command::Permit { permission, allowed, always } => permission::permit(here, permission, allowed, always),
        Command::Decide { proposal, verdicts } => review::decided(here, proposal, verdicts),
        Command::Propose => proposing::asked(here),
        Command::Prove { proposal, gates } => proposing::prove_again(here, &proposal, gates),
        Command::Commit { proposal, message, choice, way } => commit::asked(here, proposal, message, choice, way),
        Command::Review { proposal, text } => review::send(here, &proposal, text),
        Command::Undo => undo::asked(here, None, false),
        Command::Redo => undo::asked(here, None, true),
        Command::TakeBack { commit } => undo::asked(here, Some(&commit), false),
        Command::BringBack { commit } => undo::asked(here, Some(&commit), true),
        Command::Rewind { message } => rewind::asked(here, &message),
        Command::Finish { .. } => noted(
            NoteLevel::Warning,
            "this is a session with an agent: what is accepted is committed, what is rejected goes back to it",
        ),
        Command::Shell { command } => calls::shell(here, command),
        Command::Delegate { agent, task } => delegate::asked(here, agent, task),
        Command::UseAgent { agent } => choose(here, Some(agent), None),
        Command::UseModel { model } => choose(here, None, Some(model)),
        Command::Compact => conversation::compact(here),
        Command::Interrupt => stop::interrupt(here),
        Command::Close => stop::close(here),
    }
}

fn ended(here: &mut Situation<'_>, id: JobId, outcome: Outcome) -> Step {
    let Some(job) = here.flight.end(id) else { return Step::default() };
    if job.may_change_draft() {
        here.flight.touch();
    }
    match (job, outcome) {
        (Job::Answer, Outcome::Replied(reply)) => conversation::replied(here, *reply),
        (Job::Summary { upto, before }, Outcome::Replied(reply)) => {
            conversation::summarised(here, upto, before, *reply)
        }
        (Job::Call(call), Outcome::Returned(returned)) => calls::returned(here, call, returned),
        (Job::Call(call), Outcome::NeedsPermission(what)) => permission::needed(here, &call, what),
        (Job::Delegate, Outcome::Returned(returned)) => delegate::ended(returned),
        (Job::Propose, Outcome::Drafted(drafted)) => proposing::drafted(here, drafted),
        (Job::Prove(subject), Outcome::Proved(result)) => proposing::proved(here, subject, result),
        (Job::Select, Outcome::Selected(selected)) => commit::selected(here, selected),
        (Job::Commit, Outcome::Committed(result)) => commit::committed(here, result),
        (Job::Settle, Outcome::Rebased(result)) => commit::settled(here, result),
        (Job::Rebase, Outcome::Rebased(result)) => commit::rebased(here, result),
        (Job::Revert { redo }, Outcome::Reverted(result)) => undo::reverted(here, redo, result),
        (Job::Choose, Outcome::Chosen(chosen)) => chose(chosen),
        (Job::Review(proposal), Outcome::Reviewed(text)) => review::written(here, proposal, text),
        (Job::Restore, Outcome::Rebased(result)) => rewind::restored(here, result),
        (job, _) => stop::fell_over(here, &job),
    }
}

/// Finds the next thing to do, one at a time: the driver asks again until there is nothing.
fn next(here: &mut Situation<'_>) -> Step {
    if here.flight.stopping() || here.flight.live().any(Job::must_end) {
        return Step::default();
    }
    if here.flight.commission.is_some() {
        return commit::go_on(here);
    }
    if here.flight.rewinding.is_some() {
        return rewind::go_on(here);
    }
    if here.session.turn.is_some() {
        return conversation::go_on(here);
    }
    if here.busy() {
        return Step::default();
    }
    if here.flight.deferred.front().is_some_and(|command| !here.must_wait(command))
        && let Some(command) = here.flight.deferred.pop_front()
    {
        return command_given(here, command);
    }
    if here.flight.freeze.is_none() && conversation::may_start(here) {
        return conversation::start_turn(here);
    }
    Step::default()
}

fn choose(here: &mut Situation<'_>, agent: Option<String>, model: Option<String>) -> Step {
    here.flight.begin(Job::Choose, Work::Choose { agent, model }).into()
}

fn chose(chosen: Result<Chosen, String>) -> Step {
    match chosen {
        Ok(chosen) => {
            let Chosen { agent, model, tools, context_window, notes } = chosen;
            let mut step = Step::default();
            step.events.extend(notes.into_iter().map(|text| Event::Noted { level: NoteLevel::Warning, text }));
            step.events.push(Event::AgentChosen { agent, model, tools, context_window });
            step
        }
        Err(text) => noted(NoteLevel::Error, text),
    }
}

impl Situation<'_> {
    /// Something runs that a turn, a commit or an undo must not run beside.
    fn busy(&self) -> bool {
        self.session.turn.is_some()
            || self.flight.commission.is_some()
            || self.flight.rewinding.is_some()
            || self.flight.stopping()
            || self.flight.live().any(|job| job.must_end() && *job != Job::Choose)
    }

    /// The wish is about what the step before it leaves behind, so it waits for that instead of being refused. Words
    /// that are said wait in the journal; while the agent works everything is refused but words.
    fn must_wait(&self, command: &Command) -> bool {
        let finishing = self.flight.stopping() || self.flight.live().any(|job| job.must_end() && *job != Job::Choose);
        let proving = self.flight.freeze.is_some() || self.flight.commission.is_some();
        self.session.turn.is_none()
            && match command {
                Command::Commit { .. } | Command::Prove { .. } => finishing || proving,
                Command::Undo
                | Command::Redo
                | Command::TakeBack { .. }
                | Command::BringBack { .. }
                | Command::Rewind { .. } => finishing || self.flight.commission.is_some(),
                _ => false,
            }
    }

    /// Says whose change of the repository it is, so that one that was not recorded any more is noticed later.
    fn mark(&self, proposal: Option<ProposalId>) -> Mark {
        Mark { session: self.rules.session.clone(), proposal, amends: None, after: self.session.seq }
    }

    /// What it is, for people.
    fn occupation(&self) -> &'static str {
        if self.session.turn.is_some() {
            "the agent is working; interrupt it or wait until it rests"
        } else if self.flight.commission.is_some() {
            "a commit is on its way; wait for it or interrupt it"
        } else {
            "the last step is still being finished; try again in a moment"
        }
    }
}

fn noted(level: NoteLevel, text: impl Into<String>) -> Step {
    Event::Noted { level, text: text.into() }.into()
}

fn cancel(effect: Option<Effect>) -> Vec<Effect> {
    effect.into_iter().collect()
}
