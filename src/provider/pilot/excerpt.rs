//! The parts of a long file that a task is about.

use super::languages;
use super::words::{Terms, stem};

/// Bytes of a token, about: code is dense.
const BYTES_OF_TOKEN: f64 = 3.2;
/// The most lines of a file's beginning that are shown.
const HEADER: usize = 30;

/// How many tokens a text has, about.
pub(super) fn tokens(text: &str) -> usize {
    (text.len() as f64 / BYTES_OF_TOKEN).ceil() as usize
}

/// The whole text where it fits, else its beginning and the definitions that have most to do with the task; what is
/// left out is marked by a comment.
pub(super) fn excerpt(path: &str, lines: &[String], terms: &Terms, budget: usize) -> String {
    let whole = lines.join("\n");
    if tokens(&whole) <= budget {
        return whole;
    }
    let chunks = chunks(lines);
    let mut shown = vec![false; chunks.len()];
    let mut left = budget;
    let cost = |chunk: &(usize, usize)| tokens(&lines[chunk.0..chunk.1].join("\n")) + 8;
    let mut order: Vec<usize> = (0..chunks.len()).collect();
    order.sort_by(|a, b| score(lines, &chunks[*b], terms).total_cmp(&score(lines, &chunks[*a], terms)).then(a.cmp(b)));
    // The beginning says what is imported and how things are called.
    order.retain(|index| *index != 0);
    for index in std::iter::once(0).chain(order) {
        let Some(chunk) = chunks.get(index) else { continue };
        if cost(chunk) <= left {
            left -= cost(chunk);
            shown[index] = true;
        }
    }
    let comment = languages::of(path).comment;
    let mut text: Vec<String> = Vec::new();
    let mut hidden = 0;
    for (chunk, shown) in chunks.iter().zip(shown) {
        if !shown {
            hidden += chunk.1 - chunk.0;
            continue;
        }
        if hidden > 0 {
            text.push(format!("{comment} ... ({hidden} lines not shown)"));
        }
        hidden = 0;
        text.extend(lines[chunk.0..chunk.1].iter().cloned());
    }
    if hidden > 0 {
        text.push(format!("{comment} ... ({hidden} lines not shown)"));
    }
    text.join("\n")
}

/// The definitions of a file in few words: the lines they begin with.
pub(super) fn outline(path: &str, lines: &[String], budget: usize) -> String {
    let comment = languages::of(path).comment;
    let mut text = String::new();
    for line in lines.iter().filter(|line| languages::defines(line) && !line.trim_start().starts_with('@')) {
        if tokens(&text) + tokens(line) > budget {
            text.push_str(&format!("{comment} ...\n"));
            break;
        }
        text.push_str(line);
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Spans of lines: the beginning, then one for each definition that is not deep inside another.
fn chunks(lines: &[String]) -> Vec<(usize, usize)> {
    let mut starts = vec![0];
    for (index, line) in lines.iter().enumerate().skip(1) {
        let indent = line.len() - line.trim_start().len();
        let shallow = indent <= 4 && !line.trim().is_empty();
        let attached = index > 0 && is_attached(&lines[index - 1]);
        if shallow && languages::defines(line) && !attached && !(indent > 0 && is_statement(line)) {
            let mut start = index;
            while start > 0 && is_attached(&lines[start - 1]) {
                start -= 1;
            }
            if starts.last().is_some_and(|last| start > *last) {
                starts.push(start);
            }
        }
    }
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    let mut chunks: Vec<(usize, usize)> = starts.iter().copied().zip(ends).collect();
    if let Some(first) = chunks.first().copied().filter(|first| first.1 > HEADER) {
        chunks.splice(0..1, [(0, HEADER), (HEADER, first.1)]);
    }
    chunks
}

/// A local variable is no part of its own.
fn is_statement(line: &str) -> bool {
    ["const ", "let ", "var ", "type "].iter().any(|word| line.trim_start().starts_with(word))
}

/// A decorator or a comment above a definition belongs to it.
fn is_attached(line: &str) -> bool {
    let line = line.trim_start();
    ["@", "//", "#", "/*", "*", "--"].iter().any(|mark| line.starts_with(mark))
}

fn score(lines: &[String], chunk: &(usize, usize), terms: &Terms) -> f64 {
    let text = lines[chunk.0..chunk.1].join("\n").to_lowercase();
    let head = lines.get(chunk.0..(chunk.0 + 2).min(chunk.1)).unwrap_or_default().join("\n").to_lowercase();
    let names = terms.names.iter().map(|name| (name.to_lowercase(), 4.0));
    let words = terms.words.iter().map(|word| (stem(word).to_owned(), 1.0));
    names
        .chain(words)
        .map(|(term, weight)| {
            f64::from(u8::from(text.contains(&term))) * weight
                + f64::from(u8::from(head.contains(&term))) * weight * 2.0
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::pilot::words;

    #[test]
    fn a_long_file_is_shown_by_its_beginning_and_what_matters() {
        let mut text = String::from("import os\n\n");
        for name in ["load", "save", "total", "format"] {
            text.push_str(&format!(
                "@cached\ndef {name}_cart(cart):\n{}    return cart\n\n",
                "    cart = cart + 1\n".repeat(12)
            ));
        }
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let shown = excerpt("cart.py", &lines, &words::terms("round the result of `total_cart`"), 160);
        assert!(shown.starts_with("import os\n"), "{shown}");
        assert!(shown.contains("@cached\ndef total_cart") && !shown.contains("load_cart"), "{shown}");
        assert!(shown.contains("# ... (") && shown.lines().count() < lines.len(), "{shown}");
        assert_eq!(excerpt("cart.py", &lines, &words::terms("x"), 10_000), lines.join("\n"));
        assert_eq!(outline("cart.py", &lines, 100).lines().count(), 4);
    }
}
