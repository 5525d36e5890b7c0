//! A list narrowed by what is typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::domain::MessageId;
use crate::text;
use crate::tui::keymap::Action;
use crate::tui::widget::fuzzy;
use crate::tui::widget::list::Cursor;

use super::Outcome;

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// An action of the key table.
    Action(Action),
    /// A slash command.
    Slash(&'static str),
    /// An agent.
    Agent(String),
    /// A model.
    Model(String),
    /// Who is to do a task.
    HandOver {
        /// The agent.
        agent: String,
        /// The task.
        task: String,
    },
    /// A model whose weights are to be fetched first.
    Fetch(String),
    /// A commit to take back.
    TakeBack(String),
    /// A commit to bring forward again.
    BringBack(String),
    /// A message to go back to.
    Rewind(MessageId),
}

/// The list.
#[derive(Clone, Debug)]
pub struct Picker {
    /// Above it.
    pub title: String,
    /// What is typed.
    pub query: String,
    items: Vec<(Pick, String, String)>,
    found: Vec<usize>,
    cursor: Cursor,
    by_name: bool,
}

impl Picker {
    /// An empty list. `by_name` looks at names only, otherwise at descriptions too.
    pub(super) fn new(title: &str, by_name: bool) -> Self {
        Self {
            title: title.to_owned(),
            query: String::new(),
            items: Vec::new(),
            found: Vec::new(),
            cursor: Cursor::default(),
            by_name,
        }
    }

    pub(super) fn push(&mut self, pick: Pick, name: &str, description: &str) {
        self.found.push(self.items.len());
        self.items.push((pick, text::sanitize_line(name).into_owned(), text::sanitize_line(description).into_owned()));
    }

    /// The lines that fit: name and description.
    pub fn rows(&self) -> Vec<(String, String)> {
        self.found
            .iter()
            .filter_map(|index| self.items.get(*index))
            .map(|(_, name, description)| (name.clone(), description.clone()))
            .collect()
    }

    /// The chosen line.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Types a text.
    pub(super) fn write(&mut self, text: &str) {
        self.query.extend(text.chars().filter(|c| !c.is_control()));
        self.narrow();
    }

    fn narrow(&mut self) {
        self.cursor = Cursor::default();
        self.found = if self.query.is_empty() {
            (0..self.items.len()).collect()
        } else {
            let texts: Vec<String> = self
                .items
                .iter()
                .map(|(_, name, about)| if self.by_name { name.clone() } else { format!("{name} {about}") })
                .collect();
            fuzzy::best(&self.query, texts.iter().map(String::as_str), self.items.len())
        };
    }

    pub(super) fn key(&mut self, key: &KeyEvent) -> Outcome {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Up => self.cursor.step(-1, self.found.len()),
            KeyCode::Down => self.cursor.step(1, self.found.len()),
            KeyCode::Char('p') if control => self.cursor.step(-1, self.found.len()),
            KeyCode::Char('n') if control => self.cursor.step(1, self.found.len()),
            KeyCode::PageUp => self.cursor.step(-10, self.found.len()),
            KeyCode::PageDown => self.cursor.step(10, self.found.len()),
            KeyCode::Enter => return self.pick(),
            KeyCode::Backspace => {
                self.query.pop();
                self.narrow();
            }
            KeyCode::Char(c) if !control => self.write(c.encode_utf8(&mut [0; 4])),
            _ => {}
        }
        Outcome::Stay
    }

    fn pick(&self) -> Outcome {
        let chosen = self.found.get(self.cursor.index).and_then(|index| self.items.get(*index));
        chosen.map_or(Outcome::Stay, |(pick, ..)| Outcome::Picked(pick.clone()))
    }
}
