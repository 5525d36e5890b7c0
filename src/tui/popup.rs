//! What can lie over the panes. One at a time, one enum.

mod commit_dialog;
mod models;
mod picker;

use crossterm::event::{KeyCode, KeyEvent};

use crate::domain::MessageId;

use super::commits::{CommitState, Commits};
use super::keymap::{Action, KEYS, KeyMap};
use super::slash::SLASHES;
use super::start::Choice;
use super::widget::text_area::TextArea;

pub use commit_dialog::{CommitDialog, Field};
pub use models::ModelList;
pub use picker::{Pick, Picker};

/// Something over the panes.
#[derive(Clone, Debug)]
pub enum Popup {
    /// The keys, scrolled by some rows.
    Help(usize),
    /// A list to choose from.
    Pick(Picker),
    /// The models.
    Models(ModelList),
    /// A text to write.
    Prompt(Prompt),
    /// The commit dialog.
    Commit(CommitDialog),
    /// Something to read.
    Message {
        /// Above it.
        title: String,
        /// The lines.
        lines: Vec<String>,
    },
}

/// What a text is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// A comment on a line.
    Comment,
    /// Searching the diff.
    Search,
    /// Filtering the log.
    Filter,
    /// What goes along with the review.
    Review,
    /// A task for another agent.
    Task,
}

/// A text being written.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What for.
    pub wanted: For,
    /// Above it.
    pub title: String,
    /// The text.
    pub area: TextArea,
}

/// What came of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The popup stays.
    Stay,
    /// It is to be closed.
    Close,
    /// Something was chosen; the popup is to be closed.
    Picked(Pick),
    /// A text was written; the popup is to be closed.
    Wrote(For, String),
    /// The message is written; whether it is committed is not the popup's to say.
    Commit,
    /// Commit although gates are not green.
    CommitDespite,
    /// A wish of the commit dialog is switched.
    Toggle(Action),
    /// The commit message is to be edited in the user's editor.
    EditMessage,
}

fn area(text: &str) -> TextArea {
    let mut area = TextArea::default();
    area.set(text);
    area
}

impl Popup {
    /// The commit dialog with the drafted message.
    pub fn commit(message: &str) -> Self {
        Self::Commit(CommitDialog::new(message.trim_end()))
    }

    /// A comment on a place.
    pub fn comment(place: &str, text: &str) -> Self {
        let title = format!("Comment on {place} (with ? first or last it is asked at once)");
        Self::Prompt(Prompt { wanted: For::Comment, title, area: area(text) })
    }

    /// Searching the diff.
    pub fn search(text: &str) -> Self {
        Self::Prompt(Prompt { wanted: For::Search, title: "Search this file".to_owned(), area: area(text) })
    }

    /// Filtering the log.
    pub fn filter(text: &str) -> Self {
        let title = "Show only lines with".to_owned();
        Self::Prompt(Prompt { wanted: For::Filter, title, area: area(text) })
    }

    /// Sending the review back.
    pub fn review(remarks: usize) -> Self {
        let noun = if remarks == 1 { "remark" } else { "remarks" };
        let title = format!("Send {remarks} {noun} back; what to add (may be empty)");
        Self::Prompt(Prompt { wanted: For::Review, title, area: TextArea::default() })
    }

    /// A task for another agent.
    pub fn task(text: &str) -> Self {
        let title = "A task for another agent, complete in itself".to_owned();
        Self::Prompt(Prompt { wanted: For::Task, title, area: area(text) })
    }

    /// Who is to do a task.
    pub fn hand_over(task: &str, choices: &[Choice]) -> Self {
        let mut picker = Picker::new("Who is to do it?", true);
        for choice in choices {
            let pick = Pick::HandOver { agent: choice.name.clone(), task: task.to_owned() };
            picker.push(pick, &choice.name, &choice.description);
        }
        Self::Pick(picker)
    }

    /// All actions and commands.
    pub fn palette(keys: &KeyMap) -> Self {
        let mut picker = Picker::new("Palette", false);
        for entry in KEYS {
            let description = format!("{} [{}]", entry.doc, keys.key_of(entry.action));
            picker.push(Pick::Action(entry.action), entry.name, &description);
        }
        for slash in SLASHES {
            picker.push(Pick::Slash(slash.name), &format!("/{}", slash.name), slash.doc);
        }
        Self::Pick(picker)
    }

