//! What manifests say a project needs, name by name, with the line that says it.

pub(super) mod cargo;
mod dotnet;
pub(super) mod jvm;
mod local;

use serde_json::Value;

use super::Evidence;
use super::rules::Place;

/// A package a project needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    /// Its name; that of Python packages in lower case with `-` between words.
    pub name: String,
    /// Only development needs it.
    pub dev: bool,
    /// The project says so itself; else a project of the same repository that it is built on.
    pub own: bool,
    /// What says so.
    pub evidence: Evidence,
}

pub(super) use local::with_local;

/// The dependencies of the project in this folder, in the order of its manifests.
pub(super) fn of(place: &Place<'_>, language: &str) -> Vec<Dependency> {
    match language {
        "python" => python(place),
        "javascript" | "typescript" => node(place),
        "go" => lines(place, "go.mod", |line| {
            let line = line.trim_start().trim_start_matches("require ").trim();
            let (name, rest) = line.split_once(' ')?;
            let wanted = name.contains('.') && rest.trim_start().starts_with('v') && !rest.contains("// indirect");
            wanted.then(|| (name.to_owned(), false))
        }),
        "rust" => cargo::read(place),
        "java" | "kotlin" => jvm::read(place),
        "ruby" => lines(place, "Gemfile", |line| {
            let name = line.trim_start().strip_prefix("gem ")?.trim_start().trim_start_matches(['"', '\'']);
            Some((name.split(['"', '\'']).next()?.to_owned(), line.starts_with(' ')))
        }),
        "php" => composer(place),
        "csharp" => dotnet::read(place),
        _ => Vec::new(),
    }
}

/// One dependency a line.
fn lines(place: &Place<'_>, file: &str, read: impl Fn(&str) -> Option<(String, bool)>) -> Vec<Dependency> {
    let text = place.read(file).unwrap_or_default();
    let found = text.lines().enumerate().filter_map(|(index, line)| {
        let (name, dev) = read(line)?;
        Some(Dependency { name, dev, own: true, evidence: place.line(file, index, line) })
    });
    found.collect()
}

fn node(place: &Place<'_>) -> Vec<Dependency> {
    let Some(text) = place.read("package.json") else { return Vec::new() };
    let Ok(manifest) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else { return Vec::new() };
    let mut found = Vec::new();
    // Peer dependencies are what others bring: they say nothing about what this project is.
    for (list, dev) in [("dependencies", false), ("optionalDependencies", false), ("devDependencies", true)] {
        let names = manifest.get(list).and_then(Value::as_object).into_iter().flat_map(|names| names.keys());
        found.extend(names.filter_map(|name| {
            let evidence = after(place, &text, "package.json", &format!("\"{list}\""), &format!("\"{name}\""))?;
            Some(Dependency { name: name.clone(), dev, own: true, evidence })
        }));
    }
    found
}

fn composer(place: &Place<'_>) -> Vec<Dependency> {
    let Some(text) = place.read("composer.json") else { return Vec::new() };
    let Ok(manifest) = serde_json::from_str::<Value>(&text) else { return Vec::new() };
    let mut found = Vec::new();
    for (list, dev) in [("require", false), ("require-dev", true)] {
        let names = manifest.get(list).and_then(Value::as_object).into_iter().flat_map(|names| names.keys());
        found.extend(names.filter_map(|name| {
            let evidence = after(place, &text, "composer.json", &format!("\"{list}\""), &format!("\"{name}\""))?;
            Some(Dependency { name: name.clone(), dev, own: true, evidence })
        }));
    }
    found
}

/// The line that holds `word`, at or after the line that holds `section`.
fn after(place: &Place<'_>, text: &str, file: &str, section: &str, word: &str) -> Option<Evidence> {
    let start = text.find(section).unwrap_or(0);
    let at = text[start..].find(word).map(|at| at + start).or_else(|| text.find(word))?;
    let index = text[..at].matches('\n').count();
    Some(place.line(file, index, text.lines().nth(index)?))
}

/// Requirement files in the order they are looked at, and whether they are for development.
const REQUIREMENTS: &[(&str, bool)] = &[
    ("requirements.txt", false),
    ("requirements/base.txt", false),
    ("requirements/common.txt", false),
    ("requirements/prod.txt", false),
    ("requirements/production.txt", false),
    ("requirements/requirements.txt", false),
    ("requirements.in", false),
    ("requirements/local.txt", true),
    ("requirements/dev.txt", true),
    ("requirements/test.txt", true),
    ("requirements/testing.txt", true),
    ("requirements-dev.txt", true),
    ("requirements_dev.txt", true),
    ("dev-requirements.txt", true),
    ("requirements-test.txt", true),
    ("test-requirements.txt", true),
];

fn python(place: &Place<'_>) -> Vec<Dependency> {
    let mut found = pyproject(place);
    for (file, dev) in REQUIREMENTS {
        found.extend(lines(place, file, |line| Some((requirement(line)?, *dev))));
    }
    found.extend(pipfile(place));
    found.extend(setup(place, "setup.cfg"));
    found.extend(setup(place, "setup.py"));
    found.extend(lines(place, "environment.yml", |line| {
        let item = line.trim_start().strip_prefix("- ")?;
        Some((requirement(item)?, false))
    }));
    found.extend(lines(place, "tox.ini", |line| {
        let known = line.starts_with([' ', '\t']) && !line.contains('{');
        if known { Some((requirement(line)?, true)) } else { None }
    }));
    found
}

