//! What runs JavaScript's tests behind a script of `package.json`.

use crate::domain::{RepoPath, from_root};
use crate::stack::{Runner, TestCommand};
use crate::workspace::Workspace;

/// A runner of JavaScript tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Jest,
    Vitest,
    Mocha,
    Node,
}

/// A test command that ends with a runner, so that arguments at its end reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// The runner.
    pub program: Program,
    /// What the script says.
    pub text: String,
    /// The coverage tool around it.
    pub tracer: Option<Tracer>,
}

/// A tool that watches which lines run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tracer {
    C8,
    Nyc,
}

impl Script {
    /// The script a command runs; `None` when arguments at its end would not reach a runner that is known.
    pub(super) fn of(command: &TestCommand, workspace: &dyn Workspace, folder: &str) -> Option<Self> {
        let text = if command.runner == Runner::Script {
            let path = from_root(folder, "package.json");
            let manifest = workspace.read(&RepoPath::parse(&path).ok()?).ok()?;
            let manifest: serde_json::Value = serde_json::from_slice(&manifest.bytes).ok()?;
            // `npm test`, `npm run test:ci`, `yarn test`.
            let name = command.command.split_whitespace().skip(1).find(|word| !matches!(*word, "run" | "t"))?;
            manifest.get("scripts")?.get(name)?.as_str()?.to_owned()
        } else {
            command.command.clone()
        };
        Self::ending(&text)
    }

    fn ending(text: &str) -> Option<Self> {
        let last = text.split("&&").last()?.trim();
        if last.contains(['|', ';', '>', '`']) {
            return None;
        }
        let name = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
        let mut words = last.split_whitespace().peekable();
        let mut tracer = None;
        loop {
            let word = words.peek()?;
            match name(word).as_str() {
                "c8" => tracer = Some(Tracer::C8),
                "nyc" => tracer = Some(Tracer::Nyc),
                "cross-env" | "npx" | "--no-install" | "exec" | "npm" | "pnpm" | "yarn" | "--" => {}
                _ if word.contains('=') && !word.starts_with('-') => {}
                // Options of a coverage tool, and what may belong to one, stand before the runner.
                other if tracer.is_some() && !known(other) => {}
                _ => break,
            }
            words.next();
        }
        let program = match name(words.next()?).as_str() {
            "jest" | "jest.js" => Program::Jest,
            "vitest" => words.all(|word| word != "watch").then_some(Program::Vitest)?,
            "mocha" | "_mocha" => words.all(|word| word != "--reporter" && word != "-R").then_some(Program::Mocha)?,
            // Options of node stand before the files.
            "node" => (words.next() == Some("--test") && words.next().is_none()).then_some(Program::Node)?,
            _ => return None,
        };
        Some(Self { program, text: text.to_owned(), tracer })
    }

    /// Whether it runs all tests there are, so that naming files makes it run those alone.
    pub(super) fn runs_all(&self, workspace: &dyn Workspace, folder: &str) -> bool {
        match self.program {
            Program::Jest => super::select::chooses_nothing(&self.text, "jest"),
            Program::Vitest => super::select::chooses_nothing(&self.text.replacen("vitest run", "vitest", 1), "vitest"),
            // Files that its configuration names run beside those that are added.
            Program::Mocha => {
                super::select::chooses_nothing(&self.text, "mocha") && !mocha_names_files(workspace, folder)
            }
            Program::Node => true,
        }
    }
}

fn known(name: &str) -> bool {
    matches!(name, "jest" | "jest.js" | "vitest" | "mocha" | "_mocha" | "node")
}

fn mocha_names_files(workspace: &dyn Workspace, folder: &str) -> bool {
    let names = [
        ".mocharc.js",
        ".mocharc.cjs",
        ".mocharc.mjs",
        ".mocharc.json",
        ".mocharc.jsonc",
        ".mocharc.yml",
        ".mocharc.yaml",
    ];
    let read = |name: &str| {
        let path = from_root(folder, name);
        let file = workspace.read(&RepoPath::parse(&path).ok()?).ok()?;
        Some(String::from_utf8_lossy(&file.bytes).into_owned())
    };
    let own = |text: String| {
        let manifest: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        manifest.is_some_and(|manifest| {
            manifest.pointer("/mocha/spec").is_some() || manifest.pointer("/mocha/file").is_some()
        })
    };
    names.iter().filter_map(|name| read(name)).any(|text| text.contains("spec") || text.contains("file"))
        || read("package.json").is_some_and(own)
}

/// Whether a path is a JavaScript or TypeScript source.
pub(in crate::gate) fn is_script(path: &str) -> bool {
    [".js", ".ts", ".mjs", ".cjs", ".mts", ".cts", ".jsx", ".tsx"].iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runner_at_the_end_of_a_script_is_found() {
        for (script, expected, tracer) in [
            ("jest", Some(Program::Jest), None),
            ("NODE_ENV=test jest --runInBand", Some(Program::Jest), None),
            ("npm run build && cross-env NODE_ENV=test jest", Some(Program::Jest), None),
            ("npx mocha --require a test/", Some(Program::Mocha), None),
            ("mocha --reporter dot", None, None),
            ("vitest run", Some(Program::Vitest), None),
            ("node --test", Some(Program::Node), None),
            ("node --test test/a.js", None, None),
            ("node_modules/.bin/jest", Some(Program::Jest), None),
            ("c8 --reporter lcov mocha", Some(Program::Mocha), Some(Tracer::C8)),
            ("nyc mocha --exit", Some(Program::Mocha), Some(Tracer::Nyc)),
            ("nyc --all", None, None),
            ("jest | tee log", None, None),
            ("tsc && echo ok", None, None),
            ("", None, None),
        ] {
            let found = Script::ending(script);
            assert_eq!(found.as_ref().map(|found| found.program), expected, "{script}");
            assert_eq!(found.and_then(|found| found.tracer), tracer, "{script}");
        }
    }
}
