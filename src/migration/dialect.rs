//! Which database migrations are written for.

use std::sync::LazyLock;

use regex::Regex;

use crate::stack::Service;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
    Mysql,
}

impl Dialect {
    /// Its name for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
        }
    }
}

/// What only one of them understands.
static MARKS: LazyLock<Vec<(Dialect, Option<Regex>)>> = LazyLock::new(|| {
    let postgres = r"(?i)\b(big|small)?serial\b|\bjsonb\b|\btimestamptz\b|with time zone|create extension|create type|\$\$|[a-z0-9_')]::[a-z]|gen_random_uuid|uuid_generate|using (gin|gist|btree|hash)\b|alter column|as identity|\bconcurrently\b|\bplpgsql\b|\bnow\(\)|create schema|comment on";
    let mysql = r"(?i)\bengine\s*=|\bauto_increment\b|\bint(eger)?\s*\(\d+\)\s+unsigned|\bunsigned\b|modify column|default charset";
    let sqlite = r"(?i)\bautoincrement\b|\bpragma\b|without rowid|\bstrict\s*;|datetime\('now'|strftime\(";
    vec![
        (Dialect::Sqlite, Regex::new(sqlite).ok()),
        (Dialect::Mysql, Regex::new(mysql).ok()),
        (Dialect::Postgres, Regex::new(postgres).ok()),
    ]
});

/// What these texts are written for, with what the service that uses them says about its databases.
pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str> + Clone, service: Option<&Service>) -> Dialect {
    for (dialect, mark) in MARKS.iter() {
        if let Some(mark) = mark
            && texts.clone().any(|text| mark.is_match(text))
        {
            return *dialect;
        }
    }
    of_service(service).unwrap_or(Dialect::Sqlite)
}

/// The database of a service; `None` when it names none, SQLite when that is among them.
pub(super) fn of_service(service: Option<&Service>) -> Option<Dialect> {
    let names: Vec<&str> = service?.databases.iter().map(|fact| fact.name.as_str()).collect();
    [("sqlite", Dialect::Sqlite), ("postgresql", Dialect::Postgres), ("mysql", Dialect::Mysql)]
        .into_iter()
        .find(|(name, _)| names.contains(name))
        .map(|(_, dialect)| dialect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_known_by_what_only_it_understands() {
        for (text, expected) in [
            ("CREATE TABLE a (id SERIAL PRIMARY KEY)", Dialect::Postgres),
            ("ALTER TABLE a ALTER COLUMN b SET NOT NULL", Dialect::Postgres),
            ("CREATE TABLE a (id INT AUTO_INCREMENT) ENGINE=InnoDB", Dialect::Mysql),
            ("CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT)", Dialect::Sqlite),
            ("CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT)", Dialect::Sqlite),
        ] {
            assert_eq!(of(std::iter::once(text), None), expected, "{text}");
        }
    }
}
