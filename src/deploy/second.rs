//! Second opinions: other people's checkers, where they are installed, each named with what it says.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use tokio_util::sync::CancellationToken;

use super::{Kind, kind, rules};
use crate::domain::{Finding, RepoPath, Severity};
use crate::stack::Files;
use crate::workspace::{Exit, Job, Workspace, WorkspaceFiles, run_whole};

/// The most time one of them may take with one file.
const LIMIT: Duration = Duration::from_secs(30);

/// What others say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opinion {
    /// Who was asked.
    pub asked: Vec<String>,
    /// What they found; never more than a warning.
    pub findings: Vec<Finding>,
}

/// What a file is that somebody is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Deploy(Kind),
    PostgresMigration,
}

/// What the files are that others are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Deploy files, each of the kind its name says.
    Deploy,
    /// Migrations of SQL for PostgreSQL.
    PostgresMigration,
}

struct Checker {
    about: Option<About>,
    program: &'static str,
    command: &'static str,
    reads: Regex,
    passes_over: Option<Regex>,
    /// What is added to its lines.
    counts_from: usize,
}

static CHECKERS: LazyLock<Vec<Checker>> = LazyLock::new(|| {
    let read = |one: &'static rules::Second| {
        Some(Checker {
            about: match one.kind.as_str() {
                "postgres-migration" => Some(About::PostgresMigration),
                name => Kind::named(name).map(About::Deploy),
            },
            program: &one.program,
            command: &one.command,
            reads: Regex::new(&one.reads).ok()?,
            counts_from: usize::from(one.from_zero),
            passes_over: one.passes_over.as_deref().and_then(|text| Regex::new(text).ok()),
        })
    };
    rules::rules().second.iter().filter_map(read).collect()
});

/// Asks who is installed about these files.
pub async fn second_opinions(
    workspace: &dyn Workspace,
    subject: Subject,
    paths: &[String],
    cancel: &CancellationToken,
) -> Opinion {
    let files = WorkspaceFiles(workspace);
    let mut opinion = Opinion::default();
    let mut absent: Vec<&str> = Vec::new();
    for path in paths {
        let Some(text) = files.read(path) else { continue };
        let about = match subject {
            Subject::Deploy => kind(path, &text).map(About::Deploy),
            Subject::PostgresMigration => Some(About::PostgresMigration),
        };
        for checker in CHECKERS.iter().filter(|checker| about.is_some() && checker.about == about) {
            if absent.contains(&checker.program) || cancel.is_cancelled() {
                continue;
            }
            match checker.ask(workspace, path, cancel).await {
                None => absent.push(checker.program),
                Some(findings) => {
                    if !opinion.asked.iter().any(|asked| asked == checker.program) {
                        opinion.asked.push(checker.program.to_owned());
                    }
                    opinion.findings.extend(findings);
                }
            }
        }
    }
    opinion
}

impl Checker {
    /// What it says of a file; `None` when it is not installed.
    async fn ask(&self, workspace: &dyn Workspace, path: &str, cancel: &CancellationToken) -> Option<Vec<Finding>> {
        let quote = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let absolute = RepoPath::parse(path).ok()?.under(workspace.root()).to_string_lossy().into_owned();
        let command = self.command.replace("{file}", &quote(path)).replace("{path}", &quote(&absolute));
        let job = Job::new(format!("command -v {} >/dev/null 2>&1 || exit 127; {command}", self.program), LIMIT);
        let (exit, text) = run_whole(workspace, job, cancel.clone(), 256 * 1024).await;
        match exit {
            Ok(Exit::Code(127)) | Err(_) => None,
            Ok(_) => Some(text.lines().filter_map(|line| self.finding(path, line)).collect()),
        }
    }

    fn finding(&self, path: &str, line: &str) -> Option<Finding> {
        let found = self.reads.captures(line.trim_end())?;
        let message = found.name("message")?.as_str();
        if self.passes_over.as_ref().is_some_and(|pattern| pattern.is_match(message)) {
            return None;
        }
        let rule = found
            .name("rule")
            .map_or_else(|| self.program.to_owned(), |rule| format!("{}:{}", self.program, rule.as_str()));
        Some(Finding {
            severity: Severity::Warning,
            path: Some(path.to_owned()),
            line: found.name("line").and_then(|line| Some(line.as_str().parse::<usize>().ok()? + self.counts_from)),
            rule: Some(rule),
            message: message.to_owned(),
            old: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_read_with_its_line() {
        assert_eq!(CHECKERS.len(), rules::rules().second.len());
        for (program, line, expected) in [
            (
                "hadolint",
                "Dockerfile:3 DL3006 warning: Always tag the version of an image",
                Some((3, "hadolint:DL3006")),
            ),
            (
                "actionlint",
                ".github/workflows/a.yml:7:9: property \"x\" is not defined [expression]",
                Some((7, "actionlint:expression")),
            ),
            (
                "systemd-analyze",
                "/r/api.service:4: Unknown key name 'Restrat' in section 'Service', ignoring.",
                Some((4, "systemd-analyze")),
            ),
            ("nginx", "nginx: [emerg] unknown directive \"sever\" in /r/nginx.conf:2", Some((2, "nginx"))),
            ("nginx", "nginx: [emerg] host not found in upstream \"api\" in /r/nginx.conf:2", None),
        ] {
            let checker = CHECKERS.iter().find(|checker| checker.program == program).unwrap();
            let found = checker.finding("a", line).map(|one| (one.line.unwrap_or(0), one.rule.unwrap_or_default()));
            assert_eq!(found, expected.map(|(line, rule)| (line, rule.to_owned())), "{line}");
        }
    }
}
