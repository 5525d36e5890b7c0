//! The engine on a session of 20,000 records. Budget: folding them all 20 ms; one piece of a streamed answer 10 µs,
//! however long the session is; the request for the next answer 10 ms.

use divan::Bencher;
use jiff::Timestamp;
use serde_json::json;
use tenon::domain::{Budget, CallId, Event, MessageId, Record, SessionId, Usage};
use tenon::engine::decide::decide;
use tenon::engine::input::{Input, What};
use tenon::engine::rules::{ModelRules, Rules};
use tenon::engine::session::Session;
use tenon::engine::work::{Effect, Flight};
use tenon::provider::Chunk;

fn records() -> Vec<Record> {
    let mut events = vec![
        Event::UserSaid { message: MessageId::new("m1"), text: "do it".to_owned(), queued: false },
        Event::TurnStarted { turn: 1, budget: Budget::default() },
    ];
    let none = Usage::default();
    for number in 0..6_666 {
        let call = CallId::new(format!("c{number}"));
        let text = "I read the next file.".to_owned();
        events.push(Event::AssistantSaid { text, complete: true, thinking: vec![], stop: None, usage: none });
        let input = json!({"path": "src/a.rs"});
        events.push(Event::ToolCalled { call: call.clone(), name: "read".to_owned(), input, invalid: None });
        events.push(Event::ToolReturned { call, ok: true, output: "a line of code\n".repeat(40), ms: 1 });
    }
    let record = |(place, event)| Record { v: 1, seq: place as u64 + 1, at: Timestamp::UNIX_EPOCH, event };
    events.into_iter().enumerate().map(record).collect()
}

fn rules() -> Rules {
    Rules {
        session: SessionId::new("s"),
        system: "You are an agent.".to_owned(),
        specs: Vec::new(),
        model: Ok(ModelRules::new("m".to_owned(), 100_000_000)),
        budget: Budget { requests: None, tokens: None, cost_usd: None, seconds: None },
        rounds: 3,
        steps: true,
        trailers: true,
        more_trailers: Vec::new(),
    }
}

fn input(what: What) -> Input {
    Input { at: Timestamp::UNIX_EPOCH, what }
}

#[divan::bench]
fn fold_20_000_records(bencher: Bencher<'_, '_>) {
    let records = records();
    bencher.bench_local(|| Session::of(&records));
}

#[divan::bench]
fn request_of_20_000_records(bencher: Bencher<'_, '_>) {
    let (session, rules) = (unlimited(), rules());
    bencher
        .with_inputs(Flight::default)
        .bench_local_values(|mut flight| decide(&session, &mut flight, &rules, input(What::Next)));
}

#[divan::bench]
fn piece_of_a_streamed_answer(bencher: Bencher<'_, '_>) {
    let (session, rules) = (unlimited(), rules());
    let mut flight = Flight::default();
    let asked = decide(&session, &mut flight, &rules, input(What::Next));
    let job = asked.effects.iter().find_map(|effect| match effect {
        Effect::Start(job, _) => Some(*job),
        _ => None,
    });
    let Some(job) = job else { return };
    bencher.bench_local(|| {
        flight.partial.clear();
        decide(&session, &mut flight, &rules, input(What::Chunk(job, Chunk::Text("word ".to_owned()))))
    });
}

fn unlimited() -> Session {
    let mut session = Session::of(&records());
    if let Some(turn) = &mut session.turn {
        turn.budget = rules().budget;
    }
    session
}
