//! One thing a model is asked to write, and what is made of it.

mod subject;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::change::{self, Refusal, TestPlace};
use super::files::{self, Known};
use super::plan::{How, Target};
use super::prompts::{self, Manner};
use super::route::Here;
use super::words::Terms;
use super::{Outcome, Written, answer, attempts, calls, doubts, excerpt, languages, report, says};
use crate::provider::embedded::wire::{End, Prompt, Role};
use crate::provider::shape::{self, Shape};
use crate::provider::{Reply, Request};

use subject::First;
pub(super) use subject::{Change, Material};

/// Up to so many lines a file is written whole.
const WHOLE: usize = 60;
/// Up to so many lines it is, where blocks did no good.
const WHOLE_AT_MOST: usize = 160;
/// Up to so many lines a file is shown whole.
const SHOWN_WHOLE: usize = 130;
/// The share of the prompt that files beside the target may take: one part of so many.
const BESIDE_SHARE: usize = 6;
/// How often the model is asked for the same change.
const ATTEMPTS: usize = 2;
/// How often it looks once more at an answer that something speaks against.
const LOOKS: usize = 2;
/// The same where it writes anew after a failure: an answer drawn by chance may be the same as before.
const DRAWS: usize = 4;

/// A question to the model.
#[derive(Clone, Debug)]
pub struct Job {
    pub(super) prompt: Prompt,
    pub(super) doing: String,
    pub(super) kind: Kind,
    pub(super) attempt: usize,
    pub(super) request: Request,
}

/// What is made of what the model writes.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// An answer, and the lines of the files it is about.
    Words {
        terms: Terms,
        files: Vec<(String, Vec<String>)>,
    },
    Path {
        here: Material,
    },
    Change {
        what: Change,
        here: Material,
    },
}

/// What is asked for.
pub(super) struct Ask<'a> {
    pub(super) target: &'a Target,
    pub(super) targets: &'a [Target],
    pub(super) beside: &'a [&'a str],
    pub(super) failure: Option<String>,
    /// The file as it was before any attempt, when it is to be written anew instead of repaired: who is shown a wrong
    /// answer writes it once more.
    pub(super) before: Option<Vec<String>>,
    pub(super) known: &'a BTreeMap<String, Known>,
}

impl Job {
    /// The path of a new file.
    pub(super) fn path(here: &Here<'_>) -> Self {
        let mut turns = prompts::fixed(Manner::Words, "");
        let text =
            format!("Task: {}\n\nWhich file should be made for this? Answer with its path only.", here.story.task);
        turns.push(prompts::turn(Role::User, text));
        let prompt = Prompt { turns, fixed: 1, opening: String::new(), shape: Shape::Path, most: 40, temperature: 0.0 };
        Self {
            prompt,
            doing: "choosing a file name".to_owned(),
            kind: Kind::Path { here: Material::of(here) },
            attempt: 0,
            request: here.request.clone(),
        }
    }

