//! Markdown to rows: parsed by pulldown-cmark, wrapped here.

mod code;
mod table;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::text;
use crate::tui::paint::Painter;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::rich::{Rich, styled};

use table::Table;

/// What rows are made with.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Cells a row may take.
    pub width: usize,
    /// Styles.
    pub theme: &'a Theme,
    /// Colours for code.
    pub painter: &'a Painter,
}

/// Lays markdown out. `source` may be anything; it is made safe first.
pub fn layout(source: &str, look: Look<'_>) -> Vec<Line<'static>> {
    let safe = text::sanitize(source);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer = Writer::new(look);
    for event in Parser::new_ext(&safe, options) {
        writer.event(event);
    }
    writer.finish()
}

/// Lays out a piece that begins inside a code block: `opening` is the fence it continues.
pub fn layout_continued(source: &str, opening: &str, look: Look<'_>) -> Vec<Line<'static>> {
    layout(&format!("{opening}\n{source}"), look)
}

struct Writer<'a> {
    look: Look<'a>,
    rows: Vec<Line<'static>>,
    inline: Rich,
    styles: Vec<Style>,
    /// Prefixes of the blocks around: quotation bars and list indents.
    indents: Vec<Indent>,
    /// Number of the next item, one a list; `None` for bullets.
    lists: Vec<Option<u64>>,
    code: Option<(String, String)>,
    table: Option<Table>,
    link: Option<String>,
    gap: bool,
}

struct Indent {
    first: Option<Span<'static>>,
    rest: Span<'static>,
}

impl<'a> Writer<'a> {
    fn new(look: Look<'a>) -> Self {
        Self {
            look,
            rows: Vec::new(),
            inline: Rich::default(),
            styles: vec![look.theme.style(Role::Text)],
            indents: Vec::new(),
            lists: Vec::new(),
            code: None,
            table: None,
            link: None,
            gap: false,
        }
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn push_style(&mut self, role: Role) {
        let style = self.style().patch(self.look.theme.style(role));
        self.styles.push(style);
    }

    fn push_modifier(&mut self, modifier: Modifier) {
        let style = self.style().add_modifier(modifier);
        self.styles.push(style);
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                let style = self.style().patch(self.look.theme.style(Role::Code));
                self.inline.push(&code, style);
            }
            Event::InlineHtml(html) | Event::Html(html) => self.text(&html),
            Event::SoftBreak => self.text(" "),
            Event::HardBreak => self.text("\n"),
            Event::TaskListMarker(done) => self.text(if done { "[x] " } else { "[ ] " }),
            Event::Rule => {
                self.open();
                let rule = "─".repeat(self.room().min(40));
                self.block(&Rich::new(&rule, self.look.theme.style(Role::Dim)));
            }
            Event::InlineMath(math) | Event::DisplayMath(math) => self.text(&math),
            Event::FootnoteReference(name) => self.text(&name),
        }
    }

    fn text(&mut self, piece: &str) {
        match &mut self.code {
            Some((_, code)) => code.push_str(piece),
            None => {
                let style = self.style();
                self.inline.push(piece, style);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.open(),
            Tag::Heading { level, .. } => {
                self.open();
                self.push_style(Role::Heading);
                let marks = "#".repeat(level as usize);
                let style = self.style();
                self.inline.push(&format!("{marks} "), style);
            }
            Tag::BlockQuote(_) => {
                self.open();
                let bar = Span::styled("▏ ", self.look.theme.style(Role::Quote));
                self.indents.push(Indent { first: None, rest: bar });
                self.push_style(Role::Quote);
            }
            Tag::CodeBlock(kind) => {
                self.flush();
                self.open();
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or_default().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::List(first) => {
                self.flush();
                if self.lists.is_empty() {
                    self.open();
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::HtmlBlock => self.open(),
            Tag::Table(_) => {
                self.open();
                self.table = Some(Table::default());
            }
            Tag::Emphasis => self.push_modifier(Modifier::ITALIC),
            Tag::Strong => self.push_style(Role::Strong),
            Tag::Strikethrough => self.push_modifier(Modifier::CROSSED_OUT),
            Tag::Link { dest_url, .. } => {
                self.link = Some(dest_url.to_string());
                self.push_style(Role::Link);
            }
            Tag::Image { dest_url, .. } => {
                self.link = Some(dest_url.to_string());
                self.push_style(Role::Dim);
            }
            _ => {}
        }
    }

    fn item(&mut self) {
        self.flush();
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "• ".to_owned(),
        };
        let rest = Span::raw(" ".repeat(text::width(&marker)));
        let first = Span::styled(marker, self.look.theme.style(Role::Accent));
        self.indents.push(Indent { first: Some(first), rest });
        self.gap = false;
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => {
                self.flush();
                self.gap = true;
            }
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
                self.gap = true;
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.indents.pop();
                self.styles.pop();
                self.gap = true;
            }
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
                self.gap = self.lists.is_empty();
            }
            TagEnd::Item => {
                self.flush();
                if self.indents.last().is_some_and(|indent| indent.first.is_some()) {
                    self.block(&Rich::default());
                }
                self.indents.pop();
                self.gap = false;
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.inline);
                if let Some(table) = &mut self.table {
                    table.cell(cell);
                }
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                if let Some(table) = &mut self.table {
                    table.end_row();
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    let room = self.room();
                    let rows = table.rows(room, self.look.theme);
                    self.emit(rows);
                }
                self.gap = true;
            }
            TagEnd::Link | TagEnd::Image => self.end_link(),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.styles.pop();
            }
            _ => {}
        }
    }

    /// A link shows where it leads unless its text says so: what is hidden cannot be judged.
    fn end_link(&mut self) {
        self.styles.pop();
        if let Some(target) = self.link.take()
            && !self.inline.ends_with(&target)
        {
            let style = self.look.theme.style(Role::Dim);
            self.inline.push(&format!(" ({})", text::sanitize_line(&target)), style);
        }
    }

    fn end_code(&mut self) {
        if let Some((language, code)) = self.code.take() {
            let look = Look { width: self.room(), ..self.look };
            let rows = code::rows(&code, &language, look, &Line::from("  "));
            self.emit(rows);
        }
        self.gap = true;
    }

    fn room(&self) -> usize {
        let taken: usize = self.indents.iter().map(|indent| indent.rest.width()).sum();
        self.look.width.saturating_sub(taken).max(8)
    }

    /// An empty row between blocks, where one belongs.
    fn open(&mut self) {
        if self.gap && !self.rows.is_empty() && self.inline.is_empty() {
            let row: Vec<Span<'static>> = self.indents.iter().map(|indent| indent.rest.clone()).collect();
            self.rows.push(Line::from(row));
        }
        self.gap = false;
    }

    fn flush(&mut self) {
        if self.table.is_none() && !self.inline.is_empty() {
            let inline = std::mem::take(&mut self.inline);
            self.block(&inline);
        }
    }

    fn block(&mut self, rich: &Rich) {
        let rows = rich.wrap(self.room(), &Line::default(), &Line::default());
        self.emit(rows);
    }

    fn emit(&mut self, rows: Vec<Line<'static>>) {
        for row in rows {
            let mut spans: Vec<Span<'static>> =
                self.indents.iter_mut().map(|indent| indent.first.take().unwrap_or(indent.rest.clone())).collect();
            spans.extend(row.spans);
            self.rows.push(Line::from(spans));
        }
    }

    fn finish(mut self) -> Vec<Line<'static>> {
        self.flush();
        if self.rows.is_empty() {
            self.rows.push(styled("", Style::default()));
        }
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn shown(source: &str, width: usize) -> Vec<String> {
        let theme = Theme::built_in("dark", Depth::True);
        let painter = Painter::new();
        layout(source, Look { width, theme: &theme, painter: &painter })
            .iter()
            .map(|row| row.spans.iter().map(|span| span.content.as_ref()).collect::<String>().trim_end().to_owned())
            .collect()
    }

    #[test]
    fn lays_blocks_out() {
        for (source, expected) in [
            ("one\ntwo\n\nthree", vec!["one two", "", "three"]),
            ("# Title\ntext", vec!["# Title", "", "text"]),
            ("- a\n- b\n  - c\n\nend", vec!["• a", "• b", "  • c", "", "end"]),
            ("3. a\n4. b", vec!["3. a", "4. b"]),
            ("> quoted text here", vec!["▏ quoted text", "▏ here"]),
            ("```\nlet x;\n```\nend", vec!["  let x;", "", "end"]),
            ("[site](http://x.y)", vec!["site", "(http://x.y)"]),
            ("<http://x.y>", vec!["http://x.y"]),
            ("| a | b |\n|---|---|\n| 1 | 22 |", vec!["a  b", "─  ──", "1  22"]),
            ("- [x] done\n- [ ] open", vec!["• [x] done", "• [ ] open"]),
            ("", vec![""]),
        ] {
            assert_eq!(shown(source, 14), expected, "{source:?}");
        }
    }

    #[test]
    fn no_row_is_wider_than_asked_and_no_control_gets_through() {
        let hostile = "a\u{1b}[31mred\u{7} **b\u{202e}c** `\u{9b}31m` [x](javascript:\u{1b}]52;c;aGk=\u{7})\n\n```\n\u{1b}c日本語日本語日本語日本語\n```\n";
        let theme = Theme::built_in("dark", Depth::True);
        let painter = Painter::new();
        for width in [10, 13, 40] {
            for row in layout(hostile, Look { width, theme: &theme, painter: &painter }) {
                assert!(row.width() <= width, "{row:?}");
                for span in &row.spans {
                    assert!(!span.content.chars().any(|c| c.is_control() || c == '\u{202e}'), "{span:?}");
                }
            }
        }
    }
}
