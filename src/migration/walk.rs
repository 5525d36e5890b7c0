//! A walk over migrations: up one by one, down one by one, up again; and what it tells about them.

use crate::domain::{Finding, Severity};

use super::locks;
use super::model::State;
use super::rows::{self, Filling};
use super::sql::Statement;

/// A migration, as findings speak of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// What tells it apart: its version.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// What it does.
    pub up: Script,
    /// What takes it back; `None` when nothing does.
    pub down: Option<Script>,
    /// The statements going up comes to, where others may have to wait for them.
    pub statements: Vec<Statement>,
}

/// A part of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// The file, relative to the root.
    pub path: String,
    /// The text of this part.
    pub text: String,
    /// The line its text begins on, from 1.
    pub line: usize,
    /// It is wrapped in a transaction.
    pub transaction: bool,
}

/// How one step of a walk ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    /// The database is like this now.
    Done(Box<State>),
    /// It broke off.
    Broke {
        /// What was said.
        error: String,
        /// The line of the file, where it is known.
        line: Option<usize>,
        /// What the database is like, when the half of it stayed.
        left: Option<Box<State>>,
    },
    /// There is no way back, and why.
    NoWayBack(String),
    /// An earlier step broke off.
    NotReached,
}

impl End {
    pub(super) fn state(&self) -> Option<&State> {
        if let Self::Done(state) = self { Some(state) } else { None }
    }
}

/// A walk; each list has one entry for each migration, in the order they go up.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    /// The state before the first.
    pub start: State,
    /// Up, one by one.
    pub up: Vec<End>,
    /// Down, one by one, the last first.
    pub down: Vec<End>,
    /// Up again, as far as they went down.
    pub again: Vec<End>,
}

impl Walk {
    /// The state before a migration.
    fn before(&self, index: usize) -> Option<&State> {
        if index == 0 { Some(&self.start) } else { self.up.get(index - 1)?.state() }
    }

    /// The first step up that broke off: which, what was said, on which line.
    pub(super) fn broke(&self) -> Option<(usize, String, Option<usize>)> {
        self.up.iter().enumerate().find_map(|(index, end)| match end {
            End::Broke { error, line, .. } => Some((index, error.clone(), *line)),
            _ => None,
        })
    }
}

impl Script {
    /// A finding about this part; on the line that speaks of a name, where one does.
    pub(super) fn finding(&self, severity: Severity, rule: &str, about: &str, message: String) -> Finding {
        let line = self.line_of(about).or((!self.path.is_empty()).then_some(self.line.max(1)));
        let path = (!self.path.is_empty()).then(|| self.path.clone());
        Finding { severity, path, line, rule: Some(rule.to_owned()), message, old: false }
    }

    /// The line that takes something of this name away, or else one that speaks of it.
    fn line_of(&self, about: &str) -> Option<usize> {
        if about.is_empty() {
            return None;
        }
        let about = about.to_lowercase();
        let speaks = |line: &str| {
            line.to_lowercase().split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == about)
        };
        let lines = || self.text.lines().enumerate().filter(|(_, line)| speaks(line));
        let takes =
            |line: &str| ["drop", "remove", "delete", "rename"].iter().any(|word| line.to_lowercase().contains(word));
        let found = lines().find(|(_, line)| takes(line)).or_else(|| lines().next());
        found.map(|(index, _)| self.line.max(1) + index)
    }

    /// Its text says that there is no way back on purpose.
    pub(super) fn admits(&self) -> bool {
        admits(&self.text)
    }
}

/// Whether a text says that there is no way back.
pub(super) fn admits(text: &str) -> bool {
    let text = text.to_lowercase();
    ["irreversible", "no rollback", "no way back", "one-way", "not reversible"].iter().any(|words| text.contains(words))
}

