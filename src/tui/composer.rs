//! Where messages are written: text, history, completion.

mod complete;
mod history;

use crossterm::event::{KeyCode, KeyEvent};

use super::keymap::Action;
use super::widget::text_area::TextArea;

pub use complete::{Completion, Kind};
pub use history::History;

/// A paste longer than this is shown as one word and sent in full.
const LONG_PASTE_LINES: usize = 24;
const LONG_PASTE_BYTES: usize = 4_000;

/// The state of the composer.
#[derive(Debug, Default)]
pub struct Composer {
    area: TextArea,
    history: History,
    completion: Option<Completion>,
    files: Option<Vec<String>>,
    files_asked: bool,
    pastes: Vec<(String, String)>,
    search: Option<Search>,
}

/// Searching the messages sent before.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// What is searched for.
    pub query: String,
    /// How many matches were passed over.
    skipped: usize,
}

/// What came of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The composer took it.
    Taken,
    /// It took it, and now needs the list of files.
    NeedsFiles,
    /// It means nothing to the composer.
    Ignored,
}

impl Composer {
    /// The text area, for drawing.
    pub fn area(&self) -> &TextArea {
        &self.area
    }

    /// The list of completions, when one is open.
    pub fn completion(&self) -> Option<&Completion> {
        self.completion.as_ref()
    }

    /// The search through the history with what it found, when one is open.
    pub fn searching(&self) -> Option<(&str, Option<&str>)> {
        let search = self.search.as_ref()?;
        Some((search.query.as_str(), self.history.find(&search.query, search.skipped)))
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.area.is_empty() && self.search.is_none()
    }

    /// Replaces the text.
    pub fn set(&mut self, text: &str) {
        self.area.set(text);
        self.completion = None;
    }

    /// Clears the text, keeping it in the history so that it can be had again.
    pub fn clear(&mut self) {
        let text = self.area.take();
        self.history.stash(text);
        self.completion = None;
        self.pastes.clear();
    }

    /// The messages of earlier sessions.
    pub fn remember_all(&mut self, messages: Vec<String>) {
        self.history.prepend(messages);
    }

    /// The files of the repository are known.
    pub fn set_files(&mut self, files: Vec<String>) {
        self.files = Some(files);
        self.refresh();
    }

    /// Takes the message to send it: long pastes are put in where they stand.
    pub fn take(&mut self) -> Option<String> {
        let text = self.full_text();
        if text.trim().is_empty() {
            return None;
        }
        self.area.take();
        self.pastes.clear();
        self.completion = None;
        self.history.push(text.clone());
        Some(text)
    }

    /// The message with its long pastes.
    pub fn full_text(&self) -> String {
        let mut text = self.area.text().to_owned();
        for (word, content) in &self.pastes {
            text = text.replacen(word, content, 1);
        }
        text
    }

    /// Text was pasted.
    pub fn paste(&mut self, text: &str) {
        if let Some(search) = &mut self.search {
            search.query.push_str(text.lines().next().unwrap_or_default());
            return;
        }
        let lines = text.lines().count();
        if lines > LONG_PASTE_LINES || text.len() > LONG_PASTE_BYTES {
            let word = format!("[paste {}: {lines} lines, {} KB]", self.pastes.len() + 1, text.len().div_ceil(1000));
            self.area.insert(&word);
            self.pastes.push((word, text.to_owned()));
        } else {
            self.area.insert(text);
        }
        self.refresh();
    }

    /// Whether the composer wants a key before the key map sees it: while a list or a search is open.
    pub fn grabs(&mut self, key: &KeyEvent, action: Option<Action>) -> Option<Outcome> {
        if self.search.is_some() {
            return self.search_key(key, action);
        }
        let completion = self.completion.as_mut()?;
        match key.code {
            KeyCode::Up => completion.step(-1),
            KeyCode::Down => completion.step(1),
            KeyCode::Esc => self.completion = None,
            KeyCode::Tab => self.accept_completion(),
            KeyCode::Enter if action == Some(Action::Send) && !self.is_complete_command() => self.accept_completion(),
            _ => return None,
        }
        Some(Outcome::Taken)
    }

    /// A slash command that is written out in full is sent, not completed.
    fn is_complete_command(&self) -> bool {
        let text = self.area.text().trim();
        text.starts_with('/') && super::slash::parse(text).is_ok()
    }

    fn accept_completion(&mut self) {
        if let Some(completion) = self.completion.take()
            && let Some(chosen) = completion.chosen()
        {
            let piece = completion.kind().written(chosen);
            self.area.replace(completion.start()..self.area.cursor(), &piece);
        }
    }

    /// Takes a key that edits.
    pub fn key(&mut self, key: &KeyEvent) -> Outcome {
        match key.code {
            KeyCode::Up if self.area.on_first_line() => return self.recall(true),
            KeyCode::Down if self.area.on_last_line() => return self.recall(false),
            _ => {}
        }
        if !self.area.key(key) {
            return Outcome::Ignored;
        }
        self.refresh()
    }

    /// Starts a new line.
    pub fn newline(&mut self) {
        self.area.insert("\n");
        self.completion = None;
    }

    fn recall(&mut self, older: bool) -> Outcome {
        let found = if older { self.history.older(self.area.text()) } else { self.history.newer() };
        match found {
            Some(text) => {
                self.area.set(&text);
                self.completion = None;
                Outcome::Taken
            }
            None => Outcome::Ignored,
        }
    }

    /// Opens, narrows or closes the list of completions after an edit.
    fn refresh(&mut self) -> Outcome {
        let word = complete::word_at(self.area.text(), self.area.cursor());
        self.completion = word.and_then(|(kind, start, query)| {
            Completion::find(kind, start, &query, self.files.as_deref().unwrap_or_default())
        });
        let wants = complete::word_at(self.area.text(), self.area.cursor())
            .is_some_and(|(kind, _, _)| kind == Kind::File && self.files.is_none());
        if wants && !std::mem::replace(&mut self.files_asked, true) { Outcome::NeedsFiles } else { Outcome::Taken }
    }

    /// Begins searching the messages sent before.
    pub fn begin_search(&mut self) {
        self.completion = None;
        self.search = Some(Search::default());
    }

    fn search_key(&mut self, key: &KeyEvent, action: Option<Action>) -> Option<Outcome> {
        let search = self.search.as_mut()?;
        match (key.code, action) {
            (_, Some(Action::HistorySearch)) => search.skipped += 1,
            (KeyCode::Backspace, _) => {
                search.query.pop();
                search.skipped = 0;
            }
            (KeyCode::Esc, _) => self.search = None,
            (KeyCode::Enter | KeyCode::Tab | KeyCode::Right, _) => {
                let found = self.history.find(&search.query, search.skipped).map(str::to_owned);
                self.search = None;
                if let Some(found) = found {
                    self.area.set(&found);
                }
            }
            (KeyCode::Char(c), None) => {
                search.query.push(c);
                search.skipped = 0;
            }
            (KeyCode::Char('?'), _) => search.query.push('?'),
            _ => return None,
        }
        Some(Outcome::Taken)
    }
}

#[cfg(test)]
mod tests;
