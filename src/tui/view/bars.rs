//! Header and footer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::Isolation;
use crate::text;
use crate::tui::app::App;
use crate::tui::session::{Link, tokens};
use crate::tui::theme::Role;

/// Where you are: repository, branch, agent, model, isolation, tokens, cost, context.
pub fn header(app: &App, area: Rect, buffer: &mut Buffer) {
    let bar = app.theme.style(Role::Bar);
    buffer.set_style(area, bar);
    let session = &app.session;
    let mut left = vec![if app.start.task.is_some() { " tenon ▸ task".to_owned() } else { " tenon".to_owned() }];
    if !session.repository.is_empty() {
        left.push(text::truncate(&session.repository, 28).into_owned());
    }
    if !session.branch.is_empty() {
        left.push(format!("⎇ {}", text::truncate(&session.branch, 28)));
    }
    if !session.tree.is_empty() {
        left.push(session.tree.clone());
    }
    let model = model_name(&session.model);
    let middle = if session.agent.is_empty() { model.to_owned() } else { format!("{} · {model}", session.agent) };
    let mut right = Vec::new();
    match (&session.link, session.isolation) {
        (Link::Opening, _) => right.push("opening…".to_owned()),
        (Link::Gone(_), _) => right.push("✗ no session".to_owned()),
        (Link::Open, Some(Isolation::Overlay)) => right.push("overlay ✓".to_owned()),
        (Link::Open, Some(Isolation::Copy)) => right.push("copy !".to_owned()),
        (Link::Open, None) => {}
    }
    // A review has no agent, no model and nothing that could run in a workspace.
    let (middle, model) = if app.start.review_only { (String::new(), "") } else { (middle, model.as_str()) };
    if app.start.review_only && session.link == Link::Open {
        right.clear();
    }
    let used = session.usage.context_tokens() + session.usage.output_tokens;
    if used > 0 {
        right.push(format!("{} tok", tokens(used)));
        right.extend(session.usage.cost_usd.map(|cost| format!("${cost:.2}")));
    }
    if let Some(percent) = session.context_percent().filter(|_| session.context > 0) {
        right.push(format!("ctx {percent}%"));
    }
    let right = format!("{} ", right.join("  "));
    let left = left.join("  ");
    let width = usize::from(area.width);
    let right_at = width.saturating_sub(text::width(&right));
    // It is the first to go: what the project is, its owner knows.
    let stack = text::truncate(&session.stack, 28);
    let with_stack = format!("{left}  {stack}");
    let fits = text::width(&with_stack) + text::width(&middle) + 6 <= right_at;
    let left = if fits && !stack.is_empty() { with_stack } else { left };
    let left = text::truncate(&left, right_at.saturating_sub(1)).into_owned();
    let room = right_at.saturating_sub(text::width(&left) + 4);
    let middle = if text::width(&middle) > room { narrow(&session.agent, model, room) } else { middle };
    buffer.set_stringn(area.x, area.y, &left, width, bar);
    if text::width(&middle) > 3 {
        let start = right_at.saturating_sub(text::width(&middle) + 3).max(text::width(&left) + 2);
        buffer.set_stringn(area.x + u16::try_from(start).unwrap_or(0), area.y, &middle, room, bar);
    }
    buffer.set_stringn(area.x + u16::try_from(right_at).unwrap_or(0), area.y, &right, width - right_at, bar);
}

/// Agent and model where both do not fit: the agent gives way, for its name is known from the start and the model decides what
/// leaves the machine.
fn narrow(agent: &str, model: &str, room: usize) -> String {
    const SHORTEST: usize = 8;
    match room.checked_sub(text::width(model) + 3) {
        Some(left) if left >= SHORTEST => format!("{} · {model}", text::truncate(agent, left)),
        _ => text::truncate(model, room).into_owned(),
    }
}

/// The keys of the focused pane, or the last message of the screen's own.
pub fn footer(app: &App, area: Rect, buffer: &mut Buffer) {
    let bar = app.theme.style(Role::Bar);
    buffer.set_style(area, bar);
    if let Some(status) = app.status() {
        let line = format!(" {}", text::sanitize_line(status));
        let shown = text::truncate(&line, usize::from(area.width));
        buffer.set_stringn(area.x, area.y, &shown, usize::from(area.width), bar.patch(app.theme.style(Role::Strong)));
        return;
    }
    let badge = match (app.chat.pending(), app.tasks.waiting_elsewhere()) {
        (Some(_), _) => Some("? a question waits in the chat ".to_owned()),
        (None, 0) => None,
        (None, 1) => Some("1 task waits: Alt-4 ".to_owned()),
        (None, count) => Some(format!("{count} tasks wait: Alt-4 ")),
    };
    let room = usize::from(area.width).saturating_sub(badge.as_deref().map_or(0, text::width));
    let mut spans = vec![Span::styled(" ", bar)];
    let mut used = 1;
    for (key, word) in app.keys.footer(app.focus()) {
        let width = text::width(&key) + 1 + word.len() + 2;
        if used + width > room + 2 {
            break;
        }
        used += width;
        spans.push(Span::styled(key, bar.patch(app.theme.style(Role::Key))));
        spans.push(Span::styled(format!(" {word}  "), bar));
    }
    buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
    if let Some(badge) = badge {
        let x = area.right().saturating_sub(u16::try_from(text::width(&badge)).unwrap_or(0));
        buffer.set_stringn(x, area.y, &badge, usize::from(area.width), bar.patch(app.theme.style(Role::Warn)));
    }
}

/// A model in the header's words: where recorded answers lie on the disk is nobody's concern while working.
fn model_name(model: &str) -> String {
    match model.split_once('/') {
        None if model.is_empty() => "no model: F3".to_owned(),
        Some(("recorded", _)) => "recorded answers".to_owned(),
        Some(("embedded", weights)) => {
            format!("{} (embedded)", weights.rsplit('/').next().unwrap_or(weights).trim_end_matches(".gguf"))
        }
        _ => model.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_header_keeps_the_model() {
        for (room, expected) in [
            (40, "senior-backend-dev · anthropic/opus"),
            (27, "senior-ba… · anthropic/opus"),
            (20, "anthropic/opus"),
            (9, "anthropi…"),
        ] {
            assert_eq!(narrow("senior-backend-dev", "anthropic/opus", room), expected);
        }
    }
}
