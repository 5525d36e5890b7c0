//! From fields to an agent.

use std::path::Path;

use super::fields::{self, Field, Value};
use super::scanner::KNOWN_KEYS;
use super::{AgentDef, ModelName, Note, Source, lists, names, source};
use crate::text::nearest;

/// Fields whose meaning Tenon covers in another way or has none for: kept, and said.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("permissionMode", "nothing leaves the workspace without your verdict, whatever an agent asks for"),
    ("skills", "Tenon has no skills"),
    ("mcpServers", "Tenon starts no MCP servers"),
    ("hooks", "Tenon runs no hooks of agents"),
    ("memory", "Tenon keeps no memory beside its sessions"),
];

/// Reads an agent file. Never fails: whatever is odd becomes a note.
///
/// `file_name` is where it was read from; an agent that gives no name is named after it.
pub fn parse(file_name: &str, bytes: &[u8], source: Source) -> AgentDef {
    let parts = source::take_apart(bytes);
    let mut notes = parts.notes;
    let has_front_matter = parts.front.is_some();
    let fields = match &parts.front {
        Some(front) => fields::read(front, &mut notes),
        None => {
            notes.push(Note::warning(None, "no front matter, so this may be no agent at all; named after its file"));
            Vec::new()
        }
    };
    let mut agent = AgentDef {
        name: String::new(),
        description: String::new(),
        model: None,
        tools: None,
        disallowed_tools: Vec::new(),
        prompt: parts.body,
        initial_prompt: None,
        max_turns: None,
        effort: None,
        color: None,
        other: Vec::new(),
        has_front_matter,
        source,
        path: None,
        notes,
    };
    for field in unglue(fields, &mut agent.notes) {
        take(&mut agent, field);
    }
    complete(&mut agent, file_name);
    agent
}

/// `model: sonnettools: Read` is two fields whose line break got lost.
fn unglue(fields: Vec<Field>, notes: &mut Vec<Note>) -> Vec<Field> {
    let present: Vec<String> = fields.iter().map(|field| field.key.clone()).collect();
    let mut out = Vec::new();
    for mut field in fields {
        let glued = match (&field.value, field.key.as_str()) {
            (Value::Text(text), "model" | "name" | "color") => glued(text, &present),
            _ => None,
        };
        if let Some((own, key, rest)) = glued {
            notes.push(Note::warning(
                field.line,
                format!("`{}` and `{key}` run together; read as two fields", field.key),
            ));
            field.value = if own.is_empty() { Value::Empty } else { Value::Text(own) };
            let second = Field { key: key.to_owned(), line: field.line, value: Value::Text(rest) };
            out.extend([field, second]);
        } else {
            out.push(field);
        }
    }
    out
}

fn glued(text: &str, present: &[String]) -> Option<(String, &'static str, String)> {
    ["tools", "description", "model", "color", "name"].into_iter().find_map(|key| {
        let at = text.find(&format!("{key}:"))?;
        let free = !present.iter().any(|other| other == key);
        free.then(|| (text[..at].trim().to_owned(), key, text[at + key.len() + 1..].trim().to_owned()))
    })
}

fn take(agent: &mut AgentDef, field: Field) {
    let Field { key, line, value } = field;
    match key.as_str() {
        "name" => agent.name = text(value).unwrap_or_default(),
        "description" => agent.description = text(value).unwrap_or_default(),
        "model" => agent.model = model(value, line, &mut agent.notes),
        "tools" => agent.tools = tools(value),
        "allowed-tools" | "allowedTools" => {
            agent.notes.push(Note::warning(line, format!("the key is `tools`, not `{key}`; read as `tools`")));
            if agent.tools.is_none() {
                agent.tools = tools(value);
            }
        }
        "disallowedTools" | "disallowed-tools" | "disallowed_tools" => {
            agent.disallowed_tools = tools(value).unwrap_or_default();
        }
        "maxTurns" => agent.max_turns = number(value, line, &key, &mut agent.notes),
        "effort" => agent.effort = text(value),
        "color" => agent.color = text(value),
        "initialPrompt" => agent.initial_prompt = text(value),
        "background" | "isolation" => agent.other.extend(text(value).map(|value| (key, value))),
        _ => other(agent, key, line, value),
    }
}

fn other(agent: &mut AgentDef, key: String, line: Option<usize>, value: Value) {
    match WITHOUT_EFFECT.iter().find(|(name, _)| *name == key) {
        Some((_, why)) => agent.notes.push(Note::info(line, format!("`{key}` has no effect: {why}"))),
        None => {
            // A key of another program is no slip of the pen.
            let foreign = KNOWN_KEYS.contains(&key.as_str());
            let near = nearest(&key, KNOWN_KEYS[..16].iter().copied()).filter(|_| !foreign);
            let hint = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
            agent.notes.push(Note::warning(line, format!("unknown key `{key}`{hint}")));
        }
    }
    agent.other.push((key, text(value).unwrap_or_default()));
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Empty => None,
        Value::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::List(items) => Some(items.join(", ")),
        Value::Mapping(pairs) => {
            Some(pairs.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", "))
        }
    }
}

fn tools(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Empty => None,
        Value::Text(text) => Some(lists::items(&text)),
        Value::List(items) => Some(items),
        Value::Mapping(pairs) => {
            let on = |value: &str| !matches!(value.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "deny");
            Some(pairs.into_iter().filter(|(_, value)| on(value)).map(|(key, _)| key).collect())
        }
    }
}

fn model(value: Value, line: Option<usize>, notes: &mut Vec<Note>) -> Option<String> {
    let model = match value {
        Value::List(items) if items.len() > 1 => {
            notes.push(Note::warning(line, "several models; the first one counts"));
            items.into_iter().next()?
        }
        value => text(value)?,
    };
    match names::model_name(&model) {
        ModelName::Unknown => notes.push(Note::warning(
            line,
            format!("unknown model `{model}`; the session's model is used unless a provider has it"),
        )),
        ModelName::Inherit | ModelName::Alias(_) | ModelName::Full { .. } => {}
    }
    Some(model)
}

fn number(value: Value, line: Option<usize>, key: &str, notes: &mut Vec<Note>) -> Option<u32> {
    let text = text(value)?;
    let number = text.parse().ok();
    if number.is_none() {
        notes.push(Note::warning(line, format!("`{key}` wants a number, not `{text}`")));
    }
    number
}

/// Fills what is missing and says what the tools come down to.
fn complete(agent: &mut AgentDef, file_name: &str) {
    if agent.name.is_empty() {
        let path = Path::new(file_name);
        agent.name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        if agent.has_front_matter {
            agent.notes.push(Note::warning(None, "no `name`; named after its file"));
        }
    }
    if agent.has_front_matter && agent.description.is_empty() {
        agent.notes.push(Note::warning(None, "no `description`, so nobody can tell when to use it"));
    }
    if agent.prompt.is_empty() {
        agent.notes.push(Note::warning(None, "no text below the front matter: the system prompt is empty"));
    }
    let mut report = |list: &[String], key: &str| {
        let allowed = names::allowed_tools(list);
        agent.notes.extend(allowed.unknown.iter().map(|tool| {
            let hint = names::near_tool(tool).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
            Note::warning(None, format!("unknown tool `{tool}` in `{key}`{hint}; left out"))
        }));
        agent.notes.extend(allowed.notes.into_iter().map(|text| Note::info(None, text)));
    };
    if let Some(tools) = &agent.tools {
        report(&tools.clone(), "tools");
    }
    report(&agent.disallowed_tools.clone(), "disallowedTools");
}
