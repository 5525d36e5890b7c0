//! Running scripts on a scratch database of PostgreSQL, and filling it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use rusqlite::types::Value;
use tokio::runtime::Handle;

use super::looking::Looked;
use super::{Cluster, first};
use crate::migration::database::{Broken, Database, has_own_transactions};
use crate::migration::model::{Column, State, Table};
use crate::migration::rows::{self, ATTEMPTS, EACH, Filling, Wanted, quoted};
use crate::migration::sql::{self, Statement};
use crate::migration::walk::Script;

/// A database of a cluster, worked on from a thread that may block.
pub(in crate::migration) struct Fresh {
    cluster: Arc<Cluster>,
    name: String,
    runtime: Handle,
}

impl Fresh {
    /// An empty one.
    pub(in crate::migration) fn empty(cluster: Arc<Cluster>, runtime: Handle) -> Result<Self, String> {
        let name = runtime.block_on(cluster.create(None))?;
        Ok(Self { cluster, name, runtime })
    }
}

impl Database for Fresh {
    fn run(&mut self, script: &Script) -> Result<Result<(), Broken>, String> {
        self.runtime.block_on(self.cluster.run(&self.name, script))
    }

    fn fill(&mut self, filling: Filling) -> Result<Vec<String>, String> {
        self.runtime.block_on(self.cluster.fill(&self.name, filling, &[]))
    }

    fn state(&mut self) -> Result<State, String> {
        self.runtime.block_on(self.cluster.state(&self.name, &[]))
    }
}

