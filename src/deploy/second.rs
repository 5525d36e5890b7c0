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
    gives_up: Option<Regex>,
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
            gives_up: one.gives_up.as_deref().and_then(|text| Regex::new(text).ok()),
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
                Some(Said { findings, whole }) => {
                    let name = if whole { checker.program.to_owned() } else { format!("{} in part", checker.program) };
                    if !opinion.asked.contains(&name) {
                        opinion.asked.push(name);
                    }
                    opinion.findings.extend(findings.into_iter().map(|finding| placed(finding, &text)));
                }
            }
        }
    }
    opinion
}

/// What a checker says of a file.
struct Said {
    findings: Vec<Finding>,
    /// It read all of it.
    whole: bool,
}

/// Finds the line of what is told by its way through the document: `$.test.rules[0]: …`.
fn placed(mut finding: Finding, text: &str) -> Finding {
    let Some((way, said)) = finding.message.strip_prefix('$').and_then(|rest| rest.split_once(": ")) else {
        return finding;
    };
    let mut pointer = String::new();
    for part in way.split(['.', '[']).map(|part| part.trim_end_matches(']').trim_matches(['\'', '"'])) {
        if !part.is_empty() {
            pointer.push('/');
            pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
        }
    }
    // A key that has no place there is told by name.
    let unexpected = said.split_once("' was unexpected").and_then(|(before, _)| before.rsplit_once('\''));
    let key = unexpected.map(|(_, key)| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")));
    let line = |pointer: &str| crate::text::locate(text, false, pointer).map(|(line, _)| line);
    finding.line = finding.line.or_else(|| key.as_deref().and_then(line)).or_else(|| line(&pointer));
    finding
}

impl Checker {
    /// What it says of a file; `None` when it is not installed.
    async fn ask(&self, workspace: &dyn Workspace, path: &str, cancel: &CancellationToken) -> Option<Said> {
        let quote = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let absolute = RepoPath::parse(path).ok()?.under(workspace.root()).to_string_lossy().into_owned();
        let command = self.command.replace("{file}", &quote(path)).replace("{path}", &quote(&absolute));
        let job = Job::new(format!("command -v {} >/dev/null 2>&1 || exit 127; {command}", self.program), LIMIT);
        let (exit, text) = run_whole(workspace, job, cancel.clone(), 256 * 1024).await;
        match exit {
            Ok(Exit::Code(127)) | Err(_) => None,
            Ok(_) => {
                let gave_up = |line: &str| self.gives_up.as_ref().is_some_and(|pattern| pattern.is_match(line));
                let findings = text.lines().filter_map(|line| self.finding(path, line)).collect();
                Some(Said { findings, whole: !text.lines().any(gave_up) })
            }
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
            (
                "nginx",
                "2026/11/26 06:35:20 [emerg] 50#50: unexpected \"}\" in /r/nginx.conf.tenon:9",
                Some((9, "nginx")),
            ),
            (
                "kubeconform",
                "web.yaml - Deployment web is invalid: problem validating schema. Check JSON formatting: jsonschema: '/spec/replicas' does not validate with https://example.org/deployment.json#/properties/spec: expected integer, but got string",
                Some((0, "kubeconform")),
            ),
            ("kubeconform", "web.yaml - Deployment web failed validation: could not find schema for Deployment", None),
            (
                "sqlfluff",
                "L:   2 | P:  12 |  PRS | Line 2, Position 12: Found unparsable section: 'from where'.",
                Some((2, "sqlfluff:PRS")),
            ),
            ("nginx", "nginx: [emerg] host not found in upstream \"api\" in /r/nginx.conf:2", None),
        ] {
            let checker = CHECKERS.iter().find(|checker| checker.program == program).unwrap();
            let found = checker.finding("a", line).map(|one| (one.line.unwrap_or(0), one.rule.unwrap_or_default()));
            assert_eq!(found, expected.map(|(line, rule)| (line, rule.to_owned())), "{line}");
        }
    }

    #[test]
    fn a_way_through_a_document_leads_to_its_line() {
        let text = "build:\n  script: [make]\n  retry: lots\ntest:\n  scripts: make\n  rules:\n    - if: a\n    - if: b\n      when: now\n";
        for (message, expected) in [
            ("$.build.retry: 'lots' is not valid", Some(3)),
            ("$.test.rules[1]: is not of type 'string'", Some(8)),
            ("$.test: Additional properties are not allowed ('scripts' was unexpected)", Some(5)),
            ("no way at all", None),
        ] {
            let finding = Finding { message: message.to_owned(), ..Finding::default() };
            assert_eq!(placed(finding, text).line, expected, "{message}");
        }
    }
}
