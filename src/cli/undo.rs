//! `tenon undo` and `tenon redo`: the last approved commit back or forward, without a screen.

use jiff::Timestamp;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, block_on, run, sessions};
use crate::domain::{Command, Event, NoteLevel, Update};
use crate::engine;
use crate::git::{GitError, Repository};
use crate::headless::{Output, Style};

pub(crate) fn undo(around: &Surroundings, common: &Common, redo: bool) -> Done {
    let mut opening = around.opening(common);
    if opening.session.is_none() {
        Repository::open(&around.folder).map_err(|error| git_failure(&error))?;
        opening.session = Some(sessions::last_with_commit(around, redo).ok_or_else(|| nothing(redo))?);
    }
    let style = if common.json { Style::Json } else { Style::Text };
    block_on(async move {
        let since: Timestamp = run::now();
        let (handle, mut updates) = engine::open(opening).await.map_err(run::engine_failure)?;
        let order = if redo { Command::Redo } else { Command::Undo };
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

/// A git error as a person reads it.
pub(crate) fn git_failure(error: &GitError) -> Failure {
    Failure::usage(error.to_string())
}
