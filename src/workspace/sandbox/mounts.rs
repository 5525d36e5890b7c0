//! What commands see of the file system.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
    UnmountFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, mount_bind,
    mount_bind_recursive, mount_change, move_mount, open_tree, unmount,
};

use super::devices::Devices;
use super::system::change_mount_attributes;
use super::{By, Cover, Failure, Run, View, failed, limits};

/// Folders that commands may write to and that are empty at first: what lies there on the machine are sockets and
/// other people's files. They lie on the disk, where builds have room and what they take is watched.
const PRIVATE: [(&str, &str); 2] = [("/tmp", "tmp"), ("/var/tmp", "var-tmp")];

/// The most that small files of the running system may take in memory.
const SMALL: u64 = 64 << 20;

/// Parts of `/run` that are needed to resolve names, and to find programs on NixOS.
const KEPT_OF_RUN: [&str; 5] = [
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager/resolv.conf",
    "/run/current-system",
    "/run/opengl-driver",
];

/// Parts of `/proc` that change the machine, which the superuser could write through.
const PROC_READ_ONLY: [&str; 5] = ["sys", "sysrq-trigger", "irq", "bus", "fs"];

/// Folders of an overlay.
pub(super) struct Below<'a> {
    pub lowers: &'a [PathBuf],
    pub upper: &'a Path,
    pub work: &'a Path,
}

/// Builds the view of a workspace: the repository under its overlay at its own path, the home directory under one that
/// is thrown away, private folders, hidden secrets, and everything else read-only.
pub(super) fn for_workspace(request: &View, hidden: &[PathBuf]) -> Result<(), Failure> {
    // Taken first, because the folders they lie in are covered or made read-only below.
    let repository = overlay(&Below { lowers: &request.lowers, upper: &request.upper, work: &request.work })?;
    let git = request.repository.join(".git");
    let git_copy =
        fs::symlink_metadata(&git).is_ok_and(|m| !m.is_symlink()).then(|| detached_copy(&git)).transpose()?;
    // Not every home can be below an overlay; it is read-only then.
    let private = private_folders(request)?;
    let home = request.home.as_ref().and_then(|home| Some((home, home_overlay(home, request).ok()?)));
    let devices = Devices::take();
    let kept: Vec<(&str, OwnedFd)> =
        KEPT_OF_RUN.iter().filter_map(|path| Some((*path, detached_copy(Path::new(path)).ok()?))).collect();

    let attributes = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    change_mount_attributes(Path::new("/"), attributes, 0, true)
        .map_err(failed("cannot make the machine read-only"))?;
    // Each command covers this with a `/proc` of its own, which the kernel lets it write only when this one is.
    let _ = change_mount_attributes(Path::new("/proc"), 0, libc::MOUNT_ATTR_RDONLY, false);

    devices.put(request.in_memory)?;
    for (path, copy) in &private {
        attach(copy, path)?;
    }
    if is_real_folder("/run") {
        empty_folder(Path::new("/run"), 0o755, SMALL)?;
    }
    for (path, copy) in kept {
        attach_somewhere(&copy, Path::new(path))?;
        change_mount_attributes(Path::new(path), attributes, 0, true).map_err(failed("cannot protect /run"))?;
    }
    if let Some((path, home)) = home {
        attach_somewhere(&home, path)?;
    }
    attach_somewhere(&repository, &request.repository)?;
    if let Some(copy) = git_copy {
        attach(&copy, &git)?;
        change_mount_attributes(&git, attributes, 0, true).map_err(failed("cannot protect .git"))?;
    }
    let empty = Path::new("/dev/.empty");
    File::create(empty).map_err(failed("cannot make an empty file"))?;
    hide(hidden, empty)?;
    hide(std::slice::from_ref(&request.state), empty)
}

/// Makes an overlay that is not mounted anywhere yet.
pub(super) fn overlay(below: &Below<'_>) -> Result<OwnedFd, Failure> {
    // Through open folders, because paths with `:`, `,` or `\` have a meaning of their own in these options.
    let hold = |path: &Path| {
        rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(failed(format!("cannot open {}", path.display())))
    };
    let lowers = below.lowers.iter().map(|path| hold(path)).collect::<Result<Vec<_>, _>>()?;
    let (upper, work) = (hold(below.upper)?, hold(below.work)?);
    let name = |folder: &OwnedFd| format!("/proc/self/fd/{}", folder.as_raw_fd());
    let lower = lowers.iter().map(name).collect::<Vec<_>>().join(":");
    let build = || {
        let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        let context = context.as_fd();
        fsconfig_set_string(context, "source", "tenon")?;
        fsconfig_set_string(context, "lowerdir", lower.as_str())?;
        fsconfig_set_string(context, "upperdir", name(&upper))?;
        fsconfig_set_string(context, "workdir", name(&work))?;
        fsconfig_set_flag(context, "userxattr")?;
        fsconfig_create(context)?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
        fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    build().map_err(failed::<rustix::io::Errno>("cannot mount an overlay"))
}

fn is_real_folder(path: impl AsRef<Path>) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Empty folders on the disk, to be mounted where temporary files belong.
fn private_folders(request: &View) -> Result<Vec<(&'static Path, OwnedFd)>, Failure> {
    let mut found = Vec::new();
    for (path, name) in PRIVATE.into_iter().filter(|(path, _)| is_real_folder(path)) {
        let folder = request.scratch.join(name);
        fs::create_dir_all(&folder)
            .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)))
            .map_err(failed("cannot make room for temporary files"))?;
        let copy = detached_copy(&folder)?;
        found.push((Path::new(path), copy));
    }
    Ok(found)
}

