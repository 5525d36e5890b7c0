//! What the projects of .NET say they need.

use super::Dependency;
use crate::stack::rules::Place;

/// The kit a project is built with and its packages.
pub(super) fn read(place: &Place<'_>) -> Vec<Dependency> {
    let mut found = Vec::new();
    let solution = |path: &str| (path.ends_with(".sln") || path.ends_with(".slnx")) && !path.contains('/');
    let own: Vec<&str> =
        place.paths.iter().copied().filter(|path| is_project(path) && !path.contains('/')).take(10).collect();
    if own.is_empty() && place.paths.iter().any(|path| solution(path)) {
        // What a solution has of its own are the tests.
        let is_test = |line: &str| line.contains("Microsoft.NET.Test.Sdk") || line.contains("MSTest.Sdk");
        let tests = place.paths.iter().copied().filter(|path| is_project(path) && place.find(path, is_test).is_some());
        return tests
            .take(20)
            .flat_map(|file| of_file(place, file))
            .map(|need| Dependency { dev: true, ..need })
            .collect();
    }
    for file in own {
        found.extend(of_file(place, file));
    }
    found
}

fn of_file(place: &Place<'_>, file: &str) -> Vec<Dependency> {
    let text = place.read(file).unwrap_or_default();
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        // An element may share its line with others.
        for element in line.split('<').skip(1) {
            let kit = || element.starts_with("Project ").then(|| attribute(element, "Sdk")).flatten();
            let named = || element.starts_with("Sdk ").then(|| attribute(element, "Name")).flatten();
            let package = || element.starts_with("PackageReference ").then(|| attribute(element, "Include")).flatten();
            let Some(name) = kit().or_else(named).or_else(package) else { continue };
            let name = name.split('/').next().unwrap_or(&name).to_owned();
            found.push(Dependency { name, dev: false, own: true, evidence: place.line(file, index, line) });
        }
    }
    found
}

/// Projects a project refers to, relative to its folder.
pub(super) fn near(place: &Place<'_>) -> Vec<String> {
    let files = place.paths.iter().filter(|path| is_project(path) && !path.contains('/'));
    let texts = files.take(10).filter_map(|file| place.read(file));
    let named = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("<ProjectReference"));
        lines.filter_map(|line| attribute(line, "Include")).collect()
    };
    texts.flat_map(named).collect()
}

fn is_project(path: &str) -> bool {
    path.ends_with(".csproj") || path.ends_with(".fsproj")
}

fn attribute(line: &str, name: &str) -> Option<String> {
    let rest = line.split_once(&format!("{name}=")).map(|(_, rest)| rest.trim_start())?;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Some(rest[1..].split(quote).next()?.to_owned())
}
