//! A model on this machine, inside this program: llama.cpp in a child process of the same executable.
//!
//! The process is started when a model is chosen and holds the weights; [`Host`] speaks with it in JSON lines. What
//! the model is asked, and what becomes of its answers, is the pilot's.

mod child;
pub mod engine;
mod host;
#[cfg(feature = "embedded")]
mod llama;
pub mod machine;
mod serving;
pub mod weights;
pub mod wire;

pub use child::{EngineArguments, engine_main};
pub use host::{Answer, Host, HostError, Program, Progress};
pub use serving::EmbeddedProvider;
pub(in crate::provider) use serving::no_weights;

/// What is said where the program was built without the engine.
pub const MISSING: &str = "this program was built without the embedded model (feature `embedded`)";
