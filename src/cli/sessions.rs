//! `tenon sessions` and `tenon replay`.

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, print};
use crate::domain::{Event, SessionId};
use crate::git::Repository;
use crate::headless::record_text;
use crate::journal::{SessionSummary, Store};
use crate::text;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Sessions of every repository, not of this one only
    #[arg(long)]
    all: bool,
}

pub(crate) fn list(around: &Surroundings, common: &Common, arguments: &Arguments) -> Done {
    let here = if arguments.all { None } else { root(around) };
    let found = summaries(around, here.as_deref());
    if common.json {
        return print::json(&found);
    }
    if found.is_empty() {
        return print::text("no sessions yet: `tenon` opens one");
    }
    let mut lines = String::new();
    for session in found {
        let first = text::sanitize_line(session.title.as_deref().unwrap_or("(nothing said)")).into_owned();
        lines.push_str(&format!("{}  {:>5} events  {}\n", session.id, session.records, text::truncate(&first, 90)));
    }
    print::text(&lines)
}

pub(crate) fn replay(around: &Surroundings, common: &Common, id: Option<String>) -> Done {
    let id = match id.or_else(|| common.session.clone()) {
        Some(id) => SessionId::from(id),
        None => last(around).ok_or_else(|| Failure::usage("there is no session of this repository yet"))?,
    };
    let store = store(around);
    let named = |error: crate::journal::JournalError| {
        Failure::usage(error.to_string()).hint("`tenon sessions --all` lists them")
    };
    let id = store.find(id.as_str()).map_err(named)?;
    let reading = store.read(&id).map_err(named)?;
    let mut lines = String::new();
    for record in &reading.records {
        if common.json {
            if let Ok(line) = serde_json::to_string(record) {
                lines.push_str(&text::escape_json(&line));
                lines.push('\n');
            }
        } else if let Some(line) = record_text(record) {
            lines.push_str(&line);
            lines.push('\n');
        }
    }
    print::bytes(lines.as_bytes())?;
    match reading.damage {
        Some(damage) => Err(Failure::failed(damage.to_string())),
        None => Ok(Outcome::Done),
    }
}

/// The last session of this repository.
pub(crate) fn last(around: &Surroundings) -> Option<SessionId> {
    last_that(around, |_| true)
}

/// The last session of this repository that somebody can go on talking in: no review, and no task of another session.
pub(crate) fn last_talk(around: &Surroundings) -> Option<SessionId> {
    last_that(around, |session| session.agent.is_some() && session.parent.is_none())
}

/// The last session of this repository with a commit that can be taken back, or brought forward again.
pub(crate) fn last_with_commit(around: &Surroundings, undone: bool) -> Option<SessionId> {
    let store = store(around);
    let holds = |session: &SessionSummary| {
        let records = store.read(&session.id).map(|reading| reading.records).unwrap_or_default();
        let mut commits = std::collections::BTreeMap::new();
        for record in records {
            match record.event {
                Event::Committed { oid, .. } => drop(commits.insert(oid, false)),
                Event::Undone { oid, redo: true, head } => {
                    commits.remove(&oid);
                    commits.insert(head.unwrap_or(oid), false);
                }
                Event::Undone { oid, redo: false, .. } => drop(commits.insert(oid, true)),
                _ => {}
            }
        }
        commits.values().any(|known| *known == undone)
    };
    last_that(around, holds)
}

fn last_that(around: &Surroundings, fits: impl Fn(&SessionSummary) -> bool) -> Option<SessionId> {
    store(around).latest(Repository::open(&around.folder).ok()?.root(), fits)
}

/// Where the sessions are kept.
pub(crate) fn store(around: &Surroundings) -> Store {
    Store::new(around.directories.state.clone())
}

fn root(around: &Surroundings) -> Option<String> {
    Repository::open(&around.folder).ok().map(|repository| repository.root().display().to_string())
}

fn summaries(around: &Surroundings, repository: Option<&str>) -> Vec<SessionSummary> {
    let mut found = store(around).list();
    found.retain(|session| repository.is_none_or(|here| session.repository == here));
    found
}
