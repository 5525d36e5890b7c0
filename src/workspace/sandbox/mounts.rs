//! What commands see of the file system.

use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind_recursive, mount_change};

use super::system::add_mount_attributes;
use super::{Failure, failed};

/// Parts of `/proc` that change the machine, which the superuser could write through.
const PROC_READ_ONLY: [&str; 5] = ["sys", "sysrq-trigger", "irq", "bus", "fs"];

/// A `/proc` of the command's own processes, and folders it must not write to.
pub(super) fn for_command(read_only: &[PathBuf]) -> Result<(), Failure> {
    make_private()?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // In a container whose `/proc` is partly covered the kernel refuses a new one. The old one shows processes that
    // nothing in here can touch.
    let _ = mount("proc", "/proc", "proc", flags, None);
    for name in PROC_READ_ONLY {
        let path = Path::new("/proc").join(name);
        if path.exists() {
            make_read_only(&path)?;
        }
    }
    read_only.iter().try_for_each(|path| make_read_only(path))
}

/// Keeps mounts made from here on out of every other namespace.
pub(super) fn make_private() -> Result<(), Failure> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(failed("cannot make mounts private"))
}

fn make_read_only(path: &Path) -> Result<(), Failure> {
    let what = || format!("cannot protect {}", path.display());
    mount_bind_recursive(path, path).map_err(failed(what()))?;
    add_mount_attributes(path, libc::MOUNT_ATTR_RDONLY, true).map_err(failed(what()))
}
