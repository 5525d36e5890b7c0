//! Imports of Go, where one too many is an error as well.

use super::{code, only_owns, uses};

/// Packages of the library by the name they are used with.
const PACKAGES: [(&str, &str); 27] = [
    ("atomic", "sync/atomic"),
    ("bufio", "bufio"),
    ("bytes", "bytes"),
    ("context", "context"),
    ("errors", "errors"),
    ("filepath", "path/filepath"),
    ("fmt", "fmt"),
    ("hex", "encoding/hex"),
    ("hmac", "crypto/hmac"),
    ("http", "net/http"),
    ("io", "io"),
    ("json", "encoding/json"),
    ("log", "log"),
    ("math", "math"),
    ("os", "os"),
    ("rand", "math/rand"),
    ("regexp", "regexp"),
    ("sha256", "crypto/sha256"),
    ("sort", "sort"),
    ("sql", "database/sql"),
    ("strconv", "strconv"),
    ("strings", "strings"),
    ("sync", "sync"),
    ("time", "time"),
    ("unicode", "unicode"),
    ("url", "net/url"),
    ("utf8", "unicode/utf8"),
];

pub(super) fn settled(mut new: Vec<String>) -> Vec<String> {
    one_package(&mut new);
    let text = code(&new.iter().filter(|line| imported(line).is_none()).cloned().collect::<Vec<_>>().join("\n"), "//");
    let needless = |line: &String| {
        let known = imported(line).and_then(|path| PACKAGES.iter().find(|(_, known)| *known == path));
        known.is_some_and(|(name, _)| !uses(&text, name))
    };
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(name, path)| {
            only_owns(&text, name)
                && !new.iter().any(|line| imported(line).is_some_and(|known| is_named(known, path, name)))
        })
        .map(|(_, path)| *path)
        .collect();
    if missing.is_empty() && !new.iter().any(needless) {
        return new;
    }
    new.retain(|line| !needless(line));
    add(&mut new, &missing);
    new.dedup_by(|line, before| line.is_empty() && before.is_empty());
    new
}

/// Whether an import brings this name: this package, or another one called the same.
fn is_named(known: &str, path: &str, name: &str) -> bool {
    known == path || known.rsplit('/').next() == Some(name)
}

/// A model that puts imports first likes to write the beginning of the file once more.
fn one_package(new: &mut Vec<String>) {
    let clause = |line: &String| line.starts_with("package ");
    let Some(first) = new.iter().position(clause) else { return };
    while let Some(again) = new.iter().skip(first + 1).position(clause).map(|at| at + first + 1) {
        let mut from = again;
        while from > first + 1 && new[from - 1].starts_with("//") && new[..first].contains(&new[from - 1]) {
            from -= 1;
        }
        let mut to = again + 1;
        while new.get(to).is_some_and(|line| line.is_empty()) {
            to += 1;
        }
        new.drain(from..to);
    }
}

/// The path a line of an import names, when it gives it no other name.
fn imported(line: &str) -> Option<&str> {
    let line = line.strip_prefix("import ").or_else(|| line.strip_prefix('\t'))?;
    let path = line.strip_prefix('"')?.strip_suffix('"')?;
    (!path.contains(['"', ' ', '\\'])).then_some(path)
}

/// Adds imports to the block there is, or makes one behind the package's name.
fn add(new: &mut Vec<String>, missing: &[&str]) {
    let mut paths: Vec<String> = missing.iter().map(|path| format!("\t\"{path}\"")).collect();
    if let Some(open) = new.iter().position(|line| line == "import (") {
        for path in paths {
            let behind = |line: &&String| line.starts_with("\t\"") && **line < path;
            let at = open + 1 + new[open + 1..].iter().take_while(behind).count();
            new.insert(at, path);
        }
        if new.get(open + 1).is_some_and(|line| line == ")") {
            new.drain(open..open + 2);
        }
        return;
    }
    if paths.is_empty() {
        return;
    }
    let Some(package) = new.iter().position(|line| line.starts_with("package ")) else { return };
    let single = new.iter().position(|line| line.starts_with("import ") && imported(line).is_some());
    let at = match single {
        Some(at) => {
            paths.extend(imported(&new.remove(at)).map(|path| format!("\t\"{path}\"")));
            at
        }
        None => {
            new.insert(package + 1, String::new());
            package + 2
        }
    };
    paths.sort();
    let block = std::iter::once("import (".to_owned()).chain(paths).chain(std::iter::once(")".to_owned()));
    new.splice(at..at, block);
}
