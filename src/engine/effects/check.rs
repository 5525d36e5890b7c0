//! Seeing whether steps of the plan are done: the command or the test a step is accepted by is run on the draft.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::{CallId, Progress};
use crate::stack::{self, Runner, StackReport, TestCommand};
use crate::text;
use crate::tool::ToolOutput;
use crate::tool::protocol::Check;
use crate::workspace::{Exit, Job, WorkspaceFiles};

use super::super::input::{Checked, Outcome, What};
use super::super::work::JobId;
use super::{Bench, call, pieces};

/// A check takes no longer: the gates run everything later anyway.
const LIMIT: Duration = Duration::from_secs(300);
/// How much of a failed check's output the agent gets.
const TAIL: usize = 2_000;

/// Runs the checks one after the other and tells each as it ends.
pub async fn check(
    bench: &Bench,
    job: JobId,
    id: CallId,
    steps: Vec<(usize, String, Check)>,
    cancel: CancellationToken,
) -> Outcome {
    let began = Instant::now();
    let mut text = String::new();
    let mut all = true;
    let project =
        if steps.iter().any(|(_, _, check)| matches!(check, Check::Test(_))) { look(bench).await } else { None };
    for (step, title, check) in steps {
        let since = Instant::now();
        let Some(command) = command(&check, project.as_deref()) else {
            text.push_str(&format!(
                "Step {step} ({title}) was not checked: no runner here runs `{}` alone.\n",
                check.words()
            ));
            continue;
        };
        let (ok, reason, tail) = run(bench, &id, command.clone(), &cancel).await;
        if cancel.is_cancelled() {
            return Outcome::Stopped;
        }
        text.push_str(&match ok {
            true => format!("Step {step} ({title}) is done: `{command}` {reason}.\n"),
            false => format!("Step {step} ({title}) is NOT done: `{command}` {reason}.\n{tail}\n"),
        });
        all &= ok;
        let ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        bench.tell(What::Checked(job, Checked { step, title, check: command, ok, reason, ms })).await;
    }
    text.push_str(if all { "Go on with the plan.\n" } else { "Repair it, then call `plan` again.\n" });
    call::returned(ToolOutput { ok: all, text }, began)
}

async fn look(bench: &Bench) -> Option<Arc<StackReport>> {
    let workspace = bench.workspace.clone();
    tokio::task::spawn_blocking(move || Arc::new(stack::detect(&WorkspaceFiles(workspace.as_ref())))).await.ok()
}

/// The command line that shows it; `None` when a test has no runner here that runs it alone and fails when it is not there.
fn command(check: &Check, project: Option<&StackReport>) -> Option<String> {
    let name = match check {
        Check::Command(command) => return Some(command.clone()),
        Check::Test(name) => name,
    };
    project?.services.iter().find_map(|service| {
        let test = service.tests.iter().find_map(|test| of_runner(test, name))?;
        Some(if service.folder.is_empty() { test } else { format!("cd '{}' && {test}", service.folder) })
    })
}

fn of_runner(test: &TestCommand, name: &str) -> Option<String> {
    let go = name.starts_with("Test");
    let path = name.contains(".py");
    match test.runner {
        Runner::Pytest if path => Some(format!("{} '{name}'", test.command)),
        Runner::Pytest if !go => {
            let last = name.rsplit(['.', ':']).next().unwrap_or(name);
            Some(format!("{} -k {last}", test.command))
        }
        Runner::Unittest if !go && !path && name.contains('.') => {
            Some(format!("{} {name}", test.command.split(" discover").next().unwrap_or(&test.command)))
        }
        Runner::Unittest if !go && !path => Some(format!("{} -k {name}", test.command)),
        Runner::Django if !go && !path => Some(format!("{} -k {name}", test.command)),
        Runner::Go if go => Some(test.command.replacen("./...", &format!("-run '^{name}$' ./..."), 1)),
        _ => None,
    }
}

