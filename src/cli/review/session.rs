//! Verdicts and orders without a screen, for a session's proposal and for any other change.

use serde_json::json;

use super::super::surroundings::Surroundings;
use super::super::{Common, Done, Failure, Outcome, print, run};
use crate::domain::{
    Command, CommitChoice, CommitWay, Event, Finish, HunkVerdict, NoteLevel, ProposalId, SessionId, Update,
};
use crate::engine::{self, Handle, Updates};
use crate::headless::{self, Output, Style};
use crate::text;

/// What to do with the proposal.
pub(super) struct Order {
    pub(super) proposal: ProposalId,
    pub(super) verdicts: Vec<HunkVerdict>,
    pub(super) commit: Option<CommitWay>,
    pub(super) message: Option<String>,
    pub(super) despite: bool,
    pub(super) finish: Vec<Finish>,
}

impl Order {
    fn commit(&self) -> Option<Command> {
        let choice = if self.despite { CommitChoice::Despite } else { CommitChoice::Green };
        let way = self.commit.clone()?;
        Some(Command::Commit { proposal: self.proposal.clone(), message: self.message.clone(), choice, way })
    }
}

/// Records the verdicts on a session's proposal and, where asked for, commits.
pub(super) async fn settle(around: &Surroundings, common: &Common, session: SessionId, order: Order) -> Done {
    let since = run::now();
    let mut opening = around.opening(common);
    opening.session = Some(session);
    let (handle, mut updates) = engine::open(opening).await.map_err(run::engine_failure)?;
    let mut output = Output::new(if common.json { Style::Json } else { Style::Text });
    let decide = Command::Decide { proposal: order.proposal.clone(), verdicts: order.verdicts.clone() };
    let _ = handle.commands.send(decide).await;
    let outcome = match order.commit() {
        Some(commit) => {
            let interrupt = run::interrupted();
            headless::commit(&handle, &mut updates, commit, since, &mut output, &interrupt).await
        }
        None => Outcome::Done,
    };
    headless::close(&handle, &mut updates, since, &mut output).await;
    Ok(outcome)
}

/// Records the verdicts on any other change and does with it what is asked for.
pub(super) async fn settle_desk(handle: Handle, updates: Updates, order: Order, json: bool) -> Done {
    let mut commands = Vec::new();
    if !order.verdicts.is_empty() {
        commands.push(Command::Decide { proposal: order.proposal.clone(), verdicts: order.verdicts.clone() });
    }
    commands.extend(order.commit());
    let finish = |how| Command::Finish { proposal: order.proposal.clone(), how };
    commands.extend(order.finish.into_iter().map(finish));
    carry_out(handle, updates, commands, json).await
}

/// Sends commands to a review and prints what came of them.
pub(super) async fn carry_out(handle: Handle, mut updates: Updates, commands: Vec<Command>, json: bool) -> Done {
    let since = run::now();
    for command in commands.into_iter().chain([Command::Close]) {
        let _ = handle.commands.send(command).await;
    }
    let mut failed = None;
    let mut decided = 0;
    let (mut lines, mut report) = (Vec::new(), json!({}));
    while let Some(update) = updates.recv().await {
        let Update::Record(record) = update else { continue };
        if record.at < since {
            continue;
        }
        match record.event {
            Event::Decided { verdicts, .. } => decided = verdicts.len(),
            Event::Applied { paths, .. } => report = json!({"done": "staged", "paths": paths}),
            Event::Committed { oid, branch, .. } => {
                lines.push(format!("committed {oid}"));
                let paths = report.get("paths").cloned();
                report = json!({"done": "committed", "oid": oid, "branch": branch, "paths": paths});
            }
            Event::Undone { oid, redo, .. } => {
                lines.push(format!("{} {oid}", if redo { "brought forward" } else { "took back" }));
                report = json!({"done": if redo { "redone" } else { "undone" }, "oid": oid});
            }
            Event::Reverted { changes, undone, .. } => {
                let paths: Vec<_> = changes.iter().map(|change| &change.path).collect();
                let words = if undone { "rejected hunks are back in" } else { "rejected hunks were taken out of" };
                let names: Vec<&str> = paths.iter().map(|path| path.as_str()).collect();
                lines.push(format!("{words} {}", names.join(", ")));
                report = json!({"done": if undone { "undone" } else { "reverted" }, "paths": paths});
            }
            Event::Noted { level: NoteLevel::Error, text } => failed = Some(text),
            // What an event said already is not repeated.
            Event::Noted { text, .. } if !text.starts_with("rejected hunks") => lines.push(text),
            _ => {}
        }
    }
    if let Some(text) = failed {
        return Err(Failure::usage(text));
    }
    if lines.is_empty() && decided > 0 {
        lines.push(format!("{decided} verdicts recorded; the next `tenon review` shows them"));
    }
    if json {
        return print::json(&report);
    }
    let lines: Vec<_> = lines.iter().map(|line| text::sanitize(line).into_owned()).collect();
    print::text(&lines.join("\n"))
}
