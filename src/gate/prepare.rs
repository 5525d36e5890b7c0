//! How a test command is run so that its runner also writes a report for machines, and what is watched beside it.

mod script;
mod select;

use std::path::{Path, PathBuf};

use crate::domain::{Isolation, RepoPath, from_folder, from_root};
use crate::stack::{Runner, TestCommand};
use crate::workspace::Workspace;

use super::results::Format;
use super::watched::Source;
use script::{Program, Script, Tracer};

pub(super) use script::is_script;
pub(super) use select::selects;

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
    /// Files and folders that say which lines ran.
    pub coverage: Vec<(Source, RepoPath)>,
    /// The command in words when it runs the test files of the focus only.
    pub selected: Option<String>,
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
    let inside = |name: &str| place.as_ref().and_then(|place| file_in(place, name));
    let mut ready = Prepared {
        command: command.command.clone(),
        environment: always(),
        report: None,
        go: false,
        libtest: true,
        folder: place.clone(),
        coverage: Vec::new(),
        selected: None,
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
        Runner::Pytest => ready.report = inside("tests.xml").map(|path| (Format::Junit, path)),
        Runner::Unittest | Runner::Django => {
            ready.environment.push(("TENON_PROBE_UNITTEST".into(), "1".into()));
            ready.report = place.clone().map(|place| (Format::Probe, place));
        }
        Runner::Go => {
            ready.command = ready.command.replacen("go test -v", "go test -json", 1);
            ready.go = true;
            if let Some(at) = absolute("cover.out") {
                ready.watch_go(&at, inside("cover.out"), folder, focus);
            }
        }
        Runner::Script | Runner::Node => {
            if let (Some(script), Some(place)) = (Script::of(command, workspace, folder), &place) {
                ready.add_script(command, &script, workspace, (place, folder), focus);
            }
        }
        // Whatever is behind these may be pytest, which then writes its report all the same.
        Runner::Make | Runner::Configured | Runner::Other => {
            ready.report = inside("tests.xml").map(|path| (Format::Junit, path));
        }
        Runner::Maven | Runner::Gradle => {
            if let Some(at) = absolute("") {
                ready.collect_reports(&at);
                ready.report = inside("reports").map(|path| (Format::Folder, path));
            }
        }
        Runner::Cargo => {}
    }
    ready.choose(command, workspace, folder, focus);
    ready
}

/// What stands before further arguments: npm hands on what is behind `--`, the others hand on everything.
fn dashes(command: &TestCommand) -> &'static str {
    if command.command.starts_with("npm ") { " --" } else { "" }
}

/// A file of a run in the folder planted for it.
fn file_in(place: &RepoPath, name: &str) -> Option<RepoPath> {
    RepoPath::parse(&from_root(place.as_str(), name)).ok()
}

impl Prepared {
    /// Has Go count the lines of the changed packages, whichever package's tests run them.
    fn watch_go(&mut self, at: &Path, file: Option<RepoPath>, folder: &str, focus: &Focus) {
        let sources = focus.watched.iter().filter(|path| path.ends_with(".go"));
        let folders: std::collections::BTreeSet<String> = sources
            .filter_map(|path| from_folder(folder, path))
            .map(|path| path.rsplit_once('/').map_or_else(|| ".".to_owned(), |(folder, _)| format!("./{folder}")))
            .collect();
        if folders.is_empty() {
            return;
        }
        let packages = Vec::from_iter(folders).join(",");
        let options = format!("go test -coverpkg={} -coverprofile={}", quoted(Path::new(&packages)), quoted(at));
        self.command = self.command.replacen("go test", &options, 1);
        self.coverage.extend(file.map(|file| (Source::Go, file)));
    }

    /// Has the reports of this run gathered when it has ended; older ones lie in the same folders.
    fn collect_reports(&mut self, at: &Path) {
        let (since, to) = (quoted(&at.join("sitecustomize.py")), quoted(&at.join("reports")));
        self.command = format!(
            "({}); ended=$?; mkdir -p {to}; find . \\( -path '*/target/*-reports/TEST-*.xml' -o -path '*/build/test-results/*/TEST-*.xml' \\) \
             -newer {since} 2>/dev/null | (number=0; while IFS= read -r file; do number=$((number + 1)); cp \"$file\" {to}/$number.xml; done); exit $ended",
            self.command
        );
    }

