//! A session with its screen. The first seat is the one the program was started on; the others are tasks.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::domain::{SessionId, Update};
use crate::engine::{EngineError, Handle, Updates};
use crate::tui::app::App;
use crate::tui::msg::Msg;
use crate::tui::pane::tasks::{Task, TaskState};
use crate::tui::start::StartInfo;

use super::Woken;
use super::perform::Performer;

/// What opening a session came to.
pub(super) type Opened = Result<(Handle, Updates), EngineError>;

/// A session with its screen.
pub(super) struct Seat {
    pub(super) app: App,
    pub(super) performer: Performer,
    pub(super) opening: Option<JoinHandle<Opened>>,
    pub(super) updates: Option<Updates>,
    pub(super) failed: Option<EngineError>,
    /// The session, as soon as it is known.
    pub(super) session: Option<SessionId>,
}

impl Seat {
    /// A seat whose session is not open yet. `number` is its place among the seats.
    pub(super) fn new(start: StartInfo, number: usize, messages: mpsc::Sender<(usize, Msg)>) -> Self {
        let performer = Performer::new(&start, number, messages);
        let app = App::new(start, std::time::Instant::now(), jiff::Timestamp::now());
        Self { app, performer, opening: None, updates: None, failed: None, session: None }
    }

    /// Takes the session, or why there is none; the message to the screen.
    pub(super) fn opened(&mut self, opened: Opened) -> Msg {
        match opened {
            Ok((handle, updates)) => {
                self.updates = Some(updates);
                self.session = Some(handle.session.clone());
                let message = Msg::Opened { session: handle.session.clone(), blobs: handle.blobs.clone() };
                self.performer.opened(handle);
                message
            }
            Err(error) => {
                self.failed = Some(error.clone());
                Msg::NotOpened(error)
            }
        }
    }
}

/// Every task: the first session's own work, then what it handed over, open or not.
pub(super) fn tasks(seats: &[Seat]) -> Vec<Task> {
    let Some(first) = seats.first() else { return Vec::new() };
    let mut tasks = vec![first.app.tasks.own().clone()];
    for handed in first.app.tasks.delegated() {
        let seat = seats.iter().find(|seat| seat.session.is_some() && seat.session == handed.session);
        let state = seat.map_or(TaskState::Closed, |seat| seat.app.tasks.own().state);
        tasks.push(Task { state, ..handed.clone() });
    }
    tasks
}

/// The next update of any seat, or the next session that is open or cannot be opened; rests while there is neither.
pub(super) async fn next(seats: &mut [Seat]) -> Woken {
    poll_fn(|context| match poll_opened(seats, context) {
        Poll::Ready((number, opened)) => Poll::Ready(Woken::Opened(number, opened)),
        Poll::Pending => poll_update(seats, context).map(|(number, update)| Woken::Update(number, update)),
    })
    .await
}

/// The next update of any seat.
pub(super) async fn next_update(seats: &mut [Seat]) -> (usize, Option<Update>) {
    poll_fn(|context| poll_update(seats, context)).await
}

/// The next session that is open, or cannot be opened.
pub(super) async fn next_opened(seats: &mut [Seat]) -> (usize, Opened) {
    poll_fn(|context| poll_opened(seats, context)).await
}

fn poll_update(seats: &mut [Seat], context: &mut Context<'_>) -> Poll<(usize, Option<Update>)> {
    for (number, seat) in seats.iter_mut().enumerate() {
        if let Some(updates) = &mut seat.updates
            && let Poll::Ready(update) = updates.poll_recv(context)
        {
            return Poll::Ready((number, update));
        }
    }
    Poll::Pending
}

fn poll_opened(seats: &mut [Seat], context: &mut Context<'_>) -> Poll<(usize, Opened)> {
    for (number, seat) in seats.iter_mut().enumerate() {
        let Some(opening) = &mut seat.opening else { continue };
        if let Poll::Ready(opened) = Pin::new(opening).poll(context) {
            seat.opening = None;
            let failed = |error| EngineError { message: format!("an internal error: {error}"), hints: Vec::new() };
            return Poll::Ready((number, opened.unwrap_or_else(|error| Err(failed(error)))));
        }
    }
    Poll::Pending
}
