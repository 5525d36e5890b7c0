//! A plan as it stands: what the agent says of its steps, and what the engine saw of them.

use serde::{Deserialize, Serialize};

use super::{Plan, Step, StepStatus};

/// How a step is seen to be done without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// This command ends well.
    Command(String),
    /// This test passes, by the name its runner gives it.
    Test(String),
}

impl Check {
    /// What is run or looked for, in its own words.
    pub fn words(&self) -> &str {
        match self {
            Self::Command(text) | Self::Test(text) => text,
        }
    }

    /// Reads it from the words a step is accepted by; `None` when only a reader can judge them. A command or a test's name
    /// stands between backticks, or is all there is.
    pub fn of(acceptance: &str) -> Option<Self> {
        let quoted = acceptance.split('`').skip(1).step_by(2).map(str::trim);
        if let Some(check) = quoted.filter(|text| !text.is_empty()).find_map(|text| Self::read(text, true)) {
            return Some(check);
        }
        let text = acceptance.trim().trim_end_matches('.');
        let ends = [" passes", " pass", " succeeds", " is green", " are green", " exits 0", " ends with code 0"];
        let bare = ends.iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text).trim();
        Self::read(bare, false)
    }

    fn read(text: &str, quoted: bool) -> Option<Self> {
        if text.contains('\n') {
            return None;
        }
        if is_test(text) {
            return Some(Self::Test(text.to_owned()));
        }
        is_command(text, quoted).then(|| Self::Command(text.to_owned()))
    }
}

/// `tests/test_a.py::test_b`, `test_b`, `TestB`, `test_app.AppTest.test_add`.
fn is_test(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_./:[]-".contains(c);
    if text.is_empty() || !text.chars().all(plain) {
        return false;
    }
    let last = text.rsplit(['.', ':']).next().unwrap_or_default();
    let named = last.starts_with("test_") && last.len() > 5;
    let go = text.strip_prefix("Test").is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_uppercase() || c == '_')
            && rest.chars().all(|c| c.is_alphanumeric() || c == '_')
    });
    text.contains(".py::") || named && !text.contains('/') || go
}

/// Words that begin with a program by which work is checked. Without backticks only what cannot be prose.
fn is_command(text: &str, quoted: bool) -> bool {
    const ANY: &[&str] = &[
        "pytest",
        "python",
        "python3",
        "tox",
        "npm",
        "npx",
        "pnpm",
        "yarn",
        "bun",
        "node",
        "deno",
        "go",
        "cargo",
        "make",
        "just",
        "mvn",
        "gradle",
        "ruff",
        "black",
        "flake8",
        "mypy",
        "pyright",
        "eslint",
        "tsc",
        "prettier",
        "jest",
        "vitest",
        "mocha",
        "alembic",
        "flask",
        "django-admin",
        "bundle",
        "rspec",
        "php",
        "composer",
        "dotnet",
        "uv",
        "poetry",
        "pipenv",
        "test",
        "grep",
        "diff",
        "sh",
        "bash",
        "golangci-lint",
        "sqlfluff",
    ];
    const SECOND: &[(&str, &[&str])] = &[
        ("pytest", &[]),
        ("python", &["-m"]),
        ("python3", &["-m"]),
        ("npm", &["test", "run", "t", "exec"]),
        ("npx", &[]),
        ("pnpm", &["test", "run", "exec"]),
        ("yarn", &["test", "run"]),
        ("go", &["test", "build", "vet"]),
        ("cargo", &["test", "build", "check", "clippy", "fmt", "nextest"]),
        ("mvn", &["test", "verify", "-B", "-q"]),
        ("ruff", &["check", "format"]),
        ("mypy", &[]),
        ("tsc", &[]),
    ];
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else { return false };
    let name = first.rsplit('/').next().unwrap_or(first);
    if first.starts_with("./") || ANY.contains(&name) && first.contains('/') {
        return true;
    }
    if quoted {
        return ANY.contains(&name);
    }
    // A sentence may begin with a command; what is run has to be the command and nothing else.
    let prose =
        ["passes", "pass", "with", "and", "is", "are", "works", "without", "shows", "succeeds", "again", "so", "that"];
    if text.contains(", ") || text.split_whitespace().any(|word| prose.contains(&word)) {
        return false;
    }
    let second = words.next().unwrap_or_default();
    SECOND.iter().any(|(program, seconds)| *program == name && (seconds.is_empty() || seconds.contains(&second)))
}

/// What the engine saw of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// It is as it was to be.
    pub ok: bool,
    /// How the check ended, in one line.
    pub reason: String,
}

/// A step of the plan as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// What the agent says.
    #[serde(flatten)]
    pub step: Step,
    /// What can be run to see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// What the engine saw when it ran that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

