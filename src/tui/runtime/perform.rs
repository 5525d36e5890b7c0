//! Carries effects out beside the screen.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use super::weights::Weights;
use crate::config;
use crate::domain::{Command, SessionId};
use crate::engine::Handle;
use crate::git::Repository;
use crate::journal::Store;
use crate::proposal::Study;
use crate::report;
use crate::text;
use crate::tui::msg::{Effect, Msg};
use crate::tui::paint::Painter;
use crate::tui::start::StartInfo;

/// Files that completion knows at most.
const FILES: usize = 100_000;
/// Messages that are read from earlier sessions.
const REMEMBERED: usize = 1_000;

/// Carries effects out; what comes of them returns as messages.
pub(super) struct Performer {
    messages: mpsc::Sender<(usize, Msg)>,
    /// The seat that messages are for.
    seat: usize,
    commands: Option<mpsc::Sender<Command>>,
    waiting: VecDeque<Command>,
    session: Option<SessionId>,
    folder: PathBuf,
    history: Option<PathBuf>,
    weights: Weights,
}

impl Performer {
    pub(super) fn new(start: &StartInfo, seat: usize, messages: mpsc::Sender<(usize, Msg)>) -> Self {
        let weights = Weights::new(start, seat, messages.clone());
        Self {
            messages,
            seat,
            commands: None,
            waiting: VecDeque::new(),
            session: None,
            folder: start.folder.clone(),
            history: start.history.clone(),
            weights,
        }
    }

    pub(super) fn opened(&mut self, handle: Handle) {
        self.session = Some(handle.session);
        self.commands = Some(handle.commands);
        self.send_waiting();
    }

    /// Sends what the inbox has room for. Says whether something still waits for room.
    pub(super) fn send_waiting(&mut self) -> bool {
        let Some(commands) = &self.commands else { return false };
        while !self.waiting.is_empty() {
            match commands.try_reserve() {
                Ok(permit) => {
                    if let Some(command) = self.waiting.pop_front() {
                        permit.send(command);
                    }
                }
                Err(mpsc::error::TrySendError::Full(())) => return true,
                Err(mpsc::error::TrySendError::Closed(())) => self.waiting.clear(),
            }
        }
        false
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Command(command) => {
                self.waiting.push_back(command);
                self.send_waiting();
            }
            Effect::Load(job) => {
                let (messages, seat) = (self.messages.clone(), self.seat);
                tokio::task::spawn_blocking(move || {
                    let _ = messages.blocking_send((seat, Msg::Loaded(Box::new(job.load()))));
                    if let Some(paints) = job.paint(&Painter::new()) {
                        let _ = messages.blocking_send((seat, Msg::Painted(Box::new(paints))));
                    }
                });
            }
            Effect::Study { proposal, blobs } => {
                self.in_background(move || {
                    // Without the bytes there is nothing to connect, and the pane says what is missing.
                    let study = Study::of(&proposal, &blobs).ok()?;
                    Some(Msg::Studied(proposal.hash, Box::new(study)))
                });
            }
            Effect::ListFiles => {
                let folder = self.folder.clone();
                self.in_background(move || Some(Msg::Files(list_files(&folder))));
            }
            Effect::LookAtTree => {
                let folder = self.folder.clone();
                // A repository that cannot be read is told by what is done with it.
                self.in_background(move || Some(Msg::Tree(Repository::open(&folder).ok()?.tree_state().ok()?)));
            }
            Effect::Export { path, text } => {
                let target = self.export_target(path);
                self.in_background(move || {
                    let written = std::fs::write(&target, text).map(|()| target.display().to_string());
                    Some(Msg::Exported(written.map_err(|error| format!("{}: {error}", target.display()))))
                });
            }
            Effect::Report(session) => {
                let state = self.weights.state.clone();
                self.in_background(move || Some(Msg::Reported(report_of(state.as_deref(), &session))));
            }
            Effect::Remember(message) => {
                if let Some(path) = self.history.clone() {
                    self.in_background(move || {
                        // A history that cannot be kept is no reason to bother anybody.
                        let _ = remember(&path, &message);
                        None
                    });
                }
            }
            Effect::LookForModels => self.weights.look(),
            Effect::KeepModel(model) => {
                if let Some(state) = self.weights.state.clone() {
                    self.in_background(move || {
                        // A choice that cannot be kept is asked for again.
                        let _ = config::remember_model(&state, &model);
                        None
                    });
                }
            }
            Effect::Fetch(model) => self.weights.fetch(model),
            Effect::StopFetching => self.weights.stop(),
            _ => {}
        }
    }

    pub(super) fn load_history(&self) {
        if let Some(path) = self.history.clone() {
            self.in_background(move || Some(Msg::History(read_history(&path)?)));
        }
    }

    fn in_background(&self, work: impl FnOnce() -> Option<Msg> + Send + 'static) {
        let (messages, seat) = (self.messages.clone(), self.seat);
        tokio::task::spawn_blocking(move || {
            if let Some(message) = work() {
                let _ = messages.blocking_send((seat, message));
            }
        });
    }

    /// A file the user named lies where they say; without a name it goes beside Tenon's own files, not into the tree.
    fn export_target(&self, path: Option<String>) -> PathBuf {
        match path {
            Some(path) => self.folder.join(path),
            None => {
                let name = self.session.as_ref().map_or("session", SessionId::as_str);
                let folder = self.history.as_deref().and_then(Path::parent).unwrap_or(&self.folder);
                folder.join(format!("tenon-{name}.md"))
            }
        }
    }
}

fn list_files(folder: &Path) -> Vec<String> {
    let walk = ignore::WalkBuilder::new(folder).hidden(false).filter_entry(|entry| entry.file_name() != ".git").build();
    walk.flatten()
        .filter(|entry| entry.file_type().is_some_and(|kind| !kind.is_dir()))
        .filter_map(|entry| Some(entry.path().strip_prefix(folder).ok()?.to_string_lossy().into_owned()))
        .take(FILES)
        .collect()
}

fn remember(path: &Path, message: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let line = serde_json::to_string(text::redact(message).as_ref())?;
    writeln!(options.open(path)?, "{line}")
}

fn read_history(path: &Path) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(path).ok()?;
    let messages: Vec<String> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Some(messages.into_iter().rev().take(REMEMBERED).rev().collect())
}

fn report_of(state: Option<&Path>, session: &SessionId) -> Result<String, String> {
    let store = Store::new(state.ok_or("no journal is kept here")?);
    report::read(&store, session).map(|report| report.to_string()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_kept_between_sessions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/history");
        remember(&path, "one\ntwo").unwrap();
        remember(&path, "three").unwrap();
        assert_eq!(read_history(&path).unwrap(), ["one\ntwo", "three"]);
        assert_eq!(read_history(Path::new("/nowhere")), None);
    }

    #[test]
    fn completion_knows_what_git_would_know() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".git/objects")).unwrap();
        std::fs::create_dir_all(folder.path().join("src")).unwrap();
        for (name, text) in [("src/a.py", ""), ("b.log", ""), (".gitignore", "*.log\n"), (".git/config", "")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut files = list_files(folder.path());
        files.sort();
        assert_eq!(files, [".gitignore", "src/a.py"]);
    }
}
