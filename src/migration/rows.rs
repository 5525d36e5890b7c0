//! Rows: the same ones every time, put in before a migration and counted after it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::types::Value;

use super::model::{Column, Schema, Table};
use super::scratch::Scratch;

/// The most rows of a table that are looked at.
const MOST: usize = 1_000;
/// Rows put into each table.
pub(super) const EACH: usize = 3;

/// Rows of every table, each with its columns by name. Values are kept as text that tells their type as well.
pub(super) type Rows = BTreeMap<String, Vec<BTreeMap<String, String>>>;

/// NULL as it is kept.
pub(super) const NULL: &str = "NULL";

/// What rows are put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    /// Some with NULL wherever that is allowed.
    WithNulls,
    /// None with NULL.
    WithoutNulls,
    /// No rows at all.
    Empty,
}

impl Filling {
    /// What is tried when a migration does not get through with all rows.
    pub(super) const FEWER: [Self; 2] = [Self::WithoutNulls, Self::Empty];
}

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reads the rows of a schema's tables.
pub(super) fn read(connection: &Connection, schema: &Schema) -> rusqlite::Result<Rows> {
    let mut rows = Rows::new();
    for (name, table) in &schema.tables {
        let columns: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
        if columns.is_empty() {
            continue;
        }
        let text = format!("SELECT {} FROM {} LIMIT {MOST}", columns.join(", "), quoted(name));
        // A virtual table may need a module that is not here.
        let Ok(mut statement) = connection.prepare(&text) else { continue };
        let found = statement.query_map([], |row| {
            let value = |(at, column): (usize, &Column)| Ok((column.name.clone(), shown(&row.get::<_, Value>(at)?)));
            table.columns.iter().enumerate().map(value).collect::<rusqlite::Result<BTreeMap<_, _>>>()
        })?;
        rows.insert(name.clone(), found.collect::<rusqlite::Result<_>>()?);
    }
    Ok(rows)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => NULL.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Blob(bytes) => format!("x'{} bytes, {:x?}'", bytes.len(), &bytes[..bytes.len().min(16)]),
    }
}

/// Puts rows into every table, parents first. Says which tables stay empty, and why.
pub(super) fn fill(scratch: &Scratch, filling: Filling) -> rusqlite::Result<Vec<String>> {
    let mut empty = Vec::new();
    if filling == Filling::Empty {
        return Ok(empty);
    }
    let schema = scratch.schema()?;
    for name in parents_first(&schema) {
        let Some(table) = schema.tables.get(&name) else { continue };
        for row in 1..=EACH {
            let nulls = filling == Filling::WithNulls && row == EACH;
            if let Err(error) = insert(scratch, &name, table, row, nulls) {
                // One table that could not be filled is no reason to prove nothing.
                empty.push(format!("row {row} of `{name}`: {error}"));
                break;
            }
        }
    }
    Ok(empty)
}

/// The tables in an order in which they can be filled.
pub(super) fn parents_first(schema: &Schema) -> Vec<String> {
    let targets = |name: &String, table: &Table| {
        table.foreign.iter().map(|foreign| foreign.target.clone()).filter(|target| target != name).collect()
    };
    let mut parents: BTreeMap<String, BTreeSet<String>> =
        schema.tables.iter().map(|(name, table)| (name.clone(), targets(name, table))).collect();
    let mut order: Vec<String> = Vec::new();
    while !parents.is_empty() {
        let ready = parents.iter().find(|(_, needs)| needs.iter().all(|need| !parents.contains_key(need)));
        // In a circle somebody has to be first; its references stay empty or point at nothing yet.
        let next = ready.or_else(|| parents.iter().next()).map(|(name, _)| name.clone());
        let Some(next) = next else { break };
        parents.remove(&next);
        order.push(next);
    }
    order
}

/// A row that is to be put in.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub table: &'a Table,
    /// Its number in the table, from 1.
    pub number: i64,
    /// With NULL wherever that is allowed.
    pub nulls: bool,
    /// How often the database refused it so far.
    pub attempt: usize,
}

/// How often another row is tried where one is refused.
pub(super) const ATTEMPTS: usize = 6;

impl Wanted<'_> {
    /// The row's columns with their values. `parents`: what columns that point at a parent hold, `None` where there is
    /// no parent. `made`: writes a value down.
    pub(super) fn cells<V: Clone>(
        self,
        parents: &BTreeMap<String, Option<V>>,
        null: &V,
        made: impl Fn(&Column, Value) -> V,
    ) -> Vec<(String, V)> {
        // What a CHECK wants may be one of the texts in it.
        let checks: Vec<String> = self.table.checks.iter().cloned().collect();
        let alone = self.table.columns.iter().filter(|other| other.key > 0).count() == 1;
        let cell = |column: &Column| match parents.get(&column.name) {
            Some(None) if column.required => made(column, Value::Integer(self.number)),
            Some(Some(value)) if !self.nulls || column.required || column.key > 0 => value.clone(),
            _ if self.nulls && !column.required && column.key == 0 => null.clone(),
            Some(value) => value.clone().unwrap_or_else(|| null.clone()),
            None if column.key > 0 && alone && column.kind.contains("INT") => made(column, Value::Integer(self.number)),
            None => made(column, candidate(column, self.number, self.attempt, &checks)),
        };
        let given = self.table.columns.iter().filter(|column| !column.generated);
        given.map(|column| (column.name.clone(), cell(column))).collect()
    }
}

