//! Tokens, money and limits.

use serde::{Deserialize, Serialize};

/// What requests to a model used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, as the provider counts them; on Anthropic without the cached ones.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens the model wrote, thinking included where the provider counts it so.
    #[serde(default)]
    pub output_tokens: u64,
    /// Tokens of thinking that the provider counts beside `output_tokens`, not within.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub thinking_tokens: u64,
    /// Prompt tokens read from the provider's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_read_tokens: u64,
    /// Prompt tokens written to the provider's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_tokens: u64,
    /// The cached tokens are counted in `input_tokens` already, as OpenAI's wires do and Anthropic's does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached_in_input: bool,
    /// Cost in US dollars; `None` when no price is known, never zero instead.
    #[serde(default)]
    pub cost_usd: Option<f64>,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl Usage {
    /// Everything the model had to take in: the context size of the request.
    pub fn context_tokens(&self) -> u64 {
        let cached = self.cache_read_tokens + self.cache_write_tokens;
        if self.cached_in_input { self.input_tokens } else { self.input_tokens + cached }
    }

    /// Adds another request. A cost stays known only while every part is known.
    pub fn add(&mut self, other: &Self) {
        let first = *self == Self::default();
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.thinking_tokens += other.thinking_tokens;
        self.cache_read_tokens += other.cache_read_tokens;
        self.cache_write_tokens += other.cache_write_tokens;
        self.cached_in_input =
            if first { other.cached_in_input } else { self.cached_in_input && other.cached_in_input };
        self.cost_usd = match (self.cost_usd, other.cost_usd) {
            (Some(a), Some(b)) => Some(a + b),
            (None, b) if first => b,
            _ => None,
        };
    }
}

/// The hard limits of one turn; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Budget {
    /// Requests to the model.
    pub requests: Option<u32>,
    /// Tokens in and out together.
    pub tokens: Option<u64>,
    /// US dollars; only enforceable where a price is known.
    pub cost_usd: Option<f64>,
    /// Seconds of wall time.
    pub seconds: Option<u64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { requests: Some(100), tokens: Some(5_000_000), cost_usd: None, seconds: Some(3_600) }
    }
}
