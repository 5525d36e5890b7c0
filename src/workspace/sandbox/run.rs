//! Running one command and waiting for its end, or for the program's.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::group::Group;
use super::namespaces::{Proc, join, unshare_with_user, wait_for};
use super::system::{Side, exit_now, fork};
use super::{Failure, Run, descendants, failed, init};

/// Runs a command in the holder's namespaces, or as a tree of plain processes.
pub(super) fn run(request: Run, stream: &mut UnixStream) -> Result<(), Failure> {
    // Before the machine's own tree of groups is out of sight.
    let mut group = Group::make(&request.limits);
    let Some(holder) = request.holder else { return descendants::run(&request, stream, group) };
    let proc = Proc::open()?;
    // Below the holder's user namespace a second one: its mounts are locked there, so that nothing, not even the
    // superuser inside, can take the overlay away.
    join(holder, request.network)?;
    unshare_with_user(&proc, CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID)?;
    drop(proc);
    match fork().map_err(failed("cannot fork"))? {
        Side::Child => exit_now(init::main(&request, stream, group)),
        Side::Parent(child) => {
            // One that may not take the process in is as good as none.
            group = group.and_then(|group| group.with(child));
            let watched = watch(child, stream);
            if let Some(group) = group {
                group.remove();
            }
            watched
        }
    }
}

/// Waits for the first process of the namespace; with it all others end.
fn watch(child: Pid, stream: &mut UnixStream) -> Result<(), Failure> {
    let handle = pidfd_open(child, PidfdFlags::empty()).map_err(failed("cannot watch the command"))?;
    let closed = wait_for_either(stream, handle.as_fd())?;
    if closed {
        let _ = pidfd_send_signal(&handle, Signal::KILL);
    }
    let code = wait_for(child).map_err(failed("cannot wait for the command"))?;
    if code == 0 || closed {
        return Ok(());
    }
    Err(failed("the first process of the sandbox was ended")(std::io::Error::other(format!("code {code}"))))
}

/// Waits until the process has ended or the socket was closed; whether it was closed.
pub(super) fn wait_for_either(stream: &mut UnixStream, process: BorrowedFd<'_>) -> Result<bool, Failure> {
    let socket: OwnedFd = stream.as_fd().try_clone_to_owned().map_err(failed("cannot watch the socket"))?;
    loop {
        let mut watched = [PollFd::new(process, PollFlags::POLLIN), PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(failed("cannot wait")(error)),
        }
        let [process, socket] = watched.map(|watched| watched.any().unwrap_or(true));
        if process {
            return Ok(false);
        }
        // Nothing more is ever said on the socket: what can be read is its end.
        if socket && !matches!(stream.read(&mut [0; 64]), Ok(1..)) {
            return Ok(true);
        }
    }
}
