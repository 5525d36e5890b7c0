//! The application: messages in, effects out. It holds the panes and passes on; what a pane does is the pane's own.

mod chat;
mod choose;
mod input;
mod models;
mod mouse;
mod update;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::layout::Rect;

use crate::domain::{Command, NoteLevel};

use super::commits::Commits;
use super::composer::Composer;
use super::keymap::{KeyMap, Place};
use super::layout::{self, Screen};
use super::msg::{Effect, Msg, Purpose};
use super::paint::Painter;
use super::pane::chat::ChatPane;
use super::pane::diff::DiffPane;
use super::pane::log::LogPane;
use super::pane::tasks::TasksPane;
use super::popup::Popup;
use super::session::{Link, Session};
use super::start::StartInfo;
use super::theme::Theme;

pub use models::Fetching;

/// How long a line above the footer stays.
const STATUS_STAYS: Duration = Duration::from_secs(8);

/// Everything the screen shows.
#[derive(Debug)]
pub struct App {
    /// What it was started with.
    pub start: StartInfo,
    /// The session as the header shows it.
    pub session: Session,
    /// The conversation.
    pub chat: ChatPane,
    /// Where messages are written.
    pub composer: Composer,
    /// The proposal.
    pub diff: DiffPane,
    /// The commits of the session.
    pub commits: Commits,
    /// The log.
    pub log: LogPane,
    /// The tasks.
    pub tasks: TasksPane,
    /// What lies over the panes.
    pub popup: Option<Popup>,
    /// Which key does what.
    pub keys: KeyMap,
    /// Styles.
    pub theme: Theme,
    /// Colours for code.
    pub painter: Arc<Painter>,
    /// Which panes are where.
    pub screen: Screen,
    focus: Focus,
    now: Instant,
    status: Option<(String, Instant)>,
    quit_armed: Option<Instant>,
    outbox: Vec<Command>,
    clock: Clock,
    mouse: bool,
    fetching: Option<Fetching>,
}

/// Where keys go.
#[derive(Clone, Copy, Debug)]
struct Focus {
    place: Place,
    /// The pane beside the chat when there is room for only one.
    beside: Place,
    zoom: bool,
}

/// Seconds since the session began, for the log.
#[derive(Clone, Copy, Debug)]
struct Clock {
    opened: Option<jiff::Timestamp>,
    started: jiff::Timestamp,
}

impl App {
    /// The application before anything happened. `now` is the moment, by both clocks.
    pub fn new(start: StartInfo, now: Instant, at: jiff::Timestamp) -> Self {
        let (theme, no_theme) = Theme::choose(start.theme.as_deref(), &start.hints);
        let (keys, complaints) = KeyMap::with_changes(&start.keys);
        let place = if start.review_only { Place::Diff } else { Place::Chat };
        let mut app = Self {
            session: Session::new(&start),
            chat: ChatPane::new(card(&start)),
            composer: Composer::default(),
            diff: DiffPane::default(),
            commits: Commits::default(),
            log: LogPane::default(),
            tasks: TasksPane::default(),
            popup: None,
            keys,
            theme,
            painter: Arc::default(),
            screen: Screen::default(),
            focus: Focus { place, beside: Place::Diff, zoom: false },
            now,
            status: None,
            quit_armed: None,
            outbox: Vec::new(),
            clock: Clock { opened: None, started: at },
            mouse: true,
            fetching: None,
            start,
        };
        if let Some(task) = app.start.prefill.clone() {
            app.composer.set(&task);
        }
        if app.start.ask_model {
            app.choose_model(true);
        }
        for complaint in complaints.into_iter().chain(no_theme) {
            app.chat.note(NoteLevel::Warning, complaint);
        }
        app
    }

    /// The focused pane.
    pub fn focus(&self) -> Place {
        self.focus.place
    }

    /// The line above the footer, while it stays.
    pub fn status(&self) -> Option<&str> {
        let (text, since) = self.status.as_ref()?;
        (self.now.duration_since(*since) < STATUS_STAYS).then_some(text.as_str())
    }

