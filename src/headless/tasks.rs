//! Tasks that the agent hands to others while nobody watches: what would wait for a person is answered, and what they
//! propose is treated like the session's own proposal.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::work::{Outcome, Seen, Task, answer, close, settle};
use super::{Output, Style};
use crate::domain::Update;
use crate::engine::Child;

/// A task whose agent has come to rest, or will soon.
pub(super) struct Attended {
    child: Child,
    seen: Seen,
}

/// Attends to tasks in the background.
pub struct Attendant {
    over: CancellationToken,
    working: JoinHandle<Vec<Attended>>,
}

impl Attendant {
    /// Takes the tasks of a session. `network` says whether their commands may reach it.
    pub fn new(mut born: mpsc::Receiver<Child>, network: bool) -> Self {
        let over = CancellationToken::new();
        let ending = over.clone();
        let working = tokio::spawn(async move {
            let mut at_work = Vec::new();
            loop {
                tokio::select! {
                    Some(child) = born.recv() => at_work.push(tokio::spawn(attend(child, network, ending.clone()))),
                    () = ending.cancelled() => break,
                }
            }
            let mut attended = Vec::new();
            for task in at_work {
                attended.extend(task.await);
            }
            attended
        });
        Self { over, working }
    }

    /// Ends the tasks once the session has nothing to wait for any more: what they proposed is committed where the rule
    /// says so. The outcome is the worst of all.
    pub(super) async fn end(
        self,
        task: &Task,
        mut outcome: Outcome,
        output: &mut Output,
        interrupt: &CancellationToken,
    ) -> Outcome {
        self.over.cancel();
        let Ok(attended) = self.working.await else { return outcome };
        for Attended { mut child, mut seen } in attended {
            let mut quiet = Output::new(Style::Quiet);
            if outcome == Outcome::Done {
                let handle = child.handle.clone();
                outcome = settle(&handle, &mut child.updates, task, &mut quiet, interrupt, &mut seen).await;
            }
            close(&child.handle, &mut child.updates, task.since, &mut quiet).await;
            if let Some(proposal) = seen.waiting().filter(|_| outcome != Outcome::Done) {
                output.waiting(&child.session, proposal, seen.green(proposal));
            }
        }
        outcome
    }
}

/// Reads a task's updates and answers what would wait for a person, until the session is over.
async fn attend(mut child: Child, network: bool, over: CancellationToken) -> Attended {
    let mut seen = Seen::default();
    loop {
        let update = tokio::select! {
            update = child.updates.recv() => update,
            () = over.cancelled() => break,
        };
        match update {
            Some(Update::Record(record)) => {
                seen.note(&record.event);
                answer(&child.handle, &record.event, network).await;
            }
            Some(_) => {}
            None => break,
        }
    }
    Attended { child, seen }
}
