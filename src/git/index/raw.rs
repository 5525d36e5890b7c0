//! The bytes of an index file, for the forms libgit2 does not know: taken apart and put together again.

use std::cmp::Ordering;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

const HEAD: usize = 12;
const CHECKSUM: usize = 20;
/// An entry up to its flags, which come next.
const FIXED: usize = 60;
const NAME_LENGTH: u16 = 0x0fff;
const STAGE: u16 = 0x3000;
const EXTENDED: u16 = 0x4000;

/// An index file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Raw {
    /// 2, 3 or 4; whether it is 2 or 3 is decided again when it is written.
    pub version: u32,
    /// In the order of the file.
    pub entries: Vec<RawEntry>,
    /// Name and content.
    pub extensions: Vec<([u8; 4], Vec<u8>)>,
}

/// An entry as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawEntry {
    /// Times, device, inode, mode, owner, size and object.
    pub fixed: [u8; FIXED],
    /// Without the length of the name.
    pub flags: u16,
    pub extended: u16,
    pub name: Vec<u8>,
}

impl RawEntry {
    /// By name, then by stage, as the file is sorted.
    pub fn order(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name).then((self.flags & STAGE).cmp(&(other.flags & STAGE)))
    }

    /// The mode, as git writes it.
    pub fn mode(&self) -> u32 {
        number(&self.fixed, 24).unwrap_or_default()
    }

    /// The object, as bytes.
    pub fn object(&self) -> &[u8] {
        self.fixed.get(40..).unwrap_or_default()
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

impl Raw {
    /// Takes a file apart; `None` when it is none that is known.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.len().checked_sub(CHECKSUM)?;
        let version = number(bytes, 4).filter(|version| bytes.starts_with(b"DIRC") && (2..=4).contains(version))?;
        let mut raw = Self { version, ..Self::default() };
        let mut at = HEAD;
        let mut last = Vec::new();
        for _ in 0..number(bytes, 8)? {
            let fixed = bytes.get(at..at + FIXED)?.try_into().ok()?;
            let flags = short(bytes, at + FIXED)?;
            let more = if flags & EXTENDED == 0 { 0 } else { 2 };
            let extended = if more == 0 { 0 } else { short(bytes, at + FIXED + 2)? };
            let mut start = at + FIXED + 2 + more;
            if version == 4 {
                let (cut, used) = offset(bytes.get(start..)?)?;
                start += used;
                last.truncate(last.len().checked_sub(cut)?);
            } else {
                last.clear();
            }
            let length = bytes.get(start..end)?.iter().position(|byte| *byte == 0)?;
            last.extend_from_slice(bytes.get(start..start + length)?);
            at = if version == 4 { start + length + 1 } else { at + (start - at + length + 8) / 8 * 8 };
            raw.entries.push(RawEntry { fixed, flags: flags & !NAME_LENGTH, extended, name: last.clone() });
        }
        while at < end {
            let name = bytes.get(at..at + 4)?.try_into().ok()?;
            let size = usize::try_from(number(bytes, at + 4)?).ok()?;
            raw.extensions.push((name, bytes.get(at + 8..(at + 8).checked_add(size)?.min(end))?.to_vec()));
            at += 8 + size;
        }
        Some(raw)
    }

    /// The name a shared index has: its checksum.
    pub fn checksum(bytes: &[u8]) -> Option<&[u8]> {
        bytes.get(bytes.len().checked_sub(CHECKSUM)?..)
    }

    /// Puts the file together.
    pub fn bytes(&self) -> Vec<u8> {
        let extended = self.entries.iter().any(|entry| entry.flags & EXTENDED != 0);
        let version: u32 = match (self.version, extended) {
            (4, _) => 4,
            (_, true) => 3,
            (_, false) => 2,
        };
        let count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let mut out = [b"DIRC".as_slice(), &version.to_be_bytes(), &count.to_be_bytes()].concat();
        let mut last: &[u8] = &[];
        for entry in &self.entries {
            let begun = out.len();
            out.extend_from_slice(&entry.fixed);
            let length = u16::try_from(entry.name.len()).unwrap_or(NAME_LENGTH).min(NAME_LENGTH);
            out.extend_from_slice(&(entry.flags | length).to_be_bytes());
            if entry.flags & EXTENDED != 0 {
                out.extend_from_slice(&entry.extended.to_be_bytes());
            }
            if version == 4 {
                let common = last.iter().zip(&entry.name).take_while(|(a, b)| a == b).count();
                put_offset(last.len() - common, &mut out);
                out.extend_from_slice(entry.name.get(common..).unwrap_or_default());
                out.push(0);
            } else {
                out.extend_from_slice(&entry.name);
                let size = (out.len() - begun + 8) / 8 * 8;
                out.resize(begun + size, 0);
            }
            last = &entry.name;
        }
        for (name, content) in &self.extensions {
            out.extend_from_slice(name);
            out.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(content);
        }
        let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, &out);
        out.extend_from_slice(sum.as_ref());
        out
    }

    /// The content of an extension.
    pub fn extension(&self, name: [u8; 4]) -> Option<&[u8]> {
        self.extensions.iter().find(|(known, _)| *known == name).map(|(_, content)| content.as_slice())
    }
}

/// Git's offset encoding: seven bits a byte, each continuation adds one.
fn offset(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value = if index == 0 { 0 } else { (value + 1) << 7 } | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

fn put_offset(mut value: usize, out: &mut Vec<u8>) {
    let low = |value: usize| u8::try_from(value & 0x7f).unwrap_or_default();
    let mut reversed = vec![low(value)];
    while value >> 7 != 0 {
        value = (value >> 7) - 1;
        reversed.push(0x80 | low(value));
    }
    out.extend(reversed.into_iter().rev());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, extended: bool) -> RawEntry {
        let flags = if extended { EXTENDED } else { 0 };
        RawEntry { fixed: [7; FIXED], flags, extended: u16::from(extended) << 14, name: name.as_bytes().to_vec() }
    }

    #[test]
    fn what_is_taken_apart_is_put_together_again() {
        let long = "x".repeat(5_000);
        let names = ["", "a", "a/b", "a/bcdefgh", "a/bcdefghi", long.as_str()];
        for version in [2, 3, 4] {
            for extended in [false, true] {
                let raw = Raw {
                    version: if version == 4 { 4 } else { 2 + u32::from(extended) },
                    entries: names.iter().map(|name| entry(name, extended)).collect(),
                    extensions: vec![(*b"TREE", b"something".to_vec()), (*b"link", Vec::new())],
                };
                assert_eq!(Raw::parse(&raw.bytes()), Some(raw), "version {version}");
            }
        }
        assert_eq!(Raw::parse(b"DIRC"), None);
    }

    #[test]
    fn offsets_are_read_as_they_are_written() {
        for value in [0, 1, 127, 128, 129, 16_511, 16_512, 70_000] {
            let mut bytes = Vec::new();
            put_offset(value, &mut bytes);
            assert_eq!(offset(&bytes), Some((value, bytes.len())));
        }
    }
}
