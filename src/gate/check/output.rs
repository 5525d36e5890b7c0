//! What the output of a tool says, line by line.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::domain::{Finding, Severity, from_root};
use crate::workspace::Exit;

/// What is not installed, when that is why a tool did not run.
pub(super) fn missing(exit: Exit, text: &str) -> Option<String> {
    let line = text.lines().find(|line| {
        line.contains("No module named")
            || line.contains("npx canceled due to missing packages")
            || line.contains("could not determine executable to run")
            || line.ends_with("not found") && exit == Exit::Code(127)
            || line.contains("no such command")
    });
    if let Some((_, module)) = line.and_then(|line| line.split_once("No module named ")) {
        // Only the tool itself: a module the code imports is a finding of another gate.
        let module = module.trim_matches(['\'', '"', ' ']);
        return (!module.contains('.')).then(|| format!("the Python module `{module}` is not installed"));
    }
    match line {
        Some(line) => Some(format!("the tool is not installed ({})", line.trim())),
        None => (exit == Exit::Code(127)).then(|| "the tool is not installed".to_owned()),
    }
}

fn full(folder: &str, path: &str) -> String {
    let path = path.trim_start_matches("./");
    from_root(folder, path)
}

/// The files among these that the output names.
pub(super) fn files(text: &str, files: &[String], folder: &str) -> Vec<Finding> {
    let named = |file: &&String| {
        text.lines().any(|line| {
            let line = line.trim().trim_end_matches(':');
            line.ends_with(file.as_str()) || line.contains(&format!("{file}:")) || line.contains(&format!("{file} "))
        })
    };
    let finding = |file: &String| Finding {
        path: Some(full(folder, file)),
        message: "is not formatted".to_owned(),
        ..Finding::default()
    };
    files.iter().filter(named).map(finding).collect()
}

/// Whether the output shows how files should look.
pub(super) fn speaks_of_files(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("Diff in "))
}

static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let path = r"(?P<path>[^\s:()\[\]']+\.[A-Za-z]{1,5})";
    // `a.py:3:1: F401 …`, `a.ts(3,1): error TS1: …`, `/a/B.java:[3,1] …`, `vet: ./a.go:3:1: …`
    Regex::new(&format!(
        r"^\s*(?:\[ERROR\] |vet: )?(?:{path}:(?P<a>\d+)(?::\d+)?(?::| -)?|{}\((?P<b>\d+),\d+\):|{}:\[(?P<c>\d+),\d+\])\s*(?P<message>.*)$",
        path.replace("path", "path2"),
        path.replace("path", "path3"),
    ))
    .ok()
});

/// Lines of the shape `path:line: message`.
pub(super) fn lines(text: &str, root: &str, folder: &str) -> Vec<Finding> {
    let Some(regex) = LINE.as_ref() else { return Vec::new() };
    let all: Vec<&str> = text.lines().collect();
    let mut found: Vec<Finding> = Vec::new();
    for (index, line) in all.iter().enumerate() {
        if let Some(finding) = python_error(&all, index, root, folder) {
            found.push(finding);
            continue;
        }
        let Some(captures) = regex.captures(line) else { continue };
        let group = |names: [&str; 3]| names.iter().find_map(|name| captures.name(name)).map(|found| found.as_str());
        let (Some(path), Some(number)) = (group(["path", "path2", "path3"]), group(["a", "b", "c"])) else { continue };
        let mut message = captures.name("message").map_or("", |found| found.as_str()).trim().to_owned();
        if message.is_empty() {
            // The words stand below the place: `node --check` does so.
            let below = all[index + 1..].iter().take(6).find(|line| line.contains("Error:"));
            message = below.map_or_else(String::new, |line| line.trim().to_owned());
        }
        let note = message.starts_with("note:") || message.starts_with("note ");
        if message.is_empty() || note {
            continue;
        }
        let (severity, rule, message) = split(&message);
        let inside = path.strip_prefix(root).map(|rest| rest.trim_start_matches('/').to_owned());
        let path = inside.or_else(|| (!path.starts_with('/')).then(|| full(folder, path)));
        found.push(Finding { severity, path, line: number.parse().ok(), rule, message, ..Finding::default() });
    }
    found
}

/// `File "a.py", line 3`, the line, a mark, then `SyntaxError: …`.
fn python_error(all: &[&str], index: usize, root: &str, folder: &str) -> Option<Finding> {
    let (path, rest) = all[index].trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let message = all[index + 1..].iter().take(4).find(|line| line.contains("Error: "))?;
    let path =
        path.strip_prefix(root).map_or_else(|| full(folder, path), |rest| rest.trim_start_matches('/').to_owned());
    let line = rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    Some(Finding { path: Some(path), line, message: message.trim().to_owned(), ..Finding::default() })
}

