//! The one loop: terminal, session, background work and time in; frames and effects out.
//!
//! Nothing wakes it while nothing happens. Frames are drawn when something changed, at once after a key, and never
//! more than sixty a second.

mod decode;
mod editor;
mod input;
mod perform;
mod seat;
mod suspend;
mod terminal;
mod weights;

use std::time::Duration;

use crossterm::event::Event;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::domain::{Command, Progress, SessionId, Update};
use crate::engine::{self, Child, Handle, Opening, Updates};

use super::app::App;
use super::msg::{Effect, Msg};
use super::start::StartInfo;
use super::{TuiError, TuiExit};

use input::Input;
use seat::{Opened, Seat};
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

/// Tasks that may wait to be shown.
const BORN: usize = 8;

struct Loop {
    seats: Vec<Seat>,
    /// The seat on screen.
    current: usize,
    screen: Screen,
    input: Option<Input>,
    messages: mpsc::Receiver<(usize, Msg)>,
    /// Given to the seats that are still to come.
    messages_in: mpsc::Sender<(usize, Msg)>,
    /// Tasks that were handed to other agents.
    born: mpsc::Receiver<Child>,
    /// What sessions are opened with; `None` for something that only speaks like a session.
    opening: Option<Opening>,
    drawn: Instant,
    /// When a key was last answered with a frame.
    answered: Instant,
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
    Update(usize, Option<Update>),
    Message(Option<(usize, Msg)>),
    Opened(usize, Opened),
    Born(Child),
    Frame,
    Signal,
}

/// Runs until the user leaves.
pub(super) async fn run(source: Source, start: StartInfo) -> Result<TuiExit, TuiError> {
    // Before the terminal is ours: a signal that comes with the first frame has to find somebody who gives it back.
    let signals = terminal::Signals::new()?;
    let screen = Screen::open()?;
    let (messages_in, messages) = mpsc::channel(256);
    let (children, born) = mpsc::channel(BORN);
    let first = Seat::new(start, 0, messages_in.clone());
    let mut running = Loop {
        seats: vec![first],
        current: 0,
        screen,
        input: None,
        messages,
        messages_in,
        born,
        opening: None,
        drawn: Instant::now(),
        answered: Instant::now(),
        due: None,
        said: (0, 0),
        leaving: Leaving::No,
    };
    running.draw()?;
    running.input = Some(Input::start()?);
    match source {
        Source::Open(mut opening) => {
            running.opening = Some((*opening).clone());
            opening.children = Some(children);
            running.seats[0].opening = Some(tokio::spawn(engine::open(*opening)));
        }
        Source::Ready(handle, updates) => running.opened(0, Ok((handle, updates))).await,
    }
    running.seats[0].performer.load_history();
    if running.seats[0].app.start.ask_model {
        running.seats[0].performer.perform(Effect::LookForModels);
    }
    let result = running.until_left(signals).await;
    running.end().await;
    result?;
    running.exit()
}

