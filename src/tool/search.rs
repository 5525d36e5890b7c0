//! `search`: lines that match a pattern.

use std::fmt::Write as _;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{RepoPath, ToolSpec};
use crate::text;
use crate::workspace::{Query, Workspace, WorkspaceError};

use super::{Tool, ToolContext, ToolOutput, access, input};

pub(super) const NAME: &str = "search";

const MOST_HITS: usize = 200;
const MOST_BYTES: usize = 40_000;

/// Searches the repository.
pub(super) struct Search;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    pattern: String,
    path: Option<String>,
    glob: Option<String>,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "pattern": {"type": "string", "description": "A regular expression (Rust syntax, no look-around); without \
                upper-case letters it matches both cases."},
            "path": {"type": "string", "description": "A file or folder to stay in; default: the whole repository."},
            "glob": {"type": "string", "description": "Only files that match, for instance `**/*.py`."}
        },
        "required": ["pattern"],
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for Search {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Searches the text files of the repository for a regular expression, without what the \
                          ignore files leave out. Answers with path, line number and line."
                .to_owned(),
            input_schema: schema(),
        }
    }

    fn summary(&self, value: &Value) -> String {
        let pattern = input::text_field(value, "pattern");
        let place = [input::text_field(value, "path"), input::text_field(value, "glob")]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>();
        if place.is_empty() { pattern } else { format!("{pattern} in {}", place.join(" ")) }
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        let input: Input = match input::read(&schema(), &value) {
            Ok(input) => input,
            Err(error) => return ToolOutput::failed(error),
        };
        access::looking(context, move |workspace| work(workspace, input)).await
    }
}

fn work(workspace: &dyn Workspace, input: Input) -> Result<String, String> {
    if input.pattern.is_empty() {
        return Err("`pattern` is empty; use `list` to see the files.".to_owned());
    }
    let path = input::folder(workspace.root(), input.path.as_deref().unwrap_or_default())?;
    let query = Query { pattern: input.pattern, path, glob: input.glob, limit: MOST_HITS };
    let (hits, more) = workspace.search(&query).map_err(|error| match (&error, &query.path) {
        (WorkspaceError::Missing(_), Some(path)) => access::missing(workspace, path),
        (WorkspaceError::Pattern(_), _) => {
            format!("{error}\nThe pattern is a regular expression: write `\\(` for a literal parenthesis.")
        }
        _ => access::explain(&error),
    })?;
    if hits.is_empty() {
        return Ok("[no line matches]\n".to_owned());
    }
    let mut answer = String::new();
    let mut file: Option<&RepoPath> = None;
    let mut shown = 0;
    for hit in &hits {
        if answer.len() > MOST_BYTES {
            break;
        }
        if file != Some(&hit.path) {
            let _ = writeln!(answer, "{}", hit.path);
            file = Some(&hit.path);
        }
        let _ = writeln!(answer, "{:>5}\t{}", hit.line, text::redact(&hit.text));
        shown += 1;
    }
    if more || shown < hits.len() {
        let _ = writeln!(answer, "[cut after {shown} lines; narrow the pattern, or give `path` or `glob`]");
    }
    Ok(answer)
}
