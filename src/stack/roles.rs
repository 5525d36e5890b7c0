//! What each project is there for, and what it has from the projects around it.

mod inherit;

use serde_json::Value;

use super::dependencies;
use super::facts::{family, framework_rule};
use super::parts::serves;
use super::rules::Place;
use super::{Evidence, Files, Role, Service, StackReport};

/// Says what each project is there for, once all are known.
pub(super) fn settle(files: &dyn Files, paths: &[String], report: &mut StackReport) {
    let folders: Vec<String> = report.services.iter().map(|service| service.folder.clone()).collect();
    for service in &mut report.services {
        let folder = service.folder.clone();
        let place = Place::new(files, paths, &folder);
        let others: Vec<&str> = folders.iter().map(String::as_str).filter(|other| *other != folder).collect();
        if service.role == Role::Unknown {
            service.role = role(&place.without(&others), service);
        }
        // A library is built with a framework and starts nothing.
        if matches!(service.role, Role::Library | Role::Tests | Role::Workspace) {
            service.run = None;
        }
        if matches!(service.role, Role::Tests | Role::Workspace) {
            service.framework = None;
        }
    }
    inherit::solution(report);
    inherit::tools(report);
    inherit::databases(&Place::new(files, paths, ""), report);
}

fn role(place: &Place<'_>, service: &mut Service) -> Role {
    match family(service.language) {
        "javascript" => node(place, service),
        "python" => python(place, service),
        "java" => java(place, service),
        "csharp" => dotnet(place, service),
        "ruby" => ruby(place, service),
        "php" => php(place, service),
        "go" => compiled(place, service, &[".go"], |line| line.starts_with("func main(")),
        "rust" => compiled(place, service, &["main.rs"], |line| line.contains("fn main(")),
        _ => Role::Unknown,
    }
}

fn has_command(service: &Service) -> bool {
    service.run.as_ref().is_some_and(|run| run.command.is_some())
}

/// Go and Rust: what starts and what is linked into others.
fn compiled(place: &Place<'_>, service: &Service, endings: &[&str], main: impl Fn(&str) -> bool) -> Role {
    if has_command(service) {
        return Role::Service;
    }
    let sources = place.sources(endings);
    match sources.iter().take(60).any(|path| place.find(path, &main).is_some()) {
        true => Role::Program,
        false if place.paths.iter().any(|path| path.ends_with(".go") || path.ends_with(".rs")) => Role::Library,
        false => Role::Unknown,
    }
}

fn node(place: &Place<'_>, service: &mut Service) -> Role {
    let text = place.read("package.json").unwrap_or_default();
    let manifest: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
    let whole = manifest.get("workspaces").is_some()
        || ["pnpm-workspace.yaml", "lerna.json", "nx.json", "turbo.json", "rush.json"]
            .iter()
            .any(|file| place.has(file));
    let script = |name: &str| manifest.pointer(&format!("/scripts/{name}")).and_then(Value::as_str);
    let starts =
        ["start", "start:prod", "start:dev", "serve", "dev", "develop"].iter().any(|name| script(name).is_some());
    let published =
        ["main", "module", "exports", "bin", "types", "files"].iter().any(|key| manifest.get(key).is_some());
    let last = place.folder.rsplit('/').next().unwrap_or_default();
    if service.framework.is_none()
        && (last.contains("e2e") || ["tests", "test", "api_tests", "api-tests"].contains(&last))
    {
        return Role::Tests;
    }
    match framework_rule(service).map(|rule| rule.browser) {
        Some(true) if whole => Role::Workspace,
        Some(true) => browser(place, &manifest),
        Some(false) => {
            let listens = place.entry("javascript").is_some();
            match (whole, listens) {
                (true, false) => Role::Workspace,
                (false, false) if published && !starts => Role::Library,
                (false, false)
                    if published && place.paths.iter().any(|path| is_script(path)) && only_builds(&manifest) =>
                {
                    Role::Library
                }
                _ => Role::Service,
            }
        }
        None if whole => Role::Workspace,
        None => {
            if let Some(line) = place.entry("javascript-plain").filter(|_| starts || !published) {
                return plain(service, "node:http", line);
            }
            match (published, starts) {
                (true, _) => Role::Library,
                (_, true) if !only_builds(&manifest) && !serves_pages(&manifest) => Role::Program,
                _ => Role::Unknown,
            }
        }
    }
}

/// Scripts that only bring what another program shows.
fn serves_pages(manifest: &Value) -> bool {
    let script = |name: &&str| manifest.pointer(&format!("/scripts/{name}")).and_then(Value::as_str);
    let mut found = ["start", "serve", "dev", "develop"].iter().filter_map(script);
    found.any(|text| ["vite", "webpack", "encore", "mix", "esbuild", "parcel"].iter().any(|word| text.contains(word)))
}

fn is_script(path: &str) -> bool {
    [".js", ".ts", ".mjs", ".cjs", ".tsx", ".jsx"].iter().any(|end| path.ends_with(end))
}

/// Scripts that start nothing but a compiler that goes on looking.
fn only_builds(manifest: &Value) -> bool {
    let script = |name: &&str| manifest.pointer(&format!("/scripts/{name}")).and_then(Value::as_str);
    let watches = |text: &str| ["--watch", "tsc", "tsup", "rollup", "storybook"].iter().any(|word| text.contains(word));
    let listens =
        |text: &str| ["node ", "nodemon", "tsx ", "ts-node", "nest ", "next "].iter().any(|word| text.contains(word));
    let mut found = ["start", "serve", "dev", "develop"].iter().filter_map(script).peekable();
    found.peek().is_some() && found.all(|text| watches(text) && !listens(text))
}

