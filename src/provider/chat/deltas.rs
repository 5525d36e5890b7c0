//! Calls of a chat completion, put together from pieces that name them in many ways.

use serde_json::Value;

use crate::provider::calls::PartialCall;

/// The calls of one answer so far.
#[derive(Debug, Default)]
pub(super) struct CallDeltas {
    calls: Vec<(Option<u64>, PartialCall)>,
}

impl CallDeltas {
    /// Takes a piece. Returns the name when it begins a call.
    ///
    /// Pieces belong together by `index`; where servers leave it out or give every call the same, by `id`; where they
    /// give neither, a piece with a name begins a call and one without goes on with the last.
    pub(super) fn push(&mut self, piece: &Value) -> Option<String> {
        let function = if piece["function"].is_object() { &piece["function"] } else { piece };
        let index = piece["index"].as_u64();
        let id = piece["id"].as_str().filter(|id| !id.is_empty());
        let name = function["name"].as_str().unwrap_or_default();
        let place = self.find(index, id, name);
        let begun = place.is_none();
        let place = place.unwrap_or_else(|| {
            self.calls.push((index, PartialCall { id: id.map(str::to_owned), ..PartialCall::default() }));
            self.calls.len() - 1
        });
        let call = &mut self.calls[place].1;
        if call.id.is_none() {
            call.id = id.map(str::to_owned);
        }
        let unnamed = call.name.is_empty();
        if unnamed {
            call.name.push_str(name);
        }
        match &function["arguments"] {
            Value::String(text) => call.raw.push_str(text),
            Value::Null => {}
            whole => call.raw = whole.to_string(),
        }
        (begun || unnamed).then(|| name.to_owned()).filter(|name| !name.is_empty())
    }

    fn find(&self, index: Option<u64>, id: Option<&str>, name: &str) -> Option<usize> {
        let same_id = |call: &PartialCall| id.is_none() || call.id.is_none() || call.id.as_deref() == id;
        match (index, id) {
            (Some(index), _) => {
                self.calls.iter().rposition(|(known, call)| *known == Some(index) && (same_id(call) || name.is_empty()))
            }
            (None, Some(id)) => self.calls.iter().rposition(|(_, call)| call.id.as_deref() == Some(id)),
            (None, None) if name.is_empty() => self.calls.len().checked_sub(1),
            (None, None) => None,
        }
    }

    /// The calls, in the order in which they began.
    pub(super) fn take(&mut self) -> Vec<PartialCall> {
        // An entry without a name and without arguments is a stray piece, not a call.
        let calls = std::mem::take(&mut self.calls).into_iter().map(|(_, call)| call);
        calls.filter(|call| !(call.name.is_empty() && call.raw.trim().is_empty())).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(pieces: &[Value], expected: &[(Option<&str>, &str, &str)]) {
        let mut deltas = CallDeltas::default();
        for piece in pieces {
            deltas.push(piece);
        }
        let calls = deltas.take();
        let read: Vec<_> =
            calls.iter().map(|call| (call.id.as_deref(), call.name.as_str(), call.raw.as_str())).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn pieces_find_their_call() {
        // By index, interleaved.
        check(
            &[
                json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}),
                json!({"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}}),
                json!({"index": 0, "function": {"arguments": "{\"x\""}}),
                json!({"index": 1, "function": {"arguments": "{}"}}),
                json!({"index": 0, "function": {"arguments": ":1}"}}),
            ],
            &[(Some("a"), "f", "{\"x\":1}"), (Some("b"), "g", "{}")],
        );
        // Id and name repeated with each piece.
        check(
            &[
                json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}),
                json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}}),
            ],
            &[(Some("a"), "f", "{}")],
        );
        // All calls with index 0, told apart by id.
        check(
            &[
                json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}),
                json!({"index": 0, "id": "b", "function": {"name": "g", "arguments": "{}"}}),
            ],
            &[(Some("a"), "f", "{}"), (Some("b"), "g", "{}")],
        );
        // No index at all.
        check(
            &[
                json!({"id": "a", "function": {"name": "f", "arguments": "{"}}),
                json!({"function": {"arguments": "}"}}),
                json!({"id": "b", "function": {"name": "f", "arguments": "{}"}}),
            ],
            &[(Some("a"), "f", "{}"), (Some("b"), "f", "{}")],
        );
        // Neither index nor id; arguments as an object.
        check(
            &[
                json!({"function": {"name": "f", "arguments": {"x": 1}}}),
                json!({"function": {"name": "f", "arguments": {"x": 2}}}),
            ],
            &[(None, "f", "{\"x\":1}"), (None, "f", "{\"x\":2}")],
        );
        check(&[json!({"index": 0, "function": {"arguments": ""}})], &[]);
    }
}
