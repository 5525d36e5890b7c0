//! Watching what a workspace takes on the disk.
//!
//! File systems have no quota for a folder that an ordinary user could set, so the size is watched. Measuring a folder
//! costs a walk; the free space of its disk costs nothing. A walk is due only when so much of the disk was used up since
//! the last one that the limit may have been reached.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::limits::{Limit, Limits};

/// How often the free space is looked at while a command runs.
const LOOK: Duration = Duration::from_millis(250);

/// The folders of a workspace that grow, with what they may take.
pub(super) struct Disk {
    folders: Vec<PathBuf>,
    limits: Limits,
    measured: Mutex<Option<Measured>>,
}

/// What was found when the folders were last measured.
#[derive(Clone, Copy)]
struct Measured {
    /// What they held when they were measured for the first time.
    at_first: u64,
    size: u64,
    free: u64,
}

impl Disk {
    pub fn new(folders: Vec<PathBuf>, limits: Limits) -> Arc<Self> {
        Arc::new(Self { folders, limits, measured: Mutex::default() })
    }

    /// Comes back when a limit is reached, else never.
    pub async fn watch(self: Arc<Self>) -> Limit {
        let floor = self.floor();
        loop {
            tokio::time::sleep(LOOK).await;
            let disk = Arc::clone(&self);
            let look = tokio::task::spawn_blocking(move || disk.look(floor)).await;
            if let Ok(Some(limit)) = look {
                return limit;
            }
        }
    }

    /// What stays free; on a disk that is almost full already, half of the rest.
    fn floor(&self) -> u64 {
        self.free().map_or(0, |free| self.limits.keep_free.min(free / 2))
    }

    fn look(&self, floor: u64) -> Option<Limit> {
        let free = self.free()?;
        if free < floor {
            return Some(Limit::FreeSpace(floor));
        }
        let mut known = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = match *known {
            Some(last) if last.free.saturating_sub(free) + last.grown() <= self.limits.disk => return None,
            last => {
                let size = self.folders.iter().map(|folder| size_of(folder)).sum();
                Measured { at_first: last.map_or(size, |last| last.at_first.min(size)), size, free }
            }
        };
        *known = Some(measured);
        (measured.grown() > self.limits.disk).then_some(Limit::Disk(self.limits.disk))
    }

    fn free(&self) -> Option<u64> {
        let status = rustix::fs::statvfs(self.folders.first()?).ok()?;
        Some(status.f_bavail.saturating_mul(status.f_frsize))
    }
}

impl Measured {
    fn grown(&self) -> u64 {
        self.size - self.at_first
    }
}

/// What a folder takes on the disk.
pub(super) fn size_of(folder: &Path) -> u64 {
    size(folder, &mut HashSet::new())
}

/// What a folder takes on the disk: holes do not count, and a file with several names counts once.
fn size(folder: &Path, seen: &mut HashSet<(u64, u64)>) -> u64 {
    const BLOCK: u64 = 512;
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let mut sum = 0;
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.nlink() > 1 && !metadata.is_dir() && !seen.insert((metadata.dev(), metadata.ino())) {
            continue;
        }
        sum += metadata.blocks() * BLOCK;
        if metadata.is_dir() {
            sum += size(&entry.path(), seen);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_measured_and_a_limit_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("there before"), vec![1; 300 << 10]).unwrap();
        let limits = Limits { processes: 1, memory: 0, disk: 200 << 10, keep_free: 0 };
        let disk = Disk::new(vec![folder.path().to_owned()], limits);
        assert_eq!(disk.look(0), None);
        let sparse = std::fs::File::create(at("sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        std::fs::write(at("one"), vec![1; 150 << 10]).unwrap();
        std::fs::hard_link(at("one"), at("two")).unwrap();
        // As if much of the disk had been used since, so that a walk is due.
        disk.measured.lock().unwrap().as_mut().unwrap().free = u64::MAX;
        assert_eq!(disk.look(0), None);
        std::fs::write(at("three"), vec![1; 100 << 10]).unwrap();
        disk.measured.lock().unwrap().as_mut().unwrap().free = u64::MAX;
        assert_eq!(disk.look(0), Some(Limit::Disk(200 << 10)));
        assert_eq!(disk.look(u64::MAX), Some(Limit::FreeSpace(u64::MAX)));
    }
}
