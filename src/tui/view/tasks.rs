//! The tasks pane.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::tui::app::App;
use crate::tui::keymap::Place;
use crate::tui::theme::Role;
use crate::tui::widget::list::{self, Cursor};
use crate::tui::widget::rich::wrap_plain;

/// Draws the pane.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    super::frame(app, Place::Tasks, area, vec![Span::styled("Tasks", app.theme.style(Role::Strong))], buffer);
    let inner = super::inside(area);
    let (tasks, cursor, here) = app.tasks.lines();
    let alone = tasks.len() == 1;
    let rows: Vec<(String, String)> = tasks
        .into_iter()
        .enumerate()
        .map(|(index, task)| {
            let title = if task.title.is_empty() { "(nothing said yet)" } else { task.title.as_str() };
            let here = if Some(index) == here { "● " } else { "  " };
            (format!("{here}{title}"), format!("{} · {}", task.agent, task.state.words()))
        })
        .collect();
    list::draw(buffer, inner, &rows, Cursor { index: cursor }, &app.theme);
    if alone {
        let words = "This session is the only task. Ctrl-t hands a task to another agent: it works in a workspace of its \
                     own, and its proposal waits for you here.";
        let lines = wrap_plain(words, app.theme.style(Role::Dim), usize::from(inner.width.saturating_sub(2)));
        for (row, line) in lines.iter().enumerate().take(usize::from(inner.height.saturating_sub(2))) {
            buffer.set_line(inner.x + 2, super::y(inner, row + 2), line, inner.width.saturating_sub(2));
        }
    }
}
