//! OpenAI's Responses.

mod read;
mod write;

pub(super) use read::ResponsesReader;
pub(super) use write::outgoing;
