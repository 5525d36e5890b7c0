//! What lies over the panes.

mod commit_dialog;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget as _};

use super::models;
use crate::text;
use crate::tui::app::App;
use crate::tui::keymap::{KEYS, Places};
use crate::tui::popup::{Picker, Popup};
use crate::tui::slash::SLASHES;
use crate::tui::theme::Role;
use crate::tui::widget::list;
use crate::tui::widget::rich::{styled, wrap_plain};
use crate::tui::widget::text_area::TextArea;

/// Draws the popup. Returns where the cursor is.
pub fn draw(app: &App, popup: &Popup, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
    match popup {
        Popup::Help(scroll) => {
            let inner = open(app, "Keys (Esc closes)", centred(screen, 96, screen.height), buffer);
            let rows = help(app, usize::from(inner.width));
            let scroll = (*scroll).min(rows.len().saturating_sub(usize::from(inner.height)));
            lines(rows.get(scroll..).unwrap_or_default(), inner, buffer);
            None
        }
        Popup::Message { title, lines: words } => {
            let height = u16::try_from(words.len()).unwrap_or(u16::MAX).saturating_add(2);
            let inner = open(app, title, centred(screen, 90, height), buffer);
            let rows: Vec<Line<'static>> = words
                .iter()
                .flat_map(|line| {
                    wrap_plain(&text::sanitize_line(line), app.theme.style(Role::Text), usize::from(inner.width))
                })
                .collect();
            lines(&rows, inner, buffer);
            None
        }
        Popup::Models(list) => {
            let area = centred(screen, 96, models::height(list));
            let inner = open(app, "Which model?", area, buffer);
            Some(models::draw(app, list, inner, buffer))
        }
        Popup::Pick(picker) => Some(pick(app, picker, screen, buffer)),
        Popup::Prompt(prompt) => {
            let width = usize::from(screen.width.min(90)).saturating_sub(4);
            let rows = prompt.area.wrapped(width).rows.len();
            let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2);
            let inner = open(app, &prompt.title, centred(screen, 90, height), buffer);
            Some(write(app, &prompt.area, inner, buffer))
        }
        Popup::Commit(dialog) => commit_dialog::draw(app, dialog, screen, buffer),
    }
}

fn centred(screen: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(screen.width.saturating_sub(2));
    let height = height.min(screen.height.saturating_sub(2));
    Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height }
}

/// Clears the room, draws the frame, returns the inside.
fn open(app: &App, title: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    Clear.render(area, buffer);
    buffer.set_style(area, app.theme.style(Role::Text));
    let title = format!(" {} ", text::truncate(&text::sanitize_line(title), usize::from(area.width).saturating_sub(4)));
    let style = app.theme.style(Role::BorderFocused);
    Block::bordered()
        .border_style(style)
        .title(Line::from(Span::styled(title, app.theme.style(Role::Strong))))
        .render(area, buffer);
    let inner = super::inside(area);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

fn lines(rows: &[Line<'_>], area: Rect, buffer: &mut Buffer) {
    for (row, line) in rows.iter().take(usize::from(area.height)).enumerate() {
        buffer.set_line(area.x, super::y(area, row), line, area.width);
    }
}

fn write(app: &App, area: &TextArea, room: Rect, buffer: &mut Buffer) -> Position {
    let wrapped = area.wrapped(usize::from(room.width));
    let first = (wrapped.row + 1).saturating_sub(usize::from(room.height).max(1));
    for (row, range) in wrapped.rows.iter().skip(first).take(usize::from(room.height)).enumerate() {
        let piece = text::sanitize_line(area.text().get(range.clone()).unwrap_or_default());
        buffer.set_stringn(room.x, super::y(room, row), piece, usize::from(room.width), app.theme.style(Role::Text));
    }
    let x = room.x + u16::try_from(wrapped.column).unwrap_or(0);
    Position::new(x.min(room.right().saturating_sub(1)), super::y(room, wrapped.row - first))
}

fn pick(app: &App, picker: &Picker, screen: Rect, buffer: &mut Buffer) -> Position {
    let inner = open(app, &picker.title, centred(screen, 90, 20), buffer);
    let query = text::sanitize_line(&picker.query);
    buffer.set_stringn(inner.x, inner.y, format!("› {query}"), usize::from(inner.width), app.theme.style(Role::Accent));
    let rows = picker.rows();
    let below = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    if rows.is_empty() {
        let words = if picker.query.is_empty() { "nothing to choose from" } else { "nothing fits" };
        buffer.set_stringn(below.x, below.y, words, usize::from(below.width), app.theme.style(Role::Dim));
    }
    list::draw(buffer, below, &rows, picker.cursor(), &app.theme);
    let x = inner.x + 2 + u16::try_from(text::width(&query)).unwrap_or(0);
    Position::new(x.min(inner.right().saturating_sub(1)), inner.y)
}

fn help(app: &App, cells: usize) -> Vec<Line<'static>> {
    let mut rows = Vec::new();
    let own = app.focus();
    let (mine, others): (Vec<_>, Vec<_>) = Places::GROUPS.iter().copied().partition(|(_, places)| places.holds(own));
    for (title, places) in mine.into_iter().chain(others) {
        rows.push(styled(title, app.theme.style(Role::Heading)));
        for entry in KEYS.iter().filter(|entry| entry.places == places) {
            let keys = app.keys.keys_of(entry.action).join(" ");
            push_help(&mut rows, app, &keys, entry.doc, cells);
        }
        rows.push(Line::default());
    }
    rows.push(styled("Commands in the chat", app.theme.style(Role::Heading)));
    for slash in SLASHES {
        push_help(&mut rows, app, format!("/{} {}", slash.name, slash.takes).trim_end(), slash.doc, cells);
    }
    rows
}

fn push_help(rows: &mut Vec<Line<'static>>, app: &App, keys: &str, doc: &str, cells: usize) {
    const COLUMN: usize = 26;
    let keys = text::truncate(keys, COLUMN - 1);
    let pad = COLUMN.saturating_sub(text::width(&keys));
    let first = Line::from(vec![Span::styled(format!("  {keys}{}", " ".repeat(pad)), app.theme.style(Role::Key))]);
    let rest = Line::from(" ".repeat(COLUMN + 2));
    let words = crate::tui::widget::rich::Rich::new(doc, app.theme.style(Role::Text));
    rows.extend(words.wrap(cells, &first, &rest));
}
