//! `tenon review`: any change, hunk by hunk, with or without a screen.

mod acts;
pub(crate) mod desk;
mod list;
mod mail;
mod orders;
mod past;
mod patches;
mod session;
pub(crate) mod source;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, pair, sessions, undo};
use crate::domain::{Command, CommitWay, Event, Finish, HunkVerdict, Proposal, ProposalId, Record, SessionId, Verdict};
use crate::engine::session::Session;
use crate::git::Repository;
use crate::journal::{BlobStore, Store};
use crate::proposal::{self, Verdicts};
use crate::text;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// What to review: worktree, staged, a revision, a range A..B, a branch, a patch or mailbox file (- is standard
    /// input), or a session
    #[arg(long, default_value = "worktree", value_name = "SOURCE")]
    from: String,
    /// List the hunks with their ids
    #[arg(long)]
    list: bool,
    /// List the lines of the hunks too, with the numbers that ID:FROM-TO and comments use
    #[arg(long, requires = "list")]
    lines: bool,
    /// Accept these: hunk ids, lines of a hunk (ID:3-7) and paths, separated by commas, or `all`. Without another flag
    /// accepted hunks of the working tree are staged
    #[arg(long, value_name = "ID,PATH,…", value_delimiter = ',')]
    accept: Vec<String>,
    /// Reject these, named in the same way
    #[arg(long, value_name = "ID,PATH,…", value_delimiter = ',')]
    reject: Vec<String>,
    /// Comment on a hunk (ID=text), on a changed line of it (ID:LINE=text) or on a line of a file (PATH:LINE=text)
    #[arg(long, value_name = "PLACE=TEXT")]
    comment: Vec<String>,
    /// Stage what is accepted
    #[arg(long)]
    stage: bool,
    /// Take what is rejected out of the working tree; `tenon undo` brings it back
    #[arg(long)]
    revert: bool,
    /// Write the review (rejected hunks and comments) to this file in markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<String>,
    /// Commit what is accepted
    #[arg(long)]
    commit: bool,
    /// The commit message
    #[arg(long, short, requires = "commit")]
    message: Option<String>,
    /// Commit into the last commit of the session; without -m that keeps its message
    #[arg(long, requires = "commit", conflicts_with = "branch")]
    amend: bool,
    /// Commit as a fixup of the last commit of the session, for `git rebase --autosquash`
    #[arg(long, requires = "commit", conflicts_with_all = ["branch", "amend", "message"])]
    fixup: bool,
    /// Commit on a new branch of this name
    #[arg(long, requires = "commit", value_name = "NAME")]
    branch: Option<String>,
    /// Commit although a gate failed or did not run; the commit says so in a trailer
    #[arg(long, requires = "commit")]
    despite_gates: bool,
}

impl Arguments {
    fn acts(&self) -> bool {
        let named = [&self.accept, &self.reject, &self.comment].iter().any(|names| !names.is_empty());
        named || self.stage || self.revert || self.commit || self.markdown.is_some()
    }

    fn way(&self) -> Option<CommitWay> {
        self.commit.then(|| match (&self.branch, self.amend) {
            (Some(name), _) => CommitWay::Branch(name.clone()),
            (None, true) => CommitWay::Amend,
            (None, false) => CommitWay::New,
        })
    }

    /// What is done besides a commit. Accepting alone stages; where there is nothing to stage it only says so.
    fn finish(&self, held: source::Held) -> Vec<Finish> {
        let alone = !self.commit && !self.revert && self.markdown.is_none() && !self.accept.is_empty();
        let stageable = matches!(held, source::Held::Tree | source::Held::Elsewhere);
        let mut finish = Vec::new();
        if self.stage || (alone && stageable) {
            finish.push(Finish::Stage);
        }
        if self.revert {
            finish.push(Finish::Revert);
        }
        finish.extend(self.markdown.clone().map(|path| Finish::Markdown(Some(path))));
        finish
    }
}

/// A proposal with what was decided on it.
pub(crate) struct Subject {
    pub(crate) proposal: Proposal,
    pub(crate) verdicts: Verdicts,
    blobs: BlobStore,
    /// Holds the blobs of a change that no session keeps.
    _folder: Option<tempfile::TempDir>,
}

