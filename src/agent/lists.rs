//! Comma lists, flow lists and quotes as people write them by hand.

/// Splits at commas that are not inside parentheses, brackets, braces or quotes: `Agent(a, b), Read` is two items.
pub(super) fn split_commas(text: &str) -> Vec<String> {
    let mut items = Vec::new();
    let (mut item, mut depth, mut quote) = (String::new(), 0_usize, None);
    for c in text.chars() {
        match (quote, c) {
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '"' | '\'') if item.trim().is_empty() => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None, ',' | '\n') if depth == 0 => {
                items.push(std::mem::take(&mut item));
                continue;
            }
            _ => {}
        }
        item.push(c);
    }
    items.push(item);
    items.iter().map(|item| unquote(item.trim())).filter(|item| !item.is_empty()).collect()
}

/// A value that a person wrote as a list: `a, b`, `[a, "b"]`, or lines with dashes.
pub(super) fn items(text: &str) -> Vec<String> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix('[') {
        return split_commas(inner.strip_suffix(']').unwrap_or(inner));
    }
    let dashed = |line: &&str| *line == "-" || line.starts_with("- ") || line.starts_with("-\t");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.first().is_some_and(dashed) {
        let entry = |line: &str| unquote(without_comment(line.trim_start_matches('-')).trim());
        return lines.into_iter().map(entry).filter(|item| !item.is_empty()).collect();
    }
    split_commas(text)
}

/// Takes surrounding quotes away and resolves what they escape.
pub(super) fn unquote(text: &str) -> String {
    if text.len() >= 2 && text.starts_with('\'') && text.ends_with('\'') {
        return text[1..text.len() - 1].replace("''", "'");
    }
    if text.len() < 2 || !text.starts_with('"') || !text.ends_with('"') {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut chars = text[1..text.len() - 1].chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, false) => out.push(c),
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(other @ ('"' | '\\' | '/' | ' ')) => out.push(other),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
        }
    }
    out
}

/// Cuts a YAML comment: a `#` after white space, outside quotes.
pub(super) fn without_comment(text: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (None, '#') if before.is_whitespace() => return &text[..index],
            (None, '"' | '\'') if before.is_whitespace() => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            _ => {}
        }
        before = c;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_as_people_write_them() {
        for (text, expected) in [
            ("Read, Edit", vec!["Read", "Edit"]),
            ("Agent(a, b), Read", vec!["Agent(a, b)", "Read"]),
            ("Bash(git:*), Bash(npm run test, x)", vec!["Bash(git:*)", "Bash(npm run test, x)"]),
            ("[Read, \"Edit\", 'Write']", vec!["Read", "Edit", "Write"]),
            ("[Read, Edit", vec!["Read", "Edit"]),
            ("- Read\n- Edit # why\n-", vec!["Read", "Edit"]),
            ("\t- Read\n\t- 'Edit'", vec!["Read", "Edit"]),
            ("Read,\n  Edit,", vec!["Read", "Edit"]),
            ("*", vec!["*"]),
            ("", vec![]),
            (",,", vec![]),
            ("Bash(unclosed, Read", vec!["Bash(unclosed, Read"]),
        ] {
            assert_eq!(items(text), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_are_resolved_and_odd_ones_kept() {
        for (text, expected) in [
            (r#""a\nb""#, "a\nb"),
            (r#""say \"x\"""#, "say \"x\""),
            (r#""\d""#, r"\d"),
            ("'it''s'", "it's"),
            ("\"open", "\"open"),
            ("\"", "\""),
            ("plain", "plain"),
        ] {
            assert_eq!(unquote(text), expected, "{text:?}");
        }
    }

    #[test]
    fn comments_end_at_the_end_of_line_only_after_space() {
        for (text, expected) in [(" a # b", " a "), ("a#b", "a#b"), (" \"a # b\"", " \"a # b\""), ("# all", "")] {
            assert_eq!(without_comment(text), expected, "{text:?}");
        }
    }
}
