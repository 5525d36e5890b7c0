//! The tasks that models are measured with: files, a sentence, and a check of what the result does.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A task. Its check fails on the files as they are and passes on the solution; a test proves both.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Task {
    /// The name of its file, without the ending.
    #[serde(skip)]
    pub name: String,
    /// A few words for people.
    pub title: String,
    /// `python`, `javascript`, `go` or `sql`.
    pub language: String,
    /// What the model is asked.
    pub task: String,
    /// The repository it starts from, text by path.
    pub files: BTreeMap<String, String>,
    /// How the result is judged.
    pub check: Check,
    /// The files of a result that passes.
    #[expect(dead_code, reason = "only the test of the tasks themselves reads it")]
    solution: BTreeMap<String, String>,
}

/// A command that judges the result, and files it needs beside it. The model never sees them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    /// Ends with 0 when the result does what was asked.
    pub command: String,
    /// Text by path.
    pub files: BTreeMap<String, String>,
}

impl Task {
    /// The program without which neither the task nor its check runs.
    pub(super) fn needs(&self) -> &'static str {
        match self.language.as_str() {
            "javascript" => "node",
            "go" => "go",
            _ => "python3",
        }
    }
}

macro_rules! tasks {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../assets/tasks/", $name, ".toml")))),*]
    };
}

/// What the names of tasks begin with that were written when the pilot was done, and that nothing was fitted to.
pub(super) const HELD_OUT: &str = "held-";

const TASKS: [(&str, &str); 42] = tasks![
    "python-endpoint",
    "python-validation",
    "python-status-code",
    "python-pagination",
    "python-auth",
    "python-injection",
    "python-failing-test",
    "python-rename",
    "python-n-plus-one",
    "python-env-config",
    "python-idempotency",
    "python-race",
    "python-long-file",
    "javascript-endpoint",
    "javascript-error-body",
    "javascript-validation",
    "javascript-webhook",
    "javascript-cache",
    "javascript-failing-test",
    "javascript-path-traversal",
    "sql-migration",
    "sql-index",
    "sql-report",
    "sql-constraints",
    "go-endpoint",
    "go-race",
    "go-error-status",
    "held-python-csv",
    "held-python-retry",
    "held-python-archive",
    "held-javascript-sort",
    "held-javascript-queue",
    "held-go-parse",
    "held-sql-top",
    "held-python-session",
    "held-python-transfer",
    "held-python-filter",
    "held-javascript-mask",
    "held-javascript-status",
    "held-go-recover",
    "held-go-store",
    "held-sql-phone",
];

/// The tasks whose name holds one of the patterns; all without a pattern.
pub(super) fn tasks(only: &[String]) -> Result<Vec<Task>, String> {
    let wanted = |name: &str| only.is_empty() || only.iter().any(|part| name.contains(part.as_str()));
    let read = |(name, text): (&str, &str)| Ok(Task { name: name.to_owned(), ..crate::text::from_toml(text)? });
    TASKS.into_iter().filter(|(name, _)| wanted(name)).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_task_and_every_task_reads() {
        let mut listed: Vec<String> =
            tasks(&[]).unwrap().into_iter().map(|task| format!("{}.toml", task.name)).collect();
        listed.sort();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/tasks");
        let mut there: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        there.sort();
        assert_eq!(listed, there);
    }

    #[test]
    fn a_pattern_is_a_part_of_the_name() {
        let named = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(|part| (*part).to_owned()).collect();
            tasks(&only).unwrap().into_iter().map(|task| task.name).collect::<Vec<_>>()
        };
        assert_eq!(named(&["sql-r", "go-race"]), ["sql-report", "go-race"]);
        assert!(named(&["nothing"]).is_empty());
    }
}
