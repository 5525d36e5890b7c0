//! Statements that keep others from a table while they work through all of it, as PostgreSQL's lock rules have it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::sql::{self, Statement};
use super::walk::Script;
use crate::domain::{Finding, Severity};

/// A pattern of a statement in normal form, whose first group is the table; what stops it from mattering; what happens.
const RULES: [(&str, &str, &str); 9] = [
    (
        r"^create (?:unique )?index (?:(?:if not exists )?\S+ )?on (?:only )?(\S+(?: \. \S+)?)",
        r"\bconcurrently\b",
        "builds an index on `{}` while nobody can write to it; CREATE INDEX CONCURRENTLY does not lock writers out",
    ),
    (
        r"^alter table (?:if exists )?(?:only )?(\S+(?: \. \S+)?) .*\badd (?:constraint \S+ )?foreign key\b",
        r"\bnot valid\b",
        "checks every row of `{}` while nobody can write to it; NOT VALID first and VALIDATE CONSTRAINT later does not",
    ),
    (
        r"^alter table (?:if exists )?(?:only )?(\S+(?: \. \S+)?) .*\badd (?:constraint \S+ )?check\b",
        r"\bnot valid\b",
        "checks every row of `{}` while nobody can use it; NOT VALID first and VALIDATE CONSTRAINT later does not",
    ),
    (
        r"^alter table (?:if exists )?(?:only )?(\S+(?: \. \S+)?) .*\badd (?:constraint \S+ )?(?:unique|primary key|exclude)\b",
        r"\busing index\b",
        "builds an index on `{}` while nobody can use it; CREATE UNIQUE INDEX CONCURRENTLY and USING INDEX does not",
    ),
    (
        r"^alter table (?:if exists )?(?:only )?(\S+(?: \. \S+)?) .*\bset not null\b",
        r"$^",
        "looks at every row of `{}` while nobody can use it; a valid CHECK (… IS NOT NULL) added before makes it quick",
    ),
    (
        r"^(?:vacuum (?:\( )?full|cluster)(?: [^;]*?\))? (\S+(?: \. \S+)?)",
        r"$^",
        "writes `{}` anew while nobody can use it",
    ),
    (
        r"^reindex (?:table|index) (\S+(?: \. \S+)?)",
        r"\bconcurrently\b",
        "builds `{}` anew while nobody can write; REINDEX CONCURRENTLY does not lock writers out",
    ),
    (
        r"^refresh materialized view (\S+(?: \. \S+)?)",
        r"\bconcurrently\b",
        "fills `{}` anew while nobody can read it; CONCURRENTLY does not lock readers out",
    ),
    (
        r"^lock (?:table )?(?:only )?(\S+(?: \. \S+)?)",
        r"\b(?:access|row) share\b",
        "locks `{}` until the migration is done",
    ),
];

static PATTERNS: LazyLock<Vec<(Regex, Regex, &str)>> = LazyLock::new(|| {
    let both = |(pattern, not, words)| Some((Regex::new(pattern).ok()?, Regex::new(not).ok()?, words));
    RULES.into_iter().filter_map(both).collect()
});

/// The table a statement keeps others from, and how.
fn lock(statement: &str) -> Option<(String, String)> {
    let text = sql::normal(statement);
    PATTERNS
        .iter()
        .find_map(|(pattern, not, words)| {
            let table = pattern.captures(&text)?.get(1)?.as_str().replace(" . ", ".");
            let table = table.strip_prefix("public.").unwrap_or(&table).to_owned();
            (!not.is_match(&text)).then(|| (words.replace("{}", &table), table))
        })
        .map(|(words, table)| (table, words))
}

/// What the statements of a migration keep others from. `old`: a table that was there before it; one that is made by
/// it nobody else uses yet.
pub(super) fn findings(script: &Script, statements: &[Statement], old: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let made: BTreeSet<String> = statements.iter().filter_map(|statement| made(&statement.text)).collect();
    let mut found: Vec<Finding> = Vec::new();
    for statement in statements {
        let Some((table, words)) = lock(&statement.text) else { continue };
        if made.contains(&table) || !old(&table) {
            continue;
        }
        let finding = script.finding(Severity::Warning, "lock", &table, words);
        // Statements a tool made up have no line of their own.
        let line = if statement.line > 0 { Some(statement.line) } else { line_of(script, statement).or(finding.line) };
        let finding = Finding { line, ..finding };
        if !found.contains(&finding) {
            found.push(finding);
        }
    }
    found
}

/// The line of a program that speaks most of what a statement speaks of.
fn line_of(script: &Script, statement: &Statement) -> Option<usize> {
    let text = sql::normal(&statement.text);
    let words: BTreeSet<&str> = text.split(' ').filter(|word| word.len() > 2).collect();
    let speaks = |line: &str| {
        let line: BTreeSet<String> =
            line.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_lowercase).collect();
        words.iter().filter(|word| line.contains(**word)).count()
    };
    let lines = script.text.lines().enumerate().filter(|(_, line)| !line.contains("drop"));
    let (best, index) = lines.map(|(index, line)| (speaks(line), std::cmp::Reverse(index))).max()?;
    (best > 0).then_some(script.line.max(1) + index.0)
}

fn made(statement: &str) -> Option<String> {
    static TABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"^create (?:unlogged |temp |temporary )?(?:table|materialized view) (?:if not exists )?(\S+(?: \. \S+)?)",
        )
        .ok()
    });
    let text = sql::normal(statement);
    let table = TABLE.as_ref()?.captures(&text)?.get(1)?.as_str().replace(" . ", ".");
    Some(table.strip_prefix("public.").unwrap_or(&table).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_shut_others_out_are_known_and_their_gentle_forms_are_not() {
        for (statement, table) in [
            ("CREATE INDEX i ON users (a)", Some("users")),
            ("CREATE UNIQUE INDEX IF NOT EXISTS \"I\" ON public.\"users\" (a)", Some("users")),
            ("CREATE INDEX CONCURRENTLY i ON users (a)", None),
            ("ALTER TABLE s.users ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b(id)", Some("s.users")),
            ("ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b(id) NOT VALID", None),
            ("ALTER TABLE users ADD CONSTRAINT c CHECK (a > 0)", Some("users")),
            ("ALTER TABLE users ADD CONSTRAINT u UNIQUE (a)", Some("users")),
            ("ALTER TABLE users ADD CONSTRAINT u UNIQUE USING INDEX i", None),
            ("ALTER TABLE users ALTER COLUMN a SET NOT NULL", Some("users")),
            ("ALTER TABLE users ADD COLUMN a INT", None),
            ("ALTER TABLE users VALIDATE CONSTRAINT f", None),
            ("VACUUM FULL users", Some("users")),
            ("LOCK TABLE users IN ACCESS EXCLUSIVE MODE", Some("users")),
            ("REFRESH MATERIALIZED VIEW v", Some("v")),
            ("CREATE TABLE users (a INT UNIQUE)", None),
        ] {
            assert_eq!(lock(statement).map(|(table, _)| table).as_deref(), table, "{statement}");
        }
    }

    #[test]
    fn a_table_the_migration_makes_itself_is_nobody_elses() {
        let statements =
            sql::statements("CREATE TABLE a (b INT);\nCREATE INDEX i ON a (b);\nCREATE INDEX j ON c (b);", 1);
        let found = findings(&Script::default(), &statements, &|_| true);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [Some(3)]);
    }
}
