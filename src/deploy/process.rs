//! Procfiles, and the processes of pm2.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{Sink, Tree, is_placeholder, is_secret};
use crate::domain::from_root;

/// A Procfile: a name, a colon, a command.
pub(super) fn procfile(text: &str, _tree: &Tree<'_>, sink: &mut Sink<'_>) {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let parts = line.split_once(':');
        let Some((name, command)) = parts.filter(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        }) else {
            sink.error(index + 1, "syntax", format!("`{line}` is not `name: command`"));
            continue;
        };
        if command.trim().is_empty() {
            sink.error(index + 1, "syntax", format!("process `{name}` has no command"));
        }
        if let Some(first) = names.insert(name, index + 1) {
            sink.error(index + 1, "duplicate", format!("process `{name}` is already on line {first}"));
        }
    }
    if names.is_empty() {
        sink.error(1, "syntax", "no process in this file");
    }
}

/// `ecosystem.config.*`: read as text, since it is a program.
pub(super) fn pm2(text: &str, tree: &Tree<'_>, sink: &mut Sink<'_>) {
    static PAIR: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"["']?\b([A-Za-z_][A-Za-z0-9_]*)["']?\s*:\s*(?:["'`]([^"'`\n]*)["'`]|([0-9]+|true|false)\b)"#).ok()
    });
    if !text.contains("apps") {
        sink.error(1, "apps", "no `apps`: pm2 starts nothing from this");
    }
    if sink.path.ends_with(".json")
        && let Err(error) = serde_json::from_str::<serde_json::Value>(text)
    {
        sink.error(error.line(), "json", format!("no valid JSON: {error}"));
    }
    let Some(pair) = PAIR.as_ref() else { return };
    let folder = crate::domain::folder_of(sink.path).to_owned();
    let moved = text.contains("cwd");
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("//") || line.trim_start().starts_with('*') {
            continue;
        }
        for found in pair.captures_iter(line) {
            let key = found.get(1).map_or("", |part| part.as_str());
            let value = found.get(2).map_or("", |part| part.as_str());
            if key == "script" && !moved {
                script(value, &folder, index + 1, tree, sink);
            }
            if is_secret(key) && found.get(2).is_some() && !is_placeholder(value) {
                sink.warn(
                    index + 1,
                    "secret",
                    format!("`{key}` is written here in plain; take it from the environment"),
                );
            }
            if key == "instances" && value.parse::<i64>().is_err() && !value.is_empty() && value != "max" {
                sink.error(index + 1, "instances", format!("`instances` is a number or `max`, not `{value}`"));
            }
        }
    }
}

fn script(value: &str, folder: &str, line: usize, tree: &Tree<'_>, sink: &mut Sink<'_>) {
    let file = value.trim_start_matches("./");
    let source = [".js", ".mjs", ".cjs", ".ts", ".py"].iter().any(|end| file.ends_with(end));
    let built = file.split('/').any(|part| super::rules::rules().dockerfile.built.iter().any(|known| known == part));
    if !source || built || file.starts_with('/') || file.contains(['$', ' ']) || file.contains("..") {
        return;
    }
    let path = from_root(folder, file);
    if !tree.has(&path) && !tree.has(file) {
        sink.error(line, "script", format!("there is no `{path}` to start"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::seeded;

    #[test]
    fn each_rule_finds_its_mistake_and_sound_files_have_none() {
        seeded(
            "Procfile",
            "# x\nweb: gunicorn app:app\nworker: celery -A x\n",
            &[],
            &[
                ("worker: celery", "web: celery", "3 error duplicate"),
                ("web: gunicorn app:app", "web gunicorn", "2 error syntax"),
                ("web: gunicorn app:app", "web:", "2 error syntax"),
            ],
        );
        let sound = "module.exports = {\n  apps: [{\n    name: 'api',\n    script: './src/server.js',\n    instances: 'max',\n    env: { PORT: 3000, DB_PASSWORD: process.env.DB_PASSWORD },\n  }],\n};\n";
        seeded(
            "ecosystem.config.js",
            sound,
            &[("src/server.js", "")],
            &[
                ("server.js", "sever.js", "4 error script"),
                ("process.env.DB_PASSWORD", "'q7Zp2LmW9x'", "6 warning secret"),
                ("'max'", "'many'", "5 error instances"),
                ("apps", "app", "1 error apps"),
            ],
        );
    }
}
