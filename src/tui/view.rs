//! The screen as a function of the application's state.
//!
//! [`prepare`] tells the panes how much room they have, so that they can find what is visible; [`draw`] only reads.

pub mod bars;
pub mod chat;
pub mod code_line;
pub mod diff;
pub mod log;
pub mod models;
pub mod popup;
pub mod tasks;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Widget as _};

use super::app::App;
use super::keymap::Place;
use super::layout::SMALLEST;
use super::pane::chat::{ChatPane, Frame};
use super::theme::Role;

/// Tells the panes their sizes.
pub fn prepare(app: &mut App) {
    on_chat(app, ChatPane::prepare);
    let diff = diff::areas(app, app.screen.pane(Place::Diff)).body;
    app.diff.set_height(usize::from(diff.height));
    let log = log::areas(app, app.screen.pane(Place::Log)).1;
    app.log.set_height(usize::from(log.height));
}

/// Does what the next key of a reader would have to wait for. Comes after a frame is sent.
pub fn look_ahead(app: &mut App) {
    on_chat(app, ChatPane::look_ahead);
}

fn on_chat(app: &mut App, act: impl FnOnce(&mut ChatPane, Frame<'_>)) {
    let chat = app.screen.pane(Place::Chat);
    if chat.is_empty() {
        return;
    }
    let areas = chat::areas(app, chat);
    let frame = Frame {
        width: usize::from(areas.transcript.width),
        height: usize::from(areas.transcript.height),
        growing: app.session.busy.is_some(),
        theme: &app.theme,
        painter: &app.painter,
    };
    act(&mut app.chat, frame);
}

/// Draws everything. Returns where the cursor is to be shown.
pub fn draw(app: &App, buffer: &mut Buffer) -> Option<Position> {
    if app.screen.too_small {
        return too_small(app, buffer);
    }
    buffer.set_style(app.screen.area, app.theme.style(Role::Text));
    bars::header(app, app.screen.header, buffer);
    bars::footer(app, app.screen.footer, buffer);
    let mut cursor = None;
    for place in Place::ALL {
        let area = app.screen.pane(place);
        if area.is_empty() {
            continue;
        }
        match place {
            Place::Chat => cursor = chat::draw(app, area, buffer),
            Place::Diff => diff::draw(app, area, buffer),
            Place::Log => log::draw(app, area, buffer),
            Place::Tasks => tasks::draw(app, area, buffer),
        }
    }
    match &app.popup {
        Some(popup) => popup::draw(app, popup, app.screen.area, buffer),
        None => cursor.filter(|_| app.focus() == Place::Chat),
    }
}

fn too_small(app: &App, buffer: &mut Buffer) -> Option<Position> {
    let area = app.screen.area;
    let (width, height) = SMALLEST;
    let words = format!("{}x{} is too small: Tenon needs {width}x{height}", area.width, area.height);
    for (row, line) in
        super::widget::rich::wrap_plain(&words, app.theme.style(Role::Text), usize::from(area.width).max(1))
            .iter()
            .take(usize::from(area.height))
            .enumerate()
    {
        buffer.set_line(area.x, area.y + u16::try_from(row).unwrap_or(0), line, area.width);
    }
    None
}

/// The inside of a pane's frame.
fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height.saturating_sub(2) }
}

/// Draws a pane's frame with its title. The focused one is marked by its colour and by `●`.
fn frame(app: &App, place: Place, area: Rect, title: Vec<Span<'static>>, buffer: &mut Buffer) {
    let focused = app.focus() == place;
    let style = app.theme.style(if focused { Role::BorderFocused } else { Role::Border });
    let mut spans = vec![Span::styled(if focused { "●" } else { " " }, style)];
    spans.extend(title);
    spans.push(Span::raw(" "));
    Block::bordered().border_style(style).title(Line::from(spans)).render(area, buffer);
}

/// A row number as the screen counts.
fn y(area: Rect, row: usize) -> u16 {
    area.y.saturating_add(u16::try_from(row).unwrap_or(u16::MAX))
}
