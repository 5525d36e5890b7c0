//! New dependencies: misspelt names, lock files that do not follow, known vulnerabilities where a database is there.

mod advisories;
mod audit;
mod locks;
mod names;

use std::collections::BTreeSet;
use std::path::PathBuf;

use async_trait::async_trait;

use super::changed::changed;
use super::{Gate, GateContext, Report};
use crate::config::DependencyGateSettings;
use crate::domain::{Finding, RepoPath, mark_old};
use crate::stack::{self, Need};
use crate::workspace::WorkspaceFiles;

use audit::Asked;

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
    let named =
        |(name, locks): &(&str, &[&str])| path.file_name().starts_with(name) || locks.contains(&path.file_name());
    MANIFESTS.iter().any(named) || path.as_str().ends_with(".csproj")
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

/// What looking at the files tells, before anybody is asked.
struct Looked {
    added: Vec<Need>,
    findings: Vec<Finding>,
    /// Manifests to ask about.
    asked: BTreeSet<Asked>,
}

fn locks_of(manifest: &str) -> &'static [&'static str] {
    MANIFESTS.iter().find(|(name, _)| *name == manifest).map_or(&[], |(_, locks)| locks)
}

fn look(context: &GateContext) -> Looked {
    let added = added(context);
    let (subject, base) = (context.subject.as_ref(), context.base.as_ref());
    let mut findings = Vec::new();
    let (mut out_of_step, mut before) = (Vec::new(), Vec::new());
    let touched = changed(context).into_iter().map(|file| file.path.as_str().to_owned());
    let all_locks = || MANIFESTS.iter().flat_map(|(_, locks)| locks.iter());
    for path in touched {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let of_lock = all_locks().any(|lock| *lock == name);
        let manifests = MANIFESTS
            .iter()
            .filter(|(manifest, locks)| if of_lock { locks.contains(&name) } else { *manifest == name });
        for (manifest, _) in manifests {
            let path = crate::domain::from_root(folder, manifest);
            out_of_step.extend(locks::out_of_step(subject, &path));
            before.extend(locks::out_of_step(base, &path));
        }
    }
    findings.extend(mark_old(out_of_step, &before));
    let mut asked = BTreeSet::new();
    for need in &added {
        let manifest = need.evidence.file.as_str();
        if let Some(meant) = names::misspelt(need.language, &need.name) {
            findings.push(Finding {
                path: Some(manifest.to_owned()),
                line: need.evidence.line,
                rule: Some("misspelt".to_owned()),
                message: format!("`{}` is one slip away from the well-known `{meant}`", need.name),
                ..Finding::default()
            });
        }
        let (folder, name) = manifest.rsplit_once('/').unwrap_or(("", manifest));
        let locks = locks_of(name);
        let known =
            findings.iter().any(|one| one.rule.as_deref() == Some("lock") && one.path.as_deref() == Some(manifest));
        findings.extend(locks::unnamed(subject, need, locks).filter(|_| !known));
        let there = |lock: &&&str| {
            RepoPath::parse(&crate::domain::from_root(folder, lock)).is_ok_and(|path| subject.read(&path).is_ok())
        };
        let lock = locks.iter().find(there).map(|lock| (*lock).to_owned());
        asked.insert(Asked { language: need.language, manifest: manifest.to_owned(), lock });
    }
    Looked { added, findings, asked }
}

impl DependencyGate {
    /// What is known about the dependencies that are new: findings, who was asked, and what is not known.
    async fn audit(&self, context: &GateContext, looked: &Looked) -> (Vec<Finding>, Vec<String>, Vec<String>) {
        if let Some(folder) = &self.advisories {
            return match advisories::check(folder, &looked.added) {
                Ok(found) => (found, vec![folder.display().to_string()], Vec::new()),
                Err(why) => (Vec::new(), Vec::new(), vec![why]),
            };
        }
        let (mut findings, mut who, mut unknown) = (Vec::new(), Vec::new(), BTreeSet::new());
        for asked in &looked.asked {
            match audit::ask(context.subject.as_ref(), asked, &context.cancel).await {
                Ok(answer) => {
                    let before = match answer.findings.is_empty() {
                        true => Vec::new(),
                        false => audit::ask(context.base.as_ref(), asked, &context.cancel)
                            .await
                            .map(|answer| answer.findings)
                            .unwrap_or_default(),
                    };
                    findings.extend(mark_old(answer.findings, &before));
                    unknown.extend(answer.skipped.iter().map(|one| format!("{} passed over {one}", answer.program)));
                    who.push(answer.program);
                }
                Err(why) => {
                    unknown.insert(why);
                }
            }
        }
        (findings, who, unknown.into_iter().collect())
    }

    async fn judge(&self, context: &GateContext, looked: Looked) -> Report {
        let (known, who, unknown) = self.audit(context, &looked).await;
        if context.cancel.is_cancelled() {
            return Report::not_run("interrupted");
        }
        let names: Vec<&str> = looked.added.iter().map(|need| need.name.as_str()).collect();
        let mut findings = looked.findings;
        findings.extend(known);
        let report = Report::found(findings, "finding");
        let log: String = report.findings.iter().map(super::report::row).collect();
        if names.is_empty() {
            return Report { reason: report.reason.or(Some("no new dependency".to_owned())), ..report }.with_log(log);
        }
        let new = match names.as_slice() {
            [one] => format!("1 new dependency ({one})"),
            more => format!("{} new dependencies ({})", more.len(), more.join(", ")),
        };
        let log = format!("{log}{new}\nasked: {}\n", if who.is_empty() { "nobody".to_owned() } else { who.join(", ") });
        if !unknown.is_empty() && report.new == 0 {
            // What was not audited is unknown, never clean.
            let mut unaudited = Report::not_run(format!("{new} not audited: {}", unknown.join("; "))).as_advice();
            unaudited.findings = report.findings;
            return unaudited.with_log(log);
        }
        let sound = format!("{new}: {} knows no vulnerability", who.join(", "));
        Report { reason: report.reason.or(Some(sound)), ..report }.with_log(log)
    }
}

#[async_trait]
impl Gate for DependencyGate {
    fn name(&self) -> &'static str {
        "dependencies"
    }

    async fn concerns(&self, context: &GateContext) -> bool {
        context.proposal.changes.iter().any(|change| is_manifest(&change.path))
    }

    async fn run(&self, context: &GateContext) -> Report {
        let looking = context.clone();
        let looked = tokio::task::spawn_blocking(move || {
            changed(&looking).iter().any(|file| is_manifest(&file.path)).then(|| look(&looking))
        });
        match looked.await {
            Ok(Some(looked)) => {
                let Some(_turn) = context.shared.turn().await else { return Report::not_run("interrupted") };
                self.judge(context, looked).await
            }
            Ok(None) => Report::pass(Some("no manifest changes".to_owned())),
            Err(error) => Report::not_run(format!("broke off: {error}")),
        }
    }
}
