//! What the rules say about a service and what surrounds it.

use super::Evidence;
use super::dependencies::Dependency;
use super::manager::manager;
use super::rules::{FileRule, Kind, PackageRule, Place, fitting, rules};
use super::{Fact, Runner, Service, StackReport, python, run, toolchain};
use crate::domain::from_root;

/// Languages whose rules hold for another one as well.
pub(super) fn family(language: &str) -> &str {
    match language {
        "typescript" => "javascript",
        "kotlin" => "java",
        other => other,
    }
}

/// Answers what the manifests and files of a service say.
/// `local` are folders of projects it is built on.
pub(super) fn fill(
    place: &Place<'_>,
    service: &mut Service,
    (needs, local): (&[Dependency], &[String]),
    conflicts: &mut Vec<String>,
) {
    let language = family(service.language);
    for rule in rules().package.iter().filter(|rule| rule.language == language) {
        let Some(fact) = by_package(place, rule, needs) else { continue };
        if rule.is == Kind::Framework && service.framework.is_none() {
            service.framework = Some(fact);
            continue;
        }
        add(list(service, rule.is), fact);
    }
    if service.framework.is_none()
        && service.language == "python"
        && let Some((_, evidence)) = python::manage(place)
    {
        service.framework = Some(Fact { name: "django".to_owned(), evidence });
    }
    runner(service);
    files(place, service, language);
    databases(place, service);
    for folder in local {
        stored(&place.at(folder), service, language);
    }
    service.package_manager = manager(place, service, language, conflicts);
    service.toolchain = toolchain::wanted(place, language);
    conflicts.extend(toolchain::contradictions(&service.toolchain));
    service.run = run::command(place, service, own_port(service));
}

/// Says how a service is started, when that is known from elsewhere.
pub(super) fn started(place: &Place<'_>, service: &mut Service, command: String, evidence: Evidence) {
    let made = run::started(place, service, own_port(service), Some((command, evidence)));
    service.run = made;
}

/// The rule that named a service's framework.
pub(super) fn framework_rule(service: &Service) -> Option<&'static PackageRule> {
    let name = &service.framework.as_ref()?.name;
    let language = family(service.language);
    rules().package.iter().find(|rule| rule.is == Kind::Framework && rule.language == language && rule.name == *name)
}

fn own_port(service: &Service) -> Option<u16> {
    framework_rule(service)?.port
}

/// Names of packages of .NET are the same in any case.
fn fits(rule: &PackageRule, need: &Dependency) -> bool {
    rule.fits(&need.name)
        || rule.language == "csharp" && rule.names.iter().any(|name| name.eq_ignore_ascii_case(&need.name))
}

