//! What a task says, found without a model: a question or a wish, the paths and names it speaks of.

use std::collections::BTreeSet;

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Files changed.
    Change,
    /// An answer about this code.
    Answer,
    /// A word in return.
    Talk,
}

const ASKING: &[&str] = &[
    "what",
    "why",
    "how",
    "where",
    "which",
    "who",
    "when",
    "explain",
    "describe",
    "does",
    "do",
    "is",
    "are",
    "show",
    "tell",
    "summarise",
    "summarize",
    "list",
    "should",
    "was",
    "were",
    "whats",
];
const DOING: &[&str] = &[
    "add",
    "fix",
    "implement",
    "change",
    "rename",
    "remove",
    "delete",
    "create",
    "write",
    "make",
    "update",
    "refactor",
    "replace",
    "return",
    "validate",
    "use",
    "move",
    "extract",
    "handle",
    "support",
    "migrate",
    "convert",
    "reject",
    "allow",
    "expose",
    "log",
    "cache",
    "raise",
    "repair",
    "correct",
    "insert",
    "drop",
    "introduce",
    "limit",
    "paginate",
    "sort",
    "filter",
    "escape",
    "sanitize",
    "sanitise",
    "parse",
    "store",
    "split",
    "merge",
    "test",
    "cover",
    "document",
    "let",
    "ensure",
    "set",
    "increase",
    "put",
];
/// Words that name nothing.
const EMPTY: &[&str] = &[
    "about",
    "above",
    "are",
    "has",
    "had",
    "not",
    "too",
    "was",
    "words",
    "many",
    "accept",
    "actually",
    "added",
    "adding",
    "after",
    "again",
    "all",
    "also",
    "and",
    "another",
    "answer",
    "answers",
    "any",
    "because",
    "been",
    "before",
    "being",
    "both",
    "but",
    "call",
    "called",
    "calls",
    "can",
    "cannot",
    "code",
    "could",
    "does",
    "each",
    "every",
    "example",
    "field",
    "file",
    "files",
    "first",
    "for",
    "from",
    "function",
    "functions",
    "have",
    "here",
    "into",
    "its",
    "just",
    "like",
    "method",
    "missing",
    "more",
    "must",
    "need",
    "needs",
    "new",
    "nothing",
    "now",
    "only",
    "other",
    "our",
    "please",
    "problem",
    "project",
    "repository",
    "same",
    "should",
    "some",
    "such",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "they",
    "thing",
    "this",
    "value",
    "values",
    "want",
    "when",
    "where",
    "which",
    "while",
    "will",
    "with",
    "without",
    "would",
    "wrong",
    "you",
    "your",
    "give",
    "given",
    "instead",
];

/// What a task speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms {
    /// Paths and file names.
    pub(super) paths: Vec<String>,
    /// Names as they stand in code.
    pub(super) names: Vec<String>,
    /// Other words, in lower case.
    pub(super) words: Vec<String>,
    /// A route (`/orders/{id}`) is among them.
    pub(super) has_route: bool,
}

/// What the user wants, by the words.
pub(super) fn wish(task: &str) -> Wish {
    let text = task.trim();
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric() && !"'_".contains(c))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let first = words.first().map(|word| word.replace('\'', "")).unwrap_or_default();
    let polite = matches!(first.as_str(), "can" | "could" | "would" | "please" | "will" | "lets" | "i" | "we");
    let does = words.iter().any(|word| DOING.contains(&word.as_str()));
    let terms = terms(task);
    let speaks_of_code = !terms.paths.is_empty() || !terms.names.is_empty();
    if ASKING.contains(&first.as_str()) {
        return Wish::Answer;
    }
    // "Can you explain …" asks; "can you add …" does not.
    let inner = words.iter().take(6).find(|word| ASKING.contains(&word.as_str()) || DOING.contains(&word.as_str()));
    if polite && inner.is_some_and(|word| ASKING.contains(&word.as_str()) && word != "should" && word != "is") {
        return Wish::Answer;
    }
    if does {
        return Wish::Change;
    }
    if text.ends_with('?') {
        return if speaks_of_code || words.len() > 3 { Wish::Answer } else { Wish::Talk };
    }
    if speaks_of_code || words.len() > 4 { Wish::Change } else { Wish::Talk }
}

/// Whether a sentence begins by saying what to do.
pub(super) fn begins_with_deed(sentence: &str) -> bool {
    let first = sentence.split_whitespace().next().unwrap_or_default().to_lowercase();
    DOING.contains(&first.trim_matches(|c: char| !c.is_alphanumeric()))
}

