//! The engine: the pure machine under random inputs, and whole sessions on real repositories.

mod commits;
mod crashes;
mod machine;
mod properties;
mod remembering;
mod rules;
mod sessions;
mod tasks;
mod verifying;
mod workflow;
mod world;
