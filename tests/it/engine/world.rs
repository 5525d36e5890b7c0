//! A whole session on a real repository, with a model that says what the test wrote down.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tenon::config::Settings;
use tenon::domain::{
    CallId, Command, CommitChoice, CommitWay, Event, HunkVerdict, Isolation, Progress, Proposal, Record, SessionId,
    ToolCall, Update, Usage, Verdict,
};
use tenon::engine::session::Session;
use tenon::engine::{EngineError, Found, Handle, Models, Opening, Updates, open_with};
use tenon::provider::{Chunk, ErrorKind, Provider, ProviderError, Reply, Request, Stop};
use tokio::sync::mpsc;

/// The longest a test waits for anything; a machine under load is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the scripted model does on a request.
#[expect(clippy::large_enum_variant, reason = "a handful of them, in tests")]
pub enum Line {
    Say(Reply),
    /// Streams this text and then nothing more, until the request is dropped.
    Hang(&'static str),
    Fail(ErrorKind, &'static str),
}

/// A model that follows a script and remembers what it was asked. After the script it says "ok".
#[derive(Default)]
pub struct Script {
    lines: Mutex<VecDeque<Line>>,
    pub requests: Mutex<Vec<Request>>,
}

impl Script {
    pub fn add(&self, line: Line) {
        self.lines.lock().unwrap().push_back(line);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

struct Scripted(Arc<Script>);

#[async_trait]
impl Provider for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn context_window(&self, model: &str) -> u64 {
        if model == "small" { 8_000 } else { 200_000 }
    }

    async fn ask(&self, request: Request, chunks: mpsc::Sender<Chunk>) -> Result<Reply, ProviderError> {
        super::machine::assert_well_formed(&request.messages);
        let size = format!("{request:?}").len() as u64;
        self.0.requests.lock().unwrap().push(request);
        let line = self.0.lines.lock().unwrap().pop_front();
        match line.unwrap_or_else(|| Line::Say(text("ok"))) {
            Line::Say(mut reply) => {
                reply.usage = Usage { input_tokens: size / 4, output_tokens: 10, ..Usage::default() };
                let _ = chunks.try_send(Chunk::Text(reply.text.clone()));
                Ok(reply)
            }
            Line::Hang(words) => {
                let _ = chunks.send(Chunk::Text(words.to_owned())).await;
                std::future::pending().await
            }
            Line::Fail(kind, message) => Err(ProviderError {
                provider: "scripted".to_owned(),
                kind,
                message: message.to_owned(),
                hints: vec!["Check the network.".to_owned()],
            }),
        }
    }
}

struct OneModel(Arc<Script>);

impl Models for OneModel {
    fn find(&self, name: &str) -> Result<Found, ProviderError> {
        match name.strip_prefix("scripted/") {
            Some(model) => Ok(Found { provider: Arc::new(Scripted(self.0.clone())), model: model.to_owned() }),
            None => Err(ProviderError {
                provider: name.to_owned(),
                kind: ErrorKind::Config,
                message: format!("there is no provider for `{name}`"),
                hints: Vec::new(),
            }),
        }
    }

    fn default_model(&self) -> Option<String> {
        None
    }

    fn for_agent(&self, _wanted: &str, current: &str) -> (String, Option<String>) {
        (current.to_owned(), None)
    }
}

pub struct World {
    folder: tempfile::TempDir,
    pub script: Arc<Script>,
    pub model: Option<&'static str>,
    pub settings: Settings,
}

impl World {
    /// A repository with these files committed.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self {
            folder,
            script: Arc::new(Script::default()),
            model: Some("scripted/m"),
            settings: Settings::default(),
        };
        std::fs::create_dir(world.tree()).unwrap();
        world.git(&["init", "-q", "-b", "main"]);
        world.git(&["config", "user.name", "Ada"]);
        world.git(&["config", "user.email", "ada@example.com"]);
        world.git(&["config", "commit.gpgsign", "false"]);
        for (path, text) in files {
            world.write(path, text);
        }
        world.git(&["add", "-A"]);
        world.git(&["commit", "-q", "-m", "first", "--allow-empty"]);
        world
    }

    pub fn tree(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("repository")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.tree().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.tree().join(path)).ok()
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.tree(), self.folder.path(), arguments)
    }

    pub fn says(&self, reply: Reply) -> &Self {
        self.script.add(Line::Say(reply));
        self
    }

    pub fn opening(&self) -> Opening {
        Opening {
            folder: self.tree(),
            session: None,
            agent: None,
            model: self.model.map(ToOwned::to_owned),
            isolation: Some(Isolation::Copy),
            settings: Arc::new(self.settings.clone()),
            state: self.state(),
            cache: self.folder.path().join("cache"),
            agents: Vec::new(),
            config: Some(self.folder.path().join("config")),
            environment: BTreeMap::from([
                ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
                ("HOME".to_owned(), self.folder.path().display().to_string()),
            ]),
            helper: Some(PathBuf::from(env!("CARGO_BIN_EXE_tenon"))),
            parent: None,
            children: None,
        }
    }

    pub async fn open(&self) -> Front {
        self.open_as(self.opening()).await.expect("the session opens")
    }

    pub async fn open_as(&self, opening: Opening) -> Result<Front, EngineError> {
        let (handle, updates) = open_with(opening, Arc::new(OneModel(self.script.clone()))).await?;
        Ok(Front { handle, updates, records: Vec::new(), passed: Vec::new() })
    }

    pub async fn resume(&self, session: &SessionId) -> Front {
        self.open_as(Opening { session: Some(session.clone()), ..self.opening() }).await.expect("the session goes on")
    }

    /// The journal as it is on disk.
    pub fn journal(&self, session: &SessionId) -> PathBuf {
        self.state().join("sessions").join(session.as_str()).join("journal.jsonl")
    }
}