impl Loop {
    async fn until_left(&mut self, mut signals: terminal::Signals) -> Result<(), TuiError> {
        while self.leaving == Leaving::No {
            let woken = self.wait(&mut signals).await;
            let now = std::time::Instant::now();
            self.seats.iter_mut().for_each(|seat| seat.app.set_now(now));
            match woken {
                Woken::Terminal(Some(event)) => self.terminal(event).await,
                Woken::Terminal(None) => self.leaving = Leaving::HungUp,
                Woken::Signal => self.leaving = Leaving::Told,
                Woken::Resized => self.want_frame(FRAME),
                Woken::Update(seat, update) => self.update(seat, update).await,
                Woken::Message(message) => {
                    if let Some((seat, message)) = message {
                        self.take(seat, message).await;
                        self.want_frame(FRAME);
                    }
                }
                Woken::Opened(seat, opened) => self.opened(seat, opened).await,
                Woken::Born(child) => self.adopt(child).await,
                Woken::Frame => self.frame(),
            }
            if self.seats.iter_mut().any(|seat| seat.performer.send_waiting()) {
                self.want_frame(FRAME);
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
            Some(child) = self.born.recv() => Woken::Born(child),
            message = self.messages.recv() => Woken::Message(message),
            heard = seat::next(&mut self.seats) => heard,
        }
    }

    /// A task begins: it gets a seat, and stays in the background.
    async fn adopt(&mut self, child: Child) {
        let Child { session, agent, task, handle, updates } = child;
        let number = self.new_seat(&agent, &task);
        self.seats[number].session = Some(session);
        self.opened(number, Ok((handle, updates))).await;
    }

    fn new_seat(&mut self, agent: &str, task: &str) -> usize {
        let number = self.seats.len();
        let first = &self.seats[0].app.start;
        let start = StartInfo {
            agent: agent.to_owned(),
            task: Some(task.to_owned()),
            prefill: None,
            notes: Vec::new(),
            ask_model: false,
            ..first.clone()
        };
        self.seats.push(Seat::new(start, number, self.messages_in.clone()));
        number
    }

    /// Brings a task to the screen; one that is not open is opened first.
    fn show(&mut self, session: &SessionId) {
        let found = self.seats.iter().position(|seat| seat.session.as_ref() == Some(session));
        self.current = match (found, &self.opening) {
            (Some(number), _) => number,
            (None, Some(opening)) => {
                let opening = Opening { session: Some(session.clone()), agent: None, ..opening.clone() };
                let handed = self.seats[0].app.tasks.delegated();
                let known = handed.iter().find(|task| task.session.as_ref() == Some(session));
                let (agent, task) = known.map(|task| (task.agent.clone(), task.title.clone())).unwrap_or_default();
                let number = self.new_seat(&agent, &task);
                self.seats[number].session = Some(session.clone());
                self.seats[number].opening = Some(tokio::spawn(engine::open(opening)));
                number
            }
            (None, None) => return,
        };
        self.tell_tasks();
        self.screen.forget();
        self.want_frame(FRAME);
    }

    /// Tells every screen which tasks there are and how they stand.
    fn tell_tasks(&mut self) {
        if self.seats.len() == 1 && self.seats[0].app.tasks.delegated().is_empty() {
            return;
        }
        let tasks = seat::tasks(&self.seats);
        let shown: Vec<Option<usize>> = self
            .seats
            .iter()
            .enumerate()
            .map(|(number, seat)| match number {
                0 => Some(0),
                _ => tasks.iter().position(|task| task.session.is_some() && task.session == seat.session),
            })
            .collect();
        for (seat, at) in self.seats.iter_mut().zip(shown) {
            if let Some(words) = seat.app.tasks.told(tasks.clone(), at) {
                seat.app.say(words);
            }
        }
    }

    /// Takes a key and everything that came with it, then draws at once: a frame that was drawn because the session spoke
    /// makes no key wait.
    async fn terminal(&mut self, event: Event) {
        self.take(self.current, Msg::Terminal(event)).await;
        while self.leaving == Leaving::No
            && let Some(event) = self.input.as_mut().and_then(Input::ready)
        {
            self.take(self.current, Msg::Terminal(event)).await;
        }
        if self.answered.elapsed() >= FRAME {
            self.frame();
            self.answered = self.drawn;
        } else {
            self.want_frame(FRAME);
        }
    }

    /// A terminal that cannot be written to is gone.
    fn frame(&mut self) {
        if self.leaving == Leaving::No && self.draw().is_err() {
            self.leaving = Leaving::HungUp;
        }
    }

    async fn update(&mut self, seat: usize, update: Option<Update>) {
        let Some(update) = update else {
            self.seats[seat].updates = None;
            self.take(seat, Msg::Closed).await;
            self.want_frame(FRAME);
            return;
        };
        self.heard(seat, &update);
        self.take(seat, Msg::Update(update)).await;
        for _ in 0..BATCH {
            let next = self.seats[seat].updates.as_mut().and_then(|updates| updates.try_recv().ok());
            let Some(update) = next else { break };
            self.heard(seat, &update);
            self.take(seat, Msg::Update(update)).await;
        }
        self.tell_tasks();
        let flood = self.said.1 >= FLOOD_BYTES && self.said.0 > 0;
        self.want_frame(if flood { FLOOD } else { STREAMING });
    }

    fn heard(&mut self, seat: usize, update: &Update) {
        if let Update::Progress(Progress::Text { text } | Progress::Thinking { text }) = update
            && seat == self.current
        {
            self.said.0 += text.len();
        }
    }

    async fn opened(&mut self, seat: usize, opened: Opened) {
        let message = self.seats[seat].opened(opened);
        self.take(seat, message).await;
        self.want_frame(FRAME);
    }

    async fn take(&mut self, seat: usize, message: Msg) {
        for effect in self.seats[seat].app.handle(message) {
            match effect {
                Effect::Quit => self.leaving = Leaving::Asked,
                Effect::Edit { purpose, text, suffix } => {
                    let result = self.edit(text, &suffix).await;
                    let Seat { app, performer, .. } = &mut self.seats[seat];
                    let more = app.handle(Msg::Edited(purpose, result));
                    more.into_iter().for_each(|effect| performer.perform(effect));
                }
                Effect::Copy(text) => {
                    let said = self.screen.copy(&text).err().unwrap_or_else(|| "copied".to_owned());
                    self.seats[seat].app.say(said);
                }
                Effect::Mouse(on) => self.screen.mouse(on),
                Effect::Redraw => self.screen.forget(),
                Effect::Suspend => {
                    if let Err(error) = self.away(suspend::suspend()).await.and_then(|stopped| stopped) {
                        self.seats[seat].app.say(format!("cannot go to the background: {error}"));
                    }
                }
                Effect::ShowTask(Some(session)) => self.show(&session),
                Effect::ShowTask(None) => {
                    self.current = 0;
                    self.screen.forget();
                }
                Effect::StopTask(session) => {
                    let task = self.seats.iter_mut().find(|seat| seat.session.as_ref() == Some(&session));
                    match task {
                        Some(task) => task.performer.perform(Effect::Command(Command::Interrupt)),
                        None => self.seats[seat].app.say("this task does not run".to_owned()),
                    }
                }
                effect => self.seats[seat].performer.perform(effect),
            }
        }
    }

    /// Gives the terminal to the editor.
    async fn edit(&mut self, text: String, suffix: &str) -> Result<String, String> {
        let app = &self.seats[self.current].app;
        let Some(command) = app.start.editor.clone() else {
            return Err("set $EDITOR to edit in it".to_owned());
        };
        let folder = app.start.folder.clone();
        let edited = self.away(editor::edit(command, text, suffix.to_owned(), folder)).await;
        edited.map_err(|error| error.to_string())?
    }

    /// Leaves the terminal to something else while it lasts. Reading stops first: it would take the other's keys.
    async fn away<T>(&mut self, meanwhile: impl Future<Output = T>) -> std::io::Result<T> {
        if let Some(input) = self.input.take() {
            input.stop().await;
        }
        self.screen.leave();
        let outcome = meanwhile.await;
        let entered = self.screen.enter();
        self.input = Some(Input::start()?);
        entered.map(|()| outcome)
    }

    /// Wants a frame no sooner than `pace` after the last one.
    fn want_frame(&mut self, pace: Duration) {
        let at = (self.drawn + pace).max(Instant::now());
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    fn draw(&mut self) -> Result<(), TuiError> {
        let app: &mut App = &mut self.seats[self.current].app;
        app.set_now(std::time::Instant::now());
        self.screen.draw(app)?;
        self.drawn = Instant::now();
        app.look_ahead();
        self.said = (0, self.said.0);
        self.due = app.moves_in(SPIN).map(|wait| self.drawn + wait);
        Ok(())
    }

    /// Ends the sessions in order, for as long as it is worth waiting.
    async fn end(&mut self) {
        self.screen.leave();
        let _ = tokio::time::timeout(FAREWELL, async {
            while self.seats.iter().any(|seat| seat.opening.is_some()) {
                // A session that is half open has nothing to keep yet, but is let finish so that its lock is released.
                let (number, opened) = seat::next_opened(&mut self.seats).await;
                self.seats[number].opened(opened);
            }
        })
        .await;
        for seat in &mut self.seats {
            seat.performer.perform(Effect::Command(Command::Close));
        }
        let drain = async {
            while self.seats.iter().any(|seat| seat.updates.is_some()) {
                let retry = self.seats.iter_mut().any(|seat| seat.performer.send_waiting());
                let wait = if retry { FRAME } else { FAREWELL };
                if let Ok((number, None)) = tokio::time::timeout(wait, seat::next_update(&mut self.seats)).await {
                    self.seats[number].updates = None;
                }
            }
        };
        let _ = tokio::time::timeout(FAREWELL, drain).await;
    }

    fn exit(mut self) -> Result<TuiExit, TuiError> {
        let first = self.seats.swap_remove(0);
        let session = first.app.session.id.clone();
        if let (None, Some(error)) = (&session, first.failed) {
            return Err(TuiError::Engine(error));
        }
        // A terminal that is gone can show nothing, and writing to it fails.
        let silent = first.app.start.review_only || self.leaving == Leaving::HungUp;
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
