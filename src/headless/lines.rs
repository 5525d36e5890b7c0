//! Events as lines: JSON for programs, text for people.

use std::io::Write as _;

use crate::domain::{
    Event, Evidence, GateStatus, NoteLevel, Progress, Proposal, Record, SessionId, TurnEnd, review_in_words,
};
use crate::text;

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One JSON record a line on standard output.
    Json,
    /// The agent's words on standard output, what it does on standard error.
    Text,
    /// Nothing: for sessions beside the one that is printed.
    Quiet,
}

/// Prints the events of a session.
pub struct Output {
    style: Style,
    waiting: String,
}

impl Output {
    /// Prints in this style.
    pub fn new(style: Style) -> Self {
        Self { style, waiting: String::new() }
    }

    /// Prints a record.
    pub fn record(&mut self, record: &Record) {
        match self.style {
            Style::Quiet => {}
            Style::Json => {
                if let Ok(line) = serde_json::to_string(record) {
                    out(&text::escape_json(&line));
                }
            }
            Style::Text => match &record.event {
                Event::AssistantSaid { text, .. } if !text.trim().is_empty() => out(&text::sanitize(text.trim_end())),
                event => {
                    if let Some(line) = event_text(event) {
                        note(&line);
                    }
                }
            },
        }
    }

    /// Tells what is being waited for, once each.
    pub fn progress(&mut self, progress: &Progress) {
        if let (Style::Text, Progress::Waiting { what }) = (self.style, progress)
            && *what != self.waiting
        {
            note(&format!("… {}", text::sanitize_line(what)));
            self.waiting.clone_from(what);
        }
    }

    /// Tells that the session cannot go on.
    pub fn failed(&mut self, why: &str) {
        if self.style != Style::Quiet {
            note(&format!("error: {}", text::sanitize(why)));
        }
    }

    /// Tells how to go on with a proposal that waits; `green` when no gate stands against it.
    pub fn waiting(&mut self, session: &SessionId, proposal: &Proposal, green: bool) {
        if self.style == Style::Text {
            let hunks = proposal.hunks().count();
            note(&format!(
                "{} waits with {hunks} hunk{}: {}",
                proposal.id,
                plural(hunks),
                text::sanitize_line(&proposal.title)
            ));
            note(&format!("  → tenon review --from {session}               look at it hunk by hunk"));
            let take =
                if green { "   take it as it is" } else { " --despite-gates   take it although a gate is not green" };
            note(&format!("  → tenon review --from {session} --accept all --commit{take}"));
        }
    }
}

/// A reader that went away is no reason to stop the work.
fn out(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A record as one or more lines of text, sanitised; `None` for what people need not see.
pub fn record_text(record: &Record) -> Option<String> {
    match &record.event {
        Event::AssistantSaid { text, .. } if !text.trim().is_empty() => {
            Some(text::sanitize(text.trim_end()).into_owned())
        }
        event => event_text(event),
    }
}

fn event_text(event: &Event) -> Option<String> {
    let line = match event {
        Event::SessionOpened { session, repository, isolation, .. } => {
            format!("session {session} in {repository} ({isolation:?} workspace)")
        }
        Event::AgentChosen { agent, model, .. } => format!("agent {agent}, model {model}"),
        Event::UserSaid { text, queued: false, .. } => format!("you: {text}"),
        Event::ToolCalled { name, input, .. } if input.is_null() => format!("⚙ {name} (the call was cut off)"),
        Event::ToolCalled { name, input, .. } => format!("⚙ {name} {}", first_words(&input.to_string())),
        Event::ToolReturned { ok: false, output, .. } => format!("  ✗ {}", first_words(output)),
        Event::PermissionAsked { what, .. } => format!("? permission: {what}"),
        Event::PermissionGiven { allowed, .. } => (if *allowed { "  allowed" } else { "  refused" }).to_owned(),
        Event::Proposed { proposal } => return Some(proposal_text(proposal)),
        Event::GateReported(evidence) => gate_text(evidence),
        Event::StepChecked { step, title, check, ok: true, reason, .. } => {
            format!("✓ step {step} is done: {title} (`{check}` {reason})")
        }
        Event::StepChecked { step, title, check, reason, .. } => {
            format!("✗ step {step} is not done: {title} (`{check}` {reason})")
        }
        Event::SelfReviewed { items, .. } => format!("self-review: {}", review_in_words(items)),
        Event::Committed { oid, message, branch, .. } => format!(
            "committed {} on {}: {}",
            oid.get(..10).unwrap_or(oid),
            branch.as_deref().unwrap_or("a detached HEAD"),
            message.lines().next().unwrap_or_default()
        ),
        Event::Undone { oid, redo, .. } => {
            format!("{} {}", if *redo { "redone" } else { "undone" }, oid.get(..10).unwrap_or(oid))
        }
        Event::Delegated { session, agent, task, .. } => format!("⇢ {agent}: {task} (session {session})"),
        Event::Compacted { before, after, .. } => format!("conversation compacted: {before} → {after} tokens"),
        Event::TurnEnded { reason, usage, detail } => {
            let why = match reason {
                TurnEnd::Done => "done",
                TurnEnd::Interrupted => "interrupted",
                TurnEnd::Failed => "failed",
                TurnEnd::Budget => "stopped by the budget",
            };
            let cost = usage.cost_usd.map(|usd| format!(", ${usd:.2}")).unwrap_or_default();
            let detail = detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
            format!("{why}{detail} ({} tokens in, {} out{cost})", usage.context_tokens(), usage.output_tokens)
        }
        Event::Noted { level, text } => match level {
            NoteLevel::Info => text.clone(),
            NoteLevel::Warning => format!("warning: {text}"),
            NoteLevel::Error => format!("error: {text}"),
        },
        _ => return None,
    };
    Some(text::sanitize(&line).into_owned())
}

fn proposal_text(proposal: &Proposal) -> String {
    let mut lines = vec![format!("proposal {}: {}", proposal.id, text::sanitize_line(&proposal.title))];
    for change in &proposal.changes {
        lines.push(format!("  {}  {}", text::sanitize_line(change.path.as_str()), change.size()));
    }
    lines.join("\n")
}

/// A gate result as one line of text.
pub fn gate_text(evidence: &Evidence) -> String {
    let mark = match evidence.status {
        GateStatus::Pass => "✓",
        GateStatus::Fail => "✗",
        GateStatus::NotRun => "– not run:",
    };
    let tests = match (evidence.tests, evidence.base_tests) {
        (Some(now), Some(base)) => {
            format!(" {} passed, {} failed (base {}/{})", now.passed, now.failed, base.passed, base.failed)
        }
        (Some(now), None) => format!(" {} passed, {} failed", now.passed, now.failed),
        _ => String::new(),
    };
    let reason = evidence.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let time = if evidence.cached { "cached".to_owned() } else { format!("{} ms", evidence.ms) };
    let so_far = if evidence.partial { ", so far" } else { "" };
    format!("{mark} {}{tests}{reason} ({time}{so_far})", evidence.gate)
}

fn first_words(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    text::truncate(line, 100).into_owned()
}
