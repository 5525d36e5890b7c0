//! Calls as they come in pieces, and what becomes of them.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Request;
use crate::domain::{CallId, Message, ToolCall};

/// A call whose pieces are still coming.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PartialCall {
    pub id: Option<String>,
    pub name: String,
    /// The arguments as text, as far as they came.
    pub raw: String,
    /// The wire said that nothing more comes for this call.
    pub ended: bool,
}

/// Gives every call an id that is unique in its conversation.
///
/// Some providers give none, some give every call of an answer the same, some start again at zero with each answer.
#[derive(Clone, Debug, Default)]
pub(super) struct CallIds {
    taken: HashSet<String>,
}

impl CallIds {
    pub(super) fn of(request: &Request) -> Self {
        let mut taken = HashSet::new();
        for message in &request.messages {
            if let Message::Assistant { calls, .. } = message {
                taken.extend(calls.iter().map(|call| call.call.as_str().to_owned()));
            }
        }
        Self { taken }
    }

    /// A new one.
    pub(super) fn fresh(&mut self) -> CallId {
        self.settle(None)
    }

    fn settle(&mut self, wanted: Option<&str>) -> CallId {
        let wanted = wanted.filter(|id| !id.is_empty() && !self.taken.contains(*id)).map(str::to_owned);
        let id = wanted.unwrap_or_else(|| format!("call_{:016x}", fastrand::u64(..)));
        self.taken.insert(id.clone());
        CallId::new(id)
    }
}

/// Turns pieces into calls. `cut` says that the answer was cut off, so that a last call without arguments is no call
/// without arguments but one whose arguments never came.
pub(super) fn settle(partial: Vec<PartialCall>, ids: &mut CallIds, cut: bool) -> Vec<ToolCall> {
    let last = partial.len().saturating_sub(1);
    partial
        .into_iter()
        .enumerate()
        .map(|(index, call)| {
            let unfinished = cut && index == last && !call.ended && call.raw.trim().is_empty();
            let input = arguments(&call.raw);
            let invalid = if unfinished || input.is_none() { Some(call.raw) } else { None };
            let id = ids.settle(call.id.as_deref());
            ToolCall { call: id, name: call.name, input: input.unwrap_or(Value::Null), invalid }
        })
        .collect()
}

/// Arguments as an object; `None` when the text is not one whole JSON object.
fn arguments(raw: &str) -> Option<Value> {
    if raw.trim().is_empty() {
        return Some(Value::Object(Map::new()));
    }
    match serde_json::from_str(raw).ok()? {
        Value::Null => Some(Value::Object(Map::new())),
        // Some servers encode the arguments twice.
        Value::String(inner) if inner.trim_start().starts_with('{') => {
            serde_json::from_str(&inner).ok().filter(Value::is_object)
        }
        value => Some(value).filter(Value::is_object),
    }
}

/// The calls in a text that is nothing but calls, as small local models write them: one JSON object (or a list of
/// them) with a known tool's name and its arguments, bare, in a fence or in `<tool_call>` tags.
pub(super) fn in_text(text: &str, request: &Request) -> Option<Vec<PartialCall>> {
    if request.tools.is_empty() {
        return None;
    }
    let body = text.trim();
    if body.starts_with("<tool_call>") {
        return tagged(body, request);
    }
    match json_in(unfenced(body))? {
        Value::Array(items) if !items.is_empty() => items.iter().map(|item| written(item, request)).collect(),
        value => Some(vec![written(&value, request)?]),
    }
}

/// Whether a text that has only begun could still become what [`in_text`] reads.
pub(super) fn may_be_call(text: &str) -> bool {
    let begun = text.trim_start();
    let is_begin = |mark: &str| begun.starts_with(mark) || mark.starts_with(begun);
    if begun.starts_with('{') || begun.starts_with("[{") || is_begin("<tool_call>") || begun == "[" {
        return true;
    }
    let Some(fenced) = begun.strip_prefix("```") else { return is_begin("```") };
    let inner = fenced.strip_prefix("json").unwrap_or(fenced).trim_start();
    inner.is_empty() || "json".starts_with(inner) || inner.starts_with('{') || inner.starts_with('[')
}

/// JSON; also in the doubled braces that the template of Qwen2.5-Coder's own weights shows the model.
fn json_in(text: &str) -> Option<Value> {
    let undoubled =
        || text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map(|rest| format!("{{{rest}}}"));
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&undoubled()?).ok())
}

fn unfenced(body: &str) -> &str {
    let inner = body.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let Some(inner) = inner else { return body };
    inner.strip_prefix("json").unwrap_or(inner).trim()
}

