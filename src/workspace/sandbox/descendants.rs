//! Containing a command without namespaces: what it leaves behind becomes a child of the helper and is ended by it.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process, pidfd_open, set_child_subreaper, wait, waitpid,
};

use super::run::wait_for_either;
use super::{Failure, Report, Run, failed, init, send};

/// Runs a command as a tree of plain processes.
pub(super) fn run(request: &Run, stream: &mut UnixStream) -> Result<(), Failure> {
    set_child_subreaper(Some(getpid())).map_err(failed("cannot adopt orphans"))?;
    init::set_limits().map_err(failed("cannot set limits"))?;
    let child = init::spawn(request)?;
    let handle = pidfd_open(child, PidfdFlags::empty()).map_err(failed("cannot watch the command"))?;
    let closed = wait_for_either(stream, handle.as_fd())?;
    let mut report = Report::Signal(Signal::KILL.as_raw());
    if !closed && let Ok(Some((_, status))) = waitpid(Some(child), WaitOptions::empty()) {
        report = match status.terminating_signal() {
            Some(signal) => Report::Signal(signal),
            None => Report::Exit(status.exit_status().unwrap_or(1)),
        };
    }
    end_descendants();
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
    let me = getpid().as_raw_nonzero().get();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter(|pid| parent(*pid) == Some(me)).filter_map(Pid::from_raw).collect()
}

/// The parent of a process: the second word after its name, which is in parentheses and may hold anything.
fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
