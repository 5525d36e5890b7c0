//! What holds for every order of inputs and for a crash after every record.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use std::sync::Arc;

use tenon::domain::{
    CallId, Change, ChangeKind, Command, CommitChoice, ContentHash, Evidence, FileChange, FileMode, GateStatus, Hunk,
    HunkId, HunkVerdict, PermissionId, Proposal, ProposalId, RepoPath, ToolCall, Verdict,
};
use tenon::engine::input::{Chosen, CommitFailure, Drafted, Outcome, Returned, Reverted, What, Written};
use tenon::engine::work::{JobId, Selected, Work};
use tenon::provider::{Chunk, ErrorKind, ProviderError, Reply, Stop};

use super::machine::{Machine, TOOLS, input, text};

/// A step of a random history: a command, or how the `pick`th piece of work comes out.
#[derive(Clone, Debug)]
enum Move {
    Command(u8, u8),
    Work { pick: usize, way: u8 },
    Chunk(u8),
    Gate { pick: usize, way: u8 },
    Crash,
    Time(u16),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (any::<u8>(), any::<u8>()).prop_map(|(which, way)| Move::Command(which, way)),
        10 => (any::<usize>(), any::<u8>()).prop_map(|(pick, way)| Move::Work { pick, way }),
        1 => any::<u8>().prop_map(Move::Chunk),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(pick, way)| Move::Gate { pick, way }),
        1 => Just(Move::Crash),
        1 => any::<u16>().prop_map(Move::Time),
    ];
    proptest::collection::vec(one, 1..80)
}

pub fn proposal(id: ProposalId, way: u8) -> Proposal {
    let hash = ContentHash::of(&[way % 4]);
    let hunk =
        |name: &str| Hunk { id: HunkId::new(format!("{name}{}", way % 4)), old: [1, 1], new: [1, 1], changed: 2 };
    let change = FileChange {
        path: RepoPath::parse("a").unwrap(),
        kind: ChangeKind::Edit,
        old_path: None,
        base: Some(ContentHash::of(b"base")),
        result: Some(hash.clone()),
        old_mode: FileMode::Regular,
        mode: FileMode::Regular,
        binary: false,
        added: 1,
        removed: 1,
        hunks: vec![hunk("x"), hunk("y")],
    };
    Proposal { id, title: "t".to_owned(), message: "fix: t".to_owned(), hash, changes: vec![change] }
}

fn reply(way: u8, seq: u64) -> Result<Reply, ProviderError> {
    let call = |number: u8, name: &str| ToolCall {
        // Also names that are empty, or come again in every answer.
        call: CallId::new(match way % 3 {
            0 => String::new(),
            1 => format!("call_{number}"),
            _ => format!("c{}", seq + u64::from(number)),
        }),
        name: name.to_owned(),
        input: input(name),
        invalid: None,
    };
    let tool = |number: u8| TOOLS[usize::from(number) % TOOLS.len()];
    Ok(match way % 12 {
        0 | 1 => text("done"),
        2 => Reply { complete: false, ..text("half an ans") },
        3 => Reply { stop: Stop::Length, ..text("cut off") },
        4 => Reply { stop: Stop::Refused, ..text("no") },
        5 => text(""),
        6 => {
            let kind = if way > 100 { ErrorKind::ContextTooLong } else { ErrorKind::Network };
            return Err(ProviderError { provider: "p".into(), kind, message: "down".into(), hints: vec![] });
        }
        7 => {
            let mut cut = call(1, "edit");
            cut.input = serde_json::Value::Null;
            cut.invalid = Some("{\"path\": \"a".to_owned());
            Reply { calls: vec![call(0, "read"), cut, call(2, "no_such_tool")], stop: Stop::Length, ..text("") }
        }
        8 => Reply { calls: vec![call(0, "propose")], stop: Stop::Calls, ..text("") },
        9 => Reply { calls: vec![call(0, "ask"), call(0, "read")], stop: Stop::Calls, ..text("") },
        _ => Reply {
            calls: (0..way % 5 + 1).map(|number| call(number, tool(way / 7 + number))).collect(),
            stop: Stop::Calls,
            ..text("working")
        },
    })
}

fn outcome(machine: &Machine, id: JobId, way: u8) -> Outcome {
    if machine.cancelled.contains(&id) {
        // What was stopped may still have come to its end.
        return if way.is_multiple_of(2) { Outcome::Stopped } else { genuine(machine, id, way) };
    }
    genuine(machine, id, way)
}

