//! Text for people: display width, wrapping, places in documents, and making untrusted text harmless.
//!
//! A terminal obeys what it is sent, so nothing from outside reaches it raw. [`sanitize`] keeps every visible
//! character in the order of the bytes and turns everything else into marks: controls in caret notation (`^[`),
//! invisible and direction-changing characters as `<U+202E>`, bytes that are no UTF-8 as `<FF>`. What somebody
//! approves is then what is there. [`StreamSanitizer`] does the same for the output of programs that arrives in
//! pieces, and leaves out plain colours, which hide nothing.

mod cut;
mod document;
mod measure;
mod nearest;
mod redact;
mod sanitize;
mod stream;

pub use cut::{cut_middle, head, tail};
pub use document::{from_toml, from_yaml, locate};
pub use measure::{expand_tabs, truncate, width, wrap};
pub use nearest::nearest;
pub use redact::redact;
pub use sanitize::{escape_json, sanitize, sanitize_bytes, sanitize_line};
pub use stream::{StreamSanitizer, sanitize_output};
