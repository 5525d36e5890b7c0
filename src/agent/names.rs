//! Names of tools and models: what other programs call them and what they are here.

use crate::text::nearest;

/// Every tool there is, as DESIGN and the tool room name them.
pub const TOOLS: &[&str] = &[
    "read",
    "list",
    "search",
    "edit",
    "apply_patch",
    "write",
    "remove",
    "run",
    "serve",
    "http",
    "plan",
    "ask",
    "delegate",
    "propose",
    "stack",
    "verify",
    "api_spec",
    "api_test",
    "db",
    "migrate",
    "deploy",
    "scan",
];

/// Tools that are steps of the protocol: without them an agent could neither ask nor hand anything over.
pub const PROTOCOL_TOOLS: &[&str] = &["plan", "ask", "propose"];

/// What Claude Code calls them. `Bash` can do whatever a command can, so it brings what is only a safer way to do so.
const CLAUDE_CODE: &[(&str, &[&str])] = &[
    ("Read", &["read", "list", "stack"]),
    ("NotebookRead", &["read"]),
    ("LS", &["list"]),
    ("Glob", &["list", "search"]),
    ("Grep", &["search"]),
    ("Edit", &["edit", "apply_patch"]),
    ("MultiEdit", &["edit", "apply_patch"]),
    ("NotebookEdit", &["edit"]),
    ("Write", &["write"]),
    ("Bash", &["run", "serve", "http", "remove", "verify", "api_spec", "api_test", "db", "migrate", "deploy", "scan"]),
    ("BashOutput", &[]),
    ("KillBash", &[]),
    ("KillShell", &[]),
    ("Monitor", &[]),
    ("TaskOutput", &[]),
    ("TaskStop", &[]),
    ("WebFetch", &["http"]),
    ("Task", &["delegate"]),
    ("Agent", &["delegate"]),
    ("TodoWrite", &["plan"]),
    ("TodoRead", &["plan"]),
    ("TaskCreate", &["plan"]),
    ("TaskUpdate", &["plan"]),
    ("TaskGet", &["plan"]),
    ("TaskList", &["plan"]),
    ("EnterPlanMode", &["plan"]),
    ("ExitPlanMode", &["plan"]),
    ("AskUserQuestion", &["ask"]),
];

/// What a list of tool names comes down to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Tenon's own names, in the order of [`TOOLS`], the protocol's always among them.
    pub tools: Vec<&'static str>,
    /// Names that mean nothing here, as written.
    pub unknown: Vec<String>,
    /// Commands that `run` is meant for (`Bash(git:*)`), as written between the parentheses; empty means any.
    pub commands: Vec<String>,
    /// What the reading gave up or added.
    pub notes: Vec<String>,
}

impl Allowed {
    /// Whether a tool may be called.
    pub fn contains(&self, tool: &str) -> bool {
        self.tools.contains(&tool)
    }

    /// Takes away what another list names; the protocol's tools stay.
    pub(super) fn remove(&mut self, other: &Self) {
        // `Bash(rm:*)` forbids some commands, not the tool: a workspace contains them anyway.
        let partly = |tool: &str| !other.commands.is_empty() && tool_of("Bash").is_some_and(|all| all.contains(&tool));
        self.tools.retain(|tool| !other.contains(tool) || PROTOCOL_TOOLS.contains(tool) || partly(tool));
    }

    fn admit(&mut self, tools: &[&'static str]) {
        self.tools.extend(tools);
    }
}

/// Maps names of tools as agent files write them (Claude Code's, Tenon's own, `Bash(git:*)`, `*`) onto Tenon's tools.
pub fn allowed_tools(written: &[String]) -> Allowed {
    let mut allowed = Allowed::default();
    let (mut any_command, mut some_commands) = (false, Vec::new());
    for entry in written.iter().flat_map(|entry| super::lists::split_commas(entry)) {
        let (name, inner) = match entry.split_once('(') {
            Some((name, inner)) => (name.trim(), Some(inner.trim_end().trim_end_matches(')'))),
            None => (entry.trim(), None),
        };
        if name == "*" {
            allowed.admit(TOOLS);
            any_command = true;
            continue;
        }
        let Some(tools) = tool_of(name) else {
            allowed.unknown.push(entry);
            continue;
        };
        allowed.admit(tools);
        if tools.contains(&"run") {
            match inner {
                None | Some("" | "*" | ":*") => any_command = true,
                Some(command) => some_commands.push(command.to_owned()),
            }
        }
    }
    if !some_commands.is_empty() && !any_command {
        allowed.notes.push(format!(
            "`run` is not limited to {}: any command stays inside the workspace",
            some_commands.join(", ")
        ));
        allowed.commands = some_commands;
    }
    allowed.admit(PROTOCOL_TOOLS);
    allowed.tools = TOOLS.iter().copied().filter(|tool| allowed.tools.contains(tool)).collect();
    allowed
}

/// Case is no difference: other programs write `bash` for the same thing.
fn tool_of(name: &str) -> Option<&'static [&'static str]> {
    let own = TOOLS.iter().position(|tool| *tool == name);
    let own = own.map(|index| &TOOLS[index..=index]);
    own.or_else(|| CLAUDE_CODE.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name)).map(|(_, ours)| *ours))
}

