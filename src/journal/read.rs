//! From the bytes of a journal to its records.

use std::path::{Path, PathBuf};
use std::thread;

use jiff::Timestamp;
use serde::Deserialize;

use super::JournalError;
use crate::domain::{Event, RECORD_VERSION, Record};

/// Bytes from which on reading is worth a second thread.
const LARGE: usize = 1 << 20;
/// Threads that read a large journal, at most.
const THREADS: usize = 4;

/// What a journal holds.
#[derive(Debug, Default)]
pub struct Reading {
    /// The records up to the end, or up to the damage.
    pub records: Vec<Record>,
    /// How many bytes those records take; what follows is torn or damaged.
    pub whole: usize,
    /// The last line is not whole; the bytes after `whole` belong to no record.
    pub torn: bool,
    /// A damaged line with further lines after it.
    pub damage: Option<JournalError>,
}

/// Reads all records. A bad last line is torn, a bad line before it is damage.
pub(super) fn records(path: &Path, bytes: &[u8]) -> Reading {
    let lines = whole_lines(bytes);
    let mut reading = Reading { records: Vec::with_capacity(lines.len()), ..Reading::default() };
    for (line, read) in lines.iter().zip(parsed(&lines, bytes.len())) {
        let readable = reading.records.len();
        match read.and_then(|record| in_its_place(record, readable as u64 + 1)) {
            Ok(record) => reading.records.push(record),
            Err(_) if reading.whole + line.len() + 1 == bytes.len() => break,
            Err(why) => {
                let path = PathBuf::from(path);
                reading.damage = Some(JournalError::Damaged { path, line: readable + 1, why, readable });
                return reading;
            }
        }
        reading.whole += line.len() + 1;
    }
    reading.torn = reading.whole < bytes.len();
    reading
}

/// The lines that have an end.
fn whole_lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', bytes)
        .map(|end| {
            let line = &bytes[start..end];
            start = end + 1;
            line
        })
        .collect()
}

type Parsed = Result<Record, String>;

/// Each line read by itself; those of a large journal on several threads.
fn parsed(lines: &[&[u8]], size: usize) -> Vec<Parsed> {
    let read = |lines: &[&[u8]]| lines.iter().map(|line| record(line)).collect::<Vec<Parsed>>();
    if size < LARGE {
        return read(lines);
    }
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let share = lines.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let readers: Vec<_> = lines.chunks(share).map(|lines| (lines, scope.spawn(move || read(lines)))).collect();
        // A reader that could not go on is made good here, where a failure is told like any other.
        readers.into_iter().flat_map(|(lines, reader)| reader.join().unwrap_or_else(|_| read(lines))).collect()
    })
}

fn in_its_place(record: Record, expected: u64) -> Parsed {
    if record.seq == expected {
        Ok(record)
    } else {
        Err(format!("record {} stands where {expected} belongs", record.seq))
    }
}

/// A record without its event.
#[derive(Deserialize)]
struct Envelope {
    v: u32,
    seq: u64,
    at: Timestamp,
}

/// Envelope and event are read from the same line, each passing over what is the other's: a flattened record would be
/// copied into a buffer first, and that costs more than reading twice.
fn record(line: &[u8]) -> Parsed {
    let words = |error: serde_json::Error| error.to_string();
    let Envelope { v, seq, at } = serde_json::from_slice(line).map_err(words)?;
    let event = match serde_json::from_slice(line) {
        Ok(event) => event,
        // Of a later version whose event cannot be read here: kept as unknown.
        Err(_) if v > RECORD_VERSION && has_type(line) => Event::Unknown,
        Err(error) => return Err(words(error)),
    };
    Ok(Record { v, seq, at, event })
}

fn has_type(line: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|value| value.get("type").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = r#"{"v":1,"seq":1,"at":"2026-11-22T20:15:04.123Z","type":"noted","level":"info","text":"x"}"#;

    fn read(text: &str) -> Reading {
        records(Path::new("j.jsonl"), text.as_bytes())
    }

    #[test]
    fn unknown_events_are_kept_as_unknown() {
        for line in [
            r#"{"v":1,"seq":1,"at":"2026-11-22T20:15:04Z","type":"teleported","where":{"x":[1]}}"#,
            r#"{"v":9,"seq":1,"at":"2026-11-22T20:15:04Z","type":"noted","level":"cosmic","text":4}"#,
        ] {
            let reading = read(&format!("{line}\n"));
            assert_eq!(reading.records.len(), 1, "{line}");
            assert_eq!(reading.records[0].event, Event::Unknown, "{line}");
        }
    }

    #[test]
    fn a_bad_last_line_is_torn_and_a_bad_line_before_is_damage() {
        let second = NOTE.replace("\"seq\":1", "\"seq\":2");
        for (text, records, torn, damaged) in [
            (String::new(), 0, false, false),
            (format!("{NOTE}\n"), 1, false, false),
            (format!("{NOTE}\n{second}\n"), 2, false, false),
            (format!("{NOTE}\n{}", &second[..30]), 1, true, false),
            (format!("{NOTE}\n{second}"), 1, true, false),
            (format!("{NOTE}\n\0\0\0\n"), 1, true, false),
            (format!("garbage\n{NOTE}\n"), 0, false, true),
            (format!("{NOTE}\n\n{second}\n"), 1, false, true),
            (format!("{second}\n{second}\n"), 0, false, true),
        ] {
            let reading = read(&text);
            assert_eq!(
                (reading.records.len(), reading.torn, reading.damage.is_some()),
                (records, torn, damaged),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_large_journal_is_read_like_a_small_one() {
        let line =
            |seq: usize| NOTE.replace("\"seq\":1", &format!("\"seq\":{seq}")).replace("\"x\"", &format!("\"{seq}\""));
        let mut text: String = (1..=20_000).map(|seq| line(seq) + "\n").collect();
        assert!(text.len() > LARGE);
        let reading = read(&text);
        assert_eq!((reading.records.len(), reading.whole), (20_000, text.len()));
        let last = reading.records.last().map(|record| record.event.clone());
        assert!(matches!(last, Some(Event::Noted { text, .. }) if text == "20000"));
        text = text.replacen(&line(15_000), "nope", 1);
        let reading = read(&text);
        assert_eq!(reading.records.len(), 14_999);
        assert!(matches!(reading.damage, Some(JournalError::Damaged { line: 15_000, .. })));
    }

    #[test]
    fn damage_names_file_and_line() {
        let reading = read(&format!("{NOTE}\nnope\n{NOTE}\n"));
        let message = reading.damage.map(|error| error.to_string()).unwrap_or_default();
        assert!(message.starts_with("j.jsonl:2: "), "{message}");
        assert!(message.contains("the 1 records before it"), "{message}");
    }
}
