//! Test commands in the files of continuous integration: what a project's own people run on every change says more than
//! what its manifests suggest. Files are read line by line, because what is found has to be found again by a reader.

use super::rules::Place;
use super::{Evidence, Runner, Service, TestCommand};

/// A test command as a file of continuous integration has it.
struct Found {
    /// The folder it runs in.
    folder: String,
    /// What it runs, without what installs, measures and reports.
    call: Call,
    evidence: Evidence,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Call {
    /// `pytest` with these arguments.
    Pytest(String),
    /// `manage.py test` with these arguments.
    Django(String),
    /// A module of Python's own runner.
    Unittest(String),
    /// A script or a runner of Node's, as it stands.
    Node(String),
    /// `go test` with these arguments.
    Go(String),
    /// `cargo test` with these arguments.
    Cargo(String),
}

impl Call {
    fn language(&self) -> &'static str {
        match self {
            Self::Pytest(_) | Self::Django(_) | Self::Unittest(_) => "python",
            Self::Node(_) => "javascript",
            Self::Go(_) => "go",
            Self::Cargo(_) => "rust",
        }
    }
}

/// Puts what continuous integration runs before what the manifests say.
pub(super) fn overrule(root: &Place<'_>, services: &mut [Service]) {
    for found in commands(root) {
        let family = |service: &Service| if service.language == "typescript" { "javascript" } else { service.language };
        let fits = |service: &&mut Service| service.folder == found.folder && family(service) == found.call.language();
        let Some(service) = services.iter_mut().find(fits) else { continue };
        // The first one counts; what stands there already from another line of these files stays.
        if service.tests.first().is_some_and(|test| is_ci(&test.evidence.file)) {
            continue;
        }
        let better = better(&found, service);
        // Only where it says something else: the same command keeps the manifest's evidence beside it.
        service.tests.retain(|known| better.iter().all(|one| one.command != known.command));
        service.tests.splice(0..0, better);
    }
}

fn is_ci(file: &str) -> bool {
    file.starts_with(".github/workflows/") || file == ".gitlab-ci.yml" || file == ".circleci/config.yml"
}

fn better(found: &Found, service: &Service) -> Vec<TestCommand> {
    let install = service.tests.first().map_or("install the project's dependencies", |test| &test.install).to_owned();
    let made = |command: String, runner| TestCommand {
        command: command.trim_end().to_owned(),
        runner,
        evidence: found.evidence.clone(),
        install: install.clone(),
    };
    let pythons = || {
        // The interpreters the manifests' own commands use, or the service's.
        let known = service
            .tests
            .iter()
            .filter_map(|test| test.command.split_once(" -m ").or(test.command.split_once(" manage.py")));
        let mut all: Vec<String> = known.map(|(python, _)| python.to_owned()).collect();
        all.extend(service.interpreter.clone());
        all.push("python3".to_owned());
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|python| seen.insert(python.clone()));
        all
    };
    match &found.call {
        Call::Pytest(rest) => {
            pythons().iter().map(|python| made(format!("{python} -m pytest {rest}"), Runner::Pytest)).collect()
        }
        Call::Django(rest) => {
            pythons().iter().map(|python| made(format!("{python} manage.py test {rest}"), Runner::Django)).collect()
        }
        Call::Unittest(rest) => {
            pythons().iter().map(|python| made(format!("{python} -m unittest {rest}"), Runner::Unittest)).collect()
        }
        Call::Node(command) => {
            let runner = if command.starts_with("npx ") { Runner::Node } else { Runner::Script };
            vec![made(command.clone(), runner)]
        }
        Call::Go(rest) => vec![made(format!("go test -v {rest}"), Runner::Go)],
        Call::Cargo(rest) => vec![made(format!("cargo test --no-fail-fast {rest}"), Runner::Cargo)],
    }
}

