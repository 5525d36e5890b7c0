//! New dependencies: misspelt names, lock files that do not follow, known vulnerabilities where a database is there.

mod advisories;
mod names;

use std::collections::BTreeSet;
use std::path::PathBuf;

use async_trait::async_trait;

use super::changed::changed;
use super::{Gate, GateContext, Report, Stage};
use crate::config::DependencyGateSettings;
use crate::domain::{Finding, RepoPath, Severity};
use crate::stack::{self, Need};
use crate::workspace::WorkspaceFiles;

/// Looks at the dependencies a change adds.
pub struct DependencyGate {
    advisories: Option<PathBuf>,
}

/// Manifests whose dependencies are read, and lock files that follow from them.
const MANIFESTS: &[(&str, &[&str])] = &[
    ("package.json", &["package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"]),
    ("pyproject.toml", &["uv.lock", "poetry.lock", "pdm.lock"]),
    ("Pipfile", &["Pipfile.lock"]),
    ("requirements", &[]),
    ("setup.py", &[]),
    ("setup.cfg", &[]),
    ("go.mod", &["go.sum"]),
    ("Cargo.toml", &["Cargo.lock"]),
    ("Gemfile", &["Gemfile.lock"]),
    ("composer.json", &["composer.lock"]),
    ("pom.xml", &[]),
    ("build.gradle", &[]),
];

fn is_manifest(path: &RepoPath) -> bool {
    MANIFESTS.iter().any(|(name, _)| path.file_name().starts_with(name)) || path.as_str().ends_with(".csproj")
}

impl DependencyGate {
    /// With these settings.
    pub fn new(settings: &DependencyGateSettings) -> Self {
        Self { advisories: settings.advisories.clone() }
    }
}

/// The dependencies that the subject has and the base has not.
fn added(context: &GateContext) -> Vec<Need> {
    let before = stack::needs(&WorkspaceFiles(context.base.as_ref()));
    let known: BTreeSet<(&str, &str)> = before.iter().map(|need| (need.folder.as_str(), need.name.as_str())).collect();
    let after = stack::needs(&WorkspaceFiles(context.subject.as_ref()));
    after.iter().filter(|need| !known.contains(&(need.folder.as_str(), need.name.as_str()))).cloned().collect()
}

fn look(context: &GateContext, advisories: Option<&PathBuf>) -> Report {
    let added = added(context);
    let mut findings = Vec::new();
    for need in &added {
        let at = |severity, rule: &str, message: String| Finding {
            severity,
            path: Some(need.evidence.file.clone()),
            line: need.evidence.line,
            rule: Some(rule.to_owned()),
            message,
            ..Finding::default()
        };
        if let Some(meant) = names::misspelt(need.language, &need.name) {
            let message = format!("`{}` is one slip away from the well-known `{meant}`", need.name);
            findings.push(at(Severity::Error, "misspelt", message));
        }
        if let Some(lock) = stale_lock(context, need) {
            findings.push(at(Severity::Warning, "lock", format!("`{}` is not in {lock}", need.name)));
        }
    }
    let names: Vec<&str> = added.iter().map(|need| need.name.as_str()).collect();
    if added.is_empty() {
        return Report::pass(Some("no new dependency".to_owned()));
    }
    let unknown = match advisories.map(|folder| advisories::check(folder, &added)) {
        None => Some("no advisory database; set gates.dependencies.advisories".to_owned()),
        Some(Err(why)) => Some(why),
        Some(Ok(found)) => {
            findings.extend(found);
            None
        }
    };
    let new = if names.len() == 1 { "1 new dependency" } else { &format!("{} new dependencies", names.len()) };
    let report = Report::found(findings, "finding");
    match unknown {
        // What was not audited is unknown, never clean.
        Some(why) if report.new == 0 => {
            let mut unknown = Report::not_run(format!("{new} ({}) not audited: {why}", names.join(", "))).as_advice();
            unknown.findings = report.findings;
            unknown
        }
        _ => Report { reason: report.reason.or_else(|| Some(format!("{new}: {}", names.join(", ")))), ..report },
    }
}

/// The lock file beside the manifest that does not name the dependency.
fn stale_lock(context: &GateContext, need: &Need) -> Option<String> {
    let (folder, manifest) = need.evidence.file.rsplit_once('/').unwrap_or(("", &need.evidence.file));
    let (_, locks) = MANIFESTS.iter().find(|(name, _)| *name == manifest)?;
    locks.iter().find_map(|lock| {
        let path = if folder.is_empty() { (*lock).to_owned() } else { format!("{folder}/{lock}") };
        let state = context.subject.read(&RepoPath::parse(&path).ok()?).ok()?;
        let text = String::from_utf8_lossy(&state.bytes).to_lowercase();
        let name = need.name.to_lowercase();
        let there = text.contains(&name) || text.contains(&name.replace('-', "_"));
        (!there).then_some(path)
    })
}

#[async_trait]
impl Gate for DependencyGate {
    fn name(&self) -> &'static str {
        "dependencies"
    }

    fn stage(&self) -> Stage {
        Stage::First
    }

    async fn concerns(&self, context: &GateContext) -> bool {
        context.proposal.changes.iter().any(|change| is_manifest(&change.path))
    }

    async fn run(&self, context: &GateContext) -> Report {
        let (context, advisories) = (context.clone(), self.advisories.clone());
        let looking = move || {
            if changed(&context).iter().any(|file| is_manifest(&file.path)) {
                look(&context, advisories.as_ref())
            } else {
                Report::pass(Some("no manifest changes".to_owned()))
            }
        };
        tokio::task::spawn_blocking(looking)
            .await
            .unwrap_or_else(|error| Report::not_run(format!("broke off: {error}")))
    }
}
