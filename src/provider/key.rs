//! Keys: where they go, and where they never appear.

use std::fmt;

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;

use super::wire::Wire;

/// A secret. It has no `Display` and its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    secret: String,
    /// It goes into `authorization` although the wire has a header of its own.
    bearer: bool,
}

impl Key {
    pub(super) fn new(secret: &str, bearer: bool) -> Option<Self> {
        let secret = secret.trim();
        (!secret.is_empty()).then(|| Self { secret: secret.to_owned(), bearer })
    }

    /// Puts the key where the wire wants it.
    pub(super) fn sign(&self, builder: RequestBuilder, wire: Wire) -> RequestBuilder {
        let (name, value) = match wire {
            Wire::Anthropic if !self.bearer => ("x-api-key", self.secret.clone()),
            Wire::Gemini => ("x-goog-api-key", self.secret.clone()),
            _ => ("authorization", format!("Bearer {}", self.secret)),
        };
        match HeaderValue::from_str(&value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                builder.header(name, value)
            }
            // A key that is no header value cannot be right; the provider will say that there is none.
            Err(_) => builder,
        }
    }

    /// The text with every occurrence of the key blotted out.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        if self.secret.len() < 4 { text.to_owned() } else { text.replace(&self.secret, "[redacted]") }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
