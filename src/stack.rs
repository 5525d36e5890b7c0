//! What this repository is: services, languages, frameworks, and the commands that build, check and run them.
//!
//! Everything is read from files, nothing is executed, and every answer names the file and line it rests on. What is
//! not clear is left unknown rather than guessed; what contradicts itself is said. The rules are data:
//! `assets/stack.toml`.

mod ci;
mod dependencies;
mod facts;
mod files;
mod node;
mod others;
mod python;
mod rules;
mod run;
mod show;
mod toolchain;
mod tools;

use std::path::Path;

use serde::Serialize;

use crate::domain::{from_folder, from_root};

pub(crate) use files::{COUNT_LIMIT, DEPTH_LIMIT, NEAR_DEPTH, SIZE_LIMIT};
pub use files::{Files, Folder};
pub use toolchain::{Toolchain, present};

/// Where an answer was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The file, relative to the root.
    pub file: String,
    /// 1-based line, where one line says it.
    pub line: Option<usize>,
    /// The line, or what the file's presence means.
    pub text: String,
}

/// What runs the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Runner {
    /// `python -m pytest`
    Pytest,
    /// `python -m unittest`
    Unittest,
    /// `manage.py test`
    Django,
    /// A script of `package.json`, whatever it runs.
    Script,
    /// A JavaScript runner called directly.
    Node,
    /// `go test`
    Go,
    /// `cargo test`
    Cargo,
    /// Maven.
    Maven,
    /// Gradle.
    Gradle,
    /// A target of a makefile.
    Make,
    /// The tests of another language's own tool.
    Other,
    /// A command the user configured.
    Configured,
}

/// A way to run the tests of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestCommand {
    /// A command line for a shell, to be run in the service's folder.
    pub command: String,
    /// What it runs.
    pub runner: Runner,
    /// Why this one.
    pub evidence: Evidence,
    /// What to do when the runner is not there.
    pub install: String,
}

/// An answer with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// The answer.
    pub name: String,
    /// Why it is thought to be so.
    pub evidence: Evidence,
}

/// How a service is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunCommand {
    /// A command line for a shell, to be run in the service's folder; `None` when only the port is known.
    pub command: Option<String>,
    /// Why this one.
    pub evidence: Evidence,
    /// The port it listens on, as its files say or its framework does without being told.
    pub port: Option<u16>,
    /// Where the port was read; `None` for the framework's own.
    pub port_evidence: Option<Evidence>,
}

/// A folder with a manifest of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// The folder relative to the root; empty for the root itself.
    pub folder: String,
    /// Its language.
    pub language: &'static str,
    /// What makes it a service.
    pub evidence: Evidence,
    /// What it is built with; `None` is unknown, or a library.
    pub framework: Option<Fact>,
    /// Further frameworks among its dependencies.
    pub also: Vec<Fact>,
    /// What installs its dependencies.
    pub package_manager: Option<Fact>,
    /// Test runners among its dependencies.
    pub test_runners: Vec<Fact>,
    /// Linters it uses.
    pub linters: Vec<Fact>,
    /// Formatters it uses.
    pub formatters: Vec<Fact>,
    /// Type checkers it uses.
    pub type_checkers: Vec<Fact>,
    /// Object mappers and query builders.
    pub orms: Vec<Fact>,
    /// Migration tools.
    pub migrations: Vec<Fact>,
    /// Databases.
    pub databases: Vec<Fact>,
    /// Where an OpenAPI document comes from.
    pub openapi: Vec<Fact>,
    /// How it is started.
    pub run: Option<RunCommand>,
    /// The versions of tools it asks for.
    pub toolchain: Vec<Toolchain>,
    /// The Python that has its packages.
    pub interpreter: Option<String>,
    /// Ways to run its tests, the best one first. Empty when none was found.
    pub tests: Vec<TestCommand>,
}

/// What a repository is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StackReport {
    /// Its services, the root's first.
    pub services: Vec<Service>,
    /// Continuous integration.
    pub ci: Vec<Fact>,
    /// Container files.
    pub containers: Vec<Fact>,
    /// Where it is deployed to.
    pub deploy: Vec<Fact>,
    /// What contradicts itself, and which side counts.
    pub conflicts: Vec<String>,
    /// What could not be read, with file and line.
    pub notes: Vec<String>,
}

impl StackReport {
    /// The services whose tests prove a change to these paths: those that hold one of them and no deeper one does.
    /// All with tests when no path lies in any.
    pub fn tested_by<'a>(&'a self, paths: &[&str]) -> Vec<&'a Service> {
        let tested: Vec<&Service> = self.services.iter().filter(|service| !service.tests.is_empty()).collect();
        let chosen = deepest(&tested, paths);
        if chosen.is_empty() { tested } else { chosen }
    }

    /// The user's own word about how the tests are run counts for more than any file.
    pub fn overruled_by(&mut self, command: &str) {
        let Some(service) = self.services.first_mut() else { return };
        service.tests.insert(0, TestCommand::configured(command));
    }

    /// The services that hold one of these paths, and no deeper one does.
    pub fn touched_by<'a>(&'a self, paths: &[&str]) -> Vec<&'a Service> {
        deepest(&self.services.iter().collect::<Vec<_>>(), paths)
    }
}

