//! Looking at running processes through `/proc`: who descends from whom, and who listens on which port.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The parent of a process: the second word after its name, which is in parentheses and may hold anything.
pub(super) fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Whether a process has ended and only its number is left, which its parent has not asked about yet.
pub(super) fn has_ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

/// The numbers of all processes that can be seen.
pub(super) fn all() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The processes below one, nearest first, itself left out.
pub(super) fn descendants(root: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for pid in all() {
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = children.remove(&root).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// The TCP ports that processes below one listen on, sorted.
pub(super) fn listening(root: u32) -> Vec<u16> {
    let mut ports = BTreeSet::new();
    for pid in descendants(root) {
        let sockets = sockets(pid);
        if sockets.is_empty() {
            continue;
        }
        for table in ["tcp", "tcp6"] {
            let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
            ports
                .extend(text.lines().filter_map(listener).filter(|(_, id)| sockets.contains(id)).map(|(port, _)| port));
        }
    }
    ports.into_iter().collect()
}

/// The sockets a process has open, by inode.
fn sockets(pid: u32) -> BTreeSet<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return BTreeSet::new() };
    let inode = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    entries.filter_map(|entry| inode(entry.ok()?)).collect()
}

/// A line of the kernel's table of TCP sockets: port and inode when it is one that listens.
fn listener(line: &str) -> Option<(u16, u64)> {
    const LISTEN: &str = "0A";
    let mut words = line.split_whitespace();
    let port = words.nth(1)?.rsplit_once(':')?.1;
    let state = words.nth(1)?;
    let inode = words.nth(5)?.parse().ok()?;
    (state == LISTEN).then_some((u16::from_str_radix(port, 16).ok()?, inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        let open =
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 x";
        let busy =
            "   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 31338 1 x";
        let six = "   0: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 \
                   00:00000000 00000000     0        0 99 1 x";
        assert_eq!([head, open, busy, six].map(listener), [None, Some((8080, 31337)), None, Some((3000, 99))]);
    }

    #[test]
    fn a_listener_of_a_child_is_found_and_one_of_ours_is_not() {
        let ours = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let me = std::process::id();
        assert!(!listening(me).contains(&ours.local_addr().unwrap().port()));
        assert!(descendants(parent(me).unwrap()).contains(&me));
    }
}
