//! `tenon review`: any change, hunk by hunk, with or without a screen.

use serde::Serialize;
use serde_json::json;

use super::review_source::{self, Held};
use super::surroundings::Surroundings;
use super::{Common, Done, Failure, pair, print, review_session, sessions, undo};
use crate::domain::{ChangeKind, Event, HunkId, HunkVerdict, Proposal, ProposalId, SessionId, Verdict};
use crate::git::{Repository, Selection};
use crate::journal::BlobStore;
use crate::proposal::{self, Verdicts};
use crate::text;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// What to review: worktree, staged, a revision, a range A..B, a patch file, or a session
    #[arg(long, default_value = "worktree", value_name = "SOURCE")]
    from: String,
    /// List the hunks with their ids
    #[arg(long)]
    list: bool,
    /// Accept these: hunk ids and paths, separated by commas, or `all`. Accepted hunks of the working tree are staged
    #[arg(long, value_name = "ID,PATH,…", value_delimiter = ',')]
    accept: Vec<String>,
    /// Commit what is accepted
    #[arg(long, requires = "accept")]
    commit: bool,
    /// The commit message
    #[arg(long, short, requires = "commit")]
    message: Option<String>,
    /// Commit although a gate failed or did not run; the commit says so in a trailer
    #[arg(long, requires = "commit")]
    despite_gates: bool,
}

/// Where a change comes from.
enum Origin {
    /// A change that no session of ours keeps.
    Change(Held),
    /// A session of ours, with its evidence and journal.
    Session(SessionId),
}

struct Subject {
    origin: Origin,
    proposal: Proposal,
    blobs: BlobStore,
    /// Holds the blobs of a change that no session keeps.
    _folder: Option<tempfile::TempDir>,
}

pub(crate) async fn review(around: &Surroundings, common: &Common, arguments: Arguments) -> Done {
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    if arguments.accept.is_empty() && !arguments.list {
        return pair::review(around, common, &repository, &arguments.from).await;
    }
    let subject = subject(around, common, &repository, &arguments.from)?;
    if arguments.list {
        return list(&subject, common);
    }
    let accepted = accepted(&subject.proposal, &arguments.accept)?;
    match &subject.origin {
        Origin::Session(session) => {
            let order = review_session::Order {
                proposal: subject.proposal.id.clone(),
                verdicts: accepted,
                commit: arguments.commit,
                message: arguments.message,
                despite: arguments.despite_gates,
            };
            review_session::settle(around, common, session.clone(), order).await
        }
        Origin::Change(held) => settle(&repository, &subject, *held, &accepted, &arguments, common),
    }
}

fn subject(around: &Surroundings, common: &Common, repository: &Repository, from: &str) -> Result<Subject, Failure> {
    if let Some(subject) = of_session(around, common, from)? {
        return Ok(subject);
    }
    let (held, changes) = review_source::changes(repository, &around.folder, from)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::failed(format!("the temporary folder: {error}")))?;
    let blobs = BlobStore::new(folder.path());
    let proposal = proposal::freeze(ProposalId::from("review"), &format!("Review of {from}"), "", changes, &blobs)
        .map_err(|error| Failure::failed(error.to_string()))?;
    Ok(Subject { origin: Origin::Change(held), proposal, blobs, _folder: Some(folder) })
}

/// The last proposal of a session, when `from` names a session.
fn of_session(around: &Surroundings, common: &Common, from: &str) -> Result<Option<Subject>, Failure> {
    let store = sessions::store(around);
    let named = if from == "worktree" { common.session.as_deref() } else { Some(from) };
    let Some(session) = named.and_then(|name| store.find(name).ok()) else { return Ok(None) };
    let reading = store.read(&session).map_err(|error| Failure::usage(error.to_string()))?;
    let last = reading.records.into_iter().rev().find_map(|record| match record.event {
        Event::Proposed { proposal } => Some(proposal),
        _ => None,
    });
    let proposal = last.ok_or_else(|| Failure::usage(format!("session {session} has no proposal yet")))?;
    let blobs = store.blobs(&session);
    Ok(Some(Subject { origin: Origin::Session(session), proposal, blobs, _folder: None }))
}

