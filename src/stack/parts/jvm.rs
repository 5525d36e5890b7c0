//! Modules of Maven and projects of Gradle that are started.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::{Found, Part};
use crate::domain::{folder_of, from_root};
use crate::stack::dependencies::Dependency;
use crate::stack::dependencies::cargo::joined;
use crate::stack::dependencies::jvm::{Named, is_script, of_file, pom};
use crate::stack::rules::{Kind, Place, rules};
use crate::stack::{Evidence, Role, Service};

/// Sources of one module that are looked at.
const MOST: usize = 150;

pub(super) fn parts(place: &Place<'_>, whole: &Service) -> Found {
    let maven = whole.evidence.file.ends_with("pom.xml");
    let build = if maven { maven_modules(place) } else { gradle_projects(place) };
    if build.modules.len() < 2 {
        return Found::Whole(None);
    }
    let mut parts: Vec<Part> = Vec::new();
    for folder in build.modules.keys() {
        let needs = build.needs(folder);
        let Some(evidence) = started(place, &build, folder, &needs) else { continue };
        let name = folder.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&whole.name);
        let command = command(place, &build, folder, &needs, maven);
        let role = if serves(&needs) { Role::Service } else { Role::Program };
        parts.push(Part {
            folder: folder.clone(),
            name: name.to_owned(),
            evidence,
            needs,
            command,
            port: None,
            role,
            plain: None,
            told: false,
        });
    }
    // One that lies in the root is the whole itself.
    if let [part] = parts.as_slice()
        && part.folder.is_empty()
    {
        return Found::Whole(None);
    }
    Found::Parts(parts)
}

/// Whether what a program is built with listens: a job of Spring starts as a service does, and ends.
pub(in crate::stack) fn serves(needs: &[Dependency]) -> bool {
    const ONLY_STARTS: &[&str] =
        &["spring-boot-starter", "spring-boot-starter-parent", "spring-boot-maven-plugin", "spring-boot-starter-test"];
    const JOBS: &[&str] = &[
        "batch",
        "data-",
        "jdbc",
        "quartz",
        "mail",
        "logging",
        "json",
        "validation",
        "test",
        "cache",
        "aop",
        "amqp",
        "jooq",
        "log4j2",
        "flyway",
        "liquibase",
    ];
    let mut used = needs.iter().filter(|need| !need.dev && is_framework(&need.name));
    let boot = |name: &str| name.starts_with("spring-boot") || name.starts_with("org.springframework.boot");
    let job = |name: &str| {
        ONLY_STARTS.contains(&name)
            || name.starts_with("org.")
            || JOBS.iter().any(|word| name.contains(word)) && !name.contains("data-rest")
    };
    let brings = [
        "server", "gateway", "web", "admin", "grpc", "graphql", "eureka", "openapi", "swagger", "jersey", "camel",
        "vaadin",
    ];
    used.clone().next().is_none()
        || used.any(|need| !boot(&need.name) || !job(&need.name))
        || needs.iter().any(|need| {
            !need.dev && !need.name.contains("client") && brings.iter().any(|word| need.name.contains(word))
        })
}

/// What is said of one module.
#[derive(Default)]
struct Unit {
    needs: Vec<Dependency>,
    /// Folders of the modules it needs.
    near: Vec<String>,
}

/// A build of several modules, by folder.
struct Build {
    modules: BTreeMap<String, Unit>,
}

impl Build {
    /// What a module needs: itself, by what stands above it, and by the modules it is built on.
    fn needs(&self, folder: &str) -> Vec<Dependency> {
        let mut seen = BTreeSet::new();
        let mut queue = vec![folder.to_owned()];
        let mut found: Vec<Dependency> = Vec::new();
        while let Some(next) = queue.pop() {
            if !seen.insert(next.clone()) {
                continue;
            }
            let Some(unit) = self.modules.get(&next) else { continue };
            let own = next == folder;
            let needs = unit.needs.iter().filter(|need| own || !need.dev).cloned();
            found.extend(needs.map(|need| Dependency { own, ..need }));
            queue.extend(unit.near.iter().cloned());
        }
        found
    }

    fn is_alone(&self, folder: &str) -> bool {
        self.modules.get(folder).is_some_and(|unit| unit.near.is_empty())
    }
}