    /// Weights on their way.
    pub fn fetching(&self) -> Option<&Fetching> {
        self.fetching.as_ref()
    }

    /// The moment of the last message.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Tells the time. Comes before each message.
    pub fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// When the next frame is wanted without anything happening: something spins, or a line is to go away.
    pub fn moves_in(&self, spin: Duration) -> Option<Duration> {
        let status =
            self.status.as_ref().map(|(_, since)| STATUS_STAYS.saturating_sub(self.now.duration_since(*since)));
        let status = status.filter(|left| !left.is_zero());
        let spin = (self.session.busy.is_some() && self.chat.pending().is_none()).then_some(spin);
        status.into_iter().chain(spin).min()
    }

    /// Shows a line above the footer.
    pub fn say(&mut self, words: String) {
        self.status = Some((words, self.now));
    }

    /// Takes a message and says what is to be done.
    pub fn handle(&mut self, msg: Msg) -> Vec<Effect> {
        let effects = match msg {
            Msg::Terminal(event) => self.terminal(event),
            Msg::Update(update) => self.update(update),
            Msg::Opened { session, blobs } => {
                self.session.id = Some(session);
                self.session.link = Link::Open;
                let waiting = std::mem::take(&mut self.outbox).into_iter().map(Effect::Command);
                let mut effects: Vec<Effect> = waiting.collect();
                effects.extend(self.diff.opened(blobs));
                effects.push(Effect::LookAtTree);
                effects
            }
            Msg::NotOpened(error) => {
                self.session.link = Link::Gone(error.message.clone());
                self.session.rest();
                self.chat.note(NoteLevel::Error, error.message);
                for hint in error.hints {
                    self.chat.note(NoteLevel::Info, hint);
                }
                let unsent = std::mem::take(&mut self.outbox);
                unsent.iter().for_each(|command| self.give_back(command));
                vec![Effect::Focus(Place::Chat)]
            }
            Msg::Closed if matches!(self.session.link, Link::Gone(_)) => Vec::new(),
            Msg::Closed => {
                self.session.link = Link::Gone("the session has ended".to_owned());
                self.session.rest();
                self.chat.note(NoteLevel::Error, "the session has ended; Ctrl-c twice quits".to_owned());
                Vec::new()
            }
            Msg::Files(files) => {
                self.composer.set_files(files);
                Vec::new()
            }
            Msg::Tree(tree) => {
                self.session.tree(&tree);
                Vec::new()
            }
            Msg::History(messages) => {
                self.composer.remember_all(messages);
                Vec::new()
            }
            Msg::Loaded(view) => {
                self.diff.loaded(*view);
                Vec::new()
            }
            Msg::Painted(paints) => {
                self.diff.painted(*paints);
                Vec::new()
            }
            Msg::Models(offers) => {
                self.models_found(offers);
                Vec::new()
            }
            Msg::Fetching(progress) => {
                self.fetch_moved(progress);
                Vec::new()
            }
            Msg::Fetched(done) => self.fetched(done),
            Msg::Studied(of, study) => {
                self.diff.studied(of, *study);
                Vec::new()
            }
            Msg::Edited(purpose, result) => self.edited(purpose, result),
            Msg::Reported(Ok(text)) => {
                self.chat.report(text);
                Vec::new()
            }
            Msg::Reported(Err(error)) => vec![Effect::Status(format!("no report: {error}"))],
            Msg::Exported(result) => {
                let words = match result {
                    Ok(path) => format!("written to {path}"),
                    Err(error) => format!("not exported: {error}"),
                };
                vec![Effect::Status(words)]
            }
        };
        self.absorb(effects)
    }

