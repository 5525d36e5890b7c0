//! Google's Gemini.

mod partial;
mod read;
mod write;

pub(super) use read::GeminiReader;
pub(super) use write::outgoing;
