//! `migrate`: the migrations of the project, and the proof that the draft's new ones go up, down and up.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolContext, ToolOutput, access, input};
use crate::domain::{Finding, Severity, ToolSpec};
use crate::migration::{self, Outcome, Sides};
use crate::stack;
use crate::workspace::{Workspace, WorkspaceFiles};

pub(super) const NAME: &str = "migrate";
/// The most time one command, or one database, may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Proves and lists migrations.
pub struct Migrate;

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    #[default]
    Prove,
    Status,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default)]
    op: Op,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "op": {"type": "string", "enum": ["prove", "status"], "description": "prove (the default): the migrations \
                that the draft adds or changes go up, down and up on a scratch database with rows in it; status: every \
                migration there is."}
        },
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for Migrate {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Proves database migrations (Alembic, Django, files of SQL) on a scratch database: base's first, then \
                          the draft's new ones up, down and up again with rows in every table. Finds a missing or incomplete \
                          way back, lost data, two heads, edited or doubled versions, models that differ. No real database \
                          is reached."
                .to_owned(),
            input_schema: schema(),
        }
    }

    fn summary(&self, value: &Value) -> String {
        input::text_field(value, "op")
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        match input::read::<Input>(&schema(), &value) {
            Ok(Input { op: Op::Prove }) => match prove(context).await {
                Ok(output) => output,
                Err(why) => ToolOutput::failed(why),
            },
            Ok(Input { op: Op::Status }) => access::looking(context, |workspace| Ok(status(workspace))).await,
            Err(error) => ToolOutput::failed(error),
        }
    }
}

fn status(workspace: &dyn Workspace) -> String {
    let lines = migration::status(workspace, &stack::detect(&WorkspaceFiles(workspace)));
    if lines.is_empty() { "No migrations were found.".to_owned() } else { lines.join("\n") }
}

async fn prove(context: &ToolContext) -> Result<ToolOutput, String> {
    let sides = access::sides(context).await?;
    let Some((base, subject, changed)) = sides else {
        return Ok(ToolOutput::done(
            "Nothing in the workspace differs from the user's tree: there is nothing to prove. (By hand, `tenon verify \
             migration` proves what is not committed yet.)",
        ));
    };
    let looking = Arc::clone(&subject);
    let stack = tokio::task::spawn_blocking(move || stack::detect(&WorkspaceFiles(looking.as_ref())));
    let sides = Sides {
        base,
        subject,
        changed,
        stack: Arc::new(stack.await.map_err(|error| error.to_string())?),
        admitted: false,
        limit: LIMIT,
        output: context.output.clone(),
        cancel: context.cancel.clone(),
    };
    let outcomes = migration::prove(&sides).await;
    if context.cancel.is_cancelled() {
        return Err("Interrupted by the user.".to_owned());
    }
    if outcomes.is_empty() {
        return Ok(ToolOutput::done("The draft touches no migration, and no model that migrations follow from."));
    }
    let ok = outcomes.iter().all(proven);
    let text = outcomes.iter().map(in_words).collect::<Vec<_>>().join("\n");
    Ok(ToolOutput { ok, text })
}

fn proven(outcome: &Outcome) -> bool {
    outcome.unproven.is_none()
        && outcome.findings.iter().all(|finding| finding.severity != Severity::Error || finding.old)
}

fn in_words(outcome: &Outcome) -> String {
    let mut lines = vec![outcome.what.clone()];
    lines.extend(outcome.log.iter().map(|line| format!("  {line}")));
    lines.extend(outcome.findings.iter().map(row));
    lines.push(match (&outcome.unproven, proven(outcome)) {
        (Some(why), _) => format!("Not proven: {why}."),
        (None, true) => "Proven: up, down and up again.".to_owned(),
        (None, false) => "What is listed as an error stands against proposing this.".to_owned(),
    });
    lines.join("\n")
}

/// A finding in one line.
pub(super) fn row(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let place = finding.path.as_ref().map(|path| format!("{path}{line}: ")).unwrap_or_default();
    let old = if finding.old { " (on base too)" } else { "" };
    format!("{severity}: {place}{}{old}", finding.message)
}
