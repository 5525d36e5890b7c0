//! Choosing a model, and fetching the weights of one that is not there yet.

use crate::domain::{Command, NoteLevel};
use crate::provider::fetch::{FetchError, Progress, Pulled, size_in_words};
use crate::provider::offers::Offer;
use crate::text;
use crate::tui::msg::Effect;
use crate::tui::popup::{ModelList, Popup};

use super::App;

/// Weights on their way.
#[derive(Clone, Debug)]
pub struct Fetching {
    /// The model as `embedded/name`.
    pub model: String,
    /// How far it is.
    pub progress: Progress,
    /// Bytes a second, of the last seconds.
    pub rate: Option<u64>,
    since: (std::time::Instant, u64),
    /// Messages that wait for the model.
    held: Vec<String>,
    /// Notes of the progress that were shown.
    told: usize,
}

impl Fetching {
    fn new(model: String, now: std::time::Instant) -> Self {
        Self { model, progress: Progress::default(), rate: None, since: (now, 0), held: Vec::new(), told: 0 }
    }

    /// How far it is, in a line.
    pub fn words(&self) -> String {
        let done = size_in_words(self.progress.done);
        let far = match self.progress.total.filter(|total| *total > 0) {
            Some(total) => {
                let percent = self.progress.done.min(total) * 100 / total;
                let full = usize::try_from(percent).unwrap_or(0) / 10;
                format!("[{}{}] {percent} % of {}", "#".repeat(full), "-".repeat(10 - full), size_in_words(total))
            }
            None if self.progress.done == 0 => "looking".to_owned(),
            None => done,
        };
        let mut words = vec![format!("{} {far}", self.model.rsplit('/').next().unwrap_or(&self.model))];
        if let (Some(rate), Some(total)) = (self.rate.filter(|rate| *rate > 0), self.progress.total) {
            words.push(format!("{}/s", size_in_words(rate)));
            let left = total.saturating_sub(self.progress.done) / rate;
            words.push(if left < 60 { format!("{left} s left") } else { format!("{} min left", left.div_ceil(60)) });
        }
        words.push("Esc stops".to_owned());
        words.join(" · ")
    }

    fn take(&mut self, progress: Progress, now: std::time::Instant) {
        if progress.stage != self.progress.stage || progress.source != self.progress.source {
            (self.since, self.rate) = ((now, progress.done), None);
        }
        let took = now.duration_since(self.since.0).as_millis();
        if took > 2_000 {
            let more = u128::from(progress.done.saturating_sub(self.since.1));
            self.rate = u64::try_from(more * 1_000 / took).ok();
            self.since = (now, progress.done);
        }
        self.progress = progress;
    }
}

impl App {
    /// Opens the list of models; servers on this machine join it when they answer.
    pub(super) fn choose_model(&mut self, first_run: bool) -> Vec<Effect> {
        let looking = self.start.scout.is_some();
        self.popup =
            Some(Popup::Models(ModelList::new(self.start.models.clone(), &self.session.model, first_run, looking)));
        vec![Effect::LookForModels]
    }

    pub(super) fn models_found(&mut self, offers: Vec<Offer>) {
        if let Some(Popup::Models(models)) = &mut self.popup {
            models.found(offers.clone());
        }
        self.start.models = offers;
    }

    /// Goes on with a model and keeps the choice for the next time.
    pub(super) fn use_model(&mut self, model: String) -> Vec<Effect> {
        vec![Effect::KeepModel(model.clone()), Effect::Command(Command::UseModel { model })]
    }

    pub(super) fn fetch_model(&mut self, model: String) -> Vec<Effect> {
        if let Some(running) = &self.fetching {
            return vec![Effect::Status(format!("{} is still on its way; Esc stops it", running.model))];
        }
        self.fetching = Some(Fetching::new(model.clone(), self.now));
        vec![Effect::Fetch(model)]
    }

    /// Keeps a message until the model is there; `false` when it can be sent.
    pub(super) fn hold(&mut self, text: &str) -> bool {
        let Some(fetching) = self.fetching.as_mut().filter(|_| self.session.model.is_empty()) else { return false };
        fetching.held.push(text.to_owned());
        self.chat.note(NoteLevel::Info, format!("waits for the model: {}", text::sanitize_line(text)));
        true
    }

    pub(super) fn fetch_moved(&mut self, progress: Progress) {
        let now = self.now;
        let Some(fetching) = &mut self.fetching else { return };
        let notes: Vec<String> = progress.notes.iter().skip(fetching.told).cloned().collect();
        fetching.told = progress.notes.len();
        fetching.take(progress, now);
        for note in notes {
            self.chat.note(NoteLevel::Info, text::sanitize_line(&note).into_owned());
        }
    }

    /// Stops the download; what came is kept.
    pub(super) fn stop_fetching(&mut self) -> Option<Vec<Effect>> {
        let fetching = self.fetching.take()?;
        if let Some(held) = fetching.held.last() {
            self.composer.set(held);
        }
        let words = "the download is stopped; what came is kept, F3 goes on with it".to_owned();
        Some(vec![Effect::StopFetching, Effect::Status(words)])
    }

    pub(super) fn fetched(&mut self, done: Result<Pulled, FetchError>) -> Vec<Effect> {
        let Some(fetching) = self.fetching.take() else { return Vec::new() };
        match done {
            Ok(pulled) => {
                self.chat.note(NoteLevel::Info, format!("{} is there: {}", fetching.model, pulled.path.display()));
                let mut effects = self.use_model(fetching.model);
                effects.extend(fetching.held.into_iter().map(|text| Effect::Command(Command::Say { text })));
                effects
            }
            Err(error) => {
                self.chat.note(NoteLevel::Error, text::sanitize(&error.message).into_owned());
                for hint in error.hints {
                    self.chat.note(NoteLevel::Info, hint);
                }
                if let Some(held) = fetching.held.last() {
                    self.composer.set(held);
                }
                Vec::new()
            }
        }
    }
}
