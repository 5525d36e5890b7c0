//! Fuzzy matching for lists: every letter of the query in order, better when together and at the start of words.

/// How well `query` fits `text`; `None` when a letter is missing. Higher is better, and best is to hold it as it is.
pub fn score(query: &str, text: &str) -> Option<i64> {
    let (wanted, lower) = (query.to_lowercase(), text.to_lowercase());
    match lower.find(&wanted).filter(|_| !wanted.is_empty()) {
        Some(at) => {
            let before = lower.get(..at).and_then(|head| head.chars().next_back());
            let word = if before.is_none_or(|c| !c.is_alphanumeric()) { 200 } else { 0 };
            Some(2_000 + word - i64::try_from(text.len().min(400)).unwrap_or(400) / 4)
        }
        None => scattered(query, text),
    }
}

fn scattered(query: &str, text: &str) -> Option<i64> {
    let mut total = 0i64;
    let mut letters = text.chars().enumerate();
    let mut before: Option<(usize, char)> = None;
    for wanted in query.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase) {
        let mut previous = before.map(|(_, c)| c);
        loop {
            let (index, letter) = letters.next()?;
            let starts_word = index == 0 || previous.is_some_and(|p| !p.is_alphanumeric());
            previous = Some(letter);
            if letter.to_lowercase().eq(std::iter::once(wanted)) {
                total += match before {
                    Some((last, _)) if index == last + 1 => 8,
                    _ if starts_word => 6,
                    _ => 1,
                };
                total -= i64::try_from(index).unwrap_or(i64::MAX).min(64) / 16;
                before = Some((index, letter));
                break;
            }
        }
    }
    Some(total * 4 - i64::try_from(text.len()).unwrap_or(i64::MAX).min(400) / 10)
}

/// The indices of the texts that fit, the best first, at most `limit`.
pub fn best<'a>(query: &str, texts: impl IntoIterator<Item = &'a str>, limit: usize) -> Vec<usize> {
    let mut found: Vec<(i64, usize)> =
        texts.into_iter().enumerate().filter_map(|(index, text)| Some((score(query, text)?, index))).collect();
    found.sort_by_key(|(score, index)| (-score, *index));
    found.into_iter().take(limit).map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn together_and_at_word_starts_comes_first() {
        let files = ["src/output_regexes.rs", "src/orders/routes.py", "tests/test_routes.py", "README.md"];
        for (query, first) in [("routes", 1), ("or/ro", 1), ("test", 2), ("read", 3), ("outreg", 0)] {
            assert_eq!(best(query, files, 10).first(), Some(&first), "{query}");
        }
        assert_eq!(score("xyz", "abc"), None);
    }
}