/// Severity and rule out of a message: `error TS2304: …`, `F401 …`, `error: … [arg-type]`, `warning: …`.
fn split(message: &str) -> (Severity, Option<String>, String) {
    let warns = message.starts_with("warning")
        || message.starts_with("W") && message.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
    let severity = if warns { Severity::Warning } else { Severity::Error };
    let rest = message.strip_prefix("error").or_else(|| message.strip_prefix("warning")).unwrap_or(message);
    let rest = rest.trim_start_matches([':', ' ', '-']);
    if let Some((text, rule)) = rest.strip_suffix(']').and_then(|rest| rest.rsplit_once('['))
        && !rule.contains(' ')
    {
        return (severity, Some(rule.to_owned()), text.trim().to_owned());
    }
    let (first, words) = rest.split_once([' ', ':']).unwrap_or((rest, ""));
    let code = first.len() >= 2
        && first.starts_with(|c: char| c.is_ascii_uppercase())
        && first.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        && first.ends_with(|c: char| c.is_ascii_digit());
    if code {
        return (severity, Some(first.to_owned()), words.trim_start_matches([':', ' ']).to_owned());
    }
    (severity, None, rest.to_owned())
}

/// The JSON of ESLint; what stands before it is noise of the package manager.
pub(super) fn eslint(text: &str, root: &str) -> Vec<Finding> {
    let Some(start) = text.find("[{") else { return Vec::new() };
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
    let Some(Ok(Value::Array(files))) = values.next() else { return Vec::new() };
    let mut found = Vec::new();
    for file in &files {
        let path = file.get("filePath").and_then(Value::as_str).unwrap_or_default();
        let path = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/').to_owned();
        for message in file.get("messages").and_then(Value::as_array).into_iter().flatten() {
            let severe = message.get("severity").and_then(Value::as_u64) == Some(2);
            found.push(Finding {
                severity: if severe { Severity::Error } else { Severity::Warning },
                path: Some(path.clone()),
                line: message.get("line").and_then(Value::as_u64).and_then(|line| usize::try_from(line).ok()),
                rule: message.get("ruleId").and_then(Value::as_str).map(str::to_owned),
                message: message.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
                ..Finding::default()
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_all_tools_are_read() {
        for (text, expected) in [
            (
                "app/a.py:3:8: F401 [*] `os` imported but unused",
                ("app/a.py", 3, Some("F401"), "[*] `os` imported but unused"),
            ),
            ("a.py:4: error: Incompatible types  [assignment]", ("a.py", 4, Some("assignment"), "Incompatible types")),
            ("src/a.ts(7,3): error TS2322: Type 'x'", ("src/a.ts", 7, Some("TS2322"), "Type 'x'")),
            ("./main.go:12:2: undefined: x", ("main.go", 12, None, "undefined: x")),
            ("vet: ./main.go:5:1: expected x", ("main.go", 5, None, "expected x")),
            (
                "src/lib.rs:10:5: error[E0425]: cannot find value `x`",
                ("src/lib.rs", 10, None, "[E0425]: cannot find value `x`"),
            ),
            ("[ERROR] /r/src/A.java:[3,5] ';' expected", ("src/A.java", 3, None, "';' expected")),
            (
                "  File \"app/a.py\", line 2\n    def x(:\n          ^\nSyntaxError: invalid syntax",
                ("app/a.py", 2, None, "SyntaxError: invalid syntax"),
            ),
            (
                "/r/src/a.js:3\n}\n^\n\nSyntaxError: Unexpected token '}'",
                ("src/a.js", 3, None, "SyntaxError: Unexpected token '}'"),
            ),
        ] {
            let found = lines(text, "/r", "");
            let first = found.first().unwrap_or_else(|| panic!("nothing in {text}"));
            let shown =
                (first.path.as_deref().unwrap(), first.line.unwrap(), first.rule.as_deref(), first.message.as_str());
            assert_eq!(shown, expected, "{text}");
        }
        assert_eq!(lines("All checks passed!\nSuccess: no issues\n12:30 done", "/r", ""), []);
        assert_eq!(lines("a.py:1: F401 x", "/r", "api")[0].path.as_deref(), Some("api/a.py"));
    }

    #[test]
    fn files_and_json_and_what_is_missing() {
        let named =
            files("Would reformat: app/a.py\n1 file would be reformatted", &["app/a.py".into(), "b.py".into()], "");
        assert_eq!(named.len(), 1);
        let cargo = "Diff in /r/tests/a.rs:3:\n-x\n+y";
        assert!(files(cargo, &["src/lib.rs".into()], "").is_empty() && speaks_of_files(cargo));
        assert!(!speaks_of_files("error: couldn't parse rustfmt.toml"));
        let text = r#"noise [{"filePath":"/r/a.js","messages":[{"ruleId":"no-undef","severity":2,"message":"x","line":4},{"severity":1,"message":"y"}]}]"#;
        let found = eslint(text, "/r");
        assert_eq!(
            (found[0].line, found[0].severity, found[1].severity),
            (Some(4), Severity::Error, Severity::Warning)
        );
        assert!(missing(Exit::Code(1), "/usr/bin/python3: No module named ruff").unwrap().contains("`ruff`"));
        assert_eq!(missing(Exit::Code(1), "a.py:1: F401 x"), None);
    }
}
