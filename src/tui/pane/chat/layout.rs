//! An item as rows.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::{NoteLevel, TurnEnd};
use crate::text;
use crate::tui::theme::Role;
use crate::tui::widget::rich::{Rich, styled, wrap_plain};

use super::item::{Call, CallState, Entry, Item, StepState};
use super::markdown::{self, Look};

/// Rows of a folded output.
const FOLDED: usize = 3;
/// The same for what the user asked for by hand.
const FOLDED_OWN: usize = 12;
/// Rows of a long message of the user before it is folded.
const MESSAGE_ROWS: usize = 30;

/// Lays an item out. An empty row goes before what begins something new.
pub fn rows(entry: &Entry, look: Look<'_>) -> Vec<Line<'static>> {
    let style = |role| look.theme.style(role);
    match &entry.item {
        Item::User { text } => user(text, entry.open, look),
        Item::Answer { text, inside, apart, .. } => {
            let inner = Look { width: look.width.saturating_sub(1), ..look };
            let body = match inside {
                Some(fence) => markdown::layout_continued(text, &fence.opening(), inner),
                None => markdown::layout(text, inner),
            };
            apart.then(Line::default).into_iter().chain(body).collect()
        }
        Item::Thinking { text, done } => thinking(text, *done, entry.open, look),
        Item::Tool(call) => tool(call, entry.open, look),
        Item::Plan(steps) => plan(steps, look),
        Item::Note { level, text } => {
            let (mark, role) = match level {
                NoteLevel::Info => ("· ", Role::Dim),
                NoteLevel::Warning => ("! ", Role::Warn),
                NoteLevel::Error => ("✗ ", Role::Fail),
            };
            marked(mark, text, style(role), style(if role == Role::Dim { Role::Dim } else { Role::Text }), look)
        }
        Item::Report(text) => {
            let inner = Look { width: look.width.saturating_sub(1), ..look };
            std::iter::once(Line::default()).chain(markdown::layout(text, inner)).collect()
        }
        Item::Proposed { text, .. } => marked("◆ ", text, style(Role::Accent), style(Role::Text), look),
        Item::Checks(checks) => {
            let row = |(mark, role, words): (&'static str, Role, String)| {
                marked(mark, &words, style(role), style(if role == Role::Dim { Role::Dim } else { Role::Text }), look)
            };
            checks.rows().into_iter().flat_map(row).collect()
        }
        Item::Fact(text) => marked("✓ ", text, style(Role::Pass), style(Role::Text), look),
        // What waits is shown above the composer.
        Item::Permission { allowed: None, .. } | Item::Question { answered: false, .. } => Vec::new(),
        Item::Permission { what, allowed: Some(allowed), .. } => {
            let (mark, role) = if *allowed { ("✓ allowed: ", Role::Pass) } else { ("✗ refused: ", Role::Fail) };
            marked(mark, what, style(role), style(Role::Text), look)
        }
        Item::Question { text, options, .. } => {
            let mut rows = marked("? ", text, style(Role::Warn), style(Role::Text), look);
            for (index, option) in options.iter().enumerate() {
                let first = Line::from(format!("  {}. ", index + 1));
                rows.extend(Rich::new(&text::sanitize(option), style(Role::Text)).wrap(
                    look.width,
                    &first,
                    &Line::from("     "),
                ));
            }
            rows
        }
        Item::Ended { reason, detail } => {
            let (mark, role, words) = match reason {
                TurnEnd::Done => ("✓ ", Role::Pass, "done"),
                TurnEnd::Interrupted => ("■ ", Role::Warn, "interrupted; say something to go on"),
                TurnEnd::Failed => ("✗ ", Role::Fail, "the turn failed"),
                TurnEnd::Budget => ("■ ", Role::Warn, "a limit of the budget was reached"),
            };
            let words = match detail {
                Some(detail) => format!("{words}: {detail}"),
                None => words.to_owned(),
            };
            marked(mark, &words, style(role), style(role), look)
        }
    }
}

fn marked(mark: &'static str, words: &str, first: Style, rest: Style, look: Look<'_>) -> Vec<Line<'static>> {
    Rich::new(&text::sanitize(words), rest).wrap(look.width, &styled(mark, first), &Line::from("  "))
}

