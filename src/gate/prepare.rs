//! How a test command is run so that its runner also writes a report for machines, and what is watched beside it.

use std::path::PathBuf;

use crate::domain::{Isolation, RepoPath};
use crate::stack::{Runner, TestCommand};
use crate::workspace::Workspace;

use super::results::Format;

/// Watches Python processes: see the file itself.
const PROBE: &str = include_str!("../../assets/probe.py");

/// A test command made ready.
pub(super) struct Prepared {
    /// The command line that is run.
    pub command: String,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
    /// Where the report will be.
    pub report: Option<(Format, RepoPath)>,
    /// The output is events of `go test -json`.
    pub go: bool,
    /// The output may be that of Rust's harness.
    pub libtest: bool,
    /// The folder the probe and the reports are in.
    pub folder: Option<RepoPath>,
    /// A file that says which lines ran.
    pub coverage: Option<RepoPath>,
    /// Runs the test files of the focus only.
    pub selected: bool,
}

/// What the run is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Focus {
    /// Changed files whose lines are counted, relative to the root.
    pub watched: Vec<String>,
    /// Test files to run instead of all, relative to the service's folder.
    pub only: Vec<String>,
    /// Changed files, for a runner that finds the tests of files itself.
    pub related: Vec<String>,
}

/// A runner of JavaScript tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Jest,
    Vitest,
    Mocha,
    Node,
}

/// Makes a command ready. `number` tells runs in the same workspace apart.
pub(super) fn prepare(
    command: &TestCommand,
    workspace: &dyn Workspace,
    folder: &str,
    focus: &Focus,
    number: u64,
) -> Prepared {
    let place = RepoPath::parse(&format!(".tenon-gate/{number}")).ok().filter(|place| plant(workspace, place));
    let absolute = |name: &str| place.as_ref().map(|place| place.under(workspace.root()).join(name));
    let inside =
        |name: &str| place.as_ref().and_then(|place| RepoPath::parse(&format!("{}/{name}", place.as_str())).ok());
    let mut ready = Prepared {
        command: command.command.clone(),
        environment: always(),
        report: None,
        go: false,
        libtest: true,
        folder: place.clone(),
        coverage: None,
        selected: false,
    };
    python_path(&mut ready, workspace, folder, place.as_ref());
    if let Some(at) = absolute("tests.xml") {
        let options = format!("-rfE -o junit_family=xunit1 --junitxml={}", quoted(&at));
        ready.environment.push(("PYTEST_ADDOPTS".into(), options));
        ready.environment.push(("TENON_PROBE_ROOT".into(), workspace.root().to_string_lossy().into_owned()));
        let python: Vec<&str> = focus.watched.iter().filter(|path| path.ends_with(".py")).map(String::as_str).collect();
        ready.environment.push(("TENON_PROBE_FILES".into(), python.join("\n")));
    }
    match command.runner {
        Runner::Pytest => {
            ready.report = inside("tests.xml").map(|path| (Format::Junit, path));
            if chooses_nothing(&command.command, "pytest") {
                ready.add_files(&focus.only);
            }
        }
        Runner::Unittest | Runner::Django => {
            ready.environment.push(("TENON_PROBE_UNITTEST".into(), "1".into()));
            ready.report = place.map(|place| (Format::Probe, place));
        }
        Runner::Go => {
            ready.command = ready.command.replacen("go test -v", "go test -json", 1);
            ready.go = true;
            ready.choose_packages(focus);
            if let Some(at) = absolute("cover.out").filter(|_| focus.watched.iter().any(|path| path.ends_with(".go"))) {
                ready.command = ready.command.replacen("go test", &format!("go test -coverprofile={}", quoted(&at)), 1);
                ready.coverage = inside("cover.out");
            }
        }
        Runner::Script | Runner::Node => {
            if let (Some((script, said)), Some(at)) = (script_of(command, workspace, folder), absolute("")) {
                ready.add_script(command, (script, said), &at, place.as_ref(), focus);
            }
        }
        // Whatever is behind these may be pytest, which then writes its report all the same.
        Runner::Make | Runner::Configured | Runner::Other => {
            ready.report = inside("tests.xml").map(|path| (Format::Junit, path));
        }
        Runner::Cargo | Runner::Maven | Runner::Gradle => {}
    }
    ready
}

impl Prepared {
    /// Go runs packages, not files.
    fn choose_packages(&mut self, focus: &Focus) {
        if focus.only.is_empty() || !self.command.contains("./...") {
            return;
        }
        let folder = |file: &String| match file.rsplit_once('/') {
            Some((folder, _)) => quoted(&PathBuf::from(format!("./{folder}"))),
            None => ".".to_owned(),
        };
        let packages: std::collections::BTreeSet<String> = focus.only.iter().map(folder).collect();
        self.command = self.command.replacen("./...", &Vec::from_iter(packages).join(" "), 1);
        self.selected = true;
    }

