//! How each event changes a session.

use crate::domain::{Event, PermissionId, ProposalId, Record, ToolCall, ToolResult, TurnEnd, Usage};

use crate::proposal::Verdicts;
use crate::tool::protocol::{PLAN, Protocol};

use super::super::permissions;
use super::item::Question;
use super::{Answer, Call, Item, ItemKind, Mark, Offer, OfferState, Receipt, SHELL, Session, Summary, Turn, Waiting};

impl Session {
    /// Takes one record in. Never fails: an event that does not fit what is known changes nothing but the number.
    pub fn apply(&mut self, record: &Record) {
        self.seq = record.seq;
        match &record.event {
            Event::SessionOpened { repository, .. } => self.repository.clone_from(repository),
            Event::AgentChosen { agent, model, tools, .. } => {
                self.agent.clone_from(agent);
                if self.model != *model {
                    self.model_since = record.seq;
                }
                self.model.clone_from(model);
                self.tools.clone_from(tools);
            }
            Event::TurnStarted { turn, budget } => {
                self.turns = *turn;
                self.turn = Some(Turn {
                    number: *turn,
                    since: record.seq,
                    budget: *budget,
                    started: record.at,
                    requests: 0,
                    usage: Usage::default(),
                    broken: 0,
                    rounds: 0,
                });
            }
            Event::TurnEnded { reason, .. } => self.end_turn(*reason),
            Event::Compacted { summary, upto, usage, .. } => {
                self.summary = Some(Summary { text: summary.clone(), upto: *upto, made: record.seq });
                self.items.retain(|item| item.seq > *upto);
                self.spend(usage);
            }
            event => {
                self.converse(record.seq, event);
                self.review(record.seq, event);
            }
        }
    }

    fn converse(&mut self, seq: u64, event: &Event) {
        match event {
            Event::UserSaid { message, text, queued } => {
                let known = self.queue.iter().position(|waiting| waiting.message == *message);
                if known.is_none() {
                    self.messages += 1;
                }
                if *queued {
                    self.queue.push(Waiting { message: message.clone(), text: text.clone() });
                } else {
                    known.map(|place| self.queue.remove(place));
                    self.request = Some(text.clone());
                    let draft = self.open_offer().map(|offer| offer.proposal.clone());
                    self.marks.push(Mark { message: message.clone(), seq, draft });
                    self.push(seq, ItemKind::User { text: text.clone() });
                }
            }
            Event::Withdrawn { message } => self.queue.retain(|waiting| waiting.message != *message),
            Event::AssistantSaid { text, complete, thinking, stop, usage } => {
                let answer = Answer {
                    text: text.clone(),
                    thinking: thinking.clone(),
                    complete: *complete,
                    stop: stop.clone(),
                    context: usage.context_tokens(),
                    written: usage.output_tokens,
                    calls: Vec::new(),
                };
                let broken = answer.broken();
                self.push(seq, ItemKind::Answer(answer));
                self.spend(usage);
                if let Some(turn) = &mut self.turn {
                    turn.requests += 1;
                    turn.broken = if broken { turn.broken + 1 } else { 0 };
                }
            }
            Event::ToolCalled { call, name, input, invalid } => {
                self.calls += 1;
                let call =
                    ToolCall { call: call.clone(), name: name.clone(), input: input.clone(), invalid: invalid.clone() };
                self.take_call(seq, Call::new(call));
            }
            Event::ToolReturned { call, ok, output, .. } => {
                let open = self.items.iter_mut().rev().flat_map(Item::calls_mut).find(|known| known.call.call == *call);
                if let Some(known) = open.filter(|known| known.open()) {
                    known.result = Some(ToolResult { call: call.clone(), ok: *ok, output: output.clone() });
                }
            }
            Event::PermissionAsked { permission, call, what } => {
                self.questions += 1;
                let known =
                    self.items.iter_mut().rev().flat_map(Item::calls_mut).find(|known| known.call.call == *call);
                if let Some(known) = known {
                    let question = Question { permission: permission.clone(), what: what.clone(), allowed: None };
                    known.question = Some(question);
                }
            }
            Event::SentBack { text, .. } => {
                if let Some(turn) = &mut self.turn {
                    turn.rounds += 1;
                }
                self.push(seq, ItemKind::User { text: format!("[checks] {text}") });
            }
            Event::StepChecked { step, ok, reason, .. } => self.plan.checked(*step, *ok, reason),
            Event::PermissionGiven { permission, allowed, always } => self.answer(permission, *allowed, *always),
            _ => {}
        }
    }

    fn take_call(&mut self, seq: u64, call: Call) {
        if call.call.name == SHELL {
            self.push(seq, ItemKind::Shell(call));
            return;
        }
        if let (PLAN, Some(Ok(Protocol::Plan(plan)))) =
            (call.call.name.as_str(), Protocol::read(PLAN, &call.call.input))
        {
            self.plan.take(plan);
        }
        if call.call.name == "propose"
            && let Some(turn) = &mut self.turn
        {
            turn.rounds += 1;
        }
        let last = self.items.iter_mut().rev().find_map(|item| match &mut item.kind {
            ItemKind::Answer(answer) => Some(answer),
            _ => None,
        });
        if let Some(answer) = last {
            answer.calls.push(call);
        }
    }

