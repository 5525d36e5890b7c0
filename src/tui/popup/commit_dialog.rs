//! The commit dialog: the message, and whether it is a new commit, an amendment, a fixup, or one on a new branch.

use crossterm::event::{KeyCode, KeyEvent};

use crate::domain::CommitWay;
use crate::tui::keymap::Action;
use crate::tui::widget::text_area::TextArea;

use super::Outcome;

/// The commit dialog.
#[derive(Clone, Debug)]
pub struct CommitDialog {
    /// The message.
    pub area: TextArea,
    /// It asks whether to commit although gates are not green.
    pub sure: bool,
    /// Into the last commit.
    pub amend: bool,
    /// The name of the new branch, when it goes on one.
    pub branch: Option<TextArea>,
    /// Where letters go.
    pub field: Field,
    drafted: String,
}

/// A text of the dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The message.
    Message,
    /// The name of the branch.
    Branch,
}

fn area(text: &str) -> TextArea {
    let mut area = TextArea::default();
    area.set(text);
    area
}

impl CommitDialog {
    /// The dialog with the drafted message.
    pub(super) fn new(message: &str) -> Self {
        let drafted = message.to_owned();
        Self { area: area(message), sure: false, amend: false, branch: None, field: Field::Message, drafted }
    }

    /// The text that letters go to.
    pub(super) fn focused(&mut self) -> &mut TextArea {
        match (self.field, &mut self.branch) {
            (Field::Branch, Some(branch)) => branch,
            _ => &mut self.area,
        }
    }

    /// How it is committed.
    pub fn way(&self) -> CommitWay {
        match (&self.branch, self.amend) {
            (Some(name), _) if name.text().trim().is_empty() => CommitWay::Branch(slug(self.area.text())),
            (Some(name), _) => CommitWay::Branch(name.text().trim().to_owned()),
            (None, true) => CommitWay::Amend,
            (None, false) => CommitWay::New,
        }
    }

    pub(super) fn key(&mut self, key: &KeyEvent, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::Send) => return Outcome::Commit,
            Some(Action::Newline) if self.field == Field::Message => self.area.insert("\n"),
            Some(Action::EditMessage) => return Outcome::EditMessage,
            Some(toggled @ (Action::Amend | Action::Fixup | Action::NewBranch)) => return Outcome::Toggle(toggled),
            _ if key.code == KeyCode::Tab && self.branch.is_some() => {
                self.field = if self.field == Field::Message { Field::Branch } else { Field::Message };
            }
            _ => {
                self.focused().key(key);
            }
        }
        Outcome::Stay
    }

    /// On a new branch, with a name made of the message, or not.
    pub fn toggle_branch(&mut self) {
        self.amend = false;
        self.field = Field::Message;
        self.branch = match self.branch.take() {
            Some(_) => None,
            None => Some(area(&slug(self.area.text()))),
        };
    }

    /// Into the last commit, whose message this is, or not. What the user wrote stays.
    pub fn toggle_amend(&mut self, message: &str) {
        self.branch = None;
        self.field = Field::Message;
        self.amend = !self.amend;
        let own: Vec<&str> = message.trim_end().lines().filter(|line| !line.starts_with("Tenon-")).collect();
        let own = own.join("\n").trim_end().to_owned();
        if self.amend && self.area.text() == self.drafted {
            self.area.set(&own);
        } else if !self.amend && self.area.text() == own {
            self.area.set(&self.drafted.clone());
        }
    }

    /// A fixup of the last commit, for `git rebase --autosquash`, or not.
    pub fn toggle_fixup(&mut self, subject: &str) {
        self.amend = false;
        let fixup = format!("fixup! {}", subject.trim_start_matches("fixup! "));
        if self.area.text() == fixup {
            self.area.set(&self.drafted.clone());
        } else {
            self.area.set(&fixup);
        }
    }
}

/// A branch name made of a message.
fn slug(message: &str) -> String {
    let subject = message.lines().next().unwrap_or_default();
    let (kind, words) = subject.split_once(": ").unwrap_or(("", subject));
    let plain = |text: &str| -> String {
        let letters = text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
        let dashed: String = letters.collect();
        dashed.split('-').filter(|word| !word.is_empty()).take(7).collect::<Vec<_>>().join("-")
    };
    let kind = plain(kind.split('(').next().unwrap_or_default());
    let words = plain(words);
    if kind.is_empty() || words.is_empty() { format!("{kind}{words}") } else { format!("{kind}/{words}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_named_after_the_message() {
        for (message, expected) in [
            ("feat(api): add order cancellation\n\nbody", "feat/add-order-cancellation"),
            ("Add order cancellation.", "add-order-cancellation"),
            ("fix!: größe of it", "fix/gr-e-of-it"),
            ("", ""),
        ] {
            assert_eq!(slug(message), expected);
        }
    }
}
