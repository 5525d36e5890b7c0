//! Files that build, test, deploy and run a service: read, and checked for what would only fail later.
//!
//! | Where | What |
//! |---|---|
//! | `kind`, `secret` | what a file is; names and values of secrets |
//! | `rules`, `document` | the names such files may hold (`assets/deploy.toml`), YAML with its lines |
//! | `dockerfile`, `compose`, `kubernetes` | images and what runs them |
//! | `actions`, `expression`, `gitlab` | continuous integration |
//! | `nginx`, `systemd`, `process` | servers and processes: nginx, systemd units, Procfile, pm2 |
//! | `environment` | variables the code reads against those that are declared |
//! | `second` | other people's checkers as a second opinion, where they are installed |
//!
//! Nothing is executed but the second opinions, and values of `.env` files are never read.

mod actions;
mod compose;
mod dockerfile;
mod document;
mod environment;
mod expression;
mod gitlab;
mod kind;
mod kubernetes;
mod nginx;
mod process;
mod rules;
mod second;
mod secret;
mod systemd;

use crate::domain::{Finding, Severity, mark_old};
use crate::stack::Files;

use kind::{Kind, kind};
pub use second::{Opinion, Subject, second_opinions};
use secret::{is_placeholder, is_secret};

/// The files of one side.
pub struct Tree<'a> {
    /// Reads them.
    pub files: &'a dyn Files,
    /// Their paths, sorted.
    pub paths: Vec<String>,
}

impl<'a> Tree<'a> {
    /// All of these.
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files, paths: files.list() }
    }

    fn has(&self, path: &str) -> bool {
        self.files.exists(path)
    }

    /// Whether something lies in a folder.
    fn has_folder(&self, folder: &str) -> bool {
        let inside = format!("{}/", folder.trim_end_matches('/'));
        self.paths.iter().any(|path| path.starts_with(&inside)) || self.has(folder)
    }
}

/// Takes findings about one file.
struct Sink<'a> {
    path: &'a str,
    found: Vec<Finding>,
}

impl Sink<'_> {
    fn say(&mut self, severity: Severity, line: usize, rule: &str, message: impl Into<String>) {
        let (path, rule) = (Some(self.path.to_owned()), Some(rule.to_owned()));
        self.found.push(Finding { severity, path, line: Some(line.max(1)), rule, message: message.into(), old: false });
    }

    fn error(&mut self, line: usize, rule: &str, message: impl Into<String>) {
        self.say(Severity::Error, line, rule, message);
    }

    /// An error where it is sure, and a warning where it is not.
    fn either(&mut self, sure: bool, line: usize, rule: &str, message: impl Into<String>) {
        self.say(if sure { Severity::Error } else { Severity::Warning }, line, rule, message);
    }

    fn warn(&mut self, line: usize, rule: &str, message: impl Into<String>) {
        self.say(Severity::Warning, line, rule, message);
    }
}

/// Whether a path is that of a file checked here; for files of Kubernetes their text decides.
pub fn is_deploy_file(path: &str, text: &str) -> bool {
    kind(path, text).is_some_and(|kind| !kind.is_foreign())
}

/// Checks one file; nothing when it is none that is known here.
pub fn check(tree: &Tree<'_>, path: &str) -> Vec<Finding> {
    let Some(text) = tree.files.read(path) else { return Vec::new() };
    let mut sink = Sink { path, found: Vec::new() };
    match kind(path, &text) {
        Some(Kind::Dockerfile) => dockerfile::check(&text, tree, &mut sink),
        Some(Kind::Compose) => compose::check(&text, tree, &mut sink),
        Some(Kind::Actions) => actions::check(&text, tree, &mut sink),
        Some(Kind::Gitlab) => gitlab::check(&text, tree, &mut sink),
        Some(Kind::Kubernetes) => kubernetes::check(&text, tree, &mut sink),
        Some(Kind::Nginx) => nginx::check(&text, &mut sink),
        Some(Kind::Systemd) => systemd::check(&text, &mut sink),
        Some(Kind::Procfile) => process::procfile(&text, tree, &mut sink),
        Some(Kind::Pm2) => process::pm2(&text, tree, &mut sink),
        Some(Kind::Environment) => environment::file(&text, &mut sink),
        Some(Kind::Script | Kind::Terraform) | None => {}
    }
    sink.found.sort();
    sink.found.dedup();
    sink.found
}

