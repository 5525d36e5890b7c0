//! The append-only record of a session, and the blobs that proposals point at.
//!
//! A session lives in `<state>/sessions/<id>/`: `journal.jsonl` (one JSON line a record), `blobs/` and `lock`. A line is
//! in the file whole or not at all; what a crash left torn is cut off on opening and kept beside the journal.

mod append;
mod blobs;
mod error;
mod id;
mod read;
mod store;
mod summary;

pub use append::Journal;
pub use blobs::{BlobError, BlobStore};
pub use error::JournalError;
pub use read::Reading;
pub use store::Store;
pub use summary::SessionSummary;
