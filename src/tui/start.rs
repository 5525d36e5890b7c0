//! What the screen is started with: plain data, so that the first frame needs nothing slow.

use std::path::PathBuf;
use std::sync::Arc;

use super::theme::TerminalHints;
use crate::provider::offers::{Offer, Scout};

/// Something to choose from a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Its name, as commands take it.
    pub name: String,
    /// What it is, in one line.
    pub description: String,
}

/// What the screen knows before the session is open. Everything may be left empty.
#[derive(Clone, Debug, Default)]
pub struct StartInfo {
    /// The repository's folder.
    pub folder: PathBuf,
    /// What to call the repository.
    pub repository: String,
    /// The branch, when it is known without looking.
    pub branch: Option<String>,
    /// The agent's name.
    pub agent: String,
    /// The model as `provider/model`; empty when there is none yet.
    pub model: String,
    /// Agents to choose from.
    pub agents: Vec<Choice>,
    /// Models to choose from, as far as they are known without asking anybody.
    pub models: Vec<Offer>,
    /// Looks for more models, and fetches them.
    pub scout: Option<Arc<Scout>>,
    /// No model is chosen: the list of them comes up first.
    pub ask_model: bool,
    /// The folder where the choice of a model is kept for the next time.
    pub state: Option<PathBuf>,
    /// The theme the user wishes for.
    pub theme: Option<String>,
    /// What the terminal says about its colours.
    pub hints: TerminalHints,
    /// The user's changes to the key table: names with the keys that replace the default ones.
    pub keys: Vec<(String, Vec<String>)>,
    /// The command line of the user's editor: `$VISUAL` or `$EDITOR`.
    pub editor: Option<String>,
    /// A task that stands in the composer, ready to be sent.
    pub prefill: Option<String>,
    /// The task, on the screen of one that was handed over.
    pub task: Option<String>,
    /// Lines to show in the chat before anything was said: what was found on a first run, notes on the configuration.
    pub notes: Vec<String>,
    /// Where the messages sent are kept for the next time; nowhere when `None`.
    pub history: Option<PathBuf>,
    /// There is a proposal to decide on and nobody to talk to: `tenon review`.
    pub review_only: bool,
}
