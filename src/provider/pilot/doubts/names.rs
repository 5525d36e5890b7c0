//! Names that a change uses and nothing sets.

use regex::Regex;

/// Words of JavaScript and what its programs are given.
const JAVASCRIPT: [&str; 64] = [
    "if",
    "else",
    "for",
    "while",
    "do",
    "return",
    "switch",
    "case",
    "break",
    "continue",
    "new",
    "delete",
    "typeof",
    "instanceof",
    "void",
    "in",
    "of",
    "throw",
    "try",
    "catch",
    "finally",
    "this",
    "super",
    "class",
    "extends",
    "function",
    "const",
    "let",
    "var",
    "async",
    "await",
    "yield",
    "import",
    "export",
    "default",
    "from",
    "static",
    "get",
    "set",
    "null",
    "undefined",
    "true",
    "false",
    "require",
    "module",
    "exports",
    "process",
    "console",
    "globalThis",
    "global",
    "setTimeout",
    "clearTimeout",
    "setInterval",
    "clearInterval",
    "setImmediate",
    "queueMicrotask",
    "fetch",
    "parseInt",
    "parseFloat",
    "isNaN",
    "isFinite",
    "structuredClone",
    "encodeURIComponent",
    "decodeURIComponent",
];

/// Names that were declared before, are used still and declared no more.
pub(super) fn undeclared(old: &str, new: &str) -> Vec<String> {
    let Ok(declares) = Regex::new(
        r"(?m)^[ \t]*(?:export )?(?:(?:async )?(?:const|let|var|function|class|def|func|type|import)[ \t]+([A-Za-z_]\w*)|([A-Za-z_]\w*)[ \t]*:?=[^=])",
    ) else {
        return Vec::new();
    };
    let names = |text: &str| -> Vec<String> {
        let name = |found: regex::Captures<'_>| found.get(1).or(found.get(2)).map(|name| name.as_str().to_owned());
        declares.captures_iter(text).filter_map(name).collect()
    };
    let still = names(new);
    let mut gone: Vec<String> = names(old).into_iter().filter(|name| !still.contains(name)).collect();
    gone.sort();
    gone.dedup();
    let used = |name: &String| {
        let pattern = format!(r"(?m)(?:^|[^\w.\x22'`]){name}(?:\.\w|\[|\()");
        let declared = format!(r"[({{,]\s*{name}\s*[,:=)}}]|\b(?:for|as|catch|range)\b[^\n]*\b{name}\b");
        Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(new))
            && !Regex::new(&declared).is_ok_and(|declared| declared.is_match(new))
    };
    gone.into_iter().filter(used).map(|name| format!("Keep what sets `{name}`: it is used.")).collect()
}

/// Names in changed lines of JavaScript that nothing in the file sets.
pub(super) fn never_set(old: &str, new: &str) -> Vec<String> {
    let plain = |text: &str| {
        let strings = Regex::new(
            r#""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`|//[^\n]*|/\*(?s:.*?)\*/|/[^/\s]+/[gimsuy]*[.,;)]"#,
        );
        strings.map_or_else(|_| text.to_owned(), |strings| strings.replace_all(text, "\"\"").into_owned())
    };
    let (old, new) = (plain(old), plain(new));
    let (Ok(bare), Ok(sets), Ok(takes)) = (
        Regex::new(r"(?:^|[^\w.$])([A-Za-z_$][\w$]*)\s*(?:[.\[(,);&|<>+*/=!-]|$)"),
        Regex::new(r"\b(?:const|let|var|function|class|import|catch)\b([^=;\n]*)"),
        Regex::new(r"(\w*)\s*\(([^()]*)\)\s*(?:=>|\{)|(\w+)\s*=>"),
    ) else {
        return Vec::new();
    };
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !(c.is_alphanumeric() || "_$".contains(c))).map(str::to_owned).collect()
    };
    let mut known: Vec<String> = sets.captures_iter(&new).flat_map(|found| words(&found[1])).collect();
    for found in takes.captures_iter(&new) {
        let before = found.get(1).map_or("", |word| word.as_str());
        if !matches!(before, "if" | "while" | "switch" | "for") {
            known.extend(found.get(2).or(found.get(3)).map(|text| words(text.as_str())).unwrap_or_default());
        }
        known.push(before.to_owned());
    }
    let there = words(&old);
    let mut fresh: Vec<String> = bare.captures_iter(&new).map(|found| found[1].to_owned()).collect();
    fresh.sort();
    fresh.dedup();
    let unset = |name: &String| {
        !known.contains(name)
            && !there.contains(name)
            && (!name.starts_with(char::is_uppercase) || is_constant(name))
            && !JAVASCRIPT.contains(&name.as_str())
    };
    fresh
        .into_iter()
        .filter(unset)
        .map(|name| format!("Nothing is called `{name}` here: use the names of this file."))
        .collect()
}

/// Written in capitals throughout: nothing that comes with the language, as a class may.
fn is_constant(name: &str) -> bool {
    name.len() > 2 && name.chars().all(|c| c.is_ascii_uppercase()) && !matches!(name, "JSON" | "URL")
}
