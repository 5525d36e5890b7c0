//! Which lines ran, as coverage tools write it down.

use serde::Deserialize;
use serde_json::Value;

use super::Coverage;
use crate::domain::RepoPath;
use crate::workspace::Workspace;

/// Who wrote down what ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gate) enum Source {
    /// A profile of `go test`.
    Go,
    /// The JSON of Istanbul, which Jest, Vitest and nyc write: a file, or a folder of them.
    Istanbul,
    /// A folder of what V8 itself counts, one file a process.
    V8,
}

/// The most bytes of such files that are read.
const MOST: u64 = 96 * 1024 * 1024;

impl Source {
    /// Reads what was written, about these files (relative to the root).
    pub(super) fn read(self, path: &RepoPath, workspace: &dyn Workspace, watched: &[String]) -> Coverage {
        let root = workspace.root().to_string_lossy().into_owned();
        let mut coverage = Coverage::default();
        for text in texts(path, workspace) {
            coverage.join(&match self {
                Self::Go => go_profile(&text),
                Self::Istanbul => istanbul(&text, &root),
                Self::V8 => v8(&text, &root, watched, &|path| {
                    let file = workspace.read(&RepoPath::parse(path).ok()?).ok()?;
                    String::from_utf8(file.bytes).ok()
                }),
            });
        }
        coverage
    }
}

/// The file, or the files of the folder.
fn texts(path: &RepoPath, workspace: &dyn Workspace) -> Vec<String> {
    let read =
        |path: &RepoPath| workspace.read(path).ok().map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
    if path.as_str().ends_with(".json") || path.as_str().ends_with(".out") {
        return read(path).into_iter().collect();
    }
    let Ok((entries, _)) = workspace.list(Some(path), 1, 2_000) else { return Vec::new() };
    let mut left = MOST;
    let files = entries.into_iter().filter(|entry| !entry.folder && entry.path.as_str().ends_with(".json"));
    files
        .filter_map(|entry| {
            left = left.checked_sub(entry.size)?;
            read(&entry.path)
        })
        .collect()
}

/// `mode: set`, then `module/file.go:3.14,5.2 1 1`: a block with the number of times it ran. The same block is there
/// once for every package whose tests were watched.
fn go_profile(text: &str) -> Coverage {
    let mut coverage = Coverage::default();
    for line in text.lines().skip(1) {
        let read = || {
            let (path, rest) = line.rsplit_once(':')?;
            let (range, numbers) = rest.split_once(' ')?;
            let (from, to) = range.split_once(',')?;
            let number = |text: &str| text.split('.').next()?.parse::<usize>().ok();
            Some((path, number(from)?..=number(to)?, !numbers.ends_with(" 0")))
        };
        let Some((path, lines, ran)) = read() else { continue };
        coverage.can.entry(path.to_owned()).or_default().extend(lines.clone());
        if ran {
            coverage.ran.entry(path.to_owned()).or_default().extend(lines);
        }
    }
    coverage
}

/// Statements with how often each ran.
fn istanbul(text: &str, root: &str) -> Coverage {
    let mut coverage = Coverage::default();
    let Ok(Value::Object(files)) = serde_json::from_str(text) else { return coverage };
    for (path, file) in &files {
        let path = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/').to_owned();
        let statements = file.get("statementMap").and_then(Value::as_object).into_iter().flatten();
        for (key, place) in statements {
            let Some(line) = place.pointer("/start/line").and_then(Value::as_u64) else { continue };
            let line = usize::try_from(line).unwrap_or(0);
            coverage.can.entry(path.clone()).or_default().insert(line);
            if file.pointer(&format!("/s/{key}")).and_then(Value::as_u64).is_some_and(|times| times > 0) {
                coverage.ran.entry(path.clone()).or_default().insert(line);
            }
        }
    }
    coverage
}

#[derive(Deserialize)]
struct Engine {
    result: Vec<Executed>,
}

#[derive(Deserialize)]
struct Executed {
    url: String,
    functions: Vec<Function>,
}

#[derive(Deserialize)]
struct Function {
    ranges: Vec<Range>,
}

/// Characters from one to another, counted in UTF-16, with how often they ran.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Range {
    start_offset: usize,
    end_offset: usize,
    count: u64,
}