impl Planned {
    fn new(step: Step) -> Self {
        Self { check: Check::of(&step.acceptance), seen: None, step }
    }

    /// It is done as far as anybody knows: said to be, and not seen to be otherwise.
    pub fn is_done(&self) -> bool {
        self.step.status == StepStatus::Done && self.seen.as_ref().is_none_or(|seen| seen.ok)
    }

    /// It is done, and the engine saw it.
    pub fn is_proven(&self) -> bool {
        self.is_done() && self.seen.is_some()
    }
}

/// A plan as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct WorkPlan {
    /// Its steps in order.
    pub steps: Vec<Planned>,
}

impl WorkPlan {
    /// The agent says the plan anew. What was seen to be done stays seen, as long as the step is the same one and still
    /// said to be done.
    pub fn take(&mut self, plan: Plan) {
        let known = std::mem::take(&mut self.steps);
        self.steps = plan.steps.into_iter().map(Planned::new).collect();
        for step in self.steps.iter_mut().filter(|step| step.step.status == StepStatus::Done) {
            let same =
                |old: &&Planned| old.step.title == step.step.title && old.step.acceptance == step.step.acceptance;
            step.seen = known.iter().find(same).and_then(|old| old.seen.clone()).filter(|seen| seen.ok);
        }
    }

    /// The engine saw a step; the number counts from 1.
    pub fn checked(&mut self, number: usize, ok: bool, reason: &str) {
        if let Some(step) = number.checked_sub(1).and_then(|index| self.steps.get_mut(index)) {
            step.seen = Some(Seen { ok, reason: reason.to_owned() });
        }
    }

    /// Steps that are said to be done, can be checked and were not seen: their numbers, titles and checks.
    pub fn due(&self) -> Vec<(usize, String, Check)> {
        let said = |step: &Planned| step.step.status == StepStatus::Done && step.seen.is_none();
        let numbered = self.steps.iter().enumerate().filter(|(_, step)| said(step));
        numbered.filter_map(|(index, step)| Some((index + 1, step.step.title.clone(), step.check.clone()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_read_from_what_a_step_is_accepted_by() {
        let command = |text: &str| Some(Check::Command(text.to_owned()));
        let test = |text: &str| Some(Check::Test(text.to_owned()));
        for (acceptance, expected) in [
            ("`pytest -q tests/test_a.py` passes", command("pytest -q tests/test_a.py")),
            ("pytest -q tests/test_a.py passes.", command("pytest -q tests/test_a.py")),
            ("npm test", command("npm test")),
            ("`make check` is green", command("make check")),
            ("the endpoint answers 409, see `tests/test_a.py::test_conflict`", test("tests/test_a.py::test_conflict")),
            ("test_conflict", test("test_conflict")),
            ("`TestConflict` passes", test("TestConflict")),
            ("test_app.AppTest.test_add passes", test("test_app.AppTest.test_add")),
            ("./scripts/check.sh", command("./scripts/check.sh")),
            ("python3 -m unittest passes, with a test for each answer", None),
            ("`python3 -m unittest` passes, with a test for each answer", command("python3 -m unittest")),
            ("make sure that it works", None),
            ("go through all routes", None),
            ("test it", None),
            ("node answers", None),
            ("all tests pass", None),
            ("`orders.total` is a number", None),
            ("`POST /orders` answers 201", None),
            ("Tests", None),
            ("", None),
        ] {
            assert_eq!(Check::of(acceptance), expected, "{acceptance}");
        }
    }

    fn plan(steps: &[(&str, StepStatus)]) -> Plan {
        let step = |(title, status): &(&str, StepStatus)| Step {
            title: (*title).to_owned(),
            acceptance: "`make check`".to_owned(),
            status: *status,
        };
        Plan { steps: steps.iter().map(step).collect() }
    }

    #[test]
    fn what_was_seen_stays_seen_and_what_failed_is_looked_at_again() {
        use StepStatus::{Done, Todo};
        let mut work = WorkPlan::default();
        work.take(plan(&[("a", Done), ("b", Done), ("c", Todo)]));
        assert_eq!(work.due().iter().map(|due| due.0).collect::<Vec<_>>(), [1, 2]);
        work.checked(1, true, "ends with code 0");
        work.checked(2, false, "ends with code 1");
        work.checked(9, true, "nothing");
        assert!(work.steps[0].is_proven() && !work.steps[1].is_done());
        work.take(plan(&[("a", Done), ("b", Done), ("c", Done)]));
        assert_eq!(work.due().iter().map(|due| due.0).collect::<Vec<_>>(), [2, 3]);
        work.take(plan(&[("a", Todo)]));
        assert_eq!(work.steps[0].seen, None, "no longer said to be done");
    }
}