    /// A change to a file.
    pub(super) fn change(here: &Here<'_>, ask: Ask<'_>) -> Self {
        let path = ask.target.path.clone();
        let old = ask.known.get(&path).map(|file| file.lines.clone()).unwrap_or_default();
        let mut how = ask.target.how;
        if how == How::AddTests
            && ask.failure.is_some()
            && here.story.steps.iter().any(|step| step.changed() && step.path() == path)
            || how == How::Create && !old.is_empty()
        {
            how = How::Change;
        }
        let budget = here.limits.prompt;
        let task_tokens = excerpt::tokens(&here.story.task) + ask.failure.as_deref().map_or(0, excerpt::tokens);
        let own_budget = budget.saturating_sub(task_tokens).max(300);
        // Blocks hold on to the lines that are there now.
        let before = ask.before.filter(|before| before.len() <= WHOLE && old.len() <= WHOLE && can_be_whole(before));
        let shown = before.as_ref().unwrap_or(&old);
        let whole = shown.len() <= SHOWN_WHOLE && excerpt::tokens(&shown.join("\n")) <= own_budget + own_budget / 2;
        let text = if whole { shown.join("\n") } else { excerpt::excerpt(&path, shown, &here.terms, own_budget) };
        // What is imported is worth its outline; a test that fails is worth reading.
        let measured = ask.failure.is_some() || super::plan::speaks_of_failing(&here.story.task);
        let mut left =
            if measured { (own_budget / 2).clamp(200, 600) } else { (own_budget / BESIDE_SHARE).clamp(80, 250) };
        let mut files = Vec::new();
        let changed = ask.targets.iter().map(|target| target.path.as_str());
        for other in changed.chain(ask.beside.iter().copied()).filter(|other| *other != path) {
            // Tests are not needed to change code, unless they are what fails.
            let is_test = languages::is_test(other);
            let wanted = !is_test || measured;
            let Some(file) = ask.known.get(other).filter(|_| wanted) else { continue };
            let full = excerpt::tokens(&file.text()) <= left;
            let part =
                if full || !is_test { file.text() } else { excerpt::excerpt(other, &file.lines, &here.terms, left) };
            let part =
                if excerpt::tokens(&part) <= left + 40 { part } else { excerpt::outline(other, &file.lines, left) };
            left = left.saturating_sub(excerpt::tokens(&part));
            if !part.trim().is_empty() && left > 0 {
                files.push((other.to_owned(), part));
            }
        }
        if !old.is_empty() {
            files.push((path.clone(), text));
        }
        let manner = match how {
            How::AddTests => Manner::Tests,
            How::Create => Manner::Create,
            How::Change if old.len() <= WHOLE && can_be_whole(&old) => Manner::Whole,
            How::Change if Shape::blocks(&old).is_some() => Manner::Blocks,
            How::Change => Manner::Whole,
        };
        let (anew, failure) = (before.is_some(), ask.failure);
        let what = Change { path, how, manner, old, files, failure, anew, begun: String::new(), first: None };
        Self::of_change(what, Material::of(here), here.request.clone(), usize::from(anew))
    }

    fn of_change(mut what: Change, here: Material, request: Request, attempt: usize) -> Self {
        let mut turns = prompts::fixed(what.manner, &request.system);
        let fixed = turns.len();
        let instruction = match what.manner {
            Manner::Whole | Manner::Words => prompts::whole(&what.path),
            Manner::Blocks => prompts::blocks(&what.path),
            Manner::Tests => prompts::tests(&what.path),
            Manner::Create => prompts::create(&what.path),
        };
        // One thing at a time is what a small model is good at: what it did is kept, and only this is asked for.
        let focus = what.first.clone().filter(|first| first.looks == 1 && doubts::can_stand_alone(&first.doubts));
        let task = what.task(&here, &request, focus.as_ref());
        let shown = |(path, text): &(String, String)| match &focus {
            Some(first) if *path == what.path && what.manner == Manner::Whole => first.lines.join("\n"),
            Some(first) if *path == what.path => {
                // As much of it as was shown before.
                excerpt::excerpt(path, &first.lines, &here.terms, excerpt::tokens(text) * 5 / 4 + 40)
            }
            _ => text.clone(),
        };
        let files: Vec<(&str, String)> = what.files.iter().map(|file| (file.0.as_str(), shown(file))).collect();
        turns.push(prompts::turn(Role::User, prompts::request(&files, &task, &instruction)));
        what.begun = match what.manner {
            Manner::Tests => TestPlace::of(&what.path, &what.old).opening,
            Manner::Whole => change::header(&what.path, &what.old),
            Manner::Create => package_clause(&what.path, &what.files),
            _ => String::new(),
        };
        let (opening, shape, most) = what.form(focus.as_ref());
        let doing = match (&what.failure, what.how) {
            _ if what.first.is_some() => format!("looking at {} once more", what.path),
            (Some(_), _) => format!("repairing {}", what.path),
            (None, How::AddTests) => format!("writing tests for {}", what.path),
            (None, How::Create) => format!("writing {}", what.path),
            (None, How::Change) => format!("changing {}", what.path),
        };
        // The first answer is the likeliest one; a second try must not be the same.
        let looks = what.first.as_ref().map_or(0, |first| first.looks.saturating_sub(1));
        let temperature = match attempt.max(looks) {
            0 => 0.0,
            1 => 0.5,
            _ => 0.8,
        };
        let prompt = Prompt { turns, fixed, opening, shape, most: most.min(here.answer.max(600)), temperature };
        Self { prompt, doing, kind: Kind::Change { what, here }, attempt, request }
    }