/// An overlay of the home directory. Its changes go to memory, at a place that is hidden afterwards: the state folder
/// usually lies in the home directory itself, and an overlay cannot have its upper folder in its lower one.
fn home_overlay(home: &Path, request: &View) -> Result<OwnedFd, Failure> {
    let state = &request.state;
    let scratch = if state.starts_with(home) {
        empty_folder(state, 0o700, request.in_memory)?;
        state.to_owned()
    } else {
        state.join("home")
    };
    let (upper, work) = (scratch.join("upper"), scratch.join("work"));
    for folder in [&upper, &work] {
        fs::create_dir_all(folder).map_err(failed("cannot make room for the home directory"))?;
    }
    if let Ok(metadata) = fs::metadata(home) {
        let _ = fs::set_permissions(&upper, metadata.permissions());
    }
    overlay(&Below { lowers: &[home.to_owned()], upper: &upper, work: &work })
}

/// Covers secrets: folders by empty ones, files by an empty one.
pub(super) fn hide(hidden: &[PathBuf], empty: &Path) -> Result<(), Failure> {
    for path in hidden {
        let Ok(path) = path.canonicalize() else { continue };
        let what = || format!("cannot hide {}", path.display());
        if path.is_dir() {
            empty_folder(&path, 0o700, SMALL)?;
        } else {
            mount_bind(empty, &path).map_err(failed(what()))?;
        }
        change_mount_attributes(&path, libc::MOUNT_ATTR_RDONLY, 0, false).map_err(failed(what()))?;
    }
    Ok(())
}

/// A `/proc` of the command's own processes, and folders it must not write to.
pub(super) fn for_command(request: &Run) -> Result<(), Failure> {
    make_private()?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // In a container whose `/proc` is partly covered the kernel refuses a new one. The old one shows processes that
    // nothing in here can touch.
    let fresh = mount("proc", "/proc", "proc", flags, None).is_ok();
    if fresh {
        limits::for_namespace(&request.limits);
    }
    for name in PROC_READ_ONLY {
        let path = Path::new("/proc").join(name);
        if path.exists() {
            make_read_only(&path)?;
        }
    }
    if !fresh {
        let _ = change_mount_attributes(Path::new("/proc"), libc::MOUNT_ATTR_RDONLY, 0, true);
    }
    request.read_only.iter().try_for_each(|path| make_read_only(path))?;
    cover(&request.covers)
}

/// Puts files over others. The texts are written where nothing else can write.
fn cover(covers: &[Cover]) -> Result<(), Failure> {
    if covers.is_empty() {
        return Ok(());
    }
    let place = Path::new("/dev");
    empty_folder(place, 0o755, SMALL)?;
    let mut taken = Vec::new();
    for (number, cover) in covers.iter().enumerate() {
        taken.push(match &cover.by {
            By::Text(text) => {
                let file = place.join(number.to_string());
                fs::write(&file, text)
                    .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o444)))
                    .map_err(failed("cannot write what covers a file"))?;
                detached_copy(&file)?
            }
            By::File(path) => detached_copy(path)?,
        });
    }
    unmount(place, UnmountFlags::DETACH).map_err(failed("cannot uncover /dev"))?;
    for (cover, copy) in covers.iter().zip(&taken) {
        // It may be gone by now; a symlink is covered where it leads.
        let Ok(path) = cover.path.canonicalize() else { continue };
        attach(copy, &path)?;
        change_mount_attributes(&path, libc::MOUNT_ATTR_RDONLY, 0, false)
            .map_err(failed(format!("cannot protect {}", path.display())))?;
    }
    Ok(())
}

/// Keeps mounts made from here on out of every other namespace.
pub(super) fn make_private() -> Result<(), Failure> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(failed("cannot make mounts private"))
}

/// Covers a folder by an empty one in memory that takes at most `size` bytes.
pub(super) fn empty_folder(path: &Path, mode: u32, size: u64) -> Result<(), Failure> {
    let what = || format!("cannot cover {}", path.display());
    let options =
        CString::new(format!("mode={mode:o},size={size}")).map_err(std::io::Error::from).map_err(failed(what()))?;
    mount("tmpfs", path, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(options.as_c_str()))
        .map_err(failed(what()))
}

/// A copy of a mounted file or folder that is not mounted anywhere yet.
pub(super) fn detached_copy(path: &Path) -> Result<OwnedFd, Failure> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags).map_err(failed(format!("cannot take {}", path.display())))
}

/// Mounts what is not mounted yet.
pub(super) fn attach(mounted: &OwnedFd, path: &Path) -> Result<(), Failure> {
    move_mount(mounted.as_fd(), "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(failed(format!("cannot mount at {}", path.display())))
}

/// The same at a place that may have been covered by an empty folder.
fn attach_somewhere(mounted: &OwnedFd, path: &Path) -> Result<(), Failure> {
    if !path.exists() {
        let made = if mounted_is_folder(mounted) {
            fs::create_dir_all(path)
        } else {
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(path).map(drop))
        };
        made.map_err(failed(format!("cannot make {}", path.display())))?;
    }
    attach(mounted, path)
}

fn mounted_is_folder(mounted: &OwnedFd) -> bool {
    rustix::fs::fstat(mounted)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory)
}

fn make_read_only(path: &Path) -> Result<(), Failure> {
    let what = || format!("cannot protect {}", path.display());
    mount_bind_recursive(path, path).map_err(failed(what()))?;
    change_mount_attributes(path, libc::MOUNT_ATTR_RDONLY, 0, true).map_err(failed(what()))
}