fn commands(root: &Place<'_>) -> Vec<Found> {
    let files = root.paths.iter().copied().filter(|path| {
        is_ci(path) && (path.ends_with(".yml") || path.ends_with(".yaml")) && path.matches('/').count() <= 2
    });
    let mut found: Vec<(bool, Found)> = Vec::new();
    for file in files.take(20) {
        let Some(text) = root.read(file) else { continue };
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let Some(words) = command_of(line) else { continue };
            let (folder, words) = in_folder(words, || step_folder(&lines, index));
            let Some(call) = read(words) else { continue };
            let partial = ["e2e", "integration", "smoke", "nightly"].iter().any(|word| line.contains(word));
            found.push((partial, Found { folder, call, evidence: root.line(file, index, line) }));
        }
    }
    // What runs everything comes before what runs a part.
    found.sort_by_key(|(partial, _)| *partial);
    found.into_iter().map(|(_, found)| found).collect()
}

/// The command a line of such a file holds, without the key and the dash before it.
fn command_of(line: &str) -> Option<&str> {
    let text = line.trim();
    let text = text.strip_prefix("- ").unwrap_or(text).trim();
    let text = ["run:", "script:", "command:"].iter().find_map(|key| text.strip_prefix(key)).unwrap_or(text).trim();
    let text = text.trim_matches(['"', '\'']).trim();
    let foreign = ["${{", "$(", "|", ">", ";", "`", "docker", "\\", "$"];
    (!text.is_empty() && !text.starts_with('#') && !foreign.iter().any(|word| text.contains(word))).then_some(text)
}

/// `cd api && pytest` runs in `api`.
fn in_folder(words: &str, step: impl Fn() -> Option<String>) -> (String, &str) {
    match words.strip_prefix("cd ").and_then(|rest| rest.split_once("&&")) {
        Some((folder, rest)) => (tidy(folder), rest.trim()),
        None => (step().unwrap_or_default(), words),
    }
}

fn tidy(folder: &str) -> String {
    folder
        .trim()
        .trim_matches(['"', '\''])
        .trim_start_matches("./")
        .trim_end_matches('/')
        .trim_start_matches('.')
        .to_owned()
}

/// The folder of the step a line belongs to, else that of the whole file.
fn step_folder(lines: &[&str], at: usize) -> Option<String> {
    let value = |line: &str| Some(tidy(line.trim().trim_start_matches("- ").strip_prefix("working-directory:")?));
    let dash = |line: &str| line.trim_start().starts_with("- ");
    let indent = |line: &str| line.len() - line.trim_start().len();
    let start = (0..=at).rev().find(|index| dash(lines[*index]) && !lines[*index].trim_start().starts_with("- cd "))?;
    let own = indent(lines[start]);
    let rest = (at + 1..lines.len()).take_while(|index| lines[*index].trim().is_empty() || indent(lines[*index]) > own);
    if let Some(folder) = (start..=at).chain(rest).find_map(|index| value(lines[index])) {
        return Some(folder);
    }
    let defaults = lines.iter().position(|line| line.trim_end().trim_start() == "defaults:")?;
    lines.iter().skip(defaults).take(4).find_map(|line| value(line))
}

fn read(words: &str) -> Option<Call> {
    if words.contains("&&") {
        return None;
    }
    let mut words: Vec<&str> = words.split_whitespace().collect();
    while words.first().is_some_and(|word| word.contains('=') && !word.starts_with('-')) {
        words.remove(0);
    }
    for wrapper in [
        &["uv", "run"][..],
        &["poetry", "run"],
        &["pipenv", "run"],
        &["pdm", "run"],
        &["hatch", "run"],
        &["coverage", "run", "-m"],
    ] {
        if words.starts_with(wrapper) {
            words.drain(..wrapper.len());
            // Options of the wrapper itself.
            while words.first().is_some_and(|word| word.starts_with("--")) {
                words.remove(0);
            }
        }
    }
    if matches!(words.first(), Some(&("python" | "python3"))) && words.get(1) == Some(&"-m") {
        words.drain(..2);
    } else if matches!(words.first(), Some(&("python" | "python3"))) {
        words.remove(0);
    }
    let rest = |from: usize, left_out: &[&str], with_value: &[&str]| {
        kept(&words[from.min(words.len())..], left_out, with_value)
    };
    match words.as_slice() {
        ["pytest" | "py.test", ..] => Some(Call::Pytest(rest(
            1,
            &["--cov", "--junit", "--html", "--reruns", "-v", "-vv", "--color", "--durations", "--numprocesses"],
            &["-n", "--dist"],
        ))),
        ["unittest", ..] => Some(Call::Unittest(rest(1, &[], &[]))),
        ["manage.py" | "./manage.py", "test", ..] => {
            Some(Call::Django(rest(2, &["--parallel", "--verbosity"], &["-v"])))
        }
        ["npm", "test" | "t", ..] => Some(Call::Node("npm test".to_owned())),
        ["npm" | "pnpm" | "yarn" | "bun", "run", script, ..] if is_test_script(script) => {
            Some(Call::Node(format!("{} run {script}", words[0])))
        }
        ["pnpm" | "yarn", "test", ..] => Some(Call::Node(format!("{} test", words[0]))),
        ["npx", "jest" | "vitest" | "mocha", ..] => {
            let arguments = rest(2, &["--coverage", "--ci", "--reporter", "--watch"], &[]);
            let run = if words[1] == "vitest" && !arguments.starts_with("run") { "run " } else { "" };
            Some(Call::Node(format!("npx --no-install {} {run}{arguments}", words[1]).trim_end().to_owned()))
        }
        ["go", "test", ..] => {
            Some(Call::Go(rest(2, &["-v", "-json", "-cover", "-race", "-count"], &[]))).filter(names_packages)
        }
        ["cargo", "test", ..] => Some(Call::Cargo(rest(2, &["--no-fail-fast", "--verbose", "-v", "--locked"], &[]))),
        _ => None,
    }
}

