//! Slips of models in what they copy from a file: line numbers, escapes, blank lines around it.

use std::borrow::Cow;

type Variant<'a> = (Cow<'a, str>, Cow<'a, str>, Option<&'static str>);

/// Other readings of an old and new text, each with what was put right.
pub(in crate::tool) fn put_right<'a>(old: &'a str, new: &'a str) -> Vec<Variant<'a>> {
    let mut readings = Vec::new();
    if let Some(bare) = without_numbers(old) {
        let new = without_numbers(new).map_or(Cow::Borrowed(new), Cow::Owned);
        readings.push((Cow::Owned(bare), new, Some("line numbers left out of `old`")));
    }
    if let Some((old, new)) = unescape_both(old, new) {
        readings.push((Cow::Owned(old), Cow::Owned(new), Some("escapes taken for what they stand for")));
    }
    if let Some(inner) = without_blank_edges(old) {
        let new = without_blank_edges(new).unwrap_or(new);
        readings.push((Cow::Borrowed(inner), Cow::Borrowed(new), Some("blank lines around `old` left out")));
    }
    readings
}

/// The text without a line number in front of every line, in any of the forms tools show them in; `None` when a line
/// has none or they do not count up.
fn without_numbers(text: &str) -> Option<String> {
    let mut result = String::with_capacity(text.len());
    let mut last: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            result.push_str(line);
            continue;
        }
        let (number, rest) = numbered(line)?;
        if last.is_some_and(|last| number != last + 1) {
            return None;
        }
        last = Some(number);
        result.push_str(rest);
    }
    last.map(|_| result)
}

fn numbered(line: &str) -> Option<(usize, &str)> {
    let trimmed = line.trim_start_matches(' ');
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let number = trimmed[..digits].parse().ok()?;
    let rest = &trimmed[digits..];
    for mark in ["\t", "\u{2192}", " | ", " |", "| ", "|", ": "] {
        if let Some(rest) = rest.strip_prefix(mark) {
            return Some((number, rest));
        }
    }
    None
}

/// Old and new with `\n`, `\t` and quotes unescaped. Only the escapes that occur in `old` prove to be slips: when
/// `new` holds others, there is no telling.
fn unescape_both(old: &str, new: &str) -> Option<(String, String)> {
    let (in_old, in_new) = (escapes(old), escapes(new));
    if in_old.is_empty() || old.contains('\n') && in_old.contains(&'n') {
        return None;
    }
    let proven = |escape: &char| in_old.contains(escape) || in_old.contains(&'n');
    in_new.iter().all(proven).then(|| (unescape(old), unescape(new)))
}

const ESCAPES: [(char, char); 5] = [('n', '\n'), ('t', '\t'), ('"', '"'), ('\'', '\''), ('\\', '\\')];

fn escapes(text: &str) -> Vec<char> {
    let mut found = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\'
            && let Some(next) = characters.next()
            && ESCAPES.iter().any(|(escape, _)| *escape == next)
            && !found.contains(&next)
        {
            found.push(next);
        }
    }
    found
}

fn unescape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let meant = characters.peek().and_then(|next| ESCAPES.iter().find(|(escape, _)| escape == next));
        match meant {
            Some((_, meant)) if character == '\\' => {
                result.push(*meant);
                characters.next();
            }
            _ => result.push(character),
        }
    }
    result
}

/// The text without blank lines at its beginning and end; `None` when there are none, or nothing else.
fn without_blank_edges(text: &str) -> Option<&str> {
    let mut inner = text;
    while let Some((first, rest)) = inner.split_once('\n')
        && first.trim().is_empty()
    {
        inner = rest;
    }
    while let Some((rest, last)) = inner.strip_suffix('\n').and_then(|open| open.rsplit_once('\n'))
        && last.trim().is_empty()
    {
        inner = &inner[..rest.len() + 1];
    }
    (inner.len() < text.len() && !inner.trim().is_empty()).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_numbers_are_seen_when_every_line_has_one() {
        for (text, expected) in [
            ("    1\ta\n    2\t  b\n", Some("a\n  b\n")),
            ("1 | a\n2 |   b", Some("a\n  b")),
            ("9\u{2192}a\n10\u{2192}b", Some("a\nb")),
            ("7: x", Some("x")),
            ("1 | a\n\n2 | b", Some("a\n\nb")),
            ("1 | a\n3 | b", None),
            ("1 | a\nb", None),
            ("plain", None),
            ("", None),
        ] {
            assert_eq!(without_numbers(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn escapes_are_only_undone_where_the_old_text_proves_them() {
        for (old, new, expected) in [
            (r"a\nb", r"a\nc", Some(("a\nb", "a\nc"))),
            (r#"say(\"x\")"#, r#"say(\"y\")"#, Some((r#"say("x")"#, r#"say("y")"#))),
            (r#"say(\"x\")"#, r#"say(\"y\\n\")"#, None),
            ("a\n\\n", "b", None),
            ("plain", r"new\n", None),
        ] {
            let read = unescape_both(old, new);
            assert_eq!(read, expected.map(|(old, new)| (old.to_owned(), new.to_owned())), "{old}");
        }
    }

    #[test]
    fn blank_edges_go() {
        for (text, expected) in
            [("\n  \na\n\n", Some("a\n")), ("a\n", None), ("\n\n", None), ("\na", Some("a")), ("a\n\n\n", Some("a\n"))]
        {
            assert_eq!(without_blank_edges(text), expected, "{text:?}");
        }
    }
}
