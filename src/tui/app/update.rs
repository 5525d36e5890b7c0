//! Folds what happened in the session into the panes.

use crate::domain::{Event, NoteLevel, Record, Update};
use crate::tui::msg::Effect;
use crate::tui::session::Link;

use super::App;

impl App {
    pub(super) fn update(&mut self, update: Update) -> Vec<Effect> {
        match update {
            Update::Record(record) => self.record(&record),
            Update::Failed(why) => {
                self.session.link = Link::Gone(why.clone());
                self.session.rest();
                self.chat.note(NoteLevel::Error, why);
                Vec::new()
            }
            Update::Progress(progress) => {
                self.session.progress(&progress, self.now);
                self.chat.progress(&progress);
                self.log.progress(&progress);
                Vec::new()
            }
        }
    }

    fn record(&mut self, record: &Record) -> Vec<Effect> {
        let opened = *self.clock.opened.get_or_insert(record.at);
        let seconds = record.at.duration_since(opened).as_secs();
        self.log.set_clock(u32::try_from(seconds).unwrap_or(0));
        let event = &record.event;
        self.session.event(event, self.now);
        self.chat.event(event);
        self.log.event(event);
        self.tasks.event(event);
        match event {
            Event::Proposed { proposal } => {
                let live = record.at >= self.clock.started;
                let mut effects = self.diff.proposed(proposal, live);
                if live {
                    effects.push(Effect::Status(format!(
                        "proposal {} is ready: Tab goes to the diff",
                        crate::text::sanitize_line(proposal.id.as_str())
                    )));
                }
                effects
            }
            Event::GateReported(evidence) => {
                self.diff.reported(evidence);
                Vec::new()
            }
            Event::Decided { proposal, verdicts } => {
                self.diff.decided(proposal, verdicts);
                Vec::new()
            }
            Event::Committed { proposal, .. } => {
                self.diff.committed(proposal);
                self.session.rest_unless_turn();
                Vec::new()
            }
            Event::Undone { redo, .. } => {
                self.diff.undone(*redo);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}
