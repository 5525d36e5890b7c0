//! JavaScript and TypeScript: the script of `package.json`, else the runner that is there.

use serde_json::Value;

use super::rules::{self, Place};
use super::{Evidence, Runner, Service, TestCommand};

pub(super) fn detect(place: &Place<'_>, notes: &mut Vec<String>) -> Option<Service> {
    if !place.has("package.json") {
        return bare(place);
    }
    let text = place.read("package.json")?;
    let manifest: Value = match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(manifest) => manifest,
        Err(error) => {
            notes.push(format!("{}:{}: not valid JSON ({error})", place.full("package.json"), error.line()));
            Value::Null
        }
    };
    let written = |ends: &[&str]| {
        let own = place.paths.iter().filter(|path| path.matches('/').count() <= 3 && !path.contains("node_modules/"));
        own.clone().any(|path| ends.iter().any(|end| path.ends_with(end)) && !path.ends_with(".d.ts"))
    };
    let typescript = place.has("tsconfig.json")
        || depends(&manifest, "typescript")
        || written(&[".ts", ".mts"]) && !written(&[".js", ".mjs", ".cjs"]);
    let manager = manager(place, &manifest);
    let language = if typescript { "typescript" } else { "javascript" };
    let evidence = place.presence("package.json", "a Node project");
    Some(Service::new(place, language, evidence, tests(place, &manifest, &manager)))
}

fn depends(manifest: &Value, name: &str) -> bool {
    ["dependencies", "devDependencies"]
        .iter()
        .any(|list| manifest.get(list).is_some_and(|list| list.get(name).is_some()))
}

/// The package manager: what the manifest says, else the lock file, else that of the whole.
fn manager(place: &Place<'_>, manifest: &Value) -> String {
    let said = manifest.get("packageManager").and_then(Value::as_str).and_then(|text| text.split('@').next());
    if let Some(said) = said.filter(|name| ["npm", "pnpm", "yarn", "bun"].contains(name)) {
        return said.to_owned();
    }
    let locks = || rules::rules().lock.iter().filter(|rule| rule.language == "javascript");
    let here = locks().find(|rule| rule.files.iter().any(|file| place.exists(file)));
    let above = || locks().find(|rule| rule.files.iter().any(|file| place.read_from_root(file).is_some()));
    here.or_else(above).map_or("npm", |rule| rule.manager.as_str()).to_owned()
}

fn tests(place: &Place<'_>, manifest: &Value, manager: &str) -> Vec<TestCommand> {
    let install = match manager {
        "npm" if place.exists("package-lock.json") => "npm ci".to_owned(),
        _ => format!("{manager} install"),
    };
    let command =
        |command: String, runner, evidence| TestCommand { command, runner, evidence, install: install.clone() };
    let script = manifest.pointer("/scripts/test").and_then(Value::as_str).unwrap_or_default();
    let mut found = Vec::new();
    if !script.is_empty() && !script.contains("no test specified") {
        let evidence = place.find("package.json", |line| line.trim_start().starts_with("\"test\""));
        let evidence = evidence.unwrap_or_else(|| place.presence("package.json", &format!("scripts.test: {script}")));
        let run = if manager == "bun" { "bun run test".to_owned() } else { format!("{manager} test") };
        found.push(command(run, Runner::Script, evidence.clone()));
        if manager != "npm" {
            // The script is the same whoever starts it.
            found.push(command("npm test".to_owned(), Runner::Script, evidence));
        }
        return found;
    }
    for (dependency, run) in [("vitest", "vitest run"), ("jest", "jest"), ("mocha", "mocha")] {
        if depends(manifest, dependency) {
            let quoted = format!("\"{dependency}\"");
            let evidence = place.find("package.json", |line| line.contains(&quoted));
            let evidence = evidence.unwrap_or_else(|| place.presence("package.json", dependency));
            found.push(command(format!("npx --no-install {run}"), Runner::Node, evidence));
        }
    }
    if found.is_empty() {
        found.extend(node_test(place).map(|evidence| command("node --test".to_owned(), Runner::Node, evidence)));
    }
    found
}

fn node_test(place: &Place<'_>) -> Option<Evidence> {
    let sources = place.paths.iter().filter(|path| [".js", ".mjs", ".cjs"].iter().any(|end| path.ends_with(end)));
    let tests = sources.filter(|path| path.contains("test"));
    tests.take(50).find_map(|path| place.find(path, |line| line.contains("node:test")))
}

/// A folder of scripts without a manifest, as long as its tests use what Node brings.
fn bare(place: &Place<'_>) -> Option<Service> {
    if !place.folder.is_empty() || place.paths.iter().any(|path| path.ends_with("/package.json")) {
        return None;
    }
    let evidence = node_test(place)?;
    let test = TestCommand {
        command: "node --test".to_owned(),
        runner: Runner::Node,
        evidence: evidence.clone(),
        install: "install Node.js 20 or later".to_owned(),
    };
    Some(Service::new(place, "javascript", evidence, vec![test]))
}
