//! The application with a screen of text and a session that is played to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use tenon::diff;
use tenon::domain::{
    Change, Command, ContentHash, Event, FileMode, FileState, Isolation, Progress, Proposal, RECORD_VERSION, Record,
    RepoPath, Update,
};
use tenon::journal::BlobStore;
use tenon::proposal::Study;
use tenon::tui::app::App;
use tenon::tui::msg::{Effect, Msg};
use tenon::tui::paint::Painter;
use tenon::tui::{StartInfo, view};

pub(super) struct Player {
    pub(super) app: App,
    pub(super) commands: Vec<Command>,
    pub(super) effects: Vec<Effect>,
    terminal: Terminal<TestBackend>,
    blobs: Arc<BlobStore>,
    _folder: tempfile::TempDir,
    seq: u64,
    now: Instant,
    colours: bool,
}

pub(super) fn start() -> StartInfo {
    StartInfo {
        repository: "orders-api".to_owned(),
        branch: Some("main".to_owned()),
        agent: "senior-backend-dev".to_owned(),
        model: "anthropic/some-model".to_owned(),
        theme: Some("plain".to_owned()),
        ..StartInfo::default()
    }
}

impl Player {
    pub(super) fn new(width: u16, height: u16) -> Self {
        Self::with(start(), width, height)
    }

    pub(super) fn with(start: StartInfo, width: u16, height: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Instant::now();
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut player = Self {
            app: App::new(start, now, at),
            commands: Vec::new(),
            effects: Vec::new(),
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
            blobs: Arc::new(BlobStore::new(folder.path())),
            _folder: folder,
            seq: 0,
            now,
            colours: false,
        };
        player.draw();
        player
    }

    /// Opens the session, as the engine does.
    pub(super) fn open(mut self) -> Self {
        self.msg(Msg::Opened { session: "s1".into(), blobs: Arc::clone(&self.blobs) });
        self.event(Event::SessionOpened {
            session: "s1".into(),
            parent: None,
            repository: "/src/orders-api".to_owned(),
            branch: Some("main".to_owned()),
            head: None,
            isolation: Isolation::Overlay,
            version: "0".to_owned(),
            stack: Some("python/fastapi".to_owned()),
        });
        self
    }

    pub(super) fn coloured(mut self) -> Self {
        self.colours = true;
        self
    }

    pub(super) fn msg(&mut self, msg: Msg) {
        self.app.set_now(self.now);
        let effects = self.app.handle(msg);
        for effect in effects {
            match effect {
                Effect::Command(command) => self.commands.push(command),
                Effect::Load(job) => {
                    self.msg(Msg::Loaded(Box::new(job.load())));
                    if self.colours
                        && let Some(paints) = job.paint(&Painter::new())
                    {
                        self.msg(Msg::Painted(Box::new(paints)));
                    }
                }
                Effect::Study { proposal, blobs } => {
                    if let Ok(study) = Study::of(&proposal, &blobs) {
                        self.msg(Msg::Studied(proposal.hash, Box::new(study)));
                    }
                }
                other => self.effects.push(other),
            }
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.seq += 1;
        let at = "2026-01-01T00:00:01Z".parse().unwrap();
        self.msg(Msg::Update(Update::Record(Record { v: RECORD_VERSION, seq: self.seq, at, event })));
    }

    pub(super) fn progress(&mut self, progress: Progress) {
        self.msg(Msg::Update(Update::Progress(progress)));
    }

    pub(super) fn streams(&mut self, text: &str) {
        self.progress(Progress::Text { text: text.to_owned() });
    }

    pub(super) fn said(&mut self, text: &str) {
        self.event(Event::AssistantSaid {
            text: text.to_owned(),
            complete: true,
            thinking: Vec::new(),
            stop: None,
            usage: tenon::domain::Usage::default(),
        });
    }

    pub(super) fn waits(&mut self, time: Duration) {
        self.now += time;
        self.app.set_now(self.now);
    }

    /// Keys by name, separated by spaces: `a J Ctrl-p Enter`.
    pub(super) fn keys(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            self.msg(Msg::Terminal(TerminalEvent::Key(key_event(key))));
            self.draw();
        }
    }

