//! Applications of a workspace of Nest or Nx, which have no manifest of their own.

use serde_json::Value;

use super::{Found, Part};
use crate::domain::from_root;
use crate::stack::dependencies::Dependency;
use crate::stack::rules::{Kind, Place, rules};
use crate::stack::{Evidence, Role, Service, dependencies};

pub(super) fn parts(place: &Place<'_>, whole: &Service) -> Found {
    let json = |path: &str| place.read(path).and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let projects =
        json("nest-cli.json").and_then(|value| value.get("projects")?.as_object().cloned()).unwrap_or_default();
    let needs = dependencies::of(place, whole.language);
    let mut parts: Vec<Part> = Vec::new();
    for (name, project) in &projects {
        let text = |key: &str| project.get(key).and_then(Value::as_str).unwrap_or_default();
        let root = text("root").trim_end_matches('/');
        if text("type") != "application" || root.is_empty() || place.has(&from_root(root, "package.json")) {
            continue;
        }
        let main = from_root(root, &format!("{}.ts", or(text("entryFile"), "main")));
        let source = from_root(or(text("sourceRoot"), root).trim_end_matches('/'), "main.ts");
        let main = if place.has(&source) { source } else { main };
        let evidence = place.find("nest-cli.json", |line| line.contains(&format!("\"{name}\"")));
        let evidence = listens(place, root).or(evidence).unwrap_or_else(|| place.presence(&main, "an application"));
        let command = Some(format!("npx nest start {name}"));
        parts.push(part(root, name, evidence, &needs, command));
    }
    for path in
        place.paths.iter().filter(|path| path.ends_with("/project.json") && !path.contains("node_modules")).take(100)
    {
        let folder = path.trim_end_matches("/project.json");
        let Some(project) = json(path).filter(|_| !place.has(&from_root(folder, "package.json"))) else { continue };
        let text = |key: &str| project.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("projectType") != "application" || folder.ends_with("-e2e") {
            continue;
        }
        let name = or(text("name"), folder.rsplit('/').next().unwrap_or(folder));
        let command = Some(format!("npx nx serve {name}"));
        let browser = |line: &str| BROWSER.iter().any(|executor| line.contains(executor));
        let page = || {
            Some(
                place.presence(
                    ["index.html", "src/index.html"]
                        .iter()
                        .map(|file| from_root(folder, file))
                        .find(|file| place.has(file))?
                        .as_str(),
                    "a page",
                ),
            )
        };
        let (mut made, runs_in_browser) = match (place.find(path, browser).or_else(page), listens(place, folder)) {
            (_, Some(evidence)) => (part(folder, name, evidence, &needs, command), false),
            (Some(evidence), None) => (part(folder, name, evidence, &needs, command), true),
            (None, None) => continue,
        };
        if runs_in_browser {
            made.role = Role::Frontend;
        }
        made.needs.retain(|need| is_of(&need.name, runs_in_browser));
        parts.push(made);
    }
    Found::Parts(parts)
}

/// Executors that build for a browser.
const BROWSER: &[&str] = &[
    "@nx/vite:",
    "@nx/angular:",
    "@angular-devkit/build-angular:",
    "@nx/next:",
    "@nx/webpack:dev-server",
    "@nrwl/web:",
    "@nrwl/angular:",
];

/// Whether a dependency of the whole can be one of this application: those of all stand in one list.
fn is_of(name: &str, browser: bool) -> bool {
    let mut frameworks =
        rules().package.iter().filter(|rule| rule.language == "javascript" && rule.is == Kind::Framework);
    frameworks.find(|rule| rule.fits(name)).is_none_or(|rule| rule.browser == browser || name == "next")
}

fn part(folder: &str, name: &str, evidence: Evidence, needs: &[Dependency], command: Option<String>) -> Part {
    Part {
        folder: folder.to_owned(),
        name: name.to_owned(),
        evidence,
        needs: needs.to_vec(),
        command,
        port: None,
        role: Role::Service,
        plain: None,
        told: false,
    }
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.is_empty() { other } else { text }
}

fn listens(place: &Place<'_>, folder: &str) -> Option<Evidence> {
    let full = place.full(folder);
    let there = place.at(&full);
    there.entry("javascript")
}