fn browser(place: &Place<'_>, manifest: &Value) -> Role {
    const SERVE: &[&str] = &[
        "vite",
        "react-scripts",
        "ng serve",
        "webpack",
        "parcel",
        "rsbuild",
        "rspack",
        "vue-cli-service",
        "astro",
        "gatsby",
        "craco",
        "umi",
        "nx serve",
        "solid-start",
        "expo",
        "ember ",
    ];
    let script = |name: &&str| manifest.pointer(&format!("/scripts/{name}")).and_then(Value::as_str);
    let serves = ["start", "dev", "serve", "develop"].iter().filter_map(script).any(|text| {
        SERVE.iter().any(|word| text.contains(word)) && !text.contains("--watch") && !text.contains("storybook")
    });
    let page = ["index.html", "public/index.html", "src/index.html", "angular.json"].iter().any(|file| place.has(file));
    let published = ["main", "module", "exports", "types", "files"].iter().any(|key| manifest.get(key).is_some());
    match (serves || page, published) {
        (true, _) => Role::Frontend,
        (false, true) => Role::Library,
        (false, false) => Role::Unknown,
    }
}

/// It listens without a framework.
fn plain(service: &mut Service, name: &str, line: Evidence) -> Role {
    service.framework = Some(super::Fact { name: name.to_owned(), evidence: line });
    Role::Service
}

fn python(place: &Place<'_>, service: &mut Service) -> Role {
    let sources = place.sources(&[".py"]);
    if service.framework.is_some() {
        if has_command(service) || sources.is_empty() || place.entry("python").is_some() {
            return Role::Service;
        }
        return Role::Library;
    }
    if place.find("pyproject.toml", |line| line.starts_with("[tool.uv.workspace]")).is_some() {
        return Role::Workspace;
    }
    if let Some(line) = place.entry("python-plain") {
        let name = if line.text.contains("grpc") { "grpc" } else { "http.server" };
        return plain(service, name, line);
    }
    let scripts = |line: &str| {
        ["[project.scripts]", "[tool.poetry.scripts]"].contains(&line.trim()) || line.contains("console_scripts")
    };
    if ["pyproject.toml", "setup.py", "setup.cfg"].iter().any(|file| place.find(file, scripts).is_some()) {
        return Role::Program;
    }
    let named =
        |line: &str| ["[project]", "[tool.poetry]", "[metadata]"].contains(&line.trim()) || line.contains("setup(");
    match ["pyproject.toml", "setup.py", "setup.cfg"].iter().any(|file| place.find(file, named).is_some()) {
        true if !sources.is_empty() => Role::Library,
        _ => Role::Unknown,
    }
}

fn java(place: &Place<'_>, service: &Service) -> Role {
    let sources = place.sources(&[".java", ".kt", ".groovy"]);
    if sources.is_empty() {
        return if service.framework.is_some() { Role::Service } else { Role::Unknown };
    }
    match (place.entry("java").is_some(), &service.framework) {
        (true, Some(_)) if serves(&dependencies::of(place, "java")) => Role::Service,
        (true, _) => Role::Program,
        (false, _) => Role::Library,
    }
}

fn dotnet(place: &Place<'_>, service: &Service) -> Role {
    if [".sln", ".slnx"].iter().any(|end| service.evidence.file.ends_with(end)) {
        return Role::Workspace;
    }
    let file = service.relative(&service.evidence.file).unwrap_or_default();
    let holds = |text: &str| place.find(file, |line| line.contains(text)).is_some();
    if holds("Microsoft.NET.Test.Sdk") || holds("<IsTestProject>true") {
        return Role::Tests;
    }
    if holds("Microsoft.NET.Sdk.BlazorWebAssembly") {
        return Role::Frontend;
    }
    if holds("Microsoft.NET.Sdk.Web") && !holds("<OutputType>Library") {
        return Role::Service;
    }
    let runs = [
        "<OutputType>Exe",
        "<OutputType>WinExe",
        "Microsoft.NET.Sdk.Worker",
        "Aspire.AppHost.Sdk",
        "<IsAspireHost>true",
    ];
    if runs.iter().any(|text| holds(text)) { Role::Program } else { Role::Library }
}

fn ruby(place: &Place<'_>, service: &Service) -> Role {
    let engine = place.paths.iter().any(|path| path.ends_with(".gemspec") && !path.contains('/'));
    let runs = ["config/application.rb", "config.ru", "bin/rails"].iter().any(|file| place.has(file));
    match (&service.framework, engine, runs) {
        (_, true, _) => Role::Library,
        (Some(_), false, _) => Role::Service,
        (None, false, true) => Role::Service,
        _ => Role::Unknown,
    }
}

fn php(place: &Place<'_>, service: &Service) -> Role {
    let runs = ["artisan", "public/index.php", "bin/console", "index.php"].iter().any(|file| place.has(file));
    let library = place.find("composer.json", |line| line.contains("\"type\"") && line.contains("library")).is_some();
    match (&service.framework, runs) {
        (Some(_), true) => Role::Service,
        (Some(_), false) if !library && !place.paths.iter().any(|path| path.ends_with(".php")) => Role::Service,
        (None, true) if !library => Role::Unknown,
        _ => Role::Library,
    }
}