    pub(super) fn is_words(&self) -> bool {
        matches!(self.kind, Kind::Words { .. })
    }

    /// Makes of what the model wrote what the engine understands.
    pub fn finish(&self, written: &Written) -> Outcome {
        match &self.kind {
            Kind::Words { terms, files } => Outcome::Reply(says(answer::answered(written.text.trim(), terms, files))),
            Kind::Path { here } => self.made_path(written, here),
            Kind::Change { what, here } => match (new_lines(what, here, written, &self.prompt.shape), &what.first) {
                (Ok(lines), first) => self.considered(what, here, lines, first.as_ref()),
                (Err(_), Some(first)) => self.considered(what, here, first.lines.clone(), Some(first)),
                (Err(refusal), None) => self.again(what, here, refusal),
            },
        }
    }

    fn made_path(&self, written: &Written, here: &Material) -> Outcome {
        match self.prompt.shape.read(&written.text) {
            Some(shape::Written::Text(path)) if written.end == End::Finished => {
                let path = path.trim().to_owned();
                let what = Change {
                    path: path.clone(),
                    how: How::Create,
                    manner: Manner::Create,
                    old: Vec::new(),
                    files: Vec::new(),
                    failure: None,
                    anew: false,
                    begun: String::new(),
                    first: None,
                };
                Outcome::Again(
                    Box::new(Self::of_change(what, here.clone(), self.request.clone(), 0)),
                    format!("the new file is {path}"),
                )
            }
            _ => Outcome::Reply(says(
                "I could not find out which file to make for this. Name it in the task.".to_owned(),
            )),
        }
    }

    /// Takes the lines, or lets the model look at them once more where something speaks against them.
    fn considered(&self, what: &Change, here: &Material, lines: Vec<String>, first: Option<&First>) -> Outcome {
        let beside: Vec<&str> =
            what.files.iter().filter(|(path, _)| *path != what.path).map(|(_, text)| text.as_str()).collect();
        let doubts = doubts::doubts(&what.path, &here.task, &here.terms, &what.old, &lines, &beside.join("\n"));
        let looks = first.map_or(0, |first| first.looks);
        let best = match first {
            Some(first) if doubts.len() >= first.doubts.len() => First { looks: looks + 1, ..first.clone() },
            _ => First { lines, doubts, looks: looks + 1 },
        };
        // Of a long file it is asked for once more only what can be asked for alone: writing it anew brought nothing.
        let worth = match what.manner {
            Manner::Whole => looks < LOOKS,
            Manner::Blocks => looks == 0 && doubts::can_stand_alone(&best.doubts),
            Manner::Tests | Manner::Create | Manner::Words => false,
        };
        // In a repair the file before it is no measure: what it holds is what failed.
        if best.doubts.is_empty() || !worth || what.failure.is_some() {
            return Outcome::Reply(self.changed(what, here, &best.lines));
        }
        let why = best.doubts.join(" ");
        let other = Change { first: Some(best), ..what.clone() };
        let job = Self::of_change(other, here.clone(), self.request.clone(), self.attempt);
        Outcome::Again(Box::new(job), why)
    }

    fn changed(&self, what: &Change, here: &Material, lines: &[String]) -> Box<Reply> {
        let edits = files::edits(&what.old, lines).filter(|_| here.has("edit") && !what.old.is_empty());
        let (tool, input): (&str, Value) = match edits {
            Some(edits) => ("edit", json!({"path": what.path, "edits": edits})),
            None => ("write", json!({"path": what.path, "content": lines.join("\n") + "\n"})),
        };
        if !here.has(tool) {
            let fence = languages::of(&what.path).fence;
            return says(format!(
                "I may not change files. `{}` would become:\n\n```{fence}\n{}\n```",
                what.path,
                lines.join("\n")
            ));
        }
        calls(&self.request, String::new(), vec![(tool, input)])
    }

