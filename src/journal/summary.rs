//! What a session was about, without reading all of it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::append;
use crate::domain::SessionId;

/// How much of the beginning and the end of a journal is looked at first.
const WINDOW: u64 = 64 * 1024;

/// One line of `tenon sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionSummary {
    /// The session.
    pub id: SessionId,
    /// The repository it works in; empty when the journal does not say.
    pub repository: String,
    /// The session that handed its task over, for one that was delegated.
    pub parent: Option<SessionId>,
    /// The agent it began with; none in a review without one.
    pub agent: Option<String>,
    /// The branch it began on.
    pub branch: Option<String>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When the last record was written.
    pub last: Option<Timestamp>,
    /// The title of the last proposal, else the first message.
    pub title: Option<String>,
    /// The first message of the user.
    pub first_message: Option<String>,
    /// What it reviews, when it is a review of a change that no agent made.
    pub review: Option<String>,
    /// How many records it has.
    pub records: u64,
    /// Some process has it open now.
    pub open: bool,
    /// Why it cannot be read, when it cannot.
    pub damage: Option<String>,
}

/// The few fields of a record that a summary shows.
#[derive(Deserialize)]
struct Glance {
    seq: u64,
    at: Timestamp,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    repository: Option<String>,
    #[serde(default)]
    branch: Option<String>,
    #[serde(default)]
    parent: Option<SessionId>,
    #[serde(default)]
    agent: Option<String>,
    source: Option<String>,
    #[serde(default)]
    proposal: Option<Proposed>,
}

/// `proposal` is the whole proposal in one event and its name in others.
#[derive(Deserialize)]
#[serde(untagged)]
enum Proposed {
    Whole { title: String },
    Other(serde::de::IgnoredAny),
}

/// Looks at the session in `folder`.
pub(super) fn of(id: &SessionId, folder: &Path) -> SessionSummary {
    let mut summary = SessionSummary {
        id: id.clone(),
        repository: String::new(),
        parent: None,
        agent: None,
        branch: None,
        started: None,
        last: None,
        title: None,
        first_message: None,
        review: None,
        records: 0,
        open: append::is_locked(&folder.join("lock")),
        damage: None,
    };
    if let Err(error) = fill(&mut summary, &folder.join("journal.jsonl")) {
        summary.damage = Some(error.to_string());
    }
    summary
}

fn fill(summary: &mut SessionSummary, path: &Path) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    head(summary, &part(&mut file, 0, WINDOW.min(size))?);
    let mut window = WINDOW;
    loop {
        let start = size.saturating_sub(window);
        let bytes = part(&mut file, start, size - start)?;
        if tail(summary, &bytes, start == 0) || start == 0 {
            break;
        }
        window *= 4;
    }
    if summary.title.is_none() {
        summary.title.clone_from(&summary.first_message);
    }
    if summary.records == 0 && size > 0 {
        summary.damage = Some(format!("{}: no record can be read", path.display()));
    }
    Ok(())
}

fn part(file: &mut File, start: u64, length: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The beginning: where, when, and what was asked first.
fn head(summary: &mut SessionSummary, bytes: &[u8]) {
    for line in whole_lines(bytes) {
        let Ok(glance) = serde_json::from_slice::<Glance>(line) else { continue };
        match glance.kind.as_str() {
            "session_opened" => {
                summary.repository = glance.repository.unwrap_or_default();
                summary.branch = glance.branch;
                summary.parent = glance.parent;
                summary.started = Some(glance.at);
            }
            "agent_chosen" => summary.agent = glance.agent,
            "review_opened" => {
                summary.review = glance.source;
                return;
            }
            "user_said" => {
                summary.first_message = glance.text.map(|text| first_line(&text));
                return;
            }
            _ => {}
        }
    }
}

/// The end: how many records, when the last was written, the last title. Says whether a whole record was found.
fn tail(summary: &mut SessionSummary, bytes: &[u8], from_start: bool) -> bool {
    let mut found = false;
    for line in whole_lines(bytes).skip(usize::from(!from_start)) {
        let Ok(glance) = serde_json::from_slice::<Glance>(line) else { continue };
        found = true;
        summary.records = glance.seq;
        summary.last = Some(glance.at);
        if let Some(Proposed::Whole { title }) = glance.proposal {
            summary.title = Some(first_line(&title));
        }
    }
    found
}

fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n"))
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().chars().take(200).collect()
}
