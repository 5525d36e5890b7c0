//! What comes of popups.

use crossterm::event::KeyEvent;

use crate::domain::{Command, CommitChoice, CommitWay};
use crate::tui::keymap::{Action, KEYS, Place};
use crate::tui::msg::{Effect, Purpose};
use crate::tui::popup::{For, Outcome, Pick, Popup};

use super::App;

impl App {
    pub(super) fn popup_key(&mut self, key: &KeyEvent, action: Option<Action>) -> Vec<Effect> {
        let Some(popup) = &mut self.popup else { return Vec::new() };
        match popup.key(key, action) {
            Outcome::Stay => Vec::new(),
            Outcome::Close => {
                self.popup = None;
                Vec::new()
            }
            Outcome::Picked(pick) => {
                self.popup = None;
                self.picked(pick)
            }
            Outcome::Wrote(wanted, text) => {
                self.popup = None;
                self.wrote(wanted, &text)
            }
            Outcome::Toggle(action) => self.toggle(action),
            Outcome::EditMessage => {
                let Some(Popup::Commit(dialog)) = &self.popup else { return Vec::new() };
                let text = format!("{}\n", dialog.area.text().trim_end());
                vec![Effect::Edit { purpose: Purpose::CommitMessage, text, suffix: "-COMMIT_EDITMSG".to_owned() }]
            }
            Outcome::Commit => self.commit(CommitChoice::Green),
            Outcome::CommitDespite => self.commit(CommitChoice::Despite),
        }
    }

    fn picked(&mut self, pick: Pick) -> Vec<Effect> {
        match pick {
            Pick::Agent(agent) => vec![Effect::Command(Command::UseAgent { agent })],
            Pick::Model(model) => self.use_model(model),
            Pick::Fetch(model) => self.fetch_model(model),
            Pick::HandOver { agent, task } => {
                if self.composer.full_text().trim() == task {
                    self.composer.clear();
                }
                let words = format!("handed to {}; Alt-4 shows the tasks", crate::text::sanitize_line(&agent));
                vec![Effect::Command(Command::Delegate { agent, task }), Effect::Status(words)]
            }
            Pick::Slash(name) => self.slash(name, ""),
            Pick::TakeBack(commit) => vec![Effect::Command(Command::TakeBack { commit })],
            Pick::BringBack(commit) => vec![Effect::Command(Command::BringBack { commit })],
            Pick::Rewind(message) => vec![Effect::Command(Command::Rewind { message })],
            Pick::Action(action) => {
                // An action of another pane is carried out there.
                let places = KEYS.iter().find(|entry| entry.action == action).map(|entry| entry.places);
                if let Some(places) = places
                    && !places.holds(self.focus.place)
                    && let Some(place) = Place::ALL.into_iter().find(|place| places.holds(*place))
                {
                    self.go(place);
                }
                self.act(action)
            }
        }
    }

    fn wrote(&mut self, wanted: For, text: &str) -> Vec<Effect> {
        match wanted {
            For::Comment => self.diff.comment(text, !self.start.review_only),
            For::Search => self.diff.search_for(text.to_owned()),
            For::Filter => {
                self.log.filter(text.to_owned());
                Vec::new()
            }
            For::Task if text.trim().is_empty() => {
                vec![Effect::Status("nothing was handed over: say what the task is".to_owned())]
            }
            For::Task => vec![Effect::Open(Popup::hand_over(text.trim(), &self.start.agents))],
            For::Review => {
                let Some(proposal) = self.diff.proposal() else { return Vec::new() };
                let text = (!text.trim().is_empty()).then(|| text.trim().to_owned());
                let review = Command::Review { proposal: proposal.id.clone(), text };
                vec![Effect::Command(review), Effect::Status("the review went to the agent".to_owned())]
            }
        }
    }

    /// Commits unless a gate is not green and nobody has confirmed that yet.
    fn commit(&mut self, choice: CommitChoice) -> Vec<Effect> {
        let Some(Popup::Commit(dialog)) = &mut self.popup else { return Vec::new() };
        let Some(proposal) = self.diff.proposal() else {
            self.popup = None;
            return vec![Effect::Status("there is no proposal to commit".to_owned())];
        };
        let message = dialog.area.text().trim().to_owned();
        if self.diff.counts().accepted == 0 {
            self.popup = None;
            return vec![Effect::Status("nothing is accepted yet: a accepts a hunk, A the whole file".to_owned())];
        }
        if message.is_empty() {
            return vec![Effect::Status("a commit needs a message".to_owned())];
        }
        if choice == CommitChoice::Green && !self.diff.not_green().is_empty() {
            dialog.sure = true;
            return Vec::new();
        }
        let way = dialog.way();
        if way == CommitWay::Branch(String::new()) {
            return vec![Effect::Status("a new branch needs a name: Tab goes there".to_owned())];
        }
        let proposal = proposal.id.clone();
        self.popup = None;
        vec![
            Effect::Command(Command::Commit { proposal, message: Some(message), choice, way }),
            Effect::Status("committing what is accepted".to_owned()),
        ]
    }

    /// Switches a wish of the commit dialog.
    fn toggle(&mut self, action: Action) -> Vec<Effect> {
        let Some(Popup::Commit(dialog)) = &mut self.popup else { return Vec::new() };
        let last = self.commits.last().cloned();
        match (action, last) {
            (Action::NewBranch, _) => dialog.toggle_branch(),
            (Action::Amend, Some(last)) => dialog.toggle_amend(&last.message),
            (Action::Fixup, Some(last)) => dialog.toggle_fixup(&last.subject()),
            (_, None) => return vec![Effect::Status("this session has made no commit that stands".to_owned())],
            _ => {}
        }
        Vec::new()
    }

    /// The commits of the session, to take one back or bring it again.
    pub(super) fn list_commits(&mut self) -> Vec<Effect> {
        if self.commits.is_empty() {
            return vec![Effect::Status("this session has made no commit yet".to_owned())];
        }
        self.popup = Some(Popup::commits(&self.commits));
        Vec::new()
    }
}
