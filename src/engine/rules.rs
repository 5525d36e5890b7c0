//! What holds for decisions besides the session: resolved once, changed only by a choice of agent or model.

use crate::domain::{Budget, SessionId, ToolSpec};

/// What decisions go by.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The session, for trailers.
    pub session: SessionId,
    /// The system prompt.
    pub system: String,
    /// The tools the agent is offered, and no others are carried out.
    pub specs: Vec<ToolSpec>,
    /// The model, or what to say when there is none.
    pub model: Result<ModelRules, String>,
    /// The limits of a turn.
    pub budget: Budget,
    /// How often a failure goes back to the agent within a turn.
    pub rounds: u32,
    /// Steps of a plan that can be checked are, before they count as done.
    pub steps: bool,
    /// Commits name the session and the proposal in trailers.
    pub trailers: bool,
    /// Further trailers of every commit.
    pub more_trailers: Vec<String>,
}

/// What is known of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRules {
    /// Its name on its wire.
    pub name: String,
    /// Tokens that fit into a request together with its answer.
    pub window: u64,
    /// The most tokens it may write.
    pub max_tokens: u32,
}

impl ModelRules {
    /// Leaves the larger part of the window to the conversation.
    pub fn new(name: String, window: u64) -> Self {
        let max_tokens = u32::try_from((window / 8).clamp(512, 16_384)).unwrap_or(16_384);
        Self { name, window, max_tokens }
    }

    /// Tokens the conversation may take before it is compacted: 80 % of what the answer leaves.
    pub fn comfortable(&self) -> u64 {
        self.window.saturating_sub(u64::from(self.max_tokens)) * 4 / 5
    }

    /// Tokens a request may take at all.
    pub fn most(&self) -> u64 {
        self.window.saturating_sub(u64::from(self.max_tokens)) * 19 / 20
    }
}

impl Rules {
    /// Whether the agent may call this tool.
    pub fn allows(&self, tool: &str) -> bool {
        self.specs.iter().any(|spec| spec.name == tool)
    }

    /// The names of the tools the agent may call.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.specs.iter().map(|spec| spec.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}
