//! SQL as text: statements with their lines, normal forms, and what a statement would do to data.

use std::sync::LazyLock;

use regex::Regex;

/// A statement of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// 1-based line it begins on.
    pub line: usize,
    /// Its text, without the semicolon.
    pub text: String,
}

/// A piece of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// A word, a number, a sign.
    Token(&'a str),
    /// A quoted text or name, quotes included.
    Quoted(&'a str),
    /// A comment, or white space.
    Nothing(&'a str),
}

/// Cuts SQL into pieces that cover all of it.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let (piece, length) = piece(rest);
        found.push(match piece {
            Kind::Nothing => Piece::Nothing(&rest[..length]),
            Kind::Quoted => Piece::Quoted(&rest[..length]),
            Kind::Token => Piece::Token(&rest[..length]),
        });
        at += length;
    }
    found
}

enum Kind {
    Nothing,
    Quoted,
    Token,
}

fn piece(rest: &str) -> (Kind, usize) {
    let until = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("--") {
        return (Kind::Nothing, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Nothing, until("*/", 2));
    }
    let Some(first) = rest.chars().next() else { return (Kind::Nothing, 0) };
    match first {
        _ if first.is_whitespace() => (Kind::Nothing, rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())),
        '\'' | '"' | '`' => (Kind::Quoted, quoted(rest, first)),
        '[' => (Kind::Quoted, until("]", 1)),
        '$' => match dollar(rest) {
            Some(length) => (Kind::Quoted, length),
            None => (Kind::Token, 1),
        },
        _ if is_word(first) => (Kind::Token, rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())),
        _ => (Kind::Token, first.len_utf8()),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a text in these quotes; a doubled quote is part of it.
fn quoted(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    rest.len()
}

/// The length of a text between `$tag$` and `$tag$`.
fn dollar(rest: &str) -> Option<usize> {
    let tag = &rest[..rest[1..].find('$')? + 2];
    let named = tag[1..tag.len() - 1].chars().all(is_word) && !tag[1..].starts_with(|c: char| c.is_ascii_digit());
    if !named {
        return None;
    }
    Some(rest[tag.len()..].find(tag).map_or(rest.len(), |at| tag.len() * 2 + at))
}

/// The statements of a script whose first line has this number.
pub(super) fn statements(script: &str, first_line: usize) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut line = first_line;
    let mut current = String::new();
    let mut began = line;
    let mut words: Vec<String> = Vec::new();
    // `CREATE TRIGGER … BEGIN … END` holds semicolons of its own.
    let mut depth = 0usize;
    for piece in pieces(script) {
        let (text, token) = match piece {
            Piece::Token(text) => (text, true),
            Piece::Quoted(text) | Piece::Nothing(text) => (text, false),
        };
        if current.is_empty() {
            if matches!(piece, Piece::Nothing(_)) {
                line += text.matches('\n').count();
                continue;
            }
            began = line;
        }
        let word = text.to_uppercase();
        let trigger =
            words.first().is_some_and(|word| word == "CREATE") && words.iter().take(6).any(|w| w == "TRIGGER");
        if token && trigger {
            match word.as_str() {
                "BEGIN" | "CASE" => depth += 1,
                "END" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        line += text.matches('\n').count();
        if token && text == ";" && depth == 0 {
            if !words.is_empty() {
                found.push(Statement { line: began, text: current.trim_end().to_owned() });
            }
            current.clear();
            words.clear();
            continue;
        }
        current.push_str(text);
        if token {
            words.push(word);
        }
    }
    if !words.is_empty() {
        found.push(Statement { line: began, text: current.trim_end().to_owned() });
    }
    found
}

/// SQL without comments, quotes around names and differences of case or spacing.
pub(super) fn normal(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Nothing(_) => {}
            Piece::Token(text) => out.push(text.to_lowercase()),
            Piece::Quoted(text) if text.starts_with('\'') || text.starts_with('$') => out.push(text.to_owned()),
            Piece::Quoted(text) => out.push(text[1..text.len().saturating_sub(1).max(1)].to_lowercase()),
        }
    }
    out.join(" ")
}

/// The conditions of the `CHECK` constraints of a `CREATE TABLE`, in normal form.
pub(super) fn checks(create: &str) -> Vec<String> {
    let pieces: Vec<Piece<'_>> =
        pieces(create).into_iter().filter(|piece| !matches!(piece, Piece::Nothing(_))).collect();
    let mut found = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let check = matches!(piece, Piece::Token(word) if word.eq_ignore_ascii_case("check"));
        if !check || pieces.get(at + 1) != Some(&Piece::Token("(")) {
            continue;
        }
        let mut depth = 0usize;
        let mut inner = String::new();
        for piece in &pieces[at + 1..] {
            let (Piece::Token(text) | Piece::Quoted(text) | Piece::Nothing(text)) = piece;
            match *text {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            inner.push_str(text);
            inner.push(' ');
            if depth == 0 {
                break;
            }
        }
        found.push(normal(&inner));
    }
    found
}

