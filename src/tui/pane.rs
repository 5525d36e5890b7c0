//! The panes. Each owns its state and the actions that concern it.

pub mod chat;
pub mod diff;
pub mod log;
pub mod tasks;
