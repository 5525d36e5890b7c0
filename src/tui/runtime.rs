//! The one loop: terminal, session, background work and time in; frames and effects out.
//!
//! Nothing wakes it while nothing happens. Frames are drawn when something changed, at once after a key, and never
//! more than sixty a second.

mod decode;
mod editor;
mod input;
mod perform;
mod terminal;

use std::time::Duration;

use crossterm::event::Event;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::domain::{Command, Progress, SessionId, Update};
use crate::engine::{self, EngineError, Handle, Opening, Updates};

use super::app::App;
use super::msg::{Effect, Msg};
use super::start::StartInfo;
use super::{TuiError, TuiExit};

use input::Input;
use perform::Performer;
use terminal::Screen;

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(16);
/// The same while only the session speaks: less to send to a terminal that may be far away.
const STREAMING: Duration = Duration::from_millis(48);
/// The same while it speaks faster than anybody reads.
const FLOOD: Duration = Duration::from_millis(120);
/// Bytes between two frames that are a flood.
const FLOOD_BYTES: usize = 600;
/// Time between frames while something spins.
const SPIN: Duration = Duration::from_millis(240);
/// Updates taken in one go before a key gets its turn.
const BATCH: usize = 2_000;
/// How long a session may take to end in order.
const FAREWELL: Duration = Duration::from_secs(3);

/// Where the session comes from.
pub(super) enum Source {
    /// It is opened in the background.
    Open(Box<Opening>),
    /// It is open.
    Ready(Handle, Updates),
}

type Opened = Result<(Handle, Updates), EngineError>;

struct Loop {
    app: App,
    screen: Screen,
    performer: Performer,
    input: Option<Input>,
    messages: mpsc::Receiver<Msg>,
    opening: Option<JoinHandle<Opened>>,
    updates: Option<Updates>,
    failed: Option<EngineError>,
    drawn: Instant,
    due: Option<Instant>,
    /// Bytes said since the last frame, and between the two before.
    said: (usize, usize),
    leaving: Leaving,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    Asked,
    /// A signal said so.
    Told,
    /// The terminal is gone.
    HungUp,
}

/// What woke the loop.
enum Woken {
    Terminal(Option<Event>),
    Resized,
    Updates(Option<Update>),
    Message(Option<Msg>),
    Opened(Opened),
    Frame,
    Signal,
}

/// Runs until the user leaves.
pub(super) async fn run(source: Source, start: StartInfo) -> Result<TuiExit, TuiError> {
    // Before the terminal is ours: a signal that comes with the first frame has to find somebody who gives it back.
    let signals = terminal::Signals::new()?;
    let screen = Screen::open()?;
    let (messages_in, messages) = mpsc::channel(256);
    let performer = Performer::new(&start, messages_in);
    let app = App::new(start, std::time::Instant::now(), jiff::Timestamp::now());
    let mut running = Loop {
        app,
        screen,
        performer,
        input: None,
        messages,
        opening: None,
        updates: None,
        failed: None,
        drawn: Instant::now(),
        due: None,
        said: (0, 0),
        leaving: Leaving::No,
    };
    running.draw()?;
    running.input = Some(Input::start()?);
    match source {
        Source::Open(opening) => running.opening = Some(tokio::spawn(engine::open(*opening))),
        Source::Ready(handle, updates) => running.opened(Ok((handle, updates))),
    }
    running.performer.load_history();
    let result = running.until_left(signals).await;
    running.end().await;
    result?;
    running.exit()
}

impl Loop {
    async fn until_left(&mut self, mut signals: terminal::Signals) -> Result<(), TuiError> {
        while self.leaving == Leaving::No {
            let woken = self.wait(&mut signals).await;
            self.app.set_now(std::time::Instant::now());
            match woken {
                Woken::Terminal(Some(event)) => self.terminal(event).await,
                Woken::Terminal(None) => self.leaving = Leaving::HungUp,
                Woken::Signal => self.leaving = Leaving::Told,
                Woken::Resized => self.want_frame(FRAME),
                Woken::Updates(update) => self.update(update).await,
                Woken::Message(message) => {
                    if let Some(message) = message {
                        self.take(message).await;
                        self.want_frame(FRAME);
                    }
                }
                Woken::Opened(opened) => {
                    self.opened(opened);
                    self.want_frame(FRAME);
                }
                Woken::Frame => self.frame(),
            }
        }
        Ok(())
    }

