//! Which tests a change can reach at first sight: test files that changed, and those that name what changed. It decides
//! what runs first, never what runs at all.

use std::collections::BTreeSet;

use super::GateContext;
use super::prepare::is_script;
use super::tests::{Plan, is_test};
use crate::domain::{RepoPath, folder_of};
use crate::workspace::Workspace;

/// The most files of a service that are listed.
const FILES: usize = 20_000;
/// The most test files that are read.
const READ: usize = 2_000;

/// The tests a change can reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Affected {
    /// Test files, relative to the service's folder.
    pub files: Vec<String>,
    /// How many test files there are.
    pub all: usize,
}

/// Finds them: tests that name what changed, or a source that does. Reads files, so it blocks.
pub(super) fn find(plan: &Plan, context: &GateContext) -> Affected {
    let workspace = context.subject.as_ref();
    let paths = files(plan, workspace);
    let (tests, sources): (Vec<&String>, Vec<&String>) = paths.iter().partition(|path| is_test(path));
    let changed: Vec<&str> =
        context.proposal.changes.iter().filter_map(|change| plan.inside(change.path.as_str())).collect();
    let mut reached: BTreeSet<&str> = changed.iter().copied().filter(|path| !is_test(path)).collect();
    let read = |path: &str| {
        let file = workspace.read(&RepoPath::parse(&plan.full(path)).ok()?).ok()?;
        Some(String::from_utf8_lossy(&file.bytes).into_owned())
    };
    let names = |path: &str, marks: &[Mark]| {
        let fits = marks.iter().any(|mark| mark.speaks(path));
        fits && read(path).is_some_and(|text| marks.iter().any(|mark| mark.named_in(path, &text)))
    };
    let marks: Vec<Mark> = reached.iter().filter_map(|path| Mark::of(path)).collect();
    reached.extend(sources.into_iter().take(READ).map(String::as_str).filter(|path| names(path, &marks)));
    let marks: Vec<Mark> = reached.iter().filter_map(|path| Mark::of(path)).collect();
    // Go's tests are part of the package they stand in, Rust's own ones of the source.
    let packages: BTreeSet<&str> =
        reached.iter().filter(|path| path.ends_with(".go")).map(|path| folder_of(path)).collect();
    let reaches = |path: &&&String| {
        let within = path.ends_with(".go") && packages.contains(folder_of(path));
        changed.contains(&path.as_str()) || within || names(path, &marks)
    };
    let own =
        reached.iter().filter(|path| path.ends_with(".rs") && path.starts_with("src/")).map(|path| (*path).to_owned());
    let found = tests.iter().take(READ).filter(reaches).map(|path| (*path).clone());
    Affected { files: found.chain(own).collect(), all: tests.len() }
}

/// The files of a service, relative to its folder.
fn files(plan: &Plan, workspace: &dyn Workspace) -> BTreeSet<String> {
    let place = RepoPath::parse(&plan.folder).ok();
    let Ok((entries, _)) = workspace.list(place.as_ref(), 16, FILES) else { return BTreeSet::new() };
    let files = entries.iter().filter(|entry| !entry.folder).filter_map(|entry| plan.inside(entry.path.as_str()));
    files.filter(|path| !path.starts_with(".tenon-gate/")).map(str::to_owned).collect()
}

/// How other files name a source.
struct Mark {
    /// The last part of its name: `orders` of `app/orders.py`; the folder's where the file is a folder's own; the whole
    /// folder for Go, which names packages.
    name: String,
    language: Language,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Python,
    Script,
    Go,
    Rust,
}

impl Language {
    fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1 {
            "py" => Some(Self::Python),
            "go" => Some(Self::Go),
            "rs" => Some(Self::Rust),
            _ => is_script(path).then_some(Self::Script),
        }
    }
}

impl Mark {
    fn of(path: &str) -> Option<Self> {
        let language = Language::of(path)?;
        let stem = path.rsplit('/').next().unwrap_or(path).split('.').next().unwrap_or_default();
        let name = match (language, stem) {
            (Language::Go, _) => folder_of(path),
            // The roots of a crate are named by everything in it.
            (Language::Rust, "lib" | "main" | "build") => "",
            (Language::Rust, "mod") | (Language::Python, "__init__") | (Language::Script, "index") => {
                folder_of(path).rsplit('/').next().unwrap_or_default()
            }
            (Language::Script, _) => {
                path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(stem, _)| stem)
            }
            _ => stem,
        };
        (!name.is_empty()).then(|| Self { name: name.to_owned(), language })
    }

    /// Whether a file is written in the language of the source.
    fn speaks(&self, path: &str) -> bool {
        Language::of(path) == Some(self.language)
    }

    /// Whether a file names it where names of modules stand: in an import, or in a text such as the target of a patch.
    fn named_in(&self, path: &str, text: &str) -> bool {
        self.speaks(path)
            && text.lines().any(|line| match self.language {
                Language::Go => line.contains(&format!("/{}\"", self.name)),
                Language::Rust => line.contains("::") && holds_word(line, &self.name),
                Language::Python => self.in_python(line.trim_start()),
                Language::Script => self.in_script(line),
            })
    }

    fn in_python(&self, line: &str) -> bool {
        let imports = line.starts_with("import ") || line.starts_with("from ");
        (imports || line.contains(['"', '\''])) && holds_word(line, &self.name)
    }

    fn in_script(&self, line: &str) -> bool {
        line.contains(['"', '\'', '`']) && holds_word(line, &self.name)
    }
}

fn holds_word(line: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(inside);
        let after = line[at + word.len()..].chars().next().is_some_and(inside);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_names_a_module_is_reached_by_it() {
        for (source, test, text, expected) in [
            ("app/orders.py", "tests/test_a.py", "from app.orders import total\n", true),
            ("app/orders.py", "tests/test_a.py", "from app import orders\n", true),
            ("app/orders.py", "tests/test_a.py", "mock.patch(\"app.orders.total\")\n", true),
            ("app/orders.py", "tests/test_a.py", "from app.reorders import total\n", false),
            ("app/orders.py", "tests/test_a.py", "# orders are great\n", false),
            ("app/orders/__init__.py", "tests/test_a.py", "import app.orders\n", true),
            ("src/orders.ts", "src/orders.test.ts", "import { total } from './orders'\n", true),
            ("src/orders/index.js", "test/a.test.js", "const o = require('../src/orders')\n", true),
            ("src/orders.js", "test/a.test.js", "const o = require('../src/users')\n", false),
            ("store/store.go", "api/api_test.go", "import (\n\t\"example.com/shop/store\"\n)\n", true),
            ("store/store.go", "api/api_test.go", "import \"example.com/shop/restore\"\n", false),
            ("src/orders.service.ts", "src/app.ts", "import { Orders } from './orders.service';\n", true),
            ("src/orders.service.ts", "src/app.ts", "import { Orders } from './users.service';\n", false),
            ("src/orders.rs", "tests/orders.rs", "use shop::orders::total;\n", true),
            ("src/orders.rs", "tests/orders.rs", "// orders\n", false),
            ("src/orders.js", "tests/test_a.py", "import orders\n", false),
        ] {
            let mark = Mark::of(source).unwrap();
            assert_eq!(mark.named_in(test, text), expected, "{source} in {text}");
        }
        assert!(Mark::of("README.md").is_none() && Mark::of("main.go").is_none() && Mark::of("src/lib.rs").is_none());
    }
}
