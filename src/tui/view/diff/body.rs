//! The hunks of a file. Only the rows on screen are looked at.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diff::{self, DiffLine, Side};
use crate::domain::Verdict;
use crate::highlight::Token;
use crate::text;
use crate::tui::app::App;
use crate::tui::pane::diff::{FileView, Row, partner};
use crate::tui::theme::Role;
use crate::tui::view::code_line::{self, Look};

/// Bytes of a line that is still compared within.
const INTRALINE: usize = 2_000;

/// Draws the rows on screen.
pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(view) = app.diff.view() else {
        buffer.set_stringn(area.x + 1, area.y, "reading…", usize::from(area.width), app.theme.style(Role::Dim));
        return;
    };
    let painter = Body { app, view, digits: digits(view) };
    let rows = app.diff.rows().iter().enumerate().skip(app.diff.top()).take(usize::from(area.height));
    for (at, (index, row)) in rows.enumerate() {
        let line = Rect { y: super::super::y(area, at), height: 1, ..area };
        painter.row(*row, line, buffer);
        if index == app.diff.cursor() && app.focus() == crate::tui::keymap::Place::Diff {
            buffer.set_stringn(line.x, line.y, "›", 1, app.theme.style(Role::Accent));
            let style = app.theme.style(Role::Cursor);
            if matches!(row, Row::Rule(_)) || style.bg.is_none() {
                buffer.set_style(line, style);
            } else {
                // The colours of the sides stay visible on the line itself; the gutter shows the cursor.
                let gutter = u16::try_from(2 * painter.digits + 4).unwrap_or(0).min(line.width);
                buffer.set_style(Rect { width: gutter, ..line }, style);
            }
        }
    }
}

fn digits(view: &FileView) -> usize {
    let last = view
        .hunks
        .last()
        .map_or(0, |hunk| (hunk.hunk.old[0] + hunk.hunk.old[1]).max(hunk.hunk.new[0] + hunk.hunk.new[1]));
    last.max(view.lines.len()).to_string().len().max(3)
}

struct Body<'a> {
    app: &'a App,
    view: &'a FileView,
    digits: usize,
}

