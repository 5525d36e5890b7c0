//! `tenon undo` and `tenon redo`: the last approved commit back or forward, without a screen.

use jiff::Timestamp;
use serde::Serialize;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, block_on, print, review, run, sessions};
use crate::domain::{Command, Event, NoteLevel, Record, SessionId, Update};
use crate::engine;
use crate::git::{GitError, Repository};
use crate::headless::{Output, Style};
use crate::journal::SessionSummary;
use crate::text;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The commit; the last one when not named
    commit: Option<String>,
    /// List the commits of all sessions here, or of the one named, the last one first
    #[arg(long, conflicts_with = "commit")]
    list: bool,
}

pub(crate) fn undo(around: &Surroundings, common: &Common, arguments: &Arguments, redo: bool) -> Done {
    if arguments.list {
        return list(around, common);
    }
    let summary = target(around, common, arguments, redo)?;
    let order = match (arguments.commit.clone(), redo) {
        (Some(commit), false) => Command::TakeBack { commit },
        (Some(commit), true) => Command::BringBack { commit },
        (None, false) => Command::Undo,
        (None, true) => Command::Redo,
    };
    if let Some(source) = &summary.review {
        return block_on(review::undo(around, common, source, order));
    }
    let mut opening = around.opening(common);
    opening.session = Some(summary.id);
    let style = if common.json { Style::Json } else { Style::Text };
    block_on(async move {
        let since: Timestamp = run::now();
        let (handle, mut updates) = engine::open(opening).await.map_err(run::engine_failure)?;
        let _ = handle.commands.send(order).await;
        let _ = handle.commands.send(Command::Close).await;
        let mut output = Output::new(style);
        let mut outcome = Outcome::Failed;
        while let Some(update) = updates.recv().await {
            let Update::Record(record) = update else { continue };
            if record.at < since {
                continue;
            }
            output.record(&record);
            match record.event {
                Event::Undone { .. } => outcome = Outcome::Done,
                Event::Noted { level: NoteLevel::Error, .. } => outcome = Outcome::Failed,
                _ => {}
            }
        }
        Ok(outcome)
    })
}

/// The session or review that is meant: the one named, the one that made the commit, or the one with the last step.
fn target(
    around: &Surroundings,
    common: &Common,
    arguments: &Arguments,
    redo: bool,
) -> Result<SessionSummary, Failure> {
    Repository::open(&around.folder).map_err(|error| git_failure(&error))?;
    if let Some(name) = &common.session {
        let usage = |error: crate::journal::JournalError| Failure::usage(error.to_string());
        let store = sessions::store(around);
        let id = store.find(name).map_err(usage)?;
        let known = store.list().into_iter().find(|session| session.id == id);
        return known.ok_or_else(|| Failure::usage(format!("there is no session {id}")));
    }
    if let Some(commit) = &arguments.commit {
        let made = sessions::last_step(around, |_, records| sessions::made(records, commit));
        return made.ok_or_else(|| {
            Failure::usage(format!("no session of this repository made a commit `{}`", text::sanitize_line(commit)))
                .hint("`tenon undo --list` lists the last ones; `git revert` takes any commit back")
        });
    }
    let fits = |session: &SessionSummary, records: &[Record]| {
        if session.review.is_some() { review::has_step(records, redo) } else { sessions::has_commit(records, redo) }
    };
    sessions::last_step(around, fits).ok_or_else(|| nothing(redo))
}

fn nothing(redo: bool) -> Failure {
    let what = if redo { "bring forward again" } else { "take back" };
    Failure::usage(format!("no session of this repository has a commit to {what}"))
        .hint("`git log` shows what is there; `git revert` takes any commit back")
}

/// The most commits that are listed.
const LISTED: usize = 50;

#[derive(Serialize)]
struct Commit {
    oid: String,
    subject: String,
    proposal: String,
    state: &'static str,
    session: String,
    at: Timestamp,
}

/// The commits of the sessions here with what became of them.
fn list(around: &Surroundings, common: &Common) -> Done {
    Repository::open(&around.folder).map_err(|error| git_failure(&error))?;
    let store = sessions::store(around);
    let usage = |error: crate::journal::JournalError| Failure::usage(error.to_string());
    let named = common.session.as_deref().map(|name| store.find(name)).transpose().map_err(usage)?;
    let mut commits = Vec::new();
    for session in sessions::of_repository(around) {
        if named.as_ref().is_some_and(|named| *named != session.id) {
            continue;
        }
        // The newest session comes first, and none of the others can have a later commit than its last record.
        let full = commits.get(LISTED - 1).map(|commit: &Commit| commit.at);
        if full.is_some_and(|at| session.last.is_some_and(|last| last < at)) {
            break;
        }
        commits.extend(commits_of(&store.read(&session.id).map_err(usage)?.records, &session.id));
        commits.sort_by_key(|commit| std::cmp::Reverse(commit.at));
        commits.truncate(LISTED);
    }
    if common.json {
        return print::json(&commits);
    }
    if commits.is_empty() && named.is_some() {
        return print::text("this session has made no commit");
    }
    if commits.is_empty() {
        return Err(nothing(false));
    }
    print::text(&in_words(&commits))
}

fn commits_of(records: &[Record], session: &SessionId) -> Vec<Commit> {
    let known = engine::session::Session::of(records);
    let state = |receipt: &engine::session::Receipt| match (receipt.undone, known.stands(receipt)) {
        (true, _) => "taken back",
        (false, true) => "",
        (false, false) => "amended",
    };
    let when = |receipt: &engine::session::Receipt| records.iter().find(|record| record.seq == receipt.seq);
    let made = known.commits.iter().rev().filter(|receipt| !receipt.oid.is_empty());
    let commit = |receipt| {
        let at = when(receipt)?.at;
        Some(Commit {
            oid: receipt.oid.clone(),
            subject: receipt.subject.clone(),
            proposal: receipt.proposal.to_string(),
            state: state(receipt),
            session: session.to_string(),
            at,
        })
    };
    made.filter_map(commit).collect()
}

/// One line a commit; the session is named where it changes, when there is more than one.
fn in_words(commits: &[Commit]) -> String {
    let several = commits.iter().any(|commit| Some(&commit.session) != commits.first().map(|first| &first.session));
    let mut lines = String::new();
    let mut last = None;
    for commit in commits {
        if several && last != Some(&commit.session) {
            lines.push_str(&format!("session {}\n", commit.session));
            last = Some(&commit.session);
        }
        let state = if commit.state.is_empty() { String::new() } else { format!("  ({})", commit.state) };
        let oid = commit.oid.get(..10).unwrap_or(&commit.oid);
        let indent = if several { "  " } else { "" };
        lines.push_str(&format!("{indent}{oid}  {}{state}\n", text::sanitize_line(&commit.subject)));
    }
    lines
}

/// A git error as a person reads it.
pub(crate) fn git_failure(error: &GitError) -> Failure {
    Failure::usage(error.to_string())
}
