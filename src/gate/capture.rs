//! Running one command and keeping what is needed of its output, however much it writes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::prepare::{Focus, prepare};
use super::reading::{Outcome, Readings};
use super::results::{GoEvents, Libtest};
use super::shared::Shared;
use super::watched::{self, Watched};
use crate::domain::{RepoPath, TestCase};
use crate::stack::{Runner, TestCommand};
use crate::workspace::{Exit, Job, Workspace, WorkspaceError};

/// The most of the output that evidence carries.
const TAIL: usize = 8 * 1024;
/// A longer line is data; what names a test is shorter.
const LINE: usize = 4 * 1024;

/// How a run of the tests went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// The command line.
    pub command: String,
    /// How it ended; `None` when it could not be started.
    pub exit: Option<Exit>,
    /// What its summary says, where one was recognised.
    pub outcome: Option<Outcome>,
    /// What is not installed, when that is why it did not run.
    pub missing: Option<String>,
    /// The last line with text.
    pub last: String,
    /// The end of the output.
    pub tail: String,
    /// Single tests, as the runner reports them.
    pub cases: Vec<TestCase>,
    /// Why the runner's report could not be read.
    pub unreadable: Option<String>,
    /// What was watched beside the run.
    pub watched: Watched,
    /// Milliseconds it took.
    pub ms: u64,
    /// Somebody has said that the end of this command is what counts.
    #[serde(default)]
    pub trusted: bool,
    /// Only the tests that were asked for ran.
    #[serde(default)]
    pub selected: bool,
}

/// Where and how to run.
pub(super) struct Conditions<'a> {
    /// The workspace.
    pub workspace: &'a dyn Workspace,
    /// The project's folder; empty for the root.
    pub folder: &'a str,
    /// What the run is about.
    pub focus: &'a Focus,
    /// Time limit.
    pub limit: Duration,
    /// Where output goes while it runs, if anywhere.
    pub output: Option<mpsc::Sender<Vec<u8>>>,
    /// Stops it.
    pub cancel: CancellationToken,
    /// Who says when it may run.
    pub shared: &'a Shared,
}

/// Runs the first of the commands whose runner is there.
pub(super) async fn first_that_runs(commands: &[TestCommand], conditions: &Conditions<'_>) -> Run {
    let mut best: Option<Run> = None;
    for command in commands {
        let mut run = one(command, conditions).await;
        if run.missing.is_none() {
            return run;
        }
        run.missing = run.missing.map(|what| format!("{what}; to install it: {}", command.install));
        best.get_or_insert(run);
    }
    best.unwrap_or_default()
}

async fn one(command: &TestCommand, conditions: &Conditions<'_>) -> Run {
    let ready = prepare(command, conditions.workspace, conditions.folder, conditions.focus, conditions.shared.number());
    let job = Job {
        command: ready.command.clone(),
        folder: RepoPath::parse(conditions.folder).ok(),
        environment: ready.environment.clone(),
        limit: conditions.limit,
        network: false,
        env_files: false,
    };
    let _turn = conditions.shared.turn().await;
    let began = Instant::now();
    let (sender, receiver) = mpsc::channel(32);
    let running = conditions.workspace.run(job, sender, conditions.cancel.clone());
    let shown = ready.selected.clone().unwrap_or_else(|| command.command.clone());
    let heading = format!("$ {shown}\n").into_bytes();
    let seen =
        Seen { go: ready.go.then(GoEvents::default), libtest: ready.libtest.then(Libtest::default), ..Seen::default() };
    let reading = read(seen, receiver, conditions.output.clone(), heading);
    let (exit, seen) = tokio::join!(running, reading);
    let mut run = finished(command, exit, seen);
    run.trusted = command.runner == Runner::Configured;
    run.selected = ready.selected.is_some();
    run.command = shown;
    run.ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    watched::look(&mut run, &ready, conditions.workspace, (conditions.folder, &conditions.focus.watched));
    if run.tail.trim().is_empty() && !run.cases.is_empty() {
        // A runner that only writes a report leaves people nothing to read.
        run.tail = watched::listing(&run.cases);
        if let Some(output) = &conditions.output {
            let _ = output.send(run.tail.clone().into_bytes()).await;
        }
    }
    run
}

