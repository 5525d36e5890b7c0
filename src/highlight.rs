//! Source text to coloured ranges, with syntect behind one type.
//!
//! Colours are no business of this room: a [`Token`] says what a range is, the screen's theme says how that looks.
//! What is too big to parse quickly stays plain. The grammars are loaded once, on first use.

mod document;
mod languages;
mod tokens;

use std::ops::Range;
use std::sync::Arc;

pub use document::Document;
pub use tokens::Token;

/// Longer text stays plain.
const MOST_BYTES: usize = 512 * 1024;
/// Text with more lines stays plain.
const MOST_LINES: usize = 10_000;
/// A longer line stays plain.
const LONGEST_LINE: usize = 4 * 1024;

/// The ranges of one line, in order, relative to its start; what lies between them is plain.
pub type Line = Vec<(Range<usize>, Token)>;

/// A text with all its lines highlighted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Highlighted {
    lines: Vec<Line>,
}

impl Highlighted {
    /// The ranges of a line, counted from 0; none where the text is plain.
    pub fn line(&self, index: usize) -> &[(Range<usize>, Token)] {
        self.lines.get(index).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing is highlighted: the language is not known, or the text is too big.
    pub fn is_plain(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Highlights by path or by the language a markdown fence names. Cheap to make and to share between threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Highlighter;

impl Highlighter {
    /// A highlighter. The grammars are loaded with the first text, or with [`Highlighter::warm`].
    pub fn new() -> Self {
        Self
    }

    /// Loads the grammars now, so that the first text does not wait for them.
    pub fn warm(&self) {
        languages::syntaxes();
    }

    /// Highlights a whole text as the file at this path.
    pub fn highlight(&self, path: &str, text: &str) -> Highlighted {
        let document = self.open(path, text);
        Highlighted { lines: document.lines(0..document.len()) }
    }

    /// Highlights a whole text as the language a markdown fence names: `rust`, `ts`, `python title=x`.
    pub fn highlight_fence(&self, language: &str, text: &str) -> Highlighted {
        let document = Document::new(languages::by_fence(language), Arc::from(text));
        Highlighted { lines: document.lines(0..document.len()) }
    }

    /// Opens a text to be highlighted piece by piece as it comes into view.
    pub fn open(&self, path: &str, text: impl Into<Arc<str>>) -> Document {
        let text = text.into();
        let first_line = text.lines().next().unwrap_or_default();
        Document::new(languages::by_path(path, first_line), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(path: &str, text: &str) -> Vec<(String, Token)> {
        let highlighted = Highlighter::new().highlight(path, text);
        let mut found = Vec::new();
        for (index, line) in text.lines().enumerate() {
            found.extend(highlighted.line(index).iter().map(|(range, token)| (line[range.clone()].to_owned(), *token)));
        }
        found
    }

    #[test]
    fn knows_the_languages_of_backends() {
        for (path, text, piece, token) in [
            ("src/main.rs", "fn main() { let x = \"ü\"; } // end", "main", Token::Function),
            ("a.rs", "let x = \"ü\"; // end", "\"ü\"", Token::String),
            ("a.py", "def load(path):\n    return None", "load", Token::Function),
            ("a.py", "# note", "# note", Token::Comment),
            ("a.ts", "const n: number = 42;", "42", Token::Number),
            ("a.tsx", "export const x = 1", "export", Token::Keyword),
            ("a.go", "func main() {}", "main", Token::Function),
            ("A.java", "class A { int x = 1; }", "A", Token::Type),
            ("a.rb", "def x; end", "def", Token::Keyword),
            ("a.php", "<?php $a = 'x';", "'x'", Token::String),
            ("q.sql", "SELECT 1 FROM t", "SELECT", Token::Keyword),
            ("Cargo.toml", "name = \"x\"", "\"x\"", Token::String),
            ("Cargo.lock", "name = \"x\"", "\"x\"", Token::String),
            ("a.yaml", "key: value", "key", Token::Key),
            ("a.json", "{\"key\": true}", "\"key\"", Token::Key),
            ("a.json", "{\"key\": true}", "true", Token::Constant),
            ("Dockerfile", "FROM rust:1", "FROM", Token::Keyword),
            ("run", "#!/bin/sh\necho 'x'", "'x'", Token::String),
            ("a.mjs", "const a = 1", "1", Token::Number),
            ("a.proto", "message A {}", "message", Token::Keyword),
            ("main.tf", "x = \"y\"", "\"y\"", Token::String),
            ("a.graphql", "type A { b: Int }", "type", Token::Keyword),
        ] {
            let found = tokens(path, text);
            assert!(found.contains(&(piece.to_owned(), token)), "{path}: {piece} as {token:?} in {found:?}");
        }
    }

    #[test]
    fn fences_are_named_loosely() {
        for fence in ["rust", "Rust", "rs", "rust,ignore", "rust title=\"x\"", "{.rust}"] {
            let found = Highlighter::new().highlight_fence(fence, "fn x() {}\n");
            assert!(!found.line(0).is_empty(), "{fence}");
        }
        for fence in ["", "text", "no such language"] {
            assert!(Highlighter::new().highlight_fence(fence, "fn x() {}\n").is_plain(), "{fence}");
        }
        for fence in
            ["ts", "typescript", "tsx", "js", "jsx", "py", "python3", "bash", "shell", "console", "golang", "sql"]
        {
            assert!(languages::by_fence(fence).is_some(), "{fence}");
        }
    }

    #[test]
    fn big_text_stays_plain() {
        let highlighter = Highlighter::new();
        assert!(highlighter.highlight("a.rs", &"fn x() {}\n".repeat(MOST_LINES + 1)).is_plain());
        assert!(highlighter.highlight("a.rs", &format!("//{}", "x".repeat(MOST_BYTES))).is_plain());
        let long =
            highlighter.highlight("a.rs", &format!("fn a() {{}}\n//{}\nfn b() {{}}\n", "x".repeat(LONGEST_LINE)));
        assert!(long.line(1).is_empty() && !long.line(2).is_empty());
    }

    #[test]
    fn a_view_can_start_anywhere() {
        let mut text = String::new();
        for line in 0..500 {
            text.push_str(if line % 90 == 40 {
                "/* open\n"
            } else if line % 90 == 70 {
                "close */\r\n"
            } else {
                "let x = 1;\n"
            });
        }
        let highlighter = Highlighter::new();
        let whole = highlighter.highlight("a.rs", &text);
        for from in [0, 63, 64, 65, 130, 300, 499] {
            let document = highlighter.open("a.rs", text.as_str());
            let piece = document.lines(from..from + 20);
            for (at, line) in piece.iter().enumerate() {
                assert_eq!(line.as_slice(), whole.line(from + at), "line {}", from + at);
            }
        }
    }

    #[test]
    fn it_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Highlighter>();
        shared::<Highlighted>();
    }
}
