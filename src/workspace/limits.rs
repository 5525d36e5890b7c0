//! What the commands of a workspace may use.

use serde::{Deserialize, Serialize};

use crate::config::WorkspaceSettings;

const MIB: u64 = 1 << 20;

/// What a command and all it starts may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processes and threads at a time.
    pub processes: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes on the disk for the changes of a workspace with its temporary files.
    pub disk: u64,
    /// Bytes that are left free on the disk.
    pub keep_free: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(&WorkspaceSettings::default())
    }
}

impl Limits {
    /// The limits the settings give.
    pub fn of(settings: &WorkspaceSettings) -> Self {
        // What is not known is taken for a small machine.
        let memory = settings.memory_mb.map(|mib| mib.saturating_mul(MIB)).or_else(three_quarters);
        Self {
            processes: settings.processes.max(16),
            memory: memory.unwrap_or(4 << 30),
            disk: settings.disk_mb.saturating_mul(MIB),
            keep_free: settings.keep_free_mb.saturating_mul(MIB),
        }
    }
}

fn three_quarters() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024 / 4 * 3)
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    /// It had this many processes and threads.
    Processes(u32),
    /// It used more than these bytes of memory.
    Memory(u64),
    /// The workspace takes more than these bytes on the disk.
    Disk(u64),
    /// Fewer than these bytes are free on the disk.
    FreeSpace(u64),
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Processes(count) => {
                write!(f, "it had {count} processes and threads, which is the limit (workspace.processes)")
            }
            Self::Memory(bytes) => {
                write!(f, "it used more than {} MiB of memory, which is the limit (workspace.memory_mb)", bytes / MIB)
            }
            Self::Disk(bytes) => write!(
                f,
                "the workspace took more than {} MiB on the disk, which is the limit (workspace.disk_mb)",
                bytes / MIB
            ),
            Self::FreeSpace(bytes) => {
                write!(f, "the disk was almost full: {} MiB are to stay free (workspace.keep_free_mb)", bytes / MIB)
            }
        }
    }
}
