//! Helpers that more than one room's tests use: a server on loopback with scripted answers, and bodies for it.
#![allow(dead_code, unused_imports, reason = "rooms take what they need")]

pub mod beds;
pub mod bodies;
pub mod home;
pub mod memory;
pub mod server;

pub use memory::MemoryWorkspace;
pub use server::{Answer, Delivery, Recorded, ScriptedServer};

/// Where PATH has a program.
pub fn program_on_path(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
