//! A session is the fold of its records: [`Session::apply`] is all there is to resume, replay and live state.

mod fold;
mod item;
mod offer;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::{
    Budget, ContentHash, Evidence, MessageId, PermissionId, Proposal, ProposalId, Record, ReviewAnswer, ReviewItem,
    TurnEnd, Usage,
};

use crate::tool::protocol::{PROPOSE, Protocol, WorkPlan};

pub use item::{Answer, Call, Item, ItemKind, SHELL};
pub use offer::{Offer, OfferState, Receipt};

/// Everything that is known of a session. Built by [`Session::apply`] only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// The number of the last record.
    pub seq: u64,
    /// The repository's working folder as it was when the session began.
    pub repository: String,
    /// The agent it works as.
    pub agent: String,
    /// The model as `provider/model`; empty when none is configured.
    pub model: String,
    /// The tools the agent may call; `None` is all.
    pub tools: Option<Vec<String>>,
    /// The conversation, oldest first.
    pub items: Vec<Item>,
    /// What stands in the place of the items up to a record.
    pub summary: Option<Summary>,
    /// Messages that wait, oldest first.
    pub queue: Vec<Waiting>,
    /// The turn that is running.
    pub turn: Option<Turn>,
    /// How many turns there were.
    pub turns: u32,
    /// How the last turn ended.
    pub last_end: Option<TurnEnd>,
    /// How many messages the user said.
    pub messages: u32,
    /// How many calls there were.
    pub calls: u32,
    /// How many questions for permission there were.
    pub questions: u32,
    /// What is allowed for the rest of the session: kinds of requests.
    pub grants: BTreeSet<String>,
    /// The proposals, each in its latest form, oldest first.
    pub offers: Vec<Offer>,
    /// What gates found, by what exactly they ran on, then by gate.
    pub evidence: BTreeMap<ContentHash, BTreeMap<String, Evidence>>,
    /// Subjects whose gates have all reported.
    pub proven: BTreeSet<ContentHash>,
    /// The plan as it stands.
    pub plan: WorkPlan,
    /// The self-review of what was proposed, by what exactly was reviewed.
    pub reviews: BTreeMap<ContentHash, Vec<ReviewItem>>,
    /// The record of the last commit: what was said before it belongs to it.
    pub committed: u64,
    /// The words the user said last; they outlive every compaction.
    pub request: Option<String>,
    /// The record since when the model holds. Signed thinking of another one is not sent.
    pub model_since: u64,
    /// The commits, oldest first.
    pub commits: Vec<Receipt>,
    /// The messages that can be gone back to, oldest first.
    pub marks: Vec<Mark>,
    /// What the whole session used.
    pub usage: Usage,
}

/// A summary and how far it reaches.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The words.
    pub text: String,
    /// The last record it covers.
    pub upto: u64,
    /// The record it was made in. What a provider counted before says nothing about the conversation after.
    pub made: u64,
}

/// A message of the user, and what was proposed when it was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Its name.
    pub message: MessageId,
    /// Its record.
    pub seq: u64,
    /// The open proposal of that moment.
    pub draft: Option<Proposal>,
}

/// A message of the user that waits for the next step.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Its name.
    pub message: MessageId,
    /// The words.
    pub text: String,
}

/// A running turn and what it has used of its budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Counts from 1.
    pub number: u32,
    /// The record that began it.
    pub since: u64,
    /// Its limits.
    pub budget: Budget,
    /// When it began.
    pub started: Timestamp,
    /// Requests answered so far.
    pub requests: u32,
    /// What they used.
    pub usage: Usage,
    /// Answers in a row that did not come to their end.
    pub broken: u32,
    /// Calls of `propose` and failures sent back so far.
    pub rounds: u32,
}

/// What the conversation waits for while a turn runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// The model's answer.
    Answer,
    /// The results of open calls.
    Results,
    /// Nothing: the agent came to rest.
    Rest,
}

