//! What the header and the spinner say: folded from the session's events.

use std::time::Instant;

use crate::domain::{Event, Isolation, Progress, SessionId, Usage};
use crate::git::TreeState;
use crate::text;

use super::start::StartInfo;

/// Whether commands reach a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// It is being opened; commands wait.
    #[default]
    Opening,
    /// It is open.
    Open,
    /// It could not be opened, or has ended: why, in words.
    Gone(String),
}

/// What runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Busy {
    /// Since when.
    pub since: Instant,
    /// What is waited for.
    pub what: String,
    /// Bytes of answer and thinking so far.
    pub bytes: usize,
    /// The user asked it to stop.
    pub stopping: bool,
}

/// The session as the header shows it. All texts are safe for a terminal.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Its name, once it is open.
    pub id: Option<SessionId>,
    /// Whether commands reach it.
    pub link: Link,
    /// What the repository is called.
    pub repository: String,
    /// The branch, or the commit HEAD is detached at; empty when it is not known.
    pub branch: String,
    /// What stands in the tree besides: staged and changed files, an operation that is half done; empty when nothing.
    pub tree: String,
    /// What the project is written in, short; empty when it is not known.
    pub stack: String,
    /// The agent.
    pub agent: String,
    /// The model as `provider/model`.
    pub model: String,
    /// How the workspace is isolated.
    pub isolation: Option<Isolation>,
    /// What all requests used.
    pub usage: Usage,
    /// Requests to the model.
    pub requests: u32,
    /// Tokens in the context at the last request.
    pub context: u64,
    /// The model's context window.
    pub window: Option<u64>,
    /// What runs, if anything does.
    pub busy: Option<Busy>,
    in_turn: bool,
}

fn line(text: &str) -> String {
    text::sanitize_line(text).into_owned()
}

impl Session {
    /// What is known before the session is open.
    pub fn new(start: &StartInfo) -> Self {
        Self {
            repository: line(&start.repository),
            branch: line(start.branch.as_deref().unwrap_or_default()),
            agent: line(&start.agent),
            model: line(&start.model),
            ..Self::default()
        }
    }

    /// Takes something that happened.
    pub fn event(&mut self, event: &Event, now: Instant) {
        match event {
            Event::SessionOpened { repository, branch, isolation, stack, .. } => {
                self.stack = line(stack.as_deref().unwrap_or_default());
                if self.repository.is_empty() {
                    self.repository = line(repository.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
                }
                if let Some(branch) = branch.as_deref().filter(|_| self.branch.is_empty()) {
                    self.branch = line(branch);
                }
                self.isolation = Some(*isolation);
            }
            Event::AgentChosen { agent, model, context_window, .. } => {
                self.agent = line(agent);
                self.model = line(model);
                self.window = *context_window;
            }
            Event::AssistantSaid { usage, .. } => {
                self.requests += 1;
                // Nothing used is a request that was cut off, not one of unknown cost.
                if *usage != Usage::default() {
                    self.usage.add(usage);
                    self.context = usage.context_tokens() + usage.output_tokens;
                }
            }
            Event::Compacted { after, .. } => self.context = *after,
            Event::TurnStarted { .. } => {
                self.in_turn = true;
                self.busy = Some(Busy { since: now, what: String::new(), bytes: 0, stopping: false });
            }
            Event::TurnEnded { .. } => self.rest(),
            // The gate is not through yet.
            Event::GateReported(evidence) if evidence.partial => {}
            Event::GateReported(_) | Event::Noted { .. } | Event::ToolReturned { .. } => self.rest_unless_turn(),
            _ => {}
        }
    }

    /// Takes what the repository looks like now.
    pub fn tree(&mut self, tree: &TreeState) {
        self.branch = match (&tree.branch, &tree.head) {
            (Some(branch), _) => line(branch),
            (None, Some(head)) => format!("detached {}", head.get(..7).unwrap_or(head)),
            (None, None) => String::new(),
        };
        let changed = tree.unstaged + tree.untracked;
        let parts = [
            tree.operation.as_ref().map(|operation| format!("{operation}!")),
            (tree.conflicted > 0).then(|| format!("✗{} in conflict", tree.conflicted)),
            (tree.staged > 0).then(|| format!("●{} staged", tree.staged)),
            (changed > 0).then(|| format!("○{changed} changed")),
        ];
        self.tree = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    }

    /// Takes something that passes by.
    pub fn progress(&mut self, progress: &Progress, now: Instant) {
        if let Progress::Waiting { what } = progress {
            // Gates and commits run outside turns; their waiting is shown as long as it is renewed by events.
            let what = line(what);
            match &mut self.busy {
                Some(busy) => busy.what = what,
                None => self.busy = Some(Busy { since: now, what, bytes: 0, stopping: false }),
            }
            return;
        }
        if let (Some(busy), Progress::Text { text } | Progress::Thinking { text }) = (&mut self.busy, progress) {
            busy.bytes += text.len();
        }
    }

    /// Nothing runs any more.
    pub fn rest(&mut self) {
        self.busy = None;
        self.in_turn = false;
    }

    /// What runs outside a turn has ended.
    pub fn rest_unless_turn(&mut self) {
        if !self.in_turn {
            self.busy = None;
        }
    }

    /// How full the context window is, in percent.
    pub fn context_percent(&self) -> Option<u64> {
        self.window.filter(|window| *window > 0).map(|window| self.context.saturating_mul(100) / window)
    }
}

/// A number of tokens, short.
pub fn tokens(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{}.{}k", count / 1_000, count % 1_000 / 100),
        _ => format!("{}.{}M", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}