impl Body<'_> {
    fn style(&self, role: Role) -> Style {
        self.app.theme.style(role)
    }

    fn row(&self, row: Row, area: Rect, buffer: &mut Buffer) {
        match row {
            Row::Notice(index) => {
                let words = self.view.notices.get(index).map(String::as_str).unwrap_or_default();
                let words = text::sanitize_line(words);
                buffer.set_stringn(area.x + 1, area.y, words, usize::from(area.width), self.style(Role::Warn));
            }
            Row::Rule(hunk) => self.rule(hunk, area, buffer),
            Row::Line(hunk, at) => {
                if let Some(line) = self.line(hunk, at) {
                    let area = self.gutter(line.old, line.new, (hunk, at), area, buffer);
                    self.code(hunk, at, line, area, buffer);
                }
            }
            Row::Extra(old, new) => {
                let area = self.gutter(Some(old), Some(new), (usize::MAX, 0), area, buffer);
                let content = self.view.lines.get(new.saturating_sub(1)).map(String::as_str).unwrap_or_default();
                let tokens = self.view.paints.as_ref().map(|paints| paints.new.line(new.saturating_sub(1)));
                self.draw_code(content, tokens.unwrap_or_default(), &[], Side::Context, shifted(area), buffer);
            }
            Row::Pair(hunk, left, right) => self.pair(hunk, left, right, area, buffer),
        }
    }

    fn line(&self, hunk: usize, at: usize) -> Option<&DiffLine> {
        self.view.hunks.get(hunk)?.lines.get(at)
    }

    fn rule(&self, index: usize, area: Rect, buffer: &mut Buffer) {
        let diff = &self.app.diff;
        let hunks = diff.change().map(|change| change.hunks.as_slice()).unwrap_or_default();
        let Some(hunk) = hunks.get(index) else { return };
        let verdict = diff.verdict(&hunk.id);
        let (word, role) = match verdict.map_or(Verdict::Open, |verdict| verdict.verdict) {
            Verdict::Accept => ("● accepted", Role::Pass),
            Verdict::Reject => ("✗ rejected", Role::Fail),
            Verdict::Edit => ("✎ accepted with your edit", Role::Warn),
            Verdict::Open => ("○ open", Role::Dim),
        };
        let rule = self.style(Role::Rule);
        let mut spans = vec![
            Span::styled(format!("── hunk {}/{} ── ", index + 1, hunks.len()), rule),
            Span::styled(word, self.style(role)),
        ];
        if let Some(comment) = verdict.and_then(|verdict| verdict.comment.as_deref()) {
            let place = verdict.and_then(|verdict| verdict.line).map(|line| format!(" {line}")).unwrap_or_default();
            let words = text::sanitize_line(comment.lines().next().unwrap_or_default()).into_owned();
            spans.push(Span::styled(format!(" ── comment{place}: “{words}”"), self.style(Role::Warn)));
        }
        spans.push(Span::styled(format!(" {}", "─".repeat(usize::from(area.width))), rule));
        buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
    }

    fn gutter(
        &self,
        old: Option<usize>,
        new: Option<usize>,
        (hunk, at): (usize, usize),
        area: Rect,
        buffer: &mut Buffer,
    ) -> Rect {
        let number = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
        let digits = self.digits;
        let bar = if self.app.diff.is_selected(hunk, at) { "┃" } else { "│" };
        let words = format!(" {:>digits$} {:>digits$} {bar}", number(old), number(new));
        let role = match (old, new) {
            (None, Some(_)) => Role::AddedSign,
            (Some(_), None) => Role::RemovedSign,
            _ => Role::Dim,
        };
        let style = if bar == "┃" { self.style(Role::Selected) } else { self.style(role) };
        let (x, _) = buffer.set_stringn(area.x, area.y, words, usize::from(area.width), style);
        Rect { x, width: area.right().saturating_sub(x), ..area }
    }

    fn code(&self, hunk: usize, at: usize, line: &DiffLine, area: Rect, buffer: &mut Buffer) {
        let (sign, role) = match line.side {
            Side::Added => ("+", Role::AddedSign),
            Side::Removed => ("-", Role::RemovedSign),
            Side::Context => (" ", Role::Dim),
        };
        buffer.set_stringn(area.x, area.y, sign, 1, self.style(role));
        let text = String::from_utf8_lossy(&line.bytes);
        let content = text.strip_suffix('\n').unwrap_or(&text);
        let content = content.strip_suffix('\r').unwrap_or(content);
        let marks = self.marks(hunk, at, line, content);
        let tokens = self.tokens(line);
        let rest = shifted(area);
        self.draw_code(content, tokens, &marks, line.side, rest, buffer);
        if !text.ends_with('\n') {
            let cells = u16::try_from(text::width(&text::sanitize_line(content))).unwrap_or(u16::MAX);
            let x = rest.x.saturating_add(cells).saturating_add(1);
            if x < rest.right() && self.app.diff.left() == 0 {
                let room = usize::from(rest.right() - x);
                buffer.set_stringn(x, rest.y, "(no newline at the end)", room, self.style(Role::Dim));
            }
        }
    }

    fn tokens(&self, line: &DiffLine) -> &[(Range<usize>, Token)] {
        let Some(paints) = &self.view.paints else { return &[] };
        match (line.side, line.old, line.new) {
            (Side::Removed, Some(old), _) => paints.old.line(old.saturating_sub(1)),
            (_, _, Some(new)) => paints.new.line(new.saturating_sub(1)),
            _ => &[],
        }
    }

    /// What differs from the line this one took the place of.
    fn marks(&self, hunk: usize, at: usize, line: &DiffLine, content: &str) -> Vec<Range<usize>> {
        if !self.app.diff.marks_within_lines() || content.len() > INTRALINE {
            return Vec::new();
        }
        let other = self.view.hunks.get(hunk).and_then(|hunk| hunk.lines.get(partner(hunk, at)?));
        let Some(other) = other.filter(|other| other.bytes.len() <= INTRALINE) else { return Vec::new() };
        let other = String::from_utf8_lossy(&other.bytes);
        let other = other.trim_end_matches(['\n', '\r']);
        match line.side {
            Side::Removed => diff::intraline(content, other).0,
            Side::Added => diff::intraline(other, content).1,
            Side::Context => Vec::new(),
        }
    }

    fn draw_code(
        &self,
        content: &str,
        tokens: &[(Range<usize>, Token)],
        marks: &[Range<usize>],
        side: Side,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let (base, mark) = match side {
            Side::Added => (self.style(Role::Added), self.style(Role::AddedMark)),
            Side::Removed => (self.style(Role::Removed), self.style(Role::RemovedMark)),
            Side::Context => (Style::new(), Style::new()),
        };
        let found = self.found(content);
        let look =
            Look { theme: &self.app.theme, tokens, marks, found: &found, base, mark, left: self.app.diff.left() };
        code_line::draw(buffer, area, content, &look);
    }

    fn found(&self, content: &str) -> Vec<Range<usize>> {
        let wanted = self.app.diff.search();
        if wanted.is_empty() || !content.is_ascii() || !wanted.is_ascii() {
            return Vec::new();
        }
        let (content, wanted) = (content.to_ascii_lowercase(), wanted.to_ascii_lowercase());
        content.match_indices(&wanted).map(|(at, found)| at..at + found.len()).collect()
    }

    fn pair(&self, hunk: usize, left: Option<usize>, right: Option<usize>, area: Rect, buffer: &mut Buffer) {
        let half = area.width / 2;
        let sides = [
            (left, Rect { width: half, ..area }, true),
            (right, Rect { x: area.x + half, width: area.width - half, ..area }, false),
        ];
        for (at, area, old) in sides {
            let line = at.and_then(|at| Some((at, self.line(hunk, at)?)));
            let number = line.and_then(|(_, line)| if old { line.old } else { line.new });
            let digits = self.digits;
            let selected = at.is_some_and(|at| self.app.diff.is_selected(hunk, at));
            let bar = if selected { "┃" } else { "│" };
            let words = format!(" {:>digits$} {bar}", number.map(|n| n.to_string()).unwrap_or_default());
            let style = self.style(if selected { Role::Selected } else { Role::Dim });
            let (x, _) = buffer.set_stringn(area.x, area.y, words, usize::from(area.width), style);
            if let Some((at, line)) = line {
                self.code(hunk, at, line, Rect { x, width: area.right().saturating_sub(x), ..area }, buffer);
            }
        }
    }
}

/// Behind the sign.
fn shifted(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area }
}
