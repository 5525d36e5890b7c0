//! `tenon undo` and `tenon redo`: the last approved commit back or forward, without a screen.

use jiff::Timestamp;
use serde::Serialize;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, block_on, print, review, run, sessions};
use crate::domain::{Command, Event, NoteLevel, SessionId, Update};
use crate::engine;
use crate::git::{GitError, Repository};
use crate::headless::{Output, Style};
use crate::text;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The commit; the last one when not named
    commit: Option<String>,
    /// List the commits of the session, the last one first
    #[arg(long, conflicts_with = "commit")]
    list: bool,
}

pub(crate) fn undo(around: &Surroundings, common: &Common, arguments: &Arguments, redo: bool) -> Done {
    if common.session.is_none()
        && arguments.commit.is_none()
        && !arguments.list
        && let Some(source) = review::last_source(around, redo)
    {
        return block_on(review::undo(around, common, &source, redo));
    }
    let mut opening = around.opening(common);
    if opening.session.is_none() {
        Repository::open(&around.folder).map_err(|error| git_failure(&error))?;
        opening.session = Some(sessions::last_with_commit(around, redo).ok_or_else(|| nothing(redo))?);
    }
    if arguments.list {
        return list(around, common, opening.session.as_ref());
    }
    let order = match (arguments.commit.clone(), redo) {
        (Some(commit), false) => Command::TakeBack { commit },
        (Some(commit), true) => Command::BringBack { commit },
        (None, false) => Command::Undo,
        (None, true) => Command::Redo,
    };
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

fn nothing(redo: bool) -> Failure {
    let what = if redo { "bring forward again" } else { "take back" };
    Failure::usage(format!("no session of this repository has a commit to {what}"))
        .hint("`git log` shows what is there; `git revert` takes any commit back")
}

#[derive(Serialize)]
struct Commit {
    oid: String,
    subject: String,
    proposal: String,
    state: &'static str,
}

/// The commits of a session with what became of them.
fn list(around: &Surroundings, common: &Common, session: Option<&SessionId>) -> Done {
    let store = sessions::store(around);
    let usage = |error: crate::journal::JournalError| Failure::usage(error.to_string());
    let session = session.ok_or_else(|| Failure::usage("there is no session"))?;
    let reading = store.find(session.as_str()).and_then(|id| store.read(&id)).map_err(usage)?;
    let known = engine::session::Session::of(&reading.records);
    let state = |receipt: &engine::session::Receipt| match (receipt.undone, known.stands(receipt)) {
        (true, _) => "taken back",
        (false, true) => "",
        (false, false) => "amended",
    };
    let made = known.commits.iter().rev().filter(|receipt| !receipt.oid.is_empty());
    let commits: Vec<Commit> = made
        .map(|receipt| Commit {
            oid: receipt.oid.clone(),
            subject: receipt.subject.clone(),
            proposal: receipt.proposal.to_string(),
            state: state(receipt),
        })
        .collect();
    if common.json {
        return print::json(&commits);
    }
    if commits.is_empty() {
        return print::text("this session has made no commit");
    }
    let line = |commit: &Commit| {
        let state = if commit.state.is_empty() { String::new() } else { format!("  ({})", commit.state) };
        format!("{}  {}{state}\n", commit.oid.get(..10).unwrap_or(&commit.oid), text::sanitize_line(&commit.subject))
    };
    print::text(&commits.iter().map(line).collect::<String>())
}

/// A git error as a person reads it.
pub(crate) fn git_failure(error: &GitError) -> Failure {
    Failure::usage(error.to_string())
}
