//! What the engine has others do: effects as data, and what is under way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::domain::{
    CallId, Change, Command, CommitChoice, CommitWay, ContentHash, Event, MessageId, Progress, Proposal, ProposalId,
    RepoPath, ToolCall,
};
use crate::git::Mark;
use crate::provider::Request;
use crate::tool::protocol::{Check, Delegate};

use super::session::Offer;

/// Names a piece of work, so that a late result of an older one is told from a new one's.
pub type JobId = u64;

/// What a decision leads to. Events are written first, then progress is shown, then effects start.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// What happened.
    pub events: Vec<Event>,
    /// What passes by.
    pub progress: Vec<Progress>,
    /// What to do.
    pub effects: Vec<Effect>,
}

impl Step {
    /// Nothing happens.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.effects.is_empty() && self.progress.is_empty()
    }

    /// Adds what another decision leads to.
    pub fn join(&mut self, other: Self) {
        self.events.extend(other.events);
        self.progress.extend(other.progress);
        self.effects.extend(other.effects);
    }
}

impl From<Event> for Step {
    fn from(event: Event) -> Self {
        Self { events: vec![event], ..Self::default() }
    }
}

impl From<Effect> for Step {
    fn from(effect: Effect) -> Self {
        Self { effects: vec![effect], ..Self::default() }
    }
}

/// Something the driver does.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Starts a piece of work; it ends with one `Ended` input of the same number.
    Start(JobId, Work),
    /// Stops pieces of work.
    Cancel(Vec<JobId>),
    /// Makes sure the journal is on disk before what follows.
    Sync,
    /// Ends the session.
    Close,
}

/// A piece of work.
#[derive(Clone, Debug)]
pub enum Work {
    /// Ask the model.
    Ask(Box<Request>),
    /// Run a tool.
    Call {
        /// The call.
        call: ToolCall,
        /// The user allowed what it needs.
        permitted: bool,
    },
    /// Run a shell command of the user's own.
    Shell {
        /// The call it is recorded as.
        call: CallId,
        /// The command line.
        command: String,
    },
    /// Hand a task to another agent and wait until it rests.
    Delegate(Delegate),
    /// See whether steps of the plan are done, as the agent says.
    Check {
        /// The call of `plan`.
        call: CallId,
        /// The steps: number, title, what to run.
        steps: Vec<(usize, String, Check)>,
    },
    /// Run the gates on the draft for the agent. Nothing of it becomes evidence.
    Verify {
        /// The call it answers.
        call: CallId,
        /// The gates; all that concern the draft when empty.
        gates: Vec<String>,
    },
    /// Freeze the draft.
    Propose {
        /// The name of the proposal.
        id: ProposalId,
        /// One line.
        title: String,
        /// The commit message.
        message: String,
    },
    /// Run the gates.
    Prove {
        /// The proposal.
        proposal: Box<Proposal>,
        /// The files to prove; all of the proposal when `None`.
        selected: Option<Arc<Selected>>,
        /// The user asked for it: results of earlier runs do not count.
        afresh: bool,
        /// Only these gates; all that concern the proposal when empty.
        only: Vec<String>,
    },
    /// Find out what the verdicts select.
    Select(Box<Offer>),
    /// Write the selection as a commit.
    Commit {
        /// The files.
        selected: Arc<Selected>,
        /// The message with its trailers.
        message: String,
        /// How the commit is known again after a crash.
        mark: Mark,
        /// As a new commit, into the last one, or on a new branch.
        way: CommitWay,
    },
    /// Take the draft along after a commit: these files follow the user's tree again, with what is still undecided
    /// on top.
    Settle(Arc<Selected>),
    /// Take the draft along after the user's tree changed under these files.
    Rebase {
        /// The proposal that was made from the older files, when there is one.
        proposal: Option<Box<Proposal>>,
        /// The files.
        paths: Vec<RepoPath>,
    },
    /// Take a commit back, or bring it forward again.
    Revert {
        /// The commit.
        oid: String,
        /// The commit it amended: that is what taking it back returns to.
        amends: Option<String>,
        /// Bring it forward again.
        redo: bool,
        /// How it is known again after a crash.
        mark: Mark,
    },
    /// Make the draft what it was when this was proposed; empty when `None`.
    Restore(Option<Box<Proposal>>),
    /// Find an agent and a model; what is `None` stays.
    Choose {
        /// The agent's name.
        agent: Option<String>,
        /// The model as `provider/model`.
        model: Option<String>,
    },
    /// Write rejections and comments down for the agent.
    Review {
        /// The proposal with its verdicts.
        offer: Box<Offer>,
        /// What the user adds.
        text: Option<String>,
    },
}

/// What the verdicts select from a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The proposal.
    pub proposal: ProposalId,
    /// The hash over exactly this selection; the proposal's own when it is the whole.
    pub hash: ContentHash,
    /// The files that become different, with what was shown and what was accepted.
    pub files: Vec<Change>,
    /// All files of the proposal, before and after.
    pub whole: Vec<Change>,
    /// The files as the draft keeps them after the commit: undecided hunks stay, rejected ones go.
    pub kept: Vec<Change>,
}

/// What a piece of work is for; enough to know what its end means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// The next answer.
    Answer,
    /// A summary of the conversation up to a record.
    Summary {
        /// The last record it covers.
        upto: u64,
        /// Estimated tokens before.
        before: u64,
    },
    /// A call of the model, or a shell command of the user.
    Call(CallId),
    /// A task of the user's that another agent works on.
    Delegate,
    /// A freeze.
    Propose,
    /// A run of gates on this subject.
    Prove(ContentHash),
    /// A selection for a commit.
    Select,
    /// A commit.
    Commit,
    /// The draft following the tree.
    Settle,
    /// The draft following the tree, to be proposed again.
    Rebase,
    /// An undo or a redo.
    Revert {
        /// Forward again.
        redo: bool,
    },
    /// The draft becoming what it was.
    Restore,
    /// A choice of agent or model.
    Choose,
    /// A review being written down.
    Review(ProposalId),
}

