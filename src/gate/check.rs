//! Formatter, linter and build: the project's own tools on the changed files, judged by what they say about the base.

mod output;

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{Gate, GateContext, Report, capture};
use crate::config::GateSettings;
use crate::domain::{Finding, RepoPath, mark_old};
use crate::stack::{Fact, Service};
use crate::workspace::{Exit, Job, Workspace};

/// A gate that runs the tools of one kind.
pub struct CheckGate {
    name: &'static str,
    command: Option<String>,
    limit: Duration,
}

/// The names of these gates, in the order they are listed.
pub const CHECKS: [&str; 3] = ["format", "lint", "build"];

impl CheckGate {
    /// The gate of this name, one of [`CHECKS`].
    pub fn new(name: &'static str, settings: &GateSettings) -> Self {
        let command = settings.commands.get(name).cloned();
        Self { name, command, limit: Duration::from_secs(settings.timeout_s) }
    }
}

#[derive(Deserialize)]
struct Table {
    check: Vec<Check>,
}

#[derive(Clone, Deserialize)]
struct Check {
    gate: String,
    /// The tool the stack has to name.
    tool: Option<String>,
    /// The language, for what needs no tool besides it.
    language: Option<String>,
    endings: Vec<String>,
    command: String,
    reads: Reads,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reads {
    Files,
    Lines,
    Eslint,
}

static CHECKS_TABLE: LazyLock<Vec<Check>> = LazyLock::new(|| {
    crate::text::from_toml::<Table>(include_str!("../../assets/checks.toml"))
        .map(|table| table.check)
        .unwrap_or_default()
});

/// A check on one service.
struct Plan {
    folder: String,
    check: Check,
    python: String,
    /// Changed files, relative to the service's folder.
    files: Vec<String>,
}

/// What a run of a tool came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Ran {
    command: String,
    exit: Option<Exit>,
    missing: Option<String>,
    findings: Vec<Finding>,
    text: String,
}

impl CheckGate {
    async fn plans(&self, context: &GateContext) -> Vec<Plan> {
        let Ok(report) = context.shared.stack(&context.subject).await else { return Vec::new() };
        let paths: Vec<&str> = context.proposal.changes.iter().map(|change| change.path.as_str()).collect();
        let mut plans = Vec::new();
        for service in report.touched_by(&paths) {
            for check in self.checks(service) {
                let fits = |path: &&str| check.endings.iter().any(|end| path.ends_with(end.as_str()));
                let files: Vec<String> =
                    paths.iter().filter_map(|path| service.relative(path)).filter(fits).map(str::to_owned).collect();
                if !files.is_empty() {
                    let python = service.interpreter.clone().unwrap_or_else(|| "python3".to_owned());
                    plans.push(Plan { folder: service.folder.clone(), check, python, files });
                }
            }
        }
        plans
    }

    fn checks(&self, service: &Service) -> Vec<Check> {
        if let Some(command) = &self.command {
            return vec![Check {
                gate: self.name.to_owned(),
                tool: None,
                language: None,
                endings: vec![String::new()],
                command: command.clone(),
                reads: Reads::Lines,
            }];
        }
        let named = |facts: &[Fact], tool: &str| facts.iter().any(|fact| fact.name == tool);
        let tools = match self.name {
            "format" => &service.formatters,
            "lint" => &service.linters,
            _ => &service.type_checkers,
        };
        let family = if service.language == "typescript" { "javascript" } else { service.language };
        let checks = CHECKS_TABLE.iter().filter(|check| check.gate == self.name);
        let fits = |check: &&Check| match (&check.tool, &check.language) {
            (Some(tool), _) => named(tools, tool),
            (None, Some(language)) => language == family,
            (None, None) => false,
        };
        let mut found: Vec<Check> = checks.filter(fits).cloned().collect();
        // One formatter is enough, and of two linters both have their say.
        if self.name == "format" {
            found.truncate(1);
        }
        found
    }

    async fn prove(&self, plan: &Plan, context: &GateContext) -> Report {
        let subject = self.run_on(plan, context, context.subject.as_ref(), true).await;
        if let Some(missing) = &subject.missing {
            let report = Report::not_run(format!("{missing}; install the project's dependencies"));
            return if self.name == "build" { report } else { report.as_advice() };
        }
        match subject.exit {
            None => return Report::not_run(format!("could not be started: {}", subject.text)),
            Some(Exit::Cancelled) => return Report::not_run("interrupted"),
            Some(Exit::TimedOut) => return Report::not_run(format!("not done within {} s", self.limit.as_secs())),
            Some(Exit::Code(0)) if subject.findings.is_empty() => {
                return Report::pass(None).with_command(&subject.command);
            }
            Some(_) => {}
        }
        let base = self.run_base(plan, context).await;
        let same_end = base.exit == subject.exit && base.missing.is_none();
        if subject.findings.is_empty() {
            // It ends badly and names no line: a broken configuration, or words nobody reads yet.
            let last =
                subject.text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
            let report = if same_end {
                Report::not_run(format!("it ends badly on base too: {last}"))
            } else {
                let message = format!("{}: {last}", subject.command);
                Report::found(vec![Finding { message, ..Finding::default() }], "finding")
            };
            return report.with_command(&subject.command).with_log(&subject.text);
        }
        let findings = mark_old(subject.findings, &base.findings);
        Report::found(findings, "finding").with_command(&subject.command).with_log(&subject.text)
    }

