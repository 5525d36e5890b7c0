//! From verdicts to a commit: select, prove what was selected, write, take the draft along.

use std::sync::Arc;

use crate::domain::{CommitChoice, CommitWay, Event, Evidence, GateStatus, NoteLevel, ProposalId, RepoPath};
use crate::gate::secrets;
use crate::git::Mark;

use super::super::input::{CommitFailure, Written};
use super::super::session::{OfferState, Session};
use super::super::work::{Commission, Effect, Job, Selected, Step, Work};
use super::{Situation, noted, proposing};

/// The user wants the accepted hunks committed.
pub fn asked(
    here: &mut Situation<'_>,
    proposal: ProposalId,
    message: Option<String>,
    choice: CommitChoice,
    way: CommitWay,
) -> Step {
    if here.busy() || here.flight.freeze.is_some() {
        return noted(NoteLevel::Warning, format!("nothing was committed: {}", here.occupation()));
    }
    let Some(offer) = here.session.offer(&proposal) else {
        return noted(NoteLevel::Error, format!("nothing was committed: there is no proposal `{proposal}`"));
    };
    if offer.state != OfferState::Open {
        return noted(NoteLevel::Error, format!("nothing was committed: proposal {proposal} is not open any more"));
    }
    if !offer.accepts_some() {
        return noted(NoteLevel::Error, "nothing was committed: no hunk is accepted yet");
    }
    if way == CommitWay::Amend && here.session.last_commit().is_none() {
        return noted(NoteLevel::Error, "nothing was committed: this session has no commit to amend");
    }
    let work = Work::Select(Box::new(offer.clone()));
    here.flight.commission = Some(Commission { proposal, message, choice, way, selected: None });
    here.flight.begin(Job::Select, work).into()
}

/// It is known what the verdicts select.
pub fn selected(here: &mut Situation<'_>, selected: Result<Arc<Selected>, String>) -> Step {
    match selected {
        Ok(selected) => {
            if let Some(commission) = &mut here.flight.commission {
                commission.selected = Some(selected);
            }
            Step::default()
        }
        Err(text) => give_up(here, format!("nothing was committed: {text}")),
    }
}

/// Proves the selection when nothing is known of it, then commits it when it may be.
pub fn go_on(here: &mut Situation<'_>) -> Step {
    if here.flight.live().any(|job| matches!(job, Job::Select | Job::Prove(_))) {
        return Step::default();
    }
    let Some((commission, selected)) =
        here.flight.commission.clone().and_then(|known| known.selected.clone().map(|selected| (known, selected)))
    else {
        return give_up(here, "nothing was committed: the selection was lost".to_owned());
    };
    let Some(offer) = here.session.offer(&commission.proposal) else {
        return give_up(here, "nothing was committed: the proposal is gone".to_owned());
    };
    let proven = here.session.proven.contains(&selected.hash) || here.flight.proven.contains(&selected.hash);
    if !proven {
        let proposal = Box::new(offer.proposal.clone());
        let job = Job::Prove(selected.hash.clone());
        return here
            .flight
            .begin(job, Work::Prove { proposal, selected: Some(selected), afresh: false, only: Vec::new() })
            .into();
    }
    if let Some(reason) = secret(here.session, &selected) {
        return give_up(here, format!("nothing was committed: {reason}"));
    }
    if commission.choice == CommitChoice::Green
        && let Some(reason) = not_green(here.session, &selected)
    {
        return give_up(here, format!("nothing was committed: {reason}"));
    }
    let message = commission.message.unwrap_or_else(|| offer.proposal.message.clone());
    let message = with_trailers(here, &message, &selected);
    let amends = here.session.last_commit().filter(|_| commission.way == CommitWay::Amend);
    let amends = amends.map(|receipt| receipt.oid.clone());
    let mark = Mark { amends, ..here.mark(Some(commission.proposal)) };
    let work = Work::Commit { selected, message, way: commission.way, mark };
    Step { effects: vec![Effect::Sync, here.flight.begin(Job::Commit, work)], ..Step::default() }
}

fn give_up(here: &mut Situation<'_>, text: String) -> Step {
    here.flight.commission = None;
    noted(NoteLevel::Error, text)
}

/// What stands against calling a selection green.
fn not_green(session: &Session, selected: &Selected) -> Option<String> {
    let bad: Vec<String> = session
        .evidence_on(&selected.hash)
        .filter(|evidence| !evidence.is_green())
        .map(|evidence| {
            let reason = evidence.reason.as_deref().unwrap_or("no reason given");
            format!("gate {} {}: {reason}", evidence.gate, word(evidence))
        })
        .collect();
    (!bad.is_empty())
        .then(|| format!("{}. Commit despite the gates (`--despite-gates`) if that is what you want.", bad.join("; ")))
}

/// A secret in a commit is out for good, so this gate is not overruled by a wish to commit despite the gates.
fn secret(session: &Session, selected: &Selected) -> Option<String> {
    let found =
        session.evidence_on(&selected.hash).find(|evidence| evidence.gate == secrets::NAME && evidence.is_red())?;
    let reason = found.reason.as_deref().unwrap_or("a secret was found");
    Some(format!(
        "{reason}. Take it out; if it is no secret, put its fingerprint into gates.secrets.allow of your config.toml"
    ))
}

fn word(evidence: &Evidence) -> &'static str {
    match evidence.status {
        GateStatus::Pass => "passed",
        GateStatus::Fail => "failed",
        GateStatus::NotRun => "did not run",
    }
}

