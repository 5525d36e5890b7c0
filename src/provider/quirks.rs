//! Where a provider differs from what its wire says.

use serde::Deserialize;

/// How a provider of the `chat` wire differs from the others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Its reasoning models want `max_completion_tokens` instead of `max_tokens`.
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

/// Whether a model is one of OpenAI's that reason, by its name.
pub(super) fn reasons(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let series = name.strip_prefix('o').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let newer = name.strip_prefix("gpt-").is_some_and(|rest| rest.starts_with(['5', '6', '7', '8', '9']));
    (newer && !name.contains("-chat")) || series || name.starts_with("codex")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_models_are_known_by_name() {
        for (model, expected) in [
            ("gpt-5.6-terra", true),
            ("o4-mini", true),
            ("openai/gpt-5", true),
            ("gpt-4o", false),
            ("gpt-5-chat-latest", false),
            ("grok-4.6", false),
            ("opus", false),
        ] {
            assert_eq!(reasons(model), expected, "{model}");
        }
    }
}
