//! A line of code as cells: token colours, the background of its side, marks within it, scrolled sideways.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::highlight::Token;
use crate::text;
use crate::tui::paint::role;
use crate::tui::theme::{Role, Theme};

/// Cells of a tab.
pub const TAB: usize = 4;
/// Bytes of a line that are looked at; beyond them nobody scrolls.
const LONGEST: usize = 16 * 1024;

/// What a line looks like.
pub struct Look<'a> {
    /// Styles.
    pub theme: &'a Theme,
    /// Token colours as byte ranges of the line.
    pub tokens: &'a [(Range<usize>, Token)],
    /// What changed within the line.
    pub marks: &'a [Range<usize>],
    /// What a search found.
    pub found: &'a [Range<usize>],
    /// The style under everything: the background of the side.
    pub base: Style,
    /// The style of marks.
    pub mark: Style,
    /// Cells scrolled out on the left.
    pub left: usize,
}

/// Draws a line, as it came, into one row. What is cut off is marked `‹` and `›`.
pub fn draw(buffer: &mut Buffer, area: Rect, line: &str, look: &Look<'_>) {
    if area.is_empty() {
        return;
    }
    buffer.set_style(Rect { height: 1, ..area }, look.base);
    let line = text::head(line, LONGEST);
    let width = usize::from(area.width);
    let mut cell = 0;
    for (range, style) in pieces(line, look) {
        let piece = line.get(range).unwrap_or_default();
        for (part, is_tab) in split_tabs(piece) {
            if is_tab {
                cell += TAB - cell % TAB;
                continue;
            }
            for grapheme in text::sanitize_line(part).graphemes(true) {
                let cells = text::width(grapheme);
                if cell >= look.left && cell + cells <= look.left + width {
                    let x = area.x + u16::try_from(cell - look.left).unwrap_or(u16::MAX);
                    buffer.set_stringn(x, area.y, grapheme, cells, style);
                }
                cell += cells;
            }
        }
        if cell > look.left + width {
            break;
        }
    }
    let dim = look.theme.style(Role::Dim);
    if cell > look.left + width {
        buffer.set_stringn(area.right() - 1, area.y, "›", 1, dim);
    }
    if look.left > 0 && cell > 0 {
        buffer.set_stringn(area.x, area.y, "‹", 1, dim);
    }
}

fn split_tabs(piece: &str) -> impl Iterator<Item = (&str, bool)> {
    piece
        .split_inclusive('\t')
        .flat_map(|part| match part.strip_suffix('\t') {
            Some(text) => [Some((text, false)), Some(("\t", true))],
            None => [Some((part, false)), None],
        })
        .flatten()
}

/// Stretches of one style, in order: cut wherever a token, a mark or a find begins or ends.
fn pieces(line: &str, look: &Look<'_>) -> Vec<(Range<usize>, Style)> {
    let mut cuts: Vec<usize> = vec![0, line.len()];
    let token_ranges = look.tokens.iter().map(|(range, _)| range);
    for range in token_ranges.chain(look.marks).chain(look.found) {
        cuts.extend([range.start.min(line.len()), range.end.min(line.len())]);
    }
    cuts.retain(|at| line.is_char_boundary(*at));
    cuts.sort_unstable();
    cuts.dedup();
    let holds = |ranges: &[Range<usize>], at: usize| ranges.iter().any(|range| range.contains(&at));
    let mut token = 0;
    cuts.windows(2)
        .filter_map(|pair| match pair {
            [start, end] => Some(*start..*end),
            _ => None,
        })
        .map(|range| {
            while look.tokens.get(token).is_some_and(|(known, _)| known.end <= range.start) {
                token += 1;
            }
            let found =
                look.tokens.get(token).filter(|(known, _)| known.contains(&range.start)).map(|(_, token)| role(*token));
            let mut style = look.theme.style(found.unwrap_or(Role::Text)).patch(look.base);
            if holds(look.marks, range.start) {
                style = style.patch(look.mark);
            }
            if holds(look.found, range.start) {
                style = style.patch(look.theme.style(Role::Match));
            }
            (range, style)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn shown(line: &str, width: u16, left: usize) -> String {
        let theme = Theme::built_in("dark", Depth::True);
        let look =
            Look { theme: &theme, tokens: &[], marks: &[], found: &[], base: Style::new(), mark: Style::new(), left };
        let area = Rect::new(0, 0, width, 1);
        let mut buffer = Buffer::empty(area);
        draw(&mut buffer, area, line, &look);
        buffer.content().iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned()
    }

    #[test]
    fn scrolls_sideways_marks_cuts_and_expands_tabs() {
        for (line, width, left, expected) in [
            ("abc", 5, 0, "abc"),
            ("abcdefgh", 5, 0, "abcd›"),
            ("abcdefgh", 5, 4, "‹fgh"),
            ("\tx", 8, 0, "    x"),
            ("a\tx", 8, 0, "a   x"),
            ("日本語", 5, 0, "日 本 ›"),
        ] {
            assert_eq!(shown(line, width, left), expected, "{line:?} {left}");
        }
    }

    #[test]
    fn no_control_character_reaches_a_cell() {
        let text = shown("a\u{1b}[2Jb\u{7}\u{202e}c\u{9b}31m", 60, 0);
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
        assert!(text.contains('a') && text.contains('b') && text.contains('c'));
    }
}
