//! The chat pane: conversation, what waits, composer.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::text;
use crate::tui::app::App;
use crate::tui::keymap::Place;
use crate::tui::pane::chat::{Look, Pending, duration};
use crate::tui::session::tokens;
use crate::tui::theme::Role;
use crate::tui::widget::list;
use crate::tui::widget::rich::{Rich, styled};
use crate::tui::widget::text_area::Wrapped;

/// Cells before the composer's text.
const MARK: u16 = 2;
/// Frames of the spinner, one every [`SPIN_MS`].
const SPINNER: [&str; 8] = ["⠋", "⠙", "⠸", "⢰", "⣠", "⣄", "⡆", "⠇"];
/// Milliseconds a frame of the spinner stays.
const SPIN_MS: u128 = 200;

/// The parts of the pane.
#[derive(Clone, Copy, Debug, Default)]
pub struct Areas {
    /// The conversation.
    pub transcript: Rect,
    /// What waits and what runs.
    extra: Rect,
    /// A line between.
    rule: Rect,
    composer: Rect,
}

/// Cuts the pane into its parts.
pub fn areas(app: &App, area: Rect) -> Areas {
    let inner = super::inside(area);
    if inner.is_empty() {
        return Areas::default();
    }
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let wanted = wrapped(app, inner.width).rows.len();
    let rows = u16::try_from(wanted).unwrap_or(u16::MAX).clamp(1, (inner.height / 3).max(1));
    let composer = Rect { y: inner.bottom() - rows, height: rows, ..inner };
    let rule = Rect { y: composer.y.saturating_sub(1).max(inner.y), height: 1, ..inner };
    let above = rule.y.saturating_sub(inner.y);
    let extra = u16::try_from(extra_rows(app, usize::from(inner.width)).len()).unwrap_or(u16::MAX).min(above / 2 + 1);
    let extra = Rect { y: rule.y.saturating_sub(extra), height: extra.min(above), ..inner };
    Areas { transcript: Rect { height: extra.y.saturating_sub(inner.y), ..inner }, extra, rule, composer }
}

fn wrapped(app: &App, width: u16) -> Wrapped {
    app.composer.area().wrapped(usize::from(width.saturating_sub(MARK)))
}

/// Draws the pane. Returns where the cursor is.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let mut title = vec![Span::styled("Chat", app.theme.style(Role::Strong))];
    if !app.chat.follows() {
        title.push(Span::styled(" · Ctrl-End goes to the end", app.theme.style(Role::Dim)));
    }
    super::frame(app, Place::Chat, area, title, buffer);
    let areas = areas(app, area);
    transcript(app, areas.transcript, buffer);
    for (row, line) in
        extra_rows(app, usize::from(areas.extra.width)).iter().take(usize::from(areas.extra.height)).enumerate()
    {
        buffer.set_line(areas.extra.x, super::y(areas.extra, row), line, areas.extra.width);
    }
    let rule = "─".repeat(usize::from(areas.rule.width));
    buffer.set_stringn(areas.rule.x, areas.rule.y, rule, usize::from(areas.rule.width), app.theme.style(Role::Border));
    let cursor = composer(app, areas.composer, buffer);
    completion(app, areas, buffer);
    cursor
}

fn transcript(app: &App, area: Rect, buffer: &mut Buffer) {
    if app.chat.is_empty() {
        let look = Look { width: usize::from(area.width), theme: &app.theme, painter: &app.painter };
        for (row, line) in app.chat.card_rows(look).iter().take(usize::from(area.height)).enumerate() {
            buffer.set_line(area.x, super::y(area, row), line, area.width);
        }
        return;
    }
    for (row, line) in app.chat.rows().take(usize::from(area.height)).enumerate() {
        buffer.set_line(area.x, super::y(area, row), line, area.width);
    }
}