impl Session {
    /// Folds records from the beginning.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut session = Self::default();
        for record in records {
            session.apply(record);
        }
        session
    }

    /// What the conversation waits for.
    pub fn wants(&self) -> Wants {
        for item in self.items.iter().rev() {
            match &item.kind {
                ItemKind::User { .. } => return Wants::Answer,
                ItemKind::Answer(answer) if answer.calls.iter().any(Call::open) => return Wants::Results,
                ItemKind::Answer(answer) if !answer.calls.is_empty() || answer.broken() => return Wants::Answer,
                ItemKind::Answer(_) => return Wants::Rest,
                ItemKind::Shell(_) | ItemKind::Told { .. } => {}
            }
        }
        Wants::Rest
    }

    /// The calls of the last answer that wait for a result, in order.
    pub fn open_calls(&self) -> impl Iterator<Item = &Call> {
        self.last_answer().into_iter().flat_map(|answer| answer.calls.iter()).filter(|call| call.open())
    }

    /// The last answer of the model.
    pub fn last_answer(&self) -> Option<&Answer> {
        self.items.iter().rev().find_map(|item| match &item.kind {
            ItemKind::Answer(answer) => Some(answer),
            _ => None,
        })
    }

    /// Every call without a result: the model's and the user's own shell commands.
    pub fn unanswered(&self) -> impl Iterator<Item = &Call> {
        self.items.iter().flat_map(Item::calls).filter(|call| call.open())
    }

    /// The call with this name.
    pub fn call(&self, call: &crate::domain::CallId) -> Option<&Call> {
        self.items.iter().rev().flat_map(Item::calls).find(|known| known.call.call == *call)
    }

    /// The call that waits for this permission.
    pub fn asking(&self, permission: &PermissionId) -> Option<&Call> {
        self.unanswered().find(|call| call.question.as_ref().is_some_and(|question| question.permission == *permission))
    }

    /// A proposal by its name.
    pub fn offer(&self, proposal: &ProposalId) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.proposal.id == *proposal)
    }

    /// The proposal that can still be decided on: the last one, when it is neither committed nor empty.
    pub fn open_offer(&self) -> Option<&Offer> {
        self.offers.last().filter(|offer| offer.state == OfferState::Open)
    }

    /// The last commit that stands: not taken back, not amended since.
    pub fn last_commit(&self) -> Option<&Receipt> {
        self.commits.iter().rev().find(|receipt| self.stands(receipt))
    }

    /// Whether a commit was made, was not taken back, and no other took its place.
    pub fn stands(&self, receipt: &Receipt) -> bool {
        let amended = |other: &Receipt| !other.undone && other.amends.as_ref() == Some(&receipt.oid);
        !receipt.oid.is_empty() && !receipt.undone && !self.commits.iter().any(amended)
    }

    /// The commit that plain redo brings back: the first of those that were taken back since the last new one.
    pub fn next_redo(&self) -> Option<&Receipt> {
        self.commits.iter().find(|receipt| receipt.undone && receipt.undone_since > self.committed)
    }

    /// The name the next draft is frozen under: the open proposal is replaced, a committed one is not.
    pub fn next_proposal(&self) -> ProposalId {
        match self.open_offer() {
            Some(offer) => offer.proposal.id.clone(),
            None => ProposalId::new(format!("p{}", self.offers.len() + 1)),
        }
    }

    /// What the agent says to the topics of its self-review, since the last commit; the last word on a topic counts.
    pub fn review_answers(&self) -> Vec<ReviewAnswer> {
        let recent = self.items.iter().filter(|item| item.seq > self.committed).flat_map(Item::calls);
        let calls = recent.filter(|call| call.call.name == PROPOSE);
        calls
            .filter_map(|call| match Protocol::read(PROPOSE, &call.call.input) {
                Some(Ok(Protocol::Propose(propose))) => Some(propose.review),
                _ => None,
            })
            .flatten()
            .filter(|answer| !answer.answer.trim().is_empty())
            .collect()
    }

    /// What gates found on exactly this.
    pub fn evidence_on(&self, subject: &ContentHash) -> impl Iterator<Item = &Evidence> {
        self.evidence.get(subject).into_iter().flat_map(BTreeMap::values)
    }
}