impl Job {
    /// The draft may be another one afterwards.
    pub fn may_change_draft(&self) -> bool {
        matches!(self, Self::Call(_) | Self::Settle | Self::Rebase | Self::Restore)
    }

    /// Stopping it half-way would leave the user's repository or the draft half-written.
    pub fn must_end(&self) -> bool {
        matches!(self, Self::Commit | Self::Settle | Self::Rebase | Self::Restore | Self::Revert { .. } | Self::Choose)
    }

    /// It goes on beside the session's own work, and is stopped by itself.
    pub fn runs_beside(&self) -> bool {
        *self == Self::Delegate
    }
}

/// A freeze and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Who waits for it.
    pub by: FreezeBy,
    /// How far it is.
    pub stage: FreezeStage,
    /// The revision of the draft that is frozen.
    pub revision: u64,
}

/// Who waits for a freeze.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreezeBy {
    /// A call of `propose`.
    Call(CallId),
    /// The user, who hears also when there is nothing to freeze.
    User,
    /// Nobody: the agent came to rest, or the tree changed underneath.
    Rest,
}

/// How far a freeze is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreezeStage {
    /// The draft is being frozen.
    Freezing,
    /// The gates run on this proposal.
    Proving(ProposalId),
}

/// A commit on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commission {
    /// The proposal.
    pub proposal: ProposalId,
    /// The user's message; the drafted one when `None`.
    pub message: Option<String>,
    /// What to do about gates that are not green.
    pub choice: CommitChoice,
    /// As a new commit, into the last one, or on a new branch.
    pub way: CommitWay,
    /// What the verdicts select, once known.
    pub selected: Option<Arc<Selected>>,
}

/// The session on its way back to before a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewinding {
    /// The message.
    pub message: MessageId,
    /// Its record.
    pub to: u64,
    /// What was proposed at that time.
    pub draft: Option<Box<Proposal>>,
}

/// What is under way. Not in the journal: a crash ends it all.
#[derive(Clone, Debug, Default)]
pub struct Flight {
    last: JobId,
    jobs: BTreeMap<JobId, Job>,
    stopped: BTreeSet<JobId>,
    /// What came in of the answer so far.
    pub partial: String,
    /// Counts what may have changed the draft.
    pub revision: u64,
    /// The revision that was frozen last: nothing is left to propose while it is the newest.
    pub frozen: Option<u64>,
    /// Messages that wait stay where they are until the user speaks again: the last turn did not end by itself.
    pub held: bool,
    /// Why the answer the agent came to rest with is no success.
    pub shortfall: Option<String>,
    /// The context was found too long already once; a second time is a failure.
    pub squeezed: bool,
    /// A freeze on its way.
    pub freeze: Option<Freeze>,
    /// A commit on its way.
    pub commission: Option<Commission>,
    /// The session on its way back.
    pub rewinding: Option<Rewinding>,
    /// Wishes that wait until the step before them is finished.
    pub deferred: VecDeque<Command>,
    /// Notes of the workspace that were passed on; each is once.
    pub told: BTreeSet<String>,
    /// Subjects proven by this process.
    pub proven: BTreeSet<ContentHash>,
}

impl Flight {
    /// Numbers a new piece of work.
    pub fn begin(&mut self, job: Job, work: Work) -> Effect {
        self.last += 1;
        self.jobs.insert(self.last, job);
        Effect::Start(self.last, work)
    }

    /// Takes a piece of work off the list. `None` when it is unknown or was stopped: its result no longer counts.
    pub fn end(&mut self, id: JobId) -> Option<Job> {
        let job = self.jobs.remove(&id)?;
        if self.stopped.remove(&id) { None } else { Some(job) }
    }

    /// The piece of work, unless it was stopped.
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id).filter(|_| !self.stopped.contains(&id))
    }

    /// Pieces of work that still count.
    pub fn live(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|(id, _)| !self.stopped.contains(id)).map(|(_, job)| job)
    }

    /// Something that was stopped has not come to its end yet.
    pub fn stopping(&self) -> bool {
        !self.stopped.is_empty()
    }

    /// Stops everything that may be stopped half-way.
    pub fn stop(&mut self) -> Option<Effect> {
        let stop: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(id, job)| !job.must_end() && !job.runs_beside() && !self.stopped.contains(id))
            .map(|(id, _)| *id)
            .collect();
        self.stopped.extend(&stop);
        self.partial.clear();
        self.freeze = None;
        self.deferred.clear();
        if self.commission.is_some() && !self.live().any(Job::must_end) {
            self.commission = None;
        }
        (!stop.is_empty()).then_some(Effect::Cancel(stop))
    }

    /// Stops a freeze and the gates that follow it.
    pub fn stop_freeze(&mut self) -> Option<Effect> {
        self.freeze = None;
        let stop: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(id, job)| matches!(job, Job::Propose | Job::Prove(_)) && !self.stopped.contains(id))
            .map(|(id, _)| *id)
            .collect();
        self.stopped.extend(&stop);
        (!stop.is_empty()).then_some(Effect::Cancel(stop))
    }

    /// Something is done that may change the draft.
    pub fn touch(&mut self) {
        self.revision += 1;
    }

    /// The draft is what was frozen last.
    pub fn settled(&self) -> bool {
        self.frozen == Some(self.revision)
    }

    /// This call is being carried out.
    pub fn runs(&self, call: &CallId) -> bool {
        self.jobs.values().any(|job| matches!(job, Job::Call(known) if known == call))
    }
}
