//! System calls that no crate offers safely.

#![expect(unsafe_code, reason = "neither nix nor rustix has a safe function for these")]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use rustix::process::Pid;

/// Which side of a fork this is.
pub(super) enum Side {
    Parent(Pid),
    Child,
}

/// Makes a second process of this one.
pub(super) fn fork() -> io::Result<Side> {
    // SAFETY: the helper has one thread (it is entered before any other is started), so the child may do what it wants.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        id => Pid::from_raw(id).map(Side::Parent).ok_or_else(|| io::Error::other("fork gave no process")),
    }
}

/// Starts a command as the first of a session. The kernel shares the processors out between sessions first, so that
/// however many processes a command has, who watches it gets to look.
pub(super) fn in_session_of_its_own(command: &mut Command) -> &mut Command {
    let begin = || Ok(rustix::process::setsid().map(drop)?);
    // SAFETY: the child makes one system call, which allocates nothing and takes no lock.
    unsafe { command.pre_exec(begin) }
}

/// Ends this process at once, without running what is registered for its exit.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and does not return.
    unsafe { libc::_exit(code) }
}

/// Keeps whatever the program's own parent had left open (a shell's redirections, say) away from every command: through
/// an open file a command could write outside.
pub(super) fn close_inherited_on_exec() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: the call only marks descriptors; nothing is closed while this process uses it.
    let done = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == -1 {
        // A kernel older than 5.11 does not know it.
        const LAST: libc::c_int = 4_096;
        for descriptor in 3..LAST {
            // SAFETY: setting a flag on a number that is no descriptor is an error and nothing else.
            unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
}

/// Switches the loopback interface of this network namespace on.
pub(super) fn loopback_up() -> io::Result<()> {
    let socket = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    // SAFETY: all zeros is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or(0);
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which lives until the call returns.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sets and clears attributes of a mount; with `recursive`, of all mounts below it as well.
pub(super) fn change_mount_attributes(path: &Path, set: u64, clear: u64, recursive: bool) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let change = libc::mount_attr { attr_set: set, attr_clr: clear, propagation: 0, userns_fd: 0 };
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path ends in NUL, the structure has the size that is given, and both live until the call returns.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const change,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
