//! What a model is sent and what it answers, independent of any wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CallId;

/// A stretch of thinking, kept because some wires want it back unchanged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thinking {
    /// What the model thought, as far as the provider shows it.
    pub text: String,
    /// The provider's signature over it, where it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Encrypted thinking that only the provider can read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<String>,
    /// The wire it came over: another wire never gets it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<String>,
    /// What it belongs to on that wire: the id of the item, or of the call a signature was given for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Bytes of the answer's text that came before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after_text: usize,
    /// Calls that came before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after_calls: usize,
}

fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// A call the model asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Names the call in its result.
    pub call: CallId,
    /// The tool's name as the model wrote it.
    pub name: String,
    /// The arguments; `Null` when they were not valid JSON.
    pub input: Value,
    /// The raw text of arguments that are not valid JSON (cut off, garbled). Such a call is never executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The call it answers.
    pub call: CallId,
    /// Whether the tool did what was asked.
    pub ok: bool,
    /// What the model reads.
    pub output: String,
}

/// One message of the conversation as a provider adapter gets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Words of the user, or of the engine in the user's place (a review, a summary).
    User {
        /// The text.
        text: String,
    },
    /// Words and calls of the model.
    Assistant {
        /// The text; may be empty when there are only calls.
        text: String,
        /// Thinking in order.
        #[serde(default)]
        thinking: Vec<Thinking>,
        /// Calls in order.
        #[serde(default)]
        calls: Vec<ToolCall>,
    },
    /// Results of all calls of the assistant message before it, in the order of the calls.
    Tools {
        /// The results.
        results: Vec<ToolResult>,
    },
}

/// A tool as the model is told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it is for, in a few sentences.
    pub description: String,
    /// JSON schema of its input: an object, without `$schema`, refusing unknown fields.
    pub input_schema: Value,
}
