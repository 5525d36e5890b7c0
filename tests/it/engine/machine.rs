//! A driver without a world: it folds events and keeps what was started, so that a test decides how it comes out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use tenon::domain::{
    Budget, CallId, Command, Event, MessageId, ProposalId, Record, SessionId, ToolCall, ToolSpec, Usage,
};
use tenon::engine::decide::decide;
use tenon::engine::input::{Input, Outcome, What};
use tenon::engine::rules::{ModelRules, Rules};
use tenon::engine::session::{Item, ItemKind, Session};
use tenon::engine::work::{Effect, Flight, JobId, Work};
use tenon::provider::{Reply, Stop};

/// The tools the machine's agent has.
pub const TOOLS: [&str; 9] = ["read", "list", "search", "edit", "run", "verify", "plan", "ask", "propose"];

pub fn rules() -> Rules {
    let spec = |name: &str| ToolSpec {
        name: name.to_owned(),
        description: "a tool".to_owned(),
        input_schema: json!({"type": "object"}),
    };
    Rules {
        session: SessionId::new("s"),
        system: "You are an agent.".to_owned(),
        specs: TOOLS.iter().map(|name| spec(name)).collect(),
        model: Ok(ModelRules::new("m".to_owned(), 100_000)),
        budget: Budget { requests: Some(20), tokens: None, cost_usd: None, seconds: None },
        rounds: 3,
        steps: true,
        trailers: true,
        more_trailers: Vec::new(),
    }
}

pub struct Machine {
    pub rules: Rules,
    pub session: Session,
    pub flight: Flight,
    pub records: Vec<Record>,
    pub started: BTreeMap<JobId, Work>,
    pub cancelled: Vec<JobId>,
    pub closed: bool,
    pub clock: i64,
}

impl Machine {
    pub fn new() -> Self {
        let mut machine = Self::bare(rules());
        machine.record(Event::SessionOpened {
            session: SessionId::new("s"),
            parent: None,
            repository: "/r".to_owned(),
            branch: None,
            head: None,
            isolation: tenon::domain::Isolation::Copy,
            version: "0".to_owned(),
            stack: None,
        });
        machine.record(Event::AgentChosen {
            agent: "a".to_owned(),
            model: "p/m".to_owned(),
            tools: None,
            context_window: None,
        });
        machine
    }

    fn bare(rules: Rules) -> Self {
        Self {
            rules,
            session: Session::default(),
            flight: Flight::default(),
            records: Vec::new(),
            started: BTreeMap::new(),
            cancelled: Vec::new(),
            closed: false,
            clock: 0,
        }
    }

    /// As after a crash: only records are left.
    pub fn resumed(records: &[Record]) -> Self {
        let mut machine = Self::bare(rules());
        machine.session = Session::of(records);
        machine.records = records.to_vec();
        machine.give(What::Resumed);
        machine
    }

    fn record(&mut self, event: Event) {
        let at = Timestamp::from_second(self.clock).unwrap();
        let record = Record { v: 1, seq: self.session.seq + 1, at, event };
        self.session.apply(&record);
        self.records.push(record);
    }

    pub fn give(&mut self, what: What) {
        self.step(what);
        for _ in 0..1_000 {
            if !self.step(What::Next) {
                self.check();
                return;
            }
        }
        panic!("the machine does not come to rest");
    }

    fn step(&mut self, what: What) -> bool {
        let at = Timestamp::from_second(self.clock).unwrap();
        let step = decide(&self.session, &mut self.flight, &self.rules, Input { at, what });
        let moved = !step.is_empty();
        for event in step.events {
            self.record(event);
        }
        for effect in step.effects {
            match effect {
                Effect::Start(id, work) => {
                    assert!(self.started.insert(id, work).is_none(), "a job number is used once");
                }
                Effect::Cancel(ids) => self.cancelled.extend(ids),
                Effect::Sync => {}
                Effect::Close => self.closed = true,
            }
        }
        moved
    }

    pub fn command(&mut self, command: Command) {
        self.give(What::Command(command));
    }

    pub fn say(&mut self, text: &str) {
        self.command(Command::Say { text: text.to_owned() });
    }

    /// Ends a piece of work.
    pub fn end(&mut self, id: JobId, outcome: Outcome) {
        self.started.remove(&id).expect("the work was started");
        self.cancelled.retain(|other| *other != id);
        self.give(What::Ended(id, outcome));
    }

    /// The one piece of work of this kind that is under way.
    pub fn job(&self, wanted: impl Fn(&Work) -> bool) -> JobId {
        let mut found = self.started.iter().filter(|(_, work)| wanted(work)).map(|(id, _)| *id);
        let id = found.next().unwrap_or_else(|| panic!("no such work among {:?}", self.started));
        assert!(found.next().is_none(), "only one");
        id
    }

