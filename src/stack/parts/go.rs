//! Commands of a module of Go that listen, by what they import.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Part};
use crate::domain::folder_of;
use crate::stack::dependencies::Dependency;
use crate::stack::rules::{Kind, PackageRule, Place, rules};
use crate::stack::{Evidence, Fact, Role, Service, dependencies, facts, port};

/// Files that are looked at for one module.
const MOST: usize = 1_500;
/// Folders whose commands help to build, and are not what is built.
const ASIDE: &[&str] = &[
    "hack",
    "scripts",
    "script",
    "tools",
    "tool",
    "example",
    "examples",
    "_examples",
    "e2e",
    "test",
    "tests",
    "testdata",
    "vendor",
    "docs",
    "magefiles",
    "contrib",
    "build",
    "bench",
    "benchmarks",
];

pub(super) fn parts(place: &Place<'_>, whole: &mut Service) -> Found {
    let module = Module::read(place);
    let mains = module.mains();
    let mut serving: Vec<(&str, Reach<'_>)> = Vec::new();
    for main in &mains {
        let reach = module.reach(main);
        if reach.listens.is_some() {
            serving.push((main, reach));
        }
    }
    let command = |folder: &str| if folder.is_empty() { "go run .".to_owned() } else { format!("go run ./{folder}") };
    match (serving.as_slice(), mains.as_slice()) {
        ([], [main]) if whole.framework.is_some() => {
            let evidence = module.main_line(main);
            Found::Whole(evidence.map(|evidence| (command(main), evidence)))
        }
        ([], _) => Found::Whole(None),
        ([(main, reach)], _) => {
            whole.framework = whole.framework.take().or_else(|| reach.plain());
            reach.stored(place).into_iter().for_each(|fact| facts::add(&mut whole.databases, fact));
            let evidence = module.main_line(main).or_else(|| reach.listens.clone());
            let command = evidence.map(|evidence| (command(main), evidence));
            if reach.is_told(place) { Found::Told(command) } else { Found::Whole(command) }
        }
        (several, _) => {
            let all = dependencies::of(place, "go");
            let part = |(main, reach): &(&str, Reach<'_>)| Part {
                folder: (*main).to_owned(),
                name: main.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&module.name).to_owned(),
                evidence: reach.listens.clone().unwrap_or_else(|| place.presence("go.mod", "a module")),
                needs: all.iter().filter(|need| reach.imports(need)).cloned().collect(),
                command: Some(command(main)),
                port: port::in_files(place, &reach.files),
                told: reach.is_told(place),
                role: Role::Service,
                plain: reach.plain(),
            };
            Found::Parts(several.iter().map(part).collect())
        }
    }
}

/// A module with the files that count.
struct Module<'p, 'a> {
    place: &'p Place<'a>,
    /// The last part of its path.
    name: String,
    path: String,
    /// Files of every package, by folder.
    packages: BTreeMap<&'a str, Vec<&'a str>>,
}

/// What a command is built from.
#[derive(Default)]
struct Reach<'a> {
    /// Where it begins to listen.
    listens: Option<Evidence>,
    /// Packages it imports, of others.
    foreign: BTreeSet<String>,
    /// Its own files, those of the command first.
    files: Vec<&'a str>,
}

impl Reach<'_> {
    /// What it listens with when no framework is among what it needs.
    fn plain(&self) -> Option<Fact> {
        let grpc = !self.foreign.contains("net/http") && self.foreign.contains("google.golang.org/grpc");
        let name = if grpc { "grpc" } else { "net/http" };
        Some(Fact { name: name.to_owned(), evidence: self.listens.clone()? })
    }

    /// Databases whose drivers it imports, whatever the manifest calls them.
    fn stored(&self, place: &Place<'_>) -> Vec<Fact> {
        let rules = rules().package.iter().filter(|rule| rule.language == "go" && rule.is == Kind::Database);
        let hit = |rule: &PackageRule| {
            let fits = |path: &&String| {
                rule.names
                    .iter()
                    .any(|name| !name.ends_with('*') && (*path == name || path.starts_with(&format!("{name}/"))))
                    || rule.fits(path)
            };
            let quoted = format!("\"{}\"", self.foreign.iter().find(fits)?);
            let evidence = self.files.iter().find_map(|file| place.find(file, |line| line.contains(&quoted)))?;
            Some(Fact { name: rule.name.clone(), evidence })
        };
        rules.filter_map(hit).collect()
    }

    /// Whether the address it listens on is handed to it, so that no framework's own port counts.
    fn is_told(&self, place: &Place<'_>) -> bool {
        let told = |line: &str| {
            let line = line.trim_start();
            let run = line.split_once(".Run(").is_some_and(|(_, rest)| !rest.starts_with(')'));
            !line.starts_with("//") && (run || line.contains("ListenAndServe(") || line.contains("http.Server{"))
        };
        self.files.iter().any(|file| place.find(file, told).is_some())
    }

    fn imports(&self, need: &Dependency) -> bool {
        self.foreign.iter().any(|path| path == &need.name || path.starts_with(&format!("{}/", need.name)))
    }
}

