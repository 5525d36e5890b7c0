//! `tenon models test --tasks`: how many small backend tasks a model gets right, and how long it takes.

mod attempt;
mod suite;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::super::surroundings::Surroundings;
use super::super::{Common, Done, Failure, Outcome, print, run};
use attempt::{Attempt, Conditions, Status};

/// What to measure and how.
pub(super) struct Measure {
    /// Parts of task names; all tasks when empty.
    pub only: Vec<String>,
    /// Where the repositories stay; removed when `None`.
    pub keep: Option<PathBuf>,
    /// Seconds a task may take.
    pub limit_s: u64,
}

#[derive(Serialize)]
struct Report {
    model: String,
    passed: usize,
    ran: usize,
    skipped: usize,
    pass_rate: Option<f64>,
    /// Of those, the tasks that nothing in the pilot was fitted to.
    held_out: Share,
    seconds: f64,
    median_seconds: f64,
    input_tokens: u64,
    output_tokens: u64,
    cost_usd: Option<f64>,
    tasks: Vec<Attempt>,
}

/// How many of some tasks passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Share {
    passed: usize,
    ran: usize,
}

impl Share {
    fn of<'a>(attempts: impl Iterator<Item = &'a Attempt>) -> Self {
        let mut share = Self { passed: 0, ran: 0 };
        for attempt in attempts.filter(|attempt| attempt.status != Status::Skip) {
            share.ran += 1;
            share.passed += usize::from(attempt.status == Status::Pass);
        }
        share
    }
}

/// Runs the tasks one after the other and prints how each went.
pub(super) async fn measure(around: &Surroundings, common: &Common, model: &str, measure: Measure) -> Done {
    let tasks =
        suite::tasks(&measure.only).map_err(|error| Failure::failed(format!("a task does not read: {error}")))?;
    if tasks.is_empty() {
        return Err(Failure::usage(format!("no task has {} in its name", measure.only.join(" or "))));
    }
    let scratch = tempfile::tempdir().map_err(|error| Failure::failed(format!("no temporary folder: {error}")))?;
    let folder = match &measure.keep {
        Some(folder) => around.folder.join(folder),
        None => scratch.path().canonicalize().unwrap_or_else(|_| scratch.path().to_owned()),
    };
    let interrupt = run::interrupted();
    let limit = Duration::from_secs(measure.limit_s.max(1));
    let conditions = Conditions { around, model, limit, folder: &folder, interrupt };
    let mut attempts = Vec::new();
    let mut interrupted = false;
    for task in &tasks {
        if measure.keep.is_some() && folder.join(&task.name).exists() {
            let path = folder.join(&task.name);
            return Err(Failure::usage(format!("{} is there already", path.display())).hint("name another --keep"));
        }
        let attempt = if is_installed(around, task.needs()) {
            conditions.attempt(task).await?
        } else {
            Some(Attempt::skipped(task, format!("NOT RUN: {} is not installed", task.needs())))
        };
        let Some(attempt) = attempt else {
            interrupted = true;
            break;
        };
        tell(&attempt, common.json)?;
        attempts.push(attempt);
    }
    let outcome = finish(model, attempts, common.json)?;
    Ok(if interrupted { Outcome::Interrupted } else { outcome })
}

fn is_installed(around: &Surroundings, program: &str) -> bool {
    let path = around.environment.get("PATH").map(String::as_str).unwrap_or_default();
    std::env::split_paths(path).any(|folder| folder.join(program).is_file())
}

/// Says how an attempt went as soon as it is known; beside the report when that is JSON.
fn tell(attempt: &Attempt, json: bool) -> Result<(), Failure> {
    let word = match attempt.status {
        Status::Pass => "pass",
        Status::Fail => "FAIL",
        Status::Skip => "skip",
    };
    let reason = attempt.reason.as_deref().map(|reason| format!("  {reason}")).unwrap_or_default();
    let line = format!(
        "{word}  {:26} {:7.1} s {:7} in {:6} out{reason}",
        attempt.task, attempt.seconds, attempt.input_tokens, attempt.output_tokens
    );
    if json {
        eprintln!("{line}");
        return Ok(());
    }
    print::text(&line).map(drop)
}

fn finish(model: &str, tasks: Vec<Attempt>, json: bool) -> Done {
    let ran: Vec<&Attempt> = tasks.iter().filter(|attempt| attempt.status != Status::Skip).collect();
    let passed = ran.iter().filter(|attempt| attempt.status == Status::Pass).count();
    let skipped = tasks.len() - ran.len();
    #[expect(clippy::cast_precision_loss, reason = "there are few tasks")]
    let rate = |part: f64| (!ran.is_empty()).then(|| part / ran.len() as f64);
    let seconds: f64 = ran.iter().map(|attempt| attempt.seconds).sum();
    let mean = rate(seconds).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "there are few tasks")]
    let pass_rate = rate(passed as f64);
    let report = Report {
        model: model.to_owned(),
        passed,
        ran: ran.len(),
        skipped,
        pass_rate,
        held_out: Share::of(tasks.iter().filter(|attempt| attempt.task.starts_with(suite::HELD_OUT))),
        seconds,
        median_seconds: median(ran.iter().map(|attempt| attempt.seconds).collect()),
        input_tokens: ran.iter().map(|attempt| attempt.input_tokens).sum(),
        output_tokens: ran.iter().map(|attempt| attempt.output_tokens).sum(),
        cost_usd: ran.iter().map(|attempt| attempt.cost_usd).sum(),
        tasks: tasks.clone(),
    };
    let held_out = report.held_out;
    let outcome = if passed == ran.len() && passed > 0 { Outcome::Done } else { Outcome::Failed };
    if json {
        print::json(&report)?;
        return Ok(outcome);
    }
    let percent = pass_rate.map(|rate| format!(" ({:.0} %)", rate * 100.0)).unwrap_or_default();
    let held = if held_out.ran > 0 {
        format!("; of those held out {} of {}", held_out.passed, held_out.ran)
    } else {
        String::new()
    };
    let median = report.median_seconds;
    let not_run = if skipped > 0 { format!(", {skipped} NOT RUN") } else { String::new() };
    let cost = report.cost_usd.filter(|cost| *cost > 0.0).map(|cost| format!(", ${cost:.4}")).unwrap_or_default();
    print::text(&format!(
        "{model}: {passed} of {} tasks passed{percent}{held}{not_run}; {mean:.1} s a task, median {median:.1}, {} tokens in, {} out{cost}",
        report.ran, report.input_tokens, report.output_tokens
    ))?;
    Ok(outcome)
}

/// The one in the middle; of an even number the mean of the two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.as_slice() {
        [] => 0.0,
        all if all.len() % 2 == 1 => all[middle],
        all => f64::midpoint(all[middle - 1], all[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        for (values, expected) in [(vec![], 0.0), (vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0], 2.5)] {
            assert!((median(values) - expected).abs() < 1e-9);
        }
    }
}
