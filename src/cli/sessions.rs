//! `tenon sessions` and `tenon replay`.

use jiff::Timestamp;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, print};
use crate::domain::{Event, Record, SessionId};
use crate::git::Repository;
use crate::headless::record_text;
use crate::journal::{JournalError, SessionSummary, Store};
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
    let (store, id) = find_session(around, common, id)?;
    let reading = store.read(&id).map_err(|error| unreadable(&error))?;
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

/// The session that is meant: the one that is named by the beginning of its name, or the last of this repository.
pub(crate) fn find_session(
    around: &Surroundings,
    common: &Common,
    id: Option<String>,
) -> Result<(Store, SessionId), Failure> {
    let id = match id.or_else(|| common.session.clone()) {
        Some(id) => SessionId::from(id),
        None => last(around).ok_or_else(|| Failure::usage("there is no session of this repository yet"))?,
    };
    let store = store(around);
    let id = store.find(id.as_str()).map_err(|error| unreadable(&error))?;
    Ok((store, id))
}

/// A session that cannot be read.
pub(crate) fn unreadable(error: &JournalError) -> Failure {
    Failure::usage(error.to_string()).hint("`tenon sessions --all` lists them")
}

/// The last session of this repository.
pub(crate) fn last(around: &Surroundings) -> Option<SessionId> {
    last_that(around, |_| true)
}

/// The last session of this repository that somebody can go on talking in: no review, and no task of another session.
pub(crate) fn last_talk(around: &Surroundings) -> Option<SessionId> {
    last_that(around, |session| session.agent.is_some() && session.parent.is_none())
}

/// The session or review of this repository that fits and did the last step in git: a commit, a file put back, or
/// either of them taken back. A review goes on in its old session, so the ids do not tell.
pub(crate) fn last_step(
    around: &Surroundings,
    fits: impl Fn(&SessionSummary, &[Record]) -> bool,
) -> Option<SessionSummary> {
    let store = store(around);
    root(around)?;
    let mut best: Option<(Timestamp, SessionSummary)> = None;
    for session in of_repository(around) {
        let newest = best.as_ref().map(|(at, _)| *at);
        if newest.is_some() && session.last < newest {
            break;
        }
        let records = store.read(&session.id).map(|reading| reading.records).unwrap_or_default();
        let steps = records.iter().filter(|record| is_step(&record.event));
        let at = steps.map(|record| record.at).max();
        if let Some(at) = at.filter(|at| Some(*at) > newest && fits(&session, &records)) {
            best = Some((at, session));
        }
    }
    best.map(|(_, session)| session)
}

fn is_step(event: &Event) -> bool {
    matches!(event, Event::Committed { .. } | Event::Undone { .. } | Event::Reverted { .. })
}

/// Whether a session holds a commit that can be taken back, or brought forward again.
pub(crate) fn has_commit(records: &[Record], undone: bool) -> bool {
    let mut commits = std::collections::BTreeMap::new();
    for record in records {
        match &record.event {
            Event::Committed { oid, .. } => drop(commits.insert(oid, false)),
            Event::Undone { oid, redo: true, head } => {
                commits.remove(oid);
                commits.insert(head.as_ref().unwrap_or(oid), false);
            }
            Event::Undone { oid, redo: false, .. } => drop(commits.insert(oid, true)),
            _ => {}
        }
    }
    commits.values().any(|known| *known == undone)
}

/// Whether a session made the commit that is named by the beginning of its id.
pub(crate) fn made(records: &[Record], commit: &str) -> bool {
    records.iter().any(|record| match &record.event {
        Event::Committed { oid, .. } => oid.starts_with(commit),
        Event::Undone { redo: true, head: Some(head), .. } => head.starts_with(commit),
        _ => false,
    })
}

fn last_that(around: &Surroundings, fits: impl Fn(&SessionSummary) -> bool) -> Option<SessionId> {
    store(around).latest(Repository::open(&around.folder).ok()?.root(), fits)
}

/// The sessions and reviews of this repository that can be read, the one that was worked in last first.
pub(crate) fn of_repository(around: &Surroundings) -> Vec<SessionSummary> {
    let mut found = summaries(around, root(around).as_deref());
    found.retain(|session| session.damage.is_none());
    found.sort_by_key(|session| std::cmp::Reverse(session.last));
    found
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