fn insert(scratch: &Scratch, name: &str, table: &Table, row: usize, nulls: bool) -> Result<(), String> {
    let mut parents: BTreeMap<String, Option<Value>> = BTreeMap::new();
    for foreign in &table.foreign {
        for (column, to) in &foreign.columns {
            let target = if to.is_empty() { primary(scratch, &foreign.target) } else { Some(to.clone()) };
            let value = target.and_then(|to| parent(&scratch.connection, &foreign.target, &to, row));
            parents.insert(column.clone(), value.filter(|value| *value != Value::Null));
        }
    }
    let last: i64 = scratch
        .connection
        .query_row(&format!("SELECT count(*) FROM {}", quoted(name)), [], |row| row.get(0))
        .map_err(|error| error.to_string())?;
    let mut refused = String::new();
    for attempt in 0..ATTEMPTS {
        let wanted = Wanted { table, number: last + 1, nulls, attempt };
        let (columns, values): (Vec<String>, Vec<Value>) = wanted
            .cells(&parents, &Value::Null, |_, value| value)
            .into_iter()
            .map(|(name, value)| (quoted(&name), value))
            .unzip();
        let marks = vec!["?"; values.len()].join(", ");
        let text = format!("INSERT INTO {} ({}) VALUES ({marks})", quoted(name), columns.join(", "));
        match scratch.connection.execute(&text, rusqlite::params_from_iter(values)) {
            Ok(_) => return Ok(()),
            Err(error) => refused = error.to_string(),
        }
    }
    Err(refused)
}

fn primary(scratch: &Scratch, table: &str) -> Option<String> {
    let text = "SELECT name FROM pragma_table_info(?1) WHERE pk = 1";
    scratch.connection.query_row(text, [table], |row| row.get(0)).ok()
}

fn parent(connection: &Connection, table: &str, column: &str, row: usize) -> Option<Value> {
    let text = format!("SELECT {} FROM {} LIMIT 1 OFFSET {}", quoted(column), quoted(table), row - 1);
    connection.query_row(&text, [], |row| row.get(0)).ok()
}

/// A value for a column. The first attempts are what its type is made for; later ones what its checks speak of.
fn candidate(column: &Column, number: i64, attempt: usize, checks: &[String]) -> Value {
    if attempt > 0
        && let Some(literal) = literals(column, checks).into_iter().cycle().nth(attempt - 1)
    {
        return literal;
    }
    let kind = column.kind.as_str();
    let has = |part: &str| kind.contains(part);
    let day = (number - 1) % 27 + 1;
    if has("BOOL") {
        return Value::Integer(number % 2);
    }
    if has("DATETIME") || has("TIMESTAMP") {
        return Value::Text(format!("2024-01-{day:02} 08:30:00.000000"));
    }
    if has("DATE") {
        return Value::Text(format!("2024-01-{day:02}"));
    }
    if has("TIME") {
        return Value::Text(format!("08:{:02}:00.000000", number % 60));
    }
    if has("JSON") {
        return Value::Text(format!("{{\"n\": {number}}}"));
    }
    if has("UUID") || kind == "CHAR(32)" || kind == "CHAR(36)" {
        let plain = format!("{number:032x}");
        let dashes = kind == "CHAR(36)" || has("UUID");
        let uuid = format!("{}-{}-{}-{}-{}", &plain[..8], &plain[8..12], &plain[12..16], &plain[16..20], &plain[20..]);
        return Value::Text(if dashes { uuid } else { plain });
    }
    if has("INT") {
        return Value::Integer(number + 10);
    }
    if has("REAL") || has("FLOA") || has("DOUB") || has("NUMERIC") || has("DECIMAL") {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        return Value::Real(number as f64 + 0.25);
    }
    if has("BLOB") || has("BINARY") || has("BYTEA") {
        return Value::Blob(vec![u8::try_from(number % 256).unwrap_or(0); 4]);
    }
    let text = format!("{}-{number}", column.name.to_lowercase());
    let length = kind.split_once('(').and_then(|(_, rest)| rest.split([',', ')']).next()?.trim().parse::<usize>().ok());
    let text = match length {
        Some(length) if length < text.len() => {
            let number = number.to_string();
            format!("{:0>width$}", number, width = length.max(number.len())).chars().take(length.max(1)).collect()
        }
        _ => text,
    };
    Value::Text(text)
}

/// The texts and numbers of the checks that name a column.
fn literals(column: &Column, checks: &[String]) -> Vec<Value> {
    let name = column.name.to_lowercase();
    let mut found = Vec::new();
    for check in checks.iter().filter(|check| check.split(' ').any(|word| word == name)) {
        for word in check.split(' ') {
            if let Some(text) = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')) {
                found.push(Value::Text(text.to_owned()));
            } else if let Ok(number) = word.parse::<i64>() {
                found.extend([Value::Integer(number), Value::Integer(number + 1), Value::Integer(number - 1)]);
            }
        }
    }
    found
}

