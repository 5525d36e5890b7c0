//! The way from a task to a proposal, one step at a time.

use serde_json::{Value, json};

use super::job::{Ask, Job};
use super::plan::{How, Target};
use super::rank::Ranked;
use super::story::{Step, Story};
use super::words::{Terms, Wish};
use super::{Limits, Next, attempts, calls, languages, plan, rank, report, says, words};
use crate::provider::Request;

/// How often a failure goes back to the model.
const REPAIRS: usize = 2;
/// The same where tests say what is right: drawing once more costs little, and a wrong draw is found out.
const DRAWS: usize = 4;
/// Files that are read for their definitions beside those that are changed.
const BESIDE: usize = 2;
/// Terms a search looks for.
const SEARCHED: usize = 12;

/// Everything the next step depends on.
pub(super) struct Here<'a> {
    pub(super) request: &'a Request,
    pub(super) limits: Limits,
    pub(super) story: Story,
    pub(super) terms: Terms,
}

impl Here<'_> {
    /// Whether the agent has this tool.
    pub(super) fn has(&self, tool: &str) -> bool {
        self.request.tools.iter().any(|spec| spec.name == tool)
    }

    fn call(&self, text: impl Into<String>, made: Vec<(&str, Value)>) -> Next {
        Next::Reply(calls(self.request, text.into(), made))
    }
}

/// The next step.
pub(super) fn next(request: &Request, limits: Limits) -> Next {
    let story = Story::of(&request.messages);
    let terms = words::terms(&story.task);
    let here = Here { request, limits, story, terms };
    let changes = here.has("edit") || here.has("write");
    let wish = words::wish(&here.story.task);
    match wish {
        Wish::Talk => Next::Write(Box::new(Job::words(&here, &[]))),
        Wish::Change if changes && here.has("read") => change(&here),
        _ => answer(&here),
    }
}

/// Looks around: the files there are, and where the words of the task stand. `None` once that is done.
fn look(here: &Here<'_>) -> Option<Next> {
    let mut made = Vec::new();
    if here.has("list") && here.story.first("list").is_none() {
        made.push(("list", json!({"depth": 6})));
    }
    if here.has("search")
        && here.story.first("search").is_none()
        && let Some(pattern) = here.terms.pattern(SEARCHED)
    {
        made.push(("search", json!({"pattern": pattern})));
    }
    (!made.is_empty()).then(|| here.call("", made))
}

/// Reads files that were not read yet. `None` when there are none.
fn read(here: &Here<'_>, paths: &[&str]) -> Option<Next> {
    let tried = |path: &str| here.story.steps.iter().any(|step| step.name == "read" && step.path() == path);
    let fresh: Vec<(&str, Value)> =
        paths.iter().filter(|path| !tried(path)).map(|path| ("read", json!({"path": path}))).collect();
    (here.has("read") && !fresh.is_empty()).then(|| here.call("", fresh))
}

fn answer(here: &Here<'_>) -> Next {
    if let Some(next) = look(here) {
        return next;
    }
    let ranked = rank::rank(&here.story, &here.terms);
    // A question about nothing in particular is about the whole, which the README says most of.
    let vague = ranked.iter().all(|file| file.lines.is_empty() && !file.named);
    let readme = ranked.iter().filter(|file| vague && file.path.to_lowercase().starts_with("readme"));
    let best = readme.chain(ranked.iter().filter(|file| file.score > 0.0));
    let best: Vec<&str> = best.take(3).map(|file| file.path.as_str()).collect();
    if let Some(next) = read(here, &best) {
        return next;
    }
    Next::Write(Box::new(Job::words(here, &best)))
}

fn change(here: &Here<'_>) -> Next {
    if let Some(next) = look(here) {
        return next;
    }
    let ranked = rank::rank(&here.story, &here.terms);
    let targets = plan::targets(&here.story, &here.terms, &ranked);
    if targets.is_empty() {
        return nowhere(here, &ranked);
    }
    let beside = beside(&here.story.task, &targets, &ranked);
    let existing = targets.iter().filter(|target| target.how != How::Create).map(|target| target.path.as_str());
    let wanted: Vec<&str> = existing.chain(beside.iter().copied()).collect();
    if let Some(next) = read(here, &wanted) {
        return next;
    }
    let known = here.story.files();
    let brought = targets
        .iter()
        .filter_map(|target| known.get(&target.path))
        .flat_map(|file| rank::imported(&file.lines, &ranked));
    let brought: Vec<&str> = brought.filter(|path| !wanted.contains(path)).take(BESIDE).collect();
    if let Some(next) = read(here, &brought) {
        return next;
    }
    let beside: Vec<&str> = brought.into_iter().chain(beside).collect();
    if let Some(next) = first_run(here) {
        return next;
    }
    if let Some(step) = refused_change(&here.story) {
        return Next::Reply(says(report::refused(step)));
    }
    let first_change = here.story.steps.iter().position(Step::changed).unwrap_or(here.story.steps.len());
    let ended = here.story.steps.iter().skip(first_change).any(|step| matches!(step.name.as_str(), "run" | "propose"));
    if !ended {
        let failure = here.story.steps.iter().take(first_change).find(|step| step.name == "run" && !step.ok);
        let failure = failure.map(|step| report::excerpt(&step.output));
        for target in &targets {
            let done = here.story.steps.iter().any(|step| step.changed() && step.path() == target.path);
            if done || target.how != How::Create && !known.contains_key(&target.path) {
                continue;
            }
            return Next::Write(Box::new(Job::change(
                here,
                Ask {
                    target,
                    targets: &targets,
                    beside: &beside,
                    failure: failure.clone(),
                    before: None,
                    known: &known,
                },
            )));
        }
    }
    if !here.story.steps.iter().any(Step::changed) {
        return Next::Reply(says(report::nothing_read(&targets)));
    }
    prove(here, &targets, &beside)
}

