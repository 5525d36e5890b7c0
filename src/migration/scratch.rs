//! A scratch SQLite database inside this program. What runs on it was written by a model or a stranger: it reaches no
//! file, loads nothing, and is stopped after a while.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Batch, Connection, OpenFlags};

use super::database::{Broken, Database, has_own_transactions};
use super::model::{Column, Foreign, Schema, State, Table};
use super::rows::{self, Filling};
use super::sql::{self, Statement};
use super::walk::Script;

/// The most pages of 4 KiB a database may grow to.
const PAGES: u32 = 65_536;

/// A scratch database.
pub(super) struct Scratch {
    pub(super) connection: Connection,
    /// Tables of the migration tool itself, which are no part of the schema.
    ignored: Vec<String>,
}

/// How long one database may be worked on, and who stops it earlier.
#[derive(Clone)]
pub(super) struct Limit {
    pub cancelled: Arc<AtomicBool>,
    pub time: Duration,
}

impl Scratch {
    /// An empty one in memory.
    pub(super) fn empty(limit: &Limit, ignored: &[&str]) -> rusqlite::Result<Self> {
        Self::guarded(Connection::open_in_memory()?, limit, ignored)
    }

    /// A database file.
    pub(super) fn open(file: &Path, limit: &Limit, ignored: &[&str]) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::guarded(Connection::open_with_flags(file, flags)?, limit, ignored)
    }

    fn guarded(mut connection: Connection, limit: &Limit, ignored: &[&str]) -> rusqlite::Result<Self> {
        connection.pragma_update(None, "max_page_count", PAGES)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // What the tools' own drivers leave off: keys are looked at when all is in place.
        connection.pragma_update(None, "foreign_keys", false)?;
        // What the tools' own drivers leave on: texts in double quotes.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true)?;
        connection.authorizer(Some(allowed))?;
        let (cancelled, until) = (Arc::clone(&limit.cancelled), Instant::now() + limit.time);
        let stop = move || cancelled.load(Ordering::Relaxed) || Instant::now() > until;
        connection.progress_handler(10_000, Some(stop))?;
        Ok(Self { connection, ignored: ignored.iter().map(|name| (*name).to_owned()).collect() })
    }

    /// Runs statements; in one transaction where they do not say otherwise. After a failure nothing of a transaction
    /// is left.
    pub(super) fn apply(&mut self, statements: &[Statement], transaction: bool) -> Result<(), Broken> {
        let transaction = transaction && !has_own_transactions(statements);
        if transaction {
            self.execute("BEGIN").map_err(|error| Broken { error: error.to_string(), line: None, stay: 0 })?;
        }
        for (index, statement) in statements.iter().enumerate() {
            if let Err(error) = self.execute(&statement.text) {
                let inside = !self.connection.is_autocommit();
                if inside {
                    let _ = self.execute("ROLLBACK");
                }
                let stay = if inside || transaction { 0 } else { index };
                return Err(Broken { error: words(&error), line: Some(statement.line), stay });
            }
        }
        if transaction {
            self.execute("COMMIT").map_err(|error| {
                let _ = self.connection.execute_batch("ROLLBACK");
                Broken { error: words(&error), line: None, stay: 0 }
            })?;
        }
        Ok(())
    }

    /// Runs one text; rows it returns are left unread.
    fn execute(&self, text: &str) -> rusqlite::Result<()> {
        let mut batch = Batch::new(&self.connection, text);
        while let Some(mut statement) = batch.next()? {
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
        }
        Ok(())
    }

    /// What it holds now.
    pub(super) fn look(&self) -> rusqlite::Result<State> {
        let schema = self.schema()?;
        let rows = rows::read(&self.connection, &schema)?;
        Ok(State { schema, rows, ..State::default() })
    }

    /// What it looks like now, from what the database says and not from its text.
    pub(super) fn schema(&self) -> rusqlite::Result<Schema> {
        let mut schema = Schema::default();
        let mut list = self.connection.prepare("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema")?;
        let entries = list.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
        })?;
        for entry in entries {
            let (kind, name, table, text) = entry?;
            if name.starts_with("sqlite_") || self.ignored.contains(&table) {
                continue;
            }
            match kind.as_str() {
                "table" => {
                    schema.tables.insert(name.clone(), self.table(&name, &text)?);
                }
                "view" | "trigger" => {
                    schema.others.insert(format!("{kind} `{name}`"), sql::normal(&text));
                }
                _ => {}
            }
        }
        Ok(schema)
    }

    fn table(&self, name: &str, text: &str) -> rusqlite::Result<Table> {
        let mut table = Table::default();
        let mut columns = self
            .connection
            .prepare("SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1)")?;
        let found = columns.query_map([name], |row| {
            Ok(Column {
                name: row.get(0)?,
                kind: row.get::<_, String>(1)?.to_uppercase(),
                required: row.get(2)?,
                default: row.get::<_, Option<String>>(3)?.map(|text| bare(&sql::normal(&text)).to_owned()),
                key: row.get(4)?,
                generated: row.get::<_, i64>(5)? > 1,
            })
        })?;
        table.columns = found.collect::<rusqlite::Result<_>>()?;
        table.foreign = self.foreign(name)?.into_iter().collect();
        self.indexes(name, &mut table)?;
        table.checks = sql::checks(text).into_iter().collect();
        let normal = sql::normal(text);
        for option in ["without rowid", "strict", "autoincrement"] {
            let end = normal.rsplit(')').next().unwrap_or_default();
            if end.contains(option) || option == "autoincrement" && normal.contains(option) {
                table.options.insert(option.to_owned());
            }
        }
        Ok(table)
    }

    /// The foreign keys of a table.
    fn foreign(&self, table: &str) -> rusqlite::Result<Vec<Foreign>> {
        let mut list = self.connection.prepare(
            "SELECT id, \"from\", \"table\", coalesce(\"to\", ''), on_update, on_delete FROM pragma_foreign_key_list(?1) \
             ORDER BY id, seq",
        )?;
        let rows = list.query_map([table], |row| {
            let part = (row.get::<_, String>(1)?, row.get::<_, String>(3)?);
            let acts = format!("on update {}, on delete {}", row.get::<_, String>(4)?, row.get::<_, String>(5)?);
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(2)?, part, acts.to_lowercase()))
        })?;
        let mut found: Vec<(i64, Foreign)> = Vec::new();
        for row in rows {
            let (id, target, part, acts) = row?;
            match found.last_mut().filter(|(last, _)| *last == id) {
                Some((_, foreign)) => foreign.columns.push(part),
                None => found.push((id, Foreign { target, columns: vec![part], words: acts })),
            }
        }
        let with_words = |(_, foreign): (i64, Foreign)| {
            let (from, to): (Vec<_>, Vec<_>) = foreign.columns.iter().cloned().unzip();
            let acts = foreign.words.replace("on update no action, on delete no action", "");
            let words = format!("({}) → {}({}) {acts}", from.join(", "), foreign.target, to.join(", "));
            Foreign { words: words.trim_end().to_owned(), ..foreign }
        };
        Ok(found.into_iter().map(with_words).collect())
    }

    fn indexes(&self, name: &str, table: &mut Table) -> rusqlite::Result<()> {
        let mut list = self.connection.prepare(
            "SELECT l.name, l.\"unique\", l.origin, coalesce(s.sql, '') FROM pragma_index_list(?1) l \
             LEFT JOIN sqlite_schema s ON s.name = l.name",
        )?;
        let rows = list.query_map([name], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
        })?;
        for row in rows {
            let (index, unique, origin, text) = row?;
            let mut columns = self.connection.prepare(
                "SELECT coalesce(name, '<expression>'), \"desc\", coll FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno",
            )?;
            let columns = columns.query_map([&index], |row| {
                let (name, desc): (String, bool) = (row.get(0)?, row.get(1)?);
                let coll = row.get::<_, Option<String>>(2)?.filter(|coll| coll != "BINARY").unwrap_or_default();
                Ok(format!(
                    "{name}{}{}",
                    if desc { " desc" } else { "" },
                    if coll.is_empty() { coll } else { format!(" {coll}") }
                ))
            })?;
            let columns = columns.collect::<rusqlite::Result<Vec<String>>>()?.join(", ");
            let normal = sql::normal(&text);
            let condition =
                normal.split_once(" where ").map(|(_, condition)| format!(" where {condition}")).unwrap_or_default();
            let expressions = if columns.contains("<expression>") {
                normal.split_once(" on ").map(|(_, rest)| format!(" as {rest}")).unwrap_or_default()
            } else {
                String::new()
            };
            let covers = format!("{}({columns}){condition}{expressions}", if unique { "unique " } else { "" });
            // A name the database made up says nothing.
            let key = match origin.as_str() {
                "pk" => continue,
                "u" => format!("unique ({columns})"),
                _ => index,
            };
            table.indexes.insert(key, covers);
        }
        Ok(())
    }
}

