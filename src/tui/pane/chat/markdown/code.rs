//! Code blocks: highlighted by their language, long lines cut to rows so that nothing is lost.

use ratatui::text::{Line, Span};

use crate::text;
use crate::tui::paint::{Painted, role};
use crate::tui::theme::Role;
use crate::tui::widget::rich::Rich;

use super::Look;

/// Rows of a piece of code that is already safe for a terminal.
pub(super) fn rows(code: &str, language: &str, look: Look<'_>, prefix: &Line<'static>) -> Vec<Line<'static>> {
    let base = look.theme.style(Role::Code);
    let painted = if language.is_empty() { Painted::default() } else { look.painter.highlight_fence(language, code) };
    let mut out = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut rich = Rich::default();
        let mut at = 0;
        for (range, token) in painted.line(index) {
            let start = range.start.max(at);
            push(&mut rich, line.get(at..start), base);
            push(&mut rich, line.get(start..range.end.min(line.len())), base.patch(look.theme.style(role(*token))));
            at = range.end.min(line.len()).max(at);
        }
        push(&mut rich, line.get(at..), base);
        out.extend(rich.wrap_hard(look.width, prefix));
    }
    if out.is_empty() {
        out.push(Line::from(vec![Span::raw("  ")]));
    }
    out
}

fn push(rich: &mut Rich, piece: Option<&str>, style: ratatui::style::Style) {
    if let Some(piece) = piece {
        rich.push(&text::expand_tabs(piece, 4), style);
    }
}