fn user(words: &str, open: bool, look: Look<'_>) -> Vec<Line<'static>> {
    let bar = styled("▌ ", look.theme.style(Role::User));
    let mut rows = vec![Line::default()];
    let body = Rich::new(&text::sanitize(words), look.theme.style(Role::Strong)).wrap(look.width, &bar, &bar);
    let total = body.len();
    let shown = if open { total } else { total.min(MESSAGE_ROWS) };
    rows.extend(body.into_iter().take(shown));
    if shown < total {
        rows.push(styled(format!("  … {} more rows, Ctrl-o shows all", total - shown), look.theme.style(Role::Dim)));
    }
    rows
}

fn thinking(words: &str, done: bool, open: bool, look: Look<'_>) -> Vec<Line<'static>> {
    let dim = look.theme.style(Role::Quote);
    let lines = words.lines().filter(|line| !line.trim().is_empty()).count();
    if open {
        let first = styled("✻ ", dim);
        return Rich::new(&text::sanitize(words.trim()), dim).wrap(look.width, &first, &Line::from("  "));
    }
    let last = words.trim_end().rsplit('\n').next().unwrap_or_default();
    let line = if done {
        format!("✻ thought, {}", count(lines, "line"))
    } else {
        format!("✻ {}", text::sanitize_line(last.trim()))
    };
    vec![styled(text::truncate(&line, look.width).into_owned(), dim)]
}

/// A number of things, in words.
pub fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Duration in a form that does not jump about: nothing below 0.1 s.
pub fn duration(ms: u64) -> String {
    match ms {
        0..100 => String::new(),
        100..60_000 => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        _ => format!("{}m{:02}s", ms / 60_000, ms % 60_000 / 1000),
    }
}

fn tool(call: &Call, open: bool, look: Look<'_>) -> Vec<Line<'static>> {
    let style = |role| look.theme.style(role);
    let (mark, role, time) = match call.state {
        CallState::Running => ("⚙ ", Role::Accent, "…".to_owned()),
        CallState::Done { ms } => ("⚙ ", Role::Dim, duration(ms)),
        CallState::Failed { ms } => ("✗ ", Role::Fail, duration(ms)),
    };
    let counts = call.counts.map(|(added, removed)| format!("+{added} −{removed}"));
    let mut tail = Vec::new();
    if let Some(counts) = counts {
        tail.push(Span::styled(format!("  {counts}"), style(Role::Dim)));
    }
    if !time.is_empty() {
        tail.push(Span::styled(format!("  {time}"), style(Role::Dim)));
    }
    let taken: usize = tail.iter().map(Span::width).sum();
    let name = text::sanitize_line(&call.name).into_owned();
    let room = look.width.saturating_sub(taken + 3 + text::width(&name));
    let about = text::sanitize_line(&call.about);
    let mut spans = vec![
        Span::styled(mark, style(role)),
        Span::styled(format!("{name} "), style(Role::Strong)),
        Span::styled(text::truncate(&about, room).into_owned(), style(Role::Text)),
    ];
    spans.extend(tail);
    let mut rows = vec![Line::from(spans)];
    rows.extend(output(call, open, look));
    rows
}

/// The end of what a command printed or why a call failed; everything when opened.
fn output(call: &Call, open: bool, look: Look<'_>) -> Vec<Line<'static>> {
    let failed = matches!(call.state, CallState::Failed { .. });
    let shows = open || failed || matches!(call.name.as_str(), "run" | "serve" | "verify" | "shell" | "api_test");
    if !shows || call.output.trim().is_empty() {
        return Vec::new();
    }
    let style = look.theme.style(if failed && !open { Role::Warn } else { Role::Dim });
    let lines: Vec<&str> = call.output.trim_end().lines().collect();
    let own = call.name == "shell";
    let most = if own { FOLDED_OWN } else { FOLDED };
    let hidden = if open { 0 } else { lines.len().saturating_sub(most) };
    let mut rows = Vec::new();
    if hidden > 0 {
        rows.push(styled(
            format!("  … {} above, Ctrl-o shows all", count(hidden, "line")),
            look.theme.style(Role::Dim),
        ));
    }
    for line in lines.into_iter().skip(hidden) {
        let safe = text::sanitize_output(line);
        if open || own {
            rows.extend(Rich::new(&safe, style).wrap(look.width, &Line::from("  "), &Line::from("  ")));
        } else {
            rows.push(styled(format!("  {}", text::truncate(&safe, look.width.saturating_sub(2))), style));
        }
    }
    rows
}

fn plan(steps: &[(String, StepState)], look: Look<'_>) -> Vec<Line<'static>> {
    let mut rows = vec![Line::default()];
    for (index, (title, state)) in steps.iter().enumerate() {
        let (mark, role) = match state {
            StepState::Checked => ("✓ ", Role::Pass),
            StepState::Refuted => ("✗ ", Role::Fail),
            StepState::Done => ("✓ ", Role::Dim),
            StepState::Doing => ("● ", Role::Accent),
            StepState::Open => ("○ ", Role::Dim),
        };
        let lead = if index == 0 { "plan " } else { "     " };
        let first = Line::from(vec![
            Span::styled(lead, look.theme.style(Role::Dim)),
            Span::styled(mark, look.theme.style(role)),
        ]);
        let words = Rich::new(&text::sanitize_line(title), look.theme.style(Role::Text));
        rows.extend(words.wrap(look.width, &first, &Line::from("       ")));
    }
    rows
}

/// Rows of a message that waits for the agent.
pub fn queued(words: &str, look: Look<'_>) -> Vec<Line<'static>> {
    let first = words.lines().next().unwrap_or_default();
    let line = format!("↳ queued: {}", text::sanitize_line(first));
    vec![styled(text::truncate(&line, look.width).into_owned(), look.theme.style(Role::Warn))]
}

/// Rows of the card that an empty conversation shows.
pub fn card(lines: &[String], look: Look<'_>) -> Vec<Line<'static>> {
    lines
        .iter()
        .enumerate()
        .flat_map(|(index, line)| {
            let role = if index == 0 { Role::Strong } else { Role::Dim };
            wrap_plain(&text::sanitize_line(line), look.theme.style(role), look.width)
        })
        .collect()
}
