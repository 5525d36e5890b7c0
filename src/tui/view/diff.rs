//! The diff pane: files, then the hunks of the chosen one.

mod body;
mod files;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::text;
use crate::tui::app::App;
use crate::tui::keymap::{Action, Place};
use crate::tui::theme::Role;
use crate::tui::widget::rich::wrap_plain;

pub use files::file_at;

/// The parts of the pane.
#[derive(Clone, Copy, Debug, Default)]
pub struct Areas {
    /// The list of files.
    pub files: Rect,
    rule: Rect,
    /// The hunks.
    pub body: Rect,
}

/// Cuts the pane into its parts.
pub fn areas(app: &App, area: Rect) -> Areas {
    let inner = super::inside(area);
    if inner.is_empty() || app.diff.changes().is_empty() {
        return Areas { body: inner, ..Areas::default() };
    }
    let height = files::height(app, inner.height);
    let files = Rect { height, ..inner };
    let rule = Rect { y: files.bottom(), height: 1, ..inner };
    let body = Rect { y: rule.bottom(), height: inner.height.saturating_sub(height + 1), ..inner };
    Areas { files, rule, body }
}

/// Draws the pane.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let areas = areas(app, area);
    super::frame(app, Place::Diff, area, title(app, area.width), buffer);
    if app.diff.changes().is_empty() {
        return empty(app, areas.body, buffer);
    }
    files::draw(app, areas.files, buffer);
    rule(app, areas.rule, buffer);
    body::draw(app, areas.body, buffer);
}

/// The line between files and hunks: how much is left to decide.
fn rule(app: &App, area: Rect, buffer: &mut Buffer) {
    let counts = app.diff.counts();
    let mut words = Vec::new();
    if app.diff.changes().len() > usize::from(files::MOST) {
        words.push(format!("file {} of {}", app.diff.file() + 1, app.diff.changes().len()));
    }
    if app.diff.shows_since() {
        words.push("since your last review".to_owned());
    } else if counts.total() > 0 {
        words.push(match counts.open {
            0 => format!("all {} decided", counts.total()),
            open => format!("{open} of {} left to decide", counts.total()),
        });
    }
    let search = app.diff.search();
    if !search.is_empty() {
        words.push(format!("/{} n next, N before", text::truncate(&text::sanitize_line(search), 30)));
    }
    let words = words.join(" ── ");
    let line = format!("── {words} {}", "─".repeat(usize::from(area.width)));
    buffer.set_stringn(area.x, area.y, line, usize::from(area.width), app.theme.style(Role::Border));
}

fn title(app: &App, width: u16) -> Vec<Span<'static>> {
    let mut spans = vec![Span::styled("Diff", app.theme.style(Role::Strong))];
    let Some(proposal) = app.diff.proposal() else { return spans };
    let added: usize = proposal.changes.iter().map(|change| change.added).sum();
    let removed: usize = proposal.changes.iter().map(|change| change.removed).sum();
    let files = proposal.changes.len();
    let noun = if files == 1 { "file" } else { "files" };
    let mut tail = format!(" · {files} {noun} +{added} −{removed}");
    if app.diff.is_committed() {
        tail.push_str(" · committed");
    }
    let head = format!(" · {} ", text::sanitize_line(proposal.id.as_str()));
    let room = usize::from(width).saturating_sub(text::width(&head) + text::width(&tail) + 9);
    let name = text::sanitize_line(&proposal.title).into_owned();
    spans.push(Span::raw(head));
    spans.push(Span::raw(text::truncate(&name, room).into_owned()));
    spans.push(Span::styled(tail, app.theme.style(Role::Dim)));
    spans
}

fn empty(app: &App, area: Rect, buffer: &mut Buffer) {
    let key = app.keys.key_of(Action::Accept);
    let words = [
        "No proposal yet.".to_owned(),
        "What the agent changes in its workspace appears here as hunks.".to_owned(),
        format!("{key} accepts a hunk, r rejects it, c comments on a line, Enter commits what is accepted."),
        "/diff in the chat proposes what is there so far.".to_owned(),
    ];
    let cells = usize::from(area.width).saturating_sub(2);
    let rows = words.iter().flat_map(|words| wrap_plain(words, app.theme.style(Role::Dim), cells));
    for (row, line) in rows.take(usize::from(area.height)).enumerate() {
        buffer.set_line(area.x + 1, super::y(area, row), &line, area.width.saturating_sub(1));
    }
}
