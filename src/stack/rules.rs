//! What all languages share: a folder to look at, and the rules of `assets/stack.toml`.

mod place;

use std::sync::LazyLock;

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use regex::Regex;
use serde::Deserialize;

pub(super) use place::Place;

/// Files that make a folder a project.
pub(super) const MANIFESTS: &[&str] = &[
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "requirements.txt",
    "Pipfile",
    "manage.py",
    "package.json",
    "go.mod",
    "Cargo.toml",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
    "Gemfile",
    "composer.json",
];
/// Endings of names of such files.
pub(super) const MANIFEST_ENDINGS: &[&str] = &[".csproj", ".fsproj", ".sln", ".slnx"];

/// Everything the rules say.
#[derive(Default, Deserialize)]
pub(super) struct Rules {
    pub package: Vec<PackageRule>,
    pub file: Vec<FileRule>,
    pub entry: Vec<EntryRule>,
    pub lock: Vec<LockRule>,
    pub database: Vec<DatabaseRule>,
}

/// What a dependency says.
#[derive(Deserialize)]
pub(super) struct PackageRule {
    pub language: String,
    pub is: Kind,
    pub name: String,
    pub names: Vec<String>,
    #[serde(default)]
    pub any: bool,
    #[serde(default)]
    pub unless: Vec<String>,
    /// A line of a source file has to look like this as well.
    pub source: Option<String>,
    pub port: Option<u16>,
    /// It runs in a browser.
    #[serde(default)]
    pub browser: bool,
}

/// What a line of a source file looks like where a program begins to listen.
#[derive(Deserialize)]
pub(super) struct EntryRule {
    pub language: String,
    pub endings: Vec<String>,
    pub looks: String,
    #[serde(skip)]
    pub regex: Option<Regex>,
}

/// What a file says.
#[derive(Deserialize)]
pub(super) struct FileRule {
    pub is: Kind,
    pub name: String,
    pub path: String,
    pub holds: Option<String>,
    pub looks: Option<String>,
    pub language: Option<String>,
    /// It holds for what lies below it as well.
    #[serde(default)]
    pub above: bool,
    #[serde(skip)]
    pub glob: Option<GlobMatcher>,
    #[serde(skip)]
    pub regex: Option<Regex>,
}

/// Which package manager wrote a lock file.
#[derive(Deserialize)]
pub(super) struct LockRule {
    pub language: String,
    pub manager: String,
    pub files: Vec<String>,
}

/// What settings say about a database.
#[derive(Deserialize)]
pub(super) struct DatabaseRule {
    pub name: String,
    pub holds: Vec<String>,
    #[serde(default)]
    pub images: Vec<String>,
}

impl FileRule {
    /// Whether the rule asks for a line at all.
    pub(super) fn wants_line(&self) -> bool {
        self.holds.is_some() || self.looks.is_some()
    }

    /// Whether a line is the one.
    pub(super) fn fits(&self, line: &str) -> bool {
        self.holds.as_ref().is_some_and(|text| line.contains(text.as_str()))
            || self.regex.as_ref().is_some_and(|regex| regex.is_match(line))
    }
}

impl DatabaseRule {
    /// Whether a line of settings names it.
    pub(super) fn fits(&self, line: &str) -> bool {
        let bare = line.trim_start();
        if bare.starts_with(['#', ';']) || bare.starts_with("//") {
            return false;
        }
        let provider = bare.strip_prefix("provider").is_some_and(|rest| rest.contains(&format!("\"{}\"", self.name)));
        let image = || {
            let name = bare.trim_start_matches("- ").strip_prefix("image:")?.trim().trim_matches(['"', '\'']);
            let last = name.split('@').next()?.rsplit('/').next()?;
            Some(last.split(':').next().unwrap_or(last).to_owned())
        };
        provider
            || self.holds.iter().any(|text| line.contains(text.as_str()))
            || image().is_some_and(|name| self.images.contains(&name))
    }
}

/// What kind of answer a rule gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Framework,
    TestRunner,
    Linter,
    Formatter,
    TypeChecker,
    Orm,
    Migrations,
    Database,
    Openapi,
    Ci,
    Container,
    Deploy,
}

