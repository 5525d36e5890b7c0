//! OpenAI's chat completions, and everything that imitates them.

mod deltas;
mod read;
mod reasoning;
mod write;

pub(super) use read::ChatReader;
pub(super) use write::outgoing;
