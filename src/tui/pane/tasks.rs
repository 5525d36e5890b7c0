//! The tasks side by side. For now there is one: this session.

use crate::domain::Event;
use crate::text;
use crate::tui::keymap::{Action, Place};
use crate::tui::msg::Effect;

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What it works on.
    pub title: String,
    /// Who works on it.
    pub agent: String,
    /// How it stands, in words.
    pub state: String,
}

/// The state of the tasks pane.
#[derive(Debug, Default)]
pub struct TasksPane {
    own: Option<Task>,
    delegated: Vec<Task>,
    cursor: usize,
}

impl TasksPane {
    /// Takes something that happened.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::UserSaid { text, queued: false, .. } => {
                let title = text::sanitize_line(text.lines().next().unwrap_or_default()).into_owned();
                let own = self.own_mut();
                if own.title.is_empty() {
                    own.title = title;
                }
                own.state = "works".to_owned();
            }
            Event::AgentChosen { agent, .. } => self.own_mut().agent = text::sanitize_line(agent).into_owned(),
            Event::Proposed { .. } => self.own_mut().state = "waits for your review".to_owned(),
            Event::PermissionAsked { .. } => self.own_mut().state = "waits for a permission".to_owned(),
            Event::PermissionGiven { .. } => self.own_mut().state = "works".to_owned(),
            Event::Committed { .. } => self.own_mut().state = "committed".to_owned(),
            Event::TurnEnded { .. } if self.own_mut().state == "works" => self.own_mut().state = "rests".to_owned(),
            Event::Delegated { agent, task, .. } => self.delegated.push(Task {
                title: text::sanitize_line(task).into_owned(),
                agent: text::sanitize_line(agent).into_owned(),
                state: "works".to_owned(),
            }),
            _ => {}
        }
    }

    fn own_mut(&mut self) -> &mut Task {
        self.own.get_or_insert_with(|| Task {
            title: String::new(),
            agent: String::new(),
            state: "waits for a message".to_owned(),
        })
    }

    /// The lines and the index of the chosen one.
    pub fn lines(&self) -> (Vec<&Task>, usize) {
        (self.own.iter().chain(&self.delegated).collect(), self.cursor)
    }

    /// Does what a key asks for.
    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        let last = self.lines().0.len().saturating_sub(1);
        match action {
            Action::Down => self.cursor = (self.cursor + 1).min(last),
            Action::Up => self.cursor = self.cursor.saturating_sub(1),
            Action::OpenTask | Action::Back => return vec![Effect::Focus(Place::Chat)],
            _ => {}
        }
        Vec::new()
    }
}
