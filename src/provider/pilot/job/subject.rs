//! What a job is about: the change that is wanted, how it is put to the model, and what is kept of the conversation.

use crate::provider::Request;
use crate::provider::pilot::plan::How;
use crate::provider::pilot::prompts::{self, Manner};
use crate::provider::pilot::route::Here;
use crate::provider::pilot::words::Terms;
use crate::provider::pilot::{advice, excerpt, languages, story};
use crate::provider::shape::Shape;

/// A change to one file.
#[derive(Clone, Debug)]
pub(in crate::provider::pilot) struct Change {
    pub(super) path: String,
    pub(super) how: How,
    pub(super) manner: Manner,
    pub(super) old: Vec<String>,
    pub(super) files: Vec<(String, String)>,
    pub(super) failure: Option<String>,
    /// The file is shown as it was before any attempt.
    pub(super) anew: bool,
    /// What the answer begins with, behind the fence.
    pub(super) begun: String,
    /// A first answer that is being looked at once more.
    pub(super) first: Option<First>,
}

/// An answer that could be taken, and what speaks against it.
#[derive(Clone, Debug)]
pub(super) struct First {
    /// The file as it would be.
    pub(super) lines: Vec<String>,
    pub(super) doubts: Vec<String>,
    /// How often it was looked at.
    pub(super) looks: usize,
}

/// What a job keeps of the conversation.
#[derive(Clone, Debug)]
pub(in crate::provider::pilot) struct Material {
    pub(super) task: String,
    pub(super) terms: Terms,
    pub(super) answer: usize,
    pub(super) tools: Vec<String>,
}

impl Change {
    /// What is asked for, in words: the task with what failed, what is good to know and what to mind; or, of an answer
    /// that only some things speak against, those alone.
    pub(super) fn task(&self, here: &Material, request: &Request, focus: Option<&First>) -> String {
        let advice = || prompts::good_to_know(&advice::for_task(&here.task, &self.path, &self.old.join("\n")));
        if let Some(first) = focus {
            return prompts::correct(&self.path, &first.doubts) + &advice();
        }
        let mut task = here.task.clone();
        if let Some(failure) = &self.failure {
            let untouched = !story::Story::of(&request.messages).steps.iter().any(story::Step::changed);
            task.push_str(&match self.anew {
                _ if untouched => format!("\n\nThis is what fails:\n```\n{failure}\n```"),
                true => format!("\n\nA first attempt failed like this, so do it otherwise:\n```\n{failure}\n```"),
                false => format!(
                    "\n\nThe files above hold a first attempt, but a check fails:\n```\n{failure}\n```\nCorrect `{}`.",
                    self.path
                ),
            });
        }
        if self.manner != Manner::Tests {
            task.push_str(&advice());
            // An answer that is no good is not shown: a small model would only write it once more.
            let doubts = self.first.as_ref().map(|first| first.doubts.as_slice()).unwrap_or_default();
            task.push_str(&prompts::mind(doubts));
        }
        task
    }

    /// How the answer begins, what it has to look like, and how many tokens it may have.
    pub(super) fn form(&self, focus: Option<&First>) -> (String, Shape, usize) {
        let language = languages::of(&self.path);
        let size = excerpt::tokens(&self.old.join("\n"));
        match self.manner {
            Manner::Blocks => {
                let lines = focus.map_or(&self.old, |first| &first.lines);
                let shape = Shape::blocks(lines).unwrap_or(Shape::Text);
                ("<<<<<<< SEARCH\n".to_owned(), shape, 700)
            }
            Manner::Whole | Manner::Words => (
                format!("```{}\n{}", language.fence, self.begun),
                Shape::File { most_lines: self.old.len() * 3 / 2 + 60 },
                size * 13 / 10 + 300,
            ),
            Manner::Tests => (format!("```{}\n{}", language.fence, self.begun), Shape::File { most_lines: 80 }, 600),
            Manner::Create => (format!("```{}\n{}", language.fence, self.begun), Shape::File { most_lines: 200 }, 900),
        }
    }

    /// Whether the model is shown the file as it is.
    pub(super) fn is_shown_whole(&self) -> bool {
        self.shows(&self.old)
    }

    /// Whether the model is shown the file with these lines.
    pub(super) fn shows(&self, lines: &[String]) -> bool {
        self.files.iter().any(|(path, text)| *path == self.path && *text == lines.join("\n"))
    }
}

impl Material {
    pub(super) fn of(here: &Here<'_>) -> Self {
        Self {
            task: here.story.task.clone(),
            terms: here.terms.clone(),
            answer: here.limits.answer,
            tools: here.request.tools.iter().map(|tool| tool.name.clone()).collect(),
        }
    }

    pub(super) fn has(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == tool)
    }
}
