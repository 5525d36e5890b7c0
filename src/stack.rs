//! What this repository is: projects, languages, frameworks and the command that runs their tests.
//!
//! Everything is read from files, nothing is executed, and every answer names the file and line it rests on. What is
//! not clear is left unknown rather than guessed.

mod files;
mod node;
mod python;
mod rules;
mod tools;

use std::path::Path;

use serde::Serialize;

pub(crate) use files::{COUNT_LIMIT, DEPTH_LIMIT, NEAR_DEPTH, SIZE_LIMIT};
pub use files::{Files, Folder};

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
    /// A command the user configured.
    Configured,
}

/// A way to run the tests of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestCommand {
    /// A command line for a shell, to be run in the project's folder.
    pub command: String,
    /// What it runs.
    pub runner: Runner,
    /// Why this one.
    pub evidence: Evidence,
    /// What to do when the runner is not there.
    pub install: String,
}

/// A framework or library that says what a project is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Framework {
    /// Its name.
    pub name: &'static str,
    /// Why it is thought to be there.
    pub evidence: Evidence,
}

/// A folder with a manifest of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Project {
    /// The folder relative to the root; empty for the root itself.
    pub folder: String,
    /// Its language.
    pub language: &'static str,
    /// What makes it a project.
    pub evidence: Evidence,
    /// Frameworks and databases found in its manifests.
    pub frameworks: Vec<Framework>,
    /// Ways to run its tests, the best one first. Empty when none was found.
    pub tests: Vec<TestCommand>,
}

/// What a repository is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StackReport {
    /// Its projects, the root's first.
    pub projects: Vec<Project>,
    /// What could not be read or is contradictory, with file and line.
    pub notes: Vec<String>,
}

impl StackReport {
    /// The projects whose tests prove a change to these paths: those that hold one of them and no deeper one does.
    /// All with tests when no path lies in any.
    pub fn tested_by<'a>(&'a self, paths: &[&str]) -> Vec<&'a Project> {
        let tested: Vec<&Project> = self.projects.iter().filter(|project| !project.tests.is_empty()).collect();
        let deepest = |path: &str| tested.iter().filter(|project| project.holds(path)).max_by_key(|p| p.folder.len());
        let mut chosen: Vec<&Project> = Vec::new();
        for project in paths.iter().filter_map(|path| deepest(path)) {
            if !chosen.contains(project) {
                chosen.push(project);
            }
        }
        if chosen.is_empty() { tested } else { chosen }
    }
}

impl Project {
    fn holds(&self, path: &str) -> bool {
        self.folder.is_empty() || path.strip_prefix(&self.folder).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}

impl std::fmt::Display for StackReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.projects.is_empty() {
            writeln!(f, "unknown: no manifest and no source file that says what this is")?;
        }
        for project in &self.projects {
            let folder = if project.folder.is_empty() { "." } else { &project.folder };
            writeln!(f, "{folder}  {}  ({})", project.language, project.evidence)?;
            for framework in &project.frameworks {
                writeln!(f, "  {:9} {}", framework.name, framework.evidence)?;
            }
            match project.tests.split_first() {
                None => writeln!(f, "  tests     none found")?,
                Some((best, others)) => {
                    writeln!(f, "  tests     {}  ({})", best.command, best.evidence)?;
                    for other in others {
                        writeln!(f, "  or        {}  ({})", other.command, other.evidence)?;
                    }
                }
            }
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
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
        let mut projects = Vec::new();
        projects.extend(python::detect(&place, &mut report.notes));
        projects.extend(node::detect(&place, &mut report.notes));
        projects.extend(tools::detect(&place));
        // A makefile's target is what the project's own people call, so it comes first where it only runs tests.
        match (tools::make(&place), projects.first_mut()) {
            (Some(make), Some(project)) => project.tests.insert(0, make),
            (Some(make), None) => projects.push(tools::only_make(&place, make)),
            (None, _) => {}
        }
        report.projects.extend(projects);
    }
    report
}

/// Folders with a manifest, the root first. Below a project only folders with a manifest of their own count, and what
/// looks like a copy of somebody else's project does not.
fn project_folders(paths: &[String]) -> Vec<String> {
    // A larger number is a collection of examples or a mirror.
    const MOST: usize = 64;
    const NOT_OURS: &[&str] =
        &["node_modules", "vendor", "third_party", "testdata", "fixtures", "examples", "dist", "target"];
    let mut folders: Vec<String> = vec![String::new()];
    for path in paths {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let foreign = folder.split('/').any(|part| NOT_OURS.contains(&part) || part.starts_with('.'));
        let deep = folder.split('/').count() > 3;
        if rules::MANIFESTS.contains(&name) && !foreign && !deep && !folders.iter().any(|known| known == folder) {
            folders.push(folder.to_owned());
        }
    }
    folders.sort_by_key(|folder| (folder.matches('/').count() + usize::from(!folder.is_empty()), folder.clone()));
    folders.truncate(MOST);
    folders
}
