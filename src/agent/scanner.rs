//! The forgiving reading of front matter: a field starts only at a known key in column 0.

use super::Note;
use super::fields::{Field, Value};
use super::lists;
use super::source::Front;

/// Keys that start a field. Words that occur at the start of a line of prose ("user", "assistant", "context") are
/// deliberately absent.
pub(super) const KNOWN_KEYS: &[&str] = &[
    // What Claude Code documents.
    "name",
    "description",
    "tools",
    "disallowedTools",
    "model",
    "permissionMode",
    "maxTurns",
    "skills",
    "mcpServers",
    "hooks",
    "memory",
    "background",
    "effort",
    "isolation",
    "color",
    "initialPrompt",
    // What files of other programs and collections often hold beside it.
    "allowed-tools",
    "allowedTools",
    "disallowed-tools",
    "disallowed_tools",
    "max_turns",
    "max-turns",
    "maxSteps",
    "temperature",
    "version",
    "author",
    "category",
    "tags",
    "license",
    "mode",
    "mcp-servers",
    "mcp_servers",
    "reasoning_effort",
    "permission",
    "target",
    "handoffs",
    "argument-hint",
    "capabilities",
    "dependencies",
    "metadata",
];

/// The known key a line starts with in column 0, and what follows its colon.
pub(super) fn known_key(line: &str) -> Option<(&'static str, &str)> {
    let (word, rest) = line.split_once(':')?;
    let word = word.trim_end();
    let word = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word);
    let key = KNOWN_KEYS.iter().find(|key| **key == word)?;
    Some((key, rest))
}

/// Reads fields line by line. Every line that starts no field belongs to the one before.
pub(super) fn scan(front: &Front, notes: &mut Vec<Note>) -> Vec<Field> {
    let mut raw: Vec<(String, usize, Vec<String>)> = Vec::new();
    for (index, line) in front.text.split('\n').enumerate() {
        let number = front.line + index;
        if let Some((key, rest)) = known_key(line) {
            raw.push((key.to_owned(), number, vec![rest.to_owned()]));
            continue;
        }
        match raw.last_mut() {
            // Prose goes on over several lines, a short value does not: there an unknown key is a field of its own.
            Some((key, _, _)) if !is_prose(key) && unknown_key(line).is_some() => {
                let (key, rest) = unknown_key(line).unwrap_or_default();
                raw.push((key.to_owned(), number, vec![rest.to_owned()]));
            }
            Some((_, _, lines)) => lines.push(line.to_owned()),
            None => match unknown_key(line) {
                Some((key, rest)) => raw.push((key.to_owned(), number, vec![rest.to_owned()])),
                None if line.trim().is_empty() || line.trim_start().starts_with('#') => {}
                None => notes.push(Note::warning(number, "this line belongs to no field; left out")),
            },
        }
    }
    let mut fields: Vec<Field> = Vec::new();
    for (key, line, lines) in raw {
        let field = Field { value: value(&key, &lines), key, line: Some(line) };
        match fields.iter_mut().find(|earlier| earlier.key == field.key) {
            Some(earlier) => {
                let first = earlier.line.unwrap_or_default();
                notes.push(Note::warning(
                    line,
                    format!("`{}` again (first in line {first}); the last one counts", field.key),
                ));
                *earlier = field;
            }
            None => fields.push(field),
        }
    }
    fields
}

fn is_prose(key: &str) -> bool {
    matches!(key, "description" | "initialPrompt" | "hooks" | "mcpServers" | "metadata")
}

fn unknown_key(line: &str) -> Option<(&str, &str)> {
    let (word, rest) = line.split_once(':')?;
    let word_like = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let starts = word.chars().next().is_some_and(|c| c.is_ascii_lowercase());
    (starts && word_like && (rest.is_empty() || rest.starts_with([' ', '\t']))).then_some((word, rest))
}

fn value(key: &str, lines: &[String]) -> Value {
    let first = lines[0].trim();
    let more = &lines[1..];
    let block = matches!(first.trim_end_matches(['-', '+']), "|" | ">");
    if block {
        return Value::Text(dedent(more));
    }
    let text = if is_prose(key) { prose(first, more) } else { short(first, more) };
    let text = text.trim();
    let dashed = first.is_empty() && text.starts_with("- ");
    if text.starts_with('[') && text.ends_with(']') || dashed {
        return Value::List(lists::items(text));
    }
    match lists::unquote(text) {
        text if text.is_empty() || matches!(text.as_str(), "~" | "null") => Value::Empty,
        text => Value::Text(text),
    }
}

fn prose(first: &str, more: &[String]) -> String {
    let rest = dedent(more);
    if rest.trim().is_empty() { first.to_owned() } else { format!("{first}\n{rest}") }
}

fn short(first: &str, more: &[String]) -> String {
    let lines = std::iter::once(first).chain(more.iter().map(String::as_str));
    let lines = lines.map(|line| lists::without_comment(line).trim()).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn dedent(lines: &[String]) -> String {
    let margin = |line: &String| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|line| !line.trim().is_empty()).map(margin).min().unwrap_or(0);
    let cut = |line: &String| line.get(common..).unwrap_or(line.trim_start()).trim_end().to_owned();
    lines.iter().map(cut).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