/// What is missing on the server, and no fault of a migration.
static EXTENSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"extension "([^"]+)" is not available|open extension control file .*/([^/]+)\.control"#).ok()
});
static ROLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"role "([^"]+)" does not exist"#).ok());

impl Cluster {
    /// Runs a script. Roles it speaks of are made: a scratch server has none of the project's.
    pub(in crate::migration) async fn run(
        &self,
        database: &str,
        script: &Script,
    ) -> Result<Result<(), Broken>, String> {
        let mut made = Vec::new();
        loop {
            let broken = match self.once(database, script).await? {
                Ok(()) => return Ok(Ok(())),
                Err(broken) => broken,
            };
            let named = |pattern: &Option<Regex>| {
                let found = pattern.as_ref()?.captures(&broken.error)?;
                found.iter().skip(1).flatten().next().map(|name| name.as_str().to_owned())
            };
            if let Some(extension) = named(&EXTENSION) {
                return Err(format!("the extension `{extension}` is not installed for the server on this machine"));
            }
            match named(&ROLE).filter(|role| broken.stay == 0 && !made.contains(role)) {
                Some(role) => {
                    self.ask("postgres", &format!("CREATE ROLE {};", quoted(&role))).await?;
                    made.push(role);
                }
                None => return Ok(Err(broken)),
            }
        }
    }

    async fn once(&self, database: &str, script: &Script) -> Result<Result<(), Broken>, String> {
        let statements = sql::statements(&script.text, script.line);
        let own = has_own_transactions(&statements);
        let wrapped = script.transaction && !own;
        let mut text = String::from("\\o /dev/null\n");
        if wrapped {
            text.push_str("BEGIN;\n");
        }
        for (index, statement) in statements.iter().enumerate() {
            let _ = writeln!(text, "\\echo @{index}\n{}\n;", statement.text);
        }
        if wrapped {
            text.push_str("\\echo @end\nCOMMIT;\n");
        }
        let said = self.script(database, &text).await?;
        if said.ok {
            return Ok(Ok(()));
        }
        let index = said.output.lines().rev().find_map(|line| line.strip_prefix('@')?.parse::<usize>().ok());
        let at_end = said.output.trim_end().ends_with("@end");
        let statement = index.filter(|_| !at_end).and_then(|index| statements.get(index));
        let stay = if wrapped || own && inside(&statements, index) { 0 } else { index.unwrap_or(0) };
        Ok(Err(Broken { error: first(&said.complaints), line: statement.map(|one| line(one, &said.complaints)), stay }))
    }

    /// Puts rows into every table but these.
    pub(in crate::migration) async fn fill(
        &self,
        database: &str,
        filling: Filling,
        ignored: &[&str],
    ) -> Result<Vec<String>, String> {
        if filling == Filling::Empty {
            return Ok(Vec::new());
        }
        let looked = self.look(database, ignored).await?;
        // What is put in one after the other is told one after the other.
        let mut script =
            String::from("SET client_min_messages = error;\nCREATE TEMP TABLE tenon_refused (line text);\n");
        for name in rows::parents_first(&looked.state.schema) {
            let Some(table) = looked.state.schema.tables.get(&name) else { continue };
            for row in 1..=EACH {
                script.push_str(&one_row(&looked, &name, table, row, filling == Filling::WithNulls && row == EACH));
            }
        }
        script.push_str("SELECT line FROM tenon_refused;\n");
        let said = self.ask(database, &script).await?;
        Ok(said.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
    }
}

/// Whether statements before this one have begun a transaction that none has ended.
fn inside(statements: &[Statement], index: Option<usize>) -> bool {
    let before = &statements[..index.unwrap_or(0).min(statements.len())];
    let edge = before.iter().rev().find_map(|statement| {
        let text = sql::normal(&statement.text);
        if text.starts_with("commit") || text.starts_with("end") {
            Some(false)
        } else {
            text.starts_with("begin").then_some(true)
        }
    });
    edge.unwrap_or(false)
}

/// The line of a file a statement fails on: where it begins, or further down where the server says so.
fn line(statement: &Statement, complaints: &str) -> usize {
    let within =
        complaints.lines().find_map(|line| line.strip_prefix("LINE ")?.split(':').next()?.parse::<usize>().ok());
    statement.line + within.unwrap_or(1).saturating_sub(1)
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A value as a statement says it. In quotes every type reads it as its own.
fn literal(column: &Column, value: &Value) -> String {
    let kind = column.kind.as_str();
    if kind.ends_with("[]") {
        return "'{}'".to_owned();
    }
    match value {
        Value::Null => "NULL".to_owned(),
        _ if kind == "INET" || kind == "CIDR" => "'10.0.0.1'".to_owned(),
        Value::Integer(number) => format!("'{number}'"),
        Value::Real(number) => format!("'{number}'"),
        Value::Text(value) => text(value),
        Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("'\\x{digits}'")
        }
    }
}

/// A statement that puts one row in, with other values as long as it is refused.
fn one_row(looked: &Looked, name: &str, table: &Table, row: usize, nulls: bool) -> String {
    let mut parents: BTreeMap<String, Option<String>> = BTreeMap::new();
    for foreign in &table.foreign {
        let Some(target) = looked.quoted.get(&foreign.target) else { continue };
        for (column, to) in &foreign.columns {
            let parent = format!("(SELECT {} FROM {target} ORDER BY ctid LIMIT 1 OFFSET {})", quoted(to), row - 1);
            parents.insert(column.clone(), Some(parent));
        }
    }
    let mut table = table.clone();
    // What the database counts itself it has to go on counting.
    table.columns.retain(|column| {
        let counted =
            column.default.as_deref().is_some_and(|text| text.starts_with("nextval") || text.starts_with("identity"));
        !counted || parents.contains_key(&column.name)
    });
    for column in &table.columns {
        let labels = looked.labels.get(&(name.to_owned(), column.name.clone())).map_or(&[][..], Vec::as_slice);
        if !labels.is_empty() {
            let words: Vec<String> = labels.iter().map(|label| text(label)).collect();
            table.checks.insert(format!("{} {}", column.name.to_lowercase(), words.join(" ")));
        }
    }
    let have = looked.state.rows.get(name).map_or(0, Vec::len) + row;
    let number = i64::try_from(have).unwrap_or(1);
    let target = looked.quoted.get(name).cloned().unwrap_or_else(|| quoted(name));
    let insert = |attempt: usize| {
        let wanted = Wanted { table: &table, number, nulls, attempt };
        let cells = wanted.cells(&parents, &"NULL".to_owned(), |column, value| literal(column, &value));
        let (columns, values): (Vec<String>, Vec<String>) =
            cells.into_iter().map(|(name, value)| (quoted(&name), value)).unzip();
        if columns.is_empty() {
            format!("INSERT INTO {target} DEFAULT VALUES;")
        } else {
            let (columns, values) = (columns.join(", "), values.join(", "));
            format!("INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({values});")
        }
    };
    let refused =
        format!("INSERT INTO tenon_refused VALUES ('row {row} of `{}`: ' || SQLERRM);", name.replace('\'', "''"));
    let attempts = (0..ATTEMPTS).rev().fold(refused, |otherwise, attempt| {
        format!("BEGIN {} EXCEPTION WHEN OTHERS THEN {otherwise} END;", insert(attempt))
    });
    format!("DO $tenon$ BEGIN {attempts} END $tenon$;\n")
}
