//! Session ids: sortable by time, short enough to type.

use jiff::Timestamp;

use crate::domain::SessionId;

/// Digits and lower-case letters in the order of ASCII, without those that are easily mistaken.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An id for a session that starts now: day, minute, three digits for the place in the minute and a random one.
pub(super) fn new(now: Timestamp) -> SessionId {
    let minute = now.strftime("%Y%m%d-%H%M");
    let place = usize::try_from(now.as_millisecond().rem_euclid(60_000) / 2).unwrap_or_default();
    let random = fastrand::usize(..32);
    let tail: String = [place >> 10, place >> 5, place, random].iter().map(|n| char::from(DIGITS[n & 31])).collect();
    SessionId::new(format!("{minute}-{tail}"))
}

/// Whether a text can name a session: it becomes a folder, so nothing that means something in a path.
pub(super) fn is_valid(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time() {
        let mut ids = Vec::new();
        for milliseconds in [0_i64, 2, 64, 2_048, 59_998, 60_000, 86_400_000] {
            ids.push(new(Timestamp::from_millisecond(1_795_000_000_000 + milliseconds).unwrap()));
        }
        let mut sorted = ids.clone();
        sorted.sort_by(|a, b| a.as_str()[..17].cmp(&b.as_str()[..17]));
        assert_eq!(ids, sorted);
        assert!(ids.iter().all(|id| is_valid(id.as_str())));
        assert_eq!(ids[0].as_str().len(), "20261123-1859-k3f9".len());
    }

    #[test]
    fn ids_cannot_leave_their_folder() {
        for text in ["", ".", "..", "a/b", "a\\b", "a b", "ä"] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
