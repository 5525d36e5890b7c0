//! `deploy`: what is wrong with the files that build, test, deploy and run the service.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::migrate::row;
use super::{Tool, ToolContext, ToolOutput, access, input};
use crate::deploy::{self, Tree};
use crate::domain::{Finding, Severity, ToolSpec, mark_old};
use crate::workspace::WorkspaceFiles;

pub(super) const NAME: &str = "deploy";

/// Checks deploy files.
pub struct Deploy;

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    #[default]
    Check,
    Environment,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default)]
    op: Op,
    #[serde(default)]
    paths: Vec<String>,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "op": {"type": "string", "enum": ["check", "environment"], "description": "check (the default): Dockerfiles, \
                compose files, workflows, pipelines, manifests, nginx, systemd units, Procfile, pm2, .env.example; \
                environment: what the code reads against what .env.example and deploy files declare."},
            "paths": {"type": "array", "items": {"type": "string"}, "description": "Only these files; all when left out."}
        },
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for Deploy {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Checks the files that build, test, deploy and run the service, each finding with file and line: what \
                          would only fail when it runs (unknown keys, jobs and services that are not there, ports, selectors, \
                          missing files), what is unsafe, and environment variables that are read and not declared. Values \
                          of .env files are never read."
                .to_owned(),
            input_schema: schema(),
        }
    }

    fn summary(&self, value: &Value) -> String {
        input::text_field(value, "op")
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        let wanted = match input::read::<Input>(&schema(), &value) {
            Ok(wanted) => wanted,
            Err(error) => return ToolOutput::failed(error),
        };
        let base = match access::sides(context).await {
            Ok(sides) => sides.map(|(base, ..)| base),
            Err(why) => return ToolOutput::failed(why),
        };
        let found = access::looking(context, move |workspace| {
            let files = WorkspaceFiles(workspace);
            let tree = Tree::new(&files);
            let (paths, mut findings) = look(&tree, &wanted)?;
            if let Some(base) = base {
                let files = WorkspaceFiles(base.as_ref());
                let before: Vec<Finding> =
                    look(&Tree::new(&files), &wanted).map(|(_, found)| found).unwrap_or_default();
                findings = mark_old(findings, &before);
            }
            Ok(in_words(&paths, &findings))
        });
        found.await
    }
}

/// The files that were looked at, and what was found in them.
fn look(tree: &Tree<'_>, wanted: &Input) -> Result<(Vec<String>, Vec<Finding>), String> {
    if let Some(missing) = wanted.paths.iter().find(|path| tree.files.read(path).is_none()) {
        return Err(format!("`{missing}` does not exist. Use `list` to find the file."));
    }
    let paths = match (wanted.op, wanted.paths.is_empty()) {
        (_, false) => wanted.paths.clone(),
        (Op::Check, true) => deploy::deploy_files(tree),
        (Op::Environment, true) => tree.paths.clone(),
    };
    let findings = match wanted.op {
        Op::Check => paths.iter().flat_map(|path| deploy::check(tree, path)).collect(),
        Op::Environment if !deploy::has_examples(tree) => {
            return Err("There is no .env.example to hold the code against.".to_owned());
        }
        Op::Environment => deploy::environment(tree, &paths),
    };
    Ok((paths, findings))
}

fn in_words(paths: &[String], findings: &[Finding]) -> String {
    const MOST: usize = 100;
    if paths.is_empty() {
        return "No deploy file was found.".to_owned();
    }
    let several = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let count = |severity, what| several(findings.iter().filter(|one| one.severity == severity).count(), what);
    let mut lines: Vec<String> = findings.iter().take(MOST).map(row).collect();
    if findings.len() > MOST {
        lines.push(format!("… and {} more", findings.len() - MOST));
    }
    lines.push(format!(
        "{}, {} in {}.",
        count(Severity::Error, "error"),
        count(Severity::Warning, "warning"),
        several(paths.len(), "file")
    ));
    lines.join("\n")
}
