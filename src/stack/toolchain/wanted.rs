//! Which versions the files of a service ask for: its manifest, then the files of version managers, here or above.

use std::sync::LazyLock;

use regex::Regex;

use super::{Toolchain, fits};
use crate::domain::from_root;
use crate::stack::Evidence;
use crate::stack::rules::Place;

/// Where a version is asked for: in which files, by a line of which shape.
struct Source {
    language: &'static str,
    files: &'static [&'static str],
    /// The first group is the version.
    shape: &'static str,
}

const fn source(language: &'static str, files: &'static [&'static str], shape: &'static str) -> Source {
    Source { language, files, shape }
}

/// The manifest's own word comes first.
const SOURCES: &[Source] = &[
    source("python", &["pyproject.toml"], r#"^\s*requires-python\s*=\s*["']([^"']+)"#),
    source("python", &["pyproject.toml"], r#"^\s*python\s*=\s*["']([^"']+)"#),
    source("python", &["setup.cfg", "setup.py"], r#"^\s*python_requires\s*=\s*["']?([^"',]+(?:,\s*[^"',)]+)*)"#),
    source("python", &["Pipfile"], r#"^python_(?:full_)?version\s*=\s*["']([^"']+)"#),
    source("python", &[".python-version"], r"^\s*([\w.\-]+)\s*$"),
    source("python", &["runtime.txt"], r"^python-([\d.]+)"),
    source("javascript", &[".nvmrc", ".node-version"], r"^\s*([\w./*\-]+)\s*$"),
    source("go", &["go.mod", "go.work"], r"^go\s+(\S+)"),
    source("rust", &["Cargo.toml"], r#"^\s*rust-version\s*=\s*"([^"]+)""#),
    source("rust", &["rust-toolchain.toml", "rust-toolchain"], r#"^\s*channel\s*=\s*"([^"]+)""#),
    source("rust", &["rust-toolchain"], r"^([\w.\-]+)$"),
    source(
        "java",
        &["pom.xml"],
        r"<(?:java\.version|maven\.compiler\.(?:release|source|target)|release)>\s*([\d.]+)\s*<",
    ),
    source("java", &["build.gradle", "build.gradle.kts"], r"(?:JavaLanguageVersion\.of|jvmToolchain)\s*\(\s*(\d+)"),
    source(
        "java",
        &["build.gradle", "build.gradle.kts"],
        r#"(?:source|target)Compatibility\s*=?\s*(?:JavaVersion\.VERSION_|["'])?([\d._]+)"#,
    ),
    source("java", &[".java-version"], r"^\s*(?:\w+-)?([\d.]+)"),
    source("java", &[".sdkmanrc"], r"^java=([\d.]+)"),
    source("ruby", &["Gemfile"], r#"^\s*ruby\s+["']([^"']+)["']"#),
    source("ruby", &[".ruby-version"], r"^\s*(?:ruby-)?([\d.]+\S*)"),
    source("php", &["composer.json"], r#""php"\s*:\s*"([^"]+)""#),
    source("csharp", &["global.json"], r#""version"\s*:\s*"([^"]+)""#),
];

static SHAPES: LazyLock<Vec<Option<Regex>>> =
    LazyLock::new(|| SOURCES.iter().map(|source| Regex::new(source.shape).ok()).collect());

/// A framework a project of .NET is built for.
static TARGET: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"<TargetFrameworks?>\s*(?:[\w.;\-]*;)?net(?:coreapp)?(\d+\.\d+)").ok());

/// What the files ask for.
pub(in crate::stack) fn wanted(place: &Place<'_>, language: &str) -> Vec<Toolchain> {
    let tool = match language {
        "javascript" => "node",
        "csharp" => "dotnet",
        other => other,
    };
    let ask = |(wanted, evidence): (String, Evidence)| Toolchain {
        tool: tool.to_owned(),
        wanted,
        evidence,
        present: None,
        fits: None,
    };
    let mut found: Vec<(String, Evidence)> = Vec::new();
    if language == "javascript" {
        found.extend(["engines", "volta", "devEngines"].into_iter().filter_map(|section| in_package(place, section)));
    }
    let sources = SOURCES.iter().zip(SHAPES.iter()).filter(|(source, _)| source.language == language);
    for (source, shape) in sources {
        let Some(shape) = shape else { continue };
        found.extend(source.files.iter().find_map(|file| nearest(place, file, shape)));
    }
    if language == "csharp" {
        found.extend(target(place));
    }
    found.extend(managed(place, tool));
    let mut kept: Vec<(String, Evidence)> = Vec::new();
    for one in found {
        if !kept.iter().any(|(wanted, _)| *wanted == one.0) {
            kept.push(one);
        }
    }
    kept.into_iter().take(3).map(ask).collect()
}

/// In the service's folder, else in the nearest one above: version managers look there as well.
fn nearest(place: &Place<'_>, file: &str, shape: &Regex) -> Option<(String, Evidence)> {
    let version = |line: &str| Some(shape.captures(line)?.get(1)?.as_str().trim().to_owned());
    let own = place.find(file, |line| version(line).is_some());
    // A manifest above is another project's.
    let shared = file.starts_with('.')
        || ["global.json", "rust-toolchain.toml", "rust-toolchain", "runtime.txt"].contains(&file);
    let above = || {
        let (folder, name) = place.above().into_iter().find(|(_, name)| *name == file)?;
        place.find_from_root(&from_root(folder, name), |line| version(line).is_some())
    };
    let evidence = own.or_else(|| shared.then(above).flatten())?;
    Some((version(&evidence.text)?, evidence))
}

/// `"engines": { "node": ">=20" }`, `"volta": { "node": "20.1.0" }`
fn in_package(place: &Place<'_>, section: &str) -> Option<(String, Evidence)> {
    let text = place.read("package.json")?;
    let at = text.find(&format!("\"{section}\""))?;
    let inner = &text[at..at + text[at..].find('}')?];
    let node = at + inner.find("\"node\"")?;
    let wanted = text[node + 6..].split('"').nth(1)?.to_owned();
    let index = text[..node].matches('\n').count();
    Some((wanted, place.line("package.json", index, text.lines().nth(index)?)))
}

/// `net8.0` of a project, or of what all projects share.
fn target(place: &Place<'_>) -> Option<(String, Evidence)> {
    let shape = TARGET.as_ref()?;
    let version = |line: &str| Some(shape.captures(line)?.get(1)?.as_str().to_owned());
    let own = place.paths.iter().find(|path| path.ends_with(".csproj") && !path.contains('/'));
    let own = own.and_then(|file| place.find(file, |line| version(line).is_some()));
    let evidence = own.or_else(|| {
        let (folder, name) = place.above().into_iter().find(|(_, name)| *name == "Directory.Build.props")?;
        place.find_from_root(&from_root(folder, name), |line| version(line).is_some())
    })?;
    Some((format!("{}.x", version(&evidence.text)?), evidence))
}

/// In `.tool-versions` of asdf and `mise.toml`.
fn managed(place: &Place<'_>, tool: &str) -> Option<(String, Evidence)> {
    let names: &[&str] = match tool {
        "node" => &["nodejs", "node"],
        "go" => &["golang", "go"],
        "dotnet" => &["dotnet-core", "dotnet"],
        "python" => &["python"],
        "java" => &["java"],
        "ruby" => &["ruby"],
        "rust" => &["rust"],
        "php" => &["php"],
        _ => return None,
    };
    let version = |line: &str| {
        let line = line.trim().trim_start_matches('"');
        let rest = names.iter().find_map(|name| line.strip_prefix(name))?;
        let rest = rest.trim_start_matches('"');
        if !rest.starts_with([' ', '\t', '=']) {
            return None;
        }
        let value = rest.trim_start_matches([' ', '\t', '=']).trim_matches(['"', '\'']);
        let value = value.split([' ', '"', '\'']).next()?;
        // `temurin-17.0.1`
        let value = value.rsplit_once('-').filter(|_| tool == "java").map_or(value, |(_, number)| number);
        value.starts_with(|c: char| c.is_ascii_alphanumeric()).then(|| value.to_owned())
    };
    let files = [".tool-versions", "mise.toml", ".mise.toml", ".config/mise.toml"];
    let own = files.iter().find_map(|file| place.find(file, |line| version(line).is_some()));
    let evidence = own.or_else(|| {
        let (folder, name) = place.above().into_iter().find(|(_, name)| files.contains(name))?;
        place.find_from_root(&from_root(folder, name), |line| version(line).is_some())
    })?;
    Some((version(&evidence.text)?, evidence))
}

/// A version that one file pins and another does not allow.
pub(in crate::stack) fn contradictions(wanted: &[Toolchain]) -> Vec<String> {
    let pinned = |one: &&Toolchain| {
        let text = one.wanted.trim_start_matches('v');
        text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    let place = |one: &Toolchain| match one.evidence.line {
        Some(line) => format!("{}:{line}", one.evidence.file),
        None => one.evidence.file.clone(),
    };
    let Some((first, others)) = wanted.split_first() else { return Vec::new() };
    let against = others.iter().filter(pinned).filter(|other| {
        // `20` stands for any version of it.
        let full = format!("{}.999.0", other.wanted.trim_start_matches('v'));
        let version = if other.wanted.contains('.') { other.wanted.trim_start_matches('v') } else { full.as_str() };
        fits(&first.wanted, version) == Some(false)
    });
    let said = against.map(|other| {
        format!(
            "{}: {} {} is pinned, {} asks for {}; the manifest counts",
            place(other),
            other.tool,
            other.wanted,
            place(first),
            first.wanted
        )
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shapes_can_be_read() {
        assert!(SHAPES.iter().all(Option::is_some) && TARGET.is_some());
    }

    #[test]
    fn what_is_pinned_has_to_be_allowed() {
        let one = |wanted: &str, file: &str| Toolchain {
            tool: "node".to_owned(),
            wanted: wanted.to_owned(),
            evidence: Evidence { file: file.to_owned(), line: Some(1), text: String::new() },
            present: None,
            fits: None,
        };
        for (manifest, pinned, expected) in [
            (">=18", "16", 1),
            (">=18", "18", 0),
            (">=20.12", "v20", 0),
            (">=20.12 <21 || 22", "22", 0),
            (">=20", "lts/*", 0),
            ("3.11", "3.12.1", 0),
            (">=3.12,<3.13", "3.11.4", 1),
        ] {
            let found = contradictions(&[one(manifest, "package.json"), one(pinned, ".nvmrc")]);
            assert_eq!(found.len(), expected, "{manifest} {pinned}: {found:?}");
        }
    }
}
