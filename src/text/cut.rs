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

fn line_end_before(text: &str, at: usize) -> usize {
    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    match text[..at].rfind('\n') {
        Some(end) if end + 1 >= at / 2 => end + 1,
        _ => at,
    }
}

fn line_start_after(text: &str, at: usize) -> usize {
    let at = (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let room = text.len() - at;
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
