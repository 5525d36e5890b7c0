//! What the rules say about a service and what surrounds it.

use super::dependencies::{self, Dependency};
use super::rules::{Kind, PackageRule, Place, rules};
use super::{Fact, Runner, Service, StackReport, run, toolchain};

/// Languages whose rules hold for another one as well.
fn family(language: &str) -> &str {
    match language {
        "typescript" => "javascript",
        "kotlin" => "java",
        other => other,
    }
}

/// Answers what the manifests and files of a service say.
pub(super) fn fill(place: &Place<'_>, service: &mut Service, conflicts: &mut Vec<String>) {
    let needs = dependencies::of(place, service.language);
    let language = family(service.language);
    let mut port = None;
    for rule in rules().package.iter().filter(|rule| rule.language == language) {
        let Some(fact) = by_package(place, rule, &needs) else { continue };
        if rule.is == Kind::Framework && service.framework.is_none() {
            port = rule.port;
            service.framework = Some(fact);
            continue;
        }
        add(list(service, rule.is), fact);
    }
    if service.framework.is_none()
        && let Some(evidence) = place.find("manage.py", |line| line.contains("django"))
    {
        port = Some(8000);
        service.framework = Some(Fact { name: "django".to_owned(), evidence });
    }
    runner(service);
    files(place, service, language);
    databases(place, service);
    service.package_manager = manager(place, service, language, conflicts);
    service.toolchain = toolchain::wanted(place, language);
    service.run = run::command(place, service, port);
}

fn by_package(place: &Place<'_>, rule: &PackageRule, needs: &[Dependency]) -> Option<Fact> {
    let named = |name: &String| needs.iter().any(|need| need.name == *name && !need.dev);
    if rule.unless.iter().any(named) {
        return None;
    }
    let need = needs.iter().find(|need| rule.fits(&need.name) && (rule.any || !need.dev))?;
    if let Some(source) = rule.source() {
        place.sources(&[".py", ".js", ".ts"]).iter().find_map(|path| place.find(path, |line| source.is_match(line)))?;
    }
    Some(Fact { name: rule.name.clone(), evidence: need.evidence.clone() })
}

/// The runner that the best test command calls, where it says so itself.
fn runner(service: &mut Service) {
    let Some(best) = service.tests.first() else { return };
    let script = ["vitest", "jest", "mocha", "ava", "tap"];
    let name = match best.runner {
        Runner::Pytest => "pytest",
        Runner::Unittest => "unittest",
        Runner::Django => "django",
        Runner::Go => "go test",
        Runner::Cargo => "cargo test",
        Runner::Script | Runner::Node => {
            let text = format!("{} {}", best.evidence.text, best.command);
            let words: Vec<&str> = text.split([' ', '"', '\'', '/']).collect();
            let of_program = |program: &str, option: &str| words.contains(&program) && words.contains(&option);
            let named = script.into_iter().find(|name| words.contains(name));
            let named = named.or_else(|| of_program("node", "--test").then_some("node:test"));
            let named = named.or_else(|| text.contains("bun test").then_some("bun"));
            let Some(name) = named else { return };
            name
        }
        _ => return,
    };
    let fact = Fact { name: name.to_owned(), evidence: best.evidence.clone() };
    service.test_runners.retain(|known| known.name != fact.name);
    service.test_runners.insert(0, fact);
}

fn list(service: &mut Service, kind: Kind) -> &mut Vec<Fact> {
    match kind {
        Kind::TestRunner => &mut service.test_runners,
        Kind::Linter => &mut service.linters,
        Kind::Formatter => &mut service.formatters,
        Kind::TypeChecker => &mut service.type_checkers,
        Kind::Orm => &mut service.orms,
        Kind::Migrations => &mut service.migrations,
        Kind::Database => &mut service.databases,
        Kind::Openapi => &mut service.openapi,
        _ => &mut service.also,
    }
}

fn add(list: &mut Vec<Fact>, fact: Fact) {
    if !list.iter().any(|known| known.name == fact.name) {
        list.push(fact);
    }
}

fn files(place: &Place<'_>, service: &mut Service, language: &str) {
    for rule in &rules().file {
        let ours = rule.language.as_deref().is_none_or(|wanted| wanted == language);
        if !ours || matches!(rule.is, Kind::Ci | Kind::Container | Kind::Deploy) {
            continue;
        }
        if let Some(fact) = by_file(place, rule) {
            let known = list(service, rule.is);
            // A configuration file says more about what is used than a dependency does, but the tool is the same one.
            add(known, fact);
        }
    }
}

fn by_file(place: &Place<'_>, rule: &super::rules::FileRule) -> Option<Fact> {
    let glob = rule.glob.as_ref()?;
    let mut fitting = place.paths.iter().filter(|path| glob.is_match(path)).take(50);
    let evidence = match &rule.holds {
        None => fitting.next().map(|path| place.presence(path, "is there"))?,
        Some(text) => fitting.find_map(|path| place.find(path, |line| line.contains(text.as_str())))?,
    };
    Some(Fact { name: rule.name.clone(), evidence })
}

/// Files that name databases by address or image.
const SETTINGS: &[&str] = &[
    ".env.example",
    ".env.sample",
    ".env.template",
    "docker-compose.yml",
    "docker-compose.yaml",
    "compose.yml",
    "compose.yaml",
    "alembic.ini",
    "src/main/resources/application.properties",
    "src/main/resources/application.yml",
    "src/main/resources/application.yaml",
    "config/database.yml",
];

fn databases(place: &Place<'_>, service: &mut Service) {
    let settings = place.paths.iter().copied().filter(|path| {
        path.ends_with("/settings.py") || path.ends_with("/settings/base.py") || path.ends_with(".prisma")
    });
    let files: Vec<&str> = SETTINGS.iter().copied().filter(|path| place.has(path)).chain(settings.take(10)).collect();
    for rule in &rules().database {
        let holds = |line: &str| {
            let bare = line.trim_start();
            let provider =
                bare.strip_prefix("provider").is_some_and(|rest| rest.contains(&format!("\"{}\"", rule.name)));
            !bare.starts_with('#') && (provider || rule.holds.iter().any(|text| line.contains(text.as_str())))
        };
        if let Some(evidence) = files.iter().find_map(|path| place.find(path, holds)) {
            add(&mut service.databases, Fact { name: rule.name.clone(), evidence });
        }
    }
}

/// What installs the dependencies: what the manifest names, else what wrote the lock file.
fn manager(place: &Place<'_>, service: &Service, language: &str, conflicts: &mut Vec<String>) -> Option<Fact> {
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
            Some(super::Evidence { file: found.clone(), line: None, text: "the lock file of the whole".to_owned() })
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

/// Answers what the repository as a whole says.
pub(super) fn surroundings(root: &Place<'_>, report: &mut StackReport) {
    for rule in &rules().file {
        let list = match rule.is {
            Kind::Ci => &mut report.ci,
            Kind::Container => &mut report.containers,
            Kind::Deploy => &mut report.deploy,
            _ => continue,
        };
        let Some(glob) = &rule.glob else { continue };
        for path in root.paths.iter().filter(|path| glob.is_match(path)).take(20) {
            let evidence = match &rule.holds {
                None => Some(root.presence(path, "is there")),
                Some(text) => root.find(path, |line| line.contains(text.as_str())),
            };
            list.extend(evidence.map(|evidence| Fact { name: rule.name.clone(), evidence }));
        }
    }
}
