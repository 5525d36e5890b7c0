//! Crates of a workspace that listen.

use std::collections::BTreeSet;

use super::{Found, Part};
use crate::domain::{from_folder, from_root};
use crate::stack::dependencies::Dependency;
use crate::stack::dependencies::cargo::{Crate, crates};
use crate::stack::rules::{Kind, Place, rules};
use crate::stack::{Evidence, Role, port};

pub(super) fn parts(place: &Place<'_>) -> Found {
    let crates = crates(place);
    let mut found: Vec<(Program<'_>, Vec<Dependency>, Option<Evidence>)> = Vec::new();
    for one in &crates {
        let programs = programs(place, one);
        if programs.is_empty() {
            continue;
        }
        let needs = closure(&crates, one);
        let served = |need: &Dependency| !need.dev && is_framework(&need.name);
        if needs.iter().any(served) {
            let listens = programs.iter().map(|program| listens(place, &crates, program));
            let listens: Vec<Option<Evidence>> = listens.collect();
            found.extend(programs.into_iter().zip(listens).map(|(program, line)| (program, needs.clone(), line)));
        }
    }
    // A tool of the workspace is built on the same crates as its server; the one that begins to listen is the server.
    if found.iter().any(|(_, _, line)| line.is_some()) {
        found.retain(|(_, _, line)| line.is_some());
    } else if found.iter().any(|(program, ..)| program.own) {
        found.retain(|(program, ..)| program.own);
    }
    match found.as_slice() {
        [] => Found::Whole(None),
        [(program, _, line)] if program.of.folder.is_empty() => {
            let evidence = line.clone().unwrap_or_else(|| place.presence(&program.path, "a program"));
            Found::Whole(Some((program.command(false), evidence)))
        }
        several => {
            Found::Parts(several.iter().map(|(program, needs, line)| part(place, program, needs, line)).collect())
        }
    }
}

/// A program of a crate.
struct Program<'a> {
    of: &'a Crate,
    name: String,
    /// Its first file.
    path: String,
    /// There are others in the crate.
    chosen: bool,
    /// The crate names a framework itself.
    own: bool,
}

impl Program<'_> {
    fn command(&self, package: bool) -> String {
        let mut command = "cargo run".to_owned();
        if let (true, Some(name)) = (package, &self.of.name) {
            command.push_str(&format!(" -p {name}"));
        }
        if self.chosen {
            command.push_str(&format!(" --bin {}", self.name));
        }
        command
    }
}

fn part(place: &Place<'_>, program: &Program<'_>, needs: &[Dependency], line: &Option<Evidence>) -> Part {
    Part {
        folder: program.of.folder.clone(),
        name: program.name.clone(),
        evidence: line.clone().unwrap_or_else(|| place.presence(&program.path, "a program")),
        needs: needs.to_vec(),
        command: Some(program.command(!program.of.folder.is_empty())),
        port: line.as_ref().and_then(|line| port::in_files(place, &[from_folder(place.folder, &line.file)?])),
        role: Role::Service,
        plain: None,
        told: false,
    }
}

fn programs<'a>(place: &Place<'_>, of: &'a Crate) -> Vec<Program<'a>> {
    let package = of.name.clone().unwrap_or_default();
    let at = |path: &str| from_root(&of.folder, path);
    let mut found: Vec<(String, String)> = Vec::new();
    if place.has(&at("src/main.rs")) {
        found.push((of.bins.first().filter(|_| of.bins.len() == 1).unwrap_or(&package).clone(), at("src/main.rs")));
    }
    let folder = at("src/bin/");
    for path in place.paths.iter().filter_map(|path| path.strip_prefix(folder.as_str())) {
        let name =
            path.strip_suffix("/main.rs").or_else(|| path.strip_suffix(".rs")).filter(|name| !name.contains('/'));
        found.extend(name.map(|name| (name.to_owned(), format!("{folder}{path}"))));
    }
    for bin in &of.bins {
        if !found.iter().any(|(name, _)| name == bin) {
            found.push((bin.clone(), at("Cargo.toml")));
        }
    }
    let several = found.len() > 1;
    let own = of.needs.iter().any(|need| !need.dev && is_framework(&need.name));
    let made = found.into_iter().map(|(name, path)| Program {
        of,
        chosen: several && of.default_run.as_ref() != Some(&name),
        name,
        path,
        own,
    });
    made.collect()
}

/// Where a program begins to listen: in its own file, in its crate's, or in a crate that it is built on.
fn listens(place: &Place<'_>, crates: &[Crate], program: &Program<'_>) -> Option<Evidence> {
    let rule = rules().entry.iter().find(|rule| rule.language == "rust")?;
    place.entry_in(rule, &[program.path.as_str()]).or_else(|| {
        // Files under `src/bin` are programs of their own.
        let alone = !program.chosen || program.path.ends_with("src/main.rs");
        let near = reached(crates, program.of).into_iter().filter(|one| alone || one.folder != program.of.folder);
        let sources = near.flat_map(|one| {
            let folder = from_root(&one.folder, "src/");
            let inside = move |path: &&&str| {
                path.strip_prefix(folder.as_str())
                    .is_some_and(|rest| rest.ends_with(".rs") && !rest.starts_with("bin/"))
            };
            place.paths.iter().filter(inside).copied().take(120)
        });
        let main = program.path.as_str();
        let evidence = place.entry_in(rule, &sources.filter(|path| *path != main).collect::<Vec<_>>())?;
        // It has to ask for it.
        place.find(main, |line| !line.trim().is_empty()).map(|_| evidence)
    })
}

/// The crate and those it names by their path, themselves or through others.
fn reached<'a>(crates: &'a [Crate], of: &'a Crate) -> Vec<&'a Crate> {
    let mut seen = BTreeSet::from([of.folder.as_str()]);
    let mut found = vec![of];
    let mut next = 0;
    while let Some(one) = found.get(next).copied() {
        next += 1;
        let near = crates.iter().filter(|other| one.near.contains(&other.folder));
        found.extend(near.filter(|other| seen.insert(other.folder.as_str())));
    }
    found
}

fn closure(crates: &[Crate], of: &Crate) -> Vec<Dependency> {
    let others = reached(crates, of).into_iter().skip(1).flat_map(|one| &one.needs).filter(|need| !need.dev);
    of.needs.iter().chain(others).cloned().collect()
}

fn is_framework(name: &str) -> bool {
    let mut frameworks = rules().package.iter().filter(|rule| rule.language == "rust" && rule.is == Kind::Framework);
    frameworks.any(|rule| rule.fits(name))
}
