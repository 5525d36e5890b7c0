//! The list of reasoning details some gateways send, put together so that it can go back as it came.

use serde_json::Value;

/// The details of one answer so far.
#[derive(Debug, Default)]
pub(super) struct Details {
    items: Vec<Value>,
}

impl Details {
    /// Takes a piece of the list and returns the readable words in it.
    pub(super) fn push(&mut self, pieces: &Value) -> String {
        let mut words = String::new();
        for piece in pieces.as_array().into_iter().flatten() {
            for key in ["text", "summary"] {
                words.push_str(piece[key].as_str().unwrap_or_default());
            }
            self.merge(piece);
        }
        words
    }

    /// Pieces of the same type and index are one item whose texts continue.
    fn merge(&mut self, piece: &Value) {
        let same = self.items.last_mut().filter(|last| {
            last["type"] == piece["type"] && last["index"] == piece["index"] && piece["type"].is_string()
        });
        let (Some(last), Some(fields)) = (same, piece.as_object()) else {
            self.items.push(piece.clone());
            return;
        };
        for (key, value) in fields {
            match (&mut last[key], value) {
                (Value::String(known), Value::String(more)) if matches!(key.as_str(), "text" | "summary" | "data") => {
                    known.push_str(more);
                }
                (_, Value::Null) => {}
                (known, value) => *known = value.clone(),
            }
        }
    }

    /// The list as text, if there is one.
    pub(super) fn take(&mut self) -> Option<String> {
        let items = std::mem::take(&mut self.items);
        (!items.is_empty()).then(|| Value::Array(items).to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_of_one_item_are_joined_and_signatures_kept() {
        let mut details = Details::default();
        let words = [
            json!([{"type": "reasoning.text", "index": 0, "text": "Let "}]),
            json!([{"type": "reasoning.text", "index": 0, "text": "me.", "signature": "s"}]),
            json!([{"type": "reasoning.encrypted", "index": 1, "data": "opaque"}]),
        ]
        .iter()
        .map(|piece| details.push(piece))
        .collect::<String>();
        assert_eq!(words, "Let me.");
        let whole: Value = serde_json::from_str(&details.take().unwrap()).unwrap();
        assert_eq!(
            whole,
            json!([
                {"type": "reasoning.text", "index": 0, "text": "Let me.", "signature": "s"},
                {"type": "reasoning.encrypted", "index": 1, "data": "opaque"},
            ])
        );
        assert_eq!(details.take(), None);
    }
}
