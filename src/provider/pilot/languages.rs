//! What the pilot has to know of languages: how a fence names one, how a definition looks, how syntax is checked.

/// A language by the ending of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Language {
    /// Its name behind a fence.
    pub(super) fence: &'static str,
    /// How a comment line begins.
    pub(super) comment: &'static str,
    /// Code, not words or data.
    pub(super) is_code: bool,
    /// A shell command that fails on broken syntax, with `{}` for the file; quiet where its tool is missing.
    pub(super) check: Option<&'static str>,
}

const PLAIN: Language = Language { fence: "", comment: "#", is_code: false, check: None };

/// Syntax, and names that nothing defines: what a small model forgets first is an import.
const PYTHON_CHECK: &str = concat!(
    "command -v python3 >/dev/null || exit 0; python3 -c '",
    include_str!("../../../assets/python_names.py"),
    "' {}"
);

/// The language of a file.
pub(super) fn of(path: &str) -> Language {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    let code = |fence, comment, check| Language { fence, comment, is_code: true, check };
    match ending.as_str() {
        "py" | "pyi" => code("python", "#", Some(PYTHON_CHECK)),
        "js" | "mjs" | "cjs" => code("javascript", "//", Some("command -v node >/dev/null || exit 0; node --check {}")),
        "jsx" => code("jsx", "//", None),
        "ts" | "mts" | "cts" => code("typescript", "//", None),
        "tsx" => code("tsx", "//", None),
        "go" => code("go", "//", Some("command -v gofmt >/dev/null || exit 0; gofmt -e {} >/dev/null")),
        "rs" => code("rust", "//", None),
        "java" => code("java", "//", None),
        "kt" => code("kotlin", "//", None),
        "cs" => code("csharp", "//", None),
        "c" | "h" => code("c", "//", None),
        "cc" | "cpp" | "hpp" => code("cpp", "//", None),
        "rb" => code("ruby", "#", Some("command -v ruby >/dev/null || exit 0; ruby -c {} >/dev/null")),
        "php" => code("php", "//", Some("command -v php >/dev/null || exit 0; php -l {}")),
        "ex" | "exs" => code("elixir", "#", None),
        "sql" => code("sql", "--", None),
        "sh" | "bash" => code("bash", "#", Some("bash -n {}")),
        "proto" => code("proto", "//", None),
        "graphql" | "gql" => code("graphql", "#", None),
        "html" => Language { fence: "html", ..PLAIN },
        "css" => Language { fence: "css", ..PLAIN },
        "json" => Language {
            fence: "json",
            check: Some("command -v python3 >/dev/null || exit 0; python3 -m json.tool {} >/dev/null"),
            ..PLAIN
        },
        "yaml" | "yml" => Language { fence: "yaml", ..PLAIN },
        "toml" => Language { fence: "toml", ..PLAIN },
        "md" => Language { fence: "markdown", ..PLAIN },
        _ if name == "Dockerfile" => Language { fence: "dockerfile", ..PLAIN },
        _ if name == "Makefile" => Language { fence: "makefile", ..PLAIN },
        _ => PLAIN,
    }
}

/// Whether the file holds tests, by its name.
pub(super) fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    let folder = path.split('/').rev().skip(1).any(|part| matches!(part, "test" | "tests" | "__tests__" | "spec"));
    let named =
        stem.starts_with("test_") || stem.ends_with("_test") || stem.ends_with("Test") || stem.ends_with("_spec");
    (named || folder || name.contains(".test.") || name.contains(".spec."))
        && of(path).is_code
        && stem != "__init__"
        && stem != "conftest"
}

/// Whether a line begins a definition, whatever the language.
pub(super) fn defines(line: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "def ",
        "async def ",
        "class ",
        "function ",
        "async function ",
        "export ",
        "func ",
        "fn ",
        "pub ",
        "type ",
        "interface ",
        "struct ",
        "impl ",
        "enum ",
        "const ",
        "let ",
        "var ",
        "public ",
        "private ",
        "protected ",
        "CREATE ",
        "create ",
        "module.exports",
        "@",
    ];
    let line = line.trim_start();
    BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) || is_route(line)
}

/// `app.get("/path"`, `router.post('/path'`, `mux.HandleFunc("/path"`.
fn is_route(line: &str) -> bool {
    let Some((head, rest)) = line.split_once('(') else { return false };
    let method = head.rsplit('.').next().unwrap_or_default();
    head.contains('.')
        && matches!(
            method,
            "get"
                | "post"
                | "put"
                | "patch"
                | "delete"
                | "use"
                | "route"
                | "Handle"
                | "HandleFunc"
                | "GET"
                | "POST"
                | "PUT"
                | "DELETE"
        )
        && rest.trim_start().starts_with(['"', '\'', '`'])
}
