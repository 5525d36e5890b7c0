//! What a database looks like, as a model: equal models mean equal databases however their text was written.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::Rows;

/// What a database holds at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    /// What it looks like.
    pub schema: Schema,
    /// What is in it.
    pub rows: Rows,
    /// The number of the file each table lies in, where the database has some: another one means that all of it was
    /// written anew.
    pub files: BTreeMap<String, u64>,
}

/// The schema of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Schema {
    /// Tables by name.
    pub tables: BTreeMap<String, Table>,
    /// Views and triggers: kind and name, with their text in normal form.
    pub others: BTreeMap<String, String>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// Columns in their order.
    pub columns: Vec<Column>,
    /// Foreign keys.
    pub foreign: BTreeSet<Foreign>,
    /// Indexes and unique constraints: name (or columns, where the database made the name up) and what it covers.
    pub indexes: BTreeMap<String, String>,
    /// `CHECK` constraints in normal form.
    pub checks: BTreeSet<String>,
    /// `WITHOUT ROWID`, `STRICT`, `AUTOINCREMENT` and their like.
    pub options: BTreeSet<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Foreign {
    /// It in one line.
    pub words: String,
    /// The table it points at.
    pub target: String,
    /// Columns here and there; the other one is empty for the primary key.
    pub columns: Vec<(String, String)>,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub name: String,
    /// Its type, in capitals.
    pub kind: String,
    /// It may not be NULL.
    pub required: bool,
    /// What it is when nothing is said, in normal form.
    pub default: Option<String>,
    /// Its place in the primary key, from 1; 0 when it is not in it.
    pub key: u32,
    /// It is computed.
    pub generated: bool,
}

impl Table {
    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn foreign_words(&self) -> BTreeSet<String> {
        self.foreign.iter().map(|foreign| foreign.words.clone()).collect()
    }
}

impl Schema {
    /// What `other` has that this has not, and the other way round, each in a few words. The order of columns is no
    /// difference.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for name in self.tables.keys().filter(|name| !other.tables.contains_key(*name)) {
            found.push(format!("table `{name}` is missing"));
        }
        for (name, table) in &other.tables {
            match self.tables.get(name) {
                None => found.push(format!("table `{name}` is left")),
                Some(before) => differences(name, before, table, &mut found),
            }
        }
        for (name, text) in &self.others {
            match other.others.get(name) {
                None => found.push(format!("{name} is missing")),
                Some(now) if now != text => found.push(format!("{name} is another one")),
                Some(_) => {}
            }
        }
        found.extend(
            other.others.keys().filter(|name| !self.others.contains_key(*name)).map(|n| format!("{n} is left")),
        );
        found
    }

    /// Whether there is a table or view of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tables.contains_key(name) || self.others.keys().any(|other| other.ends_with(&format!("view `{name}`")))
    }

    /// Tables whose columns stand in another order.
    pub(super) fn reordered(&self, other: &Self) -> Vec<String> {
        let names = |table: &Table| table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        let other_order = |(name, table): &(&String, &Table)| {
            other.tables.get(*name).is_some_and(|now| {
                let (mut before, mut after) = (names(table), names(now));
                let differs = before != after;
                before.sort();
                after.sort();
                differs && before == after
            })
        };
        self.tables.iter().filter(other_order).map(|(name, _)| name.clone()).collect()
    }
}

fn differences(name: &str, before: &Table, after: &Table, found: &mut Vec<String>) {
    for column in &before.columns {
        match after.column(&column.name) {
            None => found.push(format!("column `{name}.{}` is missing", column.name)),
            Some(now) if now != column => {
                found.push(format!("column `{name}.{}` {}", column.name, change(column, now)));
            }
            Some(_) => {}
        }
    }
    let added = after.columns.iter().filter(|column| before.column(&column.name).is_none());
    found.extend(added.map(|column| format!("column `{name}.{}` is left", column.name)));
    for (index, covers) in &before.indexes {
        match after.indexes.get(index) {
            None => found.push(format!("index `{index}` on `{name}` is missing")),
            Some(now) if now != covers => found.push(format!("index `{index}` on `{name}` is now {now}, was {covers}")),
            Some(_) => {}
        }
    }
    let indexes = after.indexes.keys().filter(|index| !before.indexes.contains_key(*index));
    found.extend(indexes.map(|index| format!("index `{index}` on `{name}` is left")));
    for (what, old, new) in [
        ("foreign key", &before.foreign_words(), &after.foreign_words()),
        ("check", &before.checks, &after.checks),
        ("option", &before.options, &after.options),
    ] {
        found.extend(old.difference(new).map(|text| format!("{what} {text} on `{name}` is missing")));
        found.extend(new.difference(old).map(|text| format!("{what} {text} on `{name}` is left")));
    }
}

fn change(before: &Column, now: &Column) -> String {
    let words = |column: &Column| {
        let mut text = if column.kind.is_empty() { "no type".to_owned() } else { column.kind.clone() };
        if column.required {
            text.push_str(" NOT NULL");
        }
        if let Some(default) = &column.default {
            text.push_str(&format!(" DEFAULT {default}"));
        }
        if column.key > 0 {
            text.push_str(" PRIMARY KEY");
        }
        text
    };
    format!("is {}, was {}", words(now), words(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(columns: &[&str]) -> Schema {
        let column = |name: &&str| Column { name: (*name).to_owned(), kind: "TEXT".to_owned(), ..Column::default() };
        let table = Table { columns: columns.iter().map(column).collect(), ..Table::default() };
        Schema { tables: [("users".to_owned(), table)].into(), ..Schema::default() }
    }

    #[test]
    fn differences_are_told_in_words_and_order_is_none() {
        assert_eq!(schema(&["a", "b"]).differences(&schema(&["b", "a"])), Vec::<String>::new());
        assert_eq!(schema(&["a", "b"]).reordered(&schema(&["b", "a"])), ["users"]);
        assert_eq!(schema(&["a"]).differences(&schema(&["a", "b"])), ["column `users.b` is left"]);
        assert_eq!(schema(&["a"]).differences(&Schema::default()), ["table `users` is missing"]);
    }
}
