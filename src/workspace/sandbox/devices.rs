//! A `/dev` that holds what programs need and no disk: device files ignore read-only mounts.

use std::fs::{File, create_dir};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::mount::{MountFlags, mount};

use super::mounts::{attach, detached_copy, empty_folder};
use super::{Failure, failed};

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// The most that files of a device folder may take.
const SMALL: u64 = 1 << 20;

const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Device files of the machine, taken before they are covered.
pub(super) struct Devices(Vec<(&'static str, OwnedFd)>);

impl Devices {
    pub fn take() -> Self {
        let take = |name| detached_copy(&Path::new("/dev").join(name)).ok().map(|device| (name, device));
        Self(DEVICES.into_iter().filter_map(take).collect())
    }

    /// Covers `/dev` and puts the devices back. Shared memory takes at most `shared` bytes.
    pub fn put(self, shared: u64) -> Result<(), Failure> {
        let folder = Path::new("/dev");
        empty_folder(folder, 0o755, SMALL)?;
        for (name, device) in self.0 {
            let path = folder.join(name);
            File::create(&path).map_err(failed("cannot make a device file"))?;
            attach(&device, &path)?;
        }
        for (name, target) in LINKS {
            symlink(target, folder.join(name)).map_err(failed("cannot make a link in /dev"))?;
        }
        for (name, mode, size) in [("shm", 0o1777, shared), ("pts", 0o755, SMALL)] {
            create_dir(folder.join(name)).map_err(failed("cannot make a folder in /dev"))?;
            empty_folder(&folder.join(name), mode, size)?;
        }
        // Without pseudo-terminals most programs still work.
        let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
        let _ = mount("devpts", "/dev/pts", "devpts", flags, Some(c"newinstance,ptmxmode=0666,mode=620"));
        Ok(())
    }
}

/// Takes and puts at once.
pub(super) fn replace() -> Result<(), Failure> {
    Devices::take().put(SMALL)
}
