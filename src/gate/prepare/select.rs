//! Telling a runner to run some test files only.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::script::{Program, Script};
use super::{Focus, Prepared, dashes, quoted};
use crate::domain::{RepoPath, from_root};
use crate::stack::{Runner, TestCommand};
use crate::workspace::Workspace;

/// Whether a command can be told to run some test files only.
pub(in crate::gate) fn selects(command: &TestCommand, workspace: &dyn Workspace, folder: &str) -> bool {
    match command.runner {
        Runner::Pytest => chooses_nothing(&command.command, "pytest"),
        Runner::Django => command.command.ends_with("manage.py test"),
        Runner::Go => command.command.contains("./..."),
        Runner::Cargo => chooses_nothing(&command.command, "test"),
        Runner::Script | Runner::Node => {
            Script::of(command, workspace, folder).is_some_and(|script| script.runs_all(workspace, folder))
        }
        _ => false,
    }
}

/// Whether a command names no tests itself: what it names would run beside those that are added. A word behind an option
/// may belong to it, so it counts.
pub(super) fn chooses_nothing(command: &str, runner: &str) -> bool {
    let last = command.split("&&").last().unwrap_or_default();
    let words = last.split_whitespace().skip_while(|word| word.rsplit('/').next() != Some(runner)).skip(1);
    words.clone().all(|word| word.starts_with('-'))
        && last.split_whitespace().any(|word| word.rsplit('/').next() == Some(runner))
}

impl Prepared {
    /// Has the command run the files of the focus only, when it can be told to.
    pub(super) fn choose(&mut self, command: &TestCommand, workspace: &dyn Workspace, folder: &str, focus: &Focus) {
        if focus.only.is_empty() || !selects(command, workspace, folder) {
            return;
        }
        let names = |files: &[String]| files.iter().map(|file| quoted(Path::new(file))).collect::<Vec<_>>().join(" ");
        match command.runner {
            Runner::Go => self.choose_packages(command, focus),
            Runner::Cargo => self.add_chosen(command, &targets(&focus.only, workspace, folder)),
            Runner::Django => {
                let labels = focus.only.iter().map(|file| file.trim_end_matches(".py").replace('/', "."));
                self.add_chosen(command, &Vec::from_iter(labels).join(" "));
            }
            Runner::Script | Runner::Node => {
                let jest = Script::of(command, workspace, folder).is_some_and(|script| script.program == Program::Jest);
                let chosen = match (jest, focus.related.is_empty()) {
                    // Asked for the tests of files, it finds those that import them from afar as well.
                    (true, false) => format!("--findRelatedTests {}", names(&focus.related)),
                    (true, true) => format!("--runTestsByPath {}", names(&focus.only)),
                    (false, _) => names(&focus.only),
                };
                self.add_chosen(command, &chosen);
            }
            _ => self.add_chosen(command, &names(&focus.only)),
        }
    }

    fn add_chosen(&mut self, command: &TestCommand, chosen: &str) {
        if !chosen.is_empty() {
            self.command.push_str(&format!(" {chosen}"));
            self.selected = Some(format!("{}{} {chosen}", command.command, dashes(command)));
        }
    }

    /// Go runs packages, not files.
    fn choose_packages(&mut self, command: &TestCommand, focus: &Focus) {
        let packages = packages(&focus.only);
        self.command = self.command.replacen("./...", &packages, 1);
        self.selected = Some(command.command.replacen("./...", &packages, 1));
    }
}

/// The packages of Go that files are in.
fn packages<'a>(files: impl IntoIterator<Item = &'a String>) -> String {
    let folder = |file: &String| match file.rsplit_once('/') {
        Some((folder, _)) => quoted(&PathBuf::from(format!("./{folder}"))),
        None => ".".to_owned(),
    };
    let packages: BTreeSet<String> = files.into_iter().map(folder).collect();
    Vec::from_iter(packages).join(" ")
}

/// The options of Cargo for test files: a file in `tests` is a program of its own, a source is tested within the crate.
/// Empty when one of them is neither.
fn targets(files: &[String], workspace: &dyn Workspace, folder: &str) -> String {
    let there = |path: &str| {
        let path = from_root(folder, path);
        RepoPath::parse(&path).is_ok_and(|path| workspace.read(&path).is_ok())
    };
    let mut options = BTreeSet::new();
    for file in files {
        let program = file.strip_prefix("tests/").and_then(|rest| {
            rest.strip_suffix("/main.rs").or_else(|| rest.strip_suffix(".rs")).filter(|name| !name.contains('/'))
        });
        match program {
            Some(name) => _ = options.insert(format!("--test {name}")),
            None if file.starts_with("src/") => {
                let kinds = [("src/lib.rs", "--lib"), ("src/main.rs", "--bins")];
                options.extend(kinds.iter().filter(|(root, _)| there(root)).map(|(_, option)| (*option).to_owned()));
            }
            None => return String::new(),
        }
    }
    Vec::from_iter(options).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_added_only_to_a_command_that_names_none() {
        for (command, runner, expected) in [
            (".venv/bin/python -m pytest", "pytest", true),
            ("python3 -m pytest -q --strict-markers", "pytest", true),
            ("python3 -m pytest tests/unit", "pytest", false),
            ("python3 -m pytest -k fast", "pytest", false),
            ("tsc && jest --runInBand", "jest", true),
            ("node_modules/.bin/jest src", "jest", false),
            ("cargo test --no-fail-fast", "test", true),
            ("cargo test --no-fail-fast -p shop", "test", false),
            ("make test", "pytest", false),
        ] {
            assert_eq!(chooses_nothing(command, runner), expected, "{command}");
        }
    }

    #[test]
    fn packages_and_folders_of_go_are_the_same() {
        let files = ["api/a_test.go", "api/b_test.go", "main_test.go"].map(str::to_owned);
        assert_eq!(packages(&files), ". ./api");
    }
}
