//! Imports of JavaScript.

use std::sync::LazyLock;

use regex::Regex;

use super::{code, only_owns, put, take_out, uses};

/// Modules of Node that are used by their own name.
const MODULES: [&str; 8] = ["assert", "crypto", "fs", "http", "https", "os", "path", "util"];
/// What `crypto` has without being imported.
const GLOBAL_CRYPTO: [&str; 3] = ["crypto.randomUUID", "crypto.getRandomValues", "crypto.subtle"];

static REQUIRES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^(?:const|let|var) (.+?) = require\(["'][^"']+["']\);?$"#).ok());
static IMPORTS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"^import (.+?) from ["'][^"']+["'];?$"#).ok());

pub(super) fn settled(path: &str, old: &[String], mut new: Vec<String>) -> Vec<String> {
    drop_unused(old, &mut new);
    let modern = path.ends_with(".mjs") || new.iter().any(|line| line.starts_with("import "));
    let mut text = code(&new.join("\n"), "//");
    for known in GLOBAL_CRYPTO {
        text = text.replace(known, "");
    }
    let fresh: Vec<String> = MODULES
        .iter()
        .filter(|module| only_owns(&text, module))
        .map(|module| match modern {
            true => format!("import {module} from \"node:{module}\";"),
            false => format!("const {module} = require(\"node:{module}\");"),
        })
        .collect();
    let last = new.iter().rposition(|line| !binds(line).is_empty());
    let otherwise = new.iter().take_while(|line| line.contains("use strict") || line.starts_with("#!")).count();
    put(&mut new, fresh, last, otherwise);
    new
}

/// Takes away what the model imports anew and does not use.
fn drop_unused(old: &[String], new: &mut Vec<String>) {
    let mut at = 0;
    while at < new.len() {
        let names = binds(&new[at]);
        let mut others = new.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, line)| line);
        let is_used = others.any(|line| names.iter().any(|name| uses(line, name)));
        if names.is_empty() || old.contains(&new[at]) || is_used {
            at += 1;
            continue;
        }
        take_out(new, at);
    }
}

/// The names an import in one line binds.
fn binds(line: &str) -> Vec<String> {
    let find = |pattern: &'static LazyLock<Option<Regex>>| pattern.as_ref().and_then(|pattern| pattern.captures(line));
    let Some(found) = find(&REQUIRES).or_else(|| find(&IMPORTS)) else { return Vec::new() };
    found[1]
        .split(['{', '}', ','])
        .filter_map(|part| part.trim().rsplit([' ', ':']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}
