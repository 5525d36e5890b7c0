//! What a service writes: its first and its last lines, clean and without secrets, and the queries they show.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use regex::Regex;

use crate::text;

/// Lines that are kept.
const MOST_LINES: usize = 400;
/// Lines of the start that are kept for good: frameworks name their routes there.
const FIRST_LINES: usize = 1_000;
/// Lines that are told when it does not start.
const TOLD: usize = 40;
/// What the watch of Python writes for every query, in place of what the object mapper may write.
pub(super) const MARK: &str = "[tenon] query";

/// Keeps the lines a service writes for every request from whoever watches, while it is held.
#[derive(Debug)]
pub struct Hush(pub(super) Arc<AtomicUsize>);

impl Drop for Hush {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The first and the last lines a service wrote.
#[derive(Debug, Default)]
pub(super) struct Log {
    lines: Mutex<Lines>,
    /// Lines that showed a query to a database.
    queries: AtomicUsize,
    /// Queries that the watch told of.
    marked: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lines {
    first: Vec<String>,
    last: VecDeque<String>,
    open: Vec<u8>,
}

/// What frameworks write before or around a query: `SELECT` in capitals anywhere, in small letters where a line or a
/// message begins.
static QUERY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\bSELECT\s|(?:^|: |\] |sql: ['"])select\s"#).ok());

impl Log {
    pub(super) fn push(&self, piece: &[u8]) {
        let mut guard = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Lines { first, last, open } = &mut *guard;
        for byte in piece {
            if *byte == b'\n' || open.len() > 4_096 {
                let line = text::sanitize_output(&String::from_utf8_lossy(open));
                let line = text::redact(line.trim_end()).into_owned();
                if line == MARK {
                    self.marked.fetch_add(1, Ordering::Relaxed);
                    open.clear();
                    continue;
                }
                if QUERY.as_ref().is_some_and(|query| query.is_match(&line)) {
                    self.queries.fetch_add(1, Ordering::Relaxed);
                }
                if first.len() < FIRST_LINES {
                    first.push(line.clone());
                }
                last.push_back(line);
                open.clear();
            }
            if *byte != b'\n' {
                open.push(*byte);
            }
        }
        let excess = last.len().saturating_sub(MOST_LINES);
        last.drain(..excess);
    }

    pub(super) fn last(&self, count: usize) -> Vec<String> {
        let guard = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let open = String::from_utf8_lossy(&guard.open).trim_end().to_owned();
        let mut lines: Vec<String> = guard.last.iter().cloned().collect();
        lines.extend((!open.is_empty()).then_some(open));
        lines.split_off(lines.len().saturating_sub(count))
    }

    pub(super) fn first(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).first.clone()
    }

    /// The queries so far: what the watch told of, where it did; else the lines that showed one.
    pub(super) fn queries(&self) -> usize {
        match self.marked.load(Ordering::Relaxed) {
            0 => self.queries.load(Ordering::Relaxed),
            marked => marked,
        }
    }

    /// The last lines behind what happened, without those that only say that a request came: the wait itself asks.
    pub(super) fn behind(&self, what: &str) -> String {
        let lines = self.last(MOST_LINES);
        let told: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !is_request(line)).collect();
        match told.len().checked_sub(TOLD).map_or(told.as_slice(), |skipped| &told[skipped..]) {
            [] if lines.is_empty() => format!("{what}; it wrote nothing"),
            [] => format!("{what}; it wrote nothing but {} lines that it was asked", lines.len()),
            told => format!("{what}; its last lines:\n{}", told.join("\n")),
        }
    }
}

fn is_request(line: &str) -> bool {
    const METHODS: [&str; 6] = ["GET /", "POST /", "PUT /", "PATCH /", "DELETE /", "HEAD /"];
    line.contains(" HTTP/1.") || METHODS.iter().any(|method| line.contains(method))
}

/// The lines that do not just say that a request came.
pub(super) fn without_requests(piece: &[u8]) -> Vec<u8> {
    let told = |line: &&[u8]| !is_request(&String::from_utf8_lossy(line));
    piece.split_inclusive(|byte| *byte == b'\n').filter(told).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hushed_service_still_tells_what_broke() {
        let piece =
            b"INFO: 127.0.0.1:1 - \"GET /items HTTP/1.1\" 500\nTraceback (most recent call last):\n::1 POST /a 3ms\n";
        assert_eq!(without_requests(piece), b"Traceback (most recent call last):\n");
    }

    #[test]
    fn the_log_keeps_the_last_lines_clean() {
        let log = Log::default();
        for number in 0..1_000 {
            log.push(format!("line {number}\n").as_bytes());
        }
        log.push(b"\x1b[31mkey sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789\x1b[0m\nop");
        log.push(b"en");
        let last = log.last(3);
        assert_eq!((last[0].as_str(), last[2].as_str()), ("line 999", "open"));
        assert!(last[1].starts_with("key [redacted"), "{}", last[1]);
        assert_eq!(log.last(10_000).len(), MOST_LINES + 1);
        log.push(b"ed\nGET /health 503\n");
        assert!(log.behind("it ended").ends_with("\nopened") && log.behind("it ended").lines().count() == TOLD + 1);
        assert_eq!(Log::default().behind("it ended"), "it ended; it wrote nothing");
        let asked = Log::default();
        (0..9).for_each(|number| asked.push(format!("GET /health {number}\n").as_bytes()));
        assert_eq!(asked.behind("it ended"), "it ended; it wrote nothing but 9 lines that it was asked");
    }

    #[test]
    fn queries_are_counted_once_whoever_tells_of_them() {
        let log = Log::default();
        log.push(b"INFO sqlalchemy.engine.Engine SELECT items.id\nplease select one\n");
        assert_eq!(log.queries(), 1);
        log.push(format!("{MARK}\n{MARK}\nSELECT 1\n").as_bytes());
        assert_eq!(log.queries(), 2, "the object mapper writes the same ones");
        assert!(!log.first().iter().any(|line| line == MARK));
    }
}
