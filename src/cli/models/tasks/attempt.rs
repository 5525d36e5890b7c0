//! One model at one task: a real `tenon run` in a fresh repository, then the check.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::suite::Task;
use crate::cli::Failure;
use crate::cli::surroundings::Surroundings;
use crate::domain::{Event, NoteLevel, Record, RepoPath, Usage};
use crate::git;
use crate::text;
use crate::workspace::{self, Exit, Job, Place, Workspace};

/// How long a check may take; the first Go test of a machine compiles the standard library.
const CHECK_LIMIT: Duration = Duration::from_secs(240);

/// How an attempt went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// The check passes.
    Pass,
    /// It does not, or there was no result.
    Fail,
    /// It was not tried.
    Skip,
}

/// A line of the report.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Attempt {
    pub task: String,
    pub title: String,
    pub language: String,
    pub status: Status,
    /// Of the run, without the check.
    pub seconds: f64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost_usd: Option<f64>,
    /// Why it failed or was not tried.
    pub reason: Option<String>,
}

impl Attempt {
    pub(super) fn skipped(task: &Task, reason: String) -> Self {
        Self::of(task, Status::Skip, Duration::ZERO, Usage::default(), Some(reason))
    }

    fn of(task: &Task, status: Status, took: Duration, usage: Usage, reason: Option<String>) -> Self {
        Self {
            task: task.name.clone(),
            title: task.title.clone(),
            language: task.language.clone(),
            status,
            seconds: (took.as_secs_f64() * 100.0).round() / 100.0,
            input_tokens: usage.context_tokens(),
            output_tokens: usage.output_tokens + usage.thinking_tokens,
            cost_usd: usage.cost_usd,
            reason,
        }
    }
}

/// What a run said on standard output and error.
struct Ran {
    usage: Usage,
    changed: bool,
    /// Why it did not come to a commit.
    problem: Option<String>,
}

/// The conditions that are the same for every attempt.
pub(super) struct Conditions<'a> {
    pub around: &'a Surroundings,
    pub model: &'a str,
    pub limit: Duration,
    /// Holds a folder for each task.
    pub folder: &'a Path,
    pub interrupt: CancellationToken,
}

impl Conditions<'_> {
    /// Lets the model try, then checks what it made; `None` when interrupted.
    pub(super) async fn attempt(&self, task: &Task) -> Result<Option<Attempt>, Failure> {
        let place = self.folder.join(&task.name);
        let repository = place.join("repository");
        prepare(&repository, &task.files)?;
        let begun = Instant::now();
        let Some(ran) = self.run(task, &repository, &place).await? else { return Ok(None) };
        let took = begun.elapsed();
        let verdict = if ran.changed { self.check(task, &repository, &place).await } else { Err(no_change(&ran)) };
        if self.interrupt.is_cancelled() {
            return Ok(None);
        }
        let (status, reason) = match verdict {
            Ok(()) => (Status::Pass, None),
            Err(reason) => (Status::Fail, Some(reason)),
        };
        Ok(Some(Attempt::of(task, status, took, ran.usage, reason)))
    }

    async fn run(&self, task: &Task, repository: &Path, place: &Path) -> Result<Option<Ran>, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::failed(format!("this program does not know where it is: {error}")))?;
        let mut command = Command::new(program);
        command.args(["run", "--json", "--accept", "all", "--model", self.model]).arg(&task.task);
        command.current_dir(repository).env_clear().envs(&self.around.environment);
        // The sessions of a measurement are nobody's sessions.
        command.env("XDG_STATE_HOME", place.join("state"));
        // What the embedded model was asked and what it said is kept beside the repository.
        command.env("TENON_MODEL_LOG", place.join("model.jsonl"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = tokio::select! {
            output = command.output() => output,
            () = tokio::time::sleep(self.limit) => {
                let problem = Some(format!("no result within {} s", self.limit.as_secs()));
                return Ok(Some(Ran { usage: Usage::default(), changed: false, problem }));
            }
            () = self.interrupt.cancelled() => return Ok(None),
        };
        let output = output.map_err(|error| Failure::failed(format!("tenon run did not start: {error}")))?;
        // Kept beside the repository, for whoever wants to know what the model did.
        let _ = std::fs::write(place.join("events.jsonl"), &output.stdout);
        let mut ran = read_events(&String::from_utf8_lossy(&output.stdout));
        if !ran.changed && ran.problem.is_none() {
            ran.problem = last_words(&String::from_utf8_lossy(&output.stderr));
        }
        Ok(Some(ran))
    }

    /// Runs the check in a workspace over the result, where the code of a model can do no harm.
    async fn check(&self, task: &Task, repository: &Path, place: &Path) -> Result<(), String> {
        let place = Place::new(repository, place.join("check"), &self.around.environment);
        let workspace: Box<dyn Workspace> = workspace::open(place).await.map_err(|error| error.to_string())?;
        for (path, text) in &task.check.files {
            let path = RepoPath::parse(path).map_err(|error| error.to_string())?;
            workspace.write(&path, text.as_bytes(), None).map_err(|error| error.to_string())?;
        }
        let (output, mut pieces) = mpsc::channel::<Vec<u8>>(64);
        let job = Job {
            command: task.check.command.clone(),
            folder: None,
            environment: vec![("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())],
            limit: CHECK_LIMIT,
            network: false,
            env_files: false,
        };
        let collect = async {
            let mut said = Vec::new();
            while let Some(piece) = pieces.recv().await {
                said.extend_from_slice(&piece);
            }
            said
        };
        let (exit, said) = tokio::join!(workspace.run(job, output, self.interrupt.clone()), collect);
        match exit.map_err(|error| error.to_string())? {
            Exit::Code(0) => Ok(()),
            Exit::TimedOut => Err(format!("the check did not end within {} s", CHECK_LIMIT.as_secs())),
            _ => Err(last_words(&String::from_utf8_lossy(&said)).unwrap_or_else(|| "the check fails".to_owned())),
        }
    }
}

fn no_change(ran: &Ran) -> String {
    let problem = ran.problem.as_deref().map(|problem| text::sanitize_line(problem).into_owned());
    problem.unwrap_or_else(|| "nothing was changed".to_owned())
}

/// Makes the repository a task starts from.
fn prepare(repository: &Path, files: &BTreeMap<String, String>) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("{}: {error}", repository.display()));
    for (path, text) in files {
        let path = repository.join(path);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        written.map_err(|error| failed(&error))?;
    }
    git::init_with_commit(repository, "The project before the task").map_err(|error| failed(&error))
}

fn read_events(lines: &str) -> Ran {
    let mut ran = Ran { usage: Usage::default(), changed: false, problem: None };
    for record in lines.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok()) {
        match record.event {
            Event::Committed { .. } => ran.changed = true,
            Event::TurnEnded { usage, detail, .. } => {
                ran.usage.add(&usage);
                ran.problem = detail.or(ran.problem);
            }
            Event::Noted { level: NoteLevel::Error, text } => ran.problem = Some(text),
            _ => {}
        }
    }
    ran
}

/// The last line that says something.
fn last_words(said: &str) -> Option<String> {
    let line = said.lines().rev().map(str::trim).find(|line| line.chars().any(char::is_alphanumeric))?;
    let line = text::sanitize_line(line);
    Some(line.chars().take(200).collect())
}