/// What became of the rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// Rows that are gone.
    pub gone: usize,
    /// Columns where values became NULL or were cut, with how many.
    pub lost: Vec<(String, usize)>,
    /// Columns where values are others, with how many.
    pub changed: Vec<(String, usize)>,
}

/// Compares rows by the columns both have.
pub(super) fn fate(before: &[BTreeMap<String, String>], after: &[BTreeMap<String, String>]) -> Fate {
    let mut fate = Fate { gone: before.len().saturating_sub(after.len()), ..Fate::default() };
    if fate.gone > 0 || before.is_empty() {
        return fate;
    }
    let common: Vec<&String> = before[0].keys().filter(|name| after[0].contains_key(*name)).collect();
    for name in common {
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        for row in after {
            *left.entry(row[name].as_str()).or_default() += 1;
        }
        let mut missing: Vec<&str> = Vec::new();
        for row in before {
            match left.get_mut(row[name].as_str()).filter(|count| **count > 0) {
                Some(count) => *count -= 1,
                None => missing.push(&row[name]),
            }
        }
        let spare =
            |fits: &dyn Fn(&str) -> bool| left.iter().filter(|(value, _)| fits(value)).map(|(_, n)| n).sum::<usize>();
        let nulls = spare(&|value| value == NULL);
        let cut = missing.iter().filter(|value| {
            let whole = value.trim_end_matches('\'');
            value.starts_with('\'') && spare(&|other| is_cut(whole, other)) > 0
        });
        let lost = missing.iter().filter(|value| **value != NULL).count().min(nulls) + cut.count();
        if lost > 0 {
            fate.lost.push((name.clone(), lost));
        } else if !missing.is_empty() {
            fate.changed.push((name.clone(), missing.len()));
        }
    }
    fate
}

/// Whether a text is the beginning of another one.
fn is_cut(whole: &str, other: &str) -> bool {
    let other = other.trim_end_matches('\'');
    other.len() > 1 && other.len() < whole.len() && whole.starts_with(other)
}

/// Whether a new column holds exactly what a lost one held.
pub(super) fn same_values(
    before: &[BTreeMap<String, String>],
    old: &str,
    after: &[BTreeMap<String, String>],
    new: &str,
) -> bool {
    let values = |rows: &[BTreeMap<String, String>], name: &str| {
        let mut values: Vec<String> = rows.iter().filter_map(|row| row.get(name).cloned()).collect();
        values.sort();
        values
    };
    let old = values(before, old);
    old.iter().any(|value| value != NULL) && old == values(after, new)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::scratch::Limit;
    use super::super::sql;
    use super::*;

    #[test]
    fn every_table_gets_rows_that_its_rules_allow() {
        let limit = Limit { cancelled: Arc::default(), time: Duration::from_secs(5) };
        let mut scratch = Scratch::empty(&limit, &[]).unwrap();
        let script = "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INT NOT NULL UNIQUE REFERENCES parent(id), at TIMESTAMP);
            CREATE TABLE parent (id INTEGER PRIMARY KEY, state VARCHAR(4) NOT NULL CHECK (state IN ('new', 'old')), code CHAR(2) UNIQUE,
                n INT CHECK (n > 100), up INT REFERENCES parent(id));
            CREATE TABLE both (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID; CREATE TABLE sum (a INT, b INT AS (a * 2))";
        scratch.apply(&sql::statements(script, 1), true).unwrap();
        assert_eq!(fill(&scratch, Filling::WithNulls).unwrap(), Vec::<String>::new());
        let rows = scratch.look().unwrap().rows;
        assert!(rows.values().all(|rows| rows.len() == EACH), "{rows:#?}");
        assert!(rows["child"].iter().all(|row| row["parent"] != NULL) && rows["child"][2]["at"] == NULL);
        let broken: i64 = scratch
            .connection
            .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(broken, 0);
    }

    #[test]
    fn the_fate_of_rows_is_told() {
        let rows = |values: &[(&str, &str)]| -> Vec<BTreeMap<String, String>> {
            values
                .iter()
                .map(|(a, b)| [("a".to_owned(), (*a).to_owned()), ("b".to_owned(), (*b).to_owned())].into())
                .collect()
        };
        let before = rows(&[("1", "'long text'"), ("2", "'x'")]);
        assert_eq!(fate(&before, &before), Fate::default());
        assert_eq!(fate(&before, &rows(&[("1", "'x'")])).gone, 1);
        assert_eq!(fate(&before, &rows(&[("1", "'long'"), ("2", "'x'")])).lost, [("b".to_owned(), 1)]);
        assert_eq!(fate(&before, &rows(&[("1", NULL), ("2", "'x'")])).lost, [("b".to_owned(), 1)]);
        assert_eq!(fate(&before, &rows(&[("1", "'LONG TEXT'"), ("2", "'x'")])).changed, [("b".to_owned(), 1)]);
    }
}
