//! What is said in the chat: messages, commands, answers.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::domain::Command;
use crate::text;
use crate::tui::keymap::{Action, Place};
use crate::tui::msg::{Effect, Purpose};
use crate::tui::pane::chat::{Pending, count};
use crate::tui::popup::Popup;
use crate::tui::session::tokens;
use crate::tui::slash;

use super::App;

impl App {
    pub(super) fn act_in_chat(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Send => return self.send(),
            Action::Newline => self.composer.newline(),
            Action::HistorySearch => self.composer.begin_search(),
            Action::EditMessage => {
                let text = self.composer.full_text();
                return vec![Effect::Edit { purpose: Purpose::Message, text, suffix: ".md".to_owned() }];
            }
            Action::Stop => return self.stop(),
            Action::ChatPageUp => self.chat.scroll_pages(-1),
            Action::ChatPageDown => self.chat.scroll_pages(1),
            Action::ChatUp => self.chat.scroll(-1),
            Action::ChatDown => self.chat.scroll(1),
            Action::ChatTop => self.chat.to_top(),
            Action::ChatBottom => self.chat.to_bottom(),
            Action::Unfold => self.chat.toggle_fold(),
            Action::CopyAnswer => {
                return match self.chat.last_answer() {
                    Some(answer) => vec![Effect::Copy(answer)],
                    None => vec![Effect::Status("there is no answer to copy yet".to_owned())],
                };
            }
            _ => {}
        }
        Vec::new()
    }

    fn stop(&mut self) -> Vec<Effect> {
        if self.session.busy.is_some() {
            return self.interrupt();
        }
        if self.composer.is_empty() {
            if let Some(effects) = self.stop_fetching() {
                return effects;
            }
            self.chat.to_bottom();
        } else {
            self.composer.clear();
        }
        Vec::new()
    }

    /// Keys that answer a question, while nothing is written.
    pub(super) fn answer_key(&mut self, key: &KeyEvent) -> Option<Vec<Effect>> {
        if !self.composer.is_empty() || !(key.modifiers - KeyModifiers::SHIFT).is_empty() {
            return None;
        }
        let KeyCode::Char(letter) = key.code else { return None };
        let command = match (self.chat.pending()?, letter) {
            (Pending::Permission { id, .. }, 'y') => Command::Permit { permission: id, allowed: true, always: false },
            (Pending::Permission { id, .. }, 'a') => Command::Permit { permission: id, allowed: true, always: true },
            (Pending::Permission { id, .. }, 'n') => Command::Permit { permission: id, allowed: false, always: false },
            (Pending::Question { call, options, .. }, '1'..='9') => {
                let index = letter.to_digit(10).and_then(|digit| usize::try_from(digit).ok())?.checked_sub(1)?;
                Command::Answer { call, text: options.get(index)?.clone() }
            }
            _ => return None,
        };
        Some(vec![Effect::Command(command)])
    }

    fn send(&mut self) -> Vec<Effect> {
        let Some(text) = self.composer.take() else { return Vec::new() };
        let line = text.trim();
        if let Some(command) = line.strip_prefix('!') {
            return self.shell(command.trim());
        }
        let is_command = line.starts_with('/')
            && !line.contains('\n')
            && !line.split_whitespace().next().unwrap_or_default()[1..].contains('/');
        if is_command {
            return match slash::parse(line) {
                Ok((slash, rest)) => self.slash(slash.name, rest),
                Err((name, near)) => {
                    self.composer.set(&text);
                    let name = text::sanitize_line(&name).into_owned();
                    let near = near.map(|near| format!(", /{near} is near")).unwrap_or_default();
                    vec![Effect::Status(format!("there is no /{name}{near}; /help shows all"))]
                }
            };
        }
        self.chat.to_bottom();
        let mut effects = vec![Effect::Remember(text.clone())];
        if self.hold(&text) {
            return effects;
        }
        effects.push(Effect::Command(match self.chat.pending() {
            Some(Pending::Question { call, .. }) => Command::Answer { call, text },
            _ => Command::Say { text },
        }));
        effects
    }

    fn shell(&mut self, command: &str) -> Vec<Effect> {
        if command.is_empty() {
            return vec![Effect::Status("write the command after the !".to_owned())];
        }
        vec![Effect::Command(Command::Shell { command: command.to_owned() })]
    }

    /// Carries a slash command out.
    pub(super) fn slash(&mut self, name: &str, rest: &str) -> Vec<Effect> {
        match name {
            "agent" if rest.is_empty() => self.act(Action::Agents),
            "agent" => vec![Effect::Command(Command::UseAgent { agent: rest.to_owned() })],
            "model" if rest.is_empty() => self.act(Action::Models),
            "model" => self.use_model(rest.to_owned()),
            "task" if rest.is_empty() => vec![Effect::Focus(Place::Tasks)],
            "task" => vec![Effect::Open(Popup::hand_over(rest, &self.start.agents))],
            "diff" if self.diff.proposal().is_some() => vec![Effect::Focus(Place::Diff)],
            "diff" => vec![Effect::Command(Command::Propose)],
            "undo" if rest == "list" => self.list_commits(),
            "undo" if !rest.is_empty() => vec![Effect::Command(Command::TakeBack { commit: rest.to_owned() })],
            "verify" => vec![Effect::Command(match self.diff.proposal() {
                Some(proposal) => Command::Prove {
                    proposal: proposal.id.clone(),
                    gates: rest.split_whitespace().map(str::to_owned).collect(),
                },
                None => Command::Propose,
            })],
            "api" => vec![Effect::Command(Command::Shell { command: format!("/api {rest}").trim().to_owned() })],
            "undo" => vec![Effect::Command(Command::Undo)],
            "redo" if !rest.is_empty() => vec![Effect::Command(Command::BringBack { commit: rest.to_owned() })],
            "redo" => vec![Effect::Command(Command::Redo)],
            "rewind" => match self.chat.messages() {
                said if said.is_empty() => vec![Effect::Status("nothing was said yet".to_owned())],
                said => vec![Effect::Open(Popup::rewind(&said))],
            },
            "commit" => {
                self.go(Place::Diff);
                self.diff.act(Action::Commit)
            }
            "compact" => vec![Effect::Command(Command::Compact)],
            "context" => vec![Effect::Status(self.context_words())],
            "cost" => vec![Effect::Status(self.cost_words())],
            "export" => {
                let path = (!rest.is_empty()).then(|| rest.to_owned());
                vec![Effect::Export { path, text: self.chat.export() }]
            }
            "report" => match self.session.id.clone() {
                Some(session) => vec![Effect::Report(session)],
                None => vec![Effect::Status("the session is not open yet".to_owned())],
            },
            "doctor" => vec![Effect::Open(self.doctor())],
            "help" => self.act(Action::Help),
            "quit" => self.leave(),
            _ => Vec::new(),
        }
    }

    /// Begins handing a task over: what is written in the composer, or what is to be written.
    pub(super) fn hand_over(&mut self, task: &str) -> Vec<Effect> {
        if self.start.task.is_some() || self.start.review_only {
            return vec![Effect::Status("tasks are handed over in the first session: Alt-0 goes there".to_owned())];
        }
        let task = if task.is_empty() { self.composer.full_text() } else { task.to_owned() };
        vec![Effect::Open(Popup::task(task.trim()))]
    }

    fn context_words(&self) -> String {
        let used = tokens(self.session.context);
        match (self.session.window, self.session.context_percent()) {
            (Some(window), Some(percent)) => format!("context: {used} of {} tokens, {percent} %", tokens(window)),
            _ => format!("context: {used} tokens at the last request; the model's window is not known"),
        }
    }

    fn cost_words(&self) -> String {
        let usage = &self.session.usage;
        let cost = usage.cost_usd.map_or_else(|| "no price known".to_owned(), |cost| format!("${cost:.4}"));
        format!(
            "{}, {} tokens in, {} out, {} from the cache; {cost}",
            count(usize::try_from(self.session.requests).unwrap_or(0), "request"),
            tokens(usage.input_tokens + usage.cache_write_tokens),
            tokens(usage.output_tokens),
            tokens(usage.cache_read_tokens),
        )
    }

    fn doctor(&self) -> Popup {
        let session = &self.session;
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        let isolation = match session.isolation {
            Some(crate::domain::Isolation::Overlay) => "overlay: files, processes and network are contained",
            Some(crate::domain::Isolation::Copy) => {
                "copy: your files are safe from edits, but commands can reach everything else"
            }
            None => "not known yet",
        };
        let lines = vec![
            format!("session    {}", session.id.as_ref().map_or("not open yet", |id| id.as_str())),
            format!("repository {}", text::sanitize_line(&self.start.folder.display().to_string())),
            format!("branch     {}", or(&session.branch, "none (detached, or no commit yet)")),
            format!("agent      {}", or(&session.agent, "none")),
            format!("model      {}", or(&session.model, "none; F3 or /model chooses one")),
            format!("isolation  {isolation}"),
            format!("theme      {}", self.theme.name),
            "`tenon doctor` looks further.".to_owned(),
        ];
        Popup::Message { title: "Doctor".to_owned(), lines }
    }
}