impl<'p, 'a> Module<'p, 'a> {
    fn read(place: &'p Place<'a>) -> Self {
        let path = place.find("go.mod", |line| line.starts_with("module "));
        let path = path.map(|line| line.text.trim_start_matches("module ").trim().trim_matches('"').to_owned());
        let path = path.unwrap_or_default();
        // Modules inside are not of this one.
        let others: Vec<&str> = place.paths.iter().filter_map(|path| path.strip_suffix("/go.mod")).collect();
        let inside = |path: &&&str| {
            path.ends_with(".go")
                && !path.ends_with("_test.go")
                && !path.split('/').any(|part| matches!(part, "vendor" | "testdata" | "node_modules"))
                && !others.iter().any(|other| path.strip_prefix(other).is_some_and(|rest| rest.starts_with('/')))
        };
        let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file in place.paths.iter().filter(inside) {
            packages.entry(folder_of(file)).or_default().push(file);
        }
        let name = path.rsplit('/').find(|part| !is_version(part)).unwrap_or_default().to_owned();
        Self { place, name, path, packages }
    }

    /// Folders of commands, the nearest first.
    fn mains(&self) -> Vec<&'a str> {
        let aside = |folder: &str| folder.split('/').any(|part| ASIDE.contains(&part) || part.starts_with(['_', '.']));
        let mut found: Vec<&str> = self.packages.keys().copied().filter(|folder| !aside(folder)).collect();
        // Reading all of a large module would cost more than it says: commands lie near the root.
        found.retain(|folder| {
            folder.split('/').count() <= 5 && (self.is_named_main(folder) || folder.split('/').count() <= 3)
        });
        found.truncate(400);
        found.retain(|folder| self.main_line(folder).is_some());
        found.sort_by_key(|folder| (folder.matches('/').count(), *folder));
        found
    }

    fn is_named_main(&self, folder: &str) -> bool {
        folder.split('/').any(|part| part == "cmd")
            || self.packages.get(folder).is_some_and(|files| files.iter().any(|file| file.ends_with("main.go")))
    }

    fn main_line(&self, folder: &str) -> Option<Evidence> {
        let files = self.packages.get(folder)?;
        let mut ordered: Vec<&&str> = files.iter().collect();
        ordered.sort_by_key(|file| !file.ends_with("main.go"));
        let first = ordered.first()?;
        self.place.find(first, |line| line.trim_end() == "package main" || line.starts_with("package main "))?;
        ordered.into_iter().take(20).find_map(|file| self.place.find(file, |line| line.starts_with("func main(")))
    }

    /// Follows the imports of a command through the module.
    fn reach(&self, main: &'a str) -> Reach<'a> {
        let Some(rule) = rules().entry.iter().find(|rule| rule.language == "go") else { return Reach::default() };
        let mut found = Reach::default();
        let mut seen = BTreeSet::from([main.to_owned()]);
        let mut queue = std::collections::VecDeque::from([main.to_owned()]);
        let mut read = 0;
        while let Some(folder) = queue.pop_front() {
            let Some(files) = self.packages.get(folder.as_str()) else { continue };
            read += files.len();
            if read > MOST {
                break;
            }
            found.files.extend(files.iter().take(20).copied());
            found.listens = found.listens.or_else(|| self.place.entry_in(rule, files));
            for file in files {
                let text = self.place.read(file).unwrap_or_default();
                for import in imports(&text) {
                    let own = import.strip_prefix(self.path.as_str()).filter(|_| !self.path.is_empty());
                    match own.and_then(|rest| if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }) {
                        Some(folder) if seen.insert(folder.to_owned()) => queue.push_back(folder.to_owned()),
                        Some(_) => {}
                        None => {
                            found.foreign.insert(import.to_owned());
                        }
                    }
                }
            }
        }
        found
    }
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()))
}

/// The packages a file imports.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    let declares = |line: &str| ["func ", "type ", "var ", "const "].iter().any(|start| line.starts_with(start));
    let head = text.lines().take_while(move |line| !declares(line));
    head.filter(|line| {
        let line = line.trim_start();
        !line.starts_with("//") && (line.starts_with("import ") || line.ends_with('"') || line.contains("\" //"))
    })
    .filter_map(|line| line.split('"').nth(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_read_up_to_the_first_declaration() {
        let text = "package main\n\nimport \"fmt\"\n\nimport (\n\t\"shop/api\"\n\t// \"shop/old\"\n\tdb \"shop/db\" // used\n)\n\nvar x = \"shop/text\"\n";
        assert_eq!(imports(text).collect::<Vec<_>>(), ["fmt", "shop/api", "shop/db"]);
        assert!(is_version("v2") && !is_version("vault") && !is_version("v"));
    }
}
