//! Commands that begin with a slash.

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slash {
    /// Its name, without the slash.
    pub name: &'static str,
    /// What it takes, for people; empty when it takes nothing.
    pub takes: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// Every command, in the order of the help.
pub const SLASHES: &[Slash] = &[
    Slash { name: "agent", takes: "[NAME]", doc: "choose the agent" },
    Slash { name: "model", takes: "[PROVIDER/MODEL]", doc: "choose the model" },
    Slash { name: "task", takes: "[TASK]", doc: "show the tasks, or hand one to another agent" },
    Slash { name: "diff", takes: "", doc: "go to the proposal; without one, propose the draft as it is" },
    Slash {
        name: "verify",
        takes: "[GATE …]",
        doc: "run the gates on the proposal again; without one, propose the draft",
    },
    Slash { name: "undo", takes: "[COMMIT|list]", doc: "take the last commit of this session back, or the one named" },
    Slash { name: "redo", takes: "[COMMIT]", doc: "bring the commit that was taken back again" },
    Slash { name: "rewind", takes: "", doc: "go back to before a message: conversation, draft and commits since" },
    Slash {
        name: "api",
        takes: "serve|http|spec|test|load …",
        doc: "serve, ask and test the project's HTTP interface",
    },
    Slash { name: "commit", takes: "", doc: "open the commit dialog" },
    Slash { name: "compact", takes: "", doc: "replace the conversation so far by a summary" },
    Slash { name: "context", takes: "", doc: "say how full the context window is" },
    Slash { name: "cost", takes: "", doc: "say what this session has used" },
    Slash { name: "export", takes: "[FILE]", doc: "write the conversation to a markdown file" },
    Slash { name: "report", takes: "", doc: "say what came of this session, from its evidence" },
    Slash { name: "doctor", takes: "", doc: "say what this session runs on" },
    Slash { name: "help", takes: "", doc: "show the keys and commands" },
    Slash { name: "quit", takes: "", doc: "end the session; it can be resumed" },
];

/// Reads `/name rest`. `Err` holds the name that is no command, with the nearest one there is.
pub fn parse(line: &str) -> Result<(&'static Slash, &str), (String, Option<&'static str>)> {
    let body = line.trim().strip_prefix('/').unwrap_or(line);
    let (name, rest) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
    match SLASHES.iter().find(|slash| slash.name == name) {
        Some(slash) => Ok((slash, rest.trim())),
        None => {
            let near = SLASHES.iter().map(|slash| slash.name).min_by_key(|known| strsim::levenshtein(known, name));
            Err((name.to_owned(), near.filter(|near| strsim::levenshtein(near, name) <= 2)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_command_and_names_the_nearest() {
        assert_eq!(parse("/model a/b ").map(|(slash, rest)| (slash.name, rest)), Ok(("model", "a/b")));
        assert_eq!(parse("/quit").map(|(slash, _)| slash.name), Ok("quit"));
        assert_eq!(parse("/comit"), Err(("comit".to_owned(), Some("commit"))));
        assert_eq!(parse("/xyzzy").unwrap_err().1, None);
    }
}