fn git(tree: &Path, home: &Path, arguments: &[&str]) -> String {
    let output = Process::new("git")
        .args(arguments)
        .current_dir(tree)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A front end that waits for what a test expects.
pub struct Front {
    pub handle: Handle,
    pub updates: Updates,
    pub records: Vec<Record>,
    pub passed: Vec<Progress>,
}

impl Front {
    pub async fn send(&self, command: Command) {
        self.handle.commands.send(command).await.expect("the engine listens");
    }

    pub async fn say(&self, text: &str) {
        self.send(Command::Say { text: text.to_owned() }).await;
    }

    async fn take(&mut self, waiting_for: &str) -> Option<Update> {
        let update = tokio::time::timeout(PATIENCE, self.updates.recv()).await;
        let Ok(update) = update else {
            panic!("waited in vain for {waiting_for}; got {:#?}", self.events());
        };
        match &update {
            Some(Update::Record(record)) => {
                assert_eq!(record.seq, self.records.len() as u64 + 1, "records come in order and without gaps");
                self.records.push(record.clone());
            }
            Some(Update::Progress(progress)) => self.passed.push(progress.clone()),
            Some(Update::Failed(_)) | None => {}
        }
        update
    }

    /// Waits for a new record.
    pub async fn until(&mut self, waiting_for: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            match self.take(waiting_for).await {
                Some(Update::Record(record)) if wanted(&record.event) => return record.event,
                Some(Update::Failed(text)) => panic!("the engine failed: {text}"),
                Some(_) => {}
                None => panic!("the session ended before {waiting_for}; got {:#?}", self.events()),
            }
        }
    }

    pub async fn until_progress(&mut self, waiting_for: &str, wanted: impl Fn(&Progress) -> bool) {
        loop {
            match self.take(waiting_for).await {
                Some(Update::Progress(progress)) if wanted(&progress) => return,
                Some(_) => {}
                None => panic!("the session ended before {waiting_for}"),
            }
        }
    }

    pub async fn turn_end(&mut self) -> Event {
        self.until("the end of the turn", |event| matches!(event, Event::TurnEnded { .. })).await
    }

    /// How the last turn ended; one that a crash interrupted ends before.
    pub async fn turn_end_of_last(&mut self) -> tenon::domain::TurnEnd {
        self.until("the words", |event| matches!(event, Event::UserSaid { text, .. } if text == "still there?")).await;
        match self.turn_end().await {
            Event::TurnEnded { reason, .. } => reason,
            _ => unreachable!(),
        }
    }

    pub async fn note(&mut self, containing: &str) -> String {
        let event = self
            .until(
                &format!("a note with `{containing}`"),
                |event| matches!(event, Event::Noted { text, .. } if text.contains(containing)),
            )
            .await;
        match event {
            Event::Noted { text, .. } => text,
            _ => unreachable!(),
        }
    }

    /// Decides on all hunks of a path (all paths when empty).
    pub async fn decide(&mut self, proposal: &Proposal, path: &str, verdict: Verdict) {
        let verdicts = proposal
            .hunks()
            .filter(|(change, _)| path.is_empty() || change.path.as_str() == path)
            .map(|(_, hunk)| self::verdict(hunk, verdict))
            .collect();
        self.decide_on(proposal, verdicts).await;
    }

    pub async fn decide_on(&mut self, proposal: &Proposal, verdicts: Vec<HunkVerdict>) {
        self.send(Command::Decide { proposal: proposal.id.clone(), verdicts }).await;
        self.until("the verdicts", |event| matches!(event, Event::Decided { .. })).await;
    }

    pub async fn commit(&self, proposal: &Proposal, choice: CommitChoice) {
        self.send(Command::Commit { proposal: proposal.id.clone(), message: None, choice, way: CommitWay::New }).await;
    }

    pub fn session(&self) -> Session {
        Session::of(&self.records)
    }

    pub fn events(&self) -> Vec<&Event> {
        self.records.iter().map(|record| &record.event).collect()
    }

    pub fn proposal(&self) -> Proposal {
        let last = self.records.iter().rev().find_map(|record| match &record.event {
            Event::Proposed { proposal } => Some(proposal.clone()),
            _ => None,
        });
        last.expect("something was proposed")
    }

    /// The result of a call.
    pub fn result(&self, call: &str) -> (bool, String) {
        let session = self.session();
        let call = session.call(&CallId::new(call)).expect("the call was made");
        let result = call.result.clone().expect("the call was answered");
        (result.ok, result.output)
    }

    /// Closes the session and waits until it has ended.
    pub async fn close(mut self) -> Vec<Record> {
        self.send(Command::Close).await;
        while self.take("the end of the session").await.is_some() {}
        self.records
    }
}

pub fn verdict(hunk: &tenon::domain::Hunk, verdict: Verdict) -> HunkVerdict {
    HunkVerdict::new(hunk.id.clone(), verdict)
}

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

/// An answer with calls: name of the call, tool, input.
pub fn calls(calls: &[(&str, &str, Value)]) -> Reply {
    let call = |(id, name, input): &(&str, &str, Value)| ToolCall {
        call: CallId::new(*id),
        name: (*name).to_owned(),
        input: input.clone(),
        invalid: None,
    };
    Reply {
        calls: calls.iter().map(call).collect(),
        stop: Stop::Calls,
        stop_word: Some("tool_use".to_owned()),
        ..text("")
    }
}

pub fn write(call: &'static str, path: &str, content: &str) -> (&'static str, &'static str, Value) {
    (call, "write", json!({ "path": path, "content": content }))
}