    async fn run_base(&self, plan: &Plan, context: &GateContext) -> Ran {
        let key = format!("{}\0{}\0{}\0{}", self.name, plan.folder, plan.check.command, plan.files.join("\0"));
        if let Some(known) = context.shared.memory().and_then(|memory| memory.of_base::<Ran>(&key)) {
            return known;
        }
        let ran = self.run_on(plan, context, context.base.as_ref(), false).await;
        if let Some(memory) = context.shared.memory().filter(|_| matches!(ran.exit, Some(Exit::Code(_)))) {
            memory.keep_of_base(&key, &ran);
        }
        ran
    }

    async fn run_on(&self, plan: &Plan, context: &GateContext, workspace: &dyn Workspace, shown: bool) -> Ran {
        let there = |file: &&String| {
            let path = if plan.folder.is_empty() { (*file).clone() } else { format!("{}/{file}", plan.folder) };
            RepoPath::parse(&path).is_ok_and(|path| workspace.read(&path).is_ok())
        };
        let files: Vec<String> = plan.files.iter().filter(there).cloned().collect();
        if files.is_empty() {
            return Ran { exit: Some(Exit::Code(0)), ..Ran::default() };
        }
        let quoted: Vec<String> = files.iter().map(|file| format!("'{}'", file.replace('\'', "'\\''"))).collect();
        let command = plan.check.command.replace("{python}", &plan.python).replace("{files}", &quoted.join(" "));
        let shown_command = plan.check.command.replace("{python}", &plan.python).replace("{files}", &files.join(" "));
        let job = Job {
            command,
            folder: RepoPath::parse(&plan.folder).ok(),
            environment: [
                ("NO_COLOR", "1"),
                ("FORCE_COLOR", "0"),
                ("CARGO_NET_OFFLINE", "true"),
                ("CARGO_TERM_COLOR", "never"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            limit: self.limit,
            network: false,
            env_files: false,
        };
        let _turn = context.shared.turn().await;
        if shown {
            let _ = context.output.send(format!("$ {shown_command}\n").into_bytes()).await;
        }
        let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(32);
        let output = context.output.clone();
        let running = workspace.run(job, sender, context.cancel.clone());
        let quiet = plan.check.reads == Reads::Eslint;
        let reading = async {
            const MOST: usize = 4 * 1024 * 1024;
            let mut all = Vec::new();
            while let Some(piece) = pieces.recv().await {
                if all.len() < MOST {
                    all.extend_from_slice(&piece);
                }
                if shown && !quiet {
                    let _ = output.send(piece).await;
                }
            }
            all
        };
        let (exit, all) = tokio::join!(running, reading);
        let text = capture::plain(&String::from_utf8_lossy(&all));
        let root = workspace.root().to_string_lossy().into_owned();
        let exit = match exit {
            Ok(exit) => exit,
            Err(error) => return Ran { command: shown_command, text: error.to_string(), ..Ran::default() },
        };
        let missing = (exit != Exit::Code(0)).then(|| output::missing(exit, &text)).flatten();
        let findings = match plan.check.reads {
            Reads::Files if exit == Exit::Code(0) => Vec::new(),
            Reads::Files => output::files(&text, &files, &plan.folder),
            Reads::Lines => output::lines(&text, &root, &plan.folder),
            Reads::Eslint => output::eslint(&text, &root),
        };
        // Cargo looks at all files; what is said of those that did not change is no finding.
        let of_others = plan.check.reads == Reads::Files && findings.is_empty() && output::speaks_of_files(&text);
        let exit = if of_others && matches!(exit, Exit::Code(_)) { Exit::Code(0) } else { exit };
        let text = if quiet { findings.iter().map(super::report::row).collect() } else { end(&text) };
        Ran { command: shown_command, exit: Some(exit), missing, findings, text }
    }
}

/// The last 8 KiB, from a line start.
fn end(text: &str) -> String {
    const TAIL: usize = 8 * 1024;
    let end = crate::text::tail(text, TAIL);
    if end.len() == text.len() { text.to_owned() } else { end.split_once('\n').map_or("", |(_, rest)| rest).to_owned() }
}

#[async_trait]
impl Gate for CheckGate {
    fn name(&self) -> &'static str {
        self.name
    }

    fn remembered_by(&self) -> Option<String> {
        Some(self.command.clone().unwrap_or_default())
    }

    async fn concerns(&self, context: &GateContext) -> bool {
        !self.plans(context).await.is_empty()
    }

    async fn run(&self, context: &GateContext) -> Report {
        let plans = self.plans(context).await;
        if plans.is_empty() {
            return Report::not_run(format!("no {} tool is configured for the changed files", self.name)).as_advice();
        }
        let mut reports = Vec::new();
        for plan in &plans {
            reports.push(self.prove(plan, context).await);
            if context.cancel.is_cancelled() {
                break;
            }
        }
        super::judge::together(reports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read() {
        let read = crate::text::from_toml::<Table>(include_str!("../../assets/checks.toml"));
        assert!(read.is_ok(), "{:?}", read.err());
        assert!(CHECKS_TABLE.iter().all(|check| CHECKS.contains(&check.gate.as_str())));
        assert!(CHECKS_TABLE.iter().all(|check| check.tool.is_some() != check.language.is_some()));
    }
}
