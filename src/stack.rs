//! What this repository is: services, languages, frameworks, and the commands that build, check and run them.
//!
//! Everything is read from files, nothing is executed, and every answer names the file and line it rests on. What is
//! not clear is left unknown rather than guessed; what contradicts itself is said. The rules are data:
//! `assets/stack.toml`.

mod ci;
mod dependencies;
mod facts;
mod files;
mod manager;
mod manifests;
mod node;
mod others;
mod parts;
mod places;
mod port;
mod python;
mod roles;
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

/// What a project is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It listens.
    Service,
    /// It runs in a browser.
    Frontend,
    /// It does its work and ends, or works where nobody asks it: a command, a worker.
    Program,
    /// Others are built on it.
    Library,
    /// It holds projects and is none itself.
    Workspace,
    /// It tests other projects.
    Tests,
    /// Nothing says so.
    Unknown,
}

/// How a service is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunCommand {
    /// A command line for a shell; `None` when only the port is known.
    pub command: Option<String>,
    /// Where the command is run, relative to the root; empty for the root itself.
    pub folder: String,
    /// Why this one.
    pub evidence: Evidence,
    /// The port it listens on, as its files say or its framework does without being told.
    pub port: Option<u16>,
    /// Where the port was read; `None` for the framework's own.
    pub port_evidence: Option<Evidence>,
}

/// A folder with a manifest of its own, or a part of one that is started by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// What it is called: its folder's name, or that of the program where several lie in one folder.
    pub name: String,
    /// The folder relative to the root; empty for the root itself.
    pub folder: String,
    /// What it is there for.
    pub role: Role,
    /// The folder of the build it is a part of, which runs its tests as well.
    pub part_of: Option<String>,
    /// Its language.
    pub language: &'static str,
    /// What makes it what it is.
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackReport {
    /// Its projects, the root's first: what listens, and what it is built from.
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
        let whole = self.services.iter().filter(|service| service.part_of.is_none());
        let tested: Vec<&Service> = whole.filter(|service| !service.tests.is_empty()).collect();
        let chosen = deepest(&tested, paths);
        if chosen.is_empty() { tested } else { chosen }
    }

    /// The user's own word about how the tests are run counts for more than any file.
    pub fn overruled_by(&mut self, command: &str) {
        let Some(service) = self.services.first_mut() else { return };
        service.tests.insert(0, TestCommand::configured(command));
    }

    /// The services that hold one of these paths, and no deeper one does. What is a part of a build is built by it.
    pub fn touched_by<'a>(&'a self, paths: &[&str]) -> Vec<&'a Service> {
        deepest(&self.services.iter().filter(|service| service.part_of.is_none()).collect::<Vec<_>>(), paths)
    }

    /// What listens, then what runs in a browser; where nothing does, all projects there are.
    pub fn running(&self) -> Vec<&Service> {
        let of = |role: Role| self.services.iter().filter(move |service| service.role == role);
        let found: Vec<&Service> = of(Role::Service).chain(of(Role::Frontend)).collect();
        if found.is_empty() { self.services.iter().collect() } else { found }
    }

    /// The projects that are not [`Self::running`].
    pub fn others(&self) -> Vec<&Service> {
        let running = self.running();
        self.services.iter().filter(|service| !running.iter().any(|one| std::ptr::eq(*one, *service))).collect()
    }
}

impl Serialize for StackReport {
    /// `services` holds what runs, `projects` what it is built from.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut written = serializer.serialize_struct("StackReport", 7)?;
        written.serialize_field("services", &self.running())?;
        written.serialize_field("projects", &self.others())?;
        written.serialize_field("ci", &self.ci)?;
        written.serialize_field("containers", &self.containers)?;
        written.serialize_field("deploy", &self.deploy)?;
        written.serialize_field("conflicts", &self.conflicts)?;
        written.serialize_field("notes", &self.notes)?;
        written.end()
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
            name: place.folder.rsplit('/').next().unwrap_or_default().to_owned(),
            folder: place.folder.to_owned(),
            role: Role::Unknown,
            part_of: None,
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
    // What is a part of a build is looked through with it.
    for service in detect(files).services.into_iter().filter(|service| service.part_of.is_none()) {
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
    let folders = places::projects(&paths);
    for folder in &folders {
        let place = rules::Place::new(files, &paths, folder);
        let mut services = Vec::new();
        report.notes.extend(manifests::broken(&place));
        services.extend(python::detect(&place));
        services.extend(node::detect(&place, &mut report.notes));
        services.extend(tools::detect(&place, &mut report.conflicts));
        services.extend(others::detect(&place));
        let mut parts = Vec::new();
        for service in &mut services {
            let (needs, local) = dependencies::with_local(&place, service.language);
            facts::fill(&place, service, (&needs, &local), &mut report.conflicts);
            parts.extend(parts::of(&place, service, &mut report.conflicts));
        }
        // A makefile's target is what the project's own people call, so it comes first where it only runs tests.
        match (tools::make(&place), services.first_mut()) {
            (Some(make), Some(service)) => service.tests.insert(0, make),
            (Some(make), None) => services.push(tools::only_make(&place, make)),
            (None, _) => {}
        }
        report.services.extend(services);
        report.services.extend(parts);
    }
    let root = rules::Place::new(files, &paths, "");
    ci::overrule(&root, &mut report.services);
    roles::settle(files, &paths, &mut report);
    facts::surroundings(&root, &mut report);
    report
}