    /// Types letters.
    pub(super) fn types(&mut self, text: &str) {
        for c in text.chars() {
            let code = if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
            self.msg(Msg::Terminal(TerminalEvent::Key(KeyEvent::new(code, KeyModifiers::NONE))));
        }
        self.draw();
    }

    pub(super) fn resize(&mut self, width: u16, height: u16) {
        self.terminal.backend_mut().resize(width, height);
        self.terminal.autoresize().unwrap();
        self.draw();
    }

    pub(super) fn draw(&mut self) {
        let app = &mut self.app;
        self.terminal
            .draw(|frame| {
                app.prepare(frame.area());
                if let Some(cursor) = view::draw(app, frame.buffer_mut()) {
                    assert!(frame.area().contains(cursor), "the cursor at {cursor} is outside");
                    frame.set_cursor_position(cursor);
                }
            })
            .unwrap();
        app.look_ahead();
    }

    /// The screen, row by row, without trailing spaces.
    pub(super) fn rows(&mut self) -> Vec<String> {
        self.draw();
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(buffer.area.width);
        buffer
            .content()
            .chunks(width)
            .map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned())
            .collect()
    }

    pub(super) fn screen(&mut self) -> String {
        self.rows().join("\n")
    }

    pub(super) fn buffer(&mut self) -> ratatui::buffer::Buffer {
        self.draw();
        self.terminal.backend().buffer().clone()
    }

    #[track_caller]
    pub(super) fn shows(&mut self, words: &str) {
        let screen = self.screen();
        assert!(screen.contains(words), "`{words}` is not on screen:\n{screen}");
    }

    #[track_caller]
    pub(super) fn hides(&mut self, words: &str) {
        let screen = self.screen();
        assert!(!screen.contains(words), "`{words}` is on screen:\n{screen}");
    }

    /// The commands since the last time.
    pub(super) fn taken(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// Freezes changes given as path, before, after.
    pub(super) fn proposal(&mut self, id: &str, files: &[(&str, Option<&str>, Option<&str>)]) -> Proposal {
        let state = |text: &str| FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular };
        let changes = files
            .iter()
            .map(|(path, old, new)| {
                for text in [old, new].into_iter().flatten() {
                    self.blobs.put(text.as_bytes()).unwrap();
                }
                let path = RepoPath::parse(path).unwrap();
                diff::plain_change(&Change { path, base: old.map(state), result: new.map(state) }).0
            })
            .collect();
        Proposal {
            id: id.into(),
            title: "Add order cancellation".to_owned(),
            message: "feat: add order cancellation\n".to_owned(),
            hash: ContentHash::of(id.as_bytes()),
            changes,
        }
    }

    pub(super) fn proposes(&mut self, id: &str, files: &[(&str, Option<&str>, Option<&str>)]) -> Proposal {
        let proposal = self.proposal(id, files);
        self.event(Event::Proposed { proposal: proposal.clone() });
        proposal
    }
}

pub(super) fn key_event(name: &str) -> KeyEvent {
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = name;
    for (prefix, modifier) in
        [("Ctrl-", KeyModifiers::CONTROL), ("Alt-", KeyModifiers::ALT), ("Shift-", KeyModifiers::SHIFT)]
    {
        if let Some(tail) = rest.strip_prefix(prefix) {
            modifiers |= modifier;
            rest = tail;
        }
    }
    let code = match rest {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "BackTab" => KeyCode::BackTab,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "PageUp" => KeyCode::PageUp,
        "PageDown" => KeyCode::PageDown,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        "Backspace" => KeyCode::Backspace,
        "Delete" => KeyCode::Delete,
        "Space" => KeyCode::Char(' '),
        "F1" => KeyCode::F(1),
        "F2" => KeyCode::F(2),
        "F3" => KeyCode::F(3),
        "F5" => KeyCode::F(5),
        "F11" => KeyCode::F(11),
        "F12" => KeyCode::F(12),
        letter => KeyCode::Char(letter.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}
