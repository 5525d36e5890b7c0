//! From the bytes of a journal to its records.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::JournalError;
use crate::domain::{Event, RECORD_VERSION, Record};

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
    let mut reading = Reading::default();
    while let Some(length) = bytes[reading.whole..].iter().position(|b| *b == b'\n') {
        let end = reading.whole + length;
        let expected = reading.records.len() as u64 + 1;
        match record(&bytes[reading.whole..end], expected) {
            Ok(record) => reading.records.push(record),
            Err(_) if end + 1 == bytes.len() => break,
            Err(why) => {
                let readable = reading.records.len();
                let path = PathBuf::from(path);
                reading.damage = Some(JournalError::Damaged { path, line: readable + 1, why, readable });
                return reading;
            }
        }
        reading.whole = end + 1;
    }
    reading.torn = reading.whole < bytes.len();
    reading
}

fn record(line: &[u8], expected: u64) -> Result<Record, String> {
    let record = match serde_json::from_slice::<Record>(line) {
        Ok(record) => record,
        Err(error) => from_the_future(line).ok_or_else(|| error.to_string())?,
    };
    if record.seq == expected {
        Ok(record)
    } else {
        Err(format!("record {} stands where {expected} belongs", record.seq))
    }
}

/// A record of a later format version whose event cannot be read here: kept as unknown.
fn from_the_future(line: &[u8]) -> Option<Record> {
    #[derive(Deserialize)]
    struct Envelope {
        v: u32,
        seq: u64,
        at: jiff::Timestamp,
        #[serde(rename = "type")]
        _type: Value,
    }
    let envelope: Envelope = serde_json::from_slice(line).ok()?;
    let Envelope { v, seq, at, .. } = envelope;
    (v > RECORD_VERSION).then_some(Record { v, seq, at, event: Event::Unknown })
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
    fn damage_names_file_and_line() {
        let reading = read(&format!("{NOTE}\nnope\n{NOTE}\n"));
        let message = reading.damage.map(|error| error.to_string()).unwrap_or_default();
        assert!(message.starts_with("j.jsonl:2: "), "{message}");
        assert!(message.contains("the 1 records before it"), "{message}");
    }
}
