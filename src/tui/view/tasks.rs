//! The tasks pane.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::tui::app::App;
use crate::tui::keymap::Place;
use crate::tui::theme::Role;
use crate::tui::widget::list::{self, Cursor};

/// Draws the pane.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    super::frame(app, Place::Tasks, area, vec![Span::styled("Tasks", app.theme.style(Role::Strong))], buffer);
    let inner = super::inside(area);
    let (tasks, cursor) = app.tasks.lines();
    if tasks.is_empty() {
        let words = "This session is the only task. Write a message in the chat to begin.";
        buffer.set_stringn(inner.x + 1, inner.y, words, usize::from(inner.width), app.theme.style(Role::Dim));
        return;
    }
    let rows: Vec<(String, String)> = tasks
        .into_iter()
        .map(|task| {
            let title = if task.title.is_empty() { "(nothing said yet)" } else { task.title.as_str() };
            (title.to_owned(), format!("{} · {}", task.agent, task.state))
        })
        .collect();
    list::draw(buffer, inner, &rows, Cursor { index: cursor }, &app.theme);
}
