//! What installs the dependencies of a service.

use super::rules::{Place, rules};
use super::{Evidence, Fact, Service};

/// What installs the dependencies: what the manifest names, else what wrote the lock file.
pub(super) fn manager(
    place: &Place<'_>,
    service: &Service,
    language: &str,
    conflicts: &mut Vec<String>,
) -> Option<Fact> {
    let fixed = |name: &str| Some(Fact { name: name.to_owned(), evidence: service.evidence.clone() });
    match language {
        "go" => return fixed("go"),
        "rust" => return fixed("cargo"),
        "ruby" => return fixed("bundler"),
        "php" => return fixed("composer"),
        "csharp" => return fixed("dotnet"),
        "java" => return fixed(if service.evidence.file.ends_with("pom.xml") { "maven" } else { "gradle" }),
        _ => {}
    }
    let said = (language == "javascript").then(|| named_manager(place)).flatten();
    let mut locks: Vec<Fact> = Vec::new();
    for rule in rules().lock.iter().filter(|rule| rule.language == language) {
        // A member of a workspace is installed by the whole.
        let here = rule.files.iter().find(|file| place.exists(file)).map(|file| place.presence(file, "a lock file"));
        let above = || {
            let found =
                rule.files.iter().find(|file| !place.folder.is_empty() && place.read_from_root(file).is_some())?;
            Some(Evidence { file: found.clone(), line: None, text: "the lock file of the whole".to_owned() })
        };
        if let Some(evidence) = here.or_else(above) {
            locks.push(Fact { name: rule.manager.clone(), evidence });
        }
    }
    let own: Vec<&Fact> = locks.iter().filter(|fact| fact.evidence.text == "a lock file").collect();
    let counts = said.as_ref().or(own.first().copied()).or(locks.first()).cloned();
    if let Some(counts) = &counts
        && own.iter().any(|fact| fact.name != counts.name)
    {
        let names: Vec<&str> = own.iter().map(|fact| fact.evidence.file.as_str()).collect();
        let why = if said.is_some() { "`packageManager` says so" } else { "it comes first; remove the others" };
        let several = if own.len() > 1 { "several lock files" } else { "a lock file of another package manager" };
        let folder = place.full(if language == "python" { "" } else { "package.json" });
        conflicts.push(format!("{folder}: {several} ({}); {} counts, {why}", names.join(", "), counts.name));
    }
    let built_by = || {
        let tools = [("[tool.poetry", "poetry"), ("[tool.uv", "uv"), ("[tool.pdm", "pdm"), ("poetry.core", "poetry")];
        tools.into_iter().find_map(|(mark, name)| {
            let evidence = place.find("pyproject.toml", |line| line.contains(mark))?;
            Some(Fact { name: name.to_owned(), evidence })
        })
    };
    counts.or_else(|| match language {
        "python" => built_by().or_else(|| fixed("pip")),
        "javascript" if place.has("package.json") => fixed("npm"),
        _ => None,
    })
}

fn named_manager(place: &Place<'_>) -> Option<Fact> {
    let evidence = place.find("package.json", |line| line.contains("\"packageManager\""))?;
    let value = evidence.text.split("\"packageManager\"").nth(1)?.split('"').nth(1)?;
    let name = value.split('@').next()?.to_owned();
    ["npm", "pnpm", "yarn", "bun"].contains(&name.as_str()).then_some(Fact { name, evidence })
}
