//! One task from its first word to its exit code.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Attendant, Output};
use crate::domain::{
    Command, CommitChoice, CommitWay, Event, Evidence, HunkVerdict, NoteLevel, Proposal, Record, TurnEnd, Update,
    Verdict,
};
use crate::engine::{Handle, Updates};

/// How the program ends: the exit codes of the headless contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done (and, where asked for, committed).
    Done,
    /// The task or the command failed.
    Failed,
    /// Usage or configuration.
    Usage,
    /// A gate is red.
    GateRed,
    /// A proposal waits for review.
    Waits,
    /// Stopped by the user.
    Interrupted,
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::GateRed => 3,
            Self::Waits => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Outcome> for std::process::ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// Which proposals are committed without a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AcceptRule {
    /// None.
    #[default]
    None,
    /// The whole proposal when every gate passed.
    Green,
    /// The whole proposal, whatever the gates say.
    All,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Task {
    /// The words.
    pub text: String,
    /// Which proposals are committed.
    pub accept: AcceptRule,
    /// Commands may reach the network when the agent asks for it.
    pub network: bool,
    /// Records before this moment belong to an earlier run of the same session and are not shown again.
    pub since: Timestamp,
}

const NOBODY: &str = "Nobody is here to answer: this runs without a screen. Decide yourself, take the most careful \
                      reading of the task, and say in your last words what you assumed.";

/// What is known of the work so far.
#[derive(Default)]
pub(super) struct Seen {
    proposal: Option<Proposal>,
    evidence: Vec<Evidence>,
    committed: bool,
}

impl Seen {
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Proposed { proposal } => {
                self.proposal = Some(proposal.clone());
                self.committed = false;
            }
            Event::GateReported(evidence) => {
                self.evidence.retain(|old| old.gate != evidence.gate || old.subject != evidence.subject);
                self.evidence.push(evidence.as_ref().clone());
            }
            Event::Committed { .. } => self.committed = true,
            _ => {}
        }
    }

    pub(super) fn waiting(&self) -> Option<&Proposal> {
        self.proposal.as_ref().filter(|proposal| !self.committed && !proposal.changes.is_empty())
    }

    fn gates(&self, proposal: &Proposal) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter().filter(|evidence| evidence.subject == proposal.hash)
    }

    fn red(&self, proposal: &Proposal) -> bool {
        self.gates(proposal).any(|evidence| evidence.is_red())
    }

    pub(super) fn green(&self, proposal: &Proposal) -> bool {
        let mut gates = self.gates(proposal).peekable();
        gates.peek().is_some() && gates.all(|evidence| evidence.is_green())
    }
}

/// Says the task, answers what would wait for a person, commits what the rule allows, and closes the session.
pub async fn work(
    handle: &Handle,
    updates: &mut Updates,
    task: Task,
    output: &mut Output,
    interrupt: CancellationToken,
    tasks: Attendant,
) -> Outcome {
    let mut seen = Seen::default();
    send(handle, Command::Say { text: task.text.clone() }).await;
    let ended = turn(handle, updates, &task, output, &interrupt, &mut seen).await;
    let outcome = match ended {
        None => Outcome::Failed,
        Some(TurnEnd::Interrupted) => Outcome::Interrupted,
        Some(TurnEnd::Failed | TurnEnd::Budget) => Outcome::Failed,
        Some(TurnEnd::Done) => settle(handle, updates, &task, output, &interrupt, &mut seen).await,
    };
    close(handle, updates, task.since, output).await;
    let outcome = tasks.end(&task, outcome, output, &interrupt).await;
    if let Some(proposal) = seen.waiting().filter(|_| outcome != Outcome::Done) {
        output.waiting(&handle.session, proposal, seen.green(proposal));
    }
    outcome
}

