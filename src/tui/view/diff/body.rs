//! The hunks of a file. Only the rows on screen are looked at.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diff::{self, SheetLine, Side};
use crate::domain::Verdict;
use crate::highlight::Token;
use crate::text;
use crate::tui::app::App;
use crate::tui::pane::diff::{FileView, Needle, Row};
use crate::tui::theme::Role;
use crate::tui::view::code_line::{self, Look};

/// Bytes of a line that is still compared within.
const INTRALINE: usize = 2_000;
/// Bytes of a line that are looked at; beyond them nobody scrolls.
const LONGEST: usize = 64 * 1024;

/// Draws the rows on screen.
pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(view) = app.diff.view() else {
        buffer.set_stringn(area.x + 1, area.y, "reading…", usize::from(area.width), app.theme.style(Role::Dim));
        return;
    };
    let painter = Body { app, view, digits: digits(view), needle: Needle::new(app.diff.search()) };
    let rows = app.diff.rows();
    for at in 0..usize::from(area.height) {
        let index = app.diff.top() + at;
        let Some(row) = rows.get(index) else { break };
        let line = Rect { y: crate::tui::view::y(area, at), height: 1, ..area };
        painter.row(row, line, buffer);
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
    view.sheet.new_len().max(view.sheet.old_len()).to_string().len().max(3)
}

struct Body<'a> {
    app: &'a App,
    view: &'a FileView,
    digits: usize,
    needle: Needle,
}

