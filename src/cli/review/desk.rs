//! A review of a change that no agent made: the user's own tree, a commit, a branch, a patch.
//!
//! Speaks the same commands and events as the engine, so the screen need not know the difference. It is journaled like
//! any session, and the next review of the same source goes on with it: verdicts and comments are still there.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::super::surroundings::Surroundings;
use super::super::{Failure, sessions, undo};
use super::acts::list;
use super::past::{Done, Past, find};
use super::source::{self, Found, Held};
use crate::domain::{
    Change, Command, CommitWay, Event, FileChange, FileState, HunkVerdict, Isolation, NoteLevel, Proposal, ProposalId,
    Record, RepoPath, Update,
};
use crate::engine::{Handle, Updates};
use crate::git::{GitError, Repository};
use crate::journal::{BlobStore, Journal};
use crate::proposal::{self, Verdicts};

/// A review in progress.
pub(super) struct Desk {
    pub(super) journal: Journal,
    pub(super) blobs: Arc<BlobStore>,
    pub(super) repository: Repository,
    /// The folder that names in the source are relative to.
    folder: PathBuf,
    pub(super) state: PathBuf,
    pub(super) from: String,
    pub(super) held: Held,
    pub(super) proposal: Proposal,
    pub(super) verdicts: Verdicts,
    pub(super) done: Vec<Done>,
    pub(super) undone: Vec<Done>,
    committed: bool,
    out: mpsc::Sender<Update>,
}

/// Starts a review, or goes on with the last one of the same source.
pub(crate) fn open(
    around: &Surroundings,
    repository: Repository,
    from: &str,
    found: Found,
) -> Result<(Handle, Updates), Failure> {
    start(around, repository, from, found, true)
}

/// Goes on with the last review of a source as it was left, to take a step of it back.
pub(super) fn resume(
    around: &Surroundings,
    repository: Repository,
    from: &str,
    found: Found,
) -> Result<(Handle, Updates), Failure> {
    start(around, repository, from, found, false)
}

/// `look` takes the change as it is now; without it the last proposal stays.
fn start(
    around: &Surroundings,
    repository: Repository,
    from: &str,
    found: Found,
    look: bool,
) -> Result<(Handle, Updates), Failure> {
    let failed = |error: crate::journal::JournalError| Failure::failed(error.to_string());
    let store = sessions::store(around);
    let earlier = store.newest(repository.root(), |summary| summary.review.as_deref() == Some(from) && !summary.open);
    let (session, journal, records) = match earlier {
        Some(summary) => {
            let (journal, records) = store.open(&summary.id).map_err(failed)?;
            (summary.id, journal, records)
        }
        None => {
            let session = store.new_id();
            (session.clone(), store.create(session).map_err(failed)?, Vec::new())
        }
    };
    let past = Past::of(&records);
    let blobs = Arc::new(store.blobs(&session));
    let id = next_id(past.proposal.as_ref(), &past.done);
    let proposal = match past.proposal.clone().filter(|_| !look) {
        Some(last) => last,
        None => {
            let fresh = freeze(id, from, &found, &blobs)?;
            past.of_hook(&fresh.hash).cloned().unwrap_or(fresh)
        }
    };
    let mut events = Vec::new();
    if records.is_empty() {
        let state = repository.tree_state().map_err(|error| undo::git_failure(&error))?;
        events.push(Event::SessionOpened {
            session: session.clone(),
            parent: None,
            repository: repository.root().display().to_string(),
            branch: state.branch,
            head: state.head,
            isolation: Isolation::Copy,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            stack: None,
        });
        events.push(Event::ReviewOpened { source: from.to_owned() });
    }
    let same = |known: &Proposal| known.hash == proposal.hash && known.id == proposal.id;
    if !past.proposal.as_ref().is_some_and(same) {
        events.push(Event::Proposed { proposal: proposal.clone() });
        events.extend(found.notes.into_iter().map(|text| Event::Noted { level: NoteLevel::Warning, text }));
    }
    let (commands, inbox) = mpsc::channel(64);
    let (out, updates) = mpsc::channel(256);
    let desk = Desk {
        journal,
        blobs: Arc::clone(&blobs),
        repository,
        folder: around.folder.clone(),
        state: around.directories.state.clone(),
        from: from.to_owned(),
        held: found.held,
        proposal,
        verdicts: past.verdicts,
        done: past.done,
        undone: past.undone,
        committed: past.committed,
        out,
    };
    let mut desk = desk;
    let mut records = records;
    // Written here and not beside: whoever opened it reads the proposal from the journal next.
    for event in events {
        if matches!(event, Event::Proposed { .. }) && std::mem::take(&mut desk.committed) {
            desk.verdicts = Verdicts::default();
        }
        records.push(desk.journal.append(event).map_err(failed)?);
    }
    tokio::spawn(serve(desk, records, inbox));
    Ok((Handle { session, blobs, commands }, updates))
}