    /// Asks once more, otherwise; or says that it was no good.
    fn again(&self, what: &Change, here: &Material, refusal: Refusal) -> Outcome {
        if self.attempt + 1 >= if what.anew { DRAWS } else { ATTEMPTS } {
            return Outcome::Reply(self.gave_up(what, here, &refusal));
        }
        let mut other = what.clone();
        if what.how == How::Change && !what.anew {
            other.manner = match what.manner {
                Manner::Blocks
                    if what.old.len() <= WHOLE_AT_MOST && can_be_whole(&what.old) && what.is_shown_whole() =>
                {
                    Manner::Whole
                }
                Manner::Whole if Shape::blocks(&what.old).is_some() => Manner::Blocks,
                same => same,
            };
        }
        Outcome::Again(
            Box::new(Self::of_change(other, here.clone(), self.request.clone(), self.attempt + 1)),
            refusal.words(),
        )
    }

    /// Without this change the work goes on if something else was changed, and ends otherwise.
    fn gave_up(&self, what: &Change, here: &Material, refusal: &Refusal) -> Box<Reply> {
        let story = super::story::Story::of(&self.request.messages);
        let others = story.steps.iter().any(super::story::Step::changed);
        let text = match &what.failure {
            Some(_) if others => {
                format!("A check still fails, and I could not repair `{}`: {}.", what.path, refusal.words())
            }
            _ => format!("I could not change `{}`: {}.", what.path, refusal.words()),
        };
        let back = if what.failure.is_some() { attempts::bring_back(&story) } else { Vec::new() };
        if !back.is_empty() {
            return calls(&self.request, format!("{text} {}", report::BROUGHT_BACK), back);
        }
        if others && what.failure.is_none() && here.has("propose") {
            let (title, message) = report::words(&story);
            return calls(&self.request, text, vec![("propose", json!({"title": title, "message": message}))]);
        }
        says(report::small(&text))
    }
}

/// The lines the file shall have.
fn new_lines(what: &Change, here: &Material, written: &Written, shape: &Shape) -> Result<Vec<String>, Refusal> {
    if written.end != End::Finished {
        return Err(Refusal::RanOn);
    }
    let text = format!("{}{}", what.begun, written.text);
    let lines = match shape.read(&text) {
        Some(shape::Written::Lines(lines)) => lines,
        Some(shape::Written::Changed { lines, .. }) => lines,
        _ => return Err(Refusal::Unreadable),
    };
    match what.manner {
        Manner::Tests => change::with_tests(&what.path, &what.old, &lines),
        Manner::Create => {
            let lines = change::checked(&what.path, &[], lines, &here.task, &here.terms)?;
            if lines.iter().all(|line| line.trim().is_empty()) { Err(Refusal::Unchanged) } else { Ok(lines) }
        }
        _ => {
            let lines = change::checked(&what.path, &what.old, lines, &here.task, &here.terms)?;
            // As it was before any attempt it failed as well.
            if what.anew && what.shows(&lines) { Err(Refusal::Unchanged) } else { Ok(lines) }
        }
    }
}

/// What a new file of Go has to begin with: the files of a folder are one package.
fn package_clause(path: &str, files: &[(String, String)]) -> String {
    let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    if languages::of(path).fence != "go" {
        return String::new();
    }
    let beside = files.iter().filter(|(other, _)| other.ends_with(".go") && folder(other) == folder(path));
    let clause = beside.flat_map(|(_, text)| text.lines()).find(|line| line.starts_with("package "));
    clause.map(|line| format!("{}\n\n", line.trim_end_matches("_test"))).unwrap_or_default()
}

/// A fence inside the file would be taken for its end.
fn can_be_whole(lines: &[String]) -> bool {
    !lines.iter().any(|line| line.starts_with(shape::FENCE))
}
