//! Styled text that wraps to rows.

use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::text;

/// A run of text with styles, to be wrapped. The text must already be safe for a terminal.
#[derive(Clone, Debug, Default)]
pub struct Rich {
    text: String,
    runs: Vec<(usize, Style)>,
}

impl Rich {
    /// Text in one style.
    pub fn new(text: &str, style: Style) -> Self {
        let mut rich = Self::default();
        rich.push(text, style);
        rich
    }

    /// Appends text.
    pub fn push(&mut self, text: &str, style: Style) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(text);
        match self.runs.last_mut() {
            Some((end, last)) if *last == style => *end = self.text.len(),
            _ => self.runs.push((self.text.len(), style)),
        }
    }

    /// Appends styled text.
    pub fn append(&mut self, other: &Self) {
        let mut from = 0;
        for (end, style) in &other.runs {
            self.push(other.text.get(from..*end).unwrap_or_default(), *style);
            from = *end;
        }
    }

    /// Whether the text ends in `tail`.
    pub fn ends_with(&self, tail: &str) -> bool {
        self.text.ends_with(tail)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Its width on one row.
    pub fn width(&self) -> usize {
        text::width(&self.text)
    }

    /// Wraps to `cells`, with a prefix before the first row and another before the others.
    pub fn wrap(&self, cells: usize, first: &Line<'static>, rest: &Line<'static>) -> Vec<Line<'static>> {
        let room = cells.saturating_sub(first.width().max(rest.width())).max(1);
        let mut rows = Vec::new();
        let mut start = 0;
        for part in self.text.split('\n') {
            for range in text::wrap(part, room) {
                let prefix = if rows.is_empty() { first } else { rest };
                rows.push(self.row(start + range.start..start + range.end, prefix));
            }
            start += part.len() + 1;
        }
        if rows.is_empty() {
            rows.push(first.clone());
        }
        rows
    }

    /// Cuts to rows of `cells` wherever they are full, as code wants it: spaces stay. Later rows are marked `↪`.
    pub fn wrap_hard(&self, cells: usize, prefix: &Line<'static>) -> Vec<Line<'static>> {
        let room = cells.saturating_sub(prefix.width()).max(2);
        if text::width(&self.text) <= room {
            return vec![self.row(0..self.text.len(), prefix)];
        }
        let mut rest = prefix.clone();
        rest.spans.push(Span::raw("↪"));
        let mut rows = Vec::new();
        let (mut start, mut filled) = (0, 0);
        for (at, grapheme) in self.text.grapheme_indices(true) {
            let width = text::width(grapheme);
            let room = if rows.is_empty() { room } else { room.saturating_sub(1).max(1) };
            if filled + width > room && at > start {
                rows.push(self.row(start..at, if rows.is_empty() { prefix } else { &rest }));
                (start, filled) = (at, 0);
            }
            filled += width;
        }
        rows.push(self.row(start..self.text.len(), if rows.is_empty() { prefix } else { &rest }));
        rows
    }

    /// One row, unwrapped.
    pub fn line(&self) -> Line<'static> {
        self.row(0..self.text.len(), &Line::default())
    }

    fn row(&self, range: Range<usize>, prefix: &Line<'static>) -> Line<'static> {
        let mut spans: Vec<Span<'static>> = prefix.spans.clone();
        let mut from = 0;
        for (end, style) in &self.runs {
            let cut = range.start.max(from)..range.end.min(*end);
            if cut.start < cut.end
                && let Some(piece) = self.text.get(cut)
            {
                spans.push(Span::styled(piece.to_owned(), *style));
            }
            from = *end;
            if from >= range.end {
                break;
            }
        }
        Line::from(spans)
    }
}

/// Wraps plain text in one style, without a prefix.
pub fn wrap_plain(text: &str, style: Style, cells: usize) -> Vec<Line<'static>> {
    Rich::new(text, style).wrap(cells, &Line::default(), &Line::default())
}

/// A row in one style.
pub fn styled(text: impl Into<String>, style: Style) -> Line<'static> {
    Line::from(Span::styled(text.into(), style))
}

#[cfg(test)]
mod tests {
    use ratatui::style::Modifier;

    use super::*;

    fn shown(rows: &[Line<'_>]) -> Vec<String> {
        rows.iter().map(|row| row.spans.iter().map(|span| span.content.as_ref()).collect()).collect()
    }

    #[test]
    fn wraps_with_prefixes_and_keeps_styles() {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let mut rich = Rich::new("one two ", Style::new());
        rich.push("three four", bold);
        let rows = rich.wrap(11, &Line::from("- "), &Line::from("  "));
        assert_eq!(shown(&rows), ["- one two", "  three", "  four"]);
        assert_eq!(rows[1].spans.last().unwrap().style, bold);
    }

    #[test]
    fn nothing_is_one_row() {
        assert_eq!(shown(&Rich::default().wrap(10, &Line::from("> "), &Line::default())), ["> "]);
        assert_eq!(shown(&wrap_plain("a\n\nb", Style::new(), 10)), ["a", "", "b"]);
    }
}
