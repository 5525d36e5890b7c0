//! Freezing the draft, and proving what was frozen.

use crate::domain::{
    ContentHash, Event, Evidence, Finding, GateStatus, NoteLevel, Proposal, ProposalId, ReviewItem, Severity, Standing,
    reviewed,
};
use crate::tool::protocol::REPAIR;

use super::super::drafting;
use super::super::input::Drafted;
use super::super::session::{Call, OfferState, Session};
use super::super::work::{Freeze, FreezeBy, FreezeStage, Job, JobId, Step, Work};
use super::{Situation, noted};

/// The agent came to rest: what it changed is frozen, unless it is what was frozen last.
pub fn at_rest(here: &mut Situation<'_>) -> Step {
    freeze(here, FreezeBy::Rest)
}

/// The agent calls `propose`.
pub fn called(here: &mut Situation<'_>, call: &Call) -> Step {
    if here.flight.freeze.is_some() {
        return Step::default();
    }
    freeze(here, FreezeBy::Call(call.call.call.clone()))
}

/// The user wants the draft frozen now.
pub fn asked(here: &mut Situation<'_>) -> Step {
    if here.flight.freeze.is_some() || here.flight.commission.is_some() {
        return noted(NoteLevel::Info, "a proposal is being made already");
    }
    freeze(here, FreezeBy::User)
}

fn freeze(here: &mut Situation<'_>, by: FreezeBy) -> Step {
    let call = if let FreezeBy::Call(call) = &by { Some(call) } else { None };
    let (title, message) = drafting::words(here.session, call);
    let id = here.session.next_proposal();
    let revision = here.flight.revision;
    here.flight.freeze = Some(Freeze { by, stage: FreezeStage::Freezing, revision });
    here.flight.begin(Job::Propose, Work::Propose { id, title, message }).into()
}

/// The draft is frozen.
pub fn drafted(here: &mut Situation<'_>, drafted: Result<Drafted, String>) -> Step {
    match drafted {
        Ok(Drafted { proposal, notes }) => {
            let mut step = Step::default();
            for text in notes.into_iter().filter(|text| here.flight.told.insert(text.clone())) {
                step.events.push(Event::Noted { level: NoteLevel::Warning, text });
            }
            step.join(match proposal {
                Some(proposal) => frozen(here, *proposal),
                None => nothing(here),
            });
            step
        }
        Err(text) => {
            let mut step = finish(here, false, format!("The draft could not be frozen: {text}"));
            here.flight.shortfall = Some("the draft could not be frozen".to_owned());
            step.join(noted(NoteLevel::Error, format!("the draft could not be frozen: {text}")));
            step
        }
    }
}

fn frozen(here: &mut Situation<'_>, proposal: Proposal) -> Step {
    let same = here.session.open_offer().is_some_and(|offer| {
        let known = &offer.proposal;
        known.hash == proposal.hash && known.title == proposal.title && known.message == proposal.message
    });
    let mut step = Step::default();
    if !same {
        step.events.push(Event::Proposed { proposal: proposal.clone() });
    }
    if is_proven(here, &proposal.hash) {
        step.join(report(here, &proposal));
    } else {
        step.join(prove(here, proposal, None));
    }
    step
}

fn nothing(here: &mut Situation<'_>) -> Step {
    let withdrawn = here.session.open_offer().map(|offer| {
        let mut proposal = offer.proposal.clone();
        proposal.changes.clear();
        proposal.hash = ContentHash::of(b"");
        Event::Proposed { proposal }
    });
    let asked = here.flight.freeze.as_ref().is_some_and(|freeze| freeze.by == FreezeBy::User);
    let mut step = if asked {
        noted(NoteLevel::Info, "nothing is different from your tree, so there is nothing to propose")
    } else {
        Step::default()
    };
    let output = "Nothing is different from the user's tree, so there is nothing to propose.";
    step.join(finish(here, false, output.to_owned()));
    step.events.extend(withdrawn);
    step
}

fn is_proven(here: &Situation<'_>, hash: &ContentHash) -> bool {
    here.session.proven.contains(hash) || here.flight.proven.contains(hash)
}

