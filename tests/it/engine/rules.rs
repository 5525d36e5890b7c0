//! Single rules of the pure machine, each by its name.

use std::sync::Arc;

use serde_json::json;
use tenon::domain::{
    Change, Command, CommitChoice, ContentHash, Event, Evidence, GateStatus, Message, NoteLevel, Proposal, RepoPath,
    TurnEnd, Verdict,
};
use tenon::engine::input::{CommitFailure, Drafted, Outcome, Returned, What, Written};
use tenon::engine::work::{JobId, Selected, Work};
use tenon::provider::{Chunk, ErrorKind, ProviderError, Reply, Stop};

use super::machine::{Machine, calls, p1, text};
use super::properties::proposal;
use super::world::verdict;

fn done(output: &str) -> Outcome {
    Outcome::Returned(Returned { ok: true, output: output.to_owned(), ms: 1 })
}

fn running(machine: &Machine) -> Vec<(JobId, String)> {
    let name = |work: &Work| match work {
        Work::Call { call, .. } => call.call.to_string(),
        other => format!("{other:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
    };
    machine.started.iter().map(|(id, work)| (*id, name(work))).collect()
}

fn names(machine: &Machine) -> Vec<String> {
    running(machine).into_iter().map(|(_, name)| name).collect()
}

fn end(machine: &mut Machine, name: &str, outcome: Outcome) {
    let (id, _) = running(machine).into_iter().find(|(_, known)| known == name).expect("it runs");
    machine.end(id, outcome);
}

fn draft(machine: &mut Machine, way: u8) -> Proposal {
    let frozen = proposal(machine.session.next_proposal(), way);
    let id = machine.job(|work| matches!(work, Work::Propose { .. }));
    machine.end(id, Outcome::Drafted(Ok(Drafted { proposal: Some(Box::new(frozen.clone())), notes: vec![] })));
    frozen
}

fn prove(machine: &mut Machine, status: GateStatus) {
    let id = machine.job(|work| matches!(work, Work::Prove { .. }));
    let Work::Prove { proposal, selected, .. } = &machine.started[&id] else { unreachable!() };
    let subject = selected.as_ref().map_or(&proposal.hash, |selected| &selected.hash).clone();
    let evidence = evidence(proposal, subject, status);
    machine.give(What::Reported(id, evidence));
    machine.end(id, Outcome::Proved(Ok(())));
}

fn evidence(proposal: &Proposal, subject: ContentHash, status: GateStatus) -> Evidence {
    Evidence {
        reason: (status != GateStatus::Pass).then(|| "one test".to_owned()),
        new: 1,
        command: Some("pytest".to_owned()),
        log: "AssertionError".to_owned(),
        ..Evidence::new(proposal.id.clone(), subject, "tests", status)
    }
}

fn ended(machine: &Machine) -> Option<TurnEnd> {
    if machine.session.turn.is_some() { None } else { machine.session.last_end }
}

/// A machine with an open proposal whose gate ended so.
fn with_proposal(status: GateStatus) -> (Machine, Proposal) {
    let mut machine = Machine::new();
    machine.say("do it");
    machine.reply(text("done"));
    let frozen = draft(&mut machine, 1);
    prove(&mut machine, status);
    if status == GateStatus::Fail {
        // The failure goes back to the agent first; it changes nothing, so there is nothing to prove again.
        assert!(machine.records.iter().any(|record| matches!(record.event, Event::SentBack { round: 1, .. })));
        machine.reply(text("I cannot repair it"));
    }
    assert_eq!(ended(&machine), Some(TurnEnd::Done));
    (machine, frozen)
}

fn accept(machine: &mut Machine, proposal: &Proposal) {
    let verdicts = proposal.hunks().map(|(_, hunk)| verdict(hunk, Verdict::Accept)).collect();
    machine.command(Command::Decide { proposal: proposal.id.clone(), verdicts });
}

fn commit(machine: &mut Machine, choice: CommitChoice) {
    machine.command(Command::Commit { proposal: p1(), message: None, choice, way: Default::default() });
}

fn select(machine: &mut Machine, hash: &ContentHash) {
    let file = Change { path: RepoPath::parse("a").unwrap(), base: None, result: None };
    let selected =
        Selected { proposal: p1(), hash: hash.clone(), files: vec![file], whole: Vec::new(), kept: Vec::new() };
    let id = machine.job(|work| matches!(work, Work::Select(_)));
    machine.end(id, Outcome::Selected(Ok(Arc::new(selected))));
}

fn last_note(machine: &Machine) -> String {
    let note = machine.records.iter().rev().find_map(|record| match &record.event {
        Event::Noted { text, .. } => Some(text.clone()),
        _ => None,
    });
    note.unwrap_or_default()
}

#[test]
fn failures_go_back_to_the_agent_as_often_as_the_rules_say() {
    let mut machine = Machine::new();
    machine.say("do it");
    machine.reply(text("done"));
    for round in 1..=machine.rules.rounds {
        draft(&mut machine, u8::try_from(round).unwrap());
        prove(&mut machine, GateStatus::Fail);
        let last = machine.records.last().map(|record| record.event.clone());
        assert!(matches!(&last, Some(Event::SentBack { round: told, .. }) if *told == round), "{last:?}");
        let Work::Ask(request) = &machine.started[&machine.asked()] else { unreachable!() };
        let Some(Message::User { text: words }) = request.messages.last() else { panic!("{request:?}") };
        assert!(words.contains("AssertionError"), "{words}");
        machine.reply(calls(&[("x", "run")]));
        let name = names(&machine)[0].clone();
        end(&mut machine, name.as_str(), done(""));
        machine.reply(text("repaired"));
    }
    draft(&mut machine, 0);
    prove(&mut machine, GateStatus::Fail);
    assert_eq!(ended(&machine), Some(TurnEnd::Done), "then the user sees it");
    assert!(last_note(&machine).contains("still red after 3 rounds"), "{}", last_note(&machine));
}

#[test]
fn reads_run_side_by_side_and_everything_else_in_its_turn() {
    let mut machine = Machine::new();
    machine.say("go");
    machine.reply(calls(&[("r1", "read"), ("r2", "search"), ("e1", "edit"), ("x1", "run"), ("r3", "read")]));
    assert_eq!(names(&machine), ["r1", "r2"]);
    end(&mut machine, "r2", done("2"));
    assert_eq!(names(&machine), ["r1"], "a writer waits for all reads before it");
    end(&mut machine, "r1", done("1"));
    assert_eq!(names(&machine), ["e1"]);
    end(&mut machine, "e1", done(""));
    assert_eq!(names(&machine), ["x1"]);
    end(&mut machine, "x1", done(""));
    assert_eq!(names(&machine), ["r3"]);
    end(&mut machine, "r3", done("3"));
    let Work::Ask(request) = &machine.started[&machine.asked()] else { unreachable!() };
    let Some(Message::Tools { results }) = request.messages.last() else { panic!("{request:?}") };
    let order: Vec<&str> = results.iter().map(|result| result.call.as_str()).collect();
    assert_eq!(order, ["r1", "r2", "e1", "x1", "r3"], "results come in the order of the calls");
}

#[test]
fn a_permission_rests_until_it_is_given_and_always_holds_for_its_kind() {
    let mut machine = Machine::new();
    machine.say("go");
    machine.reply(calls(&[("x1", "run")]));
    end(&mut machine, "x1", Outcome::NeedsPermission("run `npm install` with network access".to_owned()));
    assert!(names(&machine).is_empty() && ended(&machine).is_none(), "the engine rests in the question");
    machine.command(Command::Permit { permission: "a1".into(), allowed: true, always: true });
    assert!(matches!(machine.started.values().next(), Some(Work::Call { permitted: true, .. })));
    end(&mut machine, "x1", done(""));
    machine.reply(calls(&[("x2", "run"), ("x3", "run")]));
    end(&mut machine, "x2", Outcome::NeedsPermission("run `pip install x` with network access".to_owned()));
    assert!(matches!(machine.started.values().next(), Some(Work::Call { permitted: true, .. })), "the same kind");
    end(&mut machine, "x2", done(""));
    end(&mut machine, "x3", Outcome::NeedsPermission("run `x` outside the workspace".to_owned()));
    machine.command(Command::Permit { permission: "a2".into(), allowed: false, always: false });
    let refused = machine.session.call(&"x3".into()).unwrap().result.clone().unwrap();
    assert!(!refused.ok && refused.output.contains("not allow"), "{refused:?}");
}

#[test]
fn red_gates_go_back_to_the_agent_three_times_and_then_to_the_user() {
    let mut machine = Machine::new();
    machine.say("go");
    for round in 1..=4 {
        let name = format!("p{round}");
        machine.reply(calls(&[(&name, "propose")]));
        draft(&mut machine, round);
        prove(&mut machine, GateStatus::Fail);
        let result = machine.session.call(&name.as_str().into()).unwrap().result.clone().unwrap();
        assert!(!result.ok && result.output.contains("AssertionError"), "{result:?}");
        assert_eq!(result.output.contains("call propose again"), round < 3, "{}", result.output);
    }
    machine.reply(text("I could not repair it."));
    assert_eq!(ended(&machine), Some(TurnEnd::Done), "what was proposed last is frozen and proven already");
    assert_eq!(machine.session.offers.len(), 1, "one proposal in its latest form");
}

#[test]
fn nothing_is_committed_without_an_accepted_hunk() {
    let (mut machine, _) = with_proposal(GateStatus::Pass);
    commit(&mut machine, CommitChoice::Despite);
    assert!(machine.started.is_empty() && last_note(&machine).contains("no hunk is accepted"));
}

#[test]
fn a_whole_proposal_is_not_proven_twice() {
    let (mut machine, frozen) = with_proposal(GateStatus::Pass);
    accept(&mut machine, &frozen);
    commit(&mut machine, CommitChoice::Green);
    select(&mut machine, &frozen.hash);
    assert_eq!(names(&machine), ["Commit"]);
}

#[test]
fn a_part_is_proven_before_it_is_committed() {
    let (mut machine, frozen) = with_proposal(GateStatus::Pass);
    accept(&mut machine, &frozen);
    commit(&mut machine, CommitChoice::Green);
    select(&mut machine, &ContentHash::of(b"a part"));
    assert_eq!(names(&machine), ["Prove"]);
    prove(&mut machine, GateStatus::Fail);
    assert!(machine.started.is_empty(), "green means green");
    assert!(last_note(&machine).contains("gate tests failed"), "{}", last_note(&machine));
    commit(&mut machine, CommitChoice::Despite);
    select(&mut machine, &ContentHash::of(b"a part"));
    let id = machine.job(|work| matches!(work, Work::Commit { .. }));
    let Work::Commit { message, .. } = &machine.started[&id] else { unreachable!() };
    assert!(message.contains("Tenon-Gates: tests failed"), "{message}");
}

#[test]
fn gates_that_could_not_run_are_not_green() {
    for status in [GateStatus::NotRun, GateStatus::Fail] {
        let (mut machine, frozen) = with_proposal(status);
        accept(&mut machine, &frozen);
        commit(&mut machine, CommitChoice::Green);
        select(&mut machine, &frozen.hash);
        assert!(machine.started.is_empty(), "{status:?}");
    }
    let (mut machine, frozen) = with_proposal(GateStatus::Pass);
    accept(&mut machine, &frozen);
    commit(&mut machine, CommitChoice::Green);
    select(&mut machine, &ContentHash::of(b"a part"));
    let id = machine.job(|work| matches!(work, Work::Prove { .. }));
    machine.end(id, Outcome::Proved(Err("no space".to_owned())));
    assert!(machine.started.is_empty(), "no evidence at all is not green either");
}

#[test]
fn a_stale_file_is_shown_again_under_the_same_name_and_nothing_is_written() {
    let (mut machine, frozen) = with_proposal(GateStatus::Pass);
    accept(&mut machine, &frozen);
    commit(&mut machine, CommitChoice::Green);
    select(&mut machine, &frozen.hash);
    let stale = CommitFailure::Stale(vec![RepoPath::parse("a").unwrap()]);
    end(&mut machine, "Commit", Outcome::Committed(Err(stale)));
    let id = machine.job(|work| matches!(work, Work::Rebase { .. }));
    machine.end(id, Outcome::Rebased(Ok(Vec::new())));
    let again = draft(&mut machine, 2);
    assert_eq!(again.id, frozen.id);
    assert!(machine.session.commits.is_empty());
    prove(&mut machine, GateStatus::Pass);
    assert_eq!(machine.session.open_offer().unwrap().proposal.hash, again.hash);
}

#[test]
fn an_interrupt_does_not_stop_a_commit_that_is_being_written() {
    let (mut machine, frozen) = with_proposal(GateStatus::Pass);
    accept(&mut machine, &frozen);
    commit(&mut machine, CommitChoice::Green);
    select(&mut machine, &frozen.hash);
    machine.command(Command::Interrupt);
    assert!(machine.cancelled.is_empty());
    let written = Written {
        amends: None,
        oid: "0123".to_owned(),
        message: "m".to_owned(),
        branch: None,
        paths: vec![RepoPath::parse("a").unwrap()],
        notes: Vec::new(),
    };
    end(&mut machine, "Commit", Outcome::Committed(Ok(written)));
    assert_eq!(machine.session.commits.len(), 1);
}

#[test]
fn words_during_stopped_work_wait_until_it_has_ended() {
    let mut machine = Machine::new();
    machine.say("go");
    machine.reply(calls(&[("x1", "run")]));
    machine.command(Command::Interrupt);
    assert_eq!(ended(&machine), Some(TurnEnd::Interrupted));
    machine.say("no, this way");
    assert!(ended(&machine).is_none());
    assert_eq!(names(&machine), ["x1"], "two commands never run side by side");
    end(&mut machine, "x1", done("late"));
    assert_eq!(names(&machine), ["Ask"]);
}

#[test]
fn a_context_that_is_too_long_is_shortened_once() {
    let mut machine = Machine::new();
    for turn in 0..20 {
        machine.say(&format!("request {turn} {}", "words ".repeat(3_000)));
        while machine.session.turn.is_some() {
            let id = *machine.started.keys().next().unwrap();
            let outcome = match &machine.started[&id] {
                Work::Ask(_) => Outcome::Replied(Box::new(Ok(text("answer")))),
                _ => Outcome::Drafted(Ok(Drafted { proposal: None, notes: vec![] })),
            };
            machine.end(id, outcome);
        }
    }
    machine.say("the last request");
    let too_long = || {
        Outcome::Replied(Box::new(Err(ProviderError {
            provider: "p".into(),
            kind: ErrorKind::ContextTooLong,
            message: "too long".into(),
            hints: vec![],
        })))
    };
    let id = machine.asked();
    machine.end(id, too_long());
    let Work::Ask(request) = &machine.started[&machine.asked()] else { unreachable!() };
    assert!(format!("{:?}", request.messages).contains("the last request"));
    let id = machine.asked();
    machine.end(id, too_long());
    assert_eq!(ended(&machine), Some(TurnEnd::Failed));
}

#[test]
fn compaction_keeps_the_request_word_for_word_and_the_pairs_whole() {
    let mut machine = Machine::new();
    machine.rules.budget.requests = None;
    machine.say("the one and only request");
    for round in 0..30 {
        let name = format!("r{round}");
        machine.reply(Reply { usage: Default::default(), ..calls(&[(&name, "read")]) });
        end(&mut machine, &name, done(&"line of a file\n".repeat(2_000)));
        let id = machine.asked();
        let Work::Ask(request) = &machine.started[&id] else { unreachable!() };
        let all = format!("{:?}", request.messages);
        assert!(all.contains("the one and only request"), "round {round}");
        assert!(all.len() < 400_000, "it fits the window: {}", all.len());
        if all.contains("about to be replaced") {
            machine.end(id, Outcome::Replied(Box::new(Ok(text("what matters so far")))));
        }
    }
    let compacted = machine.records.iter().filter(|record| matches!(record.event, Event::Compacted { .. })).count();
    assert!(compacted >= 1);
}

#[test]
fn a_truncated_answer_is_told_and_no_success() {
    for (stop, word) in [(Stop::Length, "cut off"), (Stop::Refused, "refused")] {
        let mut machine = Machine::new();
        machine.say("go");
        machine.reply(Reply { stop, stop_word: Some("x".into()), ..text("half") });
        assert!(last_note(&machine).contains(word), "{}", last_note(&machine));
        let id = machine.job(|work| matches!(work, Work::Propose { .. }));
        machine.end(id, Outcome::Drafted(Ok(Drafted { proposal: None, notes: vec![] })));
        assert_eq!(ended(&machine), Some(TurnEnd::Failed));
    }
}

#[test]
fn what_streams_in_after_an_interrupt_is_not_shown() {
    let mut machine = Machine::new();
    machine.say("go");
    let id = machine.asked();
    machine.give(What::Chunk(id, Chunk::Text("one ".into())));
    machine.command(Command::Interrupt);
    machine.give(What::Chunk(id, Chunk::Text("two".into())));
    let said: Vec<&Event> = machine
        .records
        .iter()
        .map(|record| &record.event)
        .filter(|event| matches!(event, Event::AssistantSaid { .. }))
        .collect();
    assert!(matches!(said[..], [Event::AssistantSaid { text, complete: false, .. }] if text == "one "));
    assert!(machine.flight.partial.is_empty());
}

#[test]
fn a_verdict_on_a_hunk_that_is_not_there_is_an_error_and_the_others_count() {
    let (mut machine, frozen) = with_proposal(GateStatus::Pass);
    let (_, hunk) = frozen.hunks().next().unwrap();
    let mut unknown = verdict(hunk, Verdict::Accept);
    unknown.hunk = "nonsense".into();
    machine.command(Command::Decide { proposal: p1(), verdicts: vec![verdict(hunk, Verdict::Accept), unknown] });
    assert!(last_note(&machine).contains("nonsense"));
    assert_eq!(machine.session.open_offer().unwrap().verdict(&hunk.id), Verdict::Accept);
}

#[test]
fn an_event_of_a_later_version_changes_nothing() {
    let (mut machine, _) = with_proposal(GateStatus::Pass);
    let before = machine.session.clone();
    let line = json!({"v": 9, "seq": before.seq + 1, "at": "2030-01-01T00:00:00Z", "type": "teleported", "to": "mars"});
    machine.session.apply(&serde_json::from_value(line).unwrap());
    assert_eq!(machine.session.offers, before.offers);
    assert_eq!(machine.session.items, before.items);
    assert_eq!(machine.session.seq, before.seq + 1);
}

#[test]
fn undo_goes_back_and_redo_forward_commit_by_commit() {
    let (mut machine, _) = with_proposal(GateStatus::Pass);
    machine.command(Command::Undo);
    assert!(last_note(&machine).contains("no commit"));
    assert!(
        !machine.records.iter().any(|record| matches!(&record.event, Event::Noted { level: NoteLevel::Error, .. }))
    );
}