impl PackageRule {
    /// Whether the rule is about a dependency of this name.
    pub(super) fn fits(&self, name: &str) -> bool {
        self.names.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == known,
        })
    }

    /// What a source file has to hold as well.
    pub(super) fn source(&self) -> Option<Regex> {
        Regex::new(self.source.as_ref()?).ok()
    }
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let mut rules: Rules = crate::text::from_toml(include_str!("../../assets/stack.toml")).unwrap_or_default();
    for rule in &mut rules.file {
        let glob = GlobBuilder::new(&rule.path).literal_separator(true).empty_alternates(true).build();
        rule.glob = glob.ok().map(|glob| glob.compile_matcher());
        rule.regex = rule.looks.as_ref().and_then(|looks| Regex::new(looks).ok());
    }
    for rule in &mut rules.entry {
        rule.regex = Regex::new(&rule.looks).ok();
    }
    rules
});

/// The globs of the file rules, in their order, to be asked at once.
static GLOBS: LazyLock<GlobSet> = LazyLock::new(|| {
    let mut set = GlobSetBuilder::new();
    for rule in &rules().file {
        if let Some(glob) = &rule.glob {
            set.add(glob.glob().clone());
        }
    }
    set.build().unwrap_or_default()
});

/// The file rules with those of these paths they are about, a bounded number each.
pub(super) fn fitting<'p>(paths: &[&'p str]) -> Vec<Vec<&'p str>> {
    const MOST: usize = 50;
    let mut found: Vec<Vec<&str>> = vec![Vec::new(); rules().file.len()];
    let mut hits = Vec::new();
    for path in paths {
        GLOBS.matches_into(path, &mut hits);
        for hit in &hits {
            if found[*hit].len() < MOST {
                found[*hit].push(path);
            }
        }
    }
    found
}

/// The rules.
pub(super) fn rules() -> &'static Rules {
    &RULES
}

/// Whether a line of a manifest names a dependency: as a whole word, not in a comment, any case.
pub(super) fn names(line: &str, dependency: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().to_ascii_lowercase();
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '/');
    let mut from = 0;
    while let Some(at) = line[from..].find(dependency).map(|at| at + from) {
        let end = at + dependency.len();
        let before = line[..at].chars().next_back().is_some_and(inside);
        let after = line[end..].chars().next().is_some_and(inside);
        if !before && !after {
            return true;
        }
        from = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Files;

    #[test]
    fn the_rules_can_be_read() {
        let read = crate::text::from_toml::<Rules>(include_str!("../../assets/stack.toml"));
        assert!(read.is_ok(), "{:?}", read.err());
        assert!(rules().package.len() > 100);
        for rule in &rules().file {
            assert!(rule.glob.is_some() && rule.looks.is_some() == rule.regex.is_some(), "{}", rule.path);
        }
        for rule in &rules().entry {
            assert!(rule.regex.is_some(), "{}", rule.looks);
        }
        for rule in &rules().package {
            assert!(rule.source.is_none() || rule.source().is_some(), "{}", rule.name);
        }
    }

    #[test]
    fn files_above_are_found_without_what_lies_beside() {
        struct Nothing;
        impl Files for Nothing {
            fn read(&self, _: &str) -> Option<String> {
                None
            }
            fn exists(&self, _: &str) -> bool {
                false
            }
            fn list(&self) -> Vec<String> {
                Vec::new()
            }
        }
        let paths: Vec<String> = [".nvmrc", "a/b/c/x.ts", "a/b/y.json", "a/b-c/z", "a/w.toml", "b/x", "package.json"]
            .map(str::to_owned)
            .to_vec();
        let mut sorted = paths;
        sorted.sort();
        let place = Place::new(&Nothing, &sorted, "a/b/c");
        assert_eq!(place.paths, ["x.ts"]);
        let above = [("a/b", "y.json"), ("a", "w.toml"), ("", ".nvmrc"), ("", "package.json")];
        assert_eq!(place.above(), above);
    }

    #[test]
    fn a_dependency_is_a_whole_word_outside_comments() {
        for (line, dependency, expected) in [
            ("pytest>=8", "pytest", true),
            ("    \"pytest[x]>=8\",", "pytest", true),
            ("Django==5.0", "django", true),
            ("pytest-cov", "pytest", false),
            ("# pytest", "pytest", false),
            ("django-pytest", "pytest", false),
            ("django-redis==5", "redis", false),
            ("redis[hiredis]", "redis", true),
            ("", "redis", false),
        ] {
            assert_eq!(names(line, dependency), expected, "{line}");
        }
    }
}
