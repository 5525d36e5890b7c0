//! A review of a change that no agent made: the user's own tree, a commit, a patch.
//!
//! Speaks the same commands and events as the engine, so the screen need not know the difference. It is journaled like
//! any session: verdicts and comments survive, and `tenon sessions` lists it.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::surroundings::Surroundings;
use super::{Failure, sessions};
use crate::domain::{
    Change, Command, Event, HunkVerdict, Isolation, NoteLevel, Proposal, ProposalId, RepoPath, Update,
};
use crate::engine::{Handle, Updates};
use crate::git::{Committed, GitError, Repository, Selection};
use crate::journal::{BlobStore, Journal};
use crate::proposal::{self, Verdicts};

struct Desk {
    journal: Journal,
    blobs: Arc<BlobStore>,
    repository: Repository,
    /// The change is in the working folder already: a commit must leave that alone.
    in_tree: bool,
    proposal: Proposal,
    verdicts: Verdicts,
    done: Vec<String>,
    undone: Vec<String>,
    out: mpsc::Sender<Update>,
}

/// Starts a review.
pub(crate) fn open(
    around: &Surroundings,
    repository: Repository,
    from: &str,
    changes: Vec<Change>,
    in_tree: bool,
) -> Result<(Handle, Updates), Failure> {
    let store = sessions::store(around);
    let session = store.new_id();
    let journal = store.create(session.clone()).map_err(|error| Failure::failed(error.to_string()))?;
    let blobs = Arc::new(store.blobs(&session));
    let id = ProposalId::from("p1");
    let proposal = proposal::freeze(id, &format!("Review of {from}"), "", changes, &blobs)
        .map_err(|error| Failure::failed(error.to_string()))?;
    let state = repository.tree_state().map_err(|error| super::undo::git_failure(&error))?;
    let opened = Event::SessionOpened {
        session: session.clone(),
        parent: None,
        repository: repository.root().display().to_string(),
        branch: state.branch,
        head: state.head,
        isolation: Isolation::Copy,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let (commands, inbox) = mpsc::channel(64);
    let (out, updates) = mpsc::channel(256);
    let desk = Desk {
        journal,
        blobs: Arc::clone(&blobs),
        repository,
        in_tree,
        proposal,
        verdicts: Verdicts::default(),
        done: Vec::new(),
        undone: Vec::new(),
        out,
    };
    tokio::spawn(serve(desk, opened, inbox));
    Ok((Handle { session, blobs, commands }, updates))
}

async fn serve(mut desk: Desk, opened: Event, mut inbox: mpsc::Receiver<Command>) {
    let shown = Event::Proposed { proposal: desk.proposal.clone() };
    let mut going = desk.tell(opened).await && desk.tell(shown).await;
    while going {
        let Some(command) = inbox.recv().await else { return };
        going = desk.obey(command).await;
    }
}

impl Desk {
    /// Does what a command asks; `false` ends the review.
    async fn obey(&mut self, command: Command) -> bool {
        match command {
            Command::Close => false,
            Command::Decide { proposal, verdicts } if proposal == self.proposal.id => self.decide(verdicts).await,
            Command::Commit { message, .. } => self.commit(message).await,
            Command::Undo => self.back().await,
            Command::Redo => self.forward().await,
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

    async fn commit(&mut self, message: Option<String>) -> bool {
        let chosen = match proposal::select(&self.proposal, &self.verdicts, &self.blobs) {
            Ok(chosen) if chosen.files.is_empty() => {
                return self.note(NoteLevel::Error, "no hunk is accepted, so there is nothing to commit").await;
            }
            Ok(chosen) => chosen,
            Err(error) => return self.note(NoteLevel::Error, &error.to_string()).await,
        };
        let message = message.unwrap_or_else(|| self.proposal.message.clone());
        let selection = Selection { files: chosen.files, message };
        if let Err(error) = self.journal.sync() {
            return self.note(NoteLevel::Error, &error.to_string()).await;
        }
        let (repository, in_tree) = (self.repository.clone(), self.in_tree);
        let commit =
            move || if in_tree { repository.commit_from_tree(&selection) } else { repository.commit(&selection) };
        match blocking(commit).await {
            Ok(done) => self.committed(done).await,
            Err(error) => self.note(NoteLevel::Error, &error.to_string()).await,
        }
    }

    async fn committed(&mut self, done: Committed) -> bool {
        self.done.push(done.oid.clone());
        self.undone.clear();
        for note in &done.notes {
            self.note(NoteLevel::Info, note).await;
        }
        let proposal = self.proposal.id.clone();
        let paths: Vec<RepoPath> = done.paths;
        self.tell(Event::Applied { proposal: proposal.clone(), paths }).await
            && self.tell(Event::Committed { proposal, oid: done.oid, message: done.message, branch: done.branch }).await
    }

    async fn back(&mut self) -> bool {
        // A change that was in the tree before stays there: git/undo knows from the images of the commit.
        let Some(oid) = self.done.last().cloned() else {
            return self.note(NoteLevel::Error, "this review has made no commit to take back").await;
        };
        let (repository, name) = (self.repository.clone(), oid.clone());
        match blocking(move || repository.undo(&name)).await {
            Ok(moved) => {
                self.done.pop();
                self.undone.push(oid.clone());
                self.tell(Event::Undone { oid, head: moved.head, redo: false }).await
            }
            Err(error) => self.note(NoteLevel::Error, &error.to_string()).await,
        }
    }

    async fn forward(&mut self) -> bool {
        let Some(oid) = self.undone.last().cloned() else {
            return self.note(NoteLevel::Error, "there is no commit to bring forward again").await;
        };
        let (repository, name) = (self.repository.clone(), oid.clone());
        match blocking(move || repository.redo(&name)).await {
            Ok(moved) => {
                self.undone.pop();
                // What was brought forward on top of other commits has a new name.
                self.done.push(moved.head.clone().unwrap_or_else(|| oid.clone()));
                self.tell(Event::Undone { oid, head: moved.head, redo: true }).await
            }
            Err(error) => self.note(NoteLevel::Error, &error.to_string()).await,
        }
    }

    async fn note(&mut self, level: NoteLevel, text: &str) -> bool {
        self.tell(Event::Noted { level, text: text.to_owned() }).await
    }

    /// Writes an event and then shows it; `false` when it could not be written or nobody is there to see it.
    async fn tell(&mut self, event: Event) -> bool {
        match self.journal.append(event) {
            Ok(record) => self.out.send(Update::Record(record)).await.is_ok(),
            Err(_) => false,
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, GitError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(GitError::Git(error.to_string())))
}
