//! The kernel's own limits on all processes of a command together: a control group (version 2), where this user may make
//! one. That is so below a systemd user session, for the superuser, and in containers that were given a part of the tree;
//! elsewhere there is only the watching.
//!
//! The group's limits lie a little above those that are watched for, so that what happens is told by the watch, and what
//! is faster than it still finds an end.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, unlinkat};
use rustix::process::Pid;

use crate::workspace::limits::Limits;

const PREFIX: &str = "tenon-";

/// A group for one command. Everything is held open: the command's view of the machine has no way to it.
pub(super) struct Group {
    parent: OwnedFd,
    name: String,
    members: File,
    events: File,
}

impl Group {
    /// Makes a group with these limits; `None` where that is not allowed.
    pub fn make(limits: &Limits) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        Self::below(&parent(&mounted(&mounts)?, &own)?, limits).ok()
    }

    fn below(parent: &Path, limits: &Limits) -> io::Result<Self> {
        sweep(parent);
        let name = format!("{PREFIX}{}", std::process::id());
        let folder = parent.join(&name);
        fs::create_dir(&folder)?;
        let made = Self::fill(parent, &folder, name, limits);
        if made.is_err() {
            let _ = fs::remove_dir(&folder);
        }
        made
    }

    fn fill(parent: &Path, folder: &Path, name: String, limits: &Limits) -> io::Result<Self> {
        let processes = u64::from(limits.processes) + 64;
        let memory = limits.memory.saturating_add(limits.memory / 8);
        fs::write(folder.join("pids.max"), processes.to_string())?;
        fs::write(folder.join("memory.max"), memory.to_string())?;
        // Not everywhere is swap counted.
        let _ = fs::write(folder.join("memory.swap.max"), "0");
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        Ok(Self {
            parent: rustix::fs::open(parent, flags, Mode::empty())?,
            name,
            members: File::options().write(true).open(folder.join("cgroup.procs"))?,
            events: File::open(folder.join("memory.events"))?,
        })
    }

    /// Takes a process in; what it starts from then on is in as well. A group that may not take it is as good as none.
    pub fn with(mut self, process: Pid) -> Option<Self> {
        match self.members.write_all(process.as_raw_nonzero().to_string().as_bytes()) {
            Ok(()) => Some(self),
            Err(_) => {
                self.remove();
                None
            }
        }
    }

    /// Whether the kernel has ended a member because the group wanted too much memory.
    pub fn starved(&mut self) -> bool {
        let mut text = String::new();
        let read = self.events.rewind().and_then(|()| self.events.read_to_string(&mut text));
        let killed = |line: &str| line.strip_prefix("oom_kill ").is_some_and(|count| count.trim() != "0");
        read.is_ok() && text.lines().any(killed)
    }

    /// Removes the group; nothing may be in it any more.
    pub fn remove(self) {
        let _ = unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR);
    }
}

/// Whether commands get a group of their own on this machine.
pub(in crate::workspace) fn possible() -> bool {
    let made = Group::make(&Limits::default());
    let possible = made.is_some();
    if let Some(group) = made {
        group.remove();
    }
    possible
}

/// Where the tree of groups is mounted.
fn mounted(mounts: &str) -> Option<PathBuf> {
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    line.split(' ').nth(4).map(PathBuf::from)
}

/// The nearest group around this process that hands both limits down to groups in it. That is never the one it is in
/// itself: one with processes has no groups.
fn parent(tree: &Path, own: &str) -> Option<PathBuf> {
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let hands_down = |folder: &Path| {
        let text = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
        ["pids", "memory"].iter().all(|wanted| text.split_whitespace().any(|found| found == *wanted))
    };
    let groups = Path::new(own).ancestors().map(|group| tree.join(group));
    groups.into_iter().find(|folder| hands_down(folder))
}

/// Groups of helpers that were killed: empty ones go, others are in use.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(hands_down: &str) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for (group, control) in [("", "cpu memory pids"), ("user", hands_down), ("user/app", ""), ("user/app/one", "")]
        {
            fs::create_dir_all(tree.path().join(group)).unwrap();
            fs::write(tree.path().join(group).join("cgroup.subtree_control"), control).unwrap();
        }
        tree
    }

    #[test]
    fn the_nearest_group_that_hands_limits_down_is_taken() {
        let own = "12:pids:/elsewhere\n0::/user/app/one\n";
        let with = tree("memory pids");
        assert_eq!(parent(with.path(), own), Some(with.path().join("user")));
        let without = tree("cpu pids");
        assert_eq!(parent(without.path(), own).unwrap(), without.path().join(""));
        assert_eq!(parent(without.path(), "1:name=systemd:/\n"), None);
        let line = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(mounted(line), Some(PathBuf::from("/sys/fs/cgroup")));
        assert_eq!(mounted("31 23 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids"), None);
    }

    #[test]
    fn a_group_that_cannot_be_filled_is_not_left_behind() {
        let with = tree("memory pids");
        let folder = with.path().join("user");
        let limits = Limits { processes: 10, memory: 800, disk: 0, keep_free: 0 };
        // An ordinary folder has none of the kernel's files in it.
        assert!(Group::below(&folder, &limits).is_err());
        let left = folder.join(format!("{PREFIX}{}", std::process::id()));
        assert_eq!(fs::read_to_string(left.join("pids.max")).unwrap(), "74");
        assert_eq!(fs::read_to_string(left.join("memory.max")).unwrap(), "900");
    }
}
