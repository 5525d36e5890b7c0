//! Migrations in files of SQL: which tool's layout a folder has, and what goes up and down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::sql;
use super::walk::{Script, Unit};
use crate::stack::Files;

/// A way to lay out migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The tool.
    pub tool: &'static str,
    /// The tool has a way back.
    pub reversible: bool,
    /// The tool refuses to go on when a file it applied has changed since.
    pub checksums: bool,
    /// The tool passes over a migration that is older than the newest it applied.
    pub skips_older: bool,
    /// The tool wraps even a single statement in a transaction.
    pub wraps: bool,
}

const fn layout(tool: &'static str, reversible: bool, checksums: bool, skips_older: bool) -> Layout {
    Layout { tool, reversible, checksums, skips_older, wraps: true }
}

/// A tool that hands a file to the database as it is.
const fn unwrapped(layout: Layout) -> Layout {
    Layout { wraps: false, ..layout }
}

const GOLANG_MIGRATE: Layout = unwrapped(layout("golang-migrate", true, false, true));
const SQLX: Layout = layout("sqlx", true, true, false);
const SQLX_SIMPLE: Layout = layout("sqlx", false, true, false);
const DIESEL: Layout = layout("Diesel", true, false, false);
const PRISMA: Layout = unwrapped(layout("Prisma", false, true, false));
const FLYWAY: Layout = unwrapped(layout("Flyway", false, true, true));
const PLAIN: Layout = unwrapped(layout("SQL files", false, false, false));

/// Layouts that are known by the marks in their files: the mark of the way up, of the way down.
const MARKED: [(&str, &str, Layout); 5] = [
    ("+goose up", "+goose down", layout("goose", true, false, true)),
    ("migrate:up", "migrate:down", layout("dbmate", true, false, false)),
    ("+migrate up", "+migrate down", layout("sql-migrate", true, false, false)),
    ("rambler up", "rambler down", layout("rambler", true, false, false)),
    ("up", "down", unwrapped(layout("SQL files", true, false, false))),
];

/// The migrations of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// How they are laid out.
    pub layout: Layout,
    /// They in the order they go up.
    pub units: Vec<Unit>,
    /// Ways back of migrations that are not there.
    pub strays: Vec<String>,
}

/// What the name of a file says.
struct Named<'a> {
    id: &'a str,
    title: &'a str,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Up,
    Down,
    Whole,
}

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static PAIR: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^(\d+)[_-](.+)\.(up|down)\.sql$"));
static FLYWAY_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^([VU])([\d._]+)__(.+)\.sql$"));
static NUMBERED: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^(\d+)[_-](.+)\.sql$"));
static FOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^([\d-]+)_(.+)/(up|down|migration)\.sql$"));

/// The folder of the set a file belongs to; `None` when its path is not that of a migration.
pub(super) fn folder_of(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let (name, above) = parts.split_last()?;
    if !name.ends_with(".sql") {
        return None;
    }
    if let Some((inner, outer)) = above.split_last()
        && FOLDER.as_ref()?.is_match(&format!("{inner}/{name}"))
    {
        return Some(outer.join("/"));
    }
    let folder = above.join("/");
    let says_so = above.iter().any(|part| part.to_lowercase().contains("migrat")) || above.last() == Some(&"versions");
    let pair = PAIR.as_ref()?.is_match(name) || FLYWAY_NAME.as_ref()?.is_match(name);
    (pair || says_so && NUMBERED.as_ref()?.is_match(name)).then_some(folder)
}

fn named(relative: &str) -> Option<(Named<'_>, Layout)> {
    let get = |pattern: &LazyLock<Option<Regex>>, relative: &'_ str| -> Option<Vec<std::ops::Range<usize>>> {
        let found = pattern.as_ref()?.captures(relative)?;
        Some((1..found.len()).filter_map(|at| found.get(at)).map(|part| part.range()).collect())
    };
    let text = |range: &std::ops::Range<usize>| &relative[range.clone()];
    let way = |text: &str| if text == "down" { Part::Down } else { Part::Up };
    if let Some(parts) = get(&PAIR, relative) {
        return Some((
            Named { id: text(&parts[0]), title: text(&parts[1]), part: way(text(&parts[2])) },
            GOLANG_MIGRATE,
        ));
    }
    if let Some(parts) = get(&FOLDER, relative) {
        let file = text(&parts[2]);
        let layout = if file == "migration" { PRISMA } else { DIESEL };
        return Some((Named { id: text(&parts[0]), title: text(&parts[1]), part: way(file) }, layout));
    }
    if let Some(parts) = get(&FLYWAY_NAME, relative) {
        let part = if text(&parts[0]) == "U" { Part::Down } else { Part::Up };
        return Some((Named { id: text(&parts[1]), title: text(&parts[2]), part }, FLYWAY));
    }
    let parts = get(&NUMBERED, relative)?;
    Some((Named { id: text(&parts[0]), title: text(&parts[1]), part: Part::Whole }, PLAIN))
}

