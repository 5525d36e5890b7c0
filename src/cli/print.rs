//! Printing reports. A reader that went away (`tenon sessions | head`) is no error.

use std::io::{ErrorKind, Write as _};

use serde::Serialize;

use super::{Done, Failure, Outcome};
use crate::text;

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Done {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("standard output: {error}")))
        }
        _ => Ok(Outcome::Done),
    }
}

/// Prints text, made harmless, with a newline at its end.
pub(crate) fn text(words: &str) -> Done {
    if words.is_empty() {
        return Ok(Outcome::Done);
    }
    bytes(format!("{}\n", text::sanitize(words.trim_end_matches('\n'))).as_bytes())
}

/// Prints a report as JSON.
pub(crate) fn json<T: Serialize>(report: &T) -> Done {
    let report = serde_json::to_string_pretty(report)
        .map_err(|error| Failure::failed(format!("the report is not JSON: {error}")))?;
    bytes(format!("{}\n", text::escape_json(&report)).as_bytes())
}