/// Runs the gates; those of these names afresh where the user asks for it.
fn prove(here: &mut Situation<'_>, proposal: Proposal, asked: Option<Vec<String>>) -> Step {
    if let Some(freeze) = &mut here.flight.freeze {
        freeze.stage = FreezeStage::Proving(proposal.id.clone());
    }
    let job = Job::Prove(proposal.hash.clone());
    let (afresh, only) = (asked.is_some(), asked.unwrap_or_default());
    here.flight.begin(job, Work::Prove { proposal: Box::new(proposal), selected: None, afresh, only }).into()
}

/// The user wants the gates to run again, or some of them.
pub fn prove_again(here: &mut Situation<'_>, proposal: &ProposalId, mut gates: Vec<String>) -> Step {
    let Some(offer) = here.session.offer(proposal).filter(|offer| offer.state == OfferState::Open) else {
        return noted(NoteLevel::Error, format!("there is no open proposal `{proposal}`"));
    };
    if here.busy() || here.flight.freeze.is_some() {
        return noted(NoteLevel::Warning, format!("the gates were not started: {}", here.occupation()));
    }
    let revision = here.flight.revision;
    here.flight.freeze = Some(Freeze { by: FreezeBy::User, stage: FreezeStage::Freezing, revision });
    let proposal = offer.proposal.clone();
    if !is_proven(here, &proposal.hash) {
        // Of a proposal that was never proven the others would not be known.
        gates.clear();
    }
    prove(here, proposal, Some(gates))
}

/// A gate ended.
pub fn reported(here: &Situation<'_>, job: JobId, evidence: Evidence) -> Step {
    match here.flight.job(job) {
        Some(Job::Prove(subject)) if *subject == evidence.subject => Event::GateReported(Box::new(evidence)).into(),
        _ => Step::default(),
    }
}

/// All gates ended.
pub fn proved(here: &mut Situation<'_>, subject: ContentHash, result: Result<(), String>) -> Step {
    let failed = result.err();
    let mut step = Step::default();
    match &failed {
        Some(text) => {
            step.join(noted(NoteLevel::Error, format!("the gates could not run: {text}")));
            // No evidence is never green: the commit that waited for it is off.
            here.flight.commission = None;
        }
        None => {
            here.flight.proven.insert(subject);
        }
    }
    let Some(Freeze { stage: FreezeStage::Proving(id), .. }) = &here.flight.freeze else { return step };
    let proposal = here.session.offer(id).map(|offer| offer.proposal.clone());
    step.join(match (proposal, failed) {
        (Some(proposal), None) => report(here, &proposal),
        (_, failed) => finish(here, false, format!("The gates could not run: {}", failed.unwrap_or_default())),
    });
    step
}

/// Tells what the gates found to whoever waits for it. A failure goes back to the agent, as often as the rules say.
fn report(here: &mut Situation<'_>, proposal: &Proposal) -> Step {
    let rounds = here.session.turn.as_ref().map_or(0, |turn| turn.rounds);
    let resting = here.flight.freeze.as_ref().is_some_and(|freeze| freeze.by == FreezeBy::Rest);
    let left = here.session.turn.is_some() && rounds < here.rules.rounds;
    let again = here.session.turn.is_some() && rounds > 0;
    let (ok, text) = gates_in_words(here.session, proposal, rounds + u32::from(resting), here.rules.rounds);
    let (reviewed, asked) = self_review(here, proposal);
    let text = if ok { text + &asked } else { text };
    let mut step = finish(here, ok, text.clone());
    step.events.extend(reviewed);
    if resting && !ok && left {
        // What is frozen is what was sent back: without a change there is nothing to prove again.
        step.events.push(Event::SentBack { proposal: proposal.id.clone(), round: rounds + 1, text });
    } else if again && (ok || resting) {
        let green = here.session.evidence_on(&proposal.hash).all(Evidence::is_green);
        // What did not run has not failed, and is not green either.
        let how = match (ok, green) {
            (true, true) => "green",
            (true, false) => "without a red gate",
            (false, _) => "still red",
        };
        step.join(noted(
            NoteLevel::Info,
            format!("proposal {} is {how} after {} of checks", proposal.id, count(rounds)),
        ));
    }
    step
}

