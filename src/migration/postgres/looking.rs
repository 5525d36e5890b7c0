//! What a PostgreSQL database looks like, from its catalogue.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Cluster;
use crate::migration::model::{Column, Foreign, Schema, State, Table};
use crate::migration::rows::NULL;
use crate::migration::sql;

/// Asks the catalogue: see the file itself.
const QUESTION: &str = include_str!("../../../assets/postgres_state.sql");

#[derive(Deserialize)]
struct Catalogue {
    tables: Vec<Described>,
    others: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    quoted: String,
    file: u64,
    columns: Vec<DescribedColumn>,
    foreign: Vec<DescribedKey>,
    indexes: BTreeMap<String, String>,
    checks: Vec<String>,
    options: Vec<String>,
}

#[derive(Deserialize)]
struct DescribedColumn {
    name: String,
    kind: String,
    required: bool,
    default: Option<String>,
    generated: bool,
    key: u32,
    labels: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct DescribedKey {
    target: String,
    words: String,
    columns: Vec<(String, String)>,
}

/// A database with what only filling it needs.
pub(super) struct Looked {
    pub state: State,
    /// The names of the tables as statements say them.
    pub quoted: BTreeMap<String, String>,
    /// What columns of an enumeration may hold, by table and column.
    pub labels: BTreeMap<(String, String), Vec<String>>,
}

impl Cluster {
    /// What a database holds now, but for these tables.
    pub(in crate::migration) async fn state(&self, database: &str, ignored: &[&str]) -> Result<State, String> {
        self.look(database, ignored).await.map(|looked| looked.state)
    }

    pub(super) async fn look(&self, database: &str, ignored: &[&str]) -> Result<Looked, String> {
        let output = self.ask(database, QUESTION).await?;
        let mut lines = output.lines().filter(|line| !line.trim().is_empty());
        let unreadable = |error: serde_json::Error| format!("the catalogue cannot be read: {error}");
        let catalogue: Catalogue = serde_json::from_str(lines.next().unwrap_or_default()).map_err(unreadable)?;
        let mut looked = Looked { state: State::default(), quoted: BTreeMap::new(), labels: BTreeMap::new() };
        let schema: &mut Schema = &mut looked.state.schema;
        for table in catalogue.tables.into_iter().filter(|table| !ignored.contains(&table.name.as_str())) {
            looked.quoted.insert(table.name.clone(), table.quoted.clone());
            looked.state.files.insert(table.name.clone(), table.file);
            for column in &table.columns {
                let labels = column.labels.clone().unwrap_or_default();
                looked.labels.insert((table.name.clone(), column.name.clone()), labels);
            }
            schema.tables.insert(table.name.clone(), described(table));
        }
        schema.others = catalogue.others.into_iter().map(|(name, text)| (name, sql::normal(&text))).collect();
        for line in lines {
            let (name, rows): (String, Vec<BTreeMap<String, Value>>) =
                serde_json::from_str(line).map_err(unreadable)?;
            if !ignored.contains(&name.as_str()) {
                let shown = |row: BTreeMap<String, Value>| row.into_iter().map(|(key, value)| (key, shown(&value)));
                looked.state.rows.insert(name, rows.into_iter().map(|row| shown(row).collect()).collect());
            }
        }
        Ok(looked)
    }
}

fn described(table: Described) -> Table {
    let column = |column: DescribedColumn| Column {
        name: column.name,
        kind: column.kind,
        required: column.required,
        default: column.default.map(|text| sql::normal(&text)),
        key: column.key,
        generated: column.generated,
    };
    let foreign = |key: DescribedKey| {
        let words = key.words.trim_start_matches("FOREIGN KEY ").replace(" REFERENCES ", " → ");
        Foreign { words, target: key.target, columns: key.columns }
    };
    Table {
        columns: table.columns.into_iter().map(column).collect(),
        foreign: table.foreign.into_iter().map(foreign).collect(),
        indexes: table.indexes,
        checks: table.checks.iter().map(|text| sql::normal(text)).collect(),
        options: table.options.into_iter().collect(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => NULL.to_owned(),
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}
