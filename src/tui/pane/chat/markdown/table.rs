//! Tables: columns where they fit, one line a cell where they do not.

use ratatui::text::{Line, Span};

use crate::tui::theme::{Role, Theme};
use crate::tui::widget::rich::Rich;

/// A table being read. The first row is the head.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Vec<Rich>>,
    row: Vec<Rich>,
}

impl Table {
    pub(super) fn cell(&mut self, cell: Rich) {
        self.row.push(cell);
    }

    pub(super) fn end_row(&mut self) {
        self.rows.push(std::mem::take(&mut self.row));
    }

    pub(super) fn rows(&self, room: usize, theme: &Theme) -> Vec<Line<'static>> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).map(Rich::width).max().unwrap_or(0).max(1))
            .collect();
        if widths.iter().sum::<usize>() + columns.saturating_sub(1) * 2 <= room {
            self.grid(&widths, theme)
        } else {
            self.list(room, theme)
        }
    }

    fn grid(&self, widths: &[usize], theme: &Theme) -> Vec<Line<'static>> {
        let mut out = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            let mut spans: Vec<Span<'static>> = Vec::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                if column > 0 {
                    spans.push(Span::raw("  "));
                }
                let pad = width.saturating_sub(cell.width());
                spans.extend(cell.line().spans);
                spans.push(Span::raw(" ".repeat(pad)));
            }
            out.push(Line::from(spans));
            if index == 0 {
                let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                out.push(Line::from(Span::styled(rules.join("  "), theme.style(Role::Dim))));
            }
        }
        out
    }

    fn list(&self, room: usize, theme: &Theme) -> Vec<Line<'static>> {
        let mut out = Vec::new();
        let head = self.rows.first();
        for row in self.rows.iter().skip(1) {
            for (column, cell) in row.iter().enumerate() {
                let mut rich = head.and_then(|head| head.get(column)).cloned().unwrap_or_default();
                rich.push(": ", theme.style(Role::Dim));
                rich.append(cell);
                out.extend(rich.wrap(room, &Line::from(if column == 0 { "• " } else { "  " }), &Line::from("    ")));
            }
        }
        out
    }
}
