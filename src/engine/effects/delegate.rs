//! A task for another agent: a session of its own, in a workspace of its own, in this process.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::domain::{Command, Event, Proposal, SessionId, TurnEnd, Update};
use crate::text;
use crate::tool::protocol::Delegate;

use super::super::input::{Outcome, Returned, What};
use super::super::models::Models;
use super::super::work::JobId;
use super::super::{Child, Opening, Updates, open_with};
use super::Bench;

/// Tasks that run side by side at most; each asks a model and runs commands.
const PLACES: usize = 4;
/// Updates of a task that may wait for its front end.
const UPDATES: usize = 1_024;

/// What tasks are opened with.
#[derive(Clone)]
pub struct Nursery {
    opening: Opening,
    models: Arc<dyn Models>,
    born: mpsc::Sender<Child>,
    places: Arc<Semaphore>,
}

impl Nursery {
    /// A nursery for a session that was opened like this; `None` when nobody would take its tasks.
    pub fn new(opening: &Opening, parent: &SessionId, models: &Arc<dyn Models>) -> Option<Self> {
        let born = opening.children.clone()?;
        let opening = Opening {
            session: None,
            parent: Some(parent.clone()),
            // A task hands nothing on: the user keeps an overview of one level.
            children: None,
            ..opening.clone()
        };
        let places = Arc::new(Semaphore::new(PLACES));
        Some(Self { opening, models: Arc::clone(models), born, places })
    }

    /// The same opening for an agent; its own model holds, else the one that is in use now.
    fn opening(&self, agent: &str, model: Option<String>) -> Opening {
        let mut opening = Opening { agent: Some(agent.to_owned()), ..self.opening.clone() };
        if let Some(model) = model {
            let mut settings = (*opening.settings).clone();
            settings.model = Some(model);
            opening.settings = Arc::new(settings);
        }
        opening
    }
}

/// Opens a session for the task, hands it to the front end, and waits until its agent comes to rest.
pub async fn delegate(bench: &Bench, id: JobId, order: Delegate, cancel: CancellationToken) -> Outcome {
    let began = Instant::now();
    let (ok, output) = match work(bench, id, order, cancel).await {
        Ok(output) => (true, output),
        Err(output) => (false, output),
    };
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Outcome::Returned(Returned { ok, output: text::redact(&output).into_owned(), ms })
}

async fn work(bench: &Bench, id: JobId, order: Delegate, cancel: CancellationToken) -> Result<String, String> {
    let nursery = bench.nursery.as_ref().ok_or("Tasks cannot be handed to other agents here.")?;
    let place = Arc::clone(&nursery.places).try_acquire_owned();
    let place = place.map_err(|_| format!("{PLACES} tasks are running already; wait until one of them ends."))?;
    let model = bench.found.as_ref().map(|found| format!("{}/{}", found.provider.name(), found.model));
    let opening = nursery.opening(&order.agent, model);
    // Opening is recursive in its type: a session may open sessions.
    let opened = Box::pin(open_with(opening, Arc::clone(&nursery.models))).await;
    let (handle, updates) = opened.map_err(|error| format!("The task was not begun: {error}"))?;
    let (commands, session) = (handle.commands.clone(), handle.session.clone());
    bench.tell(What::Delegated { job: id, session: session.clone(), order: order.clone() }).await;
    let (to_front, front) = mpsc::channel(UPDATES);
    let Delegate { agent, task } = order;
    let child = Child { session, agent: agent.clone(), task: task.clone(), handle, updates: front };
    nursery.born.send(child).await.map_err(|_| "The program is ending, so the task was not begun.")?;
    let (told, rest) = oneshot::channel();
    tokio::spawn(relay(updates, to_front, told, place));
    let _ = commands.send(Command::Say { text: task }).await;
    tokio::select! {
        report = rest => report.map_err(|_| format!("The session of {agent} ended before the task did.")),
        () = cancel.cancelled() => {
            let _ = commands.send(Command::Interrupt).await;
            Err(format!("Stopped by the user before {agent} was done; what it had done is kept in its own session."))
        }
    }
}

/// Passes a task's updates on to its front end, and tells how it went when its agent comes to rest the first time.
async fn relay(
    mut updates: Updates,
    front: mpsc::Sender<Update>,
    told: oneshot::Sender<String>,
    place: OwnedSemaphorePermit,
) {
    let mut report = Report::default();
    let mut waiting = Some((told, place));
    while let Some(update) = updates.recv().await {
        if let Update::Record(record) = &update
            && let Some(end) = report.note(&record.event)
            && let Some((told, _place)) = waiting.take()
        {
            let _ = told.send(report.text(end));
        }
        // Without a front end the session goes on; its journal has everything.
        let _ = front.send(update).await;
    }
}

/// What is told of a task.
#[derive(Default)]
struct Report {
    words: String,
    proposal: Option<Proposal>,
    detail: Option<String>,
}

impl Report {
    fn note(&mut self, event: &Event) -> Option<TurnEnd> {
        match event {
            Event::AssistantSaid { text, .. } if !text.trim().is_empty() => text.trim().clone_into(&mut self.words),
            Event::Proposed { proposal } => self.proposal = Some(proposal.clone()),
            Event::TurnEnded { reason, detail, .. } => {
                self.detail.clone_from(detail);
                return Some(*reason);
            }
            _ => {}
        }
        None
    }

    fn text(&self, end: TurnEnd) -> String {
        let how = match end {
            TurnEnd::Done => "It is done.",
            TurnEnd::Interrupted => "The user stopped it.",
            TurnEnd::Failed => "It failed.",
            TurnEnd::Budget => "It reached a limit of its budget.",
        };
        let mut text = how.to_owned();
        if let Some(detail) = &self.detail {
            text.push_str(&format!(" {detail}."));
        }
        match self.proposal.as_ref().filter(|proposal| !proposal.changes.is_empty()) {
            Some(proposal) => {
                let (title, files) = (&proposal.title, proposal.changes.len());
                let plural = if files == 1 { "" } else { "s" };
                text.push_str(&format!(
                    " Its proposal \"{title}\" changes {files} file{plural} and waits for the user's review; none of it \
                     is in your workspace."
                ));
            }
            None => text.push_str(" It changed no file."),
        }
        if !self.words.is_empty() {
            text.push_str(&format!("\n\nIts last words:\n{}", text::cut_middle(&self.words, 8_000)));
        }
        text
    }
}