/// The tool a mistyped name is probably about.
pub(super) fn near_tool(name: &str) -> Option<&'static str> {
    nearest(name, CLAUDE_CODE.iter().map(|(theirs, _)| *theirs).chain(TOOLS.iter().copied()))
}

/// What kind of name a model has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelName {
    /// `inherit`: the session's.
    Inherit,
    /// A family of Anthropic's, without a version: `sonnet`, `opus`, `haiku`, `fable`.
    Alias(&'static str),
    /// A full name; the provider it says or is known for.
    Full {
        /// The provider.
        provider: String,
        /// The model.
        model: String,
    },
    /// Nothing that can be resolved without asking a provider.
    Unknown,
}

/// Prefixes that only one vendor uses.
const VENDORS: &[(&str, &str)] = &[
    ("claude-", "anthropic"),
    ("gpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("gemini-", "gemini"),
];

/// Reads the name of a model as agent files write it.
pub fn model_name(written: &str) -> ModelName {
    // Claude Code's mark for a window of a million tokens is no part of the name.
    let word = written.trim();
    let word = word.strip_suffix("[1m]").unwrap_or(word);
    if word.eq_ignore_ascii_case("inherit") || word.eq_ignore_ascii_case("default") {
        return ModelName::Inherit;
    }
    let alias = ["sonnet", "opus", "haiku", "fable"].into_iter().find(|alias| alias.eq_ignore_ascii_case(word));
    if let Some(alias) = alias {
        return ModelName::Alias(alias);
    }
    if word.is_empty() || word.contains(char::is_whitespace) {
        return ModelName::Unknown;
    }
    if let Some((provider, model)) = word.split_once('/') {
        return ModelName::Full { provider: provider.to_owned(), model: model.to_owned() };
    }
    let vendor = VENDORS.iter().find(|(prefix, _)| word.to_ascii_lowercase().starts_with(prefix));
    vendor.map_or(ModelName::Unknown, |(_, provider)| ModelName::Full {
        provider: (*provider).to_owned(),
        model: word.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(names: &[&str]) -> Allowed {
        allowed_tools(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_map_onto_tools() {
        for (names, expected) in [
            (&["Read", "Grep"][..], &["read", "list", "search", "plan", "ask", "propose", "stack"][..]),
            (&["read", "edit"], &["read", "edit", "plan", "ask", "propose"]),
            (&["LS, MultiEdit"], &["list", "edit", "apply_patch", "plan", "ask", "propose"]),
            (&["Agent(a, b)", "TodoWrite"], &["plan", "ask", "delegate", "propose"]),
            (&[], &["plan", "ask", "propose"]),
        ] {
            let found = allowed(names);
            assert_eq!((found.tools.as_slice(), found.unknown.len()), (expected, 0), "{names:?}");
        }
    }

    #[test]
    fn a_star_is_everything_and_unknown_names_are_returned_as_written() {
        let found = allowed(&["*", "mcp__x__*", "lingo/*", "WebSearch"]);
        assert_eq!(found.tools, TOOLS);
        assert_eq!(found.unknown, ["mcp__x__*", "lingo/*", "WebSearch"]);
    }

    #[test]
    fn reading_never_brings_writing_or_running() {
        let found = allowed(&["Read", "Grep", "Glob", "LS", "WebSearch", "TodoWrite"]);
        for tool in ["edit", "apply_patch", "write", "remove", "run", "serve", "db", "deploy", "delegate"] {
            assert!(!found.contains(tool), "{tool}");
        }
    }

    #[test]
    fn commands_in_parentheses_are_kept() {
        assert_eq!(allowed(&["Bash(git:*)", "Bash(npm test, -v)"]).commands, ["git:*", "npm test, -v"]);
        assert!(allowed(&["Bash(git:*)", "Bash"]).commands.is_empty());
        assert!(allowed(&["bash"]).contains("run"));
    }

    #[test]
    fn models_are_recognised_but_never_guessed() {
        let full = |provider: &str, model: &str| ModelName::Full { provider: provider.into(), model: model.into() };
        for (written, expected) in [
            ("inherit", ModelName::Inherit),
            ("Sonnet", ModelName::Alias("sonnet")),
            ("opus[1m]", ModelName::Alias("opus")),
            ("claude-sonnet-4-20250514", full("anthropic", "claude-sonnet-4-20250514")),
            ("ollama/qwen3:8b", full("ollama", "qwen3:8b")),
            ("Claude Sonnet 4.5", ModelName::Unknown),
            ("best", ModelName::Unknown),
            ("", ModelName::Unknown),
        ] {
            assert_eq!(model_name(written), expected, "{written}");
        }
    }
}