async fn turn(
    handle: &Handle,
    updates: &mut Updates,
    task: &Task,
    output: &mut Output,
    interrupt: &CancellationToken,
    seen: &mut Seen,
) -> Option<TurnEnd> {
    let mut stopping = false;
    let mut started = false;
    loop {
        let update = tokio::select! {
            update = updates.recv() => update?,
            () = interrupt.cancelled(), if !stopping => {
                stopping = true;
                send(handle, Command::Interrupt).await;
                continue;
            }
        };
        // What an earlier run proposed and nobody decided on is still there to be committed.
        if let Update::Record(record) = &update {
            seen.note(&record.event);
        }
        let Some(record) = live(update, task.since, output) else { continue };
        answer(handle, &record.event, task.network).await;
        match record.event {
            // A session that goes on after a crash first ends the turn that was cut off.
            Event::TurnEnded { reason, .. } if started => return Some(reason),
            Event::TurnStarted { .. } => started = true,
            // Without a model there is no turn: the engine says why and rests.
            Event::Noted { level: NoteLevel::Error, .. } if !started => return Some(TurnEnd::Failed),
            _ => {}
        }
    }
}

/// Answers what would wait for a person.
pub(super) async fn answer(handle: &Handle, event: &Event, network: bool) {
    match event {
        Event::ToolCalled { call, name, .. } if name == "ask" => {
            send(handle, Command::Answer { call: call.clone(), text: NOBODY.to_owned() }).await;
        }
        Event::PermissionAsked { permission, .. } => {
            let permission = permission.clone();
            send(handle, Command::Permit { permission, allowed: network, always: false }).await;
        }
        _ => {}
    }
}

pub(super) async fn settle(
    handle: &Handle,
    updates: &mut Updates,
    task: &Task,
    output: &mut Output,
    interrupt: &CancellationToken,
    seen: &mut Seen,
) -> Outcome {
    let Some(proposal) = seen.waiting().cloned() else { return Outcome::Done };
    let choice = match task.accept {
        AcceptRule::All => CommitChoice::Despite,
        AcceptRule::Green if seen.green(&proposal) => CommitChoice::Green,
        AcceptRule::None | AcceptRule::Green => {
            return if seen.red(&proposal) { Outcome::GateRed } else { Outcome::Waits };
        }
    };
    let verdicts = proposal.hunks().map(|(_, hunk)| accept(hunk.id.clone())).collect();
    send(handle, Command::Decide { proposal: proposal.id.clone(), verdicts }).await;
    let order = Command::Commit { proposal: proposal.id.clone(), message: None, choice, way: CommitWay::New };
    commit(handle, updates, order, task.since, output, interrupt).await
}

fn accept(hunk: crate::domain::HunkId) -> HunkVerdict {
    HunkVerdict::new(hunk, Verdict::Accept)
}

/// Sends a commit order and waits for what becomes of it.
pub async fn commit(
    handle: &Handle,
    updates: &mut Updates,
    order: Command,
    since: Timestamp,
    output: &mut Output,
    interrupt: &CancellationToken,
) -> Outcome {
    send(handle, order).await;
    let mut red = false;
    loop {
        let update = tokio::select! {
            update = updates.recv() => update,
            () = interrupt.cancelled() => {
                send(handle, Command::Interrupt).await;
                return Outcome::Interrupted;
            }
        };
        let Some(update) = update else { return Outcome::Failed };
        let Some(record) = live(update, since, output) else { continue };
        match record.event {
            Event::Committed { .. } => return Outcome::Done,
            Event::GateReported(evidence) if evidence.partial => {}
            Event::GateReported(evidence) => red |= evidence.is_red(),
            Event::Noted { level: NoteLevel::Error, .. } => {
                return if red { Outcome::GateRed } else { Outcome::Failed };
            }
            // A stale proposal comes back as a new one, to be seen again.
            Event::Proposed { .. } => return Outcome::Waits,
            _ => {}
        }
    }
}

/// Ends the session in order and shows what still comes.
pub async fn close(handle: &Handle, updates: &mut Updates, since: Timestamp, output: &mut Output) {
    send(handle, Command::Close).await;
    while let Some(update) = updates.recv().await {
        live(update, since, output);
    }
}

/// Shows an update of this run and hands on its record.
fn live(update: Update, since: Timestamp, output: &mut Output) -> Option<Record> {
    match update {
        Update::Progress(progress) => {
            output.progress(&progress);
            None
        }
        Update::Failed(why) => {
            output.failed(&why);
            None
        }
        Update::Record(record) if record.at < since => None,
        Update::Record(record) => {
            output.record(&record);
            Some(record)
        }
    }
}

async fn send(handle: &Handle, command: Command) {
    // A closed inbox means that the session has ended; the updates say so too.
    let _ = handle.commands.send(command).await;
}