    /// The agents.
    pub fn agents(choices: &[Choice]) -> Self {
        let mut picker = Picker::new("Agents", true);
        for choice in choices {
            picker.push(Pick::Agent(choice.name.clone()), &choice.name, &choice.description);
        }
        Self::Pick(picker)
    }

    /// The commits of the session, the last one first.
    pub fn commits(commits: &Commits) -> Self {
        let mut picker = Picker::new("Commits of this session: Enter takes one back, or brings it again", false);
        for commit in commits.newest_first() {
            let (pick, state) = match commit.state {
                CommitState::Stands => (Pick::TakeBack(commit.oid.clone()), ""),
                CommitState::TakenBack => (Pick::BringBack(commit.oid.clone()), "taken back: "),
                CommitState::Amended => (Pick::TakeBack(commit.oid.clone()), "amended: "),
            };
            let short = commit.oid.get(..8).unwrap_or(&commit.oid);
            picker.push(pick, short, &format!("{state}{}", commit.subject()));
        }
        Self::Pick(picker)
    }

    /// The messages that can be gone back to, the last one first.
    pub fn rewind(said: &[(MessageId, String)]) -> Self {
        let mut picker = Picker::new("Go back to before a message: conversation, draft and commits since", false);
        for (message, text) in said.iter().rev() {
            let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            picker.push(Pick::Rewind(message.clone()), message.as_str(), line);
        }
        Self::Pick(picker)
    }

    /// Takes a key. `action` is what the key means in the chat, for keys that send and start lines.
    pub fn key(&mut self, key: &KeyEvent, action: Option<Action>) -> Outcome {
        if key.code == KeyCode::Esc {
            if let Self::Commit(dialog) = self
                && std::mem::take(&mut dialog.sure)
            {
                return Outcome::Stay;
            }
            return Outcome::Close;
        }
        match self {
            Self::Help(scroll) => scroll_key(scroll, key),
            Self::Message { .. } => Outcome::Close,
            Self::Pick(picker) => picker.key(key),
            Self::Models(models) => models.key(key),
            Self::Prompt(prompt) => match action {
                Some(Action::Send) => Outcome::Wrote(prompt.wanted, prompt.area.text().to_owned()),
                Some(Action::Newline) if prompt.wanted != For::Search && prompt.wanted != For::Filter => {
                    prompt.area.insert("\n");
                    Outcome::Stay
                }
                _ => edit(&mut prompt.area, key),
            },
            Self::Commit(dialog) if dialog.sure => match key.code {
                KeyCode::Char('y') => Outcome::CommitDespite,
                KeyCode::Char('n') => {
                    dialog.sure = false;
                    Outcome::Stay
                }
                _ => Outcome::Stay,
            },
            Self::Commit(dialog) => dialog.key(key, action),
        }
    }

    /// Text was pasted.
    pub fn paste(&mut self, text: &str) {
        match self {
            Self::Prompt(prompt) => prompt.area.insert(text),
            Self::Commit(dialog) if !dialog.sure => dialog.focused().insert(text),
            Self::Pick(picker) => picker.write(text),
            Self::Models(models) => models.write(text),
            _ => {}
        }
    }
}

fn edit(area: &mut TextArea, key: &KeyEvent) -> Outcome {
    area.key(key);
    Outcome::Stay
}

fn scroll_key(scroll: &mut usize, key: &KeyEvent) -> Outcome {
    match key.code {
        KeyCode::Down | KeyCode::Char('j') => *scroll += 1,
        KeyCode::Up | KeyCode::Char('k') => *scroll = scroll.saturating_sub(1),
        KeyCode::PageDown | KeyCode::Char(' ') => *scroll += 10,
        KeyCode::PageUp => *scroll = scroll.saturating_sub(10),
        KeyCode::Home | KeyCode::Char('g') => *scroll = 0,
        KeyCode::Char('q' | '?') | KeyCode::Enter | KeyCode::F(1) => return Outcome::Close,
        _ => {}
    }
    Outcome::Stay
}
