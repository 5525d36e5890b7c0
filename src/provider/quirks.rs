//! Where a provider differs from what its wire says.

use serde::Deserialize;

/// How a provider of the `chat` wire differs from the others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// It wants `max_completion_tokens` instead of `max_tokens`.
    pub max_completion_tokens: bool,
    /// It takes `stream_options.include_usage`. Without it some give no usage, with it some refuse the request.
    pub stream_usage: bool,
    /// Call ids must be nine letters or digits.
    pub short_call_ids: bool,
    /// Its models may write a call as JSON text instead of calling.
    pub calls_in_text: bool,
    /// The field in which it wants the reasoning of earlier answers back.
    pub reasoning_back: Option<ReasoningBack>,
    /// It caches prompts at the places marked with `cache_control`, as Anthropic does.
    pub cache_control: bool,
}

/// The field in which reasoning goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningBack {
    /// As plain text.
    ReasoningContent,
    /// As the list of details that came, unchanged.
    ReasoningDetails,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            max_completion_tokens: false,
            stream_usage: true,
            short_call_ids: false,
            calls_in_text: false,
            reasoning_back: None,
            cache_control: false,
        }
    }
}