/// A proposal some of which is committed is not proposed again; what is left of it has the next name.
fn next_id(last: Option<&Proposal>, done: &[Done]) -> ProposalId {
    match last {
        None => ProposalId::from("p1"),
        Some(last) if done.is_empty() => last.id.clone(),
        Some(_) => ProposalId::new(format!("p{}", done.len() + 1)),
    }
}

fn freeze(id: ProposalId, from: &str, found: &Found, blobs: &BlobStore) -> Result<Proposal, Failure> {
    let title = format!("Review of {from}");
    let mut proposal = proposal::freeze(id, &title, &found.message, found.changes.clone(), blobs)
        .map_err(|error| Failure::failed(error.to_string()))?;
    if found.message.is_empty() {
        // The user writes it; words about a review are no commit message.
        proposal.message = String::new();
    }
    Ok(proposal)
}

async fn serve(mut desk: Desk, past: Vec<Record>, mut inbox: mpsc::Receiver<Command>) {
    for record in past {
        if desk.out.send(Update::Record(record)).await.is_err() {
            return;
        }
    }
    while let Some(command) = inbox.recv().await {
        if !desk.obey(command).await {
            return;
        }
    }
}

impl Desk {
    /// Does what a command asks; `false` ends the review.
    async fn obey(&mut self, command: Command) -> bool {
        match command {
            Command::Close => false,
            Command::Decide { proposal, verdicts } if proposal == self.proposal.id => self.decide(verdicts).await,
            Command::Commit { message, way, .. } => self.commit(message, way).await,
            Command::Finish { how, .. } => self.finish(how).await,
            Command::Undo => self.back(None).await,
            Command::Redo => self.forward(None).await,
            Command::TakeBack { commit } => self.back(Some(&commit)).await,
            Command::BringBack { commit } => self.forward(Some(&commit)).await,
            Command::Interrupt => true,
            _ => {
                self.note(NoteLevel::Warning, "this is a review without an agent; `tenon` opens a session with one")
                    .await
            }
        }
    }

    async fn decide(&mut self, verdicts: Vec<HunkVerdict>) -> bool {
        self.verdicts.fold(&verdicts);
        self.tell(Event::Decided { proposal: self.proposal.id.clone(), verdicts }).await
    }

    async fn commit(&mut self, message: Option<String>, way: CommitWay) -> bool {
        let message = message.unwrap_or_else(|| self.proposal.message.clone());
        let work = match self.prepare_commit(message, way) {
            Ok(work) => work,
            Err(text) => return self.note(NoteLevel::Error, &text).await,
        };
        let (done, amends) = match blocking(work).await {
            Ok(done) => done,
            Err(GitError::HookChanged { name, output, files }) if self.held == Held::Elsewhere => {
                return self.hooked((&name, &output), files).await;
            }
            Err(error) => return self.note(NoteLevel::Error, &error.to_string()).await,
        };
        self.done.push(Done::Commit { oid: done.oid.clone(), amends: amends.clone() });
        self.undone.clear();
        self.committed = true;
        for note in &done.notes {
            self.note(NoteLevel::Info, note).await;
        }
        let proposal = self.proposal.id.clone();
        let (oid, message, branch) = (done.oid, done.message, done.branch);
        self.tell(Event::Applied { proposal: proposal.clone(), paths: done.paths }).await
            && self.tell(Event::Committed { proposal, oid, message, branch, amends }).await
            && self.look_again().await
    }

    /// A hook made something else of what was accepted: its version is what is proposed now.
    async fn hooked(&mut self, (name, output): (&str, &str), files: Vec<(RepoPath, Option<FileState>)>) -> bool {
        let paths: Vec<RepoPath> = files.iter().map(|(path, _)| path.clone()).collect();
        let words = list(&paths);
        let proposal = match self.with_versions(files) {
            Ok(proposal) => proposal,
            Err(why) => {
                let text = format!("the {name} hook changed {words}, which cannot be shown: {why}");
                return self.note(NoteLevel::Error, &text).await;
            }
        };
        let changed = Event::HookChanged { proposal: self.proposal.id.clone(), hook: name.to_owned(), paths };
        self.proposal = proposal.clone();
        let text = format!(
            "nothing was committed: the {name} hook changed {words}; its version is what this review shows now\n{}",
            output.trim_end()
        );
        self.tell(changed).await
            && self.tell(Event::Proposed { proposal }).await
            && self.note(NoteLevel::Error, text.trim_end()).await
    }