    pub fn asked(&self) -> JobId {
        self.job(|work| matches!(work, Work::Ask(_)))
    }

    pub fn reply(&mut self, reply: Reply) {
        let id = self.asked();
        self.end(id, Outcome::Replied(Box::new(Ok(reply))));
    }

    /// What holds after every step, whatever came before.
    pub fn check(&self) {
        assert_eq!(Session::of(&self.records), self.session, "the fold of the journal is the live state");
        self.check_answers();
        self.check_requests();
        if self.session.turn.is_none() {
            let open: Vec<&CallId> = self
                .session
                .items
                .iter()
                .filter(|item| matches!(item.kind, ItemKind::Answer(_)))
                .flat_map(Item::calls)
                .filter(|call| call.open())
                .map(|call| &call.call.call)
                .collect();
            assert!(open.is_empty(), "no call of the model is open outside a turn: {open:?}");
        }
    }

    fn check_answers(&self) {
        let mut answers: BTreeMap<&CallId, (usize, usize)> = BTreeMap::new();
        let mut messages: BTreeMap<&MessageId, usize> = BTreeMap::new();
        for record in &self.records {
            match &record.event {
                Event::ToolCalled { call, .. } => answers.entry(call).or_default().0 += 1,
                Event::ToolReturned { call, .. } => answers.entry(call).or_default().1 += 1,
                Event::UserSaid { message, queued: false, .. } => *messages.entry(message).or_default() += 1,
                _ => {}
            }
        }
        for (call, (called, returned)) in answers {
            assert_eq!(called, 1, "{call} is called once");
            assert!(returned <= 1, "{call} is answered once");
        }
        for (message, delivered) in messages {
            assert_eq!(delivered, 1, "{message} is delivered once");
        }
    }

    fn check_requests(&self) {
        for work in self.started.values() {
            let Work::Ask(request) = work else { continue };
            assert_well_formed(&request.messages);
        }
    }

    /// Whether the user can go on: saying something leads to a request, at the latest when what was stopped has ended.
    pub fn answers_the_user(&mut self) {
        for id in self.cancelled.clone() {
            self.end(id, Outcome::Stopped);
        }
        let before = self.session.messages;
        self.say("still there?");
        assert_eq!(self.session.messages, before + 1);
        assert!(
            !self.started.is_empty() || self.session.open_calls().count() > 0,
            "either the words lead to a request or they wait for something"
        );
    }
}

/// What every wire insists on.
pub fn assert_well_formed(messages: &[tenon::domain::Message]) {
    use tenon::domain::Message;
    assert!(matches!(messages.first(), Some(Message::User { .. })), "begins with the user");
    assert!(!matches!(messages.last(), Some(Message::Assistant { .. })), "ends with the user or with results");
    for pair in messages.windows(2) {
        match pair {
            [Message::Assistant { calls, .. }, Message::Tools { results }] => {
                let called: Vec<_> = calls.iter().map(|call| &call.call).collect();
                let answered: Vec<_> = results.iter().map(|result| &result.call).collect();
                assert_eq!(called, answered);
            }
            [Message::Assistant { calls, .. }, _] => assert!(calls.is_empty(), "calls are answered at once"),
            [_, Message::Tools { .. }] => panic!("results without calls"),
            [Message::User { .. }, Message::User { .. }] => panic!("the user speaks twice in a row"),
            _ => {}
        }
    }
}

/// An answer with text only.
pub fn text(text: &str) -> Reply {
    Reply {
        text: text.to_owned(),
        stop: Stop::End,
        stop_word: Some("end_turn".to_owned()),
        usage: Usage { input_tokens: 100, output_tokens: 10, ..Usage::default() },
        complete: true,
        ..Reply::default()
    }
}

/// An answer with calls.
pub fn calls(calls: &[(&str, &str)]) -> Reply {
    let call = |(id, name): &(&str, &str)| ToolCall {
        call: CallId::new(*id),
        name: (*name).to_owned(),
        input: input(name),
        invalid: None,
    };
    Reply { calls: calls.iter().map(call).collect(), stop: Stop::Calls, ..text("") }
}

pub fn p1() -> ProposalId {
    ProposalId::new("p1")
}

/// An input that fits the tool.
pub fn input(tool: &str) -> serde_json::Value {
    match tool {
        "propose" => json!({"title": "t", "message": "fix: t"}),
        "ask" => json!({"question": "q?"}),
        "plan" => json!({"steps": [{"title": "t", "acceptance": "a"}]}),
        _ => json!({"path": "a"}),
    }
}
