//! Turns: what the user says, what the model answers, and when the agent is at rest.

use crate::domain::{Event, MessageId, NoteLevel, Progress, TurnEnd};
use crate::provider::{Chunk, ErrorKind, ProviderError, Reply, Stop};

use super::super::context;
use super::super::session::{Session, Turn, Wants};
use super::super::work::{Job, JobId, Step, Work};
use super::{Situation, budget, calls, noted, proposing};

/// The user says something: a turn begins, or the words wait for the next step of the one that runs.
pub fn say(here: &mut Situation<'_>, text: String) -> Step {
    if text.trim().is_empty() {
        return noted(NoteLevel::Warning, "nothing was said: the message is empty");
    }
    let message = MessageId::new(format!("m{}", here.session.messages + 1));
    // Work that was stopped but has not come to its end holds the next request back, not the words.
    let queued = here.session.turn.is_some()
        || here.flight.commission.is_some()
        || here.flight.freeze.is_some()
        || here.flight.live().any(Job::must_end);
    here.flight.held = false;
    let mut step = Step::default();
    if queued {
        step.events.push(Event::UserSaid { message, text, queued });
        return step;
    }
    step.join(deliver(here.session));
    step.events.push(Event::UserSaid { message, text, queued });
    step.join(begin_turn(here));
    step
}

/// Takes a message back that was not delivered yet.
pub fn withdraw(here: &Situation<'_>, message: MessageId) -> Step {
    if here.session.queue.iter().any(|waiting| waiting.message == message) {
        return Event::Withdrawn { message }.into();
    }
    noted(NoteLevel::Warning, "this message was delivered already and cannot be taken back")
}

/// Messages that waited while something else ran start a turn by themselves, but not after a turn that went wrong.
pub fn may_start(here: &Situation<'_>) -> bool {
    !here.session.queue.is_empty() && !here.flight.held
}

/// Starts a turn with the messages that wait.
pub fn start_turn(here: &mut Situation<'_>) -> Step {
    let mut step = deliver(here.session);
    step.join(begin_turn(here));
    step
}

fn begin_turn(here: &mut Situation<'_>) -> Step {
    here.flight.touch();
    here.flight.shortfall = None;
    here.flight.squeezed = false;
    let turn = here.session.turns + 1;
    let mut step = Step::from(Event::TurnStarted { turn, budget: here.rules.budget });
    if let Err(missing) = &here.rules.model {
        step.events.push(Event::Noted { level: NoteLevel::Error, text: missing.clone() });
        let detail = Some("no model is configured".to_owned());
        step.events.push(Event::TurnEnded { reason: TurnEnd::Failed, usage: Default::default(), detail });
    }
    step
}

fn deliver(session: &Session) -> Step {
    let said = |waiting: &super::super::session::Waiting| Event::UserSaid {
        message: waiting.message.clone(),
        text: waiting.text.clone(),
        queued: false,
    };
    Step { events: session.queue.iter().map(said).collect(), ..Step::default() }
}

/// Passes on what streams in.
pub fn chunk(here: &mut Situation<'_>, job: JobId, chunk: Chunk) -> Step {
    let summary = match here.flight.job(job) {
        Some(Job::Answer) => false,
        Some(Job::Summary { .. }) => true,
        _ => return Step::default(),
    };
    let progress = match chunk {
        Chunk::Waiting(what) => Progress::Waiting { what },
        _ if summary => return Step::default(),
        Chunk::Text(text) => {
            here.flight.partial.push_str(&text);
            Progress::Text { text }
        }
        Chunk::Thinking(text) => Progress::Thinking { text },
        Chunk::Call { name } => Progress::Waiting { what: format!("the arguments of {name}") },
        Chunk::Restarted => {
            here.flight.partial.clear();
            Progress::Restarted
        }
    };
    Step { progress: vec![progress], ..Step::default() }
}

/// Finds the next step of the running turn.
pub fn go_on(here: &mut Situation<'_>) -> Step {
    let Some(turn) = here.session.turn.clone() else { return Step::default() };
    if here.flight.live().any(|job| matches!(job, Job::Answer | Job::Summary { .. })) {
        return Step::default();
    }
    match here.session.wants() {
        Wants::Results => calls::go_on(here),
        Wants::Answer => ask(here, &turn),
        Wants::Rest if here.flight.freeze.is_some() => Step::default(),
        Wants::Rest if !here.session.queue.is_empty() => deliver(here.session),
        Wants::Rest if !here.flight.settled() => proposing::at_rest(here),
        Wants::Rest => come_to_rest(here),
    }
}