/// What the self-review of a proposal comes to, when that is news, and what the agent is asked because of it. Asked is an
/// agent that planned its work, once for each content.
fn self_review(here: &Situation<'_>, proposal: &Proposal) -> (Option<Event>, String) {
    let session = here.session;
    let known = session.reviews.get(&proposal.hash);
    let Some(items) = reviewed(&session.evidence_on(&proposal.hash).collect::<Vec<_>>(), &session.review_answers())
    else {
        return (None, String::new());
    };
    let calls = matches!(&here.flight.freeze, Some(Freeze { by: FreezeBy::Call(_), .. }));
    let asks = calls && known.is_none() && !session.plan.steps.is_empty();
    let asked = if asks { questions(&items) } else { String::new() };
    let news = known != Some(&items);
    let event = Event::SelfReviewed { proposal: proposal.id.clone(), subject: proposal.hash.clone(), items };
    (news.then_some(event), asked)
}

fn questions(items: &[ReviewItem]) -> String {
    let open: Vec<&ReviewItem> = items.iter().filter(|item| item.standing == Standing::Open).collect();
    if open.is_empty() {
        return String::new();
    }
    let mut text = "Self-review, unanswered:\n".to_owned();
    for item in open {
        text.push_str(&format!("- {}\n  {}\n", item.line(), item.topic.question()));
    }
    text.push_str(
        "Repair what is wrong. For the rest call `propose` once more with `review`, one sentence a topic; otherwise the user \
         sees these as unanswered.\n",
    );
    text
}

fn count(rounds: u32) -> String {
    if rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") }
}

fn finish(here: &mut Situation<'_>, ok: bool, output: String) -> Step {
    let Some(freeze) = here.flight.freeze.take() else { return Step::default() };
    here.flight.frozen = Some(freeze.revision);
    match freeze.by {
        FreezeBy::Call(call) if here.session.call(&call).is_some_and(Call::open) => {
            Event::ToolReturned { call, ok, output, ms: 0 }.into()
        }
        _ => Step::default(),
    }
}

fn gates_in_words(session: &Session, proposal: &Proposal, rounds: u32, most: u32) -> (bool, String) {
    let found: Vec<&Evidence> = session.evidence_on(&proposal.hash).collect();
    let failed = found.iter().any(|evidence| evidence.is_red());
    let files = proposal.changes.len();
    let mut text = format!("Proposal {}: {files} file(s) changed.\n", proposal.id);
    for evidence in &found {
        text.push_str(&evidence_in_words(evidence));
    }
    if failed && rounds < most {
        text.push_str(&format!("{REPAIR} (round {rounds} of {most}).\n"));
    } else if failed {
        text.push_str("This was the last round: stop here and tell the user what fails and why.\n");
    } else {
        text.push_str("The proposal is shown to the user. Come to rest now with a short summary.\n");
    }
    (!failed, text)
}

/// A gate's result as the agent reads it: the log only where it failed.
pub fn evidence_in_words(evidence: &Evidence) -> String {
    let status = match evidence.status {
        GateStatus::Pass => "passed",
        GateStatus::Fail => "FAILED",
        GateStatus::NotRun => "not run",
    };
    let mut text = format!("- {} {status}", evidence.gate);
    if let Some(reason) = &evidence.reason {
        text.push_str(&format!(": {reason}"));
    }
    if evidence.status == GateStatus::Fail {
        text.push_str(&format!(" ({} new, {} also on base)", evidence.new, evidence.old));
        if let Some(command) = &evidence.command {
            text.push_str(&format!("\n  command: {command}"));
        }
        if !evidence.log.is_empty() {
            text.push_str(&format!("\n{}", evidence.log));
        }
    }
    text.push('\n');
    // A red gate's log holds them already, as its own tool prints them.
    let told = evidence.status == GateStatus::Fail && !evidence.log.is_empty();
    let worth = |finding: &&Finding| !finding.old && finding.severity != Severity::Note;
    for finding in evidence.findings.iter().filter(worth).take(if told { 0 } else { 20 }) {
        let place = match (&finding.path, finding.line) {
            (Some(path), Some(line)) => format!("{path}:{line}: "),
            (Some(path), None) => format!("{path}: "),
            _ => String::new(),
        };
        text.push_str(&format!("  {place}{}\n", finding.message));
    }
    text
}
