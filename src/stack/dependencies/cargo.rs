//! What the manifests of Cargo say: the crates of a workspace, what each needs and with which features.

use toml::Value;

use super::Dependency;
use crate::domain::{folder_of, from_root};
use crate::stack::rules::Place;

/// More is a mirror.
const MOST: usize = 150;

/// A crate, or the root of a workspace.
pub(in crate::stack) struct Crate {
    /// Its folder within the place.
    pub folder: String,
    /// The name of its package; `None` for a workspace without one.
    pub name: Option<String>,
    /// Names of the programs it says it has.
    pub bins: Vec<String>,
    /// The program that runs when none is named.
    pub default_run: Option<String>,
    /// What it needs.
    pub needs: Vec<Dependency>,
    /// Folders, within the place, of crates it names by their path.
    pub near: Vec<String>,
}

/// The members of a workspace say what the whole is.
pub(super) fn read(place: &Place<'_>) -> Vec<Dependency> {
    crates(place).into_iter().flat_map(|one| one.needs).collect()
}

/// The crate in this folder and those below it.
pub(in crate::stack) fn crates(place: &Place<'_>) -> Vec<Crate> {
    let files = place.paths.iter().filter(|path| path.rsplit('/').next() == Some("Cargo.toml"));
    let shared = place.read("Cargo.toml").and_then(|text| text.parse::<toml::Table>().ok()).unwrap_or_default();
    files.take(MOST).filter_map(|file| of_file(place, file, &shared)).collect()
}

fn of_file(place: &Place<'_>, file: &str, shared: &toml::Table) -> Option<Crate> {
    let text = place.read(file)?;
    let table = text.parse::<toml::Table>().ok()?;
    let folder = folder_of(file).to_owned();
    let package = table.get("package");
    let text_of = |key: &str| package?.get(key)?.as_str().map(str::to_owned);
    let bins = table.get("bin").and_then(Value::as_array).into_iter().flatten();
    let mut made = Crate {
        name: text_of("name").or_else(|| package.map(|_| folder.rsplit('/').next().unwrap_or_default().to_owned())),
        bins: bins.filter_map(|bin| bin.get("name")?.as_str().map(str::to_owned)).collect(),
        default_run: text_of("default-run"),
        needs: Vec::new(),
        near: Vec::new(),
        folder,
    };
    let mut sections: Vec<(&toml::Table, bool)> = Vec::new();
    let section = |of: &toml::Table, key: &str| of.get(key).and_then(Value::as_table).cloned();
    let mut owned: Vec<(toml::Table, bool)> = Vec::new();
    for (key, dev) in [("dependencies", false), ("dev-dependencies", true), ("build-dependencies", true)] {
        owned.extend(section(&table, key).map(|found| (found, dev)));
        let targets = table.get("target").and_then(Value::as_table).into_iter().flatten();
        owned.extend(targets.filter_map(|(_, target)| Some((section(target.as_table()?, key)?, dev))));
    }
    sections.extend(owned.iter().map(|(found, dev)| (found, *dev)));
    for (needs, dev) in sections {
        for (key, value) in needs {
            made.add(place, (file, &text), (key, value), dev, shared);
        }
    }
    made.chosen(place, file, &text, &table);
    Some(made)
}

impl Crate {
    /// What features of its own turn on in others: `sqlite = ["diesel/sqlite"]`.
    fn chosen(&mut self, place: &Place<'_>, file: &str, text: &str, table: &toml::Table) {
        let features = table.get("features").and_then(Value::as_table).into_iter().flatten();
        let turned = features.flat_map(|(_, list)| list.as_array().into_iter().flatten()).filter_map(Value::as_str);
        for name in turned.filter(|name| name.contains('/')) {
            let quoted = format!("\"{name}\"");
            let line = text.lines().enumerate().find(|(_, line)| line.contains(&quoted));
            let evidence = line.map(|(index, line)| place.line(file, index, line));
            let name = name.replace('?', "");
            self.needs.extend(evidence.map(|evidence| Dependency { name, dev: false, own: true, evidence }));
        }
    }

    fn add(
        &mut self,
        place: &Place<'_>,
        (file, text): (&str, &str),
        (key, value): (&str, &Value),
        dev: bool,
        shared: &toml::Table,
    ) {
        let inherited = value.get("workspace").and_then(Value::as_bool) == Some(true);
        let of_whole = inherited.then(|| shared.get("workspace")?.get("dependencies")?.get(key)).flatten();
        let name = [Some(value), of_whole].into_iter().flatten().find_map(|one| one.get("package")?.as_str());
        let name = name.unwrap_or(key).to_owned();
        let names = |line: &str| {
            let line = line.trim_start().trim_start_matches('"');
            let rest = line.strip_prefix(key).map(|rest| rest.trim_start_matches('"').trim_start());
            rest.is_some_and(|rest| rest.starts_with(['=', '.']))
                || line.starts_with('[') && line.trim_end().ends_with(&format!(".{key}]"))
        };
        let Some((index, line)) = text.lines().enumerate().find(|(_, line)| names(line)) else { return };
        let evidence = place.line(file, index, line);
        for one in [Some(value), of_whole].into_iter().flatten() {
            let path = one.get("path").and_then(Value::as_str);
            // Those of the workspace are named from its root.
            let base = if std::ptr::eq(one, value) { self.folder.as_str() } else { "" };
            self.near.extend(path.and_then(|path| joined(base, path)));
            // Some crates serve several databases, each behind a feature.
            let features = one.get("features").and_then(Value::as_array).into_iter().flatten();
            let features = features.filter_map(Value::as_str).map(|feature| format!("{name}/{feature}"));
            self.needs.extend(features.map(|name| Dependency { name, dev, own: true, evidence: evidence.clone() }));
        }
        self.needs.push(Dependency { name, dev, own: true, evidence });
    }
}

/// `../db` seen from a folder; `None` when it leads out of the repository.
pub(in crate::stack) fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.iter().fold(String::new(), |whole, part| from_root(&whole, part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_its_folder() {
        for (folder, path, expected) in [
            ("crates/api", "../db", Some("crates/db")),
            ("", "./crates/db/", Some("crates/db")),
            ("src/Web", "..\\Core\\Core.csproj", Some("src/Core/Core.csproj")),
            ("api", "../..", None),
            ("api", ".", Some("api")),
        ] {
            assert_eq!(joined(folder, path).as_deref(), expected, "{folder} {path}");
        }
    }
}