fn with_trailers(here: &Situation<'_>, message: &str, selected: &Selected) -> String {
    let mut trailers = Vec::new();
    if here.rules.trailers {
        trailers.push(format!("Tenon-Session: {}", here.rules.session));
        trailers.push(format!("Tenon-Proposal: {}", selected.proposal));
    }
    let bad: Vec<String> = here
        .session
        .evidence_on(&selected.hash)
        .filter(|evidence| !evidence.is_green())
        .map(|evidence| format!("{} {}", evidence.gate, word(evidence)))
        .collect();
    if !bad.is_empty() {
        trailers.push(format!("Tenon-Gates: {}", bad.join(", ")));
    }
    // An amended message has most of them already; those of the commit before are not what this one was proven by.
    let message = without_gates(message);
    trailers.extend(here.rules.more_trailers.iter().cloned());
    trailers.retain(|trailer| !message.lines().any(|line| line == trailer));
    join_trailers(&message, &trailers)
}

/// The message without what an earlier commit said of its gates.
fn without_gates(message: &str) -> String {
    let kept: Vec<&str> = message.lines().filter(|line| !line.starts_with("Tenon-Gates: ")).collect();
    kept.join("\n")
}

/// Trailers stand in one block at the end: with those the message has already, or after an empty line.
fn join_trailers(message: &str, trailers: &[String]) -> String {
    let message = message.trim_end();
    if trailers.is_empty() {
        return format!("{message}\n");
    }
    let last = message.rsplit("\n\n").next().unwrap_or_default();
    let is_trailer = |line: &str| {
        line.split_once(": ")
            .is_some_and(|(key, _)| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
    };
    let joined = message.contains("\n\n") && last.lines().all(is_trailer);
    format!("{message}{}{}\n", if joined { "\n" } else { "\n\n" }, trailers.join("\n"))
}

/// The commit is made, or not.
pub fn committed(here: &mut Situation<'_>, result: Result<Written, CommitFailure>) -> Step {
    let commission = here.flight.commission.take();
    let Some((proposal, Some(selected))) = commission.map(|known| (known.proposal, known.selected)) else {
        return noted(NoteLevel::Error, "a commit ended that nobody asked for");
    };
    match result {
        Ok(written) => {
            let mut step = Step::default();
            step.events.extend(written.notes.into_iter().map(|text| Event::Noted { level: NoteLevel::Warning, text }));
            step.events.push(Event::Applied { proposal: proposal.clone(), paths: written.paths });
            step.events.push(Event::Committed {
                proposal,
                oid: written.oid,
                message: written.message,
                branch: written.branch,
                amends: written.amends,
            });
            step.effects.push(here.flight.begin(Job::Settle, Work::Settle(selected)));
            step
        }
        Err(CommitFailure::Refused(text)) => noted(NoteLevel::Error, format!("nothing was committed: {text}")),
        Err(CommitFailure::Stale(paths)) => stale(here, &proposal, paths),
        Err(CommitFailure::Changed(text)) => {
            let mut step = noted(NoteLevel::Warning, text);
            step.join(again(here));
            step
        }
    }
}

/// The user changed files meanwhile: the draft is put on top of what they are now and shown again.
fn stale(here: &mut Situation<'_>, proposal: &ProposalId, paths: Vec<RepoPath>) -> Step {
    let names: Vec<&str> = paths.iter().map(RepoPath::as_str).collect();
    let text = format!(
        "nothing was committed: {} changed in your tree since the proposal was made; it is shown again on top of what is there now",
        names.join(", ")
    );
    let mut step = noted(NoteLevel::Warning, text);
    let proposal = here.session.offer(proposal).map(|offer| Box::new(offer.proposal.clone()));
    step.effects.push(here.flight.begin(Job::Rebase, Work::Rebase { proposal, paths }));
    step
}

/// The draft follows the tree after a commit; what is left of it is proposed.
pub fn settled(here: &mut Situation<'_>, result: Result<Vec<RepoPath>, String>) -> Step {
    let mut step = conflicts(result);
    step.join(again(here));
    step
}

/// The draft follows the tree after it changed underneath; the proposal is frozen again.
pub fn rebased(here: &mut Situation<'_>, result: Result<Vec<RepoPath>, String>) -> Step {
    let mut step = conflicts(result);
    step.join(again(here));
    step
}

fn again(here: &mut Situation<'_>) -> Step {
    proposing::at_rest(here)
}

fn conflicts(result: Result<Vec<RepoPath>, String>) -> Step {
    match result {
        Ok(paths) if paths.is_empty() => Step::default(),
        Ok(paths) => {
            let names: Vec<&str> = paths.iter().map(RepoPath::as_str).collect();
            noted(
                NoteLevel::Error,
                format!(
                    "you and the agent changed the same lines of {}; both versions stand there between conflict markers",
                    names.join(", ")
                ),
            )
        }
        Err(text) => noted(NoteLevel::Error, format!("the draft could not follow your tree: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_join_the_block_that_is_there() {
        let ours = ["Tenon-Session: s".to_owned()];
        for (message, expected) in [
            ("fix: a", "fix: a\n\nTenon-Session: s\n"),
            ("fix: a\n\nbody text\n", "fix: a\n\nbody text\n\nTenon-Session: s\n"),
            (
                "fix: a\n\nbody\n\nSigned-off-by: A <a@b>\n",
                "fix: a\n\nbody\n\nSigned-off-by: A <a@b>\nTenon-Session: s\n",
            ),
            ("Fix: a", "Fix: a\n\nTenon-Session: s\n"),
        ] {
            assert_eq!(join_trailers(message, &ours), expected);
        }
        assert_eq!(join_trailers("fix: a\n", &[]), "fix: a\n");
    }
}
