//! The commit dialog: what goes in, what the gates say, the message.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::text;
use crate::tui::app::App;
use crate::tui::keymap::{Action, Scope};
use crate::tui::pane::log::gate_words;
use crate::tui::popup::{CommitDialog, Field};
use crate::tui::theme::Role;
use crate::tui::widget::rich::{styled, wrap_plain};

use super::{centred, lines, open, write};

/// Hunks that need others which are named one by one.
const NEEDS: usize = 3;
/// Gates that are named one by one.
const GATES: usize = 6;

pub(super) fn draw(app: &App, dialog: &CommitDialog, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
    let inner = open(app, title(dialog), centred(screen, 92, 24), buffer);
    let cells = usize::from(inner.width);
    let mut rows = counts(app, cells);
    rows.extend(needs(app, cells));
    rows.extend(gates(app, cells));
    let branch_rows = u16::from(dialog.branch.is_some());
    let hint = hint(app, dialog);
    let hint_rows = wrap_plain(&hint, app.theme.style(if dialog.sure { Role::Warn } else { Role::Key }), cells);
    let foot = u16::try_from(hint_rows.len()).unwrap_or(1).min(inner.height / 3);
    let top = u16::try_from(rows.len()).unwrap_or(0).min(inner.height.saturating_sub(foot + branch_rows + 3));
    lines(&rows, Rect { height: top, ..inner }, buffer);
    let rule = "─".repeat(cells);
    buffer.set_stringn(inner.x, inner.y + top, rule, cells, app.theme.style(Role::Border));
    let last = inner.bottom().saturating_sub(foot);
    lines(&hint_rows, Rect { y: last, height: foot, ..inner }, buffer);
    let mut room = Rect { y: inner.y + top + 1, height: last.saturating_sub(inner.y + top + 1), ..inner };
    let mut cursor = None;
    if let Some(branch) = &dialog.branch {
        let label = "on new branch ";
        buffer.set_stringn(room.x, room.y, label, cells, app.theme.style(Role::Accent));
        let offset = u16::try_from(label.len()).unwrap_or(0).min(room.width);
        let line = Rect { x: room.x + offset, width: room.width - offset, height: 1, ..room };
        cursor = Some(write(app, branch, line, buffer)).filter(|_| dialog.field == Field::Branch);
        room = Rect { y: room.y + 1, height: room.height.saturating_sub(1), ..room };
    }
    let message = write(app, &dialog.area, room, buffer);
    (!dialog.sure).then(|| cursor.unwrap_or(message))
}

fn title(dialog: &CommitDialog) -> &'static str {
    match (&dialog.branch, dialog.amend) {
        (Some(_), _) => "Commit what is accepted, on a new branch",
        (None, true) => "Amend the last commit with what is accepted",
        (None, false) => "Commit what is accepted",
    }
}

fn counts(app: &App, cells: usize) -> Vec<Line<'static>> {
    let style = |role| app.theme.style(role);
    let counts = app.diff.counts();
    let mut rows = vec![Line::from(vec![
        Span::styled(format!("● {} accepted", counts.accepted), style(Role::Pass)),
        Span::styled(format!("   ✗ {} rejected", counts.rejected), style(Role::Fail)),
        Span::styled(format!("   ○ {} open", counts.open), style(Role::Dim)),
    ])];
    if counts.accepted == 0 {
        rows.push(styled("Nothing is accepted yet: a accepts a hunk, A the whole file.", style(Role::Warn)));
    } else if counts.rejected + counts.open > 0 && !app.start.review_only {
        let words = "Only what is accepted goes in; the gates run again on exactly that.";
        rows.extend(wrap_plain(words, style(Role::Dim), cells));
    }
    rows
}

/// Accepted hunks that use what is not accepted.
fn needs(app: &App, cells: usize) -> Vec<Line<'static>> {
    let unmet = app.diff.unmet_accepted();
    let mut rows: Vec<Line<'static>> = unmet
        .iter()
        .take(NEEDS)
        .map(|(path, unmet)| {
            let state = if unmet.rejected { "is rejected" } else { "is not accepted" };
            let words = format!("⚠ {path} uses `{}`, whose hunk in {} {state}", unmet.name, unmet.path);
            styled(text::truncate(&text::sanitize_line(&words), cells).into_owned(), app.theme.style(Role::Warn))
        })
        .collect();
    if unmet.len() > NEEDS {
        rows.push(styled(format!("⚠ and {} more", unmet.len() - NEEDS), app.theme.style(Role::Warn)));
    }
    rows
}

fn gates(app: &App, cells: usize) -> Vec<Line<'static>> {
    if app.start.review_only {
        return Vec::new();
    }
    if app.diff.evidence().is_empty() {
        return vec![styled("no gate has reported yet", app.theme.style(Role::Warn))];
    }
    let row = |evidence: &crate::domain::Evidence| {
        let role = if evidence.status == crate::domain::GateStatus::Pass { Role::Pass } else { Role::Fail };
        styled(text::truncate(&gate_words(evidence), cells).into_owned(), app.theme.style(role))
    };
    app.diff.evidence().iter().take(GATES).map(row).collect()
}

/// The keys, from the key map.
fn hint(app: &App, dialog: &CommitDialog) -> String {
    if dialog.sure {
        return "A gate is not green. Commit all the same? y yes   n no".to_owned();
    }
    let key = |action: Action| app.keys.key_of(action);
    let mut words = vec![
        format!("{} commits", key(Action::Send)),
        format!("{} new line", key(Action::Newline)),
        format!("{} editor", key(Action::EditMessage)),
    ];
    let on = |on: bool| if on { "✓" } else { "" };
    let branch = dialog.branch.is_some();
    for (place, word) in app.keys.footer(Scope::Dialog) {
        match word {
            "amend" => words.push(format!("{place} amend{}", on(dialog.amend))),
            "branch" => words.push(format!("{place} new branch{}", on(branch))),
            "fixup" => words.push(format!("{place} fixup")),
            _ => {}
        }
    }
    if branch {
        words.push("Tab its name".to_owned());
    }
    words.push("Esc back".to_owned());
    words.join("   ")
}
