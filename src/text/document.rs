//! Documents in JSON, YAML and TOML: all of them as JSON has it, and where something stands.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A YAML value as JSON has it. Keys of every kind become text: `200:` is the same as `"200":`. Tags are left out.
pub fn from_yaml(value: serde_norway::Value) -> Value {
    use serde_norway::Value as Yaml;
    let key = |key: Yaml| match key {
        Yaml::String(text) => text,
        other => from_yaml(other).to_string(),
    };
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(bool) => Value::Bool(bool),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => serde_json::to_value(number).unwrap_or(Value::Null),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(from_yaml).collect()),
        Yaml::Mapping(map) => {
            Value::Object(map.into_iter().map(|(name, value)| (key(name), from_yaml(value))).collect::<Map<_, _>>())
        }
        Yaml::Tagged(tagged) => from_yaml(tagged.value),
    }
}

/// A table in TOML that the program brings along. It is read by way of JSON: the reader of TOML would be in the program
/// once for each type, some 30 KB every time. Mistakes in files of users deserve that reader, which tells the line.
///
/// # Errors
/// In words.
pub fn from_toml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let value = serde_json::to_value(table).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Line and column, both from 1, of what a JSON pointer points at, or of the nearest above it.
pub fn locate(text: &str, json: bool, pointer: &str) -> Option<(usize, usize)> {
    let segments: Vec<String> =
        pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~")).collect();
    if json {
        Json { bytes: text.as_bytes(), at: 0 }.find(&segments).map(|at| place(text, at))
    } else {
        yaml(text, &segments)
    }
}

fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    (line, 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count())
}

/// Walks over valid JSON.
struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Json<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(|byte| byte.is_ascii_whitespace() || b",:".contains(byte)) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn find(&mut self, segments: &[String]) -> Option<usize> {
        self.peek()?;
        let mut nearest = self.at;
        for segment in segments {
            let Some(found) = self.enter(segment) else { break };
            nearest = found;
        }
        Some(nearest)
    }

    /// Goes to the value of a key or index; where the key, or the item, stands.
    fn enter(&mut self, segment: &str) -> Option<usize> {
        let object = match self.peek()? {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        self.at += 1;
        for index in 0.. {
            if matches!(self.peek()?, b'}' | b']') {
                return None;
            }
            let start = self.at;
            let fits = if object {
                self.string();
                serde_json::from_slice::<String>(&self.bytes[start..self.at]).is_ok_and(|key| key == segment)
            } else {
                segment == index.to_string()
            };
            if fits {
                return Some(start);
            }
            self.skip()?;
        }
        None
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                break;
            }
        }
    }

    fn skip(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                _ => {
                    while self.bytes.get(self.at).is_some_and(|byte| !b",]} \r\n\t".contains(byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// A line of block YAML that says something.
struct Line {
    number: usize,
    indent: usize,
    text: String,
}

/// Block style only, which is what people write; within flow style the line it begins on is the answer.
fn yaml(text: &str, segments: &[String]) -> Option<(usize, usize)> {
    let mut lines: Vec<Line> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#') && line.trim() != "---")
        .map(|(index, line)| Line {
            number: index + 1,
            indent: line.len() - line.trim_start().len(),
            text: line.trim_start().to_owned(),
        })
        .collect();
    let mut found = None;
    for segment in segments {
        let Some(indent) = lines.first().map(|line| line.indent) else { break };
        let item = lines.first().is_some_and(|line| line.text.starts_with('-')) && segment.parse::<usize>().is_ok();
        let starts = |line: &Line| line.indent == indent && (!item || line.text.starts_with('-'));
        let mut here = lines.iter().enumerate().filter(|(_, line)| starts(line));
        let at = if item {
            here.nth(segment.parse().unwrap_or(usize::MAX)).map(|(at, _)| at)
        } else {
            here.find(|(_, line)| key(&line.text) == Some(segment.as_str())).map(|(at, _)| at)
        };
        let Some(at) = at else { break };
        found = Some((lines[at].number, lines[at].indent + 1));
        let mut inner = lines.split_off(at);
        // A list may stand at the indent of the key it belongs to.
        let list = inner.get(1).is_some_and(|next| !item && next.indent == indent && next.text.starts_with('-'));
        let end = inner
            .iter()
            .skip(1)
            .position(|line| line.indent < indent || (line.indent == indent && !(list && line.text.starts_with('-'))));
        inner.truncate(end.map_or(inner.len(), |end| end + 1));
        if item {
            // What stands behind the dash belongs to the item's own block.
            let first = &mut inner[0];
            let rest = first.text[1..].trim_start().to_owned();
            first.indent += first.text.len() - rest.len();
            first.text = rest;
        } else {
            inner.remove(0);
        }
        lines = inner;
    }
    found
}

fn key(line: &str) -> Option<&str> {
    let unquoted = |quote: char| line.strip_prefix(quote)?.split_once(quote).filter(|(_, rest)| rest.starts_with(':'));
    if let Some((key, _)) = unquoted('"').or_else(|| unquoted('\'')) {
        return Some(key);
    }
    let (key, rest) = line.split_once(':')?;
    (rest.is_empty() || rest.starts_with(' ')).then(|| key.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_json_and_yaml() {
        let json = "{\n  \"a\": [1, {\"b/c\": \"x\\\"}\"}],\n  \"d\": {\"e\": true}\n}";
        let yaml = "# top\na:\n- 1\n- \"b/c\": x\n  f: 2\n'd':\n  e: true\n  list:\n    - q\n";
        for (pointer, in_json, in_yaml) in [
            ("/a", (2, 3), (2, 1)),
            ("/a/1/b~1c", (2, 13), (4, 3)),
            ("/d/e", (3, 9), (7, 3)),
            ("/d/e/none", (3, 9), (7, 3)),
            ("/d/list/0", (3, 3), (9, 5)),
        ] {
            assert_eq!(locate(json, true, pointer), Some(in_json), "{pointer}");
            assert_eq!(locate(yaml, false, pointer), Some(in_yaml), "{pointer}");
        }
    }

    #[test]
    fn nothing_breaks_on_what_is_no_document() {
        for text in ["", "[", "{\"a\"", "- - -", ":", "\"", "a:\n\tb"] {
            for json in [true, false] {
                let _ = locate(text, json, "/a/0/b");
            }
        }
    }
}