/// What a statement takes away, or asks of rows that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Danger {
    /// The rule: `destructive`, `rename`, `not-null`.
    pub rule: &'static str,
    /// What it does, in a few words.
    pub text: String,
}

/// What is dangerous about a statement on a table that is in use.
pub(super) fn danger(statement: &str) -> Option<Danger> {
    static RULES: LazyLock<Vec<(Regex, &str, &str)>> = LazyLock::new(|| {
        let rules = [
            (r"^drop table (?:if exists )?(\S+)", "destructive", "drops table `{}` with its rows"),
            (r"^truncate (?:table )?(\S+)", "destructive", "empties table `{}`"),
            (
                r"^alter table .* drop (?:column )?(?:if exists )?(\S+)",
                "destructive",
                "drops column `{}` with its values",
            ),
            (r"^delete from (\S+)$", "destructive", "deletes every row of `{}`"),
            (
                r"^alter table (\S+) rename to",
                "rename",
                "renames table `{}`: code that runs meanwhile still uses the old name",
            ),
            (
                r"^alter table .* rename (?:column )?(\S+) to",
                "rename",
                "renames column `{}`: code that runs meanwhile still uses the old name",
            ),
            (
                r"^alter table .* add (?:column )?(?:if not exists )?(\S+) .*\bnot null\b",
                "not-null",
                "adds `{}` NOT NULL without a default: it fails on a table with rows",
            ),
            (
                r"^alter table .* alter (?:column )?(\S+) set not null",
                "not-null",
                "makes `{}` NOT NULL: it fails where it is NULL",
            ),
        ];
        rules.into_iter().filter_map(|(rule, name, text)| Some((Regex::new(rule).ok()?, name, text))).collect()
    });
    let text = normal(statement);
    RULES.iter().find_map(|(pattern, rule, words)| {
        let name = pattern.captures(&text)?.get(1)?.as_str().to_owned();
        let constraint = matches!(name.as_str(), "constraint" | "default" | "not" | "index" | "primary" | "foreign");
        let filled = *rule == "not-null" && text.contains(" default ");
        (!constraint && !filled).then(|| Danger { rule, text: words.replace("{}", &name) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_cut_at_the_semicolons_that_end_statements() {
        let script = "-- first; not one\nCREATE TABLE a (b TEXT DEFAULT ';');\n\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n  \
                      UPDATE a SET b = CASE WHEN 1 THEN 'x' END; DELETE FROM a;\nEND;\n/* ; */ SELECT 1;;\nDO $$ BEGIN; END $$";
        let found = statements(script, 10);
        let lines: Vec<usize> = found.iter().map(|statement| statement.line).collect();
        assert_eq!(lines, [11, 13, 16, 17], "{found:#?}");
        assert!(found[1].text.ends_with("END") && found[3].text == "DO $$ BEGIN; END $$");
        assert_eq!(statements("-- nothing\n", 1), []);
    }

    #[test]
    fn text_that_means_the_same_has_one_normal_form() {
        assert_eq!(normal("SELECT  \"A\" FROM `b` -- x"), normal("select a from [B]"));
        assert_ne!(normal("SELECT 'A'"), normal("SELECT 'a'"));
        assert_eq!(checks("CREATE TABLE a (b INT CHECK (b > 0), CHECK (\"b\" IN ('x', (1))))").len(), 2);
    }

    #[test]
    fn what_takes_data_away_is_recognised() {
        for (sql, expected) in [
            ("DROP TABLE IF EXISTS users", Some("destructive")),
            ("ALTER TABLE users DROP COLUMN name", Some("destructive")),
            ("ALTER TABLE users DROP CONSTRAINT fk", None),
            ("ALTER TABLE users ADD COLUMN age INT NOT NULL", Some("not-null")),
            ("ALTER TABLE users ADD COLUMN age INT NOT NULL DEFAULT 0", None),
            ("ALTER TABLE users ADD CONSTRAINT c CHECK (a IS NOT NULL)", None),
            ("ALTER TABLE users RENAME COLUMN a TO b", Some("rename")),
            ("ALTER TABLE users RENAME TO people", Some("rename")),
            ("DELETE FROM users", Some("destructive")),
            ("DELETE FROM users WHERE id = 1", None),
            ("CREATE TABLE users (id INT NOT NULL)", None),
        ] {
            assert_eq!(danger(sql).map(|danger| danger.rule), expected, "{sql}");
        }
    }
}