pub(crate) async fn review(around: &Surroundings, common: &Common, arguments: Arguments) -> Done {
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    if !arguments.acts() && !arguments.list {
        return pair::review(around, common, &repository, &arguments.from).await;
    }
    if let Some((session, subject)) = of_session(around, common, &arguments.from)? {
        if arguments.list {
            return list::list(&subject, common, arguments.lines);
        }
        return on_session(around, common, &repository, (session, subject), arguments).await;
    }
    let found = source::find(&repository, &around.folder, &arguments.from)?;
    for note in &found.notes {
        eprintln!("tenon: {}", text::sanitize_line(note));
    }
    if arguments.list {
        return list::list(&of_change(around, &repository, &arguments.from, found)?, common, arguments.lines);
    }
    if found.changes.is_empty() {
        return Err(Failure::usage("nothing is different, so there is nothing to review"));
    }
    let of_its_own = arguments.amend || arguments.fixup;
    if arguments.commit && !of_its_own && arguments.message.is_none() && found.message.trim().is_empty() {
        return Err(Failure::usage("nothing was committed: this change comes with no message")
            .hint("-m 'area: what changed and why' gives it one"));
    }
    let held = found.held;
    let (handle, updates) = desk::open(around, repository.clone(), &arguments.from, found)?;
    let store = sessions::store(around);
    let subject = read(&store, &handle.session)?;
    let mut verdicts = only_named(&subject, &arguments);
    verdicts.extend(orders::verdicts(&subject.proposal, &subject.blobs, &subject.verdicts, &arguments)?);
    let order = session::Order {
        proposal: subject.proposal.id.clone(),
        verdicts,
        commit: arguments.way(),
        message: message(&store, &repository, &handle.session, &arguments)?,
        despite: arguments.despite_gates,
        finish: arguments.finish(held),
    };
    session::settle_desk(handle, updates, order, common.json).await
}

async fn on_session(
    around: &Surroundings,
    common: &Common,
    repository: &Repository,
    (session, subject): (SessionId, Subject),
    arguments: Arguments,
) -> Done {
    if arguments.stage || arguments.revert {
        return Err(Failure::usage(
            "a session's proposal is in no file yet, so it can neither be staged nor taken out",
        )
        .hint("--commit commits what is accepted"));
    }
    let verdicts = orders::verdicts(&subject.proposal, &subject.blobs, &subject.verdicts, &arguments)?;
    if let Some(path) = &arguments.markdown {
        let mut all = subject.verdicts.clone();
        all.fold(&verdicts);
        let text = proposal::review_markdown(&subject.proposal, &all, &subject.blobs, None)
            .map_err(|error| Failure::failed(error.to_string()))?;
        std::fs::write(around.folder.join(path), text).map_err(|error| Failure::failed(format!("{path}: {error}")))?;
    }
    let order = session::Order {
        proposal: subject.proposal.id.clone(),
        verdicts,
        commit: arguments.way(),
        message: message(&sessions::store(around), repository, &session, &arguments)?,
        despite: arguments.despite_gates,
        finish: Vec::new(),
    };
    session::settle(around, common, session, order).await
}

/// The message asked for: as given, that of the commit that is amended, or one that makes a fixup of it.
fn message(
    store: &Store,
    repository: &Repository,
    session: &SessionId,
    arguments: &Arguments,
) -> Result<Option<String>, Failure> {
    if arguments.message.is_some() || !(arguments.amend || arguments.fixup) {
        return Ok(arguments.message.clone());
    }
    let reading = store.read(session).map_err(|error| Failure::usage(error.to_string()))?;
    let known = Session::of(&reading.records);
    let last = known.last_commit().ok_or_else(|| {
        Failure::usage("nothing was committed: this session has no commit to amend")
            .hint("leave --amend and --fixup out for a new commit")
    })?;
    let whole = repository.message(&last.oid).map_err(|error| undo::git_failure(&error))?;
    let subject = whole.lines().next().unwrap_or_default().trim_start_matches("fixup! ");
    Ok(Some(if arguments.fixup { format!("fixup! {subject}") } else { whole.clone() }))
}

