//! Which grammar a text is read with.

use std::sync::OnceLock;

use syntect::parsing::{SyntaxReference, SyntaxSet};

/// File names and endings the grammars do not claim themselves, and what they are read as.
const FILES: &[(&str, &str)] = &[
    ("Cargo.lock", "toml"),
    ("poetry.lock", "toml"),
    ("uv.lock", "toml"),
    ("Pipfile", "toml"),
    ("Pipfile.lock", "json"),
    ("composer.lock", "json"),
    ("Containerfile", "Dockerfile"),
    ("go.sum", "txt"),
    ("cjs", "js"),
    ("mjs", "js"),
    ("cts", "ts"),
    ("mts", "ts"),
    ("jsonc", "json"),
    ("json5", "json"),
    ("jsonl", "json"),
    ("ndjson", "json"),
    ("webmanifest", "json"),
    ("hcl", "tf"),
    ("tfvars", "tf"),
    ("pyi", "py"),
    ("psql", "sql"),
    ("pgsql", "sql"),
    ("ddl", "sql"),
    ("service", "ini"),
    ("gradle.kts", "kt"),
    ("cfg", "ini"),
    ("conf", "ini"),
    ("prisma", "graphql"),
];

/// What fences are called that no grammar is called.
const FENCES: &[(&str, &str)] = &[
    ("shell", "sh"),
    ("console", "sh"),
    ("terminal", "sh"),
    ("shellsession", "sh"),
    ("sh-session", "sh"),
    ("zsh", "sh"),
    ("golang", "go"),
    ("python3", "py"),
    ("py3", "py"),
    ("pycon", "py"),
    ("csharp", "cs"),
    ("objc", "m"),
    ("node", "js"),
    ("postgres", "sql"),
    ("postgresql", "sql"),
    ("mysql", "sql"),
    ("sqlite", "sql"),
    ("plpgsql", "sql"),
    ("docker", "Dockerfile"),
    ("terraform", "tf"),
    ("protobuf", "proto"),
    ("patch", "diff"),
    ("viml", "vim"),
    ("jsonc", "json"),
    ("json5", "json"),
    ("jsonl", "json"),
    ("env", "dotenv"),
];

/// All grammars, loaded on first use.
pub(super) fn syntaxes() -> &'static SyntaxSet {
    static SYNTAXES: OnceLock<SyntaxSet> = OnceLock::new();
    SYNTAXES.get_or_init(two_face::syntax::extra_newlines)
}

/// The grammar of a file: by its name, its ending, or the `#!` of its first line.
pub(super) fn by_path(path: &str, first_line: &str) -> Option<&'static SyntaxReference> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let endings = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
    std::iter::once(name)
        .chain(endings)
        .find_map(|key| by_extension(other_name(FILES, key)))
        .or_else(|| syntaxes().find_syntax_by_first_line(first_line))
        .filter(|syntax| !is_plain(syntax))
}

/// The grammar a fence names, from the first word of its info string.
pub(super) fn by_fence(info: &str) -> Option<&'static SyntaxReference> {
    let word = info
        .trim_start_matches(['{', '.', ' '])
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '{' | '}'))
        .next()
        .filter(|word| !word.is_empty())?;
    let word = other_name(FENCES, &word.to_ascii_lowercase()).to_owned();
    by_extension(&word).or_else(|| syntaxes().find_syntax_by_token(&word)).filter(|syntax| !is_plain(syntax))
}

fn by_extension(key: &str) -> Option<&'static SyntaxReference> {
    syntaxes().find_syntax_by_extension(key)
}

fn other_name<'a>(table: &'static [(&str, &str)], key: &'a str) -> &'a str {
    table.iter().find(|(name, _)| *name == key).map_or(key, |(_, other)| other)
}

fn is_plain(syntax: &SyntaxReference) -> bool {
    syntax.name == "Plain Text"
}