/// Tests that fail say more than the task does, so they are run before anything is changed.
fn first_run(here: &Here<'_>) -> Option<Next> {
    if here.story.first("run").is_some() {
        return None;
    }
    Some(run_tests(here, measure(here)?))
}

/// The command whose tests fail and shall pass: on it the gates would not insist, since they failed before.
fn measure<'a>(here: &Here<'a>) -> Option<&'a str> {
    let measured = plan::speaks_of_failing(&here.story.task) && here.has("run");
    tests_command(&here.request.system).filter(|_| measured)
}

fn run_tests(here: &Here<'_>, command: &str) -> Next {
    here.call("", vec![("run", json!({"command": command, "timeout_s": 120}))])
}

/// How the project's tests are run, as the engine says in the prompt.
fn tests_command(system: &str) -> Option<&str> {
    let project = system.lines().find_map(|line| line.strip_prefix("- Project: "))?;
    project.split_once("tests: `")?.1.split_once('`').map(|(command, _)| command)
}

/// After the changes: syntax, then the proposal with its gates, then what failed goes back.
fn prove(here: &Here<'_>, targets: &[Target], beside: &[&str]) -> Next {
    let steps = &here.story.steps;
    let last_change = steps.iter().rposition(Step::changed).unwrap_or(0);
    let since = &steps[last_change + 1..];
    let first_change = steps.iter().position(Step::changed).unwrap_or(0);
    let failures = steps.iter().skip(first_change).filter(|step| failed(step)).count();
    let is_run = |step: &&Step, command: &str| step.name == "run" && step.input["command"] == command;
    let untested = measure(here).filter(|command| !since.iter().any(|step| is_run(&step, command)));
    let repairs = if measure(here).is_some() { DRAWS } else { REPAIRS };
    match since.iter().rev().find(|step| matches!(step.name.as_str(), "run" | "propose")) {
        None => match (syntax(here, &steps[last_change..]), untested) {
            (Some(command), _) => here.call("", vec![("run", json!({"command": command, "timeout_s": 20}))]),
            (None, Some(command)) => run_tests(here, command),
            (None, None) => propose(here),
        },
        Some(step) if failed(step) => {
            if failures > repairs {
                // Once: gates that say something else each time must not keep it going.
                let back = if failures == repairs + 1 { attempts::bring_back(&here.story) } else { Vec::new() };
                return match back.is_empty() {
                    true => Next::Reply(says(report::given_up(&here.story, step))),
                    false => here.call(report::BROUGHT_BACK, back),
                };
            }
            repair(here, targets, beside, step, failures)
        }
        Some(step) if step.name == "run" => match untested {
            Some(command) => run_tests(here, command),
            None => propose(here),
        },
        Some(step) => Next::Reply(says(report::done(&here.story, step))),
    }
}

/// Whether the step says that the change is not good yet. A gate that could not run says nothing about it.
fn failed(step: &Step) -> bool {
    match step.name.as_str() {
        "run" => !step.ok,
        "propose" => !step.ok && step.output.contains("FAILED"),
        _ => false,
    }
}

fn propose(here: &Here<'_>) -> Next {
    if !here.has("propose") {
        return Next::Reply(says(report::at_rest(&here.story)));
    }
    let (title, message) = report::words(&here.story);
    here.call("", vec![("propose", json!({"title": title, "message": message}))])
}