    fn add_files(&mut self, files: &[String]) {
        self.selected = !files.is_empty();
        for file in files {
            self.command.push_str(&format!(" {}", quoted(&PathBuf::from(file))));
        }
    }

    fn add_script(
        &mut self,
        command: &TestCommand,
        (script, said): (Script, String),
        at: &std::path::Path,
        place: Option<&RepoPath>,
        focus: &Focus,
    ) {
        let inside = |name: &str| place.and_then(|place| RepoPath::parse(&format!("{}/{name}", place.as_str())).ok());
        let file = |name: &str| quoted(&at.join(name));
        let (arguments, report) = match script {
            Script::Jest => {
                let mut arguments = format!("--json --outputFile={}", file("jest.json"));
                let watched = focus.watched.iter().filter(|path| is_script(path));
                let watched: Vec<String> =
                    watched.map(|path| format!("--collectCoverageFrom={}", quoted(&PathBuf::from(path)))).collect();
                // A service in a folder of its own would need other paths; there coverage stays unknown.
                if !watched.is_empty() && focus.only.is_empty() {
                    arguments.push_str(&format!(
                        " --coverage --coverageReporters=json --coverageDirectory={} --coverageThreshold='{{}}' {}",
                        file("coverage"),
                        watched.join(" ")
                    ));
                    self.coverage = inside("coverage/coverage-final.json");
                }
                (arguments, ("jest.json", Format::Jest))
            }
            Script::Vitest => (
                format!("--reporter=default --reporter=junit --outputFile.junit={}", file("tests.xml")),
                ("tests.xml", Format::Junit),
            ),
            Script::Mocha => (
                format!("--reporter json --reporter-option output={}", file("mocha.json")),
                ("mocha.json", Format::Mocha),
            ),
            Script::Node => (
                format!(
                    "--test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit --test-reporter-destination={}",
                    file("tests.xml")
                ),
                ("tests.xml", Format::Junit),
            ),
        };
        // npm hands on what stands behind `--`; the others hand on everything.
        let dashes = if command.command.starts_with("npm ") { " --" } else { "" };
        self.command.push_str(&format!("{dashes} {arguments}"));
        self.report = inside(report.0).map(|path| (report.1, path));
        match script {
            // Asked for the tests of files, it finds those that import them from afar as well.
            Script::Jest if chooses_nothing(&said, "jest") => {
                let (option, files) = match focus.related.is_empty() {
                    true => ("--runTestsByPath", &focus.only),
                    false => ("--findRelatedTests", &focus.related),
                };
                if !files.is_empty() {
                    self.command.push_str(&format!(" {option}"));
                }
                self.add_files(files);
            }
            Script::Vitest if chooses_nothing(&said.replacen("vitest run", "vitest", 1), "vitest") => {
                self.add_files(&focus.only);
            }
            Script::Node => self.add_files(&focus.only),
            // Its configuration may name files, and those are added to.
            Script::Jest | Script::Vitest | Script::Mocha => {}
        }
    }
}

/// Whether a command can be told to run some test files only.
pub(super) fn selects(command: &TestCommand, workspace: &dyn Workspace, folder: &str) -> bool {
    match command.runner {
        Runner::Pytest => chooses_nothing(&command.command, "pytest"),
        Runner::Go => command.command.contains("./..."),
        Runner::Script | Runner::Node => match script_of(command, workspace, folder) {
            Some((Script::Jest, said)) => chooses_nothing(&said, "jest"),
            Some((Script::Vitest, said)) => chooses_nothing(&said.replacen("vitest run", "vitest", 1), "vitest"),
            Some((Script::Node, _)) => true,
            Some((Script::Mocha, _)) | None => false,
        },
        _ => false,
    }
}

/// Whether a command names no tests itself: what it names would run beside those that are added. A word behind an option
/// may belong to it, so it counts.
fn chooses_nothing(command: &str, runner: &str) -> bool {
    let last = command.split("&&").last().unwrap_or_default();
    let words = last.split_whitespace().skip_while(|word| word.rsplit('/').next() != Some(runner)).skip(1);
    words.clone().all(|word| word.starts_with('-'))
        && last.split_whitespace().any(|word| word.rsplit('/').next() == Some(runner))
}

/// Whether a path is a JavaScript or TypeScript source.
pub(super) fn is_script(path: &str) -> bool {
    [".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx"].iter().any(|end| path.ends_with(end))
}

/// Puts the probe where Python finds it.
fn plant(workspace: &dyn Workspace, place: &RepoPath) -> bool {
    let path = RepoPath::parse(&format!("{}/sitecustomize.py", place.as_str()));
    path.is_ok_and(|path| workspace.write(&path, PROBE.as_bytes(), None).is_ok())
}

