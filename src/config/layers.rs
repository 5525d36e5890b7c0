//! Reading the layers and laying them over each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use toml::Table;

use super::Settings;
use super::check::{File, below, nearest, permitted};

/// Where settings come from. Everything is handed in; nothing is looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The user's `config.toml`; it need not exist.
    pub user_file: Option<PathBuf>,
    /// The repository's `.tenon/config.toml`; it need not exist.
    pub project_file: Option<PathBuf>,
    /// The environment; `TENON_MODEL` sets `model`, `TENON_BUDGET_TOKENS` sets `budget.tokens` and so on.
    pub environment: BTreeMap<String, String>,
    /// Settings from flags, by dotted key.
    pub flags: BTreeMap<String, String>,
}

/// Something the user should know that is no reason to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where: a file and a line, or the name of a variable.
    pub place: String,
    /// What.
    pub text: String,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// 1-based line.
    pub line: Option<usize>,
    /// What is wrong.
    pub text: String,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file has mistakes.
    #[error("{}", shown(path, mistakes))]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// All of them, in order.
        mistakes: Vec<Mistake>,
    },
    /// A file is there and cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A variable or flag has a value that does not fit.
    #[error("{place}: {text}")]
    Value {
        /// The variable or flag.
        place: String,
        /// What is wrong.
        text: String,
    },
    /// There is no place for Tenon's own files.
    #[error("HOME is not set, so there is no place for Tenon's files; set HOME, or {variable} to an absolute path")]
    NoHome {
        /// The variable that would do as well.
        variable: &'static str,
    },
}

fn shown(path: &Path, mistakes: &[Mistake]) -> String {
    let one = |mistake: &Mistake| {
        let line = mistake.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: {}", path.display(), mistake.text)
    };
    mistakes.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Whose settings they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// The user's own.
    User,
    /// A repository's.
    Project,
    /// A repository's that the user trusts.
    TrustedProject,
}

/// The JSON schema of a settings file.
pub fn schema() -> Value {
    schemars::schema_for!(Settings).to_value()
}

/// Reads all layers and resolves them.
///
/// # Errors
/// A file cannot be read or has a mistake, or a value does not fit.
pub fn load(sources: Sources) -> Result<(Settings, Vec<Note>), ConfigError> {
    let schema = schema();
    let mut notes = Vec::new();
    let mut merged = Table::new();
    if let Some(path) = &sources.user_file {
        overlay(&mut merged, read(path, Layer::User, &schema, &mut notes)?);
    }
    if let Some(path) = &sources.project_file {
        let layer = if trusted(path, &merged) { Layer::TrustedProject } else { Layer::Project };
        overlay(&mut merged, read(path, layer, &schema, &mut notes)?);
    }
    let known = leaves(&schema);
    for (name, value) in &sources.environment {
        let Some(key) = environment_key(name, &known) else {
            notes.extend(misspelt(name, &known));
            continue;
        };
        if !value.is_empty() {
            set(&mut merged, key, value, name, &schema)?;
        }
    }
    for (key, value) in &sources.flags {
        set(&mut merged, key, value, key, &schema)?;
    }
    let settings = Settings::deserialize(merged)
        .map_err(|error| ConfigError::Value { place: "settings".into(), text: error.message().to_owned() })?;
    Ok((settings, notes))
}

/// The environment variables that set something, with the dotted key each one sets.
pub fn environment_names() -> Vec<(String, String)> {
    leaves(&schema()).into_iter().map(|key| (variable(&key), key)).collect()
}

fn read(path: &Path, layer: Layer, schema: &Value, notes: &mut Vec<Note>) -> Result<Table, ConfigError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Table::new());
        }
        Err(source) => return Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    };
    let wrong = |mistakes| ConfigError::Mistakes { path: path.to_owned(), mistakes };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        wrong(vec![Mistake { line: Some(line), text: "not valid UTF-8".into() }])
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let found = File { text, schema }.check();
    if !found.mistakes.is_empty() {
        return Err(wrong(found.mistakes));
    }
    let mut table: Table =
        text.parse().map_err(|error: toml::de::Error| wrong(vec![Mistake { line: None, text: error.to_string() }]))?;
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for (key, line) in found.leaves {
        if let Err(why) = permitted(layer, &key) {
            remove(&mut table, &key);
            // A provider is one thing to its author, so it is one note.
            let whole = key.split('.').take(2).collect::<Vec<_>>().join(".");
            let name = if key.starts_with("providers.") { whole } else { key };
            if refused.insert(name.clone(), line).is_none() {
                let place = format!("{}:{line}", path.display());
                notes.push(Note { place, text: format!("`{name}` is ignored: {why}") });
            }
        }
    }
    Ok(table)
}

