//! Imports of Python.

use super::{code, only_owns, put, take_out, uses};

/// Modules of the library that are used by their own name.
const MODULES: [&str; 32] = [
    "asyncio",
    "base64",
    "collections",
    "contextlib",
    "copy",
    "csv",
    "datetime",
    "functools",
    "hashlib",
    "hmac",
    "io",
    "itertools",
    "json",
    "logging",
    "math",
    "os",
    "pathlib",
    "random",
    "re",
    "secrets",
    "shutil",
    "sqlite3",
    "string",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "traceback",
    "typing",
    "urllib",
    "uuid",
];

pub(super) fn settled(old: &[String], mut new: Vec<String>) -> Vec<String> {
    drop_unused(old, &mut new);
    let text = code(&new.join("\n"), "#");
    let binds_already = |name: &str| new.iter().any(|line| binds(line.trim_start()).iter().any(|bound| bound == name));
    let gone = old.iter().filter(|line| !new.contains(line) && is_import(line)).filter(|line| {
        let names = binds(line);
        !names.is_empty()
            && names.iter().all(|name| !binds_already(name) && uses(&text, name) && !assigned(&text, name))
    });
    let mut fresh: Vec<String> = gone.cloned().collect();
    for module in MODULES {
        let bound = fresh.iter().any(|line| binds(line).iter().any(|name| name == module));
        if !bound && only_owns(&text, module) {
            fresh.push(format!("import {module}"));
        }
    }
    let last = new.iter().rposition(|line| is_import(line) && !binds(line).is_empty());
    let otherwise = beginning(&new);
    put(&mut new, fresh, last, otherwise);
    new
}

/// Takes away what the model imports anew and does not use.
fn drop_unused(old: &[String], new: &mut Vec<String>) {
    let mut at = 0;
    while at < new.len() {
        let line = new[at].clone();
        let names = binds(&line);
        if !is_import(&line) || names.is_empty() || old.contains(&line) || line.contains('#') {
            at += 1;
            continue;
        }
        let others: Vec<&str> =
            new.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, line)| line.as_str()).collect();
        let others = others.join("\n");
        let used: Vec<&String> = names.iter().filter(|name| uses(&others, name)).collect();
        if used.is_empty() {
            take_out(new, at);
            continue;
        }
        if used.len() < names.len()
            && let Some((from, list)) = line.split_once(" import ")
        {
            let kept: Vec<&str> = list
                .split(',')
                .map(str::trim)
                .filter(|part| used.iter().any(|name| part.split_whitespace().last() == Some(name.as_str())))
                .collect();
            new[at] = format!("{from} import {}", kept.join(", "));
        }
        at += 1;
    }
}

fn is_import(line: &str) -> bool {
    line.starts_with("import ") || line.starts_with("from ") && line.contains(" import ")
}

/// The names an import in one line binds; none for what is no such line.
fn binds(line: &str) -> Vec<String> {
    if !is_import(line) || line.starts_with("from __future__") || line.contains(['(', '*', '\\']) {
        return Vec::new();
    }
    let line = line.split('#').next().unwrap_or_default();
    let list = match line.split_once(" import ") {
        Some((_, list)) => list,
        None => line.trim_start_matches("import "),
    };
    let name = |part: &str| {
        let last = part.split_whitespace().last()?;
        Some(last.split('.').next().unwrap_or(last).to_owned())
    };
    list.split(',').filter_map(name).collect()
}

/// Whether something else gives the name a meaning.
fn assigned(text: &str, name: &str) -> bool {
    regex::Regex::new(&format!(r"(?m)^\s*(?:{name}\s*=[^=]|(?:def|class) {name}\b)"))
        .is_ok_and(|found| found.is_match(text))
}

/// Behind what a module says about itself.
fn beginning(lines: &[String]) -> usize {
    let mut at = lines.iter().take_while(|line| line.starts_with('#') || line.trim().is_empty()).count();
    if let Some(quote) =
        ["\"\"\"", "'''"].iter().find(|quote| lines.get(at).is_some_and(|line| line.starts_with(**quote)))
    {
        let one_line = lines[at].len() > 3 && lines[at][3..].contains(quote);
        let rest = lines.iter().skip(at + 1).position(|line| line.contains(quote));
        at += if one_line { 1 } else { rest.map_or(1, |rest| rest + 2) };
        at += lines.iter().skip(at).take_while(|line| line.trim().is_empty()).count();
    }
    at.min(lines.len())
}