fn come_to_rest(here: &mut Situation<'_>) -> Step {
    match here.flight.shortfall.take() {
        Some(detail) => end_turn(here, TurnEnd::Failed, Some(detail)),
        None => end_turn(here, TurnEnd::Done, None),
    }
}

/// Ends the running turn.
pub fn end_turn(here: &mut Situation<'_>, reason: TurnEnd, detail: Option<String>) -> Step {
    here.flight.held = reason != TurnEnd::Done;
    let usage = here.session.turn.as_ref().map(|turn| turn.usage).unwrap_or_default();
    Event::TurnEnded { reason, usage, detail }.into()
}

fn ask(here: &mut Situation<'_>, turn: &Turn) -> Step {
    if !here.session.queue.is_empty() {
        return deliver(here.session);
    }
    if let Some(limit) = budget::reached(turn, here.at) {
        let mut step = noted(NoteLevel::Warning, format!("{limit}; say something to go on"));
        step.join(end_turn(here, TurnEnd::Budget, Some(limit)));
        return step;
    }
    let model = match &here.rules.model {
        Ok(model) => model,
        Err(missing) => return fail(here, missing.clone(), "no model is configured".to_owned()),
    };
    if context::estimate(here.session, here.rules) > model.comfortable()
        && let Some(cut) = context::cut(here.session, model)
    {
        return summarise(here, cut);
    }
    here.flight.partial.clear();
    let request = context::request(here.session, here.rules, model);
    let mut step = Step::from(here.flight.begin(Job::Answer, Work::Ask(Box::new(request))));
    step.progress.push(Progress::Waiting { what: format!("request {}", turn.requests + 1) });
    step
}

fn summarise(here: &mut Situation<'_>, upto: u64) -> Step {
    let Ok(model) = &here.rules.model else { return Step::default() };
    let before = context::estimate(here.session, here.rules);
    let request = context::summary_request(here.session, here.rules, model);
    let mut step = Step::from(here.flight.begin(Job::Summary { upto, before }, Work::Ask(Box::new(request))));
    step.progress.push(Progress::Waiting { what: "a summary of the conversation so far".to_owned() });
    step
}

/// The user wants the conversation compacted now.
pub fn compact(here: &mut Situation<'_>) -> Step {
    if here.busy() {
        return noted(NoteLevel::Warning, format!("not compacted: {}", here.occupation()));
    }
    let Ok(model) = &here.rules.model else {
        return noted(NoteLevel::Warning, "not compacted: no model is configured");
    };
    match context::cut(here.session, model) {
        Some(cut) => summarise(here, cut),
        None => noted(NoteLevel::Info, "there is nothing to compact yet"),
    }
}

/// The summary is there, or one is made without the model.
pub fn summarised(here: &Situation<'_>, upto: u64, before: u64, reply: Result<Reply, ProviderError>) -> Step {
    let (summary, usage, note) = match reply {
        Ok(reply) if reply.complete && !reply.text.trim().is_empty() => (reply.text, reply.usage, None),
        Ok(reply) => (String::new(), reply.usage, Some("the model gave no summary".to_owned())),
        Err(error) => (String::new(), Default::default(), Some(error.to_string())),
    };
    let summary = if summary.is_empty() { context::plain_summary(here.session, upto) } else { summary };
    let summary = context::with_last_request(here.session, upto, summary);
    let after = context::estimate_after(here.session, here.rules, upto, &summary);
    let mut step = Step::default();
    if let Some(note) = note {
        let text = format!("the conversation was shortened without a summary by the model: {note}");
        step.events.push(Event::Noted { level: NoteLevel::Warning, text });
    }
    step.events.push(Event::Compacted { summary, upto, before, after, usage });
    step
}

/// The answer is there.
pub fn replied(here: &mut Situation<'_>, reply: Result<Reply, ProviderError>) -> Step {
    let partial = std::mem::take(&mut here.flight.partial);
    match reply {
        Ok(reply) => answered(here, reply),
        Err(error) if error.kind == ErrorKind::ContextTooLong && !here.flight.squeezed => squeeze(here, &error),
        Err(error) => {
            let mut step = keep(partial);
            step.join(failed(here, &error));
            step
        }
    }
}