/// The name in `Django[argon2]>=5 ; python_version > "3"`, as packages are compared.
fn requirement(text: &str) -> Option<String> {
    let text = text.split(" #").next().unwrap_or_default().trim();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let ends = rest.is_empty() || rest.starts_with(['[', '=', '<', '>', '~', '!', ';', '@', '(', '^', ',']);
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    (starts && ends).then(|| normal(name))
}

fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

fn pyproject(place: &Place<'_>) -> Vec<Dependency> {
    let file = "pyproject.toml";
    let Some(text) = place.read(file) else { return Vec::new() };
    let Ok(table) = text.parse::<toml::Table>() else { return Vec::new() };
    let mut names: Vec<(String, bool)> = Vec::new();
    let at = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
    };
    let mut list = |value: Option<&toml::Value>, dev: bool| {
        let items = value.and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str);
        names.extend(items.filter_map(requirement).map(|name| (name, dev)));
    };
    list(at(&["project", "dependencies"]), false);
    for path in
        [&["project", "optional-dependencies"][..], &["dependency-groups"], &["tool", "pdm", "dev-dependencies"]]
    {
        let groups = at(path).and_then(toml::Value::as_table).into_iter().flatten();
        // What users may choose is not what only development needs.
        let chosen = path.contains(&"optional-dependencies");
        let runs = ["prod", "production", "main", "server", "web", "app"];
        let dev = |name: &str| {
            !chosen && !runs.contains(&name)
                || ["dev", "test", "tests", "testing", "lint", "docs", "doc", "typing"].contains(&name)
        };
        groups.for_each(|(name, group)| list(Some(group), dev(name)));
    }
    list(at(&["tool", "uv", "dev-dependencies"]), true);
    let mut keys = |value: Option<&toml::Value>, dev: bool| {
        let found = value.and_then(toml::Value::as_table).into_iter().flatten();
        names.extend(found.map(|(name, _)| (normal(name), dev)).filter(|(name, _)| name != "python"));
    };
    keys(at(&["tool", "poetry", "dependencies"]), false);
    keys(at(&["tool", "poetry", "dev-dependencies"]), true);
    let groups = at(&["tool", "poetry", "group"]).and_then(toml::Value::as_table).into_iter().flatten();
    groups.for_each(|(_, group)| keys(group.get("dependencies"), true));
    let evidence = |name: &str| {
        let named = |line: &str| {
            let line = line.trim_start();
            if ["keywords", "classifiers", "description", "name", "#"].iter().any(|start| line.starts_with(start)) {
                return false;
            }
            let inner = line.split(['"', '\'']).any(|part| requirement(part).as_deref() == Some(name));
            let key = line.split_once('=').is_some_and(|(key, _)| normal(key.trim().trim_matches('"')) == name);
            inner || key
        };
        let (index, line) = text.lines().enumerate().find(|(_, line)| named(line))?;
        Some(place.line(file, index, line))
    };
    names
        .into_iter()
        .filter_map(|(name, dev)| evidence(&name).map(|evidence| Dependency { name, dev, own: true, evidence }))
        .collect()
}

fn pipfile(place: &Place<'_>) -> Vec<Dependency> {
    let mut section = String::new();
    let text = place.read("Pipfile").unwrap_or_default();
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            line.trim().clone_into(&mut section);
        } else if let Some((name, _)) = line.split_once('=')
            && matches!(section.as_str(), "[packages]" | "[dev-packages]")
        {
            let name = normal(name.trim().trim_matches('"'));
            found.push(Dependency {
                name,
                dev: section == "[dev-packages]",
                own: true,
                evidence: place.line("Pipfile", index, line),
            });
        }
    }
    found
}

/// `install_requires` and its relatives, as text: setup files are programs.
fn setup(place: &Place<'_>, file: &str) -> Vec<Dependency> {
    let text = place.read(file).unwrap_or_default();
    let (mut inside, mut dev, mut found) = (false, false, Vec::new());
    for (index, line) in text.lines().enumerate() {
        let bare = line.trim();
        if ["install_requires", "tests_require", "extras_require", "[options.extras_require]"]
            .iter()
            .any(|key| bare.starts_with(key))
        {
            inside = true;
            dev = !bare.starts_with("install_requires");
        } else if inside
            && (bare.starts_with([']', ')', '}'])
                || bare.starts_with('[')
                || file == "setup.cfg" && !line.starts_with([' ', '\t']) && !dev)
        {
            inside = false;
        }
        if !inside || bare.starts_with('#') {
            continue;
        }
        let items: Vec<String> = if file == "setup.cfg" {
            let value = bare
                .split_once('=')
                .filter(|(key, _)| !key.contains(['>', '<', '~', '!', '=']) && !line.starts_with(' '));
            requirement(value.map_or(bare, |(_, value)| value)).into_iter().collect()
        } else {
            bare.split(['"', '\'']).skip(1).step_by(2).filter_map(requirement).collect()
        };
        found.extend(items.into_iter().map(|name| Dependency {
            name,
            dev,
            own: true,
            evidence: place.line(file, index, line),
        }));
        if file == "setup.py" && bare.ends_with("],") {
            inside = false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_is_its_name() {
        for (text, expected) in [
            ("Django>=5", Some("django")),
            ("psycopg[binary] >= 3", Some("psycopg")),
            ("typing_extensions; python_version < '3.8'", Some("typing-extensions")),
            ("flask  # the web", Some("flask")),
            ("zope.interface", Some("zope-interface")),
            ("# flask", None),
            ("-r base.txt", None),
            ("https://example.org/x.whl", None),
            ("a sentence about flask", None),
            ("", None),
        ] {
            assert_eq!(requirement(text).as_deref(), expected, "{text}");
        }
    }
}