/// The text of a line without its end.
fn content(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    String::from_utf8_lossy(bytes.get(..LONGEST).unwrap_or(bytes))
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
                buffer.set_stringn(area.x + 1, area.y, words, usize::from(area.width) - 1, self.style(Role::Warn));
            }
            Row::Rule(piece) => self.rule(piece, area, buffer),
            Row::Remark(remark, at) => self.remark(remark, at, area, buffer),
            Row::Folded(piece) => self.folded(piece, area, buffer),
            Row::Line(hunk, at) => {
                if let Some(line) = self.view.sheet.line(hunk, at) {
                    let selected = self.app.diff.is_selected(hunk, at);
                    let area = self.gutter((line.old, line.new), selected, area, buffer);
                    self.code(Some((hunk, at)), &line, area, buffer);
                }
            }
            Row::Edited(piece, at) => {
                let edited = self.app.diff.pieces().get(piece).and_then(|piece| piece.edited.as_ref());
                if let Some(line) = edited.and_then(|edited| edited.line(at)) {
                    let area = self.gutter((line.old, line.new), false, area, buffer);
                    self.code(None, &line, area, buffer);
                }
            }
            Row::Extra(old, new) => {
                let area = self.gutter((Some(old), Some(new)), false, area, buffer);
                let line = SheetLine {
                    side: Side::Context,
                    old: Some(old),
                    new: Some(new),
                    bytes: self.view.sheet.new_line(new).unwrap_or_default(),
                };
                self.code(None, &line, area, buffer);
            }
            Row::Pair(hunk, left, right) => self.pair(hunk, left, right, area, buffer),
        }
    }

    fn rule(&self, index: usize, area: Rect, buffer: &mut Buffer) {
        let pieces = self.app.diff.pieces();
        let Some(piece) = pieces.get(index) else { return };
        let rule = self.style(Role::Rule);
        let part = if piece.part.lines.is_some() { " part" } else { "" };
        let mut spans = vec![Span::styled(format!("── hunk {}/{}{part} ── ", index + 1, pieces.len()), rule)];
        if self.app.diff.shows_since() {
            spans.push(Span::styled("since your review", self.style(Role::Dim)));
        } else {
            let (word, role) = match piece.part.verdict {
                Verdict::Accept => ("● accepted", Role::Pass),
                Verdict::Reject => ("✗ rejected", Role::Fail),
                Verdict::Edit => ("✎ accepted with your edit", Role::Warn),
                Verdict::Open => ("○ open", Role::Dim),
            };
            spans.push(Span::styled(word, self.style(role)));
        }
        let unmet = self.app.diff.unmet(piece);
        if let Some(first) = unmet.first() {
            let state = if first.rejected { "rejected" } else { "not accepted" };
            let more = if unmet.len() > 1 { format!(" and {} more", unmet.len() - 1) } else { String::new() };
            let words = format!(" ── ⚠ needs `{}`{more}, {state} in {}", first.name, first.path);
            spans.push(Span::styled(text::sanitize_line(&words).into_owned(), self.style(Role::Warn)));
        }
        spans.push(Span::styled(format!(" {}", "─".repeat(usize::from(area.width))), rule));
        buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
    }

    fn remark(&self, index: usize, at: usize, area: Rect, buffer: &mut Buffer) {
        let Some(shown) = self.app.diff.remark(index) else { return };
        let words = shown.lines.get(at).map(String::as_str).unwrap_or_default();
        let indent = " ".repeat(2 * self.digits + 2);
        let role = if shown.sent && !shown.stale { Role::Dim } else { Role::Warn };
        let line = format!("{indent} ▌ {words}");
        let shown = text::truncate(&line, usize::from(area.width));
        buffer.set_stringn(area.x, area.y, &shown, usize::from(area.width), self.style(role));
    }

    fn folded(&self, index: usize, area: Rect, buffer: &mut Buffer) {
        let Some(piece) = self.app.diff.pieces().get(index) else { return };
        let key = self.app.keys.key_of(crate::tui::keymap::Action::Fold);
        let words = format!("   … {} lines folded; {key} shows them", piece.range.len());
        buffer.set_stringn(area.x, area.y, words, usize::from(area.width), self.style(Role::Dim));
    }

    fn gutter(
        &self,
        (old, new): (Option<usize>, Option<usize>),
        selected: bool,
        area: Rect,
        buffer: &mut Buffer,
    ) -> Rect {
        let number = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
        let digits = self.digits;
        let bar = if selected { "┃" } else { "│" };
        let words = format!(" {:>digits$} {:>digits$} {bar}", number(old), number(new));
        let role = match (selected, old, new) {
            (true, ..) => Role::Selected,
            (_, None, Some(_)) => Role::AddedSign,
            (_, Some(_), None) => Role::RemovedSign,
            _ => Role::Dim,
        };
        let (x, _) = buffer.set_stringn(area.x, area.y, words, usize::from(area.width), self.style(role));
        Rect { x, width: area.right().saturating_sub(x), ..area }
    }

    /// A line behind its sign. `place` says where its partner is looked for.
    fn code(&self, place: Option<(usize, usize)>, line: &SheetLine<'_>, area: Rect, buffer: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let at = match (line.side, line.old, line.new) {
            (Side::Removed, Some(old), _) => Some((true, old)),
            (Side::Added, _, Some(new)) => Some((false, new)),
            _ => None,
        };
        let moved = at.and_then(|(removed, number)| self.app.diff.moved(removed, number));
        let (sign, role) = match line.side {
            Side::Added => (if moved.is_some() { "»" } else { "+" }, Role::AddedSign),
            Side::Removed => (if moved.is_some() { "«" } else { "-" }, Role::RemovedSign),
            Side::Context => (" ", Role::Dim),
        };
        buffer.set_stringn(area.x, area.y, sign, 1, self.style(role));
        let text = content(line.bytes);
        let marks = place.map(|place| self.marks(place, line, &text)).unwrap_or_default();
        let rest = shifted(area);
        self.draw_code(&text, self.tokens(line), &marks, line.side, rest, buffer);
        let mut notes = Vec::new();
        // Said once for lines that moved together.
        let before = at.and_then(|(removed, number)| self.app.diff.moved(removed, number.checked_sub(1)?));
        let goes_on = before.zip(moved).is_some_and(|(before, now)| before.0 == now.0 && before.1 + 1 == now.1);
        if let Some((path, number)) = moved.filter(|_| !goes_on) {
            let way = if line.side == Side::Removed { "moved to" } else { "moved from" };
            let own = self.app.diff.change().is_some_and(|change| change.path == *path);
            let place = if own { format!("line {number}") } else { format!("{path}:{number}") };
            notes.push(format!("{way} {place}"));
        }
        if line.bytes.ends_with(b"\r\n") && self.mixed_ends(place, line) {
            notes.push("CRLF".to_owned());
        }
        if !line.bytes.ends_with(b"\n") {
            notes.push("no newline at the end".to_owned());
        }
        self.note(&text, &notes, rest, buffer);
    }

    /// Whether only the end of the line is different from its partner's.
    fn mixed_ends(&self, place: Option<(usize, usize)>, line: &SheetLine<'_>) -> bool {
        let partner = place.and_then(|(hunk, at)| {
            let partner = self.view.sheet.hunks().get(hunk)?.partner(at)?;
            self.view.sheet.line(hunk, partner)
        });
        line.side != Side::Context && partner.is_none_or(|partner| !partner.bytes.ends_with(b"\r\n"))
    }

    /// Words behind the end of a line, where there is room for them.
    fn note(&self, content: &str, notes: &[String], area: Rect, buffer: &mut Buffer) {
        if notes.is_empty() || self.app.diff.left() > 0 || content.len() > usize::from(area.width) {
            return;
        }
        let shown = text::expand_tabs(content, code_line::TAB);
        let cells = u16::try_from(text::width(&text::sanitize_line(&shown))).unwrap_or(u16::MAX);
        let x = area.x.saturating_add(cells).saturating_add(1);
        if x < area.right() {
            let words = format!("({})", text::sanitize_line(&notes.join(", ")));
            buffer.set_stringn(x, area.y, words, usize::from(area.right() - x), self.style(Role::Dim));
        }
    }

    fn tokens(&self, line: &SheetLine<'_>) -> &[(Range<usize>, Token)] {
        let Some(paints) = &self.view.paints else { return &[] };
        match (line.side, line.old, line.new) {
            (Side::Removed, Some(old), _) => paints.old.line(old.saturating_sub(1)),
            (_, _, Some(new)) => paints.new.line(new.saturating_sub(1)),
            _ => &[],
        }
    }

    /// What differs from the line this one took the place of.
    fn marks(&self, (hunk, at): (usize, usize), line: &SheetLine<'_>, text: &str) -> Vec<Range<usize>> {
        if !self.app.diff.marks_within_lines() || text.len() > INTRALINE || line.side == Side::Context {
            return Vec::new();
        }
        let sheet = &self.view.sheet;
        let partner = sheet.hunks().get(hunk).and_then(|lines| sheet.line(hunk, lines.partner(at)?));
        let Some(other) = partner.filter(|other| other.bytes.len() <= INTRALINE) else { return Vec::new() };
        let other = content(other.bytes);
        match line.side {
            Side::Removed => diff::intraline(text, &other).0,
            Side::Added => diff::intraline(&other, text).1,
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
        let found = self.needle.all(content.as_bytes());
        let look =
            Look { theme: &self.app.theme, tokens, marks, found: &found, base, mark, left: self.app.diff.left() };
        code_line::draw(buffer, area, content, &look);
    }

    fn pair(&self, hunk: usize, left: Option<usize>, right: Option<usize>, area: Rect, buffer: &mut Buffer) {
        let half = area.width / 2;
        let sides = [
            (left, Rect { width: half, ..area }, true),
            (right, Rect { x: area.x + half, width: area.width - half, ..area }, false),
        ];
        for (at, area, old) in sides {
            let line = at.and_then(|at| Some((at, self.view.sheet.line(hunk, at)?)));
            let number = line.and_then(|(_, line)| if old { line.old } else { line.new });
            let digits = self.digits;
            let selected = at.is_some_and(|at| self.app.diff.is_selected(hunk, at));
            let bar = if selected { "┃" } else { "│" };
            let words = format!(" {:>digits$} {bar}", number.map(|n| n.to_string()).unwrap_or_default());
            let style = self.style(if selected { Role::Selected } else { Role::Dim });
            let (x, _) = buffer.set_stringn(area.x, area.y, words, usize::from(area.width), style);
            if let Some((at, line)) = line {
                let room = Rect { x, width: area.right().saturating_sub(x), ..area };
                self.code(Some((hunk, at)), &line, room, buffer);
            }
        }
    }
}

/// Behind the sign.
fn shifted(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area }
}