fn names_packages(call: &Call) -> bool {
    matches!(call, Call::Go(rest) if rest.split_whitespace().any(|word| !word.starts_with('-')))
}

fn is_test_script(name: &str) -> bool {
    name == "test"
        || name.starts_with("test:") && !["watch", "coverage", "debug"].iter().any(|word| name.contains(word))
}

/// Arguments without those that only measure or report: what they need may not be installed here.
fn kept(words: &[&str], left_out: &[&str], with_value: &[&str]) -> String {
    let mut all = Vec::new();
    let mut skip = false;
    for word in words {
        if std::mem::take(&mut skip) {
            continue;
        }
        if with_value.contains(word) {
            skip = true;
        } else if !left_out
            .iter()
            .any(|start| word == start || word.starts_with(start) && (start.starts_with("--") || word.contains('=')))
        {
            all.push(*word);
        }
    }
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_command_is_read_without_what_reports() {
        for (words, expected) in [
            ("pytest", Some(Call::Pytest(String::new()))),
            ("poetry run pytest -q --cov=app --cov-report=xml tests/unit", Some(Call::Pytest("-q tests/unit".into()))),
            ("uv run --frozen pytest -n auto -x", Some(Call::Pytest("-x".into()))),
            ("PYTHONPATH=src python -m pytest -m \"not slow\"", Some(Call::Pytest("-m \"not slow\"".into()))),
            ("coverage run -m pytest", Some(Call::Pytest(String::new()))),
            ("python manage.py test shop --parallel", Some(Call::Django("shop".into()))),
            ("python -m unittest discover -s tests", Some(Call::Unittest("discover -s tests".into()))),
            ("npm test -- --coverage", Some(Call::Node("npm test".into()))),
            ("npm run test:ci", Some(Call::Node("npm run test:ci".into()))),
            ("npm run test:watch", None),
            ("npm run build", None),
            ("npx vitest --coverage", Some(Call::Node("npx --no-install vitest run".into()))),
            ("go test -race -v -coverprofile=c.out ./...", Some(Call::Go("./...".into()))),
            ("go test -tags integration ./pkg/...", Some(Call::Go("-tags integration ./pkg/...".into()))),
            ("cargo test --workspace --locked", Some(Call::Cargo("--workspace".into()))),
            ("pip install pytest", None),
            ("echo pytest", None),
        ] {
            assert_eq!(read(words), expected, "{words}");
        }
    }

    #[test]
    fn a_line_that_needs_a_shell_or_a_runner_of_theirs_is_left_alone() {
        for (line, expected) in [
            ("      - run: pytest -q", Some("pytest -q")),
            ("    - \"npm test\"", Some("npm test")),
            ("          go test ./...", Some("go test ./...")),
            ("      - run: pytest ${{ matrix.args }}", None),
            ("      - run: pytest | tee log", None),
            ("      - docker compose run api pytest", None),
            ("      # pytest", None),
        ] {
            assert_eq!(command_of(line), expected, "{line}");
        }
    }
}
