//! The list of models with what the chosen one means.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use crate::provider::offers::Ready;
use crate::text;
use crate::tui::app::App;
use crate::tui::popup::ModelList;
use crate::tui::theme::Role;
use crate::tui::widget::list;
use crate::tui::widget::rich::wrap_plain;

/// Rows for what the chosen model means.
const DETAILS: usize = 5;

/// Draws it into the inside of the popup's frame. Returns where the cursor is.
pub fn draw(app: &App, models: &ModelList, inner: Rect, buffer: &mut Buffer) -> Position {
    let cells = usize::from(inner.width);
    let details = details(app, models, cells);
    let rows = models.rows();
    // Two lines above, a rule and a line of keys below; the list keeps three lines in any case.
    let room = usize::from(inner.height).saturating_sub(4);
    let below = details.len().min(DETAILS).min(room.saturating_sub(3));
    let listed = room.saturating_sub(below);
    let intro = if models.first_run {
        "Nothing is sent anywhere before your first message."
    } else {
        "Write to narrow the list, or any provider/model."
    };
    put(buffer, inner, 0, intro, app.theme.style(Role::Dim));
    let query = text::sanitize_line(&models.query);
    put(buffer, inner, 1, &format!("› {query}"), app.theme.style(Role::Accent));
    let area = Rect { y: inner.y + 2, height: u16::try_from(listed).unwrap_or(0), ..inner };
    if rows.is_empty() {
        let words = if models.query.is_empty() { "nothing was found" } else { "Enter tries what you wrote" };
        put(buffer, area, 0, words, app.theme.style(Role::Dim));
    }
    list::draw(buffer, area, &rows, models.cursor(), &app.theme);
    put(buffer, inner, 2 + listed, &"─".repeat(cells), app.theme.style(Role::Border));
    for (row, line) in details.iter().take(below).enumerate() {
        buffer.set_line(inner.x, super::y(inner, 3 + listed + row), line, inner.width);
    }
    let (keys, role) = keys(models);
    put(buffer, inner, usize::from(inner.height).saturating_sub(1), &keys, app.theme.style(role));
    let x = inner.x + 2 + u16::try_from(text::width(&query)).unwrap_or(0);
    Position::new(x.min(inner.right().saturating_sub(1)), inner.y + 1)
}

/// Rows that the whole of it would take.
pub fn height(models: &ModelList) -> u16 {
    let rows = models.rows().len().clamp(4, 12);
    u16::try_from(rows + DETAILS + 6).unwrap_or(u16::MAX)
}

fn details(app: &App, models: &ModelList, cells: usize) -> Vec<Line<'static>> {
    let chosen = models.chosen().into_iter().flat_map(|offer| offer.details.iter());
    let style = app.theme.style(Role::Text);
    chosen.flat_map(|detail| wrap_plain(&text::sanitize_line(detail), style, cells)).collect()
}

fn keys(models: &ModelList) -> (String, Role) {
    if let Some(complaint) = &models.complaint {
        return (text::sanitize_line(complaint).into_owned(), Role::Warn);
    }
    let enter = match models.chosen().map(|offer| offer.ready) {
        Some(Ready::Download(_)) => "Enter downloads it",
        Some(Ready::Missing) => "not ready yet",
        _ => "Enter takes it",
    };
    let later = if models.first_run { "Esc later (F3)" } else { "Esc back" };
    let looking = if models.looking { "   looking on this machine…" } else { "" };
    (format!("{enter}   ↑↓ choose   {later}{looking}"), Role::Key)
}

fn put(buffer: &mut Buffer, area: Rect, row: usize, words: &str, style: ratatui::style::Style) {
    if row < usize::from(area.height) {
        buffer.set_stringn(area.x, super::y(area, row), words, usize::from(area.width), style);
    }
}
