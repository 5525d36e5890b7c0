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
    /// List the commits of the session, the last one first
    #[arg(long, conflicts_with = "commit")]
    list: bool,
}

pub(crate) fn undo(around: &Surroundings, common: &Common, arguments: &Arguments, redo: bool) -> Done {
    let summary = target(around, common, arguments, redo)?;
    if arguments.list {
        return list(around, common, &summary.id);
    }
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
        if arguments.list {
            return sessions::made(records, "");
        }
        if session.review.is_some() { review::has_step(records, redo) } else { sessions::has_commit(records, redo) }
    };
    sessions::last_step(around, fits).ok_or_else(|| nothing(redo))
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
fn list(around: &Surroundings, common: &Common, session: &SessionId) -> Done {
    let store = sessions::store(around);
    let usage = |error: crate::journal::JournalError| Failure::usage(error.to_string());
    let reading = store.read(session).map_err(usage)?;
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
