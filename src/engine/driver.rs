//! The one task of a session: it decides, writes, folds, publishes, and only then starts what follows.

mod outlet;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::agent::{Catalogue, Folders};
use crate::domain::{Command, Event, Progress, Record, SessionId};
use crate::journal::{Journal, JournalError};

use super::choice::{Choice, Choosing};
use super::decide::decide;
use super::effects::{self, Bench};
use super::input::{Input, Outcome, What};
use super::models::{Found, Models};
use super::prompt::Surroundings;
use super::rules::Rules;
use super::session::Session;
use super::work::{Effect, Flight, Job, JobId, Work};

pub use outlet::Outlet;

/// How long closing waits for what is stopped to come to its end.
const LAST_WAIT: Duration = Duration::from_secs(8);

/// Everything a session needs while it runs.
pub struct Driver {
    /// The session's name.
    pub id: SessionId,
    /// What is known.
    pub session: Session,
    /// What is under way.
    pub flight: Flight,
    /// What decisions go by.
    pub rules: Rules,
    /// The record.
    pub journal: Journal,
    /// What work has at hand.
    pub bench: Bench,
    /// Where agents are looked for.
    pub folders: Folders,
    /// Where models come from.
    pub models: Arc<dyn Models>,
    /// Where the agent works.
    pub surroundings: Surroundings,
    /// What front ends get.
    pub outlet: Outlet,
    /// Results of work.
    pub inbox: mpsc::Receiver<Input>,
    /// Wishes of the user.
    pub commands: mpsc::Receiver<Command>,
    /// What passes by.
    pub progress: mpsc::Receiver<Progress>,
    /// What runs, and how to stop it.
    pub running: BTreeMap<JobId, (CancellationToken, JoinHandle<()>)>,
    /// The session is to end.
    pub closing: bool,
    /// The model the user asked for by name; it holds whatever agents ask for.
    pub asked: Option<String>,
}

impl Driver {
    /// Runs until the session is closed or its journal cannot be written.
    pub async fn run(mut self) {
        if let Err(error) = self.work().await {
            self.outlet.fail(format!("the journal cannot be written, so nothing goes on: {error}"));
        }
        self.end().await;
    }

    async fn work(&mut self) -> Result<(), JournalError> {
        loop {
            if self.closing && !self.flight.live().any(Job::must_end) {
                return Ok(());
            }
            let input = tokio::select! {
                () = self.outlet.flush(), if self.outlet.pending() => continue,
                Some(input) = self.inbox.recv() => input,
                command = self.commands.recv(), if !self.closing => {
                    // Without a handle nobody can say anything any more.
                    Input { at: Timestamp::now(), what: What::Command(command.unwrap_or(Command::Close)) }
                }
                Some(progress) = self.progress.recv() => {
                    self.outlet.progress(progress);
                    continue;
                }
            };
            self.take(input)?;
        }
    }

    /// Takes an input in and everything that follows from it.
    ///
    /// # Errors
    /// The journal cannot be written: the event did not happen, and nothing more will.
    pub fn take(&mut self, input: Input) -> Result<(), JournalError> {
        let passing = matches!(input.what, What::Chunk(..));
        if let What::Ended(id, _) = &input.what {
            self.running.remove(id);
        }
        let at = input.at;
        let mut what = Some(input.what);
        while let Some(next) = what.take() {
            let first = !matches!(next, What::Next);
            let step = decide(&self.session, &mut self.flight, &self.rules, Input { at, what: next });
            let moved = !step.events.is_empty() || !step.effects.is_empty();
            for event in step.events {
                self.write(event)?;
            }
            for progress in step.progress {
                self.outlet.progress(progress);
            }
            for effect in step.effects {
                self.carry_out(effect)?;
            }
            what = (moved || first && !passing).then_some(What::Next);
        }
        Ok(())
    }

    /// Writes an event, folds it, publishes it: in this order.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn write(&mut self, event: Event) -> Result<(), JournalError> {
        let ends = matches!(event, Event::TurnEnded { .. } | Event::Committed { .. } | Event::Undone { .. });
        let record: Record = self.journal.append(event)?;
        if ends {
            self.journal.sync()?;
        }
        self.session.apply(&record);
        self.outlet.record(record);
        Ok(())
    }

    /// Starts a piece of work that no decision asked for: what a crash left undone.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn begin(&mut self, job: Job, work: Work) -> Result<(), JournalError> {
        let effect = self.flight.begin(job, work);
        self.carry_out(effect)
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), JournalError> {
        match effect {
            Effect::Start(id, Work::Choose { agent, model }) => self.choose(id, agent, model)?,
            Effect::Start(id, work) => {
                let cancel = CancellationToken::new();
                let handle = effects::start(&self.bench, id, work, cancel.clone());
                self.running.insert(id, (cancel, handle));
            }
            Effect::Cancel(ids) => {
                for (cancel, _) in ids.iter().filter_map(|id| self.running.get(id)) {
                    cancel.cancel();
                }
            }
            Effect::Sync => self.journal.sync()?,
            Effect::Close => self.closing = true,
        }
        Ok(())
    }

    /// Chooses at once: it takes no longer than reading a few files, and it changes what decisions go by.
    fn choose(&mut self, id: JobId, agent: Option<String>, model: Option<String>) -> Result<(), JournalError> {
        let agent = agent.unwrap_or_else(|| self.session.agent.clone());
        let asked = model.or_else(|| self.asked.clone());
        let chosen = self.find(Some(&agent), asked.as_deref()).map(|choice| {
            self.asked = asked;
            self.rules = choice.rules;
            self.use_model(choice.found);
            choice.chosen
        });
        self.take(Input { at: Timestamp::now(), what: What::Ended(id, Outcome::Chosen(chosen)) })
    }

    /// Works with this model from now on, which may take time to get ready.
    pub fn use_model(&mut self, found: Option<Found>) {
        if let Some(found) = &found {
            found.provider.warm(&found.model, &self.rules.system);
        }
        self.bench.found = found;
    }

    /// Finds an agent and a model with the agents as they are on disk now.
    ///
    /// # Errors
    /// See [`Choosing::choose`].
    pub fn find(&self, agent: Option<&str>, model: Option<&str>) -> Result<Choice, String> {
        let choosing = Choosing {
            catalogue: &Catalogue::load(&self.folders),
            models: &*self.models,
            tools: &self.bench.tools,
            settings: &self.bench.settings,
            surroundings: &self.surroundings,
            session: &self.id,
            delegates: self.bench.nursery.is_some(),
        };
        choosing.choose(agent, model)
    }

    /// Stops what runs, so that no process outlives the session, and lets the front end have the rest.
    async fn end(mut self) {
        for (cancel, _) in self.running.values() {
            cancel.cancel();
        }
        let handles: Vec<JoinHandle<()>> = self.running.into_values().map(|(_, handle)| handle).collect();
        let mut inbox = self.inbox;
        let drain = async { while inbox.recv().await.is_some() {} };
        let ended = async {
            for handle in handles {
                let _ = handle.await;
            }
        };
        let _ = tokio::time::timeout(LAST_WAIT, async {
            tokio::select! {
                () = drain => {}
                () = ended => {}
            }
        })
        .await;
        let _ = self.journal.sync();
        drop(self.journal);
        while self.outlet.pending() {
            self.outlet.flush().await;
        }
    }
}