/// The line that starts a module. Without any source file it is what it is built with.
fn started(place: &Place<'_>, build: &Build, folder: &str, needs: &[Dependency]) -> Option<Evidence> {
    let rule = rules().entry.iter().find(|rule| rule.language == "java")?;
    // What Quarkus builds says so by its plugin; the line of code may stand in a module it is built on.
    let quarkus = |need: &&Dependency| need.own && ["quarkus-maven-plugin", "io.quarkus"].contains(&need.name.as_str());
    if let Some(plugin) = needs.iter().find(quarkus) {
        return Some(plugin.evidence.clone());
    }
    let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let deeper = |path: &str| {
        let others = build.modules.keys().filter(|other| other.len() > folder.len() && other.starts_with(&start));
        others.into_iter().any(|other| path.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/')))
    };
    let is_source = |path: &str| [".java", ".kt", ".groovy"].iter().any(|end| path.ends_with(end));
    let inside =
        place.paths.iter().copied().filter(|path| path.starts_with(&start) && is_source(path) && !deeper(path));
    let own: Vec<&str> = inside.collect();
    if own.is_empty() {
        let framework = |need: &&Dependency| need.own && !need.dev && is_framework(&need.name);
        let found = needs.iter().find(framework)?;
        // A build that only says what its modules are built with starts nothing.
        return (!folder.is_empty()).then(|| found.evidence.clone());
    }
    let mut main: Vec<&str> = own
        .into_iter()
        .filter(|path| {
            !path[start.len()..].split('/').any(|part| part.eq_ignore_ascii_case("test") || part == "integrationTest")
        })
        .collect();
    let likely = ["Application.", "App.", "Main.", "Server.", "Starter.", "Bootstrap."];
    main.sort_by_key(|path| (!likely.iter().any(|end| path.contains(end)), path.matches('/').count()));
    main.truncate(MOST);
    place.entry_in(rule, &main).filter(|line| !line.text.contains("@QuarkusMain"))
}

fn is_framework(name: &str) -> bool {
    // Its test kit and its version say nothing about what runs.
    let aside = ["-test", "-parent", "-dependencies", "-gradle-plugin"];
    let mut frameworks = rules().package.iter().filter(|rule| rule.language == "java" && rule.is == Kind::Framework);
    frameworks.any(|rule| rule.fits(name)) && !aside.iter().any(|end| name.ends_with(end))
}

fn command(place: &Place<'_>, build: &Build, folder: &str, needs: &[Dependency], maven: bool) -> Option<String> {
    let uses = |start: &str| needs.iter().any(|need| need.name.starts_with(start));
    let program =
        |wrapper: &str, tool: &str| if place.exists(wrapper) { format!("./{wrapper}") } else { tool.to_owned() };
    if maven {
        let program = program("mvnw", "mvn");
        let goal = if uses("quarkus") {
            "quarkus:dev"
        } else if uses("spring-boot") {
            "spring-boot:run"
        } else {
            return None;
        };
        let run =
            if folder.is_empty() { format!("{program} {goal}") } else { format!("{program} -pl {folder} {goal}") };
        // What it is built on is built before it.
        let alone = build.is_alone(folder);
        let before = || format!("{program} -q -pl {folder} -am install -DskipTests && ");
        return Some(if alone { run } else { before() + &run });
    }
    let program = program("gradlew", "gradle");
    let task = if uses("io.quarkus") {
        "quarkusDev"
    } else if uses("org.springframework.boot") || uses("spring-boot") {
        "bootRun"
    } else {
        "run"
    };
    let path = folder.split('/').filter(|part| !part.is_empty()).fold(String::new(), |path, part| path + ":" + part);
    Some(if path.is_empty() { format!("{program} {task}") } else { format!("{program} {path}:{task}") })
}

static MODULE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<module>\s*([^<\s]+)\s*</module>").ok());

fn maven_modules(place: &Place<'_>) -> Build {
    let mut folders: BTreeMap<String, Option<String>> = BTreeMap::from([(String::new(), None)]);
    let mut queue = vec![String::new()];
    while let Some(folder) = queue.pop() {
        let text = place.read(&from_root(&folder, "pom.xml")).unwrap_or_default();
        for named in MODULE.iter().flat_map(|regex| regex.captures_iter(&text)) {
            let Some(path) = joined(&folder, named[1].trim_end_matches("pom.xml")) else { continue };
            let known = folders.contains_key(&path) || !place.has(&from_root(&path, "pom.xml"));
            if !known && folders.len() < 200 {
                folders.insert(path.clone(), Some(folder.clone()));
                queue.push(path);
            }
        }
    }
    let mut artifacts: BTreeMap<String, String> = BTreeMap::new();
    for folder in folders.keys() {
        let text = place.read(&from_root(folder, "pom.xml")).unwrap_or_default();
        let own = pom(&text).into_iter().find(|one| one.is == Named::Itself);
        artifacts.extend(own.map(|own| (own.name, folder.clone())));
    }
    let mut modules = BTreeMap::new();
    for folder in folders.keys() {
        let mut unit = Unit::default();
        let mut at = Some(folder);
        while let Some(one) = at {
            let needs = of_file(place, &from_root(one, "pom.xml"));
            unit.near.extend(
                needs
                    .iter()
                    .filter_map(|need| artifacts.get(&need.name))
                    .filter(|near| !is_above(near, folder))
                    .cloned(),
            );
            unit.needs.extend(needs);
            at = folders.get(one).and_then(Option::as_ref);
        }
        modules.insert(folder.clone(), unit);
    }
    Build { modules }
}

fn is_above(folder: &str, of: &str) -> bool {
    folder.is_empty() || folder == of || of.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// `project(":a:b")`, `projects.a.b`.
static PROJECT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"project\(\s*(?:path\s*[:=]\s*)?["']:?([\w:.-]+)["']|\bprojects\.([\w.]+)"#).ok());

fn gradle_projects(place: &Place<'_>) -> Build {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let scripts = place.paths.iter().copied().filter(|path| is_script(&name(path)));
    let aside = |path: &str| {
        path.split('/').any(|part| part.starts_with("buildSrc") || part.starts_with("build-logic") || part == "gradle")
    };
    let conventions: Vec<&str> =
        scripts.clone().filter(|path| aside(path) && !name(path).starts_with("build.")).collect();
    let mut scripts_of: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for script in scripts.filter(|path| !aside(path)).take(200) {
        let (folder, file) = (folder_of(script), name(script));
        let own = folder.rsplit('/').next().unwrap_or_default();
        // `api/api.gradle` is a build script as well; what else ends so is applied by one.
        if file.starts_with("build.") || !folder.is_empty() && file.starts_with(&format!("{own}.")) {
            scripts_of.entry(folder.to_owned()).or_default().push(script);
        }
    }
    for included in included(place) {
        scripts_of.entry(included).or_default();
    }
    scripts_of.entry(String::new()).or_default();
    let shared = shared(place);
    let folders: Vec<String> = scripts_of.keys().cloned().collect();
    let mut modules = BTreeMap::new();
    for (folder, scripts) in &scripts_of {
        let mut unit = Unit::default();
        for script in scripts {
            let mut needs = of_file(place, script);
            for convention in needs.clone().iter().filter_map(|need| convention(&conventions, &need.name)) {
                needs.extend(of_file(place, convention));
            }
            unit.needs.extend(needs);
            let text = place.read(script).unwrap_or_default();
            for named in PROJECT.iter().flat_map(|regex| regex.captures_iter(&text)) {
                let path = named.iter().skip(1).flatten().next().map_or("", |path| path.as_str());
                let path = path.trim_start_matches(':').replace([':', '.'], "/");
                let kebab = |text: &str| text.replace('-', "").to_lowercase();
                let fits = |other: &&String| kebab(other) == kebab(&path) && !other.is_empty();
                unit.near.extend(folders.iter().find(fits).cloned());
            }
        }
        if !folder.is_empty() {
            unit.needs.extend(shared.iter().cloned());
        }
        modules.insert(folder.clone(), unit);
    }
    Build { modules }
}

fn convention<'a>(files: &[&'a str], id: &str) -> Option<&'a str> {
    let named = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.strip_suffix(".gradle.kts").or_else(|| name.strip_suffix(".gradle")) == Some(id)
    };
    files.iter().copied().find(|path| named(path))
}