/// What was streamed before it broke off is kept.
pub fn keep(partial: String) -> Step {
    if partial.is_empty() {
        return Step::default();
    }
    Event::AssistantSaid { text: partial, complete: false, thinking: Vec::new(), stop: None, usage: Default::default() }
        .into()
}

fn squeeze(here: &mut Situation<'_>, error: &ProviderError) -> Step {
    here.flight.squeezed = true;
    let upto = here.rules.model.as_ref().ok().and_then(|model| context::cut(here.session, model));
    let Some(upto) = upto else {
        return failed(here, error);
    };
    // The model has just said that it cannot take the conversation in, so it cannot summarise it either.
    let summary = context::with_last_request(here.session, upto, context::plain_summary(here.session, upto));
    let before = context::estimate(here.session, here.rules);
    let after = context::estimate_after(here.session, here.rules, upto, &summary);
    let mut step = noted(NoteLevel::Warning, format!("{error}; the older part of the conversation was shortened"));
    step.events.push(Event::Compacted { summary, upto, before, after, usage: Default::default() });
    step
}

/// The turn ends with what the provider said and what to do about it.
fn failed(here: &mut Situation<'_>, error: &ProviderError) -> Step {
    let hints: String = error.hints.iter().map(|hint| format!("\n{hint}")).collect();
    fail(here, format!("{error}{hints}"), error.to_string())
}

fn fail(here: &mut Situation<'_>, text: String, detail: String) -> Step {
    let mut step = noted(NoteLevel::Error, text);
    step.join(end_turn(here, TurnEnd::Failed, Some(detail)));
    step
}

fn answered(here: &mut Situation<'_>, reply: Reply) -> Step {
    let cut_off = reply.complete && reply.stop == Stop::Length;
    let stop_word = reply.stop_word.clone().or_else(|| cut_off.then(|| "length".to_owned()));
    let text = match (&reply.refusal, reply.text.is_empty()) {
        (Some(refusal), true) => refusal.clone(),
        _ => reply.text.clone(),
    };
    let mut step = Step::from(Event::AssistantSaid {
        text,
        complete: reply.complete && !cut_off,
        thinking: reply.thinking.clone(),
        // Without a terminal event the line broke, whatever word came before.
        stop: if reply.complete { stop_word } else { None },
        usage: reply.usage,
    });
    if !reply.complete {
        step.join(broke_off(here));
        return step;
    }
    here.flight.shortfall = None;
    step.join(tell_stop(here, &reply));
    step.join(calls::called(here, reply.calls));
    step
}

/// A stream that just ends is no success: it is asked for once more, then the turn fails.
fn broke_off(here: &mut Situation<'_>) -> Step {
    let before = here.session.turn.as_ref().map_or(0, |turn| turn.broken);
    if before == 0 {
        return noted(NoteLevel::Warning, "the answer broke off before its end; asking once more");
    }
    fail(
        here,
        "the answer broke off before its end twice; what came is kept. Say something to try again.".to_owned(),
        "the answer broke off before its end".to_owned(),
    )
}

fn tell_stop(here: &mut Situation<'_>, reply: &Reply) -> Step {
    let word = reply.stop_word.as_deref().unwrap_or("no word given");
    let (text, shortfall) = match &reply.stop {
        Stop::Length => {
            let written = reply.usage.output_tokens;
            (
                format!(
                    "the answer was cut off at the limit of tokens ({word}, {written} written); say \"go on\" to continue"
                ),
                "the answer was cut off at the limit of tokens",
            )
        }
        Stop::Refused => {
            let said = reply.refusal.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            (format!("the model or its provider refused to answer ({word}){said}"), "the model refused to answer")
        }
        Stop::Other(word) if reply.calls.is_empty() => {
            return noted(NoteLevel::Info, format!("the model stopped with `{word}`"));
        }
        _ if reply.text.trim().is_empty() && reply.calls.is_empty() => {
            return noted(NoteLevel::Warning, "the model gave an empty answer");
        }
        _ => return Step::default(),
    };
    here.flight.shortfall = Some(shortfall.to_owned());
    noted(NoteLevel::Warning, text)
}
