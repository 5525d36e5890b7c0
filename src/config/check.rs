//! What is wrong with one settings file, with lines.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::layers::{Layer, Mistake};

/// A settings file as text.
pub(super) struct File<'a> {
    /// Its text.
    pub text: &'a str,
    /// The JSON schema of the settings.
    pub schema: &'a Value,
}

/// What a file holds: its keys with lines, and what is wrong.
#[derive(Default)]
pub(super) struct Found {
    /// Every value that is no table, as dotted key with line.
    pub leaves: Vec<(String, usize)>,
    /// What is wrong.
    pub mistakes: Vec<Mistake>,
}

impl File<'_> {
    /// Reads keys and checks them against the schema.
    pub(super) fn check(&self) -> Found {
        let mut found = Found::default();
        match DeTable::parse(self.text) {
            Ok(table) => self.walk(table.get_ref(), self.schema, "", &mut found),
            Err(error) => found.mistakes.push(self.mistake(&error)),
        }
        if found.mistakes.is_empty()
            && let Err(error) = toml::from_str::<super::Settings>(self.text)
        {
            found.mistakes.push(self.mistake(&error));
        }
        // Tables come sorted by name; people read files from the top.
        found.mistakes.sort_by_key(|mistake| mistake.line);
        found.leaves.sort_by_key(|(_, line)| *line);
        found
    }

    fn mistake(&self, error: &toml::de::Error) -> Mistake {
        let line = error.span().map_or(1, |span| self.line(span.start));
        Mistake { line: Some(line), text: error.message().lines().collect::<Vec<_>>().join(", ") }
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
    }

    fn walk(&self, table: &DeTable<'_>, schema: &Value, prefix: &str, found: &mut Found) {
        for (key, value) in table {
            let line = self.line(key.span().start);
            let name = key.get_ref().as_ref();
            let dotted = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            let Some(inner) = below(self.schema, schema, name) else {
                found.mistakes.push(Mistake { line: Some(line), text: unknown(self.schema, schema, name, prefix) });
                continue;
            };
            match value.get_ref() {
                DeValue::Table(table) => self.walk(table, inner, &dotted, found),
                value => {
                    if let Some(text) = unknown_wire(&dotted, value) {
                        found.mistakes.push(Mistake { line: Some(line), text });
                    }
                    found.leaves.push((dotted, line));
                }
            }
        }
    }
}

/// The wires there are.
const WIRES: &[&str] = &["anthropic", "responses", "chat", "gemini", "ollama"];

fn unknown_wire(key: &str, value: &DeValue<'_>) -> Option<String> {
    let wire = value.as_str().filter(|_| key.starts_with("providers.") && key.ends_with(".wire"))?;
    let hint = nearest(wire, WIRES).map(|near| format!(", did you mean \"{near}\"?"));
    let hint = hint.unwrap_or_else(|| format!("; there are: {}", WIRES.join(", ")));
    (!WIRES.contains(&wire)).then(|| format!("unknown wire \"{wire}\"{hint}"))
}

/// Follows a `$ref`.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

/// The schema of a key, if the table may have it.
pub(super) fn below<'a>(root: &'a Value, schema: &'a Value, key: &str) -> Option<&'a Value> {
    let schema = resolve(root, schema);
    let named = schema.get("properties").and_then(|properties| properties.get(key));
    named.or_else(|| schema.get("additionalProperties").filter(|any| any.is_object())).map(|inner| resolve(root, inner))
}

fn unknown(root: &Value, schema: &Value, key: &str, prefix: &str) -> String {
    let place = if prefix.is_empty() { String::new() } else { format!(" in [{prefix}]") };
    let lower = key.to_ascii_lowercase();
    if prefix.starts_with("providers.")
        && (lower.contains("key") || lower.contains("token") || lower.contains("secret"))
    {
        return format!(
            "unknown key \"{key}\"{place}, did you mean \"key_env\"? A key itself is never kept in a file: \
             key_env names the environment variable it is in"
        );
    }
    let properties = resolve(root, schema).get("properties").and_then(Value::as_object);
    let valid: Vec<&str> = properties.into_iter().flat_map(|map| map.keys().map(String::as_str)).collect();
    match nearest(key, &valid) {
        Some(near) => format!("unknown key \"{key}\"{place}, did you mean \"{near}\"?"),
        None => format!("unknown key \"{key}\"{place}; valid here: {}", valid.join(", ")),
    }
}

/// The nearest valid key, when one is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, valid: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    let scored = valid.iter().map(|known| (strsim::osa_distance(&word, &known.to_ascii_lowercase()), *known));
    let (distance, known) = scored.min_by_key(|(distance, _)| *distance)?;
    let near = distance <= 1 || distance * 5 <= word.chars().count() * 2;
    let extends = word.len() >= 3 && (known.starts_with(&word) || word.starts_with(known));
    (near || extends).then_some(known)
}

/// Dotted keys that a repository may set without being trusted. Everything else is refused: it could send the user's
/// code elsewhere, run a command, spend more than the user allows or weaken a wall.
const PROJECT_MAY_SET: &[&str] = &[
    "model",
    "agent",
    "instructions",
    "theme",
    "commit.trailers",
    "commit.more_trailers",
    "gates.tests.enabled",
    "gates.tests.timeout_s",
    "gates.scope.files",
    "gates.contract.enabled",
    "gates.performance.enabled",
    "api.port",
    "api.spec",
];

/// What it may set on top when the user trusts it.
const TRUSTED_PROJECT_MAY_SET: &[&str] = &["gates.tests.command", "api.command", "api.prepare", "api.folder"];

fn names_command(key: &str) -> bool {
    TRUSTED_PROJECT_MAY_SET.contains(&key) || key.starts_with("gates.commands.")
}

/// Whether a layer may set a key; `Err` says why not.
pub(super) fn permitted(layer: Layer, key: &str) -> Result<(), &'static str> {
    match layer {
        Layer::User => Ok(()),
        _ if PROJECT_MAY_SET.contains(&key) => Ok(()),
        Layer::TrustedProject if names_command(key) => Ok(()),
        Layer::Project if names_command(key) => {
            Err("a repository may name a command only when its folder is listed under `trust` in your own config.toml")
        }
        _ => Err("a repository may not set it; put it into your own config.toml"),
    }
}
