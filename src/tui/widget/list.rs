//! A list with one chosen line, for popups and completion.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::text;
use crate::tui::theme::{Role, Theme};

/// Which line of a list is chosen. The lines themselves belong to whoever shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Index of the chosen line.
    pub index: usize,
}

impl Cursor {
    /// Moves by `delta`, staying among `len` lines.
    pub fn step(&mut self, delta: isize, len: usize) {
        self.index = self.index.saturating_add_signed(delta).min(len.saturating_sub(1));
    }

    /// The first line to show so that the chosen one is visible among `height` rows.
    pub fn offset(self, height: usize) -> usize {
        (self.index + 1).saturating_sub(height.max(1))
    }
}

/// Draws names with descriptions, one a row, the chosen one marked by `›` and by style.
pub fn draw(buffer: &mut Buffer, area: Rect, rows: &[(String, String)], cursor: Cursor, theme: &Theme) {
    let offset = cursor.offset(usize::from(area.height));
    let widest = rows.iter().map(|(name, _)| text::width(name)).max().unwrap_or(0);
    let column = widest.min(usize::from(area.width) / 2).max(4);
    for (row, (index, (name, description))) in
        rows.iter().enumerate().skip(offset).take(usize::from(area.height)).enumerate()
    {
        let y = area.y + u16::try_from(row).unwrap_or(u16::MAX);
        let chosen = index == cursor.index;
        let shown = text::truncate(name, column.max(usize::from(area.width).saturating_sub(4).min(column)));
        let pad = column.saturating_sub(text::width(&shown)) + 2;
        let line = Line::from(vec![
            Span::styled(if chosen { "› " } else { "  " }, theme.style(Role::Accent)),
            Span::styled(shown.into_owned(), theme.style(Role::Text)),
            Span::raw(" ".repeat(pad)),
            Span::styled(description.clone(), theme.style(Role::Dim)),
        ]);
        buffer.set_line(area.x, y, &line, area.width);
        if chosen {
            buffer.set_style(Rect { y, height: 1, ..area }, theme.style(Role::Cursor));
        }
    }
}