/// Every deploy file of a tree.
pub fn deploy_files(tree: &Tree<'_>) -> Vec<String> {
    let maybe = |path: &&String| {
        let yaml =
            path.ends_with(".yml") || path.ends_with(".yaml") || path.ends_with(".conf") || path.contains(".service");
        let text = if yaml { tree.files.read(path).unwrap_or_default() } else { String::new() };
        is_deploy_file(path, &text)
    };
    tree.paths.iter().filter(maybe).cloned().collect()
}

/// Holds what the code reads from the environment against what is declared. `paths` are the files that are looked at;
/// with a changed declaration all code is, so that what nobody reads is seen.
pub fn environment(tree: &Tree<'_>, paths: &[String]) -> Vec<Finding> {
    environment::contract(tree, paths)
}

/// What came of checking both sides of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The deploy files that were looked at.
    pub files: Vec<String>,
    /// What was found; what base has as well is marked.
    pub findings: Vec<Finding>,
}

/// Checks the deploy files a change touches, and what its code reads from the environment. A file that is gone may be
/// missed by any of them, so then all are looked at.
pub fn compare(base: &Tree<'_>, subject: &Tree<'_>, changed: &[String]) -> Checked {
    let gone = changed.iter().any(|path| !subject.has(path));
    let files = if gone { deploy_files(subject) } else { touched(subject, changed) };
    let both = |tree: &Tree<'_>| {
        let mut found: Vec<Finding> = files.iter().flat_map(|path| check(tree, path)).collect();
        found.extend(environment(tree, changed));
        found
    };
    Checked { findings: mark_old(both(subject), &both(base)), files }
}

/// The deploy files among these paths.
pub fn touched(tree: &Tree<'_>, paths: &[String]) -> Vec<String> {
    let known = |path: &&String| tree.files.read(path).is_some_and(|text| is_deploy_file(path, &text));
    paths.iter().filter(known).cloned().collect()
}

/// The files among these paths that only others read: scripts, Terraform.
pub fn foreign(tree: &Tree<'_>, paths: &[String]) -> Vec<String> {
    let known = |path: &&String| kind(path, "").is_some_and(Kind::is_foreign) && tree.has(path);
    paths.iter().filter(known).cloned().collect()
}

/// Whether there is a file such as `.env.example`.
pub fn has_examples(tree: &Tree<'_>) -> bool {
    environment::example_files(tree).next().is_some()
}

/// Whether a file reads variables of the environment.
pub fn reads_environment(path: &str, text: &str) -> bool {
    environment::reads(path, text).next().is_some()
}

#[cfg(test)]
mod tests_support {
    use super::*;

    /// Files in memory.
    pub(super) struct Table(Vec<(String, String)>);

    impl Files for Table {
        fn read(&self, path: &str) -> Option<String> {
            self.0.iter().find(|(known, _)| known == path).map(|(_, text)| text.clone())
        }
        fn exists(&self, path: &str) -> bool {
            self.read(path).is_some()
        }
        fn list(&self) -> Vec<String> {
            self.0.iter().map(|(path, _)| path.clone()).collect()
        }
    }

    pub(super) fn tree(files: &[(&str, &str)]) -> Table {
        Table(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    /// What is found in a file: line, severity, rule, message.
    pub(super) fn found(files: &Table, path: &str) -> Vec<String> {
        let tree = Tree::new(files);
        let row = |one: Finding| {
            format!(
                "{} {} {}: {}",
                one.line.unwrap_or(0),
                format!("{:?}", one.severity).to_lowercase(),
                one.rule.unwrap_or_default(),
                one.message
            )
        };
        check(&tree, path).into_iter().map(row).collect()
    }

    /// Checks that a sound file has no finding, and that each change of it is found.
    pub(super) fn seeded(path: &str, sound: &str, others: &[(&str, &str)], seeds: &[(&str, &str, &str)]) {
        let with = |text: &str| {
            let mut files = vec![(path, text)];
            files.extend_from_slice(others);
            found(&tree(&files), path)
        };
        assert_eq!(with(sound), Vec::<String>::new(), "{path} is sound");
        for (from, to, expected) in seeds {
            assert!(sound.contains(from), "{from} is not in {path}");
            let found = with(&sound.replacen(from, to, 1));
            assert!(found.iter().any(|line| line.starts_with(expected)), "{to}: {expected} is not in {found:#?}");
        }
    }
}
