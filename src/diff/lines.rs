//! Bytes to lines, and lines to numbers that are quick to compare.

use std::collections::HashMap;

/// How far git looks for a NUL before it takes a file for text.
const BINARY_WINDOW: usize = 8000;

/// Whether git would call these bytes binary: a NUL among the first 8,000.
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(BINARY_WINDOW)].contains(&0)
}

/// The lines, each with its line feed; the last may lack one. No line for no bytes.
pub(super) fn split(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Two versions as numbers: equal lines have equal numbers.
pub(super) struct Numbered {
    pub(super) old: Vec<u32>,
    pub(super) new: Vec<u32>,
}

/// Gives every distinct line a number.
pub(super) fn number(old: &[&[u8]], new: &[&[u8]]) -> Numbered {
    let mut known: HashMap<&[u8], u32> = HashMap::with_capacity(old.len().max(new.len()));
    let old = old.iter().map(|line| number_of(&mut known, line)).collect();
    let new = new.iter().map(|line| number_of(&mut known, line)).collect();
    Numbered { old, new }
}

fn number_of<'a>(known: &mut HashMap<&'a [u8], u32>, line: &'a [u8]) -> u32 {
    let next = known.len() as u32;
    *known.entry(line).or_insert(next)
}
