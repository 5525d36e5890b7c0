//! Whole sessions: real repository, real workspace, real journal; only the model is scripted.

use serde_json::json;
use tenon::domain::{Budget, Command, CommitChoice, Event, GateStatus, Progress, ToolCall, TurnEnd, Verdict};
use tenon::provider::{ErrorKind, Reply, Stop};

use super::world::{Line, World, calls, text, verdict, write};

pub const TWENTY: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n";

pub fn ended(event: &Event) -> TurnEnd {
    match event {
        Event::TurnEnded { reason, .. } => *reason,
        other => panic!("not the end of a turn: {other:?}"),
    }
}

#[tokio::test]
async fn an_interrupt_drops_the_request_and_keeps_what_was_streamed() {
    let world = World::new(&[]);
    world.script.add(Line::Hang("half of an "));
    world.says(text("whole"));
    let mut front = world.open().await;
    front.say("hello").await;
    front.until_progress("the first words", |progress| matches!(progress, Progress::Text { .. })).await;
    front.send(Command::Interrupt).await;
    let said = front.until("what was streamed", |event| matches!(event, Event::AssistantSaid { .. })).await;
    assert!(matches!(said, Event::AssistantSaid { text, complete: false, .. } if text == "half of an "));
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Interrupted);
    front.say("again").await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Done);
    assert_eq!(world.script.requests().len(), 2);
}

#[tokio::test]
async fn an_interrupt_ends_a_running_command_and_answers_its_call() {
    let world = World::new(&[]);
    world.says(calls(&[
        ("c1", "run", json!({"command": "echo started; sleep 100; echo never"})),
        write("c2", "x", "x"),
    ]));
    let mut front = world.open().await;
    front.say("run it").await;
    front.until_progress("its output", |progress| matches!(progress, Progress::ToolOutput { .. })).await;
    let began = std::time::Instant::now();
    front.send(Command::Interrupt).await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Interrupted);
    for call in ["c1", "c2"] {
        let (ok, output) = front.result(call);
        assert!(!ok && output.contains("Interrupted"), "{output}");
    }
    front.say("and now").await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Done);
    assert!(began.elapsed() < std::time::Duration::from_secs(50), "the command is gone");
}

#[tokio::test]
async fn words_said_meanwhile_wait_for_the_next_request_and_can_be_taken_back() {
    let world = World::new(&[("a", "a\n")]);
    world.says(calls(&[("c1", "ask", json!({"question": "Which?"}))]));
    let mut front = world.open().await;
    front.say("first").await;
    front.until("the question", |event| matches!(event, Event::ToolCalled { .. })).await;
    front.say("second").await;
    front.say("third").await;
    let queued = front
        .until("the queue", |event| matches!(event, Event::UserSaid { queued: true, text, .. } if text == "third"))
        .await;
    let Event::UserSaid { message, .. } = queued else { unreachable!() };
    front.send(Command::Withdraw { message }).await;
    front.until("the withdrawal", |event| matches!(event, Event::Withdrawn { .. })).await;
    front.send(Command::Answer { call: "c1".into(), text: "That one.".to_owned() }).await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Done);
    let last = format!("{:?}", world.script.requests().last().unwrap().messages);
    assert!(last.contains("That one.") && last.contains("second") && !last.contains("third"), "{last}");
    assert_eq!(world.script.requests().len(), 2, "what waited is delivered with the next request, not with one more");
}

#[tokio::test]
async fn a_budget_ends_the_turn_and_says_which_limit() {
    let mut world = World::new(&[("a", "a\n")]);
    world.settings.budget.requests = Some(2);
    for call in ["c1", "c2", "c3"] {
        world.says(calls(&[(call, "read", json!({"path": "a"}))]));
    }
    let mut front = world.open().await;
    front.say("read for ever").await;
    let end = front.turn_end().await;
    let Event::TurnEnded { reason: TurnEnd::Budget, detail: Some(detail), .. } = end else { panic!("{end:?}") };
    assert!(detail.contains("2 requests"), "{detail}");
    assert_eq!(world.script.requests().len(), 2);
}

#[tokio::test]
async fn a_provider_that_is_down_fails_the_turn_in_its_own_words_and_the_next_one_goes_on() {
    let world = World::new(&[]);
    world.script.add(Line::Fail(ErrorKind::Network, "connection refused"));
    let mut front = world.open().await;
    front.say("hello").await;
    let note = front.note("connection refused").await;
    assert!(note.contains("Check the network."), "{note}");
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Failed);
    front.say("again").await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Done);
    let last = format!("{:?}", world.script.requests().last().unwrap().messages);
    assert!(last.contains("hello") && last.contains("again"), "{last}");
}

