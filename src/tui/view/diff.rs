//! The diff pane: files, then the hunks of the chosen one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::{ChangeKind, FileChange, Verdict};
use crate::text;
use crate::tui::app::App;
use crate::tui::keymap::{Action, Place};
use crate::tui::theme::Role;
use crate::tui::widget::rich::wrap_plain;

mod body;

/// Files shown at most; the list scrolls beyond.
const FILES: u16 = 8;
/// Marks of single hunks in the list; more hunks are counted.
const MARKS: usize = 10;

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
    let count = app.diff.proposal().map_or(0, |proposal| proposal.changes.len());
    if inner.is_empty() || count == 0 {
        return Areas { body: inner, ..Areas::default() };
    }
    let most = (inner.height / 4).clamp(1, FILES);
    let height = u16::try_from(count).unwrap_or(u16::MAX).min(most);
    let files = Rect { height, ..inner };
    let rule = Rect { y: files.bottom(), height: 1, ..inner };
    let body = Rect { y: rule.bottom(), height: inner.height.saturating_sub(height + 1), ..inner };
    Areas { files, rule, body }
}

/// Index of the first file in the list.
pub fn first_file(app: &App, files: Rect) -> usize {
    (app.diff.file() + 1).saturating_sub(usize::from(files.height).max(1))
}

/// Draws the pane.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let areas = areas(app, area);
    super::frame(app, Place::Diff, area, title(app, area.width), buffer);
    let Some(proposal) = app.diff.proposal() else { return empty(app, areas.body, buffer) };
    let first = first_file(app, areas.files);
    for (row, (index, change)) in
        proposal.changes.iter().enumerate().skip(first).take(usize::from(areas.files.height)).enumerate()
    {
        file_row(app, Rect { y: super::y(areas.files, row), height: 1, ..areas.files }, index, change, buffer);
    }
    let hidden = proposal.changes.len().saturating_sub(usize::from(areas.files.height));
    let mut rule = "─".repeat(usize::from(areas.rule.width));
    if hidden > 0 {
        rule = format!("── file {} of {} ──{rule}", app.diff.file() + 1, proposal.changes.len());
    }
    buffer.set_stringn(areas.rule.x, areas.rule.y, rule, usize::from(areas.rule.width), app.theme.style(Role::Border));
    body::draw(app, areas.body, buffer);
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

fn mark(verdict: Verdict) -> (&'static str, Role) {
    match verdict {
        Verdict::Accept => ("●", Role::Pass),
        Verdict::Reject => ("✗", Role::Fail),
        Verdict::Edit => ("✎", Role::Warn),
        Verdict::Open => ("○", Role::Dim),
    }
}

fn file_row(app: &App, area: Rect, index: usize, change: &FileChange, buffer: &mut Buffer) {
    let chosen = index == app.diff.file();
    let theme = &app.theme;
    let mut tail: Vec<Span<'static>> = Vec::new();
    let counts = if change.binary { "binary".to_owned() } else { format!("+{} −{}", change.added, change.removed) };
    tail.push(Span::styled(format!("{counts:>10}  "), theme.style(Role::Dim)));
    let verdicts = change.hunks.iter().map(|hunk| app.diff.verdict_word(&hunk.id));
    if change.hunks.len() <= MARKS {
        tail.extend(verdicts.map(mark).map(|(sign, role)| Span::styled(sign, theme.style(role))));
    } else {
        let decided = verdicts.filter(|verdict| *verdict != Verdict::Open).count();
        tail.push(Span::raw(format!("{decided}/{}", change.hunks.len())));
    }
    let marks: usize = tail.iter().skip(1).map(Span::width).sum();
    tail.push(Span::raw(" ".repeat(MARKS.saturating_sub(marks).min(4))));
    let kind = match change.kind {
        ChangeKind::Add => "A ",
        ChangeKind::Delete => "D ",
        ChangeKind::Rename => "R ",
        ChangeKind::Edit => "",
    };
    let taken: usize = tail.iter().map(Span::width).sum::<usize>() + 4 + kind.len();
    let room = usize::from(area.width).saturating_sub(taken);
    let path = text::sanitize_line(change.path.as_str()).into_owned();
    let path = shorten(&path, room);
    let pad = room.saturating_sub(text::width(&path));
    let mut spans = vec![
        Span::styled(if chosen { " ▾ " } else { " ▸ " }, theme.style(Role::Accent)),
        Span::styled(kind, theme.style(Role::Warn)),
        Span::styled(path, theme.style(if chosen { Role::Strong } else { Role::Text })),
        Span::raw(" ".repeat(pad + 1)),
    ];
    spans.extend(tail);
    buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
    if chosen {
        buffer.set_style(area, theme.style(Role::Cursor));
    }
}

/// Cuts a path at its beginning: its end says more.
fn shorten(path: &str, cells: usize) -> String {
    if text::width(path) <= cells {
        return path.to_owned();
    }
    let tail = path.char_indices().map(|(at, _)| path.get(at..).unwrap_or_default());
    tail.into_iter().find(|tail| text::width(tail) < cells).map(|tail| format!("…{tail}")).unwrap_or_default()
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
