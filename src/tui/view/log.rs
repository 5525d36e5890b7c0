//! The log pane: gates on top, lines below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::GateStatus;
use crate::text;
use crate::tui::app::App;
use crate::tui::keymap::Place;
use crate::tui::pane::log::gate_words;
use crate::tui::theme::Role;

/// Rows the gates may take.
const GATE_ROWS: usize = 3;

/// The gates' rows and the lines'.
pub fn areas(app: &App, area: Rect) -> (Rect, Rect) {
    let inner = super::inside(area);
    let gates = gate_rows(app, usize::from(inner.width)).len();
    let height = u16::try_from(gates).unwrap_or(0).min(inner.height.saturating_sub(1));
    (Rect { height, ..inner }, Rect { y: inner.y + height, height: inner.height - height, ..inner })
}

/// What stands in the way comes first, and what has no room is counted.
fn gate_rows(app: &App, width: usize) -> Vec<Line<'static>> {
    const MORE: usize = 10;
    let mut gates: Vec<_> = app.diff.evidence().iter().collect();
    gates.sort_by_key(|evidence| match evidence.status {
        GateStatus::Fail => 0,
        GateStatus::NotRun => 1,
        GateStatus::Pass => 2,
    });
    let mut rows: Vec<Line<'static>> = Vec::new();
    let mut used = usize::MAX;
    for (place, evidence) in gates.iter().enumerate() {
        let mut words = gate_words(evidence);
        if app.diff.is_about_selection(&evidence.subject) {
            words.push_str(" (of the selection)");
        }
        let left = gates.len() - place;
        let kept = if rows.len() + 1 >= GATE_ROWS && left > 1 { MORE } else { 0 };
        let words = text::truncate(&words, width.saturating_sub(2 + kept)).into_owned();
        let cells = text::width(&words) + 3;
        if used.saturating_add(cells + kept) > width {
            if rows.len() == GATE_ROWS {
                if let Some(row) = rows.last_mut() {
                    row.push_span(Span::styled(format!("{left} more"), app.theme.style(Role::Dim)));
                }
                break;
            }
            rows.push(Line::from(" "));
            used = 1;
        }
        used += cells;
        if let Some(row) = rows.last_mut() {
            row.push_span(Span::styled(words, app.theme.style(gate_role(evidence.status))));
            row.push_span(Span::raw("   "));
        }
    }
    rows
}

fn gate_role(status: GateStatus) -> Role {
    match status {
        GateStatus::Pass => Role::Pass,
        GateStatus::Fail => Role::Fail,
        GateStatus::NotRun => Role::Warn,
    }
}

/// Draws the pane.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let mut title = vec![Span::styled("Log", app.theme.style(Role::Strong))];
    if let Some(proposal) = app.diff.proposal().filter(|_| !app.diff.evidence().is_empty()) {
        title.push(Span::raw(format!(" · gates {}", text::sanitize_line(proposal.id.as_str()))));
    }
    if let Some(narrowed) = app.log.narrowed() {
        title.push(Span::styled(format!(" · {narrowed}, Esc shows all"), app.theme.style(Role::Warn)));
    }
    if !app.log.follows() {
        title.push(Span::styled(" · G follows", app.theme.style(Role::Dim)));
    }
    super::frame(app, Place::Log, area, title, buffer);
    let (gates, body) = areas(app, area);
    for (row, line) in gate_rows(app, usize::from(gates.width)).iter().take(usize::from(gates.height)).enumerate() {
        buffer.set_line(gates.x, super::y(gates, row), line, gates.width);
    }
    if app.log.is_empty() {
        if gates.height == 0 {
            empty(app, body, buffer);
        }
        return;
    }
    let (lines, cursor) = app.log.visible();
    for (row, (number, line)) in lines.into_iter().enumerate() {
        let here = cursor == Some(number);
        let spans = vec![
            Span::styled(if here { "›" } else { " " }, app.theme.style(Role::Accent)),
            Span::styled(format!("{:>3}:{:02} ", line.second / 60, line.second % 60), app.theme.style(Role::Dim)),
            Span::styled(text::truncate(app.log.source_name(line), 12).into_owned() + " ", app.theme.style(Role::Dim)),
            Span::styled(line.text.clone(), app.theme.style(Role::Text)),
        ];
        let at = super::y(body, row);
        buffer.set_line(body.x, at, &Line::from(spans), body.width);
        if here {
            buffer.set_style(Rect { y: at, height: 1, ..body }, app.theme.style(Role::Cursor));
        }
    }
}

fn empty(app: &App, area: Rect, buffer: &mut Buffer) {
    let words = [
        "Output of commands and gates appears here as it comes.",
        "Gates are checks Tenon itself runs on a proposal, the project's tests first.",
    ];
    let rows = words.iter().flat_map(|words| {
        crate::tui::widget::rich::wrap_plain(
            words,
            app.theme.style(Role::Dim),
            usize::from(area.width).saturating_sub(2),
        )
    });
    for (row, line) in rows.take(usize::from(area.height)).enumerate() {
        buffer.set_line(area.x + 1, super::y(area, row), &line, area.width.saturating_sub(1));
    }
}