#[tokio::test]
async fn a_call_with_cut_off_arguments_is_answered_and_never_executed() {
    let world = World::new(&[]);
    let mut cut = calls(&[write("c1", "a", "whole")]);
    cut.calls.push(ToolCall {
        call: "c2".into(),
        name: "write".to_owned(),
        input: serde_json::Value::Null,
        invalid: Some("{\"path\": \"b\", \"content\": \"ha".to_owned()),
    });
    cut.stop = Stop::Length;
    world.says(cut);
    let mut front = world.open().await;
    front.say("write").await;
    front.note("cut off").await;
    front.turn_end().await;
    assert!(front.result("c1").0);
    let (ok, output) = front.result("c2");
    assert!(!ok && output.contains("not executed"), "{output}");
    let proposal = front.proposal();
    assert_eq!(proposal.changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn an_answer_that_just_stops_is_asked_for_once_more_and_then_a_failure() {
    let world = World::new(&[]);
    let half = || Reply { complete: false, stop_word: None, ..text("half") };
    world.says(half());
    let mut front = world.open().await;
    front.say("one").await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Done, "the second answer came whole");
    world.says(half()).says(half());
    front.say("two").await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Failed);
    assert_eq!(world.script.requests().len(), 4);
}

#[tokio::test]
async fn tools_that_are_not_there_are_answered_with_those_that_are() {
    let world = World::new(&[]);
    world.says(calls(&[("c1", "teleport", json!({})), ("c2", "plan", json!({"steps": "none"}))]));
    let mut front = world.open().await;
    front.say("go").await;
    front.turn_end().await;
    let (ok, output) = front.result("c1");
    assert!(!ok && output.contains("teleport") && output.contains("read"), "{output}");
    assert!(!front.result("c2").0, "input that does not fit the schema is an error");
}

#[tokio::test]
async fn without_a_model_the_session_opens_and_says_what_to_set() {
    let mut world = World::new(&[]);
    world.model = None;
    let mut front = world.open().await;
    front.say("hello").await;
    front.note("TENON_MODEL").await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Failed);
    front.send(Command::UseModel { model: "scripted/m".to_owned() }).await;
    front.until("the model", |event| matches!(event, Event::AgentChosen { model, .. } if model == "scripted/m")).await;
    front.say("and now").await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Done);
}

#[tokio::test]
async fn rejections_and_comments_go_back_as_one_review() {
    let world = World::new(&[("a", "a\n")]);
    world.says(calls(&[write("c1", "a", "b\n")]));
    let mut front = world.open().await;
    front.say("change").await;
    front.turn_end().await;
    let proposal = front.proposal();
    let (_, hunk) = proposal.hunks().next().unwrap();
    let mut rejected = verdict(hunk, Verdict::Reject);
    rejected.comment = Some("Why b?".to_owned());
    front.decide_on(&proposal, vec![rejected]).await;
    front.send(Command::Review { proposal: proposal.id.clone(), text: Some("Try c.".to_owned()) }).await;
    front.turn_end().await;
    let last = format!("{:?}", world.script.requests().last().unwrap().messages);
    assert!(last.contains("Why b?") && last.contains("Try c."), "{last}");
}

#[tokio::test]
async fn a_shell_command_of_the_user_works_on_the_draft_and_the_agent_hears_of_it() {
    let world = World::new(&[("a", "a\n")]);
    let mut front = world.open().await;
    front.send(Command::Shell { command: "echo changed > a && echo said".to_owned() }).await;
    front.until("its result", |event| matches!(event, Event::ToolReturned { ok: true, .. })).await;
    assert_eq!(world.read("a").as_deref(), Some("a\n"));
    front.say("what happened?").await;
    front.turn_end().await;
    let asked = format!("{:?}", world.script.requests()[0].messages);
    assert!(asked.contains("echo changed > a") && asked.contains("said"), "{asked}");
    assert_eq!(front.proposal().changes.len(), 1);
}

#[tokio::test]
async fn a_long_conversation_is_compacted_and_keeps_the_last_request() {
    let mut world = World::new(&[("a", &"words and more words\n".repeat(300))]);
    world.model = Some("scripted/small");
    let mut front = world.open().await;
    for turn in 0..3 {
        world.says(calls(&[(["r0", "r1", "r2"][turn], "read", json!({"path": "a"}))]));
        world.says(text("read"));
        if turn == 1 {
            world.says(text("SUMMARY OF IT ALL"));
        }
        front.say(&format!("request {turn}: read it")).await;
        assert_eq!(ended(&front.turn_end().await), TurnEnd::Done);
    }
    assert!(front.events().iter().any(|event| matches!(event, Event::Compacted { .. })), "{:#?}", front.events());
    for request in world.script.requests() {
        let all = format!("{:?}", request.messages);
        assert!(all.contains("request "), "{all}");
    }
    let last = format!("{:?}", world.script.requests().last().unwrap().messages);
    assert!(last.contains("request 2"), "{last}");
}

