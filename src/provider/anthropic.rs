//! Anthropic's Messages.

mod read;
mod write;

pub(super) use read::MessagesReader;
pub(super) use write::outgoing;