/// What a walk tells. `admitted`: the change itself says that something has no way back.
pub(super) fn judge(units: &[Unit], walk: &Walk, admitted: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let down = unit.down.as_ref().unwrap_or(&unit.up);
        match walk.up.get(index) {
            Some(End::Broke { error, line, left }) => {
                findings.extend(broken(unit, &unit.up, "up", error, *line, left, walk.before(index)));
            }
            Some(End::Done(after)) => {
                if let Some(before) = walk.before(index) {
                    findings.extend(taken(&unit.up, before, after));
                    let old = |table: &str| before.schema.has(table);
                    findings.extend(locks::findings(&unit.up, &unit.statements, &old));
                }
            }
            _ => {}
        }
        match walk.down.get(index) {
            Some(End::NoWayBack(why)) => {
                let severity = if admitted || unit.up.admits() { Severity::Warning } else { Severity::Error };
                let text = format!("{} has no way back: {why}; a restore plan is needed", unit.title);
                findings.push(unit.up.finding(severity, "irreversible", "", text));
            }
            Some(End::Broke { error, line, left }) => {
                let before = walk.up.get(index).and_then(End::state);
                findings.extend(broken(unit, down, "down", error, *line, left, before));
            }
            Some(End::Done(after)) => findings.extend(returned(unit, down, walk, index, after)),
            _ => {}
        }
        let first = walk.up.get(index).and_then(End::state);
        match walk.again.get(index) {
            Some(End::Broke { error, .. }) => {
                let text = format!("{} goes up, down, but not up again: {error}", unit.title);
                findings.push(down.finding(Severity::Error, "up-again", "", text));
            }
            Some(End::Done(after))
                if first.is_some_and(|first| !first.schema.differences(&after.schema).is_empty()) =>
            {
                let differences = first.map(|first| first.schema.differences(&after.schema)).unwrap_or_default();
                let text = format!("{} gives another schema the second time: {}", unit.title, few(&differences));
                findings.push(unit.up.finding(Severity::Error, "up-again", "", text));
            }
            _ => {}
        }
    }
    findings
}

fn broken(
    unit: &Unit,
    script: &Script,
    way: &str,
    error: &str,
    line: Option<usize>,
    left: &Option<Box<State>>,
    before: Option<&State>,
) -> Vec<Finding> {
    let error = error.lines().next().unwrap_or_default();
    let mut finding = script.finding(
        Severity::Error,
        &format!("{way}-fails"),
        "",
        format!("{} fails going {way}: {error}", unit.title),
    );
    finding.line = line.or(finding.line);
    let mut findings = vec![finding];
    if let (Some(left), Some(before)) = (left, before) {
        let differences = before.schema.differences(&left.schema);
        if !differences.is_empty() {
            let text = format!("{} fails half-way and is not taken back: {}", unit.title, few(&differences));
            findings.push(script.finding(Severity::Error, "half-way", "", text));
        }
    }
    findings
}

/// What going up takes away.
fn taken(script: &Script, before: &State, after: &State) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, table) in &before.schema.tables {
        let rows = before.rows.get(name).map(Vec::as_slice).unwrap_or_default();
        let Some(now) = after.schema.tables.get(name) else {
            let columns =
                |table: &super::model::Table| table.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
            let renamed = after
                .schema
                .tables
                .iter()
                .find(|(other, t)| !before.schema.tables.contains_key(*other) && columns(t) == columns(table));
            findings.push(match renamed {
                Some((other, _)) => script.finding(
                    Severity::Warning,
                    "rename",
                    name,
                    format!("renames table `{name}` to `{other}`: code that runs meanwhile still uses the old name"),
                ),
                None => script.finding(
                    Severity::Warning,
                    "destructive",
                    name,
                    format!("drops table `{name}` with its rows"),
                ),
            });
            continue;
        };
        let after_rows = after.rows.get(name).map(Vec::as_slice).unwrap_or_default();
        for column in table.columns.iter().filter(|column| now.column(&column.name).is_none()) {
            let new = now.columns.iter().filter(|new| table.column(&new.name).is_none());
            let renamed = new.clone().find(|new| rows::same_values(rows, &column.name, after_rows, &new.name));
            let (old, at) = (&column.name, format!("`{name}.{}`", column.name));
            findings.push(match renamed {
                Some(new) => script.finding(
                    Severity::Warning,
                    "rename",
                    old,
                    format!("renames {at} to `{}`: code that runs meanwhile still uses the old name", new.name),
                ),
                None => {
                    script.finding(Severity::Warning, "destructive", old, format!("drops column {at} with its values"))
                }
            });
        }
        if let (Some(old), Some(new)) = (before.files.get(name), after.files.get(name))
            && old != new
        {
            let text = format!("writes all of `{name}` anew while nobody can use it");
            findings.push(script.finding(Severity::Warning, "rewrite", name, text));
        }
        findings.extend(lost(script, name, rows, after_rows, "going up"));
    }
    findings
}

type TableRows<'a> = &'a [std::collections::BTreeMap<String, String>];

