//! What a project needs because projects of the same repository that it is built on need it.

use std::collections::BTreeSet;

use super::cargo::joined;
use super::{Dependency, dotnet, of, requirement};
use crate::domain::folder_of;
use crate::stack::rules::Place;

/// Projects that are followed from one.
const MOST: usize = 40;

/// The dependencies of the project in this folder, and those of the projects of this repository that it needs, with their
/// folders. Of the latter what only development needs says nothing.
pub(in crate::stack) fn with_local(place: &Place<'_>, language: &str) -> (Vec<Dependency>, Vec<String>) {
    let mut found = of(place, language);
    let mut seen = BTreeSet::from([place.folder.to_owned()]);
    let mut queue = near(place, language, &found);
    while let Some(folder) = queue.pop() {
        if seen.len() > MOST || !seen.insert(folder.clone()) {
            continue;
        }
        let there = place.at(&folder);
        let needs = of(&there, language);
        queue.extend(near(&there, language, &needs));
        found.extend(needs.into_iter().filter(|need| !need.dev).map(|need| Dependency { own: false, ..need }));
    }
    seen.remove(place.folder);
    (found, seen.into_iter().collect())
}

/// Folders of the projects a project needs.
fn near(place: &Place<'_>, language: &str, needs: &[Dependency]) -> Vec<String> {
    match language {
        "csharp" => {
            let files = dotnet::near(place).into_iter();
            files.filter_map(|file| Some(folder_of(&joined(place.folder, &file)?).to_owned())).collect()
        }
        "javascript" | "typescript" => named(place, needs, "package.json"),
        "python" => {
            let mut found = named(place, needs, "pyproject.toml");
            found.extend(paths(place));
            found
        }
        _ => Vec::new(),
    }
}

/// Projects that are called as a dependency is: `packages/db` for `@shop/db`.
fn named(place: &Place<'_>, needs: &[Dependency], manifest: &str) -> Vec<String> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let wanted: Vec<(&str, String)> = needs.iter().map(|need| (need.name.as_str(), last(&need.name))).collect();
    let folders = place.all().iter().filter_map(|path| path.strip_suffix(manifest)?.strip_suffix('/'));
    let known = |folder: &&str| {
        let own = last(folder).replace('_', "-");
        let mut fitting = wanted.iter().filter(|(_, last)| *last == own || last.ends_with(&format!("-{own}")));
        let says = |name: &str| {
            place.at(folder).find(manifest, |line| {
                let line = line.replace('_', "-");
                line.contains("name") && (line.contains(&format!("\"{name}\"")) || line.contains(&format!("'{name}'")))
            })
        };
        !folder.split('/').any(|part| part == "node_modules") && fitting.any(|(name, _)| says(name).is_some())
    };
    folders.filter(known).map(str::to_owned).collect()
}

/// `lib = { path = "../lib" }` of a Python project, and `-e ../lib` of its requirements.
fn paths(place: &Place<'_>) -> Vec<String> {
    let text = place.read("pyproject.toml").unwrap_or_default();
    let keyed = text.lines().filter_map(|line| {
        let (name, rest) = line.split_once('=')?;
        requirement(name.trim())?;
        rest.split_once("path").and_then(|(_, rest)| rest.split(['"', '\'']).nth(1).map(str::to_owned))
    });
    let mut found: Vec<String> = keyed.collect();
    for file in ["requirements.txt", "requirements/base.txt"] {
        let text = place.read(file).unwrap_or_default();
        let editable = text.lines().filter_map(|line| line.trim().strip_prefix("-e "));
        found.extend(editable.filter(|path| path.starts_with('.')).map(str::to_owned));
    }
    found.into_iter().filter_map(|path| joined(place.folder, &path)).filter(|path| *path != place.folder).collect()
}