fn by_package(place: &Place<'_>, rule: &PackageRule, needs: &[Dependency]) -> Option<Fact> {
    let named = |name: &String| needs.iter().any(|need| need.name == *name && !need.dev);
    if rule.unless.iter().any(named) {
        return None;
    }
    // What a project is built with it says itself; what it stores things with may be said by what it is built on.
    let says = |need: &&Dependency| {
        fits(rule, need)
            && (rule.any || !need.dev)
            && (need.own || !matches!(rule.is, Kind::Framework) || rule.language == "java")
    };
    let need = needs.iter().find(says)?;
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

/// Adds what is not there yet.
pub(super) fn add(list: &mut Vec<Fact>, fact: Fact) {
    if !list.iter().any(|known| known.name == fact.name) {
        list.push(fact);
    }
}

fn files(place: &Place<'_>, service: &mut Service, language: &str) {
    let above = place.above();
    let fitting = fitting(&place.paths);
    for (rule, paths) in rules().file.iter().zip(&fitting) {
        let ours = rule.language.as_deref().is_none_or(|wanted| wanted == language);
        if !ours || matches!(rule.is, Kind::Ci | Kind::Container | Kind::Deploy) {
            continue;
        }
        let found =
            by_file(place, rule, paths).or_else(|| rule.above.then(|| by_file_above(place, rule, &above)).flatten());
        if let Some(fact) = found {
            let known = list(service, rule.is);
            // A configuration file says more about what is used than a dependency does, but the tool is the same one.
            add(known, fact);
        }
    }
}

/// What a project that another one is built on stores things with.
fn stored(place: &Place<'_>, service: &mut Service, language: &str) {
    let fitting = fitting(&place.paths);
    let rules = rules().file.iter().zip(&fitting).filter(|(rule, _)| matches!(rule.is, Kind::Orm | Kind::Migrations));
    for (rule, paths) in rules.filter(|(rule, _)| rule.language.as_deref().is_none_or(|wanted| wanted == language)) {
        if let Some(fact) = by_file(place, rule, paths) {
            add(list(service, rule.is), fact);
        }
    }
    databases(place, service);
}

fn by_file(place: &Place<'_>, rule: &FileRule, fitting: &[&str]) -> Option<Fact> {
    let evidence = if rule.wants_line() {
        fitting.iter().find_map(|path| place.find(path, |line| rule.fits(line)))?
    } else {
        fitting.first().map(|path| place.presence(path, "is there"))?
    };
    Some(Fact { name: rule.name.clone(), evidence })
}

fn by_file_above(place: &Place<'_>, rule: &FileRule, above: &[(&str, &str)]) -> Option<Fact> {
    let glob = rule.glob.as_ref()?;
    let fitting = above.iter().filter(|(_, name)| glob.is_match(name)).map(|(folder, name)| from_root(folder, name));
    let evidence = fitting.into_iter().find_map(|path| match rule.wants_line() {
        true => place.find_from_root(&path, |line| rule.fits(line)),
        false => Some(Evidence { file: path, line: None, text: "is there, above it".to_owned() }),
    })?;
    Some(Fact { name: rule.name.clone(), evidence })
}

/// Files that name databases by address or image.
const SETTINGS: &[&str] = &[
    ".env.example",
    ".env.sample",
    ".env.template",
    ".env.dist",
    "alembic.ini",
    "src/main/resources/application.properties",
    "src/main/resources/application.yml",
    "src/main/resources/application.yaml",
    "config/database.yml",
    "appsettings.json",
    "appsettings.Development.json",
];

fn is_settings(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let near = path.matches('/').count() <= 1;
    let compose = (name.starts_with("docker-compose") || name.starts_with("compose")) && name.ends_with("ml");
    let spring = path.starts_with("src/main/resources/application") && !name.contains("test");
    compose && near && !name.contains("test")
        || SETTINGS.contains(&path)
        || spring
        || path.ends_with(".prisma")
        || path.ends_with("/settings.py")
        || path.ends_with("/settings/base.py")
        || path.ends_with("/settings/common.py")
}

/// Adds the databases that settings name.
pub(super) fn databases(place: &Place<'_>, service: &mut Service) {
    let files: Vec<&str> = place.paths.iter().copied().filter(|path| is_settings(path)).take(40).collect();
    let texts: Vec<(&str, String)> = files.into_iter().filter_map(|path| Some((path, place.read(path)?))).collect();
    for rule in &rules().database {
        let line = |(path, text): &(&str, String)| {
            let (index, line) = text.lines().enumerate().find(|(_, line)| rule.fits(line))?;
            Some(place.line(path, index, line))
        };
        if let Some(evidence) = texts.iter().find_map(line) {
            add(&mut service.databases, Fact { name: rule.name.clone(), evidence });
        }
    }
}

/// Answers what the repository as a whole says.
pub(super) fn surroundings(root: &Place<'_>, report: &mut StackReport) {
    let fitting = fitting(&root.paths);
    for (rule, paths) in rules().file.iter().zip(&fitting) {
        let list = match rule.is {
            Kind::Ci => &mut report.ci,
            Kind::Container => &mut report.containers,
            Kind::Deploy => &mut report.deploy,
            _ => continue,
        };
        for path in paths.iter().take(20) {
            let evidence = if rule.wants_line() {
                root.find(path, |line| rule.fits(line))
            } else {
                Some(root.presence(path, "is there"))
            };
            list.extend(evidence.map(|evidence| Fact { name: rule.name.clone(), evidence }));
        }
    }
}