/// The session that `from` names, if any.
pub(crate) fn session_named(around: &Surroundings, from: &str) -> Option<SessionId> {
    if from == "worktree" { None } else { sessions::store(around).find(from).ok() }
}

fn accepted(proposal: &Proposal, wanted: &[String]) -> Result<Vec<HunkVerdict>, Failure> {
    let mut ids: Vec<HunkId> = Vec::new();
    for name in wanted.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let before = ids.len();
        for (change, hunk) in proposal.hunks() {
            let fits =
                name == "all" || hunk.id.as_str() == name || change.path.as_str() == name.trim_start_matches("./");
            if fits && !ids.contains(&hunk.id) {
                ids.push(hunk.id.clone());
            }
        }
        let repeated = proposal.hunks().any(|(change, hunk)| hunk.id.as_str() == name || change.path.as_str() == name);
        if ids.len() == before && !repeated {
            return Err(Failure::usage(format!("no hunk and no changed file is called `{name}`"))
                .hint("`tenon review --list` prints the ids; they change when the file does"));
        }
    }
    let accept = |hunk| HunkVerdict { hunk, verdict: Verdict::Accept, comment: None, line: None, replacement: None };
    Ok(ids.into_iter().map(accept).collect())
}

fn settle(
    repository: &Repository,
    subject: &Subject,
    held: Held,
    accepted: &[HunkVerdict],
    arguments: &Arguments,
    common: &Common,
) -> Done {
    let mut verdicts = Verdicts::default();
    verdicts.fold(accepted);
    let chosen = proposal::select(&subject.proposal, &verdicts, &subject.blobs)
        .map_err(|error| Failure::failed(error.to_string()))?;
    let failed = |error| undo::git_failure(&error);
    if arguments.commit {
        let message = arguments.message.clone().unwrap_or_else(|| subject.proposal.message.clone());
        let selection = Selection { files: chosen.files, message };
        let done = match held {
            Held::Tree | Held::Index => repository.commit_from_tree(&selection),
            Held::Elsewhere => repository.commit(&selection),
        }
        .map_err(failed)?;
        for note in &done.notes {
            eprintln!("tenon: {}", text::sanitize(note));
        }
        return if common.json {
            print::json(&json!({"oid": done.oid, "branch": done.branch, "paths": done.paths}))
        } else {
            print::text(&format!("committed {}", done.oid))
        };
    }
    let paths = match held {
        Held::Tree => repository.stage(&chosen.files),
        Held::Index => return Err(Failure::usage("what is staged is accepted already").hint("--commit commits it")),
        Held::Elsewhere => repository.apply(&chosen.files),
    }
    .map_err(failed)?;
    let done = if held == Held::Tree { "staged" } else { "written" };
    if common.json {
        return print::json(&json!({"done": done, "paths": paths}));
    }
    let lines: Vec<String> =
        paths.iter().map(|path| format!("{done} {}", text::sanitize_line(path.as_str()))).collect();
    print::text(&lines.join("\n"))
}

#[derive(Serialize)]
struct FileReport<'a> {
    path: &'a str,
    kind: ChangeKind,
    old_path: Option<&'a str>,
    binary: bool,
    added: usize,
    removed: usize,
    hunks: &'a [crate::domain::Hunk],
}

fn list(subject: &Subject, common: &Common) -> Done {
    let files: Vec<FileReport<'_>> = subject.proposal.changes.iter().map(file_report).collect();
    if common.json {
        return print::json(&files);
    }
    if files.is_empty() {
        return print::text("nothing is different");
    }
    let mut lines = String::new();
    for file in files {
        lines.push_str(&format!("{}  +{} −{}\n", text::sanitize_line(file.path), file.added, file.removed));
        for hunk in file.hunks {
            let [old, old_lines] = hunk.old;
            let [new, new_lines] = hunk.new;
            lines.push_str(&format!("  {}  @@ -{old},{old_lines} +{new},{new_lines} @@\n", hunk.id));
        }
    }
    print::text(&lines)
}

fn file_report(change: &crate::domain::FileChange) -> FileReport<'_> {
    FileReport {
        path: change.path.as_str(),
        kind: change.kind,
        old_path: change.old_path.as_ref().map(crate::domain::RepoPath::as_str),
        binary: change.binary,
        added: change.added,
        removed: change.removed,
        hunks: &change.hunks,
    }
}