impl Database for Scratch {
    fn run(&mut self, script: &Script) -> Result<Result<(), Broken>, String> {
        Ok(self.apply(&sql::statements(&script.text, script.line), script.transaction))
    }

    fn fill(&mut self, filling: Filling) -> Result<Vec<String>, String> {
        rows::fill(self, filling).map_err(|error| error.to_string())
    }

    fn state(&mut self) -> Result<State, String> {
        self.look().map_err(|error| error.to_string())
    }
}

/// A default without the brackets around it.
fn bare(mut text: &str) -> &str {
    while let Some(inner) = text.strip_prefix("( ").and_then(|text| text.strip_suffix(" )")) {
        if inner.contains('(') {
            break;
        }
        text = inner;
    }
    text
}

fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// Nothing outside the database, and nothing that loosens its limits.
fn allowed(context: AuthContext<'_>) -> Authorization {
    match context.action {
        // `VACUUM` attaches a file without a name.
        AuthAction::Attach { filename: "" | ":memory:" } => Authorization::Allow,
        AuthAction::Attach { .. } => Authorization::Deny,
        AuthAction::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Deny
        }
        AuthAction::Pragma { pragma_name, pragma_value: Some(_) } => {
            let forbidden =
                ["max_page_count", "temp_store_directory", "data_store_directory", "hard_heap_limit", "mmap_size"];
            let name = pragma_name.to_ascii_lowercase();
            if forbidden.contains(&name.as_str()) { Authorization::Deny } else { Authorization::Allow }
        }
        _ => Authorization::Allow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit() -> Limit {
        Limit { cancelled: Arc::default(), time: Duration::from_secs(2) }
    }

    fn made(script: &str) -> Scratch {
        let mut scratch = Scratch::empty(&limit(), &["tool"]).unwrap();
        scratch.apply(&sql::statements(script, 1), true).unwrap();
        scratch
    }

    #[test]
    fn the_same_database_written_in_other_words_has_the_same_model() {
        let one = made(
            "CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT DEFAULT ('x') CHECK (b <> ''), c INT REFERENCES a(id));
            CREATE UNIQUE INDEX i ON a (b, c DESC) WHERE c > 0; CREATE TABLE tool (v TEXT)",
        );
        let other = made("create table \"tmp\" (\"id\" integer primary key, \"b\" text default 'x' check (\"b\" <> ''), \"c\" int,
            foreign key (\"c\") references \"a\" (\"id\")); alter table tmp rename to a; create unique index i on a(b, c desc) where c>0");
        assert_eq!(one.schema().unwrap().differences(&other.schema().unwrap()), Vec::<String>::new());
        let third = made("CREATE TABLE a (id INTEGER PRIMARY KEY, b VARCHAR NOT NULL, c INT, UNIQUE (b))");
        let found = one.schema().unwrap().differences(&third.schema().unwrap()).join("\n");
        for part in [
            "column `a.b` is VARCHAR NOT NULL, was TEXT",
            "index `i` on `a` is missing",
            "foreign key (c) → a(id)",
            "`unique (b)`",
        ] {
            assert!(found.contains(part), "{part}: {found}");
        }
    }

    #[test]
    fn nothing_outside_is_reached_and_what_never_ends_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.db");
        for script in [
            format!("ATTACH '{}' AS x", file.display()),
            format!("VACUUM INTO '{}'", file.display()),
            "PRAGMA max_page_count = 99999999".to_owned(),
            "SELECT load_extension('x')".to_owned(),
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n".to_owned(),
        ] {
            let mut scratch = Scratch::empty(&limit(), &[]).unwrap();
            let broken = scratch.apply(&sql::statements(&script, 1), false);
            assert!(broken.is_err(), "{script}");
            assert!(!file.exists(), "{script}");
        }
        assert!(Scratch::empty(&limit(), &[]).unwrap().apply(&sql::statements("VACUUM", 1), false).is_ok());
    }

    #[test]
    fn a_failure_in_a_transaction_leaves_nothing_and_one_outside_leaves_what_was_before() {
        let script = sql::statements("CREATE TABLE a (b INT);\nINSERT INTO nowhere VALUES (1);", 1);
        for (transaction, tables, stay) in [(true, 0, 0), (false, 1, 1)] {
            let mut scratch = Scratch::empty(&limit(), &[]).unwrap();
            let broken = scratch.apply(&script, transaction).unwrap_err();
            assert_eq!((broken.line, broken.stay), (Some(2), stay));
            assert_eq!(scratch.schema().unwrap().tables.len(), tables);
        }
    }
}
