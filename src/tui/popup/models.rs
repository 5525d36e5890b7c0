//! The list of models: on a first run, and whenever another one is wanted.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::provider::offers::{Offer, Ready};
use crate::text;
use crate::tui::widget::fuzzy;
use crate::tui::widget::list::Cursor;

use super::{Outcome, Pick};

/// What can be chosen, narrowed by what is typed.
#[derive(Clone, Debug)]
pub struct ModelList {
    /// It came up by itself, because no model is chosen yet.
    pub first_run: bool,
    /// Servers on this machine are being looked for.
    pub looking: bool,
    /// What is typed.
    pub query: String,
    /// Why the last key did nothing.
    pub complaint: Option<String>,
    /// The model of the session; empty when it has none.
    current: String,
    offers: Vec<Offer>,
    found: Vec<usize>,
    cursor: Cursor,
    /// The user went to a line; it stays theirs when others come.
    moved: bool,
}

impl ModelList {
    /// The list with what is known so far: the model in use, then the best first.
    pub fn new(offers: Vec<Offer>, current: &str, first_run: bool, looking: bool) -> Self {
        let offers = in_use_first(offers, current);
        let found = (0..offers.len()).collect();
        Self {
            first_run,
            looking,
            query: String::new(),
            complaint: None,
            current: current.to_owned(),
            offers,
            found,
            cursor: Cursor::default(),
            moved: false,
        }
    }

    /// Servers on this machine were looked for, and this is all there is.
    pub fn found(&mut self, offers: Vec<Offer>) {
        self.looking = false;
        let chosen = self.chosen().map(|offer| offer.model.clone());
        self.offers = in_use_first(offers, &self.current);
        self.narrow();
        let again = chosen.filter(|_| self.moved);
        if let Some(at) = again.and_then(|model| self.found.iter().position(|index| self.is(*index, &model))) {
            self.cursor.index = at;
        }
    }

    fn is(&self, index: usize, model: &str) -> bool {
        self.offers.get(index).is_some_and(|offer| offer.model == model)
    }

    /// The lines that fit: name and state.
    pub fn rows(&self) -> Vec<(String, String)> {
        let offers = self.found.iter().filter_map(|index| self.offers.get(*index));
        let line = |text: &str| text::sanitize_line(text).into_owned();
        offers.map(|offer| (line(&offer.model), line(&offer.state))).collect()
    }

    /// The chosen line.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// The model of the chosen line.
    pub fn chosen(&self) -> Option<&Offer> {
        self.found.get(self.cursor.index).and_then(|index| self.offers.get(*index))
    }

    /// Types a text.
    pub(super) fn write(&mut self, text: &str) {
        self.query.extend(text.chars().filter(|c| !c.is_control()));
        self.narrow();
    }

    fn narrow(&mut self) {
        self.cursor = Cursor::default();
        self.complaint = None;
        self.found = if self.query.is_empty() {
            (0..self.offers.len()).collect()
        } else {
            fuzzy::best(&self.query, self.offers.iter().map(|offer| offer.model.as_str()), self.offers.len())
        };
    }

    fn step(&mut self, delta: isize) {
        self.moved = true;
        self.complaint = None;
        self.cursor.step(delta, self.found.len());
    }

    pub(super) fn key(&mut self, key: &KeyEvent) -> Outcome {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Up => self.step(-1),
            KeyCode::Down => self.step(1),
            KeyCode::Char('p') if control => self.step(-1),
            KeyCode::Char('n') if control => self.step(1),
            KeyCode::PageUp => self.step(-10),
            KeyCode::PageDown => self.step(10),
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

    fn pick(&mut self) -> Outcome {
        let Some(offer) = self.chosen() else {
            // A name that is on no list may still be one that a provider knows.
            let named =
                self.query.split_once('/').is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty());
            if named && !self.query.contains(' ') {
                return Outcome::Picked(Pick::Model(self.query.clone()));
            }
            if !self.query.is_empty() {
                self.complaint = Some("a model is named provider/model; Esc goes to the chat".to_owned());
            }
            return Outcome::Stay;
        };
        match offer.ready {
            Ready::Now => Outcome::Picked(Pick::Model(offer.model.clone())),
            Ready::Download(_) => Outcome::Picked(Pick::Fetch(offer.model.clone())),
            Ready::Missing => {
                self.complaint = Some(format!("not yet: it {}", offer.state));
                Outcome::Stay
            }
        }
    }
}

/// The model in use leads the list, and is there although only the user knows of it.
fn in_use_first(mut offers: Vec<Offer>, current: &str) -> Vec<Offer> {
    if current.is_empty() {
        return offers;
    }
    let details = match offers.iter().position(|offer| offer.model == current) {
        Some(at) => offers.remove(at).details,
        None => Vec::new(),
    };
    let offer = Offer { model: current.to_owned(), state: "in use".to_owned(), ready: Ready::Now, details };
    offers.insert(0, offer);
    offers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_in_use_comes_first_whoever_knows_it() {
        let offer = |model: &str| Offer {
            model: model.to_owned(),
            state: "key found".to_owned(),
            ready: Ready::Now,
            details: Vec::new(),
        };
        let lines = |current: &str| {
            let list = ModelList::new(vec![offer("a/one"), offer("b/two")], current, false, false);
            list.rows().into_iter().map(|(model, state)| format!("{model} {state}")).collect::<Vec<_>>()
        };
        assert_eq!(lines("b/two"), ["b/two in use", "a/one key found"]);
        assert_eq!(lines("own/x"), ["own/x in use", "a/one key found", "b/two key found"]);
        assert_eq!(lines("")[0], "a/one key found");
    }

    #[test]
    fn a_command_is_no_model() {
        let mut list = ModelList::new(Vec::new(), "", true, false);
        list.write("/doctor");
        assert!(matches!(list.pick(), Outcome::Stay));
        assert!(list.complaint.is_some());
        let mut list = ModelList::new(Vec::new(), "", true, false);
        list.write("x/y-z");
        assert!(matches!(list.pick(), Outcome::Picked(Pick::Model(model)) if model == "x/y-z"));
    }
}