fn tagged(body: &str, request: &Request) -> Option<Vec<PartialCall>> {
    let mut calls = Vec::new();
    for piece in body.split("<tool_call>").skip(1) {
        let inner = piece.trim().strip_suffix("</tool_call>").unwrap_or(piece);
        calls.push(written(&json_in(inner.trim())?, request)?);
    }
    Some(calls)
}

fn written(value: &Value, request: &Request) -> Option<PartialCall> {
    let object = value.as_object()?;
    let object = match object.get("function") {
        Some(Value::Object(function)) => function,
        _ => object,
    };
    let name = object.get("name")?.as_str()?;
    let arguments = ["arguments", "parameters", "input"].iter().find_map(|key| object.get(*key))?;
    let known = request.tools.iter().any(|tool| tool.name == name);
    let raw = match arguments {
        Value::String(text) => text.clone(),
        Value::Object(_) => arguments.to_string(),
        _ => return None,
    };
    known.then(|| PartialCall { id: None, name: name.to_owned(), raw, ended: true })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ToolSpec;

    fn with_tool(name: &str) -> Request {
        let tool = ToolSpec { name: name.to_owned(), description: String::new(), input_schema: json!({}) };
        Request {
            model: String::new(),
            system: String::new(),
            messages: vec![],
            tools: vec![tool],
            max_tokens: 1,
            temperature: None,
        }
    }

    #[test]
    fn only_a_whole_object_is_executable() {
        for (raw, expected) in [
            ("", Some(json!({}))),
            ("{}", Some(json!({}))),
            ("null", Some(json!({}))),
            ("{\"a\": 1}", Some(json!({"a": 1}))),
            ("\"{\\\"a\\\": 1}\"", Some(json!({"a": 1}))),
            ("{\"a\": 1", None),
            ("{\"a\": 1} {", None),
            ("[1]", None),
            ("\"x\"", None),
        ] {
            assert_eq!(arguments(raw), expected, "{raw}");
        }
    }

    #[test]
    fn ids_are_unique_in_the_conversation() {
        let calls = |ids: [Option<&str>; 3]| {
            ids.map(|id| PartialCall { id: id.map(str::to_owned), name: "t".into(), ..PartialCall::default() }).to_vec()
        };
        let mut ids = CallIds { taken: HashSet::from(["old".to_owned()]) };
        let settled = settle(calls([Some("a"), Some("a"), Some("old")]), &mut ids, false);
        assert_eq!(settled[0].call.as_str(), "a");
        assert_ne!(settled[1].call, settled[0].call);
        assert_ne!(settled[2].call.as_str(), "old");
        let more = settle(calls([None, Some(""), None]), &mut ids, false);
        assert_eq!(ids.taken.len(), 7, "{more:?}");
    }

    #[test]
    fn a_cut_call_without_arguments_is_invalid() {
        let call = PartialCall { name: "wipe".into(), ..PartialCall::default() };
        let ended = PartialCall { ended: true, ..call.clone() };
        let settled = |call: &PartialCall, cut| settle(vec![call.clone()], &mut CallIds::default(), cut).remove(0);
        assert_eq!(settled(&call, false).invalid, None);
        assert_eq!(settled(&ended, true).invalid, None);
        assert_eq!(settled(&call, true).invalid.as_deref(), Some(""));
    }

    #[test]
    fn a_text_that_is_a_call_is_one() {
        let request = with_tool("read");
        for text in [
            "{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}",
            "\n```json\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n```\n",
            "```\n{\"name\": \"read\", \"parameters\": {\"path\": \"a\"}}```",
            "<tool_call>\n{\"name\": \"read\", \"arguments\": \"{\\\"path\\\": \\\"a\\\"}\"}\n</tool_call>",
            "{{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}}",
            "<tool_call>\n{{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}}\n</tool_call>",
            "[{\"function\": {\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}}]",
        ] {
            let calls = in_text(text, &request).unwrap_or_default();
            let calls = settle(calls, &mut CallIds::default(), false);
            assert_eq!(calls.len(), 1, "{text}");
            assert_eq!((calls[0].name.as_str(), &calls[0].input), ("read", &json!({"path": "a"})), "{text}");
            for end in text.char_indices().map(|(at, _)| at) {
                assert!(may_be_call(&text[..end]), "{:?}", &text[..end]);
            }
        }
    }

    #[test]
    fn a_text_that_only_shows_a_call_stays_text() {
        let request = with_tool("read");
        for text in [
            "Call it like this: {\"name\": \"read\", \"arguments\": {}}",
            "{\"name\": \"erase\", \"arguments\": {}}",
            "{\"name\": \"read\"}",
            "```json\n{\"name\": \"read\", \"arguments\": {}}\n```\nThat is how.",
        ] {
            assert_eq!(in_text(text, &request), None, "{text}");
        }
        assert!(!may_be_call("Hello"));
        assert!(!may_be_call("```python\nx"));
    }
}
