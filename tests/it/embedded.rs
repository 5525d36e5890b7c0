//! The embedded model: its process, with an engine that is a script; the real engine with real weights, where there are any.

mod process;
#[cfg(feature = "embedded")]
mod weights;
