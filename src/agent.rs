//! Agent files: markdown with front matter that names an agent, its tools and its system prompt.
//!
//! Files in the wild are rarely clean YAML, and every one of them is somebody's working setup. So nothing here fails:
//! [`parse`] always gives an [`AgentDef`], and what was odd about the file is said in its notes.

mod catalogue;
mod fields;
mod instructions;
mod lists;
mod names;
mod parse;
mod scanner;
mod source;

use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::domain::NoteLevel;

pub use catalogue::{Catalogue, Folders, Skipped, builtin, load_folder, project_folders, user_folders};
pub use instructions::{Instructions, instructions};
pub use names::{Allowed, ModelName, PROTOCOL_TOOLS, TOOLS, allowed_tools, model_name};
pub use parse::parse;

/// The agent a session starts with when nothing else is said.
pub const DEFAULT: &str = "senior-backend-dev";

/// Where an agent comes from. The later one wins over the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Shipped with the program.
    Builtin,
    /// One of the user's own folders.
    User,
    /// A folder of the repository.
    Project,
}

/// Something about a file that its author or user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How important it is.
    pub level: NoteLevel,
    /// 1-based line of the file, where there is one.
    pub line: Option<usize>,
    /// What it is, in one sentence.
    pub text: String,
}

impl Note {
    /// Good to know.
    pub fn info(line: impl Into<Option<usize>>, text: impl Into<String>) -> Self {
        Self { level: NoteLevel::Info, line: line.into(), text: text.into() }
    }

    /// Something is not as its author meant it.
    pub fn warning(line: impl Into<Option<usize>>, text: impl Into<String>) -> Self {
        Self { level: NoteLevel::Warning, line: line.into(), text: text.into() }
    }

    /// Something could not be used at all.
    pub fn error(line: impl Into<Option<usize>>, text: impl Into<String>) -> Self {
        Self { level: NoteLevel::Error, line: line.into(), text: text.into() }
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An agent as its file describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentDef {
    /// How it is called; the file's name where the file does not say.
    pub name: String,
    /// When to use it, as written.
    pub description: String,
    /// The model as written; `None` takes the session's.
    pub model: Option<String>,
    /// The tools as written; `None` is all.
    pub tools: Option<Vec<String>>,
    /// Tools taken away from those, as written.
    pub disallowed_tools: Vec<String>,
    /// The system prompt: the text below the front matter, with `\n` line ends.
    pub prompt: String,
    /// What the user says first when the agent starts a session by itself.
    pub initial_prompt: Option<String>,
    /// The most steps it may take.
    pub max_turns: Option<u32>,
    /// How hard the model should think, as written.
    pub effort: Option<String>,
    /// The colour its author gave it.
    pub color: Option<String>,
    /// Documented fields that Tenon keeps but does not act on, and unknown ones, as text.
    pub other: Vec<(String, String)>,
    /// Whether the file has front matter at all.
    pub has_front_matter: bool,
    /// Where it comes from.
    pub source: Source,
    /// Its file; `None` when built in.
    pub path: Option<PathBuf>,
    /// What is odd about the file.
    pub notes: Vec<Note>,
}

/// One row of `tenon agents list --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Listing<'a> {
    /// How it is called.
    pub name: &'a str,
    /// When to use it.
    pub description: &'a str,
    /// The model as written.
    pub model: Option<&'a str>,
    /// The tools as written.
    pub tools: Option<&'a [String]>,
    /// Where it comes from.
    pub source: Source,
    /// Its file.
    pub path: Option<String>,
    /// What is odd about the file.
    pub notes: &'a [Note],
}

impl AgentDef {
    /// The row that stands for it in reports.
    pub fn listing(&self) -> Listing<'_> {
        Listing {
            name: &self.name,
            description: &self.description,
            model: self.model.as_deref(),
            tools: self.tools.as_deref(),
            source: self.source,
            path: self.path.as_ref().map(|path| path.to_string_lossy().into_owned()),
            notes: &self.notes,
        }
    }

    /// What the agent may call, in Tenon's own names. Without a list in the file that is everything.
    pub fn allowed(&self) -> Allowed {
        let everything = [String::from("*")];
        let mut allowed = allowed_tools(self.tools.as_deref().unwrap_or(&everything));
        if !self.disallowed_tools.is_empty() {
            allowed.remove(&allowed_tools(&self.disallowed_tools));
        }
        allowed
    }

    /// The first sentence or line of the description, without examples, for a list that a person reads.
    pub fn summary(&self) -> String {
        let text = self.description.replace("\\n", "\n");
        let text = text.split("<example>").next().unwrap_or_default();
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let line = line.split_once(". ").map_or(line, |(first, _)| first);
        line.trim_end_matches(['.', ':']).to_owned()
    }
}
