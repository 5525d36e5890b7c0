//! Variables: what the code reads from the environment, and what is declared for whoever runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::rules::{hint, rules};
use super::{Sink, Tree, kubernetes};
use crate::domain::{Finding, Severity};

/// A place where code reads a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// Its name; `None` when it is made while the program runs.
    pub name: Option<String>,
    pub line: usize,
    /// The program breaks off without it.
    pub required: bool,
}

/// How a language reads variables: endings of its files, the pattern, whether a missing one breaks the program.
struct Way {
    endings: &'static [&'static str],
    pattern: Regex,
    required: bool,
}

const SCRIPTS: &[&str] = &["js", "ts", "mjs", "cjs", "tsx", "jsx"];
const PYTHON: &[&str] = &["py"];

static WAYS: LazyLock<Vec<Way>> = LazyLock::new(|| {
    // The first group is the name, the second a default or what makes it dynamic.
    let ways: [(&[&str], &str, bool); 13] = [
        (SCRIPTS, r"process\.env\.([A-Z_][A-Z0-9_]*)\b(\s*(?:\?\?|\|\|))?", false),
        (SCRIPTS, r#"process\.env\[["']([A-Za-z_][A-Za-z0-9_]*)["']\](\s*(?:\?\?|\|\|))?"#, false),
        (SCRIPTS, r"process\.env\[([^\]'\x22]+)\]()", false),
        (PYTHON, r#"os\.environ\[["']([A-Za-z_][A-Za-z0-9_]*)["']\](\s*=[^=])?"#, true),
        (PYTHON, r"os\.environ\[([a-z_][A-Za-z0-9_.]*)\]()", true),
        (PYTHON, r#"(?:os\.getenv|os\.environ\.get)\(\s*["']([A-Za-z_][A-Za-z0-9_]*)["']\s*(,)?"#, false),
        (PYTHON, r"(?:os\.getenv|os\.environ\.get)\(\s*([a-z_][A-Za-z0-9_.]*)\s*[,)]()", false),
        (&["go"], r#"os\.(?:Getenv|LookupEnv)\("([A-Za-z_][A-Za-z0-9_]*)"\)()"#, false),
        (&["go"], r"os\.(?:Getenv|LookupEnv)\(([a-z][A-Za-z0-9_.]*)\)()", false),
        (&["rs"], r#"(?:std::)?env::var(?:_os)?\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\)(\s*\.unwrap_or)?"#, false),
        (&["java", "kt"], r#"@Value\(\s*"\$\{([A-Z_][A-Z0-9_]*)(:[^}]*)?\}"#, true),
        (&["java", "kt"], r#"System\.getenv\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\)()"#, false),
        (&["rb"], r#"ENV(?:\.fetch\(|\[)\s*["']([A-Z_][A-Z0-9_]*)["']\s*(,)?"#, false),
    ];
    let way = |(endings, pattern, required)| Some(Way { endings, pattern: Regex::new(pattern).ok()?, required });
    ways.into_iter().filter_map(way).collect()
});

/// Where a file of code reads variables.
pub(super) fn reads<'a>(path: &'a str, text: &'a str) -> impl Iterator<Item = Read> + 'a {
    let end = path.rsplit('.').next().unwrap_or_default().to_owned();
    let ways: Vec<&Way> = WAYS.iter().filter(|way| way.endings.contains(&end.as_str())).collect();
    let maybe = |line: &&str| line.contains("env") || line.contains("ENV") || line.contains("@Value");
    let comment = |line: &str| ["//", "#", "*", "/*"].iter().any(|mark| line.trim_start().starts_with(mark));
    let lines = text.lines().enumerate().filter(move |(_, line)| maybe(line) && !comment(line));
    lines.flat_map(move |(index, line)| {
        let mut found = Vec::new();
        for way in &ways {
            for part in way.pattern.captures_iter(line) {
                let name = part.get(1).map_or("", |part| part.as_str());
                let more = part.get(2).map_or("", |part| part.as_str());
                // An assignment is no reading.
                if more.trim_start().starts_with('=')
                    || line[part.get(0).map_or(0, |part| part.end())..].trim_start().starts_with("= ")
                {
                    continue;
                }
                let literal =
                    name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') && !name.is_empty();
                found.push(Read {
                    name: literal.then(|| name.to_owned()),
                    line: index + 1,
                    required: way.required && more.is_empty(),
                });
            }
        }
        found
    })
}

/// Whether a variable is the system's or a tool's own.
pub(super) fn is_known(name: &str) -> bool {
    let rules = &rules().environment;
    rules.known.iter().any(|known| known == name)
        || rules.families.iter().any(|family| name.starts_with(family.as_str()))
}

/// The names a file of variables declares, with their lines.
fn names(text: &str) -> Vec<(usize, String)> {
    let name = |line: &str| {
        // One that is commented out is still told.
        let line = line.trim().trim_start_matches('#').trim_start().trim_start_matches("export ").trim_start();
        let (name, _) = line.split_once('=')?;
        let valid = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        valid.then(|| name.to_owned())
    };
    text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, name(line)?))).collect()
}

/// Files of variables for people: `.env.example` and its like.
pub(super) fn example_files<'a>(tree: &'a Tree<'_>) -> impl Iterator<Item = &'a String> {
    tree.paths.iter().filter(|path| {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        rules().environment.files.contains(&name)
    })
}

/// What is declared beside a file or above it. Of `.env` itself only the names are read.
pub(super) fn declared_near(tree: &Tree<'_>, folder: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in example_files(tree) {
        found.extend(names(&tree.files.read(path).unwrap_or_default()).into_iter().map(|(_, name)| name));
    }
    let mut folder = Some(folder);
    while let Some(here) = folder {
        let path = if here.is_empty() { ".env".to_owned() } else { format!("{here}/.env") };
        found.extend(names(&tree.files.read(&path).unwrap_or_default()).into_iter().map(|(_, name)| name));
        folder = if here.is_empty() { None } else { Some(here.rsplit_once('/').map_or("", |(above, _)| above)) };
    }
    found
}

/// Checks a file of variables by itself.
pub(super) fn file(text: &str, sink: &mut Sink<'_>) {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line.trim_start_matches("export ");
        let Some((name, _)) = assignment.split_once('=') else {
            // The rest of a value of several lines looks like this.
            continue;
        };
        if name.contains(char::is_whitespace) && !name.trim_end().contains(char::is_whitespace) {
            sink.error(
                index + 1,
                "syntax",
                format!("white space before `=`: a shell reads `{}` as a command", name.trim_end()),
            );
        }
        let name = name.trim();
        if let Some(first) = known.get(name) {
            sink.error(
                index + 1,
                "duplicate",
                format!("`{name}` is already on line {first}; only the last one counts"),
            );
        }
        known.insert(name.to_owned(), index + 1);
    }
}

fn is_code(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let test = path.split('/').any(|part| {
        matches!(
            part,
            "test"
                | "tests"
                | "__tests__"
                | "spec"
                | "e2e"
                | "scripts"
                | "node_modules"
                | "vendor"
                | "migrations"
                | "examples"
                | "testdata"
        )
    }) || name.starts_with("test_")
        || name.contains(".test.")
        || name.contains(".spec.")
        || name.contains("_test.")
        || name == "conftest.py"
        || name.contains(".config.");
    !test && WAYS.iter().any(|way| way.endings.iter().any(|end| path.rsplit('.').next() == Some(*end)))
}

/// What compose files, manifests and images set.
fn set_elsewhere(tree: &Tree<'_>) -> BTreeSet<String> {
    static SETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?:^|[\s"'-])([A-Z][A-Z0-9_]{2,})["']?\s*[:=]|name:\s*["']?([A-Z][A-Z0-9_]{2,})"#).ok()
    });
    let mut found = BTreeSet::new();
    let Some(pattern) = SETS.as_ref() else { return found };
    for path in &tree.paths {
        let name = path.rsplit('/').next().unwrap_or(path);
        let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        let maybe = yaml || name.starts_with("Dockerfile") || name.ends_with(".service") || name == "Procfile";
        if !maybe || path.starts_with(".github/") {
            continue;
        }
        let Some(text) = tree.files.read(path) else { continue };
        if yaml
            && !name.contains("compose")
            && !kubernetes::looks_like(&text)
            && name != "app.yaml"
            && name != "render.yaml"
        {
            continue;
        }
        for part in pattern.captures_iter(&text) {
            found.extend(part.get(1).or(part.get(2)).map(|name| name.as_str().to_owned()));
        }
    }
    found
}

/// Holds what code reads against what is declared.
pub(super) fn contract(tree: &Tree<'_>, paths: &[String]) -> Vec<Finding> {
    let examples: Vec<&String> = example_files(tree).collect();
    let Some(example) = examples.first() else { return Vec::new() };
    let declared: Vec<(usize, String)> = names(&tree.files.read(example).unwrap_or_default());
    let mut known = declared_near(tree, "");
    known.extend(set_elsewhere(tree));
    let names: Vec<String> = known.iter().cloned().collect();
    let mut findings = Vec::new();
    let mut say = |severity, path: &str, line, rule: &str, message: String| {
        findings.push(Finding {
            severity,
            path: Some(path.to_owned()),
            line: Some(line),
            rule: Some(rule.to_owned()),
            message,
            old: false,
        });
    };
    for path in paths.iter().filter(|path| is_code(path)) {
        let Some(text) = tree.files.read(path) else { continue };
        let mut said = BTreeSet::new();
        for read in reads(path, &text) {
            let Some(name) = read.name else {
                say(
                    Severity::Note,
                    path,
                    read.line,
                    "dynamic",
                    "a variable whose name is made while the program runs: whether it is declared is not known"
                        .to_owned(),
                );
                continue;
            };
            if known.contains(&name) || is_known(&name) || !said.insert(name.clone()) {
                continue;
            }
            let severity = if read.required { Severity::Error } else { Severity::Warning };
            let without = if read.required { "; without it the program breaks off" } else { "" };
            say(
                severity,
                path,
                read.line,
                "undeclared",
                format!("`{name}` is read here and is not in {example}{}{without}", hint(&name, &names)),
            );
        }
    }
    if paths.iter().any(|path| path == *example) {
        let mut read = BTreeSet::new();
        let mut dynamic = false;
        for path in tree
            .paths
            .iter()
            .filter(|path| WAYS.iter().any(|way| way.endings.iter().any(|end| path.ends_with(&format!(".{end}")))))
        {
            let text = tree.files.read(path).unwrap_or_default();
            // Settings classes and schemas name variables without reading them one by one.
            dynamic |= text.contains("BaseSettings")
                || text.contains("environ.Env(")
                || text.contains("envalid")
                || text.contains("decouple")
                || text.contains("envconfig")
                || text.contains("viper")
                || text.contains("ConfigService")
                || text.contains("createEnv");
            for one in reads(path, &text) {
                dynamic |= one.name.is_none();
                read.extend(one.name);
            }
        }
        let elsewhere = used_elsewhere(tree);
        for (line, name) in declared
            .iter()
            .filter(|(_, name)| !read.contains(name) && !is_known(name) && !dynamic && !elsewhere.contains(name))
        {
            say(Severity::Warning, example, *line, "unused", format!("nothing reads `{name}`"));
        }
    }
    findings
}

/// Names that files other than code speak of as `$NAME` or `${NAME}`.
fn used_elsewhere(tree: &Tree<'_>) -> BTreeSet<String> {
    static USES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\$\{?([A-Z][A-Z0-9_]+)").ok());
    let mut found = set_elsewhere(tree);
    let Some(pattern) = USES.as_ref() else { return found };
    let maybe = |path: &&String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        [".yml", ".yaml", ".sh", ".json", ".toml", ".conf", ".properties"].iter().any(|end| name.ends_with(end))
            || matches!(name, "Makefile" | "Procfile" | "Dockerfile" | "justfile")
            || name.ends_with(".prisma")
    };
    for path in tree.paths.iter().filter(maybe) {
        let Some(text) = tree.files.read(path) else { continue };
        found.extend(pattern.captures_iter(&text).filter_map(|part| Some(part.get(1)?.as_str().to_owned())));
        // `env("DATABASE_URL")` of Prisma.
        found.extend(text.split("env(\"").skip(1).filter_map(|rest| Some(rest.split('"').next()?.to_owned())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{seeded, tree};
    use super::*;

    #[test]
    fn every_language_reads_variables_in_its_own_way() {
        for (path, line, name, required) in [
            ("a.js", "const a = process.env.API_URL || 'x'", Some("API_URL"), false),
            ("a.ts", "process.env['API_URL']", Some("API_URL"), false),
            ("a.js", "process.env[name]", None, false),
            ("a.py", "os.environ[\"API_URL\"]", Some("API_URL"), true),
            ("a.py", "os.getenv('API_URL', 'x')", Some("API_URL"), false),
            ("a.py", "os.environ.get(name)", None, false),
            ("a.go", "os.Getenv(\"API_URL\")", Some("API_URL"), false),
            ("a.rs", "std::env::var(\"API_URL\")?", Some("API_URL"), false),
            ("A.java", "@Value(\"${API_URL}\")", Some("API_URL"), true),
            ("A.java", "@Value(\"${API_URL:x}\")", Some("API_URL"), false),
        ] {
            let found: Vec<Read> = reads(path, line).collect();
            assert_eq!(found, [Read { name: name.map(str::to_owned), line: 1, required }], "{path} {line}");
        }
        for (path, line) in [
            ("a.py", "os.environ[\"A\"] = 'x'"),
            ("a.py", "# os.environ[\"A\"]"),
            ("a.rs", "process.env.A"),
            ("a.js", "process.env.A = 1"),
        ] {
            assert_eq!(reads(path, line).count(), 0, "{line}");
        }
    }

    #[test]
    fn what_is_read_is_held_against_what_is_declared() {
        let files = tree(&[
            (".env.example", "# A comment\nDB_URL=\nOLD=1\n"),
            ("compose.yml", "services:\n  a:\n    environment:\n      SET_THERE: 1\n"),
            (
                "app.py",
                "import os\nos.environ['DB_ULR']\nos.getenv('SET_THERE')\nos.getenv('HOME')\nos.getenv('MORE', '')\n",
            ),
        ]);
        let tree = Tree::new(&files);
        let found = contract(&tree, &["app.py".to_owned(), ".env.example".to_owned()]);
        let rows: Vec<String> = found
            .iter()
            .map(|one| {
                format!(
                    "{:?} {}:{} {}",
                    one.severity,
                    one.path.as_deref().unwrap_or(""),
                    one.line.unwrap_or(0),
                    one.message
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                "Error app.py:2 `DB_ULR` is read here and is not in .env.example, did you mean `DB_URL`?; without it the program breaks off",
                "Warning app.py:5 `MORE` is read here and is not in .env.example",
                "Warning .env.example:2 nothing reads `DB_URL`",
                "Warning .env.example:3 nothing reads `OLD`",
            ]
        );
    }

    #[test]
    fn a_file_of_variables_is_checked_by_itself() {
        seeded(
            ".env.example",
            "# x\nexport A=1\nB=\"x y\"\n",
            &[],
            &[("B=", "A=", "3 error duplicate"), ("B=", "B =", "3 error syntax")],
        );
    }
}