    /// Carries out the effects that concern the application itself and returns the others.
    fn absorb(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut out = Vec::new();
        for effect in effects {
            match effect {
                Effect::Status(text) => self.status = Some((text, self.now)),
                Effect::Open(popup) => self.popup = Some(popup),
                Effect::Focus(place) => self.go(place),
                Effect::Jump { path, line } => match self.diff.jump(&path, line) {
                    Some(more) => {
                        self.go(Place::Diff);
                        out.extend(self.absorb(more));
                    }
                    None => {
                        let words = format!("{path}:{line} is not part of the proposal");
                        self.status = Some((crate::text::sanitize_line(&words).into_owned(), self.now));
                    }
                },
                Effect::Command(command) => out.extend(self.command(command)),
                other => out.push(other),
            }
        }
        out
    }

    /// Sends a command, now or when the session is open.
    fn command(&mut self, command: Command) -> Option<Effect> {
        match &self.session.link {
            Link::Open => Some(Effect::Command(command)),
            Link::Opening => {
                self.outbox.push(command);
                None
            }
            Link::Gone(why) => {
                self.status = Some((format!("nothing was sent: {why}"), self.now));
                self.give_back(&command);
                None
            }
        }
    }

    /// Words that reached nobody stand in the composer again.
    fn give_back(&mut self, command: &Command) {
        let words = match command {
            Command::Say { text } | Command::Answer { text, .. } => text.clone(),
            Command::Shell { command } => format!("!{command}"),
            _ => return,
        };
        let written = self.composer.full_text();
        self.composer.set(&if written.is_empty() { words } else { format!("{written}\n{words}") });
    }

    fn edited(&mut self, purpose: Purpose, result: Result<String, String>) -> Vec<Effect> {
        match (purpose, result) {
            (_, Err(error)) => vec![Effect::Status(format!("the editor: {error}"))],
            (Purpose::Message, Ok(text)) => {
                self.composer.set(text.trim_end_matches('\n'));
                Vec::new()
            }
            (Purpose::CommitMessage, Ok(text)) => {
                if let Some(Popup::Commit(dialog)) = &mut self.popup {
                    dialog.area.set(text.trim_end_matches('\n'));
                }
                Vec::new()
            }
            (Purpose::Hunk { proposal, hunk }, Ok(text)) => {
                if self.diff.proposal().is_some_and(|shown| shown.id == proposal) {
                    self.diff.replaced(&hunk, text)
                } else {
                    vec![Effect::Status("not used: the proposal was replaced meanwhile".to_owned())]
                }
            }
        }
    }

    fn go(&mut self, place: Place) {
        if self.start.review_only && matches!(place, Place::Chat | Place::Tasks) && self.session.link == Link::Open {
            return;
        }
        self.focus.place = place;
        if place != Place::Chat {
            self.focus.beside = place;
        }
        let area = self.screen.area;
        self.arrange(area);
    }

    /// The panes that Tab walks through.
    fn places(&self) -> Vec<Place> {
        if self.start.review_only { vec![Place::Diff, Place::Log] } else { Place::ALL.to_vec() }
    }

    /// Lays the panes out for a size and lets them find what is visible. Comes before drawing.
    pub fn prepare(&mut self, area: Rect) {
        self.arrange(area);
        super::view::prepare(self);
    }

    /// Does what the next key of a reader would have to wait for. Comes after a frame is sent.
    pub fn look_ahead(&mut self) {
        super::view::look_ahead(self);
    }

    fn arrange(&mut self, area: Rect) {
        let wish = layout::Wish {
            focus: self.focus.place,
            beside: self.focus.beside,
            zoom: self.focus.zoom,
            chat: !self.start.review_only || self.focus.place == Place::Chat,
        };
        self.screen = layout::arrange(area, wish);
    }
}

fn card(start: &StartInfo) -> Vec<String> {
    let mut lines = vec!["Say what to build or fix.".to_owned()];
    lines.push("The agent works in a workspace of its own; what it did comes to you as a proposal.".to_owned());
    lines.push("Nothing is sent anywhere before your first message.".to_owned());
    lines.push(String::new());
    lines.push("@ names a file     / gives commands".to_owned());
    lines.push("! runs a command   ? shows the keys".to_owned());
    if !start.notes.is_empty() {
        lines.push(String::new());
        lines.extend(start.notes.iter().cloned());
    }
    lines
}