/// Reads the migrations of a folder. `sqlx`: the project uses it.
pub(super) fn set(files: &dyn Files, paths: &[String], folder: &str, sqlx: bool) -> Option<Set> {
    let inside = |path: &str| -> Option<String> {
        if folder.is_empty() {
            Some(path.to_owned())
        } else {
            Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned())
        }
    };
    let mut layout = None;
    // Two files with one number are two migrations unless their titles are the same.
    let mut units: BTreeMap<(Vec<u128>, String), Unit> = BTreeMap::new();
    let mut downs: BTreeMap<(Vec<u128>, String), Script> = BTreeMap::new();
    let mut prisma_downs = BTreeSet::new();
    for path in paths {
        let Some(relative) = inside(path) else { continue };
        let Some((name, mut kind)) = named(&relative) else { continue };
        let Some(text) = files.read(path) else { continue };
        let key = (version(name.id), name.title.to_owned());
        let script = Script { path: path.clone(), text: text.clone(), line: 1, transaction: transactional(&text) };
        if name.part == Part::Down {
            if relative.ends_with("/down.sql") {
                prisma_downs.insert(key.clone());
            }
            downs.insert(key, script);
            continue;
        }
        let mut unit = Unit {
            id: name.id.to_owned(),
            title: format!("{}_{}", name.id, name.title),
            up: script,
            ..Unit::default()
        };
        if name.part == Part::Whole {
            match marked(path, &text) {
                Some((found, up, down)) => {
                    kind = found;
                    (unit.up, unit.down) = (up, down);
                }
                None if sqlx => kind = SQLX_SIMPLE,
                None => {}
            }
        } else if kind == GOLANG_MIGRATE && sqlx {
            kind = SQLX;
        }
        layout.get_or_insert(kind);
        units.insert(key, unit);
    }
    let mut strays = Vec::new();
    for (key, script) in downs {
        match units.get_mut(&key) {
            Some(unit) if says_something(&script.text) => unit.down = Some(script),
            Some(_) => {}
            None => strays.push(script.path),
        }
    }
    let layout = layout?;
    let mut units: Vec<Unit> = units.into_values().collect();
    for script in units.iter_mut().flat_map(|unit| [Some(&mut unit.up), unit.down.as_mut()]).flatten() {
        // Several statements in one message are one transaction to the database in any case.
        script.transaction &= layout.wraps || sql::statements(&script.text, 1).len() > 1;
    }
    Some(Set { layout, units, strays })
}

/// A version in the order tools count: `2` before `10`, `1.9` before `1.10`.
fn version(id: &str) -> Vec<u128> {
    id.split(['.', '_', '-']).filter_map(|part| part.parse().ok()).collect()
}

/// The version as one number, where it is one.
pub(super) fn number(id: &str) -> Option<u128> {
    id.parse().ok()
}

/// Whether there is a statement in it.
pub(super) fn says_something(text: &str) -> bool {
    !sql::statements(text, 1).is_empty()
}

/// Whether a tool wraps this text in a transaction.
fn transactional(text: &str) -> bool {
    let text = text.to_lowercase();
    !["+goose no transaction", "transaction:false", "notransaction", "-- no-transaction"]
        .iter()
        .any(|mark| text.contains(mark))
}

