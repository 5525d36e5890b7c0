//! Keys: to the popup, to a question that waits, to the composer, or through the key map.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::domain::Command;
use crate::tui::composer;
use crate::tui::keymap::{Action, Chord, Place, Scope};
use crate::tui::msg::Effect;
use crate::tui::popup::Popup;

use super::App;

/// How long the first Ctrl-c waits for the second.
const QUIT_WAITS: std::time::Duration = std::time::Duration::from_secs(2);

impl App {
    pub(super) fn terminal(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(&key),
            Event::Paste(text) => {
                match &mut self.popup {
                    Some(popup) => popup.paste(&text),
                    None if self.focus.place == Place::Chat => self.composer.paste(&text),
                    None => return vec![Effect::Status("pasting goes into the chat: Alt-1 goes there".to_owned())],
                }
                Vec::new()
            }
            Event::Mouse(event) => self.mouse_event(event),
            _ => Vec::new(),
        }
    }

    fn key(&mut self, key: &KeyEvent) -> Vec<Effect> {
        self.status = None;
        let chord = Chord::of(key);
        let scope = match &self.popup {
            Some(Popup::Commit(_)) => Scope::Dialog,
            Some(_) => Scope::Pane(Place::Chat),
            None => Scope::Pane(self.focus.place),
        };
        let action = self.keys.action(scope, chord);
        if action == Some(Action::Quit) {
            return self.quit();
        }
        self.quit_armed = None;
        if self.popup.is_some() {
            return self.popup_key(key, action);
        }
        if self.focus.place == Place::Chat {
            return self.chat_key(key, action);
        }
        action.map(|action| self.act(action)).unwrap_or_default()
    }

    fn chat_key(&mut self, key: &KeyEvent, action: Option<Action>) -> Vec<Effect> {
        match self.composer.grabs(key, action) {
            Some(composer::Outcome::NeedsFiles) => return vec![Effect::ListFiles],
            Some(_) => return Vec::new(),
            None => {}
        }
        if let Some(effects) = self.answer_key(key) {
            return effects;
        }
        let empty = self.composer.is_empty();
        if key.code == KeyCode::Up
            && key.modifiers == KeyModifiers::NONE
            && empty
            && let Some((message, text)) = self.chat.last_queued().cloned()
        {
            self.composer.set(&text);
            return vec![Effect::Command(Command::Withdraw { message })];
        }
        let action = match action {
            // Old terminals send Ctrl-h for Backspace, and a question mark is text within text.
            Some(Action::PreviousPane) if !empty && key.code == KeyCode::Char('h') => None,
            Some(Action::HelpHere) if !empty => None,
            action => action,
        };
        if let Some(action) = action {
            return self.act(action);
        }
        match self.composer.key(key) {
            composer::Outcome::NeedsFiles => vec![Effect::ListFiles],
            _ => Vec::new(),
        }
    }

    /// Does what the key map, the palette or the mouse asks for.
    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::NextPane => self.step_focus(1),
            Action::PreviousPane => self.step_focus(-1),
            Action::GoChat => self.go(Place::Chat),
            Action::GoDiff => self.go(Place::Diff),
            Action::GoLog => self.go(Place::Log),
            Action::GoTasks => self.go(Place::Tasks),
            Action::Zoom | Action::ZoomHere => self.focus.zoom = !self.focus.zoom,
            Action::Palette => self.popup = Some(Popup::palette(&self.keys)),
            Action::Help | Action::HelpHere => self.popup = Some(Popup::Help(0)),
            Action::Agents => self.popup = Some(Popup::agents(&self.start.agents)),
            Action::Models => return self.choose_model(false),
            Action::Delegate | Action::NewTask => return self.hand_over(""),
            Action::GoFirst => return vec![Effect::ShowTask(None)],
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Commits => return self.list_commits(),
            Action::Mouse => {
                self.mouse = !self.mouse;
                let words = if self.mouse { "the mouse scrolls and clicks" } else { "the mouse selects text" };
                return vec![Effect::Mouse(self.mouse), Effect::Status(words.to_owned())];
            }
            Action::Quit => return self.quit(),
            Action::Leave if self.start.review_only => return self.leave(),
            Action::Leave => self.go(Place::Chat),
            _ => return self.act_in_pane(action),
        }
        Vec::new()
    }

    fn act_in_pane(&mut self, action: Action) -> Vec<Effect> {
        match self.focus.place {
            Place::Chat => self.act_in_chat(action),
            Place::Diff => self.diff.act(action),
            Place::Log => self.log.act(action),
            Place::Tasks => self.tasks.act(action),
        }
    }

    fn step_focus(&mut self, by: isize) {
        let places = self.places();
        let at = places.iter().position(|place| *place == self.focus.place).unwrap_or(0);
        let count = isize::try_from(places.len()).unwrap_or(1);
        let next = (isize::try_from(at).unwrap_or(0) + by).rem_euclid(count);
        if let Some(place) = usize::try_from(next).ok().and_then(|next| places.get(next)) {
            self.go(*place);
        }
    }

    fn quit(&mut self) -> Vec<Effect> {
        let armed = self.quit_armed.is_some_and(|since| self.now.duration_since(since) < QUIT_WAITS);
        if armed {
            return self.leave();
        }
        self.quit_armed = Some(self.now);
        if self.popup.take().is_some() {
            return vec![Effect::Status("Ctrl-c again quits".to_owned())];
        }
        if self.focus.place == Place::Chat && !self.composer.is_empty() {
            self.composer.clear();
            return vec![Effect::Status("cleared, Up brings it back; Ctrl-c again quits".to_owned())];
        }
        if self.session.busy.is_some() {
            let mut effects = self.interrupt();
            effects.push(Effect::Status("stopping; Ctrl-c again quits".to_owned()));
            return effects;
        }
        vec![Effect::Status("Ctrl-c again quits; the session can be resumed".to_owned())]
    }

    pub(super) fn leave(&mut self) -> Vec<Effect> {
        vec![Effect::Command(Command::Close), Effect::Quit]
    }

    pub(super) fn interrupt(&mut self) -> Vec<Effect> {
        match &mut self.session.busy {
            Some(busy) if !busy.stopping => {
                busy.stopping = true;
                vec![Effect::Command(Command::Interrupt)]
            }
            _ => Vec::new(),
        }
    }
}