    async fn back(&mut self, named: Option<&str>) -> bool {
        let Some(place) = find(&self.done, named) else {
            return self.note(NoteLevel::Error, "this review has done nothing that could be taken back").await;
        };
        let last = self.done[place].clone();
        let repository = self.repository.clone();
        let event = match last {
            Done::Commit { oid, amends } => {
                let name = oid.clone();
                match blocking(move || repository.undo_to(&name, amends.as_deref())).await {
                    Ok(moved) => Event::Undone { oid, head: moved.head, redo: false },
                    Err(error) => return self.note(NoteLevel::Error, &error.to_string()).await,
                }
            }
            Done::Revert(changes) => match self.put(&changes, true) {
                Ok(()) => Event::Reverted { proposal: self.proposal.id.clone(), changes, undone: true },
                Err(text) => return self.note(NoteLevel::Error, &text).await,
            },
        };
        self.undone.push(self.done.remove(place));
        self.committed = false;
        self.tell(event).await && self.look_again().await
    }

    async fn forward(&mut self, named: Option<&str>) -> bool {
        let Some(place) = find(&self.undone, named) else {
            return self.note(NoteLevel::Error, "there is nothing to bring forward again").await;
        };
        let last = self.undone[place].clone();
        let repository = self.repository.clone();
        let event = match last {
            Done::Commit { oid, amends } => {
                let name = oid.clone();
                match blocking(move || repository.redo_onto(&name, amends.as_deref())).await {
                    Ok(moved) => Event::Undone { oid, head: moved.head, redo: true },
                    Err(error) => return self.note(NoteLevel::Error, &error.to_string()).await,
                }
            }
            Done::Revert(changes) => match self.put(&changes, false) {
                Ok(()) => Event::Reverted { proposal: self.proposal.id.clone(), changes, undone: false },
                Err(text) => return self.note(NoteLevel::Error, &text).await,
            },
        };
        let head = if let Event::Undone { head, .. } = &event { head.clone() } else { None };
        let again = self.undone.remove(place).at(head.as_deref());
        self.done.push(again);
        self.committed = matches!(event, Event::Undone { .. });
        self.tell(event).await && self.look_again().await
    }

    /// What is left of the user's own changes is proposed again.
    pub(super) async fn look_again(&mut self) -> bool {
        if !matches!(self.held, Held::Tree | Held::Index) {
            return true;
        }
        let Ok(found) = source::find(&self.repository, &self.folder, &self.from) else { return true };
        let id = next_id(Some(&self.proposal), &self.done);
        let Ok(proposal) = freeze(id, &self.from, &found, &self.blobs) else { return true };
        if proposal.changes.is_empty() || proposal.hash == self.proposal.hash {
            return true;
        }
        if std::mem::take(&mut self.committed) {
            self.verdicts = Verdicts::default();
        }
        self.proposal = proposal.clone();
        self.tell(Event::Proposed { proposal }).await
    }

    pub(super) async fn note(&mut self, level: NoteLevel, text: &str) -> bool {
        self.tell(Event::Noted { level, text: text.to_owned() }).await
    }

    /// Writes an event and then shows it; `false` when it could not be written or nobody is there to see it.
    pub(super) async fn tell(&mut self, event: Event) -> bool {
        match self.journal.append(event) {
            Ok(record) => self.out.send(Update::Record(record)).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Files become what they were before a revert, or what it made of them.
    fn put(&self, changes: &[FileChange], back: bool) -> Result<(), String> {
        let mut files = Vec::new();
        for change in changes {
            let state = |hash: &Option<_>, mode| {
                let hash: &Option<crate::domain::ContentHash> = hash;
                hash.as_ref().map(|hash| Ok(FileState { bytes: self.blobs.get(hash)?, mode })).transpose()
            };
            let both =
                state(&change.base, change.old_mode).and_then(|base| Ok((base, state(&change.result, change.mode)?)));
            let (base, result) = both.map_err(|error: crate::journal::BlobError| error.to_string())?;
            let (base, result) = if back { (result, base) } else { (base, result) };
            files.push(Change { path: change.path.clone(), base, result });
        }
        self.write(&files).map_err(|error| error.to_string())
    }

    /// Writes to where the reviewed bytes are: the working folder, or the index.
    pub(super) fn write(&self, files: &[Change]) -> Result<(), GitError> {
        match self.held {
            Held::Index => self.repository.stage(files).map(drop),
            _ => self.repository.apply(files).map(drop),
        }
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, GitError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(GitError::Git(error.to_string())))
}
