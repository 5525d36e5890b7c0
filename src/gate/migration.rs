//! Migrations: what a change adds goes up, down and up again on a scratch database.

use std::time::Duration;

use async_trait::async_trait;

use super::changed::changed;
use super::{Gate, GateContext, Report};
use crate::config::GateSettings;
use crate::deploy::{Opinion, Subject};
use crate::domain::Severity;
use crate::migration::{self, Outcome, Sides};

/// Proves migrations.
pub struct MigrationGate {
    limit: Duration,
}

impl MigrationGate {
    /// With these settings.
    pub fn new(settings: &GateSettings) -> Self {
        Self { limit: Duration::from_secs(settings.timeout_s) }
    }

    async fn sides(&self, context: &GateContext) -> Result<Sides, String> {
        let looking = context.clone();
        let changed =
            tokio::task::spawn_blocking(move || changed(&looking)).await.map_err(|error| error.to_string())?;
        let message = format!("{}\n{}", context.proposal.title, context.proposal.message);
        Ok(Sides {
            base: context.base.clone(),
            subject: context.subject.clone(),
            changed: changed.into_iter().map(|file| file.path).collect(),
            stack: context.shared.stack(&context.subject).await?,
            admitted: migration::admits(&message),
            limit: self.limit,
            output: context.output.clone(),
            cancel: context.cancel.clone(),
        })
    }
}

/// What the outcomes of several tools come to, with what others say.
fn together(outcomes: Vec<Outcome>, opinion: Opinion) -> Report {
    let several = outcomes.len() > 1;
    let mut log = Vec::new();
    let (mut findings, mut unproven, mut commands) = (Vec::new(), Vec::new(), Vec::new());
    let mut walked = 0;
    let mut databases: Vec<String> = Vec::new();
    for outcome in outcomes {
        let on = if outcome.walked > 0 { format!(" on {}", outcome.database) } else { String::new() };
        log.push(format!("migration up/down/up: {}{on}", outcome.what));
        log.extend(outcome.log);
        let prefix = if several { format!("{}: ", outcome.what) } else { String::new() };
        if let Some(why) = outcome.unproven {
            log.push(format!("not proven: {why}"));
            unproven.push(format!("{prefix}{why}"));
        }
        walked += outcome.walked;
        if outcome.walked > 0 && !databases.contains(&outcome.database) {
            databases.push(outcome.database);
        }
        commands.extend(outcome.command);
        findings.extend(outcome.findings);
    }
    if !opinion.asked.is_empty() {
        log.push(format!("second opinion: {}", opinion.asked.join(", ")));
    }
    findings.extend(opinion.findings);
    log.extend(findings.iter().map(|finding| super::report::row(finding).trim_end().to_owned()));
    let log = crate::text::sanitize(&log.join("\n")).into_owned();
    let warned = findings.iter().any(|finding| finding.severity == Severity::Warning && !finding.old);
    let mut report = Report::found(findings, "finding");
    if report.new == 0 && !unproven.is_empty() {
        // What was not proven is unknown, never green.
        let findings = std::mem::take(&mut report.findings);
        report = Report { findings, ..Report::not_run(unproven.join("; ")) };
    } else if report.new == 0 && !warned {
        report.reason = Some(match walked {
            0 => "no new migration, and none is needed".to_owned(),
            1 => format!("1 migration went up, down and up on {}", databases.join(" and ")),
            count => format!("{count} migrations went up, down and up on {}", databases.join(" and ")),
        });
    }
    let report = if commands.is_empty() { report } else { report.with_command(commands.join(" && ")) };
    report.with_log(crate::text::cut_middle(&log, 8 * 1024).into_owned())
}

#[async_trait]
impl Gate for MigrationGate {
    fn name(&self) -> &'static str {
        "migration"
    }

    fn remembered_by(&self) -> Option<String> {
        Some(self.limit.as_secs().to_string())
    }

    async fn concerns(&self, context: &GateContext) -> bool {
        let Ok(sides) = self.sides(context).await else { return false };
        tokio::task::spawn_blocking(move || migration::concerns(&sides)).await.unwrap_or(false)
    }

    async fn run(&self, context: &GateContext) -> Report {
        let sides = match self.sides(context).await {
            Ok(sides) => sides,
            Err(why) => return Report::not_run(why),
        };
        let Some(_turn) = context.shared.turn().await else { return Report::not_run("interrupted") };
        let outcomes = migration::prove(&sides).await;
        if context.cancel.is_cancelled() {
            return Report::not_run("interrupted");
        }
        if outcomes.is_empty() {
            return Report::pass(Some("no migration is touched".to_owned()));
        }
        let postgres = outcomes.iter().any(|outcome| outcome.database.starts_with("PostgreSQL"));
        let files: Vec<String> = sides
            .changed
            .iter()
            .map(|path| path.as_str().to_owned())
            .filter(|path| postgres && path.ends_with(".sql"))
            .collect();
        let opinion = super::deploy::others(context, Subject::PostgresMigration, &files).await;
        together(outcomes, opinion)
    }
}