/// What the engine counted in one process. An inner range speaks for its part of an outer one.
fn v8(text: &str, root: &str, watched: &[String], read: &dyn Fn(&str) -> Option<String>) -> Coverage {
    let mut coverage = Coverage::default();
    let Ok(engine) = serde_json::from_str::<Engine>(text) else { return coverage };
    for script in engine.result {
        let Some(path) = script.url.strip_prefix("file://").and_then(|path| path.strip_prefix(root)) else { continue };
        let path = path.trim_start_matches('/');
        let Some(source) = watched.iter().find(|name| *name == path).and_then(|path| read(path)) else { continue };
        let length: usize = source.chars().map(char::len_utf16).sum();
        let whole = script.functions.iter().flat_map(|function| &function.ranges).map(|range| range.end_offset).max();
        // What ran is not the file as it stands: it was translated first.
        if whole.is_none_or(|whole| whole > length) {
            continue;
        }
        let mut ran = vec![false; length + 1];
        for range in script.functions.iter().flat_map(|function| &function.ranges) {
            if let Some(part) = ran.get_mut(range.start_offset..range.end_offset) {
                part.fill(range.count > 0);
            }
        }
        let mut at = 0;
        for (index, line) in source.split_inclusive('\n').enumerate() {
            let indent: usize = line.chars().take_while(|c| c.is_whitespace()).map(char::len_utf16).sum();
            if can_run(line) {
                coverage.can.entry(path.to_owned()).or_default().insert(index + 1);
                if ran[at + indent] {
                    coverage.ran.entry(path.to_owned()).or_default().insert(index + 1);
                }
            }
            at += line.chars().map(char::len_utf16).sum::<usize>();
        }
    }
    coverage
}

/// Whether a line is more than a comment, a bracket or a name that is handed on.
fn can_run(line: &str) -> bool {
    let line = line.trim();
    let quiet = ["//", "/*", "*", "import ", "export {", "export *", "'use strict'", "\"use strict\""];
    !quiet.iter().any(|start| line.starts_with(start)) && line.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn coverage_files_are_read_by_line() {
        let go = go_profile("mode: set\nshop/main.go:3.14,5.2 1 1\nshop/main.go:8.1,8.9 1 0\n");
        assert_eq!(go.ran["shop/main.go"], BTreeSet::from([3, 4, 5]));
        assert_eq!(go.can["shop/main.go"], BTreeSet::from([3, 4, 5, 8]));
        let jest = istanbul(
            r#"{"/r/src/a.js":{"statementMap":{"0":{"start":{"line":2}},"1":{"start":{"line":4}}},"s":{"0":3,"1":0}}}"#,
            "/r",
        );
        assert_eq!((&jest.ran["src/a.js"], &jest.can["src/a.js"]), (&BTreeSet::from([2]), &BTreeSet::from([2, 4])));
    }

    #[test]
    fn what_v8_counts_is_read_by_line_and_nothing_is_said_of_translated_files() {
        let source = "// ä\nexports.a = (x) => {\n  if (x) {\n    return 1;\n  }\n  return 2;\n};\n";
        let inner = source.chars().take_while(|c| *c != '{').count();
        let (from, to) = (source.find("{\n    return").unwrap() - 1, source.find("}\n  return 2").unwrap());
        let text = |end: usize| {
            format!(
                r#"{{"result":[{{"url":"file:///r/src/a.js","functions":[
                    {{"ranges":[{{"startOffset":0,"endOffset":{end},"count":1}}]}},
                    {{"ranges":[{{"startOffset":{inner},"endOffset":{end},"count":3}},{{"startOffset":{from},"endOffset":{to},"count":0}}]}}]}}]}}"#
            )
        };
        let length = source.chars().count();
        let watched = ["src/a.js".to_owned()];
        let found = v8(&text(length), "/r", &watched, &|_| Some(source.to_owned()));
        assert_eq!(found.can["src/a.js"], BTreeSet::from([2, 3, 4, 6]));
        assert_eq!(found.ran["src/a.js"], BTreeSet::from([2, 3, 6]));
        assert_eq!(v8(&text(length + 9), "/r", &watched, &|_| Some(source.to_owned())), Coverage::default());
    }
}