/// A script that names what is to be committed or taken out means just that, whatever was decided in a review before.
fn only_named(subject: &Subject, arguments: &Arguments) -> Vec<HunkVerdict> {
    let reset = |verdict: Verdict| match verdict {
        Verdict::Accept | Verdict::Edit => !arguments.accept.is_empty(),
        Verdict::Reject => !arguments.reject.is_empty() && arguments.revert,
        Verdict::Open => false,
    };
    let parts = subject.verdicts.all_parts(&subject.proposal).into_iter();
    parts.filter(|part| reset(part.verdict)).map(|part| HunkVerdict::new(part.id, Verdict::Open)).collect()
}

/// Whether a review did something that can be taken back, or brought forward again.
pub(crate) fn has_step(records: &[Record], redo: bool) -> bool {
    past::Past::of(records).has_step(redo)
}

/// Takes a step of a review back, or brings one forward again.
pub(crate) async fn undo(around: &Surroundings, common: &Common, source: &str, order: Command) -> Done {
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    let held = held(&repository, &around.folder, source);
    let found = source::Found { held, changes: Vec::new(), message: String::new(), notes: Vec::new() };
    let (handle, updates) = desk::resume(around, repository, source, found)?;
    session::carry_out(handle, updates, vec![order], common.json).await
}

fn held(repository: &Repository, folder: &std::path::Path, from: &str) -> source::Held {
    match from {
        "worktree" => source::Held::Tree,
        "staged" => source::Held::Index,
        _ => source::find(repository, folder, from).map_or(source::Held::Elsewhere, |found| found.held),
    }
}

/// A change that no session keeps, with what an earlier review of it decided.
fn of_change(
    around: &Surroundings,
    repository: &Repository,
    from: &str,
    found: source::Found,
) -> Result<Subject, Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::failed(format!("the temporary folder: {error}")))?;
    let blobs = BlobStore::new(folder.path());
    let title = format!("Review of {from}");
    let proposal = proposal::freeze(ProposalId::from("p1"), &title, &found.message, found.changes, &blobs)
        .map_err(|error| Failure::failed(error.to_string()))?;
    let store = sessions::store(around);
    let earlier = store.newest(repository.root(), |summary| summary.review.as_deref() == Some(from));
    let past = earlier.as_ref().and_then(|summary| store.read(&summary.id).ok());
    let past = past.map(|reading| past::Past::of(&reading.records)).unwrap_or_default();
    if let (Some(shown), Some(summary)) = (past.of_hook(&proposal.hash), &earlier) {
        let blobs = store.blobs(&summary.id);
        return Ok(Subject { proposal: shown.clone(), verdicts: past.verdicts, blobs, _folder: None });
    }
    Ok(Subject { proposal, verdicts: past.verdicts, blobs, _folder: Some(folder) })
}

/// The last proposal of a session, when `from` names a session.
fn of_session(around: &Surroundings, common: &Common, from: &str) -> Result<Option<(SessionId, Subject)>, Failure> {
    let store = sessions::store(around);
    let named = if from == "worktree" { common.session.as_deref() } else { Some(from) };
    let Some(session) = named.and_then(|name| store.find(name).ok()) else { return Ok(None) };
    let subject = read(&store, &session)?;
    Ok(Some((session, subject)))
}

/// The last proposal of a session with what was decided on it.
fn read(store: &Store, session: &SessionId) -> Result<Subject, Failure> {
    let reading = store.read(session).map_err(|error| Failure::usage(error.to_string()))?;
    let mut verdicts = Verdicts::default();
    let mut last = None;
    let mut committed = false;
    for record in reading.records {
        match record.event {
            Event::Proposed { proposal } => {
                // What is left after a commit starts without verdicts.
                if std::mem::take(&mut committed) {
                    verdicts = Verdicts::default();
                }
                last = Some(proposal);
            }
            Event::Committed { .. } => committed = true,
            Event::Undone { redo, .. } => committed = redo,
            Event::Decided { verdicts: given, .. } => verdicts.fold(&given),
            Event::Reviewed { .. } => verdicts.reviewed(),
            _ => {}
        }
    }
    let proposal = last.ok_or_else(|| Failure::usage(format!("session {session} has no proposal yet")))?;
    Ok(Subject { proposal, verdicts, blobs: store.blobs(session), _folder: None })
}

/// The session that `from` names, if any.
pub(crate) fn session_named(around: &Surroundings, from: &str) -> Option<SessionId> {
    if from == "worktree" { None } else { sessions::store(around).find(from).ok() }
}
