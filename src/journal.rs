//! The append-only record of a session, and the blobs that proposals point at.

mod blobs;

pub use blobs::{BlobError, BlobStore};