fn lost(script: &Script, table: &str, before: TableRows<'_>, after: TableRows<'_>, when: &str) -> Vec<Finding> {
    let fate = rows::fate(before, after);
    let mut findings = Vec::new();
    if fate.gone > 0 {
        let text = format!("loses {} of {} rows of `{table}` {when}", fate.gone, before.len());
        findings.push(script.finding(Severity::Error, "data-loss", table, text));
    }
    for (column, count) in fate.lost {
        let text = format!("loses values of `{table}.{column}` {when} in {count} of {} rows", before.len());
        findings.push(script.finding(Severity::Error, "data-loss", &column, text));
    }
    for (column, count) in fate.changed {
        let text = format!("changes values of `{table}.{column}` {when} in {count} of {} rows", before.len());
        findings.push(script.finding(Severity::Note, "data-change", &column, text));
    }
    findings
}

/// What going down leaves, or takes with it.
fn returned(unit: &Unit, script: &Script, walk: &Walk, index: usize, after: &State) -> Vec<Finding> {
    let (Some(before), Some(up)) = (walk.before(index), walk.up.get(index).and_then(End::state)) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let differences = before.schema.differences(&after.schema);
    // What a server has learned serves other databases as well.
    let (extensions, differences): (Vec<String>, Vec<String>) =
        differences.into_iter().partition(|text| text.starts_with("extension ") && text.ends_with("is left"));
    for text in extensions {
        findings.push(script.finding(Severity::Note, "extension", "", format!("{text} after going down")));
    }
    if !differences.is_empty() {
        let text = format!("{} does not come back to where it began: {}", unit.title, few(&differences));
        findings.push(script.finding(Severity::Error, "incomplete-down", "", text));
    }
    for table in before.schema.reordered(&after.schema) {
        let text = format!("the columns of `{table}` stand in another order after going down");
        findings.push(script.finding(Severity::Note, "column-order", &table, text));
    }
    for (name, rows) in &before.rows {
        // What went with a column or table on the way up was told there.
        let (Some(middle), Some(last)) = (up.rows.get(name), after.rows.get(name)) else { continue };
        if middle.len() >= rows.len() && last.len() < rows.len() {
            let text = format!("loses {} of {} rows of `{name}` going down", rows.len() - last.len(), rows.len());
            findings.push(script.finding(Severity::Error, "data-loss", name, text));
        } else if middle.len() == last.len() {
            let found = lost(script, name, middle, last, "going down");
            findings.extend(found.into_iter().filter(|finding| finding.severity == Severity::Error));
        }
    }
    findings
}

fn few(differences: &[String]) -> String {
    const MOST: usize = 4;
    let more = differences.len().saturating_sub(MOST);
    let shown = differences[..differences.len() - more].join("; ");
    if more > 0 { format!("{shown}; and {more} more") } else { shown }
}

/// The walk in a line for each step.
pub(super) fn told(units: &[Unit], walk: &Walk, filling: Filling) -> Vec<String> {
    let rows = match filling {
        Filling::WithNulls => "rows in every table, some with NULL",
        Filling::WithoutNulls => "rows in every table, none with NULL",
        Filling::Empty => "no rows",
    };
    let mut lines = vec![format!("start      {} tables, {rows}", walk.start.schema.tables.len())];
    let mut step = |way: &str, unit: &Unit, end: Option<&End>, before: Option<&State>| {
        let text = match end {
            None | Some(End::NotReached) => "not reached".to_owned(),
            Some(End::NoWayBack(why)) => format!("no way back: {why}"),
            Some(End::Broke { error, .. }) => format!("fails: {}", error.lines().next().unwrap_or_default()),
            Some(End::Done(after)) => match before.map(|before| before.schema.differences(&after.schema)) {
                Some(found) if found.is_empty() => "ok, as it should be".to_owned(),
                Some(found) => format!("ok: {}", few(&found).replace(" is left", " is new")),
                None => "ok".to_owned(),
            },
        };
        lines.push(format!("{way:10} {}  {text}", unit.title));
    };
    for (index, unit) in units.iter().enumerate() {
        step("up", unit, walk.up.get(index), walk.before(index));
    }
    for (index, unit) in units.iter().enumerate().rev() {
        step("down", unit, walk.down.get(index), walk.before(index));
    }
    for (index, unit) in units.iter().enumerate() {
        step("up again", unit, walk.again.get(index), walk.up.get(index).and_then(End::state));
    }
    lines
}
