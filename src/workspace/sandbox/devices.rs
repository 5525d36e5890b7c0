//! A `/dev` that holds what programs need and no disk: device files ignore read-only mounts.

use std::fs::{File, create_dir};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::mount::{MountFlags, mount};

use super::mounts::{attach, detached_copy, empty_folder};
use super::{Failure, failed};

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

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

    /// Covers `/dev` and puts the devices back.
    pub fn put(self) -> Result<(), Failure> {
        let folder = Path::new("/dev");
        empty_folder(folder, 0o755)?;
        for (name, device) in self.0 {
            let path = folder.join(name);
            File::create(&path).map_err(failed("cannot make a device file"))?;
            attach(&device, &path)?;
        }
        for (name, target) in LINKS {
            symlink(target, folder.join(name)).map_err(failed("cannot make a link in /dev"))?;
        }
        for (name, mode) in [("shm", 0o1777), ("pts", 0o755)] {
            create_dir(folder.join(name)).map_err(failed("cannot make a folder in /dev"))?;
            empty_folder(&folder.join(name), mode)?;
        }
        // Without pseudo-terminals most programs still work.
        let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
        let _ = mount("devpts", "/dev/pts", "devpts", flags, Some(c"newinstance,ptmxmode=0666,mode=620"));
        Ok(())
    }
}

/// Takes and puts at once.
pub(super) fn replace() -> Result<(), Failure> {
    Devices::take().put()
}
