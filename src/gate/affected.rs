//! Which tests a change can reach at first sight: test files that changed, and those that name what changed. It decides
//! what runs first, never what runs at all.

use std::collections::BTreeSet;

use super::GateContext;
use super::prepare::is_script;
use super::tests::{Plan, is_test};
use crate::domain::RepoPath;
use crate::stack::Runner;
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

/// Finds them. Reads files, so it blocks.
pub(super) fn find(plan: &Plan, context: &GateContext) -> Affected {
    let workspace = context.subject.as_ref();
    let tests = test_files(plan, workspace);
    let changed: Vec<&str> =
        context.proposal.changes.iter().filter_map(|change| plan.inside(change.path.as_str())).collect();
    let marks: Vec<Mark> = changed.iter().filter_map(|path| Mark::of(path)).collect();
    let go = plan.commands.first().is_some_and(|command| command.runner == Runner::Go);
    let reaches = |path: &str| {
        if changed.contains(&path) {
            return true;
        }
        if go && changed.iter().any(|other| folder(other) == folder(path)) {
            return true;
        }
        let Ok(place) = RepoPath::parse(&plan.full(path)) else { return false };
        let Ok(file) = workspace.read(&place) else { return false };
        let text = String::from_utf8_lossy(&file.bytes);
        marks.iter().any(|mark| mark.named_in(path, &text))
    };
    let all = tests.len();
    Affected { files: tests.into_iter().take(READ).filter(|path| reaches(path)).collect(), all }
}

fn test_files(plan: &Plan, workspace: &dyn Workspace) -> BTreeSet<String> {
    let place = RepoPath::parse(&plan.folder).ok();
    let Ok((entries, _)) = workspace.list(place.as_ref(), 16, FILES) else { return BTreeSet::new() };
    let files = entries.iter().filter(|entry| !entry.folder).filter_map(|entry| plan.inside(entry.path.as_str()));
    files.filter(|path| is_test(path) && !path.starts_with(".tenon-gate/")).map(str::to_owned).collect()
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// How other files name a source.
struct Mark {
    /// The last part of its name: `orders` of `app/orders.py`; the folder's where the file is a folder's own.
    stem: String,
    /// The folder, for languages that name packages.
    package: Option<String>,
    python: bool,
}

impl Mark {
    fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, ending) = name.rsplit_once('.')?;
        let python = ending == "py";
        if ending == "go" {
            let package = folder(path);
            return (!package.is_empty()).then(|| Self {
                stem: String::new(),
                package: Some(package.to_owned()),
                python: false,
            });
        }
        if !python && !is_script(path) {
            return None;
        }
        let own = matches!(stem, "__init__" | "index");
        let stem = if own { folder(path).rsplit('/').next().unwrap_or_default() } else { stem };
        (!stem.is_empty()).then(|| Self { stem: stem.to_owned(), package: None, python })
    }

    /// Whether a test names it where names of modules stand: in an import, or in a text such as the target of a patch.
    fn named_in(&self, test: &str, text: &str) -> bool {
        if let Some(package) = &self.package {
            return test.ends_with(".go") && text.contains(&format!("/{package}\""));
        }
        if self.python != test.ends_with(".py") {
            return false;
        }
        text.lines().any(|line| {
            let line = line.trim_start();
            let imports = if self.python {
                line.starts_with("import ") || line.starts_with("from ")
            } else {
                line.contains("import")
                    || line.contains("require(")
                    || line.contains("from ")
                    || line.contains("jest.mock(")
            };
            (imports || line.contains(['"', '\''])) && holds_word(line, &self.stem)
        })
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
        ] {
            let mark = Mark::of(source).unwrap();
            assert_eq!(mark.named_in(test, text), expected, "{source} in {text}");
        }
        assert!(Mark::of("README.md").is_none() && Mark::of("main.go").is_none());
    }
}
