//! Lines of the files that bear an answer out, with the place where each stands. A small model cannot be trusted with
//! numbers of lines, so they are found without it: by the names the answer speaks of, and by the words of the question.

use std::collections::BTreeSet;

use super::words::{Terms, stem};
use super::{change, languages};

/// The most lines quoted.
const MOST: usize = 5;
/// Letters of a line that are shown.
const WIDTH: usize = 110;

/// A line worth quoting.
#[derive(Debug)]
struct Quote<'a> {
    path: &'a str,
    number: usize,
    line: &'a str,
    score: f64,
}

/// The lines that bear an answer out, as a list in markdown; empty where none does. Files come with their lines.
pub(super) fn quotes(answer: &str, question: &Terms, files: &[(&str, &[String])]) -> String {
    let said = super::words::terms(answer);
    let names: BTreeSet<&str> = names(answer).chain(question.names.iter().map(String::as_str)).collect();
    let asked: BTreeSet<&str> = question.words.iter().map(|word| stem(word)).collect();
    let told: BTreeSet<&str> = said.words.iter().map(|word| stem(word)).collect();
    let weighted = weighted(&names, &asked, &told, files);
    let mut found: Vec<Quote<'_>> = Vec::new();
    for (path, lines) in files {
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| tells(line)) {
            let score = score(line, &names, &weighted);
            if score > 0.0 {
                found.push(Quote { path, number: index + 1, line, score });
            }
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let best = found.first().map_or(0.0, |quote| quote.score);
    found.retain(|quote| quote.score >= best * 0.5);
    found.truncate(MOST);
    let place = |path: &str| files.iter().position(|(known, _)| *known == path);
    found.sort_by_key(|quote| (place(quote.path), quote.number));
    found.iter().map(Quote::shown).collect()
}

impl Quote<'_> {
    fn shown(&self) -> String {
        let line = crate::text::head(self.line.trim(), WIDTH);
        // Backticks inside would end the code.
        format!("- {}:{} `{}`\n", self.path, self.number, line.replace('`', "'"))
    }
}

/// A line of brackets or a comment of dashes says nothing.
fn tells(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphanumeric()).count() >= 4
}

/// Names of code in an answer: what stands in backticks, and what looks like one.
fn names(answer: &str) -> impl Iterator<Item = &str> {
    let quoted = answer.split('`').skip(1).step_by(2).flat_map(|code| code.split(|c: char| !is_name(c)));
    let plain = answer.split(|c: char| !is_name(c)).filter(|word| {
        word.contains('_') || word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase)
    });
    quoted.chain(plain).filter(|name| name.len() > 2 && !name.chars().all(|c| c.is_ascii_digit()))
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Names and words with what finding each in a line is worth: the fewer lines have it, the more.
fn weighted<'a>(
    names: &BTreeSet<&'a str>,
    asked: &BTreeSet<&'a str>,
    told: &BTreeSet<&'a str>,
    files: &[(&str, &[String])],
) -> Vec<(String, f64)> {
    let terms = names.iter().map(|name| (*name, 2.0));
    let words = asked.iter().map(|word| (*word, 1.5)).chain(told.difference(asked).map(|word| (*word, 0.7)));
    let lines: Vec<String> = files.iter().flat_map(|(_, lines)| lines.iter()).map(|line| line.to_lowercase()).collect();
    terms
        .chain(words)
        .filter_map(|(term, weight)| {
            let term = term.to_lowercase();
            let holding = lines.iter().filter(|line| holds(line, &term)).count();
            #[expect(clippy::cast_precision_loss, reason = "files have few lines")]
            let rarity = (lines.len() as f64 / holding.max(1) as f64).ln_1p();
            (holding > 0).then_some((term, weight * rarity))
        })
        .collect()
}

/// Whether a word of the line begins like this; both are in lower case.
fn holds(line: &str, term: &str) -> bool {
    line.match_indices(term).any(|(at, _)| !line[..at].ends_with(char::is_alphanumeric))
}

fn score(line: &str, names: &BTreeSet<&str>, weighted: &[(String, f64)]) -> f64 {
    let lower = line.to_lowercase();
    let held: f64 = weighted.iter().filter(|(term, _)| holds(&lower, term)).map(|(_, weight)| weight).sum();
    let defines = change::defined(line).is_some_and(|name| names.contains(name));
    let import = ["import ", "from ", "use ", "#include"].iter().any(|word| lower.trim_start().starts_with(word));
    let factor = match () {
        () if defines => 2.0,
        () if import => 0.3,
        () if languages::defines(line) => 1.2,
        () => 1.0,
    };
    held * factor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::pilot::files::split;
    use crate::provider::pilot::words::terms;

    const CART: &str = "from money import cents\n\nCODES = {\"SUMMER\": 10}\n\n\ndef discount(items, code):\n    if code not in CODES:\n        raise CartError(f\"unknown code {code}\")\n    return subtotal(items) * CODES[code] // 100\n\n\ndef shipping(items):\n    return 490\n";

    #[test]
    fn what_an_answer_speaks_of_is_quoted_with_its_place() {
        let lines = split(CART);
        let files = [("cart.py", lines.as_slice())];
        let quoted = |answer: &str, question: &str| quotes(answer, &terms(question), &files);
        let said = quoted("The `discount` function computes it.", "Where is the discount computed?");
        assert!(said.starts_with("- cart.py:6 `def discount(items, code):`\n"), "{said}");
        let said = quoted("It raises `CartError`.", "What happens with an unknown code?");
        assert!(said.contains("- cart.py:8 `raise CartError(f\"unknown code {code}\")`\n"), "{said}");
        assert!(said.lines().count() <= MOST, "{said}");
        assert_eq!(quoted("I do not know.", "How high is the moon?"), "");
    }
}
