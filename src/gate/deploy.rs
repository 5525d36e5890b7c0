//! Deploy files: images, pipelines, manifests, servers, and the variables they have to set.

use async_trait::async_trait;

use super::changed::{Changed, changed};
use super::{Gate, GateContext, Report};
use crate::deploy::{self, Opinion, Subject, Tree};
use crate::domain::{Finding, mark_old};
use crate::workspace::WorkspaceFiles;

/// Checks deploy files.
pub struct DeployGate;

fn paths(files: &[Changed]) -> Vec<String> {
    files.iter().map(|file| file.path.as_str().to_owned()).collect()
}

/// Whether a change touches a deploy file, reads variables, or takes a file away that one may speak of.
fn concerned(context: &GateContext) -> bool {
    let files = changed(context);
    let texts = |file: &Changed| {
        [&file.before, &file.after].map(|state| String::from_utf8_lossy(Changed::bytes(state.as_ref())).into_owned())
    };
    let touches = |file: &Changed| texts(file).iter().any(|text| deploy::is_deploy_file(file.path.as_str(), text));
    if files.iter().any(touches) {
        return true;
    }
    let reads = |file: &Changed| {
        file.after.is_some() && texts(file)[1..].iter().any(|text| deploy::reads_environment(file.path.as_str(), text))
    };
    let subject = WorkspaceFiles(context.subject.as_ref());
    let (reading, gone) = (files.iter().any(reads), files.iter().any(|file| file.after.is_none()));
    (reading || gone) && {
        let tree = Tree::new(&subject);
        reading && deploy::has_examples(&tree) || gone && !deploy::deploy_files(&tree).is_empty()
    }
}

/// What is found, and the files nobody here reads.
fn look(context: &GateContext) -> (deploy::Checked, Vec<String>) {
    let (base, subject) = (WorkspaceFiles(context.base.as_ref()), WorkspaceFiles(context.subject.as_ref()));
    let (changed, subject) = (paths(&changed(context)), Tree::new(&subject));
    (deploy::compare(&Tree::new(&base), &subject, &changed), deploy::foreign(&subject, &changed))
}

/// The changed files that only others read.
fn foreign(context: &GateContext) -> Vec<String> {
    let subject = WorkspaceFiles(context.subject.as_ref());
    // Their kind is in their names, so no tree is listed for it.
    deploy::foreign(&Tree { files: &subject, paths: Vec::new() }, &paths(&changed(context)))
}

/// What others say that they do not say of base.
pub(super) async fn others(context: &GateContext, subject: Subject, files: &[String]) -> Opinion {
    let mut opinion = deploy::second_opinions(context.subject.as_ref(), subject, files, &context.cancel).await;
    if !opinion.findings.is_empty() {
        let before = deploy::second_opinions(context.base.as_ref(), subject, files, &context.cancel).await;
        opinion.findings = mark_old(opinion.findings, &before.findings);
    }
    opinion
}

fn report(files: &[String], mut findings: Vec<Finding>, opinion: Opinion) -> Report {
    findings.extend(opinion.findings);
    let mut log: String = findings.iter().map(super::report::row).collect();
    log.push_str(&format!(
        "looked at: {}\n",
        if files.is_empty() { "variables only".to_owned() } else { files.join(", ") }
    ));
    if !opinion.asked.is_empty() {
        log.push_str(&format!("second opinion: {}\n", opinion.asked.join(", ")));
    }
    let mut report = Report::found(findings, "finding");
    if report.reason.is_none() {
        let others = match opinion.asked.as_slice() {
            [] => String::new(),
            [one] => format!("; {one} agrees"),
            more => format!("; {} agree", more.join(", ")),
        };
        report.reason = Some(match files {
            [] => "the variables that are read are declared".to_owned(),
            [one] => format!("{one} is sound{others}"),
            more => format!("{} deploy files are sound{others}", more.len()),
        });
    }
    let log = crate::text::sanitize(&log).into_owned();
    report.with_log(crate::text::cut_middle(&log, 8 * 1024).into_owned())
}

#[async_trait]
impl Gate for DeployGate {
    fn name(&self) -> &'static str {
        "deploy"
    }

    fn remembered_by(&self) -> Option<String> {
        Some(String::new())
    }

    async fn concerns(&self, context: &GateContext) -> bool {
        let looking = context.clone();
        let found = tokio::task::spawn_blocking(move || (concerned(&looking), foreign(&looking))).await;
        match found {
            Ok((false, files)) if !files.is_empty() => {
                // Only others read them: where none is installed there is nothing to say.
                let opinion =
                    deploy::second_opinions(context.subject.as_ref(), Subject::Deploy, &files, &context.cancel).await;
                !opinion.asked.is_empty()
            }
            Ok((concerned, _)) => concerned,
            Err(_) => false,
        }
    }

    async fn run(&self, context: &GateContext) -> Report {
        let looking = context.clone();
        let (checked, foreign) = match tokio::task::spawn_blocking(move || look(&looking)).await {
            Ok(checked) => checked,
            Err(error) => return Report::not_run(format!("broke off: {error}")),
        };
        let Some(_turn) = context.shared.turn().await else { return Report::not_run("interrupted") };
        let mut files = checked.files;
        files.extend(foreign.iter().cloned());
        let opinion = others(context, Subject::Deploy, &files).await;
        if opinion.asked.is_empty() {
            files.retain(|path| !foreign.contains(path));
            if files.is_empty() && !foreign.is_empty() && checked.findings.is_empty() {
                return Report::not_run(format!("nobody is installed who reads {}", foreign.join(", "))).as_advice();
            }
        }
        if context.cancel.is_cancelled() {
            return Report::not_run("interrupted");
        }
        report(&files, checked.findings, opinion)
    }
}