/// Folders that the settings include.
fn included(place: &Place<'_>) -> Vec<String> {
    let text = ["settings.gradle", "settings.gradle.kts"].iter().find_map(|file| place.read(file)).unwrap_or_default();
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines().map(|line| line.split("//").next().unwrap_or_default()) {
        let starts = line.trim_start().starts_with("include") && !line.trim_start().starts_with("includeBuild");
        if starts || inside {
            let names =
                line.split(['"', '\'']).skip(1).step_by(2).map(|name| name.trim_start_matches(':').replace(':', "/"));
            found.extend(names.filter(|folder| !folder.is_empty()));
            // The list goes on in the next line.
            inside = line.trim_end().ends_with([',', '(']);
        }
    }
    found
}

/// What the root says for all projects below it.
fn shared(place: &Place<'_>) -> Vec<Dependency> {
    let Some(file) = ["build.gradle", "build.gradle.kts"].into_iter().find(|file| place.has(file)) else {
        return Vec::new();
    };
    let text = place.read(file).unwrap_or_default();
    let mut depth = 0i32;
    let mut since: Option<i32> = None;
    let mut lines = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        if since.is_none()
            && ["subprojects", "allprojects", "configure(subprojects"].iter().any(|start| bare.starts_with(start))
        {
            since = Some(depth);
        }
        if since.is_some() {
            lines.insert(index + 1);
        }
        depth += i32::try_from(line.matches('{').count()).unwrap_or(0)
            - i32::try_from(line.matches('}').count()).unwrap_or(0);
        since = since.filter(|start| depth > *start);
    }
    let inside = |need: &Dependency| need.evidence.line.is_some_and(|line| lines.contains(&line));
    of_file(place, file).into_iter().filter(inside).collect()
}