/// The two parts of a file that marks them.
fn marked(path: &str, text: &str) -> Option<(Layout, Script, Option<Script>)> {
    let mark = |line: &str, mark: &str| {
        let Some(rest) = line.trim_start().strip_prefix("--") else { return false };
        let rest = rest.trim().to_lowercase();
        // `-- up` is a remark like any other unless it stands alone.
        if mark == "up" || mark == "down" { rest.trim_end_matches(':') == mark } else { rest.starts_with(mark) }
    };
    let both = |one: &str, other: &str| {
        let has = |wanted: &str| text.lines().any(|line| mark(line, wanted));
        has(one) && (one != "up" || has(other))
    };
    let (_, down_mark, layout) = MARKED.iter().find(|(up, down, _)| both(up, down))?;
    let up_mark = MARKED.iter().find(|(_, down, _)| down == down_mark).map(|(up, ..)| *up)?;
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let (mut up_line, mut down_line) = (1, 1);
    let mut way = None;
    for (index, line) in text.lines().enumerate() {
        if mark(line, up_mark) {
            (way, up_line) = (Some(Part::Up), index + 1);
        } else if mark(line, down_mark) {
            (way, down_line) = (Some(Part::Down), index + 1);
        }
        match way {
            Some(Part::Up) => up.push(line),
            Some(_) => down.push(line),
            None => {}
        }
    }
    let script = |lines: Vec<&str>, line| Script {
        path: path.to_owned(),
        text: lines.join("\n"),
        line,
        transaction: transactional(text),
    };
    let (up, down) = (script(up, up_line), script(down, down_line));
    let down = Some(down).filter(|down| says_something(&down.text));
    Some((*layout, up, down))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Table(Vec<(&'static str, &'static str)>);

    impl Files for Table {
        fn read(&self, path: &str) -> Option<String> {
            self.0.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned())
        }
        fn exists(&self, path: &str) -> bool {
            self.read(path).is_some()
        }
        fn list(&self) -> Vec<String> {
            self.0.iter().map(|(path, _)| (*path).to_owned()).collect()
        }
    }

    #[test]
    fn layouts_are_known_by_their_names_and_marks() {
        for (files, sqlx, tool, titles, ways_back) in [
            (
                vec![
                    ("m/1_a.up.sql", "SELECT 1"),
                    ("m/1_a.down.sql", "SELECT 1"),
                    ("m/10_c.up.sql", "SELECT 1"),
                    ("m/2_b.up.sql", "SELECT 1"),
                ],
                false,
                "golang-migrate",
                vec!["1_a", "2_b", "10_c"],
                1,
            ),
            (vec![("m/1_a.up.sql", "SELECT 1"), ("m/1_a.down.sql", "-- nothing")], true, "sqlx", vec!["1_a"], 0),
            (
                vec![("m/2024-01-01-000000_a/up.sql", "SELECT 1"), ("m/2024-01-01-000000_a/down.sql", "SELECT 1")],
                false,
                "Diesel",
                vec!["2024-01-01-000000_a"],
                1,
            ),
            (vec![("m/20240101_a/migration.sql", "SELECT 1")], false, "Prisma", vec!["20240101_a"], 0),
            (
                vec![("m/V1.10__b.sql", "SELECT 1"), ("m/V1.9__a.sql", "SELECT 1"), ("m/U1.10__b.sql", "SELECT 1")],
                false,
                "Flyway",
                vec!["1.9_a", "1.10_b"],
                1,
            ),
            (
                vec![("m/001_a.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;")],
                false,
                "goose",
                vec!["001_a"],
                1,
            ),
            (vec![("m/001_a.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n")], false, "dbmate", vec!["001_a"], 0),
            (vec![("m/001_a.sql", "SELECT 1")], false, "SQL files", vec!["001_a"], 0),
            (vec![("m/001_a.sql", "-- up\nSELECT 1;\n\n-- down\nSELECT 2;")], false, "SQL files", vec!["001_a"], 1),
            (vec![("m/001_a.sql", "-- up\n-- update all\nSELECT 1;")], false, "SQL files", vec!["001_a"], 0),
        ] {
            let files = Table(files);
            let found = set(&files, &files.list(), "m", sqlx).unwrap();
            assert_eq!(found.layout.tool, tool);
            assert_eq!(found.units.iter().map(|unit| unit.title.as_str()).collect::<Vec<_>>(), titles, "{tool}");
            assert_eq!(found.units.iter().filter(|unit| unit.down.is_some()).count(), ways_back, "{tool}");
        }
    }

    #[test]
    fn parts_of_a_file_keep_their_lines() {
        let files = Table(vec![("m/1_a.sql", "\n-- +goose Up\nSELECT 1;\n-- +goose Down\n\nDROP TABLE a;\n")]);
        let found = set(&files, &files.list(), "m", false).unwrap();
        let down = found.units[0].down.as_ref().unwrap();
        assert_eq!(sql::statements(&down.text, down.line)[0].line, 6);
    }

    #[test]
    fn only_paths_of_migrations_have_a_folder() {
        for (path, folder) in [
            ("db/migrations/1_a.sql", Some("db/migrations")),
            ("migrations/2024_a/up.sql", Some("migrations")),
            ("1_a.up.sql", Some("")),
            ("queries/1_a.sql", None),
            ("migrations/readme.md", None),
            ("src/main/resources/db/migration/V1__a.sql", Some("src/main/resources/db/migration")),
        ] {
            assert_eq!(folder_of(path).as_deref(), folder, "{path}");
        }
    }
}
