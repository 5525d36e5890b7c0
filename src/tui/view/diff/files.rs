//! The files of a proposal with their marks: a tree where there is room for its folders, else a list.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::{ChangeKind, FileChange, Verdict};
use crate::text;
use crate::tui::app::App;
use crate::tui::theme::Role;

/// Files shown at most in a pane of usual height; the list scrolls beyond.
pub(super) const MOST: u16 = 8;

/// A line of the list.
enum Entry<'a> {
    Folder(&'a str),
    File(usize, &'a FileChange),
}

/// How many rows the list takes of a pane.
pub(super) fn height(app: &App, pane: u16) -> u16 {
    let most = if pane >= 44 { pane / 4 } else { (pane / 4).clamp(1, MOST) };
    let tree = u16::try_from(entries(app, true).len()).unwrap_or(u16::MAX);
    let files = u16::try_from(app.diff.changes().len()).unwrap_or(u16::MAX);
    if tree <= most { tree } else { files.min(most) }
}

fn entries(app: &App, folders: bool) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let mut last = "";
    for (index, change) in app.diff.changes().iter().enumerate() {
        let folder = change.path.parent().unwrap_or_default();
        if folders && folder != last {
            entries.push(Entry::Folder(folder));
            last = folder;
        }
        entries.push(Entry::File(index, change));
    }
    entries
}

/// The lines on screen: as a tree when all of it fits.
fn visible(app: &App, height: u16) -> (Vec<Entry<'_>>, bool) {
    let rows = usize::from(height).max(1);
    let tree = entries(app, true);
    let as_tree = tree.len() <= rows && tree.len() > app.diff.changes().len();
    let all = if as_tree { tree } else { entries(app, false) };
    let chosen = all.iter().position(|entry| matches!(entry, Entry::File(index, _) if *index == app.diff.file()));
    let first = (chosen.unwrap_or(0) + 1).saturating_sub(rows);
    (all.into_iter().skip(first).take(rows).collect(), as_tree)
}

/// The file in a row of the list.
pub fn file_at(app: &App, area: Rect, row: usize) -> Option<usize> {
    match visible(app, area.height).0.get(row)? {
        Entry::File(index, _) => Some(*index),
        Entry::Folder(_) => None,
    }
}

pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let (entries, as_tree) = visible(app, area.height);
    for (row, entry) in entries.into_iter().enumerate() {
        let line = Rect { y: crate::tui::view::y(area, row), height: 1, ..area };
        match entry {
            Entry::Folder(folder) => {
                let words =
                    format!(" {}/", shorten(&text::sanitize_line(folder), usize::from(area.width).saturating_sub(3)));
                buffer.set_stringn(line.x, line.y, words, usize::from(area.width), app.theme.style(Role::Dim));
            }
            Entry::File(index, change) => file(app, line, index, (change, as_tree), buffer),
        }
    }
}

fn mark(verdict: Verdict) -> (&'static str, Role) {
    match verdict {
        Verdict::Accept => ("●", Role::Pass),
        Verdict::Reject => ("✗", Role::Fail),
        Verdict::Edit => ("✎", Role::Warn),
        Verdict::Open => ("○", Role::Dim),
    }
}

/// Cells for the marks of a file.
const MARKS: usize = 10;

/// How its hunks stand, and how many comments there are.
fn tail(app: &App, index: usize, change: &FileChange) -> Vec<Span<'static>> {
    let style = |role| app.theme.style(role);
    let counts = match (change.binary, app.diff.shows_since()) {
        (true, _) => "binary".to_owned(),
        (false, true) => String::new(),
        (false, false) => format!("+{} −{}", change.added, change.removed),
    };
    let mut spans = vec![Span::styled(format!("{counts:>10} "), style(Role::Dim))];
    let Some(marks) = app.diff.marks(index) else { return spans };
    let fresh = app.diff.was_reviewed() && app.diff.is_new_since(change);
    spans.push(Span::styled(if fresh { "↻ " } else { "  " }, style(Role::Accent)));
    if marks.few.is_empty() {
        let decided = marks.counts.total() - marks.counts.open;
        spans.push(Span::raw(format!("{decided}/{}", marks.counts.total())));
    } else {
        spans
            .extend(marks.few.iter().map(|verdict| mark(*verdict)).map(|(sign, role)| Span::styled(sign, style(role))));
    }
    if marks.remarks > 0 {
        spans.push(Span::styled(format!(" “{}", marks.remarks), style(Role::Warn)));
    }
    let taken: usize = spans.iter().skip(2).map(Span::width).sum();
    spans.push(Span::raw(" ".repeat(MARKS.saturating_sub(taken).min(4))));
    spans
}

fn file(app: &App, area: Rect, index: usize, (change, in_tree): (&FileChange, bool), buffer: &mut Buffer) {
    let chosen = index == app.diff.file();
    let theme = &app.theme;
    let tail = tail(app, index, change);
    let kind = match change.kind {
        ChangeKind::Add => "A ",
        ChangeKind::Delete => "D ",
        ChangeKind::Rename => "R ",
        ChangeKind::Edit => "",
    };
    let indent = if in_tree && change.path.parent().is_some_and(|folder| !folder.is_empty()) { " " } else { "" };
    let taken: usize = tail.iter().map(Span::width).sum::<usize>() + 4 + kind.len() + indent.len();
    let room = usize::from(area.width).saturating_sub(taken);
    let name = if in_tree { change.path.file_name() } else { change.path.as_str() };
    let path = shorten(&text::sanitize_line(name), room);
    let pad = room.saturating_sub(text::width(&path));
    let arrow = if chosen { "▾ " } else { "▸ " };
    let mut spans = vec![
        Span::styled(format!(" {indent}{arrow}"), theme.style(Role::Accent)),
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
    let tails = path.char_indices().map(|(at, _)| path.get(at..).unwrap_or_default());
    tails.into_iter().find(|tail| text::width(tail) < cells).map(|tail| format!("…{tail}")).unwrap_or_default()
}