fn finished(command: &TestCommand, exit: Result<Exit, WorkspaceError>, seen: Seen) -> Run {
    let run = Run { command: command.command.clone(), tail: seen.tail(), last: seen.last.clone(), ..Run::default() };
    match exit {
        Err(error) => Run { last: error.to_string(), ..run },
        Ok(exit) => {
            let outcome = seen.readings.finish();
            let failed = exit != Exit::Code(0) && !matches!(exit, Exit::TimedOut | Exit::Cancelled);
            let missing = if failed && outcome.is_none() { missing(command, exit, &seen.missing) } else { None };
            let of_go = seen.go.and_then(GoEvents::finish);
            // A package that says "ok" may have run no test at all.
            let nothing = of_go.as_ref().is_some_and(Vec::is_empty);
            let outcome = if nothing && exit == Exit::Code(0) { Some(Outcome::default()) } else { outcome };
            let cases = of_go.or_else(|| seen.libtest.and_then(Libtest::finish));
            Run { exit: Some(exit), outcome, missing, cases: cases.unwrap_or_default(), ..run }
        }
    }
}

/// What a command that could not run says is not there.
fn missing(command: &TestCommand, exit: Exit, said: &[String]) -> Option<String> {
    if let Some(line) = said.iter().find_map(|line| named_missing(line, command.runner)) {
        return Some(line);
    }
    let program = command.command.split_whitespace().next().unwrap_or_default();
    (exit == Exit::Code(127)).then(|| format!("`{program}` is not installed"))
}

fn named_missing(line: &str, runner: Runner) -> Option<String> {
    if let Some((_, module)) = line.split_once("No module named ") {
        let module = module.trim_matches(['\'', '"', ' ', ';']);
        // Other modules belong to the code under test: their absence is a finding of the tests.
        let runners = matches!(module, "pytest" | "django" | "unittest") || runner == Runner::Django;
        return runners.then(|| format!("the Python module `{module}` is not installed"));
    }
    if runner == Runner::Pytest && line.contains("error: unrecognized arguments:") {
        let which = line.rsplit("arguments:").next().unwrap_or_default().trim();
        return Some(format!("a plugin of pytest for `{which}` is not installed"));
    }
    if line.contains("Couldn't import Django") {
        return Some("the Python module `django` is not installed".into());
    }
    if line.contains("npx canceled due to missing packages") || line.contains("npm error npx") {
        return Some("the test runner is not installed".into());
    }
    // `sh: 1: jest: not found`, `bash: jest: command not found`, `make: go: No such file or directory`
    let text = line.strip_suffix("command not found").or_else(|| line.strip_suffix("not found"));
    let text =
        text.or_else(|| line.starts_with("make: ").then(|| line.strip_suffix("No such file or directory")).flatten())?;
    let program = text.trim_end().strip_suffix(':')?.rsplit(' ').next()?;
    (!program.is_empty()).then(|| format!("`{program}` is not installed"))
}

