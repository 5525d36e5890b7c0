//! Containing a command without namespaces: what it leaves behind becomes a child of the helper and is ended by it.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process, pidfd_open, set_child_subreaper, wait, waitpid,
};

use super::group::Group;
use super::limits::{self, Watch};
use super::run::wait_for_either;
use super::{Failure, Report, Run, failed, init, send};
use crate::workspace::limits::Limit;
use crate::workspace::processes;

/// Runs a command as a tree of plain processes.
pub(super) fn run(request: &Run, stream: &mut UnixStream, mut group: Option<Group>) -> Result<(), Failure> {
    set_child_subreaper(Some(getpid())).map_err(failed("cannot adopt orphans"))?;
    limits::for_each_process(&request.limits).map_err(failed("cannot set limits"))?;
    let me = std::process::id();
    let watch = Watch::start(request.limits, move || processes::descendants(me), limits::end_each)
        .map_err(failed("cannot watch the command"))?;
    let child = init::spawn(request)?;
    // What it started before it is in the group is watched like everything else.
    group = group.and_then(|group| group.with(child));
    let handle = pidfd_open(child, PidfdFlags::empty()).map_err(failed("cannot watch the command"))?;
    let closed = wait_for_either(stream, handle.as_fd())?;
    let mut report = Report::Signal(Signal::KILL.as_raw());
    if !closed && let Ok(Some((_, status))) = waitpid(Some(child), WaitOptions::empty()) {
        report = match status.terminating_signal() {
            Some(signal) => Report::Signal(signal),
            None => Report::Exit(status.exit_status().unwrap_or(1)),
        };
    }
    if let Some(limit) = watch.exceeded(&processes::descendants(me)) {
        report = Report::Exceeded(limit);
    }
    if group.as_mut().is_some_and(Group::starved) {
        report = Report::Exceeded(Limit::Memory(request.limits.memory));
    }
    end_descendants();
    if let Some(group) = group {
        group.remove();
    }
    if !closed {
        send(stream, &report).map_err(failed("cannot report"))?;
    }
    Ok(())
}

/// Kills all children until there are none: those of a killed child become ours.
fn end_descendants() {
    loop {
        for child in children() {
            let _ = kill_process(child, Signal::KILL);
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn children() -> Vec<Pid> {
    let me = std::process::id();
    let mine = processes::all().into_iter().filter(|pid| processes::parent(*pid) == Some(me));
    mine.filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).collect()
}
