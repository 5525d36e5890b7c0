//! Python: pytest, Django's runner, unittest.

use super::rules::{Place, names};
use super::{Evidence, Runner, Service, TestCommand};
use crate::domain::{folder_of, from_root};

const MANIFESTS: &[&str] = &["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "manage.py"];

const DEPENDENCY_FILES: &[&str] = &[
    "pyproject.toml",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "requirements-test.txt",
    "test-requirements.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
    "requirements/testing.txt",
    "requirements/base.txt",
    "requirements/local.txt",
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "tox.ini",
    "environment.yml",
];

pub(super) fn detect(place: &Place<'_>) -> Option<Service> {
    let evidence = evidence(place)?;
    let interpreter = pythons(place).into_iter().next();
    Some(Service { interpreter, ..Service::new(place, "python", evidence, tests(place)) })
}

fn evidence(place: &Place<'_>) -> Option<Evidence> {
    if let Some(manifest) = MANIFESTS.iter().find(|name| place.has(name)) {
        return Some(place.presence(manifest, "a Python project"));
    }
    // Without any manifest the root is a project by itself: scripts with the standard library.
    let elsewhere =
        place.paths.iter().any(|path| path.rsplit('/').next().is_some_and(|name| MANIFESTS.contains(&name)));
    let source = place.paths.iter().find(|path| path.ends_with(".py") && path.matches('/').count() <= 2)?;
    (place.folder.is_empty() && !elsewhere).then(|| place.presence(source, "Python source without a manifest"))
}

fn tests(place: &Place<'_>) -> Vec<TestCommand> {
    let files: Vec<&str> = place.paths.iter().copied().filter(|path| is_test(path)).collect();
    let mut found = Vec::new();
    if let Some(evidence) = pytest(place, &files) {
        found.extend(
            pythons(place).into_iter().map(|python| command(place, &python, Runner::Pytest, "-m pytest", &evidence)),
        );
    }
    if let Some((manage, evidence)) = manage(place) {
        // Below the root it has to be told where its tests are.
        let below = folder_of(manage);
        let arguments = format!("{manage} test {below}");
        let made = |python: String| command(place, &python, Runner::Django, arguments.trim_end(), &evidence);
        found.extend(pythons(place).into_iter().map(made));
    }
    if found.is_empty()
        && let Some((arguments, evidence)) = unittest(place, &files)
    {
        found.extend(
            pythons(place).into_iter().map(|python| command(place, &python, Runner::Unittest, &arguments, &evidence)),
        );
    }
    found
}

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".py") && (name.starts_with("test") || name.ends_with("_test.py"))
}

/// Interpreters that can have the project's packages, the most likely first.
fn pythons(place: &Place<'_>) -> Vec<String> {
    let own = [".venv", "venv", "env"].into_iter().find(|folder| place.exists(&format!("{folder}/bin/python")));
    let wrapper = [
        ("uv.lock", "uv run --offline --no-sync python"),
        ("poetry.lock", "poetry run python"),
        ("Pipfile.lock", "pipenv run python"),
        ("pdm.lock", "pdm run python"),
    ];
    let wrapper = wrapper.into_iter().find(|(lock, _)| place.has(lock));
    let mut found: Vec<String> = own.map(|folder| format!("{folder}/bin/python")).into_iter().collect();
    if own.is_none() {
        found.extend(wrapper.map(|(_, run)| run.to_owned()));
    }
    found.push("python3".to_owned());
    found
}

fn command(place: &Place<'_>, python: &str, runner: Runner, arguments: &str, evidence: &Evidence) -> TestCommand {
    let requirements = ["requirements-dev.txt", "requirements.txt"].into_iter().find(|name| place.has(name));
    let what = match (requirements, runner) {
        (Some(file), _) => format!("-r {file}"),
        (None, Runner::Pytest) => "pytest".to_owned(),
        (None, _) => "-e .".to_owned(),
    };
    TestCommand {
        command: format!("{python} {arguments}"),
        runner,
        evidence: evidence.clone(),
        install: format!("python3 -m venv .venv && .venv/bin/python -m pip install {what}"),
    }
}

fn pytest(place: &Place<'_>, tests: &[&str]) -> Option<Evidence> {
    let configured = [
        ("pytest.ini", "[pytest]"),
        ("pyproject.toml", "[tool.pytest"),
        ("setup.cfg", "[tool:pytest]"),
        ("tox.ini", "[pytest]"),
    ];
    let configured =
        configured.iter().find_map(|(file, section)| place.find(file, |line| line.trim().starts_with(section)));
    let depends = || {
        DEPENDENCY_FILES.iter().find_map(|file| {
            place.find(file, |line| ["pytest", "pytest-django", "pytest-asyncio"].iter().any(|name| names(line, name)))
        })
    };
    let conftest = || {
        place
            .paths
            .iter()
            .find(|path| path.ends_with("conftest.py"))
            .map(|path| place.presence(path, "pytest's own file"))
    };
    // Tests as plain functions say the same without any manifest; unittest would not see them.
    let written = || {
        let fits = |line: &str| {
            line.starts_with("import pytest")
                || line.starts_with("from pytest")
                || line.starts_with("def test_")
                || line.starts_with("async def test_")
        };
        tests.iter().take(50).find_map(|path| place.find(path, fits))
    };
    configured.or_else(depends).or_else(conftest).or_else(written)
}

/// The program that drives a project of Django, in its folder or below it.
pub(super) fn manage<'a>(place: &Place<'a>) -> Option<(&'a str, Evidence)> {
    let near = |path: &&str| path.rsplit('/').next() == Some("manage.py") && path.matches('/').count() <= 2;
    let foreign = |path: &&str| {
        path.split('/').any(|part| {
            matches!(part, "tests" | "test" | "examples" | "docs" | "node_modules") || part.starts_with('.')
        })
    };
    let mut found: Vec<&str> = place.paths.iter().copied().filter(near).filter(|path| !foreign(path)).collect();
    // What has a manifest beside it is a project of its own.
    found.retain(|path| {
        folder_of(path).is_empty()
            || !MANIFESTS.iter().any(|name| *name != "manage.py" && place.has(&from_root(folder_of(path), name)))
    });
    found.sort_by_key(|path| path.matches('/').count());
    let drives = |line: &str| line.contains("django") || line.contains("DJANGO_SETTINGS_MODULE");
    found.into_iter().find_map(|path| Some((path, place.find(path, drives)?)))
}

/// `unittest discover` finds packages only, and one pattern of names: the folder and the pattern follow from the files.
fn unittest(place: &Place<'_>, tests: &[&str]) -> Option<(String, Evidence)> {
    let cases = |line: &str| line.contains("unittest") || line.contains("TestCase");
    let (path, evidence) = tests.iter().take(50).find_map(|path| Some((*path, place.find(path, cases)?)))?;
    let mut arguments = String::from("-m unittest discover");
    if let Some(folder) = start(place, path) {
        arguments.push_str(&format!(" -s {folder}"));
    }
    if !path.rsplit('/').next().unwrap_or(path).starts_with("test") {
        arguments.push_str(" -p '*_test.py'");
    }
    Some((arguments, evidence))
}

/// The folder to start in when the tests are no package below the root.
fn start<'a>(place: &Place<'_>, test: &'a str) -> Option<&'a str> {
    let (folder, _) = test.rsplit_once('/')?;
    let mut packages = folder.match_indices('/').map(|(at, _)| &folder[..at]).chain([folder]);
    let all = packages.all(|package| place.exists(&format!("{package}/__init__.py")));
    (!all).then_some(folder)
}
