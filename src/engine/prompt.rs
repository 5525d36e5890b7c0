//! The system prompt: the agent's own words, then where it is. Stable across a session, so that wires can cache it.

use crate::domain::Isolation;

/// Where the agent works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The root of the repository as tools and commands see it.
    pub root: String,
    /// How the workspace is isolated.
    pub isolation: Isolation,
    /// What is known of the project, in a line or two; may be empty.
    pub project: String,
    /// What the repository and the user want every agent to know; may be empty.
    pub instructions: String,
}

/// The prompt.
pub fn system(agent: &str, here: &Surroundings) -> String {
    let isolation = match here.isolation {
        Isolation::Overlay => "Commands run in a sandbox without outside network; loopback works.",
        Isolation::Copy => "The workspace is a copy of the repository; commands are not contained beyond that.",
    };
    let project = if here.project.is_empty() { String::new() } else { format!("- Project: {}\n", here.project) };
    let instructions = match here.instructions.trim() {
        "" => String::new(),
        text => format!(
            "\n# Instructions of this repository and its user\n\
             What the user says in the conversation counts for more; of two files that disagree, the later one holds.\n\n{text}\n"
        ),
    };
    format!(
        "{agent}\n\n\
         # Where you are\n\
         - Repository: {root} ({os}). Paths of tools are relative to it.\n\
         {project}\
         - You work in a transaction: nothing you change is visible outside until the user approves it, hunk by hunk. \
         So edit, run and test freely, and never ask for permission to edit. {isolation}\n\
         - What is different when you come to rest becomes a proposal, and the project's checks run on it. Call `propose` \
         with a title and a commit message (Conventional Commits) when your change is whole: you get the results of the \
         checks and can repair what fails.\n\
         - Only the user commits. Do not run git commands that write.\n\
         - When something was interrupted or rejected, take the reason seriously instead of doing it again.\n\
         {instructions}",
        agent = agent.trim(),
        root = here.root,
        os = std::env::consts::OS,
    )
}
