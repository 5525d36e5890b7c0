//! Languages whose own tool builds and tests, and makefiles.

use super::rules::Place;
use super::{Runner, Service, TestCommand};
use crate::domain::{folder_of, from_root};

/// Go, Rust and the JVM.
pub(super) fn detect(place: &Place<'_>, conflicts: &mut Vec<String>) -> Vec<Service> {
    let mut found = Vec::new();
    found.extend(project(
        place,
        "go.mod",
        "go",
        Runner::Go,
        "go test -v ./...",
        "install Go, then run `go mod download`",
    ));
    let cargo = "cargo test --no-fail-fast";
    found.extend(project(place, "Cargo.toml", "rust", Runner::Cargo, cargo, "install Rust, then run `cargo fetch`"));
    let maven = if place.exists("mvnw") { "./mvnw -B -o test" } else { "mvn -B -o test" };
    let install = "install Maven, then run `mvn dependency:go-offline`";
    found.extend(project(place, "pom.xml", "java", Runner::Maven, maven, install));
    let gradle = if place.exists("gradlew") { "./gradlew" } else { "gradle" };
    let gradle = format!("{gradle} test --offline --console=plain --continue");
    // What a build script is written in says nothing about the sources.
    let kotlin =
        place.paths.iter().any(|path| path.ends_with(".kt")) && !place.paths.iter().any(|path| path.ends_with(".java"));
    let language = if kotlin { "kotlin" } else { "java" };
    let build = ["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"]
        .into_iter()
        .find(|file| place.has(file));
    let install = "install Gradle, then run its `dependencies` task once with network";
    let both = place.has("pom.xml");
    if let Some(manifest) = build.filter(|_| both) {
        conflicts.push(format!(
            "{}: {manifest} builds the same; maven counts, it comes first; remove the other",
            place.full("pom.xml")
        ));
    }
    found.extend(
        build
            .filter(|_| !both)
            .and_then(|manifest| project(place, manifest, language, Runner::Gradle, &gradle, install)),
    );
    found
}

fn project(
    place: &Place<'_>,
    manifest: &str,
    language: &'static str,
    runner: Runner,
    command: &str,
    install: &str,
) -> Option<Service> {
    if !place.has(manifest) || inside_a_whole(place, manifest) {
        return None;
    }
    let evidence = place.presence(manifest, "its own tool runs the tests");
    let test =
        TestCommand { command: command.to_owned(), runner, evidence: evidence.clone(), install: install.to_owned() };
    Some(Service::new(place, language, evidence, vec![test]))
}

/// A member of a Cargo workspace, a Maven module or a project of Gradle is tested by the whole.
fn inside_a_whole(place: &Place<'_>, manifest: &str) -> bool {
    let mut folder = place.folder;
    while !folder.is_empty() {
        folder = folder_of(folder);
        let settings = || {
            ["settings.gradle", "settings.gradle.kts"]
                .iter()
                .any(|file| place.read_from_root(&from_root(folder, file)).is_some())
        };
        if manifest.contains(".gradle") && settings() {
            return true;
        }
        let path = from_root(folder, manifest);
        let text = place.read_from_root(&path).unwrap_or_default();
        if text.contains("[workspace]") || text.contains("<modules>") {
            return true;
        }
    }
    false
}

/// The `test` target of a makefile, unless it does more than run tests here.
pub(super) fn make(place: &Place<'_>) -> Option<TestCommand> {
    let name = ["GNUmakefile", "makefile", "Makefile"].into_iter().find(|name| place.has(name))?;
    let evidence = place.find(name, |line| {
        line.strip_prefix("test").is_some_and(|rest| rest.trim_start().starts_with(':') && !rest.contains('='))
    })?;
    let text = place.read(name)?;
    let rule = text.lines().skip(evidence.line?.saturating_sub(1));
    let header = rule.clone().take(1);
    let recipe = rule.skip(1).take_while(|line| line.starts_with(['\t', ' ', '#']) || line.is_empty());
    let elsewhere =
        ["docker", "podman", "compose", "kubectl", "ssh ", "pip install", "npm install", "npm ci", "apt", "install"];
    let local = !header.chain(recipe).any(|line| elsewhere.iter().any(|word| line.contains(word)));
    local.then(|| TestCommand {
        command: "make test".to_owned(),
        runner: Runner::Make,
        evidence,
        install: "install make".to_owned(),
    })
}

/// A project that says nothing about itself but how its tests run.
pub(super) fn only_make(place: &Place<'_>, make: TestCommand) -> Service {
    Service::new(place, "unknown", make.evidence.clone(), vec![make])
}