/// What a task speaks of.
pub(super) fn terms(task: &str) -> Terms {
    let mut terms = Terms::default();
    let mut seen = BTreeSet::new();
    let quoted = |c: char| {
        matches!(
            c,
            '`' | '"' | '\'' | '(' | ')' | ',' | ';' | ':' | '[' | ']' | '{' | '}' | '<' | '>' | '!' | '?' | '='
        )
    };
    for raw in task.split(|c: char| c.is_whitespace() || quoted(c)) {
        let word = raw.trim_matches(|c: char| matches!(c, '.' | '*' | '#' | '+')).trim_end_matches('/');
        if word.is_empty() || !seen.insert(word.to_owned()) {
            continue;
        }
        if is_path(word) {
            terms.paths.push(word.to_owned());
        } else if word.starts_with('/') {
            // Its parts say where to look.
            terms.has_route = true;
            for part in word.split('/').filter(|part| part.len() > 2) {
                push(&mut terms.words, part.to_lowercase());
            }
        } else {
            sort_in(&mut terms, word);
        }
    }
    terms
}

fn sort_in(terms: &mut Terms, word: &str) {
    let plain = word.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-' || c == '.');
    if !plain || word.len() < 3 {
        return;
    }
    let inner_capital = word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase);
    if word.contains('_') || inner_capital || word.contains('.') && !word.ends_with('.') {
        for part in word.split('.').filter(|part| part.len() > 1) {
            push(&mut terms.names, part.to_owned());
        }
        return;
    }
    let lower = word.to_lowercase();
    let empty = [EMPTY, DOING, ASKING].iter().any(|words| words.contains(&lower.as_str()));
    if lower.chars().any(char::is_alphanumeric) && !empty {
        for part in lower.split('-').filter(|part| part.len() > 2) {
            push(&mut terms.words, part.to_owned());
        }
    }
}

fn push(list: &mut Vec<String>, word: String) {
    if !list.contains(&word) {
        list.push(word);
    }
}

/// A file name with an ending that files have, maybe in folders.
fn is_path(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let known = !super::languages::of(word).fence.is_empty()
        || matches!(ending, "txt" | "cfg" | "ini" | "env" | "lock" | "mod" | "xml");
    !stem.is_empty()
        && known
        && !word.starts_with("http")
        && word.chars().all(|c| c.is_alphanumeric() || "_-./@".contains(c))
}

/// A word without the ending of the plural, so that `orders` finds `order`.
pub(super) fn stem(word: &str) -> &str {
    match word.strip_suffix("ies").or_else(|| word.strip_suffix("es")).or_else(|| word.strip_suffix('s')) {
        Some(stem) if stem.len() > 2 => stem,
        _ => word,
    }
}

impl Terms {
    /// A pattern that finds any of them; `None` when there are none.
    pub(super) fn pattern(&self, most: usize) -> Option<String> {
        let names = self.names.iter().map(String::as_str);
        let words = self.words.iter().map(|word| stem(word));
        let all: Vec<String> = names.chain(words).take(most).map(regex::escape).collect();
        (!all.is_empty()).then(|| format!("(?i){}", all.join("|")))
    }

    /// Whether the task is about requests and what they are answered with.
    pub(super) fn speaks_of_http(&self) -> bool {
        const WORDS: [&str; 17] = [
            "endpoint", "route", "get", "post", "posting", "put", "patch", "request", "response", "http", "status",
            "respond", "header", "query", "url", "handler", "api",
        ];
        let is_status = |word: &String| {
            word.len() == 3 && word.starts_with(['2', '3', '4', '5']) && word.chars().all(|c| c.is_ascii_digit())
        };
        self.has_route || self.words.iter().any(is_status) || self.speaks_of(&WORDS)
    }

    /// Whether the task speaks of this, in any of these words.
    pub(super) fn speaks_of(&self, words: &[&str]) -> bool {
        self.words.iter().any(|word| words.contains(&stem(word)) || words.contains(&word.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_wishes_are_told_apart() {
        for (task, expected) in [
            ("Add a DELETE /items/{id} endpoint", Wish::Change),
            ("can you fix the pagination in api.py?", Wish::Change),
            ("Could you explain how the pool works?", Wish::Answer),
            ("What does store.py do?", Wish::Answer),
            ("why is the total wrong", Wish::Answer),
            ("The total in `cart_total` is wrong for empty carts.", Wish::Change),
            ("list_orders in orders.py returns every order. Give it pages.", Wish::Change),
            ("hello", Wish::Talk),
            ("thanks!", Wish::Talk),
            ("I want orders sorted by date", Wish::Change),
            ("Rename get_user to fetch_user everywhere", Wish::Change),
            ("# Review of proposal p1: Add x\n\n1 hunks accepted, 1 rejected", Wish::Change),
        ] {
            assert_eq!(wish(task), expected, "{task}");
        }
    }

    #[test]
    fn paths_names_and_words_are_found() {
        let terms =
            terms("In src/store.py, `cart_total` must round; add POST /orders/{id}/cancel and a test. See CartItem.");
        assert_eq!(terms.paths, ["src/store.py"]);
        assert_eq!(terms.names, ["cart_total", "CartItem"]);
        for word in ["orders", "cancel", "post", "round"] {
            assert!(terms.words.contains(&word.to_owned()), "{word} in {:?}", terms.words);
        }
        assert_eq!(terms.pattern(3).as_deref(), Some("(?i)cart_total|CartItem|round"));
    }
}