    fn answer(&mut self, permission: &PermissionId, allowed: bool, always: bool) {
        let asking = self
            .items
            .iter_mut()
            .rev()
            .flat_map(Item::calls_mut)
            .find(|call| call.question.as_ref().is_some_and(|question| question.permission == *permission));
        let Some(call) = asking else { return };
        let name = call.call.name.clone();
        if let Some(question) = &mut call.question {
            question.allowed = Some(allowed);
            if allowed && always {
                self.grants.insert(permissions::kind(&name, &question.what));
            }
        }
    }

    fn review(&mut self, seq: u64, event: &Event) {
        match event {
            Event::Proposed { proposal } => {
                match self.offers.iter_mut().find(|offer| offer.proposal.id == proposal.id) {
                    Some(known) => *known = Offer::new(proposal.clone(), std::mem::take(&mut known.verdicts)),
                    None => self.offers.push(Offer::new(proposal.clone(), Verdicts::default())),
                }
            }
            Event::GateReported(found) => {
                let gates = self.evidence.entry(found.subject.clone()).or_default();
                gates.insert(found.gate.clone(), found.as_ref().clone());
            }
            Event::SelfReviewed { subject, items, .. } => {
                self.reviews.insert(subject.clone(), items.clone());
            }
            Event::Decided { proposal, verdicts } => {
                if let Some(offer) = self.offers.iter_mut().find(|offer| offer.proposal.id == *proposal) {
                    offer.verdicts.fold(verdicts);
                }
            }
            Event::Applied { proposal, paths } => self.commits.push(Receipt::of(proposal.clone(), paths.clone())),
            Event::Committed { proposal, oid, message, amends, .. } => {
                let subject = message.lines().next().unwrap_or_default().to_owned();
                self.committed(seq, proposal, (oid, subject, amends.clone()));
            }
            Event::Reviewed { proposal } => {
                if let Some(offer) = self.offers.iter_mut().find(|offer| offer.proposal.id == *proposal) {
                    offer.verdicts.reviewed();
                }
            }
            Event::Rewound { to, .. } => self.rewound(*to),
            Event::Undone { oid, head, redo } => self.undone(seq, oid, head.as_deref(), *redo),
            _ => {}
        }
    }

    fn committed(&mut self, seq: u64, proposal: &ProposalId, (oid, subject, amends): (&str, String, Option<String>)) {
        let waiting = self.commits.last().is_some_and(|last| last.oid.is_empty() && last.proposal == *proposal);
        if !waiting {
            self.commits.push(Receipt::of(proposal.clone(), Vec::new()));
        }
        if let Some(receipt) = self.commits.last_mut() {
            oid.clone_into(&mut receipt.oid);
            (receipt.seq, receipt.subject, receipt.amends) = (seq, subject, amends);
        }
        self.committed = seq;
        if let Some(offer) = self.offers.iter_mut().find(|offer| offer.proposal.id == *proposal) {
            offer.state = OfferState::Committed;
        }
        let text = format!("The user committed the accepted part of proposal {proposal} as {oid}.");
        self.push(seq, ItemKind::Told { text });
    }

    fn undone(&mut self, seq: u64, oid: &str, head: Option<&str>, redo: bool) {
        if let Some(receipt) = self.commits.iter_mut().find(|receipt| receipt.oid == oid) {
            receipt.undone = !redo;
            receipt.undone_since = seq;
            // A commit that was brought forward again may have another name.
            if redo && let Some(head) = head {
                head.clone_into(&mut receipt.oid);
            }
        }
        let what = if redo { "brought commit" } else { "took commit" };
        let way = if redo { "forward again" } else { "back" };
        self.push(seq, ItemKind::Told { text: format!("The user {what} {oid} {way}.") });
    }

    /// Commits made since then were taken back before; the proposals since then are gone with what was said.
    fn rewound(&mut self, to: u64) {
        self.items.retain(|item| item.seq < to);
        self.queue.clear();
        self.turn = None;
        let last = self.items.iter().rev().find_map(|item| match &item.kind {
            ItemKind::User { text } => Some(text.clone()),
            _ => None,
        });
        self.request = last;
        self.marks.retain(|mark| mark.seq < to);
        // What was open is proposed again as what it was, or is gone.
        if let Some(offer) = self.offers.last_mut().filter(|offer| offer.state == OfferState::Open) {
            offer.state = OfferState::Empty;
        }
    }

    fn end_turn(&mut self, reason: TurnEnd) {
        self.turn = None;
        self.last_end = Some(reason);
        if reason == TurnEnd::Done {
            // A turn that is done has waited for every gate, so what was reported is all there is.
            self.proven.extend(self.evidence.keys().cloned());
        }
    }

    fn spend(&mut self, usage: &Usage) {
        // Nothing used is no request of unknown cost.
        if *usage == Usage::default() {
            return;
        }
        self.usage.add(usage);
        if let Some(turn) = &mut self.turn {
            turn.usage.add(usage);
        }
    }

    fn push(&mut self, seq: u64, kind: ItemKind) {
        self.items.push(Item { seq, kind });
    }
}