/// What makes runners say more, ask less and stay off the network.
fn always() -> Vec<(String, String)> {
    const ALWAYS: &[(&str, &str)] = &[
        ("CI", "true"),
        ("NO_COLOR", "1"),
        ("FORCE_COLOR", "0"),
        ("CARGO_TERM_COLOR", "never"),
        ("CARGO_NET_OFFLINE", "true"),
        ("PYTEST_ADDOPTS", "-rfE"),
        ("PYTHONUNBUFFERED", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ];
    ALWAYS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn python_path(ready: &mut Prepared, workspace: &dyn Workspace, folder: &str, place: Option<&RepoPath>) {
    let mut folders: Vec<PathBuf> = place.map(|place| place.under(workspace.root())).into_iter().collect();
    // In a copy, a package installed "editable" would still be imported from the user's own tree.
    let source = if folder.is_empty() { "src".to_owned() } else { format!("{folder}/src") };
    let listed = RepoPath::parse(&source).is_ok_and(|path| workspace.list(Some(&path), 1, 1).is_ok());
    if workspace.isolation() == Isolation::Copy && listed {
        folders.push(workspace.root().join(source));
    }
    folders.extend(std::env::var_os("PYTHONPATH").iter().flat_map(std::env::split_paths));
    if let Ok(joined) = std::env::join_paths(folders)
        && !joined.is_empty()
    {
        ready.environment.push(("PYTHONPATH".into(), joined.to_string_lossy().into_owned()));
    }
}

/// The runner a script ends with, so that arguments at its end reach it.
fn script_of(command: &TestCommand, workspace: &dyn Workspace, folder: &str) -> Option<(Script, String)> {
    let text = if command.runner == Runner::Script {
        let path = if folder.is_empty() { "package.json".to_owned() } else { format!("{folder}/package.json") };
        let manifest = workspace.read(&RepoPath::parse(&path).ok()?).ok()?;
        let manifest: serde_json::Value = serde_json::from_slice(&manifest.bytes).ok()?;
        // `npm test`, `npm run test:ci`, `yarn test`.
        let name = command.command.split_whitespace().skip(1).find(|word| !matches!(*word, "run" | "t"))?;
        manifest.get("scripts")?.get(name)?.as_str()?.to_owned()
    } else {
        command.command.clone()
    };
    runner_at_end(&text).map(|script| (script, text))
}

fn runner_at_end(script: &str) -> Option<Script> {
    let last = script.split("&&").last()?.trim();
    if last.contains(['|', ';', '>', '`']) {
        return None;
    }
    let mut words = last.split_whitespace().peekable();
    while words
        .next_if(|word| {
            matches!(*word, "cross-env" | "npx" | "--no-install" | "exec" | "npm" | "pnpm" | "yarn" | "--")
                || word.contains('=')
        })
        .is_some()
    {}
    let program = words.next()?;
    match program.rsplit('/').next()? {
        "jest" | "jest.js" => Some(Script::Jest),
        "vitest" => words.all(|word| word != "watch").then_some(Script::Vitest),
        "mocha" | "_mocha" => words.all(|word| word != "--reporter" && word != "-R").then_some(Script::Mocha),
        // Options of node stand before the files.
        "node" => (words.next() == Some("--test") && words.next().is_none()).then_some(Script::Node),
        _ => None,
    }
}

fn quoted(path: &std::path::Path) -> String {
    let text = path.to_string_lossy();
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '@' | '+' | ':'));
    if plain { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runner_at_the_end_of_a_script_is_found() {
        for (script, expected) in [
            ("jest", Some(Script::Jest)),
            ("NODE_ENV=test jest --runInBand", Some(Script::Jest)),
            ("npm run build && cross-env NODE_ENV=test jest", Some(Script::Jest)),
            ("npx mocha --require a test/", Some(Script::Mocha)),
            ("mocha --reporter dot", None),
            ("vitest run", Some(Script::Vitest)),
            ("node --test", Some(Script::Node)),
            ("node --test test/a.js", None),
            ("node_modules/.bin/jest", Some(Script::Jest)),
            ("jest | tee log", None),
            ("tsc && echo ok", None),
            ("", None),
        ] {
            assert_eq!(runner_at_end(script), expected, "{script}");
        }
    }

    #[test]
    fn files_are_added_only_to_a_command_that_names_none() {
        for (command, runner, expected) in [
            (".venv/bin/python -m pytest", "pytest", true),
            ("python3 -m pytest -q --strict-markers", "pytest", true),
            ("python3 -m pytest tests/unit", "pytest", false),
            ("python3 -m pytest -k fast", "pytest", false),
            ("tsc && jest --runInBand", "jest", true),
            ("node_modules/.bin/jest src", "jest", false),
            ("make test", "pytest", false),
        ] {
            assert_eq!(chooses_nothing(command, runner), expected, "{command}");
        }
    }
}
