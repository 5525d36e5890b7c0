//! What the pilot says in words: titles, failures in short, and how the work ended.

use super::plan::Target;
use super::story::{Step, Story};

/// The most letters of a failure that go back to the model.
const FAILURE: usize = 1_100;

/// Before the best attempt comes back.
pub(super) const BROUGHT_BACK: &str = "I could not repair it. I go back to where the fewest checks fail.";

/// Title and commit message for a task, in Conventional Commits.
pub(super) fn words(story: &Story) -> (String, String) {
    let sentence = story
        .task
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .unwrap_or("Change files");
    let sentence = sentence.split(". ").next().unwrap_or(sentence).trim_end_matches(['.', '!', '?']);
    let mut title = String::new();
    for word in sentence.split_whitespace() {
        if title.chars().count() + word.chars().count() > 60 {
            break;
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    // Cut in the middle, a sentence ends where one of its parts does.
    if title.len() < sentence.len()
        && let Some(at) = title.rfind([',', ';', ':']).filter(|at| *at >= 20)
    {
        title.truncate(at);
    }
    if title.is_empty() {
        title = sentence.chars().take(60).collect();
    }
    let lower = title.to_lowercase();
    let first = lower.split_whitespace().next().unwrap_or_default().to_owned();
    let only_tests =
        !story.steps.iter().filter(|step| step.changed()).any(|step| !super::languages::is_test(step.path()));
    let kind = match first.as_str() {
        _ if only_tests => "test",
        "fix" | "repair" | "correct" => "fix",
        "refactor" | "rename" | "extract" | "move" | "simplify" => "refactor",
        "document" => "docs",
        _ if ["bug", "wrong", "fails", "broken", "crash"].iter().any(|word| lower.contains(word)) => "fix",
        _ => "feat",
    };
    let mut letters = title.chars();
    let subject = match (letters.next(), title.chars().nth(1)) {
        (Some(a), Some(b)) if a.is_uppercase() && b.is_lowercase() => a.to_lowercase().chain(letters).collect(),
        _ => title.clone(),
    };
    (title, format!("{kind}: {subject}"))
}

/// The lines of a failure that say what is wrong.
pub(super) fn excerpt(output: &str) -> String {
    let lines: Vec<&str> = output.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).collect();
    let telling = [
        "error",
        "fail",
        "assert",
        "expected",
        "exception",
        "traceback",
        "panic",
        "not ok",
        "undefined",
        "cannot",
        "line ",
    ];
    let tells = |line: &str| {
        let lower = line.to_lowercase();
        telling.iter().any(|word| lower.contains(word)) || line.starts_with("E ") || line.starts_with('>')
    };
    let noise = |line: &str| {
        ["Proposal ", "Repair what failed", "This was the last", "- tests not run", "command:"]
            .iter()
            .any(|begin| line.trim_start().starts_with(begin))
            || line.contains(" passed")
            || line.starts_with("Traceback (")
            || line.len() > 9 && line.chars().all(|c| "=-".contains(c))
    };
    let mut kept = vec![false; lines.len()];
    for index in 0..lines.len() {
        if tells(lines[index]) && !noise(lines[index]) {
            for near in index.saturating_sub(2)..(index + 2).min(lines.len()) {
                kept[near] = !noise(lines[near]);
            }
        }
    }
    let told: Vec<&str> = lines.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(line, _)| *line).collect();
    let text = if told.is_empty() { lines.join("\n") } else { told.join("\n") };
    crate::text::cut_middle(&text, FAILURE).into_owned()
}

/// Whether a failure is in how this file is written, rather than in what it finds.
pub(super) fn blames(output: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let faults = [
        "NameError",
        "ImportError",
        "ModuleNotFoundError",
        "SyntaxError",
        "IndentationError",
        "ReferenceError",
        "undefined:",
        "AttributeError",
        "is not defined",
    ];
    output.contains(name) && faults.iter().any(|fault| output.contains(fault))
}

/// The files that were changed.
fn changed(story: &Story) -> String {
    let mut paths: Vec<&str> = Vec::new();
    for step in story.steps.iter().filter(|step| step.changed()) {
        if !paths.contains(&step.path()) {
            paths.push(step.path());
        }
    }
    let quoted: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    quoted.join(", ")
}

/// What the gates said, one line each.
fn gates(step: &Step) -> String {
    let lines: Vec<&str> =
        step.output.lines().filter(|line| line.starts_with("- ")).map(|line| line.trim_start_matches("- ")).collect();
    lines.join("; ")
}

/// The work is done.
pub(super) fn done(story: &Story, step: &Step) -> String {
    if step.output.contains("Nothing is different") {
        return "Nothing is different in the end, so there is nothing to propose.".to_owned();
    }
    let gates = gates(step);
    let checks = if gates.is_empty() { String::new() } else { format!(" Checks: {gates}.") };
    format!("Changed {}.{checks} Please read the hunks before you accept them.", changed(story))
}

/// The work is done, and nobody asked for a proposal.
pub(super) fn at_rest(story: &Story) -> String {
    format!("Changed {}.", changed(story))
}

/// The failure went back often enough.
pub(super) fn given_up(story: &Story, step: &Step) -> String {
    let last = excerpt(&step.output);
    let last: Vec<&str> = last.lines().rev().take(6).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    let files = story.files();
    let paths: Vec<&str> = story.steps.iter().filter(|step| step.changed()).map(Step::path).collect();
    let is_as_before =
        |path: &&str| story.before(path).is_some_and(|lines| files.get(*path).is_some_and(|now| now.lines == lines));
    let what = match paths.iter().all(is_as_before) {
        true => format!("A check still fails. Nothing I tried made it better, so {} is as it was", changed(story)),
        false => format!("I changed {}, but a check still fails and I could not repair it", changed(story)),
    };
    small(&format!("{what}:\n\n```\n{}\n```", last.join("\n")))
}

/// A tool refused a change.
pub(super) fn refused(step: &Step) -> String {
    format!("The change to `{}` was refused: {}", step.path(), step.output.lines().next().unwrap_or_default())
}

/// The files to change could not be read.
pub(super) fn nothing_read(targets: &[Target]) -> String {
    let paths: Vec<String> = targets.iter().map(|target| format!("`{}`", target.path)).collect();
    format!("I could not read {}, so nothing was changed.", paths.join(", "))
}

/// It is not clear what to change.
pub(super) fn nowhere(story: &Story) -> String {
    small(&format!(
        "I found no file to change for \"{}\". Name the file in the task.",
        super::story::short(&story.task)
    ))
}

/// What a small model owes its user when it fails.
pub(super) fn small(text: &str) -> String {
    format!(
        "{text}\n\nThis is a small model: smaller steps that name the file and the function work best, and a larger model can be chosen with F3."
    )
}
