//! Verdicts, and the review that goes back to the agent.

use std::collections::BTreeMap;

use crate::domain::{Event, HunkId, HunkVerdict, NoteLevel, ProposalId, Verdict};

use crate::proposal::Part;

use super::super::session::OfferState;
use super::super::work::{Job, Step, Work};
use super::{Situation, conversation, noted};

/// The user decides on hunks.
pub fn decided(here: &Situation<'_>, proposal: ProposalId, verdicts: Vec<HunkVerdict>) -> Step {
    let Some(offer) = here.session.offer(&proposal) else {
        return noted(NoteLevel::Error, format!("there is no proposal `{proposal}`"));
    };
    if offer.state != OfferState::Open {
        return noted(NoteLevel::Error, format!("proposal {proposal} can no longer be decided on"));
    }
    let hunks: BTreeMap<&HunkId, usize> = offer.proposal.hunks().map(|(_, hunk)| (&hunk.id, hunk.changed)).collect();
    let there = |id: &HunkId| {
        let (whole, lines) = id.split();
        hunks.get(&whole).is_some_and(|changed| lines.is_none_or(|[_, to]| to <= *changed))
    };
    let (known, unknown): (Vec<_>, Vec<_>) = verdicts.into_iter().partition(|verdict| there(&verdict.hunk));
    let (whole, without): (Vec<_>, Vec<_>) =
        known.into_iter().partition(|verdict| verdict.verdict != Verdict::Edit || verdict.replacement.is_some());
    let mut step = Step::default();
    if let Some(verdict) = without.first() {
        step.join(noted(
            NoteLevel::Error,
            format!("hunk {} is to be edited, but the new text is missing", verdict.hunk),
        ));
    }
    if let Some(verdict) = unknown.first() {
        let text = format!("proposal {proposal} has no hunk {}; it may have changed since it was shown", verdict.hunk);
        step.join(noted(NoteLevel::Error, text));
    }
    if !whole.is_empty() {
        step.events.push(Event::Decided { proposal, verdicts: whole });
    }
    step
}

/// The user sends rejections and comments back to the agent.
pub fn send(here: &mut Situation<'_>, proposal: &ProposalId, text: Option<String>) -> Step {
    let Some(offer) = here.session.offer(proposal) else {
        return noted(NoteLevel::Error, format!("there is no proposal `{proposal}`"));
    };
    let decided = |part: &Part| matches!(part.verdict, Verdict::Reject | Verdict::Edit);
    let said = offer.verdicts.all_parts(&offer.proposal).iter().any(decided)
        || offer.verdicts.remarks().iter().any(|remark| !remark.sent);
    if text.is_none() && !said {
        return noted(NoteLevel::Warning, "there is nothing to send: reject a hunk, comment on one, or add a text");
    }
    let work = Work::Review { offer: Box::new(offer.clone()), text };
    here.flight.begin(Job::Review(proposal.clone()), work).into()
}

/// The review is written down: it is something the user says.
pub fn written(here: &mut Situation<'_>, proposal: ProposalId, text: Result<String, String>) -> Step {
    match text {
        Ok(text) => {
            let mut step = Step::from(Event::Reviewed { proposal });
            step.join(conversation::say(here, text));
            step
        }
        Err(text) => noted(NoteLevel::Error, text),
    }
}
