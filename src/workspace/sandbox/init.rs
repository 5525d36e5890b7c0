//! The first process of a command's own process namespace: it gives up what it may, starts the command, and when it
//! ends the kernel ends everything the command has left behind.

use std::io;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, set_dumpable_behavior, set_parent_process_death_signal, setsid, wait,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use super::group::Group;
use super::limits::{self, Watch};
use super::system::in_session_of_its_own;
use super::{Failure, Report, Run, failed, mounts, send};
use crate::workspace::limits::Limit;
use crate::workspace::processes;

/// What a command keeps of the superuser's rights when it is started by the superuser: those over files and own
/// processes. Everything about mounts, devices, the network and other processes is gone.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Runs the command and reports how it ended; returns this process's own exit code.
pub(super) fn main(request: &Run, stream: &mut UnixStream, group: Option<Group>) -> i32 {
    let report =
        prepare(request).and_then(|()| execute(request, group)).unwrap_or_else(|why| Report::Failed(why.to_string()));
    i32::from(send(stream, &report).is_err())
}

fn prepare(request: &Run) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed("cannot bind to the parent process"))?;
    setsid().map_err(failed("cannot start a session"))?;
    mounts::for_command(request)?;
    limits::for_each_process(&request.limits).map_err(failed("cannot set limits"))?;
    drop_privileges().map_err(failed("cannot drop privileges"))?;
    // Commands must not look into the process that reports on them.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed("cannot protect the helper"))
}

fn drop_privileges() -> io::Result<()> {
    for bit in 0..64 {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        if KEPT.contains(one) {
            continue;
        }
        match remove_capability_from_bounding_set(one) {
            Ok(()) => {}
            // The first number the kernel does not know is the end of the list.
            Err(rustix::io::Errno::INVAL) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let kept = if rustix::process::geteuid().is_root() { KEPT } else { CapabilitySet::empty() };
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() })?;
    set_no_new_privs(true)?;
    Ok(())
}

/// Starts the command as asked.
pub(super) fn spawn(request: &Run) -> Result<Pid, Failure> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(&request.command).current_dir(&request.folder).env("PWD", &request.folder);
    let child = in_session_of_its_own(&mut command)
        .stdin(Stdio::null())
        .spawn()
        .map_err(failed(format!("cannot start a shell in {}", request.folder.display())))?;
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| failed("cannot start a shell")(io::Error::other("it has no number")))
}

fn execute(request: &Run, mut group: Option<Group>) -> Result<Report, Failure> {
    let me = std::process::id();
    let others = move || -> Vec<u32> { processes::all().into_iter().filter(|pid| *pid != me).collect() };
    let watch =
        Watch::start(request.limits, others, limits::end_namespace).map_err(failed("cannot watch the command"))?;
    let child = spawn(request)?;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == child => {
                if let Some(limit) = watch.exceeded(&others()) {
                    return Ok(Report::Exceeded(limit));
                }
                if group.as_mut().is_some_and(Group::starved) {
                    return Ok(Report::Exceeded(Limit::Memory(request.limits.memory)));
                }
                return Ok(match status.terminating_signal() {
                    Some(signal) => Report::Signal(signal),
                    None => Report::Exit(status.exit_status().unwrap_or(1)),
                });
            }
            // An orphan of the command, reaped in passing.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed("cannot wait for the command")(error)),
        }
    }
}