    async fn wait(&mut self, signals: &mut terminal::Signals) -> Woken {
        let due = self.due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            biased;
            event = next_event(self.input.as_mut()) => Woken::Terminal(event),
            woken = signals.any() => woken,
            () = tokio::time::sleep_until(due), if self.due.is_some() => Woken::Frame,
            opened = join(self.opening.as_mut()), if self.opening.is_some() => {
                self.opening = None;
                Woken::Opened(opened)
            }
            message = self.messages.recv() => Woken::Message(message),
            update = next_update(self.updates.as_mut()) => Woken::Updates(update),
            () = self.performer.send_waiting() => Woken::Message(None),
        }
    }

    /// Takes a key and everything that came with it, then draws at once.
    async fn terminal(&mut self, event: Event) {
        self.take(Msg::Terminal(event)).await;
        while self.leaving == Leaving::No
            && let Some(event) = self.input.as_mut().and_then(Input::ready)
        {
            self.take(Msg::Terminal(event)).await;
        }
        if self.drawn.elapsed() >= FRAME { self.frame() } else { self.want_frame(FRAME) }
    }

    /// A terminal that cannot be written to is gone.
    fn frame(&mut self) {
        if self.leaving == Leaving::No && self.draw().is_err() {
            self.leaving = Leaving::HungUp;
        }
    }

    async fn update(&mut self, update: Option<Update>) {
        let Some(update) = update else {
            self.updates = None;
            self.take(Msg::Closed).await;
            self.want_frame(FRAME);
            return;
        };
        self.heard(&update);
        self.take(Msg::Update(update)).await;
        for _ in 0..BATCH {
            let Some(update) = self.updates.as_mut().and_then(|updates| updates.try_recv().ok()) else { break };
            self.heard(&update);
            self.take(Msg::Update(update)).await;
        }
        let flood = self.said.1 >= FLOOD_BYTES && self.said.0 > 0;
        self.want_frame(if flood { FLOOD } else { STREAMING });
    }

    fn heard(&mut self, update: &Update) {
        if let Update::Progress(Progress::Text { text } | Progress::Thinking { text }) = update {
            self.said.0 += text.len();
        }
    }

    fn opened(&mut self, opened: Opened) {
        let message = match opened {
            Ok((handle, updates)) => {
                self.updates = Some(updates);
                let message = Msg::Opened { session: handle.session.clone(), blobs: handle.blobs.clone() };
                self.performer.opened(handle);
                message
            }
            Err(error) => {
                self.failed = Some(error.clone());
                Msg::NotOpened(error)
            }
        };
        for effect in self.app.handle(message) {
            self.performer.perform(effect);
        }
    }

    async fn take(&mut self, message: Msg) {
        for effect in self.app.handle(message) {
            match effect {
                Effect::Quit => self.leaving = Leaving::Asked,
                Effect::Edit { purpose, text, suffix } => {
                    let result = self.edit(text, &suffix).await;
                    let more = self.app.handle(Msg::Edited(purpose, result));
                    more.into_iter().for_each(|effect| self.performer.perform(effect));
                }
                Effect::Copy(text) => {
                    if let Err(why) = self.screen.copy(&text) {
                        self.app.say(why);
                    } else {
                        self.app.say("copied".to_owned());
                    }
                }
                Effect::Mouse(on) => self.screen.mouse(on),
                Effect::Redraw => self.screen.forget(),
                effect => self.performer.perform(effect),
            }
        }
    }

    /// Gives the terminal to the editor. Reading stops first: it would take the editor's keys.
    async fn edit(&mut self, text: String, suffix: &str) -> Result<String, String> {
        let Some(command) = self.app.start.editor.clone() else {
            return Err("set $EDITOR to edit in it".to_owned());
        };
        if let Some(input) = self.input.take() {
            input.stop().await;
        }
        self.screen.leave();
        let edited = editor::edit(command, text, suffix.to_owned(), self.app.start.folder.clone()).await;
        let entered = self.screen.enter();
        self.input = Some(Input::start().map_err(|error| error.to_string())?);
        entered.map_err(|error| error.to_string())?;
        edited
    }

    /// Wants a frame no sooner than `pace` after the last one.
    fn want_frame(&mut self, pace: Duration) {
        let at = (self.drawn + pace).max(Instant::now());
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    fn draw(&mut self) -> Result<(), TuiError> {
        self.app.set_now(std::time::Instant::now());
        self.screen.draw(&mut self.app)?;
        self.drawn = Instant::now();
        self.said = (0, self.said.0);
        self.due = self.app.moves_in(SPIN).map(|wait| self.drawn + wait);
        Ok(())
    }

    /// Ends the session in order, for as long as it is worth waiting.
    async fn end(&mut self) {
        self.screen.leave();
        if let Some(opening) = self.opening.take() {
            // A session that is half open has nothing to keep yet, but is let finish so that its lock is released.
            if let Ok(Ok(Ok((handle, updates)))) = tokio::time::timeout(FAREWELL, opening).await {
                self.performer.opened(handle);
                self.updates = Some(updates);
            }
        }
        self.performer.perform(Effect::Command(Command::Close));
        let drain = async {
            loop {
                tokio::select! {
                    update = next_update(self.updates.as_mut()), if self.updates.is_some() => {
                        if update.is_none() {
                            break;
                        }
                    }
                    () = self.performer.send_waiting() => {}
                    else => break,
                }
            }
        };
        let _ = tokio::time::timeout(FAREWELL, drain).await;
    }

    fn exit(self) -> Result<TuiExit, TuiError> {
        let session = self.app.session.id.clone();
        if let (None, Some(error)) = (&session, self.failed) {
            return Err(TuiError::Engine(error));
        }
        // A terminal that is gone can show nothing, and writing to it fails.
        let silent = self.app.start.review_only || self.leaving == Leaving::HungUp;
        let farewell = if silent { Vec::new() } else { farewell(session.as_ref()) };
        Ok(TuiExit { session, farewell, hung_up: self.leaving != Leaving::Asked })
    }
}

fn farewell(session: Option<&SessionId>) -> Vec<String> {
    session
        .map(|session| {
            let name = crate::text::sanitize_line(session.as_str()).into_owned();
            vec![
                format!("session {name}"),
                format!("go on with it: tenon --continue, or from anywhere: tenon --session {name}"),
            ]
        })
        .unwrap_or_default()
}

async fn next_event(input: Option<&mut Input>) -> Option<Event> {
    match input {
        Some(input) => input.next().await,
        None => std::future::pending().await,
    }
}

async fn next_update(updates: Option<&mut Updates>) -> Option<Update> {
    match updates {
        Some(updates) => updates.recv().await,
        None => std::future::pending().await,
    }
}

async fn join(opening: Option<&mut JoinHandle<Opened>>) -> Opened {
    match opening {
        Some(opening) => opening.await.unwrap_or_else(|error| {
            Err(EngineError { message: format!("opening the session failed: {error}"), hints: Vec::new() })
        }),
        None => std::future::pending().await,
    }
}
