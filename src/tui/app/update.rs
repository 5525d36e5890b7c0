//! Folds what happened in the session into the panes.

use crate::domain::{Event, NoteLevel, Record, Update};
use crate::tui::keymap::Place;
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
        let live = record.at >= self.clock.started;
        let mut effects = self.fold(event, live);
        // What lay before was looked at when the session was opened.
        let moves = matches!(event, Event::Committed { .. } | Event::Undone { .. } | Event::TurnEnded { .. });
        if live && moves {
            effects.push(Effect::LookAtTree);
        }
        effects
    }

    fn fold(&mut self, event: &Event, live: bool) -> Vec<Effect> {
        match event {
            Event::Proposed { proposal } => {
                let mut effects = self.diff.proposed(proposal, live);
                // Who is there sees it; in a review that would only hide what became of the last verdicts.
                if live && self.focus.place != Place::Diff {
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
            Event::Committed { proposal, oid, message, amends, .. } => {
                self.commits.made(oid, message, amends.as_deref());
                self.diff.committed(proposal);
                self.session.rest_unless_turn();
                status(live, format!("committed {}; u takes it back", short(oid)))
            }
            Event::Undone { redo, oid, head } => {
                self.commits.moved(oid, head.as_deref(), *redo);
                self.diff.undone(*redo);
                let words = if *redo { "brought forward again" } else { "taken back; Ctrl-r brings it again" };
                status(live, format!("{} {words}", short(oid)))
            }
            // Without a chat on screen this is the only place where it is seen at once.
            Event::Noted { text, .. } if self.start.review_only => {
                status(live, text.lines().next().unwrap_or_default().to_owned())
            }
            Event::Reviewed { proposal } => {
                self.diff.reviewed(proposal);
                Vec::new()
            }
            Event::Rewound { message, .. } => {
                if let Some(text) = self.chat.rewound(message) {
                    self.composer.set(&text);
                }
                vec![Effect::Focus(Place::Chat), Effect::Status("back to before that message".to_owned())]
            }
            _ => Vec::new(),
        }
    }
}

fn status(live: bool, words: String) -> Vec<Effect> {
    if live { vec![Effect::Status(words)] } else { Vec::new() }
}

fn short(oid: &str) -> &str {
    oid.get(..7).unwrap_or(oid)
}