/// Runs it; says whether it ended well, how, and the end of what it wrote.
async fn run(bench: &Bench, id: &CallId, command: String, cancel: &CancellationToken) -> (bool, String, String) {
    // A file that changes twice within a second would otherwise be tested by what Python kept of the first.
    let environment = vec![("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())];
    let job = Job { command, folder: None, environment, limit: LIMIT, network: false, env_files: false };
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(64);
    let reading = async {
        let mut shown = pieces::Pieces::default();
        let mut tail = String::new();
        let mut take = |bench: &Bench, said: String| {
            if said.is_empty() {
                return;
            }
            tail.push_str(&said);
            tail.drain(..tail.len() - text::tail(&tail, TAIL).len());
            bench.show(Progress::ToolOutput { call: id.clone(), text: said });
        };
        while let Some(piece) = receiver.recv().await {
            take(bench, shown.take(&piece));
        }
        take(bench, shown.rest());
        tail
    };
    let (ended, tail) = tokio::join!(bench.workspace.run(job, sender, cancel.clone()), reading);
    let tail = text::sanitize_output(&tail);
    let (ok, reason) = match ended {
        Ok(Exit::Code(0)) if ran_nothing(&tail) => (false, "ran no test".to_owned()),
        Ok(Exit::Code(code)) => (code == 0, format!("ends with code {code}")),
        Ok(Exit::Signal(signal)) => (false, format!("was killed by signal {signal}")),
        Ok(Exit::TimedOut) => (false, format!("was not done after {} s", LIMIT.as_secs())),
        Ok(Exit::Cancelled) => (false, "was interrupted".to_owned()),
        Ok(Exit::Exceeded(limit)) => (false, format!("was stopped: {limit}")),
        Err(error) => (false, format!("could not be run: {error}")),
    };
    (ok, reason, tail)
}

/// Runners that end well although there was nothing to run.
fn ran_nothing(output: &str) -> bool {
    let last = |words: &str| output.lines().rev().take(12).any(|line| line.contains(words));
    let tests = output.contains("--- PASS") || output.contains("\nok ") && !output.contains("[no tests to run]");
    last("Ran 0 tests")
        || last("no tests ran")
        || last("collected 0 items")
        || last("No tests found")
        || last("[no tests to run]") && !tests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Evidence;

    fn test(command: &str, runner: Runner) -> TestCommand {
        let evidence = Evidence { file: String::new(), line: None, text: String::new() };
        TestCommand { command: command.to_owned(), runner, evidence, install: String::new() }
    }

    #[test]
    fn a_single_test_is_run_as_its_runner_runs_it() {
        for (command, runner, name, expected) in [
            (
                "python3 -m pytest",
                Runner::Pytest,
                "tests/test_a.py::test_b",
                Some("python3 -m pytest 'tests/test_a.py::test_b'"),
            ),
            ("python3 -m pytest", Runner::Pytest, "test_b", Some("python3 -m pytest -k test_b")),
            (
                "python3 -m unittest discover -s tests",
                Runner::Unittest,
                "test_app.A.test_b",
                Some("python3 -m unittest test_app.A.test_b"),
            ),
            (
                "python3 -m unittest discover",
                Runner::Unittest,
                "test_b",
                Some("python3 -m unittest discover -k test_b"),
            ),
            ("go test -v ./...", Runner::Go, "TestB", Some("go test -v -run '^TestB$' ./...")),
            ("npm test", Runner::Script, "test_b", None),
            ("cargo test", Runner::Cargo, "test_b", None),
        ] {
            assert_eq!(of_runner(&test(command, runner), name).as_deref(), expected, "{command} {name}");
        }
    }

    #[test]
    fn nothing_that_ran_is_no_success() {
        assert!(ran_nothing("\nRan 0 tests in 0.000s\n\nOK\n"));
        assert!(ran_nothing("testing: warning: no tests to run\nPASS\nok  \tshop\t0.002s [no tests to run]\n"));
        assert!(!ran_nothing(
            "=== RUN TestB\n--- PASS: TestB (0.00s)\nok  \tshop\t0.1s\nok \tshop/x\t0.1s [no tests to run]\n"
        ));
        assert!(!ran_nothing("3 passed in 0.1s\n"));
    }
}
