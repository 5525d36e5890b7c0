//! What happened so far, read from the messages: the task and the steps since.

use std::collections::BTreeMap;

use serde_json::Value;

use super::files::{self, Known};
use crate::domain::{Message, ToolCall, ToolResult};

/// A call with its result.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    /// The tool.
    pub(super) name: String,
    /// What it was given.
    pub(super) input: Value,
    /// Whether it did it.
    pub(super) ok: bool,
    /// What it said.
    pub(super) output: String,
}

impl Step {
    /// The path it was given.
    pub(super) fn path(&self) -> &str {
        self.input.get("path").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it changed a file.
    pub(super) fn changed(&self) -> bool {
        self.ok && matches!(self.name.as_str(), "edit" | "write")
    }
}

/// A conversation as far as the next step depends on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Story {
    /// What the user said last.
    pub(super) task: String,
    /// What was said before, the user's words and the answers, the latest last.
    pub(super) earlier: Vec<(String, String)>,
    /// Files changed in earlier turns, the latest first.
    pub(super) touched: Vec<String>,
    /// What was done since the user spoke.
    pub(super) steps: Vec<Step>,
}

impl Story {
    /// Reads a conversation.
    pub(super) fn of(messages: &[Message]) -> Self {
        let mut story = Self::default();
        let mut pending: Vec<ToolCall> = Vec::new();
        let mut said = String::new();
        for message in messages {
            match message {
                Message::User { text } => {
                    let task = without_notes(text);
                    // What the gates say belongs to the task that was proposed; taken for a task of its own, the model
                    // would be asked to repair a file without being told what for.
                    if task.starts_with("[checks]") && !story.task.is_empty() {
                        let name = "propose".to_owned();
                        story.steps.push(Step { name, input: Value::Null, ok: false, output: task });
                        continue;
                    }
                    // A note in the middle of the work is no new task.
                    if !task.is_empty() || story.task.is_empty() {
                        story.begin(task, std::mem::take(&mut said));
                    }
                }
                Message::Assistant { text, calls, .. } => {
                    if !text.trim().is_empty() {
                        text.clone_into(&mut said);
                    }
                    pending.clone_from(calls);
                }
                Message::Tools { results } => story.results(&std::mem::take(&mut pending), results),
            }
        }
        story
    }

    fn begin(&mut self, task: String, said: String) {
        let before = std::mem::replace(&mut self.task, task);
        if !before.is_empty() {
            self.earlier.push((before, said));
        }
        for step in std::mem::take(&mut self.steps).into_iter().filter(Step::changed) {
            self.touched.retain(|path| path != step.path());
            self.touched.insert(0, step.path().to_owned());
        }
    }

    fn results(&mut self, calls: &[ToolCall], results: &[ToolResult]) {
        for call in calls {
            let Some(result) = results.iter().find(|result| result.call == call.call) else { continue };
            self.steps.push(Step {
                name: call.name.clone(),
                input: call.input.clone(),
                ok: result.ok,
                output: result.output.clone(),
            });
        }
    }

    /// The first result of a tool.
    pub(super) fn first(&self, tool: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == tool)
    }

    /// The lines a file had before it was changed; `None` when it was not there or not read whole.
    pub(super) fn before(&self, path: &str) -> Option<Vec<String>> {
        let mut known = BTreeMap::new();
        for step in self.steps.iter().filter(|step| step.ok).take_while(|step| !(step.changed() && step.path() == path))
        {
            files::follow(&mut known, step);
        }
        known.remove(path).filter(|file| file.whole).map(|file| file.lines)
    }

    /// The files as they are now, as far as they were read.
    pub(super) fn files(&self) -> BTreeMap<String, Known> {
        let mut known = BTreeMap::new();
        for step in self.steps.iter().filter(|step| step.ok) {
            files::follow(&mut known, step);
        }
        known
    }
}

/// The user's own words, without what the engine noted among them.
fn without_notes(text: &str) -> String {
    let mut kept = Vec::new();
    for part in text.split("\n\n") {
        if part.starts_with("[note]") {
            break;
        }
        kept.push(part);
    }
    kept.join("\n\n").trim().to_owned()
}

/// A task in one short line.
pub(super) fn short(task: &str) -> String {
    let line = task.lines().next().unwrap_or_default();
    match line.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_gates_say_is_no_task_of_its_own() {
        let user = |text: &str| Message::User { text: text.to_owned() };
        let story = Story::of(&[user("add a route"), user("[checks] tests FAILED: 1 of 4"), user("now name it")]);
        assert_eq!(story.task, "now name it");
        assert_eq!(story.earlier, [("add a route".to_owned(), String::new())]);
        let story = Story::of(&[user("add a route"), user("[checks] tests FAILED: 1 of 4")]);
        assert_eq!(story.task, "add a route");
        assert!(matches!(story.steps.as_slice(), [step] if step.name == "propose" && !step.ok), "{story:?}");
    }
}