    fn add_script(
        &mut self,
        command: &TestCommand,
        script: &Script,
        workspace: &dyn Workspace,
        (place, folder): (&RepoPath, &str),
        focus: &Focus,
    ) {
        let at = place.under(workspace.root());
        let file = |name: &str| quoted(&at.join(name));
        let mut arguments = match script.program {
            Program::Jest => format!("--json --outputFile={}", file("jest.json")),
            Program::Vitest => {
                format!("--reporter=default --reporter=junit --outputFile.junit={}", file("tests.xml"))
            }
            Program::Mocha => format!("--reporter json --reporter-option output={}", file("mocha.json")),
            Program::Node => format!(
                "--test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit --test-reporter-destination={}",
                file("tests.xml")
            ),
        };
        let report = match script.program {
            Program::Jest => (Format::Jest, "jest.json"),
            Program::Mocha => (Format::Mocha, "mocha.json"),
            Program::Vitest => (Format::Junit, "tests.xml"),
            Program::Node => (Format::Node, "tests.xml"),
        };
        self.report = file_in(place, report.1).map(|path| (report.0, path));
        let watched: Vec<&str> =
            focus.watched.iter().filter(|path| is_script(path)).filter_map(|path| from_folder(folder, path)).collect();
        if !watched.is_empty() && focus.only.is_empty() {
            let arguments_of_watch = self.watch_script(script, workspace, folder, &watched, (&at, place));
            arguments.push_str(&arguments_of_watch);
        }
        self.command.push_str(&format!("{} {arguments}", dashes(command)));
    }

    /// Has the lines of these files counted, each runner in its way; what has to be added to its arguments.
    fn watch_script(
        &mut self,
        script: &Script,
        workspace: &dyn Workspace,
        folder: &str,
        watched: &[&str],
        (at, place): (&Path, &RepoPath),
    ) -> String {
        let own = |name: &str| RepoPath::parse(&from_root(folder, name)).ok();
        // The root that patterns are relative to is set in many places; names are not.
        let named = |option: &str| {
            let name = |path: &&str| path.rsplit('/').next().unwrap_or(path).to_owned();
            let words = watched.iter().map(|path| format!(" {option}='**/{}'", name(path).replace('\'', "")));
            words.collect::<String>()
        };
        let folder_of_report = quoted(&at.join("coverage"));
        match (script.program, script.tracer) {
            (Program::Jest, _) => {
                self.coverage
                    .extend(file_in(place, "coverage/coverage-final.json").map(|path| (Source::Istanbul, path)));
                format!(
                    " --coverage --coverageReporters=json --coverageDirectory={folder_of_report} --coverageThreshold='{{}}'{}",
                    named("--collectCoverageFrom")
                )
            }
            (Program::Vitest, _) => {
                let manifest = own("package.json").and_then(|path| workspace.read(&path).ok());
                let declared = manifest.is_some_and(|file| {
                    let text = String::from_utf8_lossy(&file.bytes).into_owned();
                    text.contains("\"@vitest/coverage-v8\"") || text.contains("\"@vitest/coverage-istanbul\"")
                });
                if !declared {
                    return String::new();
                }
                self.coverage
                    .extend(file_in(place, "coverage/coverage-final.json").map(|path| (Source::Istanbul, path)));
                format!(
                    " --coverage.enabled --coverage.reporter=json --coverage.reportsDirectory={folder_of_report}{}",
                    named("--coverage.include")
                )
            }
            (_, Some(Tracer::Nyc)) => {
                self.coverage.extend(own(".nyc_output").map(|path| (Source::Istanbul, path)));
                String::new()
            }
            (_, Some(Tracer::C8)) => {
                self.coverage.extend(own("coverage/tmp").map(|path| (Source::V8, path)));
                String::new()
            }
            (Program::Mocha | Program::Node, None) => {
                let folder = at.join("v8").to_string_lossy().into_owned();
                self.environment.push(("NODE_V8_COVERAGE".into(), folder));
                self.coverage.extend(file_in(place, "v8").map(|path| (Source::V8, path)));
                String::new()
            }
        }
    }
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

fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '@' | '+' | ':'));
    if plain { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
