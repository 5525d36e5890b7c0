//! Limits on a command with all it starts: how many processes, how much memory.
//!
//! The kernel's limits for one process do not do: that on processes does not bind the superuser and counts everything the
//! user runs on the machine, those on memory count what is only reserved. So the first process of the command's namespace
//! looks at the others several times a second. Kernels that count processes by namespace (6.14) are told the limit too,
//! so that even what happens between two looks is bounded.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::workspace::limits::{Limit, Limits};

/// How often the processes are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Numbers the kernel keeps for itself in each namespace.
const RESERVED: u32 = 300;

/// The kernel from which on the limit on numbers is one of the namespace. On an older one it is the machine's.
const COUNTS_BY_NAMESPACE: (u32, u32) = (6, 14);

/// Sets what limits every single process has; one that is already lower stays.
pub(super) fn for_each_process(limits: &Limits) -> io::Result<()> {
    let processes = u64::from(limits.processes) + 64;
    for (resource, limit) in [(Resource::Core, 0), (Resource::Nproc, processes), (Resource::Fsize, limits.disk)] {
        let limit = getrlimit(resource).maximum.map_or(limit, |maximum| maximum.min(limit));
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    // When the machine runs out of memory, commands go first.
    let _ = fs::write("/proc/self/oom_score_adj", "600");
    Ok(())
}

/// Who holds the limits on this machine, in words.
pub(in crate::workspace) fn held_by() -> &'static str {
    match (super::group::possible(), counts_by_namespace()) {
        (true, _) => "the kernel holds processes and memory to it (a control group for each command)",
        (false, true) => "the kernel holds processes to it by namespace, memory is looked at ten times a second",
        (false, false) => "processes and memory are looked at ten times a second",
    }
}

fn counts_by_namespace() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    crate::workspace::reason::version(&release).is_some_and(|version| version >= COUNTS_BY_NAMESPACE)
}

/// Lets the kernel refuse further processes in this namespace, whose `/proc` has just been mounted.
pub(super) fn for_namespace(limits: &Limits) {
    if counts_by_namespace() {
        // Some more than the limit, so that it is seen to be reached.
        let _ = fs::write("/proc/sys/kernel/pid_max", (RESERVED + limits.processes + 64).to_string());
    }
}

/// Watches the processes of a command from now on, and ends them all when they exceed a limit.
pub(super) struct Watch {
    limits: Limits,
    exceeded: Arc<AtomicU8>,
}

const PROCESSES: u8 = 1;
const MEMORY: u8 = 2;

impl Watch {
    /// `members` finds the processes, `end` ends them all. To be called before the command is started, which may leave
    /// no room for a thread.
    pub fn start(
        limits: Limits,
        members: impl Fn() -> Vec<u32> + Send + 'static,
        end: impl Fn(&dyn Fn() -> Vec<u32>) + Send + 'static,
    ) -> io::Result<Self> {
        let exceeded = Arc::new(AtomicU8::new(0));
        let flag = Arc::clone(&exceeded);
        std::thread::Builder::new().spawn(move || {
            loop {
                std::thread::sleep(LOOK);
                let what = look(&limits, &members());
                if what != 0 {
                    flag.store(what, Ordering::Release);
                    end(&members);
                }
            }
        })?;
        Ok(Self { limits, exceeded })
    }

    /// The limit that was exceeded, if one was. Called when the command itself has ended, with what it left running: a
    /// shell that cannot start a process ends at once, perhaps before the next look.
    pub fn exceeded(&self, left: &[u32]) -> Option<Limit> {
        let seen = self.exceeded.load(Ordering::Acquire);
        match if seen == 0 { look(&self.limits, left) } else { seen } {
            PROCESSES => Some(Limit::Processes(self.limits.processes)),
            MEMORY => Some(Limit::Memory(self.limits.memory)),
            _ => None,
        }
    }
}

fn look(limits: &Limits, members: &[u32]) -> u8 {
    // When there are too many, reading about each of them would take as long as they are many, and they want the same
    // processors: two looks a second became one in half a minute that way.
    if members.len() as u64 >= u64::from(limits.processes) {
        return PROCESSES;
    }
    let (mut threads, mut memory) = (0, 0);
    for use_of in members.iter().filter_map(|pid| Use::of(*pid)) {
        threads += use_of.threads;
        memory += use_of.memory;
    }
    if threads >= u64::from(limits.processes) {
        PROCESSES
    } else if memory > limits.memory {
        MEMORY
    } else {
        0
    }
}

/// What a process uses, of it alone.
#[derive(Default)]
struct Use {
    threads: u64,
    memory: u64,
}

impl Use {
    fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let number = |line: &str| line.split_whitespace().nth(1)?.parse::<u64>().ok();
        let mut used = Self::default();
        for line in status.lines() {
            if line.starts_with("RssAnon:") {
                used.memory = number(line)? * 1_024;
            } else if line.starts_with("Threads:") {
                used.threads = number(line)?;
            }
        }
        Some(used)
    }
}

/// Ends all these processes. They are stopped first, so that none can start another one meanwhile.
pub(super) fn end_each(members: &dyn Fn() -> Vec<u32>) {
    const ROUNDS: usize = 50;
    let mut stopped = std::collections::BTreeSet::new();
    for _ in 0..ROUNDS {
        let new: Vec<u32> = members().into_iter().filter(|pid| !stopped.contains(pid)).collect();
        if new.is_empty() {
            break;
        }
        new.iter().for_each(|pid| signal(*pid, Signal::STOP));
        stopped.extend(new);
    }
    stopped.into_iter().for_each(|pid| signal(pid, Signal::KILL));
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Ends everything in the namespace this is the first process of; new ones cannot slip through.
pub(super) fn end_namespace(_members: &dyn Fn() -> Vec<u32>) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(-1), nix::sys::signal::Signal::SIGKILL);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_counted() {
        let me = std::process::id();
        let limits = |processes, memory| Limits { processes, memory, disk: 0, keep_free: 0 };
        let used = Use::of(me).unwrap();
        assert!(used.threads >= 1 && used.memory > 100_000);
        assert_eq!(look(&limits(10_000, u64::MAX), &[me]), 0);
        assert_eq!(look(&limits(1, u64::MAX), &[me]), PROCESSES);
        assert_eq!(look(&limits(10_000, 1), &[me]), MEMORY);
    }
}
