//! Long output cut in the middle.

use std::borrow::Cow;

/// Room for the line that says what was cut.
const MARKER: usize = 64;

/// Keeps the head and the tail of a text in at most `max_bytes` and says how much is missing between them.
///
/// Cuts at a line end where one is near, never inside a character.
pub fn cut_middle(text: &str, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes {
        return Cow::Borrowed(text);
    }
    let room = max_bytes.saturating_sub(MARKER);
    let head = line_end_before(text, room / 2);
    let tail = line_start_after(text, text.len() - (room - room / 2)).max(head);
    let missing = &text[head..tail];
    let lines = missing.bytes().filter(|byte| *byte == b'\n').count();
    let before = if head == 0 || text[..head].ends_with('\n') { "" } else { "\n" };
    let marker = format!("{before}[… {} bytes, {lines} lines cut …]\n", missing.len());
    Cow::Owned([&text[..head], &marker, &text[tail..]].concat())
}

/// The start of a text in at most `bytes`, no character cut.
pub fn head(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// The end of a text in at most `bytes`, no character cut.
pub fn tail(text: &str, bytes: usize) -> &str {
    let start = (text.len().saturating_sub(bytes)..=text.len()).find(|at| text.is_char_boundary(*at));
    start.and_then(|start| text.get(start..)).unwrap_or_default()
}

fn line_end_before(text: &str, at: usize) -> usize {
    let at = head(text, at).len();
    match text[..at].rfind('\n') {
        Some(end) if end + 1 >= at / 2 => end + 1,
        _ => at,
    }
}

fn line_start_after(text: &str, at: usize) -> usize {
    let room = tail(text, text.len() - at).len();
    let at = text.len() - room;
    match text[at..].find('\n') {
        Some(end) if end < room / 2 => at + end + 1,
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn head_and_tail_cut_no_character() {
        for (bytes, start, end) in [(0, "", ""), (1, "a", "z"), (2, "a", "z"), (3, "aé", "éz"), (99, "aééz", "aééz")]
        {
            assert_eq!((head("aééz", bytes), tail("aééz", bytes)), (start, end), "{bytes}");
        }
    }

    #[test]
    fn short_text_stays() {
        assert!(matches!(cut_middle("short", 5), Cow::Borrowed("short")));
    }

    #[test]
    fn says_what_is_missing() {
        let text: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let cut = cut_middle(&text, 200);
        assert!(cut.len() <= 200, "{}", cut.len());
        assert!(cut.starts_with("line 0\n") && cut.ends_with("line 99\n"), "{cut}");
        let kept = cut.lines().filter(|line| line.starts_with("line")).count();
        assert!(cut.contains(&format!("{} lines cut", 100 - kept)), "{cut}");
    }

    proptest! {
        #[test]
        fn never_longer_than_asked(text in "[a-zü日\n]{0,400}", max in 64usize..300) {
            let cut = cut_middle(&text, max);
            prop_assert!(cut.len() <= max);
        }
    }
}
