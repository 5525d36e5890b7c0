//! Imports put in order, without a model: a small one forgets those it needs and writes those it saw in an example.
//!
//! Only what is certain is touched: names of a language's own library that are used and bound nowhere, imports the model
//! added and does not use, imports it took away although they are used.

mod go;
mod javascript;
mod python;

use regex::Regex;

use super::languages;

/// The new lines of a file with the imports they need.
pub(super) fn settled(path: &str, old: &[String], new: Vec<String>) -> Vec<String> {
    match languages::of(path).fence {
        "python" if !path.ends_with("__init__.py") => python::settled(old, new),
        "javascript" => javascript::settled(path, old, new),
        "go" => go::settled(new),
        _ => new,
    }
}

/// Whether a text speaks of a name as a word of its own, not as a member of something.
fn uses(text: &str, name: &str) -> bool {
    Regex::new(&format!(r"(^|[^\w.$]){}($|[^\w$])", regex::escape(name))).is_ok_and(|pattern| pattern.is_match(text))
}

/// Whether a name stands in a text only as the owner of members: then nothing there gives it a meaning of its own.
fn only_owns(text: &str, name: &str) -> bool {
    let bare = format!(r"(?:^|[^\w.$]){}(?:$|[^\w.$])", regex::escape(name));
    let owns = format!(r"(?:^|[^\w.$]){}\.[A-Za-z_]", regex::escape(name));
    let found = |pattern: &str| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text));
    found(&owns) && !found(&bare)
}

/// A text without its comments and without strings that hold no code.
fn code(text: &str, comment: &str) -> String {
    let pattern = format!(r#"(?m)"(?:[^"\\\n{{]|\\.)*"|'(?:[^'\\\n{{]|\\.)*'|{}.*$"#, regex::escape(comment));
    Regex::new(&pattern).map_or_else(|_| text.to_owned(), |pattern| pattern.replace_all(text, "\"\"").into_owned())
}

/// Takes a line out, and the blank ones that would begin the file then.
fn take_out(new: &mut Vec<String>, at: usize) {
    new.remove(at);
    while at == 0 && new.first().is_some_and(|line| line.trim().is_empty()) {
        new.remove(0);
    }
}

/// Puts lines behind the last import, or at this place when there is none, apart from what follows.
fn put(new: &mut Vec<String>, fresh: Vec<String>, last: Option<usize>, otherwise: usize) {
    if fresh.is_empty() {
        return;
    }
    let at = last.map_or(otherwise, |last| last + 1);
    let apart = last.is_none() && new.get(at).is_some_and(|line| !line.trim().is_empty());
    let blank = apart.then(String::new);
    new.splice(at..at, fresh.into_iter().chain(blank));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::pilot::files::split;

    #[test]
    fn imports_are_settled() {
        for (path, old, new, expected) in [
            // One the model copied from an example.
            ("a.py", "x = 1\n", "import json\n\n\nx = 2\n", "x = 2\n"),
            ("a.py", "import os\n\nx = 1\n", "import os\n\nx = 2\n", "import os\n\nx = 2\n"),
            // One it forgot, one it took away, one behind a docstring.
            (
                "a.py",
                "import os\n\nx = 1\n",
                "import os\n\nx = json.dumps(1)\n",
                "import os\nimport json\n\nx = json.dumps(1)\n",
            ),
            (
                "a.py",
                "from dataclasses import dataclass\n\n@dataclass\nclass A:\n    x: int\n",
                "import os\n\n@dataclass\nclass A:\n    x: int = os.cpu_count()\n",
                "import os\nfrom dataclasses import dataclass\n\n@dataclass\nclass A:\n    x: int = os.cpu_count()\n",
            ),
            (
                "a.py",
                "",
                "\"\"\"Doc.\"\"\"\n\nx = f\"{os.sep}\"\n",
                "\"\"\"Doc.\"\"\"\n\nimport os\n\nx = f\"{os.sep}\"\n",
            ),
            // Names that mean something else here.
            ("a.py", "", "def f(json):\n    return json.x\n", "def f(json):\n    return json.x\n"),
            ("a.py", "", "# json.dumps would do\nx = \"time.time\"\n", "# json.dumps would do\nx = \"time.time\"\n"),
            ("a.py", "", "from a import b, c\n\nb()\n", "from a import b\n\nb()\n"),
            (
                "a.py",
                "",
                "try:\n    import json\nexcept ImportError:\n    pass\n",
                "try:\n    import json\nexcept ImportError:\n    pass\n",
            ),
            (
                "a.js",
                "",
                "x = crypto.createHmac(1);\n",
                "const crypto = require(\"node:crypto\");\n\nx = crypto.createHmac(1);\n",
            ),
            ("a.js", "", "x = crypto.randomUUID();\n", "x = crypto.randomUUID();\n"),
            (
                "a.js",
                "",
                "\"use strict\";\nconst fs = require(\"fs\");\nf(fs, path.join(a));\n",
                "\"use strict\";\nconst fs = require(\"fs\");\nconst path = require(\"node:path\");\nf(fs, path.join(a));\n",
            ),
            ("a.js", "", "function f(path) { return path.join; }\n", "function f(path) { return path.join; }\n"),
            ("a.js", "a();\n", "const b = require(\"b\");\n\na(1);\n", "a(1);\n"),
            (
                "a.mjs",
                "",
                "import a from \"a\";\na(os.cpus());\n",
                "import a from \"a\";\nimport os from \"node:os\";\na(os.cpus());\n",
            ),
            (
                "a.go",
                "",
                "// Package a is.\npackage a\n\nimport \"sync\"\n\n// Package a is.\npackage a\n\nvar x sync.Mutex\n",
                "// Package a is.\npackage a\n\nimport \"sync\"\n\nvar x sync.Mutex\n",
            ),
            (
                "a.go",
                "",
                "package a\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc f() error { return fmt.Errorf(strings.ToLower(\"x\")) }\n",
                "package a\n\nimport (\n\t\"fmt\"\n\t\"strings\"\n)\n\nfunc f() error { return fmt.Errorf(strings.ToLower(\"x\")) }\n",
            ),
            (
                "a.go",
                "",
                "package a\n\nfunc f() { fmt.Println(time.Now()) }\n",
                "package a\n\nimport (\n\t\"fmt\"\n\t\"time\"\n)\n\nfunc f() { fmt.Println(time.Now()) }\n",
            ),
            ("a.go", "", "package a\n\nfunc f(url U) { url.Go() }\n", "package a\n\nfunc f(url U) { url.Go() }\n"),
            (
                "a.go",
                "",
                "package a\n\nimport (\n\t\"net/http\"\n\n\t\"example.org/x/y.v2\"\n)\n\nvar c http.Client\n",
                "package a\n\nimport (\n\t\"net/http\"\n\n\t\"example.org/x/y.v2\"\n)\n\nvar c http.Client\n",
            ),
            ("a.sql", "", "SELECT json.x;\n", "SELECT json.x;\n"),
        ] {
            let text: String = settled(path, &split(old), split(new)).iter().map(|line| format!("{line}\n")).collect();
            assert_eq!(text, expected, "{path}: {new}");
        }
    }
}
