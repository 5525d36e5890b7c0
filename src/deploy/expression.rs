//! Expressions of GitHub Actions: `${{ … }}`.

use std::sync::LazyLock;

use regex::Regex;

use super::rules::{hint, rules};

/// A path such as `steps.build.outputs.x`, and the function it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// Its parts in lower case.
    pub parts: Vec<String>,
    /// The innermost function it is an argument of.
    pub inside: Option<String>,
}

/// What an expression is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expression {
    /// Paths to values.
    pub paths: Vec<Path>,
    /// Functions that are called.
    pub calls: Vec<String>,
    /// It compares, so it is true or false.
    pub compares: bool,
}

/// The expressions of a text; `Err` holds one that has no end.
pub(super) fn inside(text: &str) -> Vec<Result<&str, &str>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${{") {
        let inner = &rest[at + 3..];
        match end(inner) {
            Some(end) => {
                found.push(Ok(&inner[..end]));
                rest = &inner[end + 2..];
            }
            None => {
                found.push(Err(&rest[at..]));
                break;
            }
        }
    }
    found
}

/// Where an expression ends; braces within texts do not count.
fn end(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            '}' if !quoted && chars.peek().is_some_and(|(_, next)| *next == '}') => return Some(at),
            _ => {}
        }
    }
    None
}

/// Reads an expression.
pub(super) fn read(text: &str) -> Expression {
    static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"'(?:[^']|'')*'|[0-9][0-9a-fA-FxX.]*|[A-Za-z_][A-Za-z0-9_-]*|==|!=|<=|>=|&&|\|\||\S").ok()
    });
    let mut expression = Expression::default();
    let Some(pattern) = TOKENS.as_ref() else { return expression };
    let tokens: Vec<&str> = pattern.find_iter(text).map(|token| token.as_str()).collect();
    let mut functions: Vec<Option<String>> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match *token {
            "(" => functions.push(None),
            ")" => {
                functions.pop();
            }
            "==" | "!=" | "<" | ">" | "<=" | ">=" | "!" => expression.compares = true,
            // What follows a dot belongs to what stands before it: `fromJSON(x).y`.
            _ if at > 0 && tokens.get(at - 1) == Some(&".") => {}
            _ if token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') => {
                if tokens.get(at + 1) == Some(&"(") {
                    expression.calls.push((*token).to_owned());
                    functions.push(Some(token.to_lowercase()));
                    at += 2;
                    continue;
                }
                let mut parts = vec![token.to_lowercase()];
                while let (Some(&dot), Some(next)) = (tokens.get(at + 1), tokens.get(at + 2)) {
                    if dot == "." {
                        parts.push(next.to_lowercase());
                        at += 2;
                    } else if dot == "[" && tokens.get(at + 3) == Some(&"]") {
                        parts.push(next.trim_matches('\'').to_lowercase());
                        at += 3;
                    } else {
                        break;
                    }
                }
                let inside = functions.iter().rev().flatten().next().cloned();
                if !matches!(parts[0].as_str(), "true" | "false" | "null" | "nan" | "infinity") {
                    expression.paths.push(Path { parts, inside });
                }
            }
            _ => {}
        }
        at += 1;
    }
    expression
}

/// What is wrong with the names in an expression.
pub(super) fn unknown(expression: &Expression) -> Vec<String> {
    let rules = &rules().actions;
    let mut found = Vec::new();
    for path in &expression.paths {
        if !rules.contexts.iter().any(|known| *known == path.parts[0]) {
            found.push(format!("there is no context `{}`{}", path.parts[0], hint(&path.parts[0], &rules.contexts)));
        }
    }
    for call in &expression.calls {
        if !rules.functions.iter().any(|known| known.eq_ignore_ascii_case(call)) {
            found.push(format!("there is no function `{call}`{}", hint(call, &rules.functions)));
        }
    }
    found
}

/// The first path of an expression that a stranger can write, when the expression hands its text on.
pub(super) fn untrusted(expression: &Expression) -> Option<String> {
    if expression.compares {
        return None;
    }
    let harmless =
        |path: &&Path| matches!(path.inside.as_deref(), Some("contains" | "startswith" | "endswith" | "hashfiles"));
    let fits = |path: &Path, rule: &str| {
        let rule: Vec<&str> = rule.split('.').collect();
        let any = |part: &str| part == "*" || part.chars().all(|c| c.is_ascii_digit());
        path.parts.len() == rule.len()
            && path.parts.iter().zip(&rule).all(|(part, rule)| part == rule || *rule == "*" && any(part))
    };
    let hit = |path: &&Path| rules().actions.untrusted.iter().any(|rule| fits(path, rule));
    expression.paths.iter().filter(|path| !harmless(path)).find(hit).map(|path| path.parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_found_and_read() {
        assert_eq!(inside("a ${{ x }} ${{ '}}' }} ${{ y"), [Ok(" x "), Ok(" '}}' "), Err("${{ y")]);
        let read = read("format('{0} it''s', steps.a.outputs['b-c']) && !cancelled() || matrix.os[0] == 'x'");
        let paths: Vec<String> = read.paths.iter().map(|path| path.parts.join(".")).collect();
        assert_eq!(paths, ["steps.a.outputs.b-c", "matrix.os.0"]);
        assert_eq!((read.calls, read.compares), (vec!["format".to_owned(), "cancelled".to_owned()], true));
    }

    #[test]
    fn names_that_are_not_known_and_texts_of_strangers() {
        assert_eq!(unknown(&read("secrts.TOKEN")), ["there is no context `secrts`, did you mean `secrets`?"]);
        assert_eq!(
            unknown(&read("hashfiles('x') && true && github.sha && fromJson(inputs.a).b[0].c")),
            Vec::<String>::new()
        );
        for (text, found) in [
            ("github.event.issue.title", true),
            ("github.head_ref || github.ref_name", true),
            ("github.event.commits[0].message", true),
            ("github.event.pull_request.number", false),
            ("contains(github.event.comment.body, 'x')", false),
            ("github.head_ref == 'main'", false),
        ] {
            assert_eq!(untrusted(&read(text)).is_some(), found, "{text}");
        }
    }
}