#[tokio::test]
async fn a_front_end_that_does_not_read_stops_nothing_and_misses_no_record() {
    let mut world = World::new(&[("a", "a\n")]);
    world.settings.budget = Budget { requests: None, tokens: None, cost_usd: None, seconds: None };
    for round in 0..150 {
        let names: Vec<String> = (0..4).map(|call| format!("c{round}-{call}")).collect();
        let read = |name: &String| ToolCall {
            call: name.as_str().into(),
            name: "read".to_owned(),
            input: json!({"path": "a"}),
            invalid: None,
        };
        world.says(Reply { calls: names.iter().map(read).collect(), stop: Stop::Calls, ..text("") });
    }
    let mut front = world.open().await;
    let journal = world.journal(&front.handle.session);
    front.say("read a lot").await;
    let ended = || std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"turn_ended\""));
    let patience = std::time::Instant::now();
    while !ended() {
        assert!(patience.elapsed() < std::time::Duration::from_secs(60), "the turn ends although nobody reads");
        tokio::task::yield_now().await;
    }
    front.turn_end().await;
    assert!(front.records.len() > 1_300, "{}", front.records.len());
}

#[tokio::test]
async fn in_the_best_isolation_of_this_machine_commands_and_gates_see_the_draft() {
    let world = World::new(&[("calc.py", "def add(a, b):\n    return a - b\n"), ("test_calc.py", TEST_CALC)]);
    let edited = "def add(a, b):\n    return a + b\n";
    world.says(calls(&[write("c1", "calc.py", edited), ("c2", "run", json!({"command": "cat calc.py"}))]));
    world.says(calls(&[("c3", "propose", json!({"title": "Add", "message": "fix: add"}))]));
    let opening = tenon::engine::Opening { isolation: None, ..world.opening() };
    let mut front = world.open_as(opening).await.unwrap();
    front.say("Fix add").await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Done);
    assert!(front.result("c2").1.contains("a + b"), "{:?}", front.result("c2"));
    let session = front.session();
    let proposal = front.proposal();
    assert_eq!(proposal.changes.len(), 1, "what running the tests left behind is no part of it");
    let evidence: Vec<_> = session.evidence_on(&proposal.hash).filter(|found| found.gate == "tests").collect();
    assert_eq!(evidence.len(), 1, "{:#?}", front.events());
    if evidence[0].status != GateStatus::NotRun {
        assert_eq!(evidence[0].status, GateStatus::Pass, "{evidence:#?}");
        assert_eq!(evidence[0].base_tests.map(|tests| tests.failed), Some(1), "base is proven beside it");
    }
    front.decide(&proposal, "", Verdict::Accept).await;
    front.commit(&proposal, CommitChoice::Despite).await;
    front.until("the commit", |event| matches!(event, Event::Committed { .. })).await;
    assert_eq!(world.read("calc.py").as_deref(), Some(edited));
    front.close().await;
}

const TEST_CALC: &str = "import unittest\nfrom calc import add\n\n\nclass Adding(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n";

#[tokio::test]
async fn every_request_carries_the_instructions_of_the_repository_and_its_user() {
    let world = World::new(&[("AGENTS.md", "Handlers live in src/handlers.\n"), ("CLAUDE.md", "never read\n")]);
    std::fs::create_dir_all(world.opening().config.unwrap()).unwrap();
    std::fs::write(world.opening().config.unwrap().join("AGENTS.md"), "Answer in one paragraph.\n").unwrap();
    world.says(text("hello"));
    let mut front = world.open().await;
    let said = front.until(
        "what agents are told",
        |event| matches!(event, Event::Noted { text, .. } if text.contains("told what stands in")),
    );
    assert!(matches!(said.await, Event::Noted { text, .. } if text.ends_with("config/AGENTS.md, AGENTS.md")));
    front.say("hello").await;
    front.turn_end().await;
    let system = world.script.requests()[0].system.clone();
    let at = |words: &str| system.find(words).unwrap_or_else(|| panic!("{words} in {system}"));
    assert!(at("Answer in one paragraph.") < at("Handlers live in src/handlers."));
    assert!(!system.contains("never read"));
}