fn deepest<'a>(services: &[&'a Service], paths: &[&str]) -> Vec<&'a Service> {
    let mut chosen: Vec<&Service> = Vec::new();
    for path in paths {
        let holding = services.iter().filter(|service| service.relative(path).is_some());
        // Several languages may share a folder: a change there concerns them all.
        let depth = holding.clone().map(|service| service.folder.len()).max();
        for service in holding.filter(|service| Some(service.folder.len()) == depth) {
            if !chosen.contains(service) {
                chosen.push(service);
            }
        }
    }
    chosen
}

impl TestCommand {
    /// The command of `gates.tests.command`.
    pub fn configured(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            runner: Runner::Configured,
            evidence: Evidence { file: "config.toml".into(), line: None, text: "gates.tests.command".into() },
            install: "see `gates.tests.command` in your config.toml".into(),
        }
    }
}

impl Service {
    fn new(place: &rules::Place<'_>, language: &'static str, evidence: Evidence, tests: Vec<TestCommand>) -> Self {
        Self {
            folder: place.folder.to_owned(),
            language,
            evidence,
            framework: None,
            also: Vec::new(),
            package_manager: None,
            test_runners: Vec::new(),
            linters: Vec::new(),
            formatters: Vec::new(),
            type_checkers: Vec::new(),
            orms: Vec::new(),
            migrations: Vec::new(),
            databases: Vec::new(),
            openapi: Vec::new(),
            run: None,
            toolchain: Vec::new(),
            interpreter: None,
            tests,
        }
    }

    /// A path from the root as it is called within the service; `None` when it lies outside.
    pub fn relative<'a>(&self, path: &'a str) -> Option<&'a str> {
        from_folder(&self.folder, path)
    }

    /// A path within the service as it is called from the root.
    pub fn full(&self, path: &str) -> String {
        from_root(&self.folder, path)
    }
}

/// A package a service needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The service's folder.
    pub folder: String,
    /// The service's language.
    pub language: &'static str,
    /// The package.
    pub name: String,
    /// What says so.
    pub evidence: Evidence,
}

/// Every package the services need, those for development as well.
pub fn needs(files: &dyn Files) -> Vec<Need> {
    let paths = files.list();
    let mut found = Vec::new();
    for service in detect(files).services {
        let place = rules::Place::new(files, &paths, &service.folder);
        let needs = dependencies::of(&place, service.language).into_iter();
        found.extend(needs.map(|need| Need {
            folder: service.folder.clone(),
            language: service.language,
            name: need.name,
            evidence: need.evidence,
        }));
    }
    found
}

/// Says what a folder is.
pub fn detect_folder(root: &Path) -> StackReport {
    detect(&Folder::new(root))
}

/// Says what files are.
pub fn detect(files: &dyn Files) -> StackReport {
    let paths = files.list();
    let mut report = StackReport::default();
    for folder in project_folders(&paths) {
        let place = rules::Place::new(files, &paths, &folder);
        let mut services = Vec::new();
        services.extend(python::detect(&place, &mut report.notes));
        services.extend(node::detect(&place, &mut report.notes));
        services.extend(tools::detect(&place));
        services.extend(others::detect(&place));
        for service in &mut services {
            facts::fill(&place, service, &mut report.conflicts);
        }
        // A makefile's target is what the project's own people call, so it comes first where it only runs tests.
        match (tools::make(&place), services.first_mut()) {
            (Some(make), Some(service)) => service.tests.insert(0, make),
            (Some(make), None) => services.push(tools::only_make(&place, make)),
            (None, _) => {}
        }
        report.services.extend(services);
    }
    let root = rules::Place::new(files, &paths, "");
    ci::overrule(&root, &mut report.services);
    facts::surroundings(&root, &mut report);
    report
}

/// Folders with a manifest, the root first. Below a project only folders with a manifest of their own count, and what
/// looks like a copy of somebody else's project does not.
fn project_folders(paths: &[String]) -> Vec<String> {
    // A larger number is a collection of examples or a mirror.
    const MOST: usize = 64;
    const NOT_OURS: &[&str] = &[
        "node_modules",
        "vendor",
        "third_party",
        "testdata",
        "fixtures",
        "examples",
        "dist",
        "target",
        "test",
        "tests",
    ];
    let mut folders: Vec<String> = vec![String::new()];
    for path in paths {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let foreign = folder.split('/').any(|part| NOT_OURS.contains(&part) || part.starts_with('.'));
        let deep = folder.split('/').count() > 3;
        let manifest = rules::MANIFESTS.contains(&name) || name.ends_with(".csproj");
        if manifest && !foreign && !deep && !folders.iter().any(|known| known == folder) {
            folders.push(folder.to_owned());
        }
    }
    folders.sort_by_key(|folder| (folder.matches('/').count() + usize::from(!folder.is_empty()), folder.clone()));
    folders.truncate(MOST);
    folders
}
