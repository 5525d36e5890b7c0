//! Lock files that are out of step with their manifests: an install from the lock refuses them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::{Finding, RepoPath, Severity, from_root};
use crate::stack::Need;
use crate::workspace::Workspace;

/// What a lock file has to say about.
const PARTS: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

fn read(workspace: &dyn Workspace, path: &str) -> Option<String> {
    let state = workspace.read(&RepoPath::parse(path).ok()?).ok()?;
    Some(String::from_utf8_lossy(&state.bytes).into_owned())
}

fn beside(path: &str, name: &str) -> String {
    from_root(crate::domain::folder_of(path), name)
}

fn finding(path: &str, text: &str, about: &str, message: String) -> Finding {
    let line = text.lines().position(|line| line.contains(about)).map(|index| index + 1);
    let path = Some(path.to_owned());
    Finding { severity: Severity::Error, path, line, rule: Some("lock".to_owned()), message, old: false }
}

/// Where a manifest and the lock file beside it say different things. Only what can be said exactly.
pub(super) fn out_of_step(workspace: &dyn Workspace, manifest: &str) -> Vec<Finding> {
    let Some(text) = read(workspace, manifest) else { return Vec::new() };
    match manifest.rsplit('/').next() {
        Some("package.json") => npm(workspace, manifest, &text),
        Some("go.mod") => go(workspace, manifest, &text),
        _ => Vec::new(),
    }
}

fn npm(workspace: &dyn Workspace, path: &str, text: &str) -> Vec<Finding> {
    let lock = beside(path, "package-lock.json");
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    let (Some(manifest), Some(locked)) = (parse(text), read(workspace, &lock).as_deref().and_then(parse)) else {
        return Vec::new();
    };
    // Older forms do not repeat what the manifest wants.
    let Some(root) = locked.pointer("/packages").and_then(|packages| packages.get("")) else { return Vec::new() };
    let wants = |value: &Value| -> BTreeMap<String, String> {
        let parts = PARTS.iter().filter_map(|part| value.get(part)?.as_object()).flatten();
        parts.map(|(name, range)| (name.clone(), range.as_str().unwrap_or_default().to_owned())).collect()
    };
    let (now, then) = (wants(&manifest), wants(root));
    let mut found = Vec::new();
    for (name, range) in &now {
        let message = match then.get(name) {
            None => format!("`{name}` is not in {lock}: `npm ci` refuses that"),
            Some(other) if other != range => {
                format!("`{name}` is {range} here and {other} in {lock}: `npm ci` refuses that")
            }
            Some(_) => continue,
        };
        found.push(finding(path, text, &format!("\"{name}\""), message));
    }
    for name in then.keys().filter(|name| !now.contains_key(*name)) {
        found.push(finding(path, text, "\"dependencies\"", format!("`{name}` is in {lock} and not here any more")));
    }
    found
}

fn go(workspace: &dyn Workspace, path: &str, text: &str) -> Vec<Finding> {
    let lock = beside(path, "go.sum");
    // A vendored project has its modules beside it, a workspace its sums elsewhere.
    let elsewhere = [beside(path, "vendor/modules.txt"), "go.work".to_owned()];
    if elsewhere.iter().any(|other| read(workspace, other).is_some()) {
        return Vec::new();
    }
    let sums = read(workspace, &lock).unwrap_or_default();
    let mut found = Vec::new();
    let mut block = "";
    for line in text.lines() {
        let words: Vec<&str> = line.split("//").next().unwrap_or_default().split_whitespace().collect();
        let (module, version) = match words.as_slice() {
            [")"] => {
                block = "";
                continue;
            }
            [name, "("] => {
                block = name;
                continue;
            }
            ["require", module, version] => (module, version),
            [module, version] if block == "require" => (module, version),
            _ => continue,
        };
        let replaced =
            text.lines().any(|line| line.contains("=>") && line.split_whitespace().any(|word| word == *module));
        if !replaced && !sums.contains(&format!("{module} {version}")) {
            let message = format!("{module} {version} is not in {lock}: builds refuse that (`go mod tidy` adds it)");
            found.push(finding(path, text, module, message));
        }
    }
    found
}

/// A dependency the lock file beside its manifest does not name at all.
pub(super) fn unnamed(workspace: &dyn Workspace, need: &Need, locks: &[&str]) -> Option<Finding> {
    let (lock, text) = locks.iter().find_map(|lock| {
        let path = beside(&need.evidence.file, lock);
        Some((path.clone(), read(workspace, &path)?.to_lowercase()))
    })?;
    let name = need.name.to_lowercase();
    let there = text.contains(&name) || text.contains(&name.replace('-', "_"));
    (!there).then(|| Finding {
        severity: Severity::Error,
        path: Some(need.evidence.file.clone()),
        line: need.evidence.line,
        rule: Some("lock".to_owned()),
        message: format!("`{}` is not in {lock}: an install from it refuses that", need.name),
        old: false,
    })
}
