//! What all languages share: a folder to look at, and the rules of `assets/stack.toml`.

use std::cell::OnceCell;
use std::sync::LazyLock;

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use regex::Regex;
use serde::Deserialize;

use super::{Evidence, Files};
use crate::domain::{folder_of, from_folder, from_root};

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

/// A folder with what lies in and below it.
pub(super) struct Place<'a> {
    files: &'a dyn Files,
    all: &'a [String],
    /// Relative to the root; empty for the root.
    pub folder: &'a str,
    /// Files in and below the folder, relative to it, sorted.
    pub paths: Vec<&'a str>,
    /// Those of them that may be sources, the nearest first, once they were asked for.
    sources: OnceCell<Vec<&'a str>>,
}

impl<'a> Place<'a> {
    /// A folder of a repository with these files. Folders in `others` belong to somebody else.
    pub(super) fn new(files: &'a dyn Files, paths: &'a [String], folder: &'a str) -> Self {
        // Of sorted paths those of a folder stand together.
        let inside = paths[first(paths, folder)..].iter().map_while(|path| from_folder(folder, path));
        Self { files, all: paths, folder, paths: inside.collect(), sources: OnceCell::new() }
    }

    /// Another folder of the same repository.
    pub(super) fn at<'b>(&self, folder: &'b str) -> Place<'b>
    where
        'a: 'b,
    {
        Place::new(self.files, self.all, folder)
    }

    /// The same without what belongs to projects inside it.
    pub(super) fn without(&self, others: &[&str]) -> Place<'a> {
        let mut paths = self.paths.clone();
        for folder in
            others.iter().filter_map(|other| from_folder(self.folder, other)).filter(|inner| !inner.is_empty())
        {
            let start = format!("{folder}/");
            let from = paths.partition_point(|path| *path < start.as_str());
            let to = from + paths[from..].partition_point(|path| path.starts_with(&start));
            paths.drain(from..to);
        }
        Self { files: self.files, all: self.all, folder: self.folder, paths, sources: OnceCell::new() }
    }

    /// All files of the repository.
    pub(super) fn all(&self) -> &'a [String] {
        self.all
    }

    /// The path from the root.
    pub(super) fn full(&self, path: &str) -> String {
        from_root(self.folder, path)
    }

    pub(super) fn read(&self, path: &str) -> Option<String> {
        self.files.read(&self.full(path))
    }

    /// A file anywhere in the repository.
    pub(super) fn read_from_root(&self, path: &str) -> Option<String> {
        self.files.read(path)
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.files.exists(&self.full(path))
    }

    /// Whether a file lies directly in the folder and is not ignored.
    pub(super) fn has(&self, name: &str) -> bool {
        self.paths.binary_search(&name).is_ok()
    }

    /// The first line of a file that fits, called from the root.
    pub(super) fn find_from_root(&self, path: &str, fits: impl Fn(&str) -> bool) -> Option<Evidence> {
        let text = self.files.read(path)?;
        let (index, line) = text.lines().enumerate().find(|(_, line)| fits(line))?;
        Some(Evidence { file: path.to_owned(), line: Some(index + 1), text: shortened(line) })
    }

    /// Files that lie directly in a folder above, the nearest folder first, each with that folder.
    pub(super) fn above(&self) -> Vec<(&'a str, &'a str)> {
        let mut found = Vec::new();
        let mut folder = self.folder;
        while !folder.is_empty() {
            folder = folder_of(folder);
            let mut at = first(self.all, folder);
            while let Some(path) = self.all.get(at).and_then(|path| from_folder(folder, path)) {
                match path.split_once('/') {
                    None => {
                        found.push((folder, path));
                        at += 1;
                    }
                    // Whatever lies deeper stands together.
                    Some((inner, _)) => at = after(self.all, at, &from_root(folder, inner)),
                }
            }
        }
        found
    }

    /// The first line that fits.
    pub(super) fn find(&self, path: &str, fits: impl Fn(&str) -> bool) -> Option<Evidence> {
        let text = self.read(path)?;
        let (index, line) = text.lines().enumerate().find(|(_, line)| fits(line))?;
        Some(self.line(path, index, line))
    }

    /// A line of a file as evidence; the index counts from 0.
    pub(super) fn line(&self, path: &str, index: usize, line: &str) -> Evidence {
        Evidence { file: self.full(path), line: Some(index + 1), text: shortened(line) }
    }

    /// That a file is there at all.
    pub(super) fn presence(&self, path: &str, meaning: &str) -> Evidence {
        Evidence { file: self.full(path), line: None, text: meaning.to_owned() }
    }

    /// The line where a program in this language begins to listen, nearest first.
    pub(super) fn entry(&self, language: &str) -> Option<Evidence> {
        let rule = rules().entry.iter().find(|rule| rule.language == language)?;
        let endings: Vec<&str> = rule.endings.iter().map(String::as_str).collect();
        self.entry_in(rule, &self.sources(&endings))
    }

    /// The same in these files only.
    pub(super) fn entry_in(&self, rule: &EntryRule, files: &[&str]) -> Option<Evidence> {
        let regex = rule.regex.as_ref()?;
        let says = |line: &str| !line.trim_start().starts_with(['#', '/', '*']) && regex.is_match(line);
        files.iter().find_map(|path| self.find(path, says))
    }

    /// Source files of the project with one of these endings, the nearest first, tests left out, a bounded number.
    pub(super) fn sources(&self, endings: &[&str]) -> Vec<&'a str> {
        const MOST: usize = 300;
        let all = self.sources.get_or_init(|| {
            let own = |path: &&str| {
                !path.ends_with(".d.ts")
                    && !path.split('/').any(|part| NO_SOURCE.iter().any(|word| part.starts_with(word)))
            };
            let mut found: Vec<&str> = self.paths.iter().copied().filter(own).collect();
            found.sort_by_cached_key(|path| path.matches('/').count());
            found
        });
        let wanted = |path: &&str| endings.iter().any(|end| path.ends_with(end));
        all.iter().copied().filter(wanted).take(MOST).collect()
    }
}

/// Where the paths of a folder begin among sorted ones.
fn first(paths: &[String], folder: &str) -> usize {
    if folder.is_empty() {
        return 0;
    }
    let start = format!("{folder}/");
    paths.partition_point(|path| path.as_str() < start.as_str())
}

/// Where they end; one of them stands at `at`.
fn after(paths: &[String], at: usize, folder: &str) -> usize {
    let inside = |path: &String| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    at + paths[at..].partition_point(inside).max(1)
}

/// Beginnings of names of files and folders that say nothing about what is served.
const NO_SOURCE: &[&str] = &[
    "test",
    "__tests__",
    "node_modules",
    "docs",
    "examples",
    "conftest",
    "spec",
    "dist",
    "build",
    "bench",
    ".",
    "vendor",
    "migrations",
];

fn shortened(line: &str) -> String {
    line.trim().chars().take(160).collect()
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
