//! Deploy files: images, pipelines, manifests, servers, and the variables they have to set.

use async_trait::async_trait;

use super::changed::{Changed, changed};
use super::{Gate, GateContext, Report};
use crate::deploy::{self, Opinion, Tree};
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

fn look(context: &GateContext) -> deploy::Checked {
    let (base, subject) = (WorkspaceFiles(context.base.as_ref()), WorkspaceFiles(context.subject.as_ref()));
    deploy::compare(&Tree::new(&base), &Tree::new(&subject), &paths(&changed(context)))
}

/// What others say that they do not say of base.
async fn others(context: &GateContext, files: &[String]) -> Opinion {
    let mut opinion = deploy::second_opinions(context.subject.as_ref(), files, &context.cancel).await;
    if !opinion.findings.is_empty() {
        let before = deploy::second_opinions(context.base.as_ref(), files, &context.cancel).await;
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
        let others =
            if opinion.asked.is_empty() { String::new() } else { format!("; {} agree", opinion.asked.join(", ")) };
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
        let context = context.clone();
        tokio::task::spawn_blocking(move || concerned(&context)).await.unwrap_or(false)
    }

    async fn run(&self, context: &GateContext) -> Report {
        let looking = context.clone();
        let checked = match tokio::task::spawn_blocking(move || look(&looking)).await {
            Ok(checked) => checked,
            Err(error) => return Report::not_run(format!("broke off: {error}")),
        };
        let Some(_turn) = context.shared.turn().await else { return Report::not_run("interrupted") };
        let opinion = others(context, &checked.files).await;
        if context.cancel.is_cancelled() {
            return Report::not_run("interrupted");
        }
        report(&checked.files, checked.findings, opinion)
    }
}
