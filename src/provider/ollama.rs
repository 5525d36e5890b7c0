//! Ollama's own interface: the only one that lets a request choose how much context the model gets. The compatible one
//! cuts a long prompt silently at the server's default.

mod read;
mod write;

pub(super) use read::OllamaReader;
pub(super) use write::outgoing;
