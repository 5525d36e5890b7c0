//! The tasks side by side: this session's own work, and what was handed to other agents.

use crate::domain::{Event, SessionId};
use crate::text;
use crate::tui::keymap::{Action, Place};
use crate::tui::msg::Effect;

/// How a task stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskState {
    /// Nothing was said yet.
    #[default]
    New,
    /// The agent works.
    Works,
    /// A proposal waits.
    Review,
    /// A permission or an answer waits.
    Asks,
    /// The agent rests and nothing waits.
    Rests,
    /// Its last proposal was committed.
    Committed,
    /// Its session is not open in this program.
    Closed,
}

impl TaskState {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::New => "waits for a message",
            Self::Works => "works",
            Self::Review => "waits for your review",
            Self::Asks => "waits for your answer",
            Self::Rests => "rests",
            Self::Committed => "committed",
            Self::Closed => "not open; Enter opens it",
        }
    }

    /// Whether the user has to do something.
    pub fn waits(self) -> bool {
        matches!(self, Self::Review | Self::Asks)
    }
}

/// A line of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// Its session, once that is open.
    pub session: Option<SessionId>,
    /// What it works on.
    pub title: String,
    /// Who works on it.
    pub agent: String,
    /// How it stands.
    pub state: TaskState,
}

/// The state of the tasks pane.
#[derive(Debug, Default)]
pub struct TasksPane {
    own: Task,
    delegated: Vec<Task>,
    /// Every task of the program, and which of them is on this screen.
    all: Vec<Task>,
    here: Option<usize>,
    cursor: usize,
}

fn line(text: &str) -> String {
    text::sanitize_line(text.trim().lines().next().unwrap_or_default()).into_owned()
}

impl TasksPane {
    /// Takes something that happened in this session.
    pub fn event(&mut self, event: &Event) {
        let own = &mut self.own;
        match event {
            Event::SessionOpened { session, .. } => own.session = Some(session.clone()),
            Event::UserSaid { text, queued: false, .. } => {
                if own.title.is_empty() {
                    own.title = line(text);
                }
                own.state = TaskState::Works;
            }
            Event::AgentChosen { agent, .. } => own.agent = text::sanitize_line(agent).into_owned(),
            Event::TurnStarted { .. } | Event::PermissionGiven { .. } => own.state = TaskState::Works,
            Event::ToolReturned { .. } if own.state == TaskState::Asks => own.state = TaskState::Works,
            Event::Proposed { proposal } if proposal.changes.is_empty() => {}
            Event::Proposed { .. } => own.state = TaskState::Review,
            Event::PermissionAsked { .. } => own.state = TaskState::Asks,
            Event::ToolCalled { name, .. } if name == "ask" => own.state = TaskState::Asks,
            Event::Committed { .. } => own.state = TaskState::Committed,
            Event::TurnEnded { .. } if matches!(own.state, TaskState::Works | TaskState::Asks) => {
                own.state = TaskState::Rests;
            }
            Event::Delegated { session, agent, task, .. } => self.delegated.push(Task {
                session: Some(session.clone()),
                title: line(task),
                agent: text::sanitize_line(agent).into_owned(),
                state: TaskState::Works,
            }),
            _ => {}
        }
    }

    /// This session's own work.
    pub fn own(&self) -> &Task {
        &self.own
    }

    /// What this session handed over.
    pub fn delegated(&self) -> &[Task] {
        &self.delegated
    }

    /// Takes how all tasks stand; `here` is the one on this screen. Says so when another one begins to wait.
    pub fn told(&mut self, all: Vec<Task>, here: Option<usize>) -> Option<String> {
        let began = all.iter().enumerate().find(|(index, task)| {
            let before = self.all.get(*index).map(|task| task.state);
            Some(*index) != here && task.state.waits() && before.is_some_and(|before| before != task.state)
        });
        let words =
            began.map(|(_, task)| format!("{}: \"{}\" {}; Alt-4 shows it", task.agent, task.title, task.state.words()));
        (self.all, self.here) = (all, here);
        words
    }

    /// How many other tasks wait for the user.
    pub fn waiting_elsewhere(&self) -> usize {
        self.all.iter().enumerate().filter(|(index, task)| Some(*index) != self.here && task.state.waits()).count()
    }

    /// The lines, the index of the chosen one, and of the one on this screen.
    pub fn lines(&self) -> (Vec<&Task>, usize, Option<usize>) {
        if self.all.is_empty() {
            return (std::iter::once(&self.own).chain(&self.delegated).collect(), self.cursor, Some(0));
        }
        (self.all.iter().collect(), self.cursor, self.here)
    }

    /// Does what a key asks for.
    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        let (lines, cursor, here) = self.lines();
        let chosen = lines.get(cursor).and_then(|task| task.session.clone());
        let last = lines.len().saturating_sub(1);
        match action {
            Action::Down => self.cursor = (cursor + 1).min(last),
            Action::Up => self.cursor = cursor.saturating_sub(1),
            Action::Top => self.cursor = 0,
            Action::Bottom => self.cursor = last,
            Action::OpenTask if Some(cursor) == here => return vec![Effect::Focus(Place::Chat)],
            Action::OpenTask if cursor == 0 => return vec![Effect::ShowTask(None)],
            Action::OpenTask => return vec![Effect::ShowTask(chosen)],
            Action::StopTask => return chosen.map(Effect::StopTask).into_iter().collect(),
            Action::Back => return vec![Effect::Focus(Place::Chat)],
            _ => {}
        }
        Vec::new()
    }
}
