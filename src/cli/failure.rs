//! The one error at the edge: what happened, what to do next, and how the program ends.

use crate::headless::Outcome;
use crate::text;

/// An error as a person reads it.
#[derive(Debug)]
pub struct Failure {
    /// How the program ends.
    pub outcome: Outcome,
    /// What happened and where.
    pub message: String,
    /// What to do next, one sentence each.
    pub hints: Vec<String>,
}

impl Failure {
    /// Something in the command line, the configuration or the surroundings does not allow to begin.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { outcome: Outcome::Usage, message: message.into(), hints: Vec::new() }
    }

    /// It began and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { outcome: Outcome::Failed, message: message.into(), hints: Vec::new() }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Prints it to standard error.
    pub fn print(&self) {
        eprintln!("tenon: {}", text::sanitize(&self.message));
        for hint in &self.hints {
            eprintln!("  → {}", text::sanitize(hint));
        }
    }
}