fn genuine(machine: &Machine, id: JobId, way: u8) -> Outcome {
    let bad = way.is_multiple_of(5);
    let failed = || "no space left on device".to_owned();
    match &machine.started[&id] {
        Work::Ask(_) => Outcome::Replied(Box::new(reply(way, machine.session.seq))),
        Work::Call { permitted: false, call } if bad && call.name == "run" => {
            Outcome::NeedsPermission("run `x` with network access".to_owned())
        }
        Work::Call { .. } | Work::Shell { .. } | Work::Delegate(_) | Work::Verify { .. } | Work::Check { .. } => {
            Outcome::Returned(Returned { ok: !bad, output: "output".to_owned(), ms: 1 })
        }
        Work::Propose { id, .. } => Outcome::Drafted(match way % 6 {
            0 => Err(failed()),
            1 => Ok(Drafted { proposal: None, notes: Vec::new() }),
            _ => Ok(Drafted { proposal: Some(Box::new(proposal(id.clone(), way))), notes: vec!["a fifo".into()] }),
        }),
        Work::Prove { .. } => Outcome::Proved(if bad { Err(failed()) } else { Ok(()) }),
        Work::Select(offer) => Outcome::Selected(if bad {
            Err(failed())
        } else {
            let file = Change { path: RepoPath::parse("a").unwrap(), base: None, result: None };
            let hash = if way.is_multiple_of(2) { offer.proposal.hash.clone() } else { ContentHash::of(&[way, 7]) };
            Ok(Arc::new(Selected {
                proposal: offer.proposal.id.clone(),
                hash,
                files: vec![file],
                whole: Vec::new(),
                kept: Vec::new(),
            }))
        }),
        Work::Commit { message, .. } => Outcome::Committed(match way % 5 {
            0 => Err(CommitFailure::Stale(vec![RepoPath::parse("a").unwrap()])),
            1 => Err(CommitFailure::Refused(failed())),
            _ => Ok(Written {
                amends: None,
                oid: format!("{:040}", machine.session.seq),
                message: message.clone(),
                branch: None,
                paths: vec![RepoPath::parse("a").unwrap()],
                notes: Vec::new(),
            }),
        }),
        Work::Settle(_) | Work::Restore(_) | Work::Rebase { .. } => {
            Outcome::Rebased(if bad { Err(failed()) } else { Ok(Vec::new()) })
        }
        Work::Revert { oid, .. } => Outcome::Reverted(if bad {
            Err(failed())
        } else {
            Ok(Reverted { oid: oid.clone(), head: None, paths: Vec::new(), notes: Vec::new() })
        }),
        Work::Choose { .. } => Outcome::Chosen(if bad {
            Err(failed())
        } else {
            Ok(Chosen {
                agent: "b".into(),
                model: "p/n".into(),
                tools: None,
                context_window: Some(9),
                notes: vec!["a note".into()],
            })
        }),
        Work::Review { .. } => Outcome::Reviewed(if bad { Err(failed()) } else { Ok("please change this".into()) }),
    }
}

fn command(machine: &Machine, which: u8, way: u8) -> Command {
    let id = machine.session.offers.last().map_or(ProposalId::new("p9"), |offer| offer.proposal.id.clone());
    let hunks = machine
        .session
        .offers
        .last()
        .map(|offer| offer.proposal.hunks().map(|(_, hunk)| hunk.id.clone()).collect::<Vec<_>>());
    let verdict = match way % 4 {
        0 => Verdict::Reject,
        1 => Verdict::Edit,
        _ => Verdict::Accept,
    };
    match which % 18 {
        0..=3 => Command::Say { text: format!("words {way}") },
        4 => match machine.session.queue.first() {
            Some(waiting) => Command::Withdraw { message: waiting.message.clone() },
            None => Command::Withdraw { message: "m99".into() },
        },
        5 | 6 => match machine.session.open_calls().find(|call| call.call.name == "ask") {
            Some(call) => Command::Answer { call: call.call.call.clone(), text: "yes".into() },
            None => Command::Answer { call: "nothing".into(), text: "yes".into() },
        },
        7 | 8 => Command::Permit {
            permission: PermissionId::new(format!("a{}", machine.session.questions)),
            allowed: !way.is_multiple_of(3),
            always: way.is_multiple_of(2),
        },
        9 => Command::Decide {
            proposal: id,
            verdicts: hunks
                .unwrap_or_default()
                .into_iter()
                .chain([HunkId::new("nonsense")])
                .map(|hunk| HunkVerdict {
                    hunk,
                    verdict,
                    comment: way.is_multiple_of(7).then(|| "why?".into()),
                    line: None,
                    about: None,
                    replacement: way.is_multiple_of(2).then(|| "x\n".into()),
                })
                .collect(),
        },
        10 => Command::Propose,
        11 => Command::Prove { proposal: id, gates: Vec::new() },
        12 => Command::Commit {
            proposal: id,
            message: None,
            choice: if way.is_multiple_of(2) { CommitChoice::Green } else { CommitChoice::Despite },
            way: Default::default(),
        },
        13 => Command::Review { proposal: id, text: way.is_multiple_of(2).then(|| "look".into()) },
        14 => {
            if way.is_multiple_of(2) {
                Command::Undo
            } else {
                Command::Redo
            }
        }
        15 => Command::Shell { command: "ls".into() },
        16 => match way % 3 {
            0 => Command::UseAgent { agent: "b".into() },
            1 => Command::UseModel { model: "p/n".into() },
            _ => Command::Compact,
        },
        _ => Command::Interrupt,
    }
}