fn extra_rows(app: &App, width: usize) -> Vec<Line<'static>> {
    let look = Look { width, theme: &app.theme, painter: &app.painter };
    let mut rows = app.chat.queued_rows(look);
    if let Some(fetching) = app.fetching() {
        let words = format!("⇣ {}", text::sanitize_line(&fetching.words()));
        rows.push(styled(text::truncate(&words, width).into_owned(), app.theme.style(Role::Accent)));
    }
    if let Some(pending) = app.chat.pending() {
        rows.extend(question(app, &pending, width));
    } else if let Some(busy) = &app.session.busy {
        let elapsed = app.now().duration_since(busy.since);
        let frame = usize::try_from(elapsed.as_millis() / SPIN_MS).unwrap_or(0) % SPINNER.len();
        let spinner = SPINNER.get(frame).copied().unwrap_or("·");
        let mut words = vec![if busy.stopping { "stopping".to_owned() } else { busy.what.clone() }];
        let seconds = elapsed.as_secs();
        if seconds > 0 {
            words.push(duration(seconds * 1000).replace(".0s", "s"));
        }
        if busy.bytes > 0 {
            // Providers count tokens at the end; four bytes a token is what it is until then.
            let so_far = u64::try_from(busy.bytes / 4).unwrap_or(0);
            let rate = so_far.checked_div(seconds).filter(|_| seconds > 1).map(|rate| format!(", {rate}/s"));
            words.push(format!("~{} tok{}", tokens(so_far), rate.unwrap_or_default()));
        }
        words.push("Esc stops".to_owned());
        words.retain(|word| !word.is_empty());
        let line = format!("{spinner} {}", words.join(" · "));
        rows.push(styled(text::truncate(&line, width).into_owned(), app.theme.style(Role::Accent)));
    }
    rows
}

fn question(app: &App, pending: &Pending, width: usize) -> Vec<Line<'static>> {
    let strong = app.theme.style(Role::Strong);
    let (words, keys) = match pending {
        Pending::Permission { what, .. } => (what, "y yes   n no   a always in this session".to_owned()),
        Pending::Question { text, options, .. } if options.is_empty() => {
            (text, "write the answer and press Enter".to_owned())
        }
        Pending::Question { text, options, .. } => {
            (text, format!("1-{} chooses, or write an answer", options.len().min(9)))
        }
    };
    let first = styled("? ", app.theme.style(Role::Warn));
    let mut rows = Rich::new(&text::sanitize(words), strong).wrap(width, &first, &Line::from("  "));
    if let Pending::Question { options, .. } = pending {
        for (index, option) in options.iter().take(9).enumerate() {
            let line = format!("  {}. {}", index + 1, text::sanitize_line(option));
            rows.push(styled(text::truncate(&line, width).into_owned(), app.theme.style(Role::Text)));
        }
    }
    rows.push(styled(format!("  {keys}"), app.theme.style(Role::Key)));
    rows
}

fn composer(app: &App, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if let Some((query, found)) = app.composer.searching() {
        let line =
            format!("search: {}  {}", text::sanitize_line(query), text::sanitize_line(found.unwrap_or("(nothing)")));
        let shown = text::truncate(&line, usize::from(area.width)).into_owned();
        buffer.set_stringn(area.x, area.y, &shown, usize::from(area.width), app.theme.style(Role::Accent));
        let column = u16::try_from(8 + text::width(&text::sanitize_line(query))).unwrap_or(0);
        return Some(Position::new(area.x + column.min(area.width.saturating_sub(1)), area.y));
    }
    buffer.set_stringn(area.x, area.y, "›", 1, app.theme.style(Role::User));
    let wrapped = wrapped(app, area.width);
    let height = usize::from(area.height).max(1);
    let first = (wrapped.row + 1).saturating_sub(height);
    let content = app.composer.area().text();
    if content.is_empty() {
        let hint = match () {
            () if app.chat.pending().is_some() => "",
            () if app.session.busy.is_some() => "write to queue a message",
            () => "",
        };
        buffer.set_stringn(area.x + MARK, area.y, hint, usize::from(area.width), app.theme.style(Role::Dim));
    }
    for (row, range) in wrapped.rows.iter().skip(first).take(height).enumerate() {
        let piece = content.get(range.clone()).unwrap_or_default();
        let room = usize::from(area.width.saturating_sub(MARK));
        buffer.set_stringn(
            area.x + MARK,
            super::y(area, row),
            text::sanitize_line(piece),
            room,
            app.theme.style(Role::Text),
        );
    }
    let x = area.x + MARK + u16::try_from(wrapped.column).unwrap_or(0);
    Some(Position::new(x.min(area.right().saturating_sub(1)), super::y(area, wrapped.row - first)))
}

fn completion(app: &App, areas: Areas, buffer: &mut Buffer) {
    let Some(completion) = app.composer.completion() else { return };
    let rows: Vec<(String, String)> = completion
        .rows()
        .iter()
        .map(|(name, about)| (text::sanitize_line(name).into_owned(), text::sanitize_line(about).into_owned()))
        .collect();
    let height = u16::try_from(rows.len()).unwrap_or(0).min(areas.transcript.height + areas.extra.height);
    let area = Rect { y: areas.rule.y.saturating_sub(height), height, ..areas.rule };
    ratatui::widgets::Widget::render(ratatui::widgets::Clear, area, buffer);
    list::draw(buffer, area, &rows, completion.cursor(), &app.theme);
}
