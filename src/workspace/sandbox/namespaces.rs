//! Entering namespaces.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::sched::CloneFlags;
use rustix::fs::{Mode, OFlags, openat};
use rustix::process::{Pid, WaitOptions, waitpid};
use rustix::thread::{CapabilitySet, ThreadNameSpaceType as Kind, move_into_thread_name_spaces};

use super::system::{Side, exit_now, fork};
use super::{Failure, failed};

/// The machine's own `/proc`, kept open because mount namespaces will show another one, or a read-only one.
pub(super) struct Proc(OwnedFd);

impl Proc {
    pub fn open() -> Result<Self, Failure> {
        rustix::fs::open("/proc", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map(Self)
            .map_err(failed("cannot open /proc"))
    }

    fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        Ok(File::from(openat(&self.0, name, flags | OFlags::CLOEXEC, Mode::empty())?))
    }

    fn read(&self, name: &str) -> io::Result<String> {
        let mut text = String::new();
        self.file(name, OFlags::RDONLY)?.read_to_string(&mut text)?;
        Ok(text)
    }

    /// These files take one write only.
    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        self.file(name, OFlags::WRONLY)?.write_all(text.as_bytes())
    }
}

/// Unshares a user namespace together with others. Users keep their numbers: all of them where that is allowed
/// (the superuser), else only this one.
pub(super) fn unshare_with_user(proc: &Proc, others: CloneFlags) -> Result<(), Failure> {
    let me = rustix::process::getpid();
    let users = Maps::of(proc).map_err(failed("cannot read the user map"))?;
    let (mut go, wait) = io::pipe().map(|(reader, writer)| (writer, reader)).map_err(failed("cannot make a pipe"))?;
    // The map has to be written from outside the new namespace, so a child stays behind.
    let mapper = match fork().map_err(failed("cannot fork"))? {
        Side::Parent(child) => child,
        Side::Child => {
            drop(go);
            exit_now(users.write_when_told(proc, me, wait));
        }
    };
    drop(wait);
    let unshared = nix::sched::unshare(CloneFlags::CLONE_NEWUSER | others);
    if unshared.is_ok() {
        let _ = go.write_all(b"g");
    }
    drop(go);
    let code = wait_for(mapper).map_err(failed("cannot wait for the helper's child"))?;
    unshared.map_err(failed("cannot make namespaces"))?;
    match code {
        0 => Ok(()),
        errno => Err(failed("cannot write the user map")(io::Error::from_raw_os_error(errno))),
    }
}

/// The lines of the user and group maps to write.
struct Maps {
    all: Option<(String, String)>,
    own: (String, String),
}

impl Maps {
    fn of(proc: &Proc) -> io::Result<Self> {
        let own = (identity(rustix::process::geteuid().as_raw()), identity(rustix::process::getegid().as_raw()));
        let held = rustix::thread::capabilities(None)?.effective;
        let all = if held.contains(CapabilitySet::SETUID | CapabilitySet::SETGID) {
            Some((every(&proc.read("self/uid_map")?), every(&proc.read("self/gid_map")?)))
        } else {
            None
        };
        Ok(Self { all, own })
    }

    /// The child's part; returns the number of an error.
    fn write_when_told(&self, proc: &Proc, target: Pid, mut wait: impl Read) -> i32 {
        if wait.read_exact(&mut [0]).is_err() {
            return 0;
        }
        let folder = target.as_raw_nonzero();
        if let Some((users, groups)) = &self.all
            && proc.write(&format!("{folder}/uid_map"), users).is_ok()
            && proc.write(&format!("{folder}/gid_map"), groups).is_ok()
        {
            return 0;
        }
        let written = proc
            .write(&format!("{folder}/setgroups"), "deny")
            .and_then(|()| proc.write(&format!("{folder}/uid_map"), &self.own.0))
            .and_then(|()| proc.write(&format!("{folder}/gid_map"), &self.own.1));
        written.err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO))
    }
}

fn identity(id: u32) -> String {
    format!("{id} {id} 1\n")
}

/// Every number that exists here, mapped to itself.
fn every(map: &str) -> String {
    let line = |line: &str| {
        let mut numbers = line.split_whitespace();
        let (first, count) = (numbers.next()?, numbers.nth(1)?);
        Some(format!("{first} {first} {count}\n"))
    };
    map.lines().filter_map(line).collect()
}

/// Waits until a child has ended; its exit code, or the number of its signal plus 128.
pub(super) fn wait_for(child: Pid) -> io::Result<i32> {
    loop {
        match waitpid(Some(child), WaitOptions::empty()) {
            Ok(Some((_, status))) => {
                return Ok(status
                    .exit_status()
                    .or(status.terminating_signal().map(|signal| signal + 128))
                    .unwrap_or(1));
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Enters the namespaces another process holds.
pub(super) fn join(holder: u32, network: bool) -> Result<(), Failure> {
    let mut kinds = Kind::USER | Kind::MOUNT | Kind::INTER_PROCESS_COMMUNICATION;
    if !network {
        kinds |= Kind::NETWORK;
    }
    enter(holder, kinds)
}

/// Enters the network another process holds, and nothing else of it that matters.
pub(super) fn join_network(holder: u32) -> Result<(), Failure> {
    enter(holder, Kind::USER | Kind::NETWORK)
}

fn enter(holder: u32, kinds: Kind) -> Result<(), Failure> {
    let gone = || failed("the sandbox is gone")(io::Error::from_raw_os_error(libc::ESRCH));
    let pid = i32::try_from(holder).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
    let holder = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
        .map_err(failed("the sandbox is gone"))?;
    move_into_thread_name_spaces(holder.as_fd(), kinds).map_err(failed("cannot enter the sandbox"))
}
