//! Completion of files after `@` and of commands after `/`.

use crate::tui::slash::SLASHES;
use crate::tui::widget::fuzzy;
use crate::tui::widget::list::Cursor;

/// Lines a list of completions has.
const SHOWN: usize = 8;
/// A word longer than this is no path.
const LONGEST: usize = 256;

/// What is completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file of the repository.
    File,
    /// A slash command.
    Command,
}

impl Kind {
    /// What is written for a choice.
    pub fn written(self, chosen: &str) -> String {
        match self {
            Self::File => format!("@{chosen} "),
            Self::Command => format!("/{chosen} "),
        }
    }
}

/// An open list of completions.
#[derive(Clone, Debug)]
pub struct Completion {
    kind: Kind,
    start: usize,
    rows: Vec<(String, String)>,
    cursor: Cursor,
}

impl Completion {
    /// What fits; `None` when nothing does.
    pub fn find(kind: Kind, start: usize, query: &str, files: &[String]) -> Option<Self> {
        let rows: Vec<(String, String)> = match kind {
            Kind::File => fuzzy::best(query, files.iter().map(String::as_str), SHOWN)
                .into_iter()
                .filter_map(|index| Some((files.get(index)?.clone(), String::new())))
                .collect(),
            Kind::Command => SLASHES
                .iter()
                .filter(|slash| slash.name.starts_with(query))
                .map(|slash| (slash.name.to_owned(), format!("{} {}", slash.takes, slash.doc).trim().to_owned()))
                .collect(),
        };
        (!rows.is_empty()).then(|| Self { kind, start, rows, cursor: Cursor::default() })
    }

    /// What is completed.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the word that is completed begins.
    pub fn start(&self) -> usize {
        self.start
    }

    /// The lines: name and description.
    pub fn rows(&self) -> &[(String, String)] {
        &self.rows
    }

    /// The chosen line.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// The name of the chosen line.
    pub fn chosen(&self) -> Option<&str> {
        self.rows.get(self.cursor.index).map(|(name, _)| name.as_str())
    }

    /// Moves the choice, around the ends.
    pub fn step(&mut self, delta: isize) {
        let last = self.rows.len().saturating_sub(1);
        match (delta, self.cursor.index) {
            (..=-1, 0) => self.cursor.index = last,
            (1.., index) if index == last => self.cursor.index = 0,
            _ => self.cursor.step(delta, self.rows.len()),
        }
    }
}

/// The word before the cursor that can be completed: its kind, where it begins and what follows its mark.
pub fn word_at(text: &str, cursor: usize) -> Option<(Kind, usize, String)> {
    let head = text.get(..cursor)?;
    let near = (cursor.saturating_sub(LONGEST)..=cursor).find(|at| text.is_char_boundary(*at))?;
    if !text.get(near..cursor)?.contains(['@', '/']) {
        return None;
    }
    let start =
        head.rfind(char::is_whitespace).map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
    let word = head.get(start..)?;
    if let Some(query) = word.strip_prefix('@') {
        return Some((Kind::File, start, query.to_owned()));
    }
    let query = word.strip_prefix('/').filter(|query| start == 0 && !query.contains('/'))?;
    Some((Kind::Command, start, query.to_owned()))
}