/// The command that checks the syntax of the files changed last, where there is one.
fn syntax(here: &Here<'_>, steps: &[Step]) -> Option<String> {
    if !here.has("run") {
        return None;
    }
    let mut paths: Vec<&str> = here.story.steps.iter().filter(|step| step.changed()).map(Step::path).collect();
    let checked = here.story.steps.iter().skip_while(|step| !step.changed()).any(|step| step.name == "run");
    if steps.len() > 1 || checked {
        paths = steps.iter().filter(|step| step.changed()).map(Step::path).collect();
    }
    paths.sort_unstable();
    paths.dedup();
    let checks: Vec<String> = paths
        .iter()
        .filter_map(|path| Some(format!("({})", languages::of(path).check?.replace("{}", &quoted(path)))))
        .collect();
    (!checks.is_empty()).then(|| checks.join(" && "))
}

/// A path as a word of the shell.
fn quoted(path: &str) -> String {
    if path.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c)) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', "'\\''"))
}

/// Asks for the repair of the file the failure is most likely about.
fn repair(here: &Here<'_>, targets: &[Target], beside: &[&str], step: &Step, failures: usize) -> Next {
    let known = here.story.files();
    let changed: Vec<&Target> = targets
        .iter()
        .filter(|target| {
            known.contains_key(&target.path)
                && here.story.steps.iter().any(|step| step.changed() && step.path() == target.path)
        })
        .collect();
    let tests = changed.iter().find(|target| languages::is_test(&target.path));
    let code = changed.iter().find(|target| !languages::is_test(&target.path));
    let broken = changed.iter().find(|target| step.name == "run" && step.output.contains(target.path.as_str()));
    // Tests the model wrote itself are wrong as often as the code: the second time it is their turn.
    let own_fault = tests.is_some_and(|target| report::blames(&step.output, &target.path));
    let target = match broken {
        Some(target) => Some(target),
        None if own_fault || failures > 1 => tests.or(code),
        None => code.or(tests),
    };
    let Some(target) = target else { return Next::Reply(says(report::given_up(&here.story, step))) };
    let failure = report::excerpt(&step.output);
    let before = (failures > 1 || measure(here).is_some()).then(|| here.story.before(&target.path)).flatten();
    Next::Write(Box::new(Job::change(
        here,
        Ask { target, targets, beside, failure: Some(failure), before, known: &known },
    )))
}

/// A change that the tool refused: it is not tried again, since nothing about it would be different.
fn refused_change(story: &Story) -> Option<&Step> {
    let refused = |step: &&Step| matches!(step.name.as_str(), "edit" | "write") && !step.ok;
    story.steps.iter().rev().find(|step| step.name != "read").filter(refused)
}

/// Files worth a look beside those that are changed.
fn beside<'a>(task: &str, targets: &[Target], ranked: &'a [Ranked]) -> Vec<&'a str> {
    let is_target = |path: &str| targets.iter().any(|target| target.path == path);
    // Where the task names its file, what that one imports says more than a search.
    let named = ranked.iter().any(|file| file.named && is_target(&file.path));
    let useful = |file: &&Ranked| {
        !is_target(&file.path)
            && (!named || file.named)
            && (file.named || !file.lines.is_empty())
            && languages::of(&file.path).is_code
            && !languages::is_test(&file.path)
    };
    let failing = plan::speaks_of_failing(task);
    // A test that fails is what the change is measured by.
    let mut found: Vec<&str> = ranked
        .iter()
        .filter(|file| failing && languages::is_test(&file.path) && (file.named || file.score > 0.0))
        .take(1)
        .map(|file| file.path.as_str())
        .collect();
    found.extend(ranked.iter().filter(useful).take(BESIDE).map(|file| file.path.as_str()));
    // A new file is written like those of its kind.
    for target in targets.iter().filter(|target| target.how == How::Create) {
        let folder = crate::domain::folder_of(&target.path);
        let like = |file: &&Ranked| {
            let theirs = crate::domain::folder_of(&file.path);
            theirs == folder
                && !is_target(&file.path)
                && languages::of(&file.path) == languages::of(&target.path)
                && !file.path.ends_with("__init__.py")
        };
        // Of the two ways of a migration the same one.
        let whole_ending = |path: &str| {
            path.rsplit('/').next().and_then(|name| name.split_once('.')).map(|(_, ending)| ending.to_owned())
        };
        let kin = |file: &Ranked| whole_ending(&file.path) == whole_ending(&target.path);
        let model = ranked.iter().filter(like).max_by(|a, b| (kin(a), &a.path).cmp(&(kin(b), &b.path)));
        let model = model.map(|file| file.path.as_str());
        found.extend(model.filter(|path| !found.contains(path)));
    }
    found
}

/// No file is to be changed: a new one, where the model says.
fn nowhere(here: &Here<'_>, ranked: &[Ranked]) -> Next {
    if ranked.is_empty() && !here.terms.words.is_empty() {
        return Next::Write(Box::new(Job::path(here)));
    }
    Next::Reply(says(report::nowhere(&here.story)))
}
