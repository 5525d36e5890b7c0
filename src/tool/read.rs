//! `read`: a file with line numbers.

use std::borrow::Cow;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{FileMode, FileState, RepoPath, ToolSpec};
use crate::workspace::Workspace;

use super::{Tool, ToolContext, ToolOutput, access, input, show};

pub(super) const NAME: &str = "read";

/// The most lines and bytes of one answer.
const MOST_LINES: usize = 2_000;
const MOST_BYTES: usize = 60_000;
const MOST_LINE_BYTES: usize = 2_000;

/// Reads a file.
pub(super) struct Read;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
    from: Option<usize>,
    to: Option<usize>,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "The file, relative to the repository root."},
            "from": {"type": "integer", "minimum": 1, "description": "The first line; default: 1."},
            "to": {"type": "integer", "minimum": 1, "description": "The last line; default: as many as fit."}
        },
        "required": ["path"],
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for Read {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Reads a file of the repository. Each line is shown after its number and a tab; neither is \
                          part of the file. Long files are cut: go on with `from`."
                .to_owned(),
            input_schema: schema(),
        }
    }

    fn summary(&self, value: &Value) -> String {
        let path = input::text_field(value, "path");
        match (value.get("from"), value.get("to")) {
            (Some(from), Some(to)) => format!("{path}:{from}-{to}"),
            (Some(from), None) => format!("{path}:{from}-"),
            _ => path,
        }
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        let input: Input = match input::read(&schema(), &value) {
            Ok(input) => input,
            Err(error) => return ToolOutput::failed(error),
        };
        access::looking(context, move |workspace| work(workspace, &input)).await
    }
}

fn work(workspace: &dyn Workspace, input: &Input) -> Result<String, String> {
    let path = access::path(workspace, &input.path)?;
    let state = access::read(workspace, &path)?;
    render(&path, &state, input.from, input.to)
}

/// The answer for a file's content.
fn render(path: &RepoPath, state: &FileState, from: Option<usize>, to: Option<usize>) -> Result<String, String> {
    if state.mode == FileMode::Symlink {
        let target = String::from_utf8_lossy(&state.bytes);
        return Ok(format!("`{path}` is a symlink to `{target}`."));
    }
    if state.bytes.is_empty() {
        return Ok(format!("`{path}` is empty."));
    }
    if show::is_binary(&state.bytes) {
        return Err(format!("`{path}` is a binary file of {} bytes.", state.bytes.len()));
    }
    let mut notes = Vec::new();
    let text = match std::str::from_utf8(&state.bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            notes.push("the file is not valid UTF-8; bytes that are none are shown as \u{FFFD}".to_owned());
            String::from_utf8_lossy(&state.bytes)
        }
    };
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let (lines, secrets) = show::without_secrets(text);
    if secrets {
        notes.push("secrets are blanked out as [redacted …]; keep these lines out of edits".to_owned());
    }
    let from = from.unwrap_or(1);
    if from > lines.len() {
        return Err(format!("`{path}` has {} lines; `from` is {from}.", lines.len()));
    }
    if to.is_some_and(|to| to < from) {
        return Err(format!("`to` is before `from` ({from})."));
    }
    Ok(numbered(&lines, from, to, notes))
}

fn numbered(lines: &[Cow<'_, str>], from: usize, to: Option<usize>, mut notes: Vec<String>) -> String {
    let wanted = to.unwrap_or(lines.len()).min(lines.len());
    let mut answer = String::new();
    let mut last = from - 1;
    for (number, line) in (from..=wanted).zip(&lines[from - 1..wanted]) {
        if last + 1 - from >= MOST_LINES || answer.len() > MOST_BYTES {
            break;
        }
        show::number_line(&mut answer, number, line, MOST_LINE_BYTES);
        last = number;
    }
    if last < wanted || from > 1 || last < lines.len() {
        let go_on = if last < lines.len() { format!("; go on with from={}", last + 1) } else { String::new() };
        notes.push(format!("lines {from}-{last} of {}{go_on}", lines.len()));
    }
    for note in notes {
        answer.push_str(&format!("[{note}]\n"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], from: Option<usize>, to: Option<usize>) -> Result<String, String> {
        let state = FileState { bytes: bytes.to_vec(), mode: FileMode::Regular };
        render(&RepoPath::parse("f").unwrap(), &state, from, to)
    }

    #[test]
    fn lines_are_numbered_and_line_ends_left_out() {
        for text in ["a\nb\n", "a\r\nb\r\n", "a\rb\r", "a\nb", "\u{FEFF}a\r\nb"] {
            assert_eq!(shown(text.as_bytes(), None, None), Ok("    1\ta\n    2\tb\n".to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_part_says_where_it_ends_and_how_to_go_on() {
        let text = "x\n".repeat(10);
        assert!(shown(text.as_bytes(), Some(3), Some(4)).unwrap().ends_with("[lines 3-4 of 10; go on with from=5]\n"));
        assert!(shown(text.as_bytes(), Some(9), None).unwrap().ends_with("[lines 9-10 of 10]\n"));
        assert!(shown(text.as_bytes(), Some(11), None).unwrap_err().contains("10 lines"));
        assert!(shown(text.as_bytes(), Some(4), Some(3)).is_err());
        let long = shown("y\n".repeat(5_000).as_bytes(), None, None).unwrap();
        assert!(long.ends_with("[lines 1-2000 of 5000; go on with from=2001]\n"), "{}", &long[long.len() - 80..]);
    }

    #[test]
    fn what_is_no_text_is_told() {
        assert!(shown(b"\x7fELF\0\0", None, None).unwrap_err().contains("binary file of 6 bytes"));
        assert!(shown(b"caf\xe9\n", None, None).unwrap().contains("not valid UTF-8"));
        assert_eq!(shown(b"", None, None), Ok("`f` is empty.".to_owned()));
    }

    #[test]
    fn a_very_long_line_is_cut_and_says_so() {
        let answer = shown("é".repeat(5_000).as_bytes(), None, None).unwrap();
        assert!(answer.len() < 2_200 && answer.contains("8000 more bytes in this line"), "{}", answer.len());
    }
}