fn make(machine: &mut Machine, step: &Move) {
    match step {
        Move::Command(which, way) => {
            let command = command(machine, *which, *way);
            machine.command(command);
        }
        Move::Work { pick, way } => {
            let ids: Vec<JobId> = machine.started.keys().copied().collect();
            if !ids.is_empty() {
                let id = ids[pick % ids.len()];
                let outcome = outcome(machine, id, *way);
                machine.end(id, outcome);
            }
        }
        Move::Chunk(way) => {
            let asked = machine.started.iter().find(|(_, work)| matches!(work, Work::Ask(_))).map(|(id, _)| *id);
            if let Some(id) = asked {
                let chunk = if *way < 200 { Chunk::Text("piece".into()) } else { Chunk::Restarted };
                machine.give(What::Chunk(id, chunk));
            }
        }
        Move::Gate { pick, way } => report(machine, *pick, *way),
        Move::Crash => *machine = Machine::resumed(&machine.records),
        Move::Time(seconds) => machine.clock += i64::from(*seconds),
    }
}

fn report(machine: &mut Machine, pick: usize, way: u8) {
    let proving: Vec<(JobId, Evidence)> = machine
        .started
        .iter()
        .filter_map(|(id, work)| match work {
            Work::Prove { proposal, selected, .. } => Some((
                *id,
                Evidence::new(
                    proposal.id.clone(),
                    selected.as_ref().map_or(&proposal.hash, |selected| &selected.hash).clone(),
                    "tests",
                    [GateStatus::Pass, GateStatus::Fail, GateStatus::NotRun][usize::from(way % 3)],
                ),
            )),
            _ => None,
        })
        .collect();
    if !proving.is_empty() {
        let (id, evidence) = proving[pick % proving.len()].clone();
        machine.give(What::Reported(id, evidence));
    }
}

/// Every commit that was made was green, or the user said despite.
fn check_commits(machine: &Machine) -> TestCaseResult {
    for work in machine.started.values() {
        let Work::Commit { selected, message, .. } = work else { continue };
        let red = machine.session.evidence_on(&selected.hash).any(|found| found.status != GateStatus::Pass);
        prop_assert_eq!(red, message.contains("Tenon-Gates:"), "a commit that is not green says so");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_inputs_keeps_the_invariants(moves in moves()) {
        let mut machine = Machine::new();
        for step in &moves {
            make(&mut machine, step);
            check_commits(&machine)?;
        }
        machine.answers_the_user();
    }

    #[test]
    fn a_crash_after_any_record_leaves_a_session_that_goes_on(moves in moves()) {
        let mut machine = Machine::new();
        for step in &moves {
            make(&mut machine, step);
        }
        for upto in 2..=machine.records.len() {
            let mut again = Machine::resumed(&machine.records[..upto]);
            prop_assert!(again.session.turn.is_none());
            prop_assert_eq!(again.session.unanswered().count(), 0);
            again.answers_the_user();
        }
    }

    #[test]
    fn working_to_the_end_always_ends_the_turn(ways in proptest::collection::vec(any::<u8>(), 200)) {
        let mut machine = Machine::new();
        machine.say("do it");
        let mut ways = ways.into_iter().cycle();
        for _ in 0..2_000 {
            if machine.session.turn.is_none() && machine.started.is_empty() {
                return Ok(());
            }
            let way = ways.next().unwrap();
            if let Some(id) = machine.started.keys().next().copied() {
                let outcome = outcome(&machine, id, way);
                machine.end(id, outcome);
                continue;
            }
            let asks = machine.session.open_calls().next().cloned();
            let call = asks.expect("a turn without work rests in a question");
            if call.asks() {
                let permission = call.question.unwrap().permission;
                machine.command(Command::Permit { permission, allowed: true, always: false });
            } else {
                machine.command(Command::Answer { call: call.call.call, text: "yes".into() });
            }
        }
        prop_assert!(false, "the turn does not end");
    }
}