/// Whether a line stands below the words that say what happened: a frame of a stack, and what tools say at their end.
fn is_beside_the_point(line: &str) -> bool {
    [
        "at ",
        "Node.js v",
        "warning: build failed",
        "exit status ",
        "go get ",
        "npm error",
        "npm ERR!",
        "error Command failed",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

/// What was seen of the output so far.
#[derive(Default)]
struct Seen {
    readings: Readings,
    pending: Vec<u8>,
    kept: VecDeque<u8>,
    cut: bool,
    last: String,
    missing: Vec<String>,
    /// Events of Go, when the output is made of them.
    go: Option<GoEvents>,
    libtest: Option<Libtest>,
    /// What is left of an event line that is still coming in.
    event: Vec<u8>,
}

async fn read(
    mut seen: Seen,
    mut pieces: mpsc::Receiver<Vec<u8>>,
    output: Option<mpsc::Sender<Vec<u8>>>,
    heading: Vec<u8>,
) -> Seen {
    if let Some(output) = &output {
        // Nobody listening is no reason to stop.
        let _ = output.send(heading).await;
    }
    while let Some(piece) = pieces.recv().await {
        let piece = seen.text_of(piece);
        seen.take(&piece);
        if let Some(output) = &output {
            let _ = output.send(piece).await;
        }
    }
    seen.line_end();
    seen
}

impl Seen {
    /// What people read of a piece: events are turned into what they tell.
    fn text_of(&mut self, piece: Vec<u8>) -> Vec<u8> {
        let Some(go) = &mut self.go else { return piece };
        self.event.extend(piece);
        let mut text = Vec::new();
        while let Some(end) = self.event.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.event.drain(..=end).collect();
            match go.line(String::from_utf8_lossy(&line).trim_end()) {
                Some(words) => text.extend(words.into_bytes()),
                None => text.extend(line),
            }
        }
        text
    }

    fn take(&mut self, piece: &[u8]) {
        self.kept.extend(piece);
        if self.kept.len() > TAIL * 2 {
            self.cut = true;
            self.kept.drain(..self.kept.len() - TAIL * 2);
        }
        for byte in piece {
            match byte {
                b'\n' => self.line_end(),
                _ if self.pending.len() < LINE => self.pending.push(*byte),
                _ => {}
            }
        }
    }

    fn line_end(&mut self) {
        let line = plain(&String::from_utf8_lossy(&self.pending));
        self.pending.clear();
        let line = line.trim_end();
        self.readings.line(line);
        if let Some(libtest) = &mut self.libtest {
            libtest.line(line);
        }
        if line.trim().is_empty() {
            return;
        }
        if !is_beside_the_point(line.trim_start()) {
            line.trim().clone_into(&mut self.last);
        }
        let telling = [
            "unrecognized arguments:",
            "No module named",
            "Couldn't import",
            "not found",
            "npx canceled",
            "npm error npx",
            "No such file",
        ];
        if self.missing.len() < 20 && telling.iter().any(|words| line.contains(words)) {
            self.missing.push(line.trim().to_owned());
        }
    }

    /// The end of the output from a line start, without terminal control and secrets.
    fn tail(&self) -> String {
        let bytes: Vec<u8> = self.kept.iter().copied().collect();
        let text = plain(&String::from_utf8_lossy(&bytes));
        let text = crate::text::redact(&text);
        let from = text.len() - crate::text::tail(&text, TAIL).len();
        if from == 0 && !self.cut {
            return text.into_owned();
        }
        let rest = &text[from..];
        rest.split_once('\n').map_or(rest, |(_, rest)| rest).to_owned()
    }
}

/// Takes colours and other escape sequences away, so that lines can be compared and read by a model.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\u{1b}', Some('[')) => {
                chars.next();
                // A control sequence ends with its first letter.
                while chars.next_if(|c| !('\u{40}'..='\u{7e}').contains(c)).is_some() {}
                chars.next();
            }
            ('\u{1b}', Some(_)) => {
                chars.next();
            }
            ('\r' | '\u{1b}', _) => {}
            (c, _) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_go_and_text_stays() {
        assert_eq!(plain("\u{1b}[31;1mred\u{1b}[0m ok\r\n"), "red ok\n");
        assert_eq!(plain("a\u{1b}"), "a");
        assert_eq!(plain("\u{1b}[\u{1b}[x"), "x");
    }

    #[test]
    fn what_is_missing_is_named_only_when_it_is_the_runner() {
        for (line, runner, expected) in [
            (
                "/usr/bin/python3: No module named pytest",
                Runner::Pytest,
                Some("the Python module `pytest` is not installed"),
            ),
            ("ModuleNotFoundError: No module named 'fastapi'", Runner::Pytest, None),
            (
                "python -m pytest: error: unrecognized arguments: --timeout=9",
                Runner::Pytest,
                Some("a plugin of pytest for `--timeout=9` is not installed"),
            ),
            (
                "ModuleNotFoundError: No module named 'django'",
                Runner::Django,
                Some("the Python module `django` is not installed"),
            ),
            ("sh: 1: jest: not found", Runner::Script, Some("`jest` is not installed")),
            ("bash: line 1: go: command not found", Runner::Go, Some("`go` is not installed")),
            ("make: go: No such file or directory", Runner::Make, Some("`go` is not installed")),
            ("AssertionError: user not found", Runner::Script, None),
            ("user not found", Runner::Script, None),
        ] {
            assert_eq!(named_missing(line, runner).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn the_tail_starts_at_a_line_and_holds_no_secret() {
        let mut seen = Seen::default();
        for number in 0..5_000 {
            seen.take(format!("line {number}\n").as_bytes());
        }
        seen.take(b"key sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789");
        let tail = seen.tail();
        assert!(tail.len() <= TAIL + 100 && tail.starts_with("line "), "{}", &tail[..40]);
        assert!(!tail.contains("abcdefghijklmnop"), "{}", &tail[tail.len() - 80..]);
    }
}
