//! The conversation as a model is sent it, and how it is kept inside the context window.

mod compaction;
mod estimate;
mod messages;

pub use compaction::{cut, plain_summary, summary_request, with_last_request};
pub use estimate::{estimate, estimate_after};

use crate::provider::Request;

use super::rules::{ModelRules, Rules};
use super::session::Session;

/// The request for the next answer.
pub fn request(session: &Session, rules: &Rules, model: &ModelRules) -> Request {
    let mut messages = messages::of(session);
    compaction::fit(&mut messages, rules, model.most());
    Request {
        model: model.name.clone(),
        system: rules.system.clone(),
        messages,
        tools: rules.specs.clone(),
        max_tokens: model.max_tokens,
        temperature: None,
    }
}
