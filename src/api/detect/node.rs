//! How a service of Node is started, and what has to be built before.

use serde_json::Value;

use super::exists;
use crate::api::serve::Start;
use crate::domain::{RepoPath, from_root};
use crate::workspace::Workspace;

/// Where builds put what they make, when no configuration says so.
const BUILT: [&str; 4] = ["dist", "build", "lib", "out"];
/// Options of Node that stand before a value of their own.
const VALUED: [&str; 6] = ["-r", "--require", "--import", "--loader", "--experimental-loader", "-C"];
/// Scripts that run the sources as they are.
const DEVELOP: [&str; 4] = ["dev", "start:dev", "develop", "serve"];

/// The start script, or the entry file. What starts the outcome of a build is built first each time: what lies there
/// may be of other sources.
pub(super) fn start(workspace: &dyn Workspace, folder: &str) -> Option<Start> {
    let manifest: Value = serde_json::from_slice(&read(workspace, folder, "package.json")?).ok()?;
    let script = |name: &str| manifest["scripts"][name].as_str().filter(|text| !text.trim().is_empty());
    let develop = || DEVELOP.into_iter().find(|name| script(name).is_some()).map(npm);
    let places = places(workspace, folder);
    let plain = |command: String| Start { command, ..Start::default() };
    if let Some(text) = script("start") {
        let begins = script("prestart").is_some_and(|before| before.contains("build") || before.contains("tsc"));
        if begins || !needs_build(text, &places, |path| exists(workspace, folder, path)) {
            return Some(plain(npm("start")));
        }
        let build = script("build").map(|_| npm("build")).or_else(|| compiler(workspace, folder));
        return match (build, develop()) {
            (None, Some(develop)) => Some(plain(develop)),
            (build, _) => Some(Start { build, ..plain(npm("start")) }),
        };
    }
    let main = manifest["main"].as_str().map(str::to_owned);
    let usual = ["src/server.js", "server.js", "src/index.js", "index.js", "src/app.js", "app.js"];
    let built = main.as_deref().filter(|path| is_built(path, &places));
    if let (Some(path), Some(_)) = (built, script("build")) {
        return Some(Start { build: Some(npm("build")), ..plain(format!("node {path}")) });
    }
    let entry = main.into_iter().chain(usual.map(str::to_owned)).find(|path| exists(workspace, folder, path));
    entry.map(|path| format!("node {path}")).or_else(develop).map(plain)
}

fn npm(script: &str) -> String {
    format!("npm run --silent {script}")
}

/// Whether a script runs a file that a build makes: one in a place of such files, or one that is not there.
fn needs_build(script: &str, places: &[String], exists: impl Fn(&str) -> bool) -> bool {
    let mut words = script.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
    if !words.any(|word| word == "node" || word.ends_with("/node")) {
        return false;
    }
    let mut file = words.next();
    while let Some(option) = file.filter(|word| word.starts_with('-')) {
        if VALUED.contains(&option) {
            words.next();
        }
        file = words.next();
    }
    let Some(file) = file else { return false };
    let ends = ["", ".js", ".mjs", ".cjs", "/index.js"];
    is_built(file, places) || !ends.iter().any(|end| exists(&format!("{}{end}", file.trim_start_matches("./"))))
}

fn is_built(path: &str, places: &[String]) -> bool {
    let path = path.trim_start_matches("./");
    places
        .iter()
        .any(|place| path == place || path.strip_prefix(place.as_str()).is_some_and(|rest| rest.starts_with('/')))
}

/// The folders that hold what is built. A project without TypeScript keeps sources where it likes.
fn places(workspace: &dyn Workspace, folder: &str) -> Vec<String> {
    let Some(config) = read(workspace, folder, "tsconfig.json") else { return Vec::new() };
    let config = String::from_utf8_lossy(&config).into_owned();
    // Comments are allowed there, so it is not read as JSON.
    let after = config.split_once("\"outDir\"").and_then(|(_, rest)| rest.split('"').nth(1));
    let told = after.map(|place| place.trim_start_matches("./").trim_end_matches('/').to_owned());
    told.into_iter().chain(BUILT.map(str::to_owned)).filter(|place| !place.is_empty() && place != ".").collect()
}

/// The compiler itself, where no script calls it.
fn compiler(workspace: &dyn Workspace, folder: &str) -> Option<String> {
    exists(workspace, folder, "tsconfig.json").then(|| "npx --no-install tsc -p .".to_owned())
}

fn read(workspace: &dyn Workspace, folder: &str, path: &str) -> Option<Vec<u8>> {
    let path = RepoPath::parse(&from_root(folder, path)).ok()?;
    workspace.read(&path).ok().map(|state| state.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_the_outcome_of_a_build_is_told_from_what_runs_sources() {
        let places: Vec<String> = ["dist", "out/js"].map(str::to_owned).into();
        let there = |path: &str| ["src/server.js", "bin/www", "api/index.js"].contains(&path);
        for (script, expected) in [
            ("node dist/main.js", true),
            ("node ./dist/main", true),
            ("NODE_ENV=production node --enable-source-maps dist/main", true),
            ("node out/js/main.js", true),
            ("node built/main.js", true),
            ("node src/server.js", false),
            ("node ./bin/www", false),
            ("node api", false),
            ("nest start", false),
            ("tsx src/main.ts", false),
            ("node --import tsx src/server.js", false),
            ("node -r dotenv/config dist/main", true),
        ] {
            assert_eq!(needs_build(script, &places, there), expected, "{script}");
        }
    }
}