/// The user's own file says so; a repository cannot vouch for itself.
fn trusted(project_file: &Path, user: &Table) -> bool {
    let Some(root) = project_file.parent().and_then(Path::parent) else { return false };
    let list = user.get("trust").and_then(toml::Value::as_array);
    let mut paths = list.into_iter().flatten().filter_map(toml::Value::as_str).map(Path::new);
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    paths.any(|path| path.is_absolute() && real(path) == real(root))
}

/// Later values win, key by key; lists are replaced as a whole.
fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => overlay(old, new),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn remove(table: &mut Table, key: &str) {
    match key.split_once('.') {
        None => {
            table.remove(key);
        }
        Some((first, rest)) => {
            if let Some(toml::Value::Table(inner)) = table.get_mut(first) {
                remove(inner, rest);
                if inner.is_empty() {
                    table.remove(first);
                }
            }
        }
    }
}

/// Dotted keys of all single values that have a fixed name.
fn leaves(schema: &Value) -> Vec<String> {
    fn walk(root: &Value, schema: &Value, prefix: &str, into: &mut Vec<String>) {
        for key in schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys()) {
            let Some(inner) = below(root, schema, key) else { continue };
            let dotted = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            if inner.get("properties").is_some() {
                walk(root, inner, &dotted, into);
            } else if inner.get("additionalProperties").is_none() && !accepts(inner, "array") {
                into.push(dotted);
            }
        }
    }
    let mut found = Vec::new();
    walk(schema, schema, "", &mut found);
    found
}

fn accepts(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        // A choice of words (`isolation`) is written as alternatives.
        _ => kind == "string" && schema.get("anyOf").is_some(),
    }
}

fn variable(key: &str) -> String {
    format!("TENON_{}", key.replace('.', "_").to_ascii_uppercase())
}

fn environment_key<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    known.iter().map(String::as_str).find(|key| variable(key) == name)
}

/// A note for a `TENON_…` variable that is one slip away from a real one; others may be somebody else's.
fn misspelt(name: &str, known: &[String]) -> Option<Note> {
    let word = name.strip_prefix("TENON_")?.to_ascii_lowercase();
    let names: Vec<String> = known.iter().map(|key| key.replace('.', "_")).collect();
    let near = nearest(&word, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let slip = strsim::osa_distance(&word, near) <= 2;
    slip.then(|| Note {
        place: name.to_owned(),
        text: format!("unknown variable, did you mean \"TENON_{}\"?", near.to_ascii_uppercase()),
    })
}

fn set(table: &mut Table, key: &str, text: &str, place: &str, schema: &Value) -> Result<(), ConfigError> {
    let wrong = |text: String| ConfigError::Value { place: place.to_owned(), text };
    let names: Vec<&str> = key.split('.').collect();
    let leaf = names.iter().try_fold(schema, |level, name| below(schema, level, name));
    let leaf = leaf.ok_or_else(|| wrong(format!("unknown setting \"{key}\"")))?;
    let value = if accepts(leaf, "string") {
        toml::Value::String(text.to_owned())
    } else {
        let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
        parsed.ok_or_else(|| wrong(format!("\"{text}\" does not fit {key}")))?
    };
    let mut single = Table::new();
    insert(&mut single, &names, value);
    Settings::deserialize(single.clone()).map_err(|error| {
        let reason = error.message().lines().next().unwrap_or_default().to_owned();
        wrong(format!("\"{text}\" does not fit {key}: {reason}"))
    })?;
    overlay(table, single);
    Ok(())
}

fn insert(table: &mut Table, names: &[&str], value: toml::Value) {
    match names {
        [] => {}
        [last] => {
            table.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let mut inner = Table::new();
            insert(&mut inner, rest, value);
            table.insert((*first).to_owned(), toml::Value::Table(inner));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_setting_has_a_variable() {
        let names: Vec<String> = environment_names().into_iter().map(|(name, _)| name).collect();
        for name in [
            "TENON_MODEL",
            "TENON_AGENT",
            "TENON_THEME",
            "TENON_ISOLATION",
            "TENON_BUDGET_COST_USD",
            "TENON_GATES_TESTS_COMMAND",
        ] {
            assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
        }
        assert!(!names.iter().any(|name| name.starts_with("TENON_PROVIDERS")), "{names:?}");
    }

    #[test]
    fn near_keys_are_named_and_far_ones_are_not() {
        let valid = ["model", "agent", "theme", "budget", "idle_timeout_s"];
        for (word, expected) in [
            ("modle", Some("model")),
            ("Agents", Some("agent")),
            ("idle-timeout", Some("idle_timeout_s")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, &valid), expected, "{word}");
        }
    }
}
