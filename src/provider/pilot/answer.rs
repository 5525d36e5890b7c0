//! Questions: what the model is shown for an answer in words, and the lines an answer can be checked by.

use super::job::{Job, Kind};
use super::prompts::{self, Manner};
use super::route::Here;
use super::words::Terms;
use super::{excerpt, quotes};
use crate::provider::embedded::wire::{Prompt, Role};
use crate::provider::shape::Shape;

impl Job {
    /// An answer in words, with these files at hand.
    pub(super) fn words(here: &Here<'_>, paths: &[&str]) -> Self {
        let known = here.story.files();
        let mut turns = prompts::fixed(Manner::Words, &here.request.system);
        let fixed = turns.len();
        for (user, said) in here.story.earlier.iter().rev().take(2).rev() {
            turns.push(prompts::turn(Role::User, cut(user, 600)));
            turns.push(prompts::turn(Role::Assistant, cut(said, 600)));
        }
        let mut left = here.limits.prompt;
        let mut shown = Vec::new();
        let mut files = Vec::new();
        for path in paths {
            let Some(file) = known.get(*path) else { continue };
            files.push(((*path).to_owned(), file.lines.clone()));
            let text = excerpt::excerpt(path, &file.lines, &here.terms, left * 2 / 3);
            left = left.saturating_sub(excerpt::tokens(&text));
            if !text.trim().is_empty() {
                shown.push((*path, text));
            }
        }
        let text = if shown.is_empty() {
            cut(&here.story.task, left * 3)
        } else {
            prompts::request(&shown, &here.story.task, "Answer in words.")
        };
        turns.push(prompts::turn(Role::User, text));
        let prompt = Prompt {
            turns,
            fixed,
            opening: String::new(),
            shape: Shape::Text,
            most: here.limits.answer.min(500),
            temperature: 0.0,
        };
        let kind = Kind::Words { terms: here.terms.clone(), files };
        Self { prompt, doing: "answering".to_owned(), kind, attempt: 0, request: here.request.clone() }
    }
}

/// The answer, and behind it the lines it can be checked by.
pub(super) fn answered(text: &str, terms: &Terms, files: &[(String, Vec<String>)]) -> String {
    if text.is_empty() {
        return "I have no answer to that.".to_owned();
    }
    let files: Vec<(&str, &[String])> = files.iter().map(|(path, lines)| (path.as_str(), lines.as_slice())).collect();
    match quotes::quotes(text, terms, &files) {
        quotes if quotes.is_empty() => text.to_owned(),
        quotes => format!("{text}\n\n{}", quotes.trim_end()),
    }
}

fn cut(text: &str, most: usize) -> String {
    crate::text::cut_middle(text, most).into_owned()
}
